// The operator's commands, as an operator calls them: words for people, one line for programs, and
// an exit code that a script can trust.
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { breaks } from '../../web/core/reconcile.ts';
import { app, shopName, until, type Bought, type World } from '../world.ts';
import { worldOfFile } from '../world-of-file.ts';

const root = path.join(import.meta.dirname, '../..');
const node24 = path.join(root, 'node_modules/node/bin/node');

let world: World;
let bought: Bought;

type Ran = { exitCode: number; out: string; json: Record<string, unknown> };

function zaptill(...args: string[]): Promise<Ran> {
  return new Promise((resolve) => {
    const env = { PATH: process.env['PATH'] ?? '', HOME: os.tmpdir(), ...world.env };
    const cli = path.join(root, 'web/cli.ts');
    execFile(node24, [cli, ...args], { cwd: root, env }, (error, stdout, stderr) => {
      const exitCode = error === null ? 0 : Number(error.code);
      const lines = stdout.trim().split('\n');
      const json = args.includes('--json') && lines.length === 1 ? lines[0] : undefined;
      const parsed = json === undefined ? {} : (JSON.parse(json) as Record<string, unknown>);
      resolve({ exitCode, out: stdout + stderr, json: parsed });
    });
  });
}

worldOfFile((made) => {
  world = made;
});
beforeAll(async () => {
  bought = world.buy();
  const payUrl = await world.payLink(bought);
  await world.lightning.pay(await world.invoiceOn(payUrl));
  await world.inState(bought, 'resolved');
}, 60_000);

test('shop list counts payments by state', async () => {
  const { exitCode, json } = await zaptill('shop', 'list', '--json');
  expect(exitCode).toBe(0);
  expect(json).toMatchObject({
    shops: [{ shop: shopName, installed: true, counts: { resolved: 1, open: 0 } }],
  });
  expect((await zaptill('shop', 'list')).out).toContain(`${shopName}  installed  1 payments`);
});

test('a credential that can spend is refused with what to run instead', async () => {
  const admin = world.lnd?.lndconnect(world.lnd.macaroon('admin')) ?? '';
  const refused = await zaptill(
    ...['node', 'connect', '--shop', shopName, '--lndconnect', admin, '--json'],
  );
  expect(refused.exitCode).toBe(2);
  expect(refused.json).toMatchObject({ ok: false, refusal: 'credential_can_spend' });
  expect(refused.json['bake']).toMatch(/^lncli bakemacaroon --root_key_id \d+ uri:\/lnrpc/);
  expect(refused.json['excess']).not.toHaveLength(0);
  expect(refused.out).not.toContain(admin.slice(-40));
});

test('broken links, unknown shops and silent addresses each have a reason', async () => {
  const connect = (shop: string, uri: string): Promise<Ran> =>
    zaptill('node', 'connect', '--shop', shop, '--lndconnect', uri, '--json');
  expect(await connect(shopName, 'lndconnect://nonsense')).toMatchObject({ exitCode: 2 });
  expect(await connect('nobody.myshopify.com', world.lightning.lndconnect)).toMatchObject({
    exitCode: 1,
  });
  const nowhere = world.lightning.lndconnect.replace(/127\.0\.0\.1:\d+/, '127.0.0.1:1025');
  const unreachable = await connect(shopName, nowhere);
  expect(unreachable.exitCode).toBe(2);
  expect(unreachable.json['refusal']).toBe('node_unreachable');
});

test('the receive credential is accepted, and the node says how it is', async () => {
  const { lndconnect } = world.lightning;
  const connected = await zaptill(
    ...['node', 'connect', '--shop', shopName, '--lndconnect', lndconnect, '--json'],
  );
  expect(connected).toMatchObject({ exitCode: 0, json: { ok: true } });
  const { json } = await zaptill('node', 'status', '--json');
  expect(json).toMatchObject({ nodes: [{ shop: shopName, node: { health: 'reachable' } }] });
});

test('of a shop with both apps the merchant app is meant, however old the other is', async () => {
  const registration = `insert into registration (name, kind, client_id, sealed_secret)
    values ('payments', 'payments', 'cli-payments', '\\x01') returning id`;
  await world.db.pool.query(
    `with r as (${registration})
    insert into shop (id, registration_id, domain, lane) select 0, id, $1, 'shop:0:admin' from r`,
    [shopName],
  );
  const nodesOf = async (shopId: string): Promise<number> => {
    const { rows } = await world.db.pool.query<{ n: number }>(
      `select count(*)::int as n from node where retired_at is null and shop_id ${shopId}`,
    );
    return rows[0]?.n ?? -1;
  };
  const { lndconnect } = world.lightning;
  const connect = ['node', 'connect', '--shop', shopName, '--lndconnect', lndconnect, '--json'];
  expect(await zaptill(...connect)).toMatchObject({ exitCode: 0, json: { ok: true } });
  expect([await nodesOf('= 0'), await nodesOf('> 0')]).toEqual([0, 1]);
  expect(await zaptill('selftest', '--shop', shopName, '--json')).toMatchObject({ exitCode: 0 });
  expect(await zaptill(...connect, '--app', 'payments')).toMatchObject({ exitCode: 0 });
  expect([await nodesOf('= 0'), await nodesOf('> 0')]).toEqual([1, 1]);
  const other = await zaptill(...connect.slice(0, -1), '--app', 'other');
  expect(other.exitCode).toBe(1);
  expect(other.out).toContain('merchant, payments');
  for (const gone of ['node where shop_id = 0', 'shop where id = 0']) {
    await world.db.pool.query(`delete from ${gone}`);
  }
  await world.db.pool.query(`delete from registration where client_id = 'cli-payments'`);
}, 120_000);

test('selftest goes the whole way, and says at which hop it stopped', async () => {
  const passed = await zaptill('selftest', '--shop', shopName, '--json');
  expect(passed).toMatchObject({ exitCode: 0, json: { ok: true } });
  const steps = passed.json['steps'] as { hop: string; state: string; ms: number }[];
  expect(steps.map(({ state }) => state)).toEqual(steps.map(() => 'passed'));
  await world.api('POST', '/api/method', { name: 'Not in this shop' });
  const failed = await zaptill('selftest', '--shop', shopName);
  expect(failed.exitCode).toBe(1);
  expect(failed.out).toMatch(/failed +record_part \d+ ms: Shopify knows no manual payment method/);
  await world.api('POST', '/api/method', { name: 'Bitcoin (Lightning)' });
  expect(await zaptill('selftest', '--shop', 'other.myshopify.com')).toMatchObject({ exitCode: 1 });
}, 120_000);

test('explain tells the story by gid, by id and by name, and says when there is none', async () => {
  const name = world.shopify.order(bought.orderId)?.name ?? '';
  const byGid = await zaptill('explain', bought.orderId, '--json');
  const [payment] = byGid.json['payments'] as { id: string; state: string; timeline: object[] }[];
  expect(payment).toMatchObject({ state: 'resolved' });
  expect(payment?.timeline.length).toBeGreaterThan(4);
  expect((await zaptill('explain', payment?.id ?? '')).out).toContain(
    'Shopify has the order as paid',
  );
  expect((await zaptill('explain', name, '--shop', shopName)).out).toContain(payment?.id);
  expect(await zaptill('explain', 'gid://shopify/Order/404')).toMatchObject({ exitCode: 1 });
  expect(await zaptill('explain', name, '--shop', 'other.myshopify.com')).toMatchObject({
    exitCode: 1,
  });
});

test('audit is clean, and names a rule that is broken', async () => {
  expect(await zaptill('audit', '--json')).toMatchObject({
    exitCode: 0,
    json: { ok: true, violations: [] },
  });
  const withNodes = await zaptill('audit', '--nodes', '--json');
  expect(withNodes).toMatchObject({
    exitCode: 0,
    json: { ok: true, violations: [], nodes: { notAsked: [] } },
  });
  expect((withNodes.json['nodes'] as { settled: number }).settled).toBeGreaterThan(0);
  await world.db.pool.query(`update payment set settled_at = settled_at, due_at = null`);
  await world.db.pool.query(`alter table posting disable trigger posting_append_only`);
  await world.db.pool.query(`update posting set amount_msat = amount_msat - 1 where id = 1`);
  const broken = await zaptill('audit', '--json');
  expect(broken.exitCode).toBe(1);
  expect(broken.json).toMatchObject({ ok: false });
  expect(broken.json['violations']).toContainEqual(expect.objectContaining({ rule: 'I8' }));
  await world.db.pool.query(`update posting set amount_msat = amount_msat + 1 where id = 1`);
  await world.db.pool.query(`alter table posting enable trigger posting_append_only`);
});

test('audit --nodes names what is recorded and its node does not have', async () => {
  const { rows } = await world.db.pool.query<{ hash: string }>(
    `select encode(hash, 'hex') as hash from invoice where state = 'settled' order by id limit 1`,
  );
  const hash = rows[0]?.hash ?? '';
  const day = new Date(Date.now() - 2 * 86_400_000).toISOString().slice(0, 10);
  expect(await zaptill('audit', '--nodes', '--since', day)).toMatchObject({ exitCode: 0 });
  for (const wrong of [
    ['--nodes', '--since', 'May'],
    ['--since', day],
  ]) {
    expect(await zaptill('audit', ...wrong)).toMatchObject({ exitCode: 2 });
  }
  const kept = world.lnd?.snapshot();
  world.lnd?.invoices.forget(hash);
  const lost = await zaptill('audit', '--nodes', '--since', day, '--json');
  expect(lost.exitCode).toBe(1);
  expect(lost.json['violations']).toMatchObject([{ rule: 'I3', what: `${hash} at node 1` }]);
  if (kept !== undefined) await world.lnd?.restore(kept);
}, 120_000);

test('audit --shopify is clean, and red where Shopify could not be asked', async () => {
  const clean = await zaptill('audit', '--shopify', '--json');
  expect(clean).toMatchObject({
    exitCode: 0,
    json: { ok: true, violations: [], shopify: { notAsked: [] } },
  });
  expect((clean.json['shopify'] as { orders: number }).orders).toBeGreaterThan(0);
  expect((await zaptill('audit', '--shopify', '--shop', 'none.myshopify.com')).exitCode).toBe(0);
  const denied = world.shopify.faults.add({ kind: 'reset', seconds: 60 });
  const away = await zaptill('audit', '--shopify', '--json');
  denied.remove();
  expect(away).toMatchObject({
    exitCode: 1,
    json: { ok: false, shopify: { notAsked: [{ shop: shopName }] } },
  });
}, 120_000);

test('audit --nodes is not green while there is a node that it could not compare', async () => {
  const set = (text: string, values: unknown[] = []): Promise<unknown> =>
    world.db.pool.query(`update node set ${text}`, values);
  const { rows } = await world.db.pool.query<{
    id: number;
    sealed_credential: Buffer;
    address: string;
  }>('select id, sealed_credential from node');
  const [node, ...others] = rows;
  if (node === undefined || others.length > 0) throw new Error('there is one node');
  // Retired, without an invoice that is still payable: what it was paid is compared all the same.
  const retire = async () => {
    await set('retired_at = now(), sealed_credential = $1', [node.sealed_credential]);
    return zaptill('audit', '--nodes', '--json');
  };
  const first = await retire();
  // Once a minute a sweep wipes what is retired, and it may have come in between.
  const retired = first.exitCode === 0 ? first : await retire();
  expect(retired).toMatchObject({ exitCode: 0, json: { ok: true, nodes: { notAsked: [] } } });
  expect((retired.json['nodes'] as { settled: number }).settled).toBeGreaterThan(0);
  await set('sealed_credential = null');
  const wiped = await zaptill('audit', '--nodes', '--json');
  expect(wiped).toMatchObject({
    exitCode: 1,
    json: {
      ...{ ok: false, violations: [] },
      nodes: { settled: 0, notAsked: [{ nodeId: node.id, why: 'no_credential' }] },
    },
  });
  const said = await zaptill('audit', '--nodes');
  expect(said.exitCode).toBe(1);
  expect(said.out).toContain(`Node ${String(node.id)} was not compared: no_credential.`);
  expect(said.out).toContain('not everything was compared');
  expect(said.out).not.toContain('Every rule holds');
  expect(await zaptill('audit', '--json')).toMatchObject({ exitCode: 0, json: { ok: true } });
  await set('sealed_credential = $1, retired_at = null', [node.sealed_credential]);
  world.lnd?.faults.onMethod('ListInvoices', { kind: 'error-before', code: 14, details: 'no' });
  const down = await zaptill('audit', '--nodes', '--json');
  expect(down).toMatchObject({
    exitCode: 1,
    json: { ok: false, violations: [], nodes: { settled: 0, notAsked: [{ nodeId: node.id }] } },
  });
  world.lnd?.faults.reset();
}, 120_000);

test('audit --chain reads every timeline, and names what was changed', async () => {
  const whole = await zaptill('audit', '--chain', '--json');
  expect(whole).toMatchObject({ exitCode: 0, json: { ok: true, faults: [] } });
  expect(whole.json['entries']).toBeGreaterThan(3);
  const ofShop = await zaptill('audit', '--chain', '--shop', shopName, '--json');
  expect(ofShop).toMatchObject({ exitCode: 0, json: { ok: true, faults: [] } });
  expect(await zaptill('audit', '--chain', '--seal', 'x')).toMatchObject({ exitCode: 2 });
  await world.db.pool.query(`alter table history disable trigger history_append_only`);
  const change = async (by: string): Promise<void> => {
    const text = `update history set at = at ${by} interval '1 ms' where id = 2`;
    await world.db.pool.query(text);
  };
  await change('+');
  const changed = await zaptill('audit', '--chain');
  expect(changed.exitCode).toBe(1);
  expect(changed.out).toMatch(/^Payment [0-9a-f-]{36}: entry \d+ \(history 2, /);
  await change('-');
  await world.db.pool.query(`alter table history enable trigger history_append_only`);
});

test('a further registration is stored, and its secret is not shown', async () => {
  const file = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'zaptill-cli-')), 'secret');
  fs.writeFileSync(file, 'shpss_second_secret\n');
  const second = await zaptill(
    ...['app', 'register', '--key', 'second-client', '--secret-file', file, '--name', 'second'],
  );
  expect(second.exitCode).toBe(0);
  expect(second.out).not.toContain('shpss_');
  const { rows } = await world.db.pool.query<{ sealed: string }>(
    `select encode(sealed_secret, 'escape') as sealed from registration where name = 'second'`,
  );
  expect(rows[0]?.sealed).not.toContain('shpss_second_secret');
});

test('a client id that is known gets another secret; a name may stand twice', async () => {
  const file = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'zaptill-cli-')), 'secret');
  const rotated = 'shpss_rotated_secret';
  fs.writeFileSync(file, rotated);
  const key = app.clientId;
  const again = await zaptill(
    ...['app', 'register', '--key', key, '--secret-file', file, '--name', 'second', '--json'],
  );
  expect(again).toMatchObject({ exitCode: 0, json: { ok: true, name: 'second' } });
  const kept = await world.db.prisma.registration.findMany({ orderBy: { id: 'asc' } });
  expect(kept.map(({ name, clientId }) => [name, clientId])).toEqual([
    ['second', key],
    ['second', 'second-client'],
  ]);
  const ask = async (secret: string): Promise<number> => {
    const token = world.shopify.sessionToken({ shop: shopName, app: key, kind: 'admin', secret });
    const headers = { Authorization: `Bearer ${token}` };
    return (await fetch(`${world.appUrl}/api/shop`, { headers })).status;
  };
  // The doors open the secrets anew every few seconds.
  await until('the new secret counts', async () => (await ask(rotated)) === 200);
  expect(await ask(app.secret)).toBe(401);
});

test('reconcile says that everything fits, and names what does not', async () => {
  const fits = await zaptill('reconcile', '--shop', shopName, '--json');
  expect(fits.out).toContain('"unmatched":0');
  expect(fits.json).toMatchObject({ ok: true, unmatched: 0, breaks: [] });
  expect(fits.exitCode).toBe(0);

  const stolen = world.shopify.createOrder({ shop: shopName, total: '9.00' });
  world.shopify.markByHand(stolen.id);
  const since = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10);
  const broken = await zaptill('reconcile', '--shop', shopName, '--since', since);
  expect(broken.exitCode).toBe(1);
  expect(broken.out).toMatch(/\d+ orders, \d+ payments, \d+ invoices, 1 unmatched/);
  expect(broken.out).toContain(`9.00 EUR of order ${stolen.name} as paid`);

  const unknown = await zaptill('reconcile', '--shop', 'nobody.myshopify.com', '--json');
  expect(unknown.exitCode).toBe(1);
  const wrong = await zaptill('reconcile', '--shop', shopName, '--since', 'May', '--json');
  expect(wrong).toMatchObject({ exitCode: 2, json: { ok: false } });
}, 180_000);

test('audit --shopify names what only one side has as paid', async () => {
  // By hand, as our method is called, and nobody paid us; and what was told is gone.
  const stolen = world.shopify.createOrder({ shop: shopName, total: '50.00' });
  world.shopify.markByHand(stolen.id);
  const paid = world.shopify.order(bought.orderId);
  world.shopify.remove(bought.orderId);
  const broken = await zaptill('audit', '--shopify', '--shop', shopName, '--json');
  expect(broken.exitCode).toBe(1);
  const of = (name: string, id: string): string => `${name} (${id}) of ${shopName}`;
  for (const each of [
    { what: of(stolen.name, stolen.id), says: breaks.order_paid_without_money },
    { what: of(paid?.name ?? '', bought.orderId), says: breaks.money_without_order_paid },
  ]) {
    expect(broken.json['violations']).toContainEqual({ rule: 'I2', ...each });
  }
}, 120_000);
