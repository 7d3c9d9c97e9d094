// Who could pay, read from the source: what spends is named in the signer's room and nowhere else,
// and neither the doors nor the pool lead there.
import { expect, test } from 'vitest';
import ts from 'typescript';
import { code, importsOf, isTest, read, resolved } from '../tidy/tree.ts';

const program = code.filter(
  (file) =>
    /^web\/.*\.ts$/.test(file) && !isTest(file) && !/^web\/(frontend|db\/generated)\//.test(file),
);
const isSigners = (file: string): boolean =>
  file.startsWith('web/signer/') || file === 'web/cli-purse.ts';

/** Methods of LND that spend, and the functions and files of the package that lead to them. */
const spending = new RegExp(
  [
    'sendPayment(?:V2|Sync)?\\b|sendToRoute|sendCoins|sendMany|sendOutputs|SendCustom',
    'payVia[A-Z]\\w+|subscribeToPay\\w+|sendToChain\\w+|routerrpc|router\\.proto',
    'openChannelSync|closeChannel|bakeMacaroon\\(|grantAccess',
  ].join('|'),
  'i',
);

/** Files that a file leads to, at once or later. `later`: also by `import()` while it runs. */
function reach(from: readonly string[], later: boolean): Set<string> {
  const reached = new Set(from);
  for (const file of reached) {
    for (const { node, from: what, typeOnly } of importsOf(file)) {
      const target = resolved(file, what);
      const comes = later || !ts.isCallExpression(node);
      if (target !== undefined && comes && !typeOnly && code.includes(target)) reached.add(target);
    }
  }
  return reached;
}

test('no method that spends is named outside of the signer', () => {
  // The gate names them to tell a merchant what a credential may do beyond receiving.
  const others = program.filter((file) => !isSigners(file) && file !== 'web/lightning/gate.ts');
  expect(others.filter((file) => spending.test(read(file)))).toEqual([]);
  expect(others.length).toBeGreaterThan(100);
  expect(program.filter((file) => isSigners(file) && spending.test(read(file)))).toContain(
    'web/signer/pay.ts',
  );
});

test('of the package that speaks with LND, others import nothing that pays', () => {
  const imported = program
    .filter((file) => !isSigners(file))
    .flatMap((file) =>
      importsOf(file)
        .filter(({ from, typeOnly }) => /^lightning(\/|$)/.test(from) && !typeOnly)
        .map(({ node }) => node.getText().replace(/\s+/g, ' ')),
    );
  expect([...new Set(imported)].sort()).toEqual([
    "import { cancelHodlInvoice } from 'lightning';",
    "import { getChannels } from 'lightning';",
  ]);
});

test('neither the doors nor the pool lead to the signer, and the signer not to them', () => {
  for (const entrance of ['web/server.ts', 'web/worker.ts']) {
    const reached = reach([entrance], true);
    // What its words mean is shown to merchants, and that file leads nowhere.
    const harmless = 'web/signer/words.ts';
    expect([...reached].filter((file) => isSigners(file) && file !== harmless)).toEqual([]);
    expect(importsOf(harmless)).toEqual([]);
    expect(reached.size).toBeGreaterThan(60);
  }
  const signer = reach(['web/signer.ts'], false);
  const rooms = [...signer].map((file) => file.split('/').slice(0, 2).join('/'));
  expect(rooms.filter((room) => /http|shopify|flows|worker|wiring|rates/.test(room))).toEqual([]);
  expect(signer.has('web/signer/pay.ts')).toBe(true);
});
