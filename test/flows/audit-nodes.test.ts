// The books against the node's own list: what was not looked at is never said to be compared.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { auditNodes } from '../../web/flows/audit-nodes.ts';
import { aSettledPayment } from '../builders.ts';
import { startInProcess, type InProcess } from '../in-process.ts';

let our: InProcess;
beforeAll(async () => {
  our = await startInProcess();
});
afterAll(() => our.close());

const since = { createdSince: new Date(Date.now() - 30 * 86_400_000), pagesAtMost: 10 };

test('settled rows that the node lacks are named, and where it stops it says so', async () => {
  const at = { shopId: our.shop.id, nodeId: our.node.id };
  await aSettledPayment(our.db, at);
  const one = await auditNodes(our.deps, since);
  expect(one).toMatchObject({ notAsked: [], violations: [{ rule: 'I3' }] });
  for (let n = 1; n <= 100; n += 1) await aSettledPayment(our.db, at);
  const many = await auditNodes(our.deps, since);
  expect(many.violations).toHaveLength(100);
  expect(many.notAsked).toEqual([{ nodeId: our.node.id, why: 'too_many_missing' }]);
});
