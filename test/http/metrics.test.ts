// What the operator reads at /metrics: each test makes a thing happen and finds it there.
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { nodesTold } from '../../web/db/views.ts';
import { renewLease } from '../../web/db/due.ts';
import { recordSettlements } from '../../web/db/invoices.ts';
import { closePayment } from '../../web/db/payments.ts';
import { takeStream } from '../../web/db/nodes.ts';
import { sayPoolReport } from '../../web/db/pool-reports.ts';
import { makeApp } from '../../web/http/app.ts';
import { startPool } from '../../web/worker/pool.ts';
import { sweepDue } from '../../web/worker/sweep.ts';
import { anInvoice, aPayment, aSettle } from '../builders.ts';
import { startInProcess, type InProcess } from '../in-process.ts';
import { aClaimableRefund, aPaidOrder } from '../refund-at-hand.ts';
import { until } from '../worker/play.ts';

let our: InProcess;
let server: Server;
beforeAll(async () => {
  our = await startInProcess();
  server = createServer(makeApp({ ...our.doors, metricsToken: 'of-the-operator' }));
  await once(server.listen(0, '127.0.0.1'), 'listening');
}, 180_000);
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await our.close();
});

const scrape = async (): Promise<string> => {
  const { port } = server.address() as AddressInfo;
  const answer = await fetch(`http://127.0.0.1:${String(port)}/metrics`, {
    headers: { authorization: 'Bearer of-the-operator' },
  });
  expect(answer.status).toBe(200);
  return answer.text();
};

/** The sum over the lines of a metric that have these labels; undefined: there is none. */
function figureIn(text: string, name: string, labels: Record<string, string> = {}) {
  const found = text.split('\n').flatMap((line) => {
    const [, metric, has = '', value] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    const fits = Object.entries(labels).every(([label, is]) => has.includes(`${label}="${is}"`));
    return metric === name && fits ? [Number(value)] : [];
  });
  return found.length === 0 ? undefined : found.reduce((sum, each) => sum + each, 0);
}
const figure = async (name: string, labels: Record<string, string> = {}): Promise<number> => {
  const found = figureIn(await scrape(), `zaptill_${name}`, labels);
  if (found === undefined) throw new Error(`no figure: ${name} ${JSON.stringify(labels)}`);
  return found;
};

test('a paid order: its moves, the calls it took, the price it was given', async () => {
  await aPaidOrder(our);
  const text = await scrape();
  const is = (name: string, labels: Record<string, string> = {}): number =>
    figureIn(text, `zaptill_${name}`, labels) ?? -1;
  expect(is('moves_total', { from: 'open', to: 'settled' })).toBe(1);
  expect(is('moves_total', { from: 'settled', to: 'resolved' })).toBe(1);
  expect(is('node_rpc_total', { method: 'AddInvoice', code: 'OK' })).toBe(1);
  expect(is('node_rpc_seconds_count', { method: 'LookupInvoice' })).toBeGreaterThan(0);
  expect(is('shopify_cost_points_count')).toBeGreaterThan(0);
  expect(is('lane_wait_seconds_count', { class: 'payment' })).toBe(1);
  expect(is('rate_quorums_total', { outcome: 'agreed' })).toBe(1);
  expect(is('rate_answers_total', { source: 'kraken', outcome: 'given' })).toBeGreaterThan(0);
  expect(is('rate_sources_agreeing', { currency: 'EUR' })).toBe(3);
  expect(is('rate_spread_ratio', { currency: 'EUR' })).toBeLessThan(0.01);
  expect(is('rate_age_seconds', { currency: 'EUR' })).toBeGreaterThanOrEqual(0);
  expect(is('hedge_budget')).toBeGreaterThan(0);
  expect(is('secret_key_version')).toBe(1);
  expect(is('door_seconds_count', { door: '/metrics' })).toBe(-1);
  expect(await figure('door_seconds_count', { door: '/metrics', status: '2xx' })).toBe(1);
});

test('sources that disagree, and one that is silent', async () => {
  const before = await figure('rate_quorums_total', { outcome: 'agreed' });
  our.prices.fault('kraken', 'unavailable');
  our.prices.fault('coinbase', 'absurd');
  const { payment } = await our.anOrder({ currency: 'USD' });
  // What was kept of them is used again for a while.
  await until('there is no quorum', async () => {
    await our.deps.rates.pricesFor(payment.currency);
    return (await figure('rate_sources_agreeing', { currency: payment.currency })) === 0;
  });
  our.prices.reset();
  const text = await scrape();
  const none = ['rates_unavailable', 'rates_apart'].map(
    (outcome) => figureIn(text, 'zaptill_rate_quorums_total', { outcome }) ?? 0,
  );
  expect(Math.max(...none)).toBeGreaterThan(0);
  expect(await figure('rate_quorums_total', { outcome: 'agreed' })).toBeGreaterThanOrEqual(before);
  const answers = text.split('\n').filter((line) => line.startsWith('zaptill_rate_answers_total'));
  expect(answers.some((line) => !/outcome="(given|unlisted)"/.test(line))).toBe(true);
});

test('money that comes late, and money that nobody owed', async () => {
  const { db, node, shop } = our;
  const late = await aPayment(db, { shopId: shop.id });
  const invoice = await anInvoice(db, { payment: late, nodeId: node.id, amountMsat: 5_000n });
  await closePayment(db, { paymentId: late.id, because: 'order_cancelled' });
  const observations = [aSettle(invoice, { receivedMsat: 7_000n as never })];
  const recorder = { via: 'lookup' } as const;
  await recordSettlements(db.pool, { nodeId: node.id, observations, recorder });
  const text = await scrape();
  expect(figureIn(text, 'zaptill_late_payments_total')).toBe(1);
  expect(figureIn(text, 'zaptill_late_msat_total')).toBe(7_000);
  expect(figureIn(text, 'zaptill_overpaid_msat_total')).toBe(2_000);
  expect(figureIn(text, 'zaptill_moves_total', { from: 'closing', to: 'settled' })).toBe(1);
});

test('a lane without its nudge, a lease that was lost, an address that is not public', async () => {
  const { db, deps, shop } = our;
  await db.pool.query(`update shop set due_at = now() - interval '1 s', lease_until = null`);
  await db.pool.query(`select graphile_worker.remove_job('lane:' || lane) from shop`);
  await sweepDue(deps);
  expect(await figure('nudges_mended_total')).toBeGreaterThanOrEqual(1);

  const row = { id: String(shop.id), leaseNo: -1, attempts: 0, state: '' };
  expect(await renewLease(db, { table: 'shop', ...row })).toBe(false);
  expect(await figure('lease_fenced_total', { lease: 'row' })).toBe(1);

  expect(await figure('ssrf_blocked_total')).toBe(0);
  const at = new Date();
  const post = { url: 'https://10.0.0.1/alert', body: '{}', secrets: [new Uint8Array(32)], at };
  await expect(deps.alertWays.url(post)).rejects.toThrow();
  expect(await figure('ssrf_blocked_total', { way: 'alert' })).toBe(1);
});

test('refunds by their state', async () => {
  await aClaimableRefund(our);
  expect(await figure('refunds', { state: 'claimable' })).toBe(1);
  expect(await figure('refunds', { state: 'done' })).toBe(0);
  expect(await figure('signer_last_beat_seconds')).toBe(-1);
});

test('a pool: its stream, the settles in it, the certificate of its node, its end', async () => {
  const { db, deps, lnd, node, wired } = our;
  const label = { node: String(node.id) };
  const pool = startPool(deps, {
    told: wired.told,
    // It keeps its lease once, so that it does not see by itself that it is taken away.
    listener: {
      ...{ takeMs: 200, reopenMs: 100 },
      ...{ keepMs: 600_000, leaseMs: 600_000, closeMs: 600_000 },
    },
  });
  const payOne = async (): Promise<void> => {
    const { payment } = await our.anOrder();
    const { request } = await our.quoted(payment.id);
    expect((await lnd.pay(request)).ok).toBe(true);
  };
  const isWhole = (): Promise<number> =>
    until('its stream is whole', async () => {
      const row = await db.prisma.node.findUnique({ where: { id: node.id } });
      return row?.streamWholeSince != null;
    });
  try {
    await isWhole();
    await payOne();
    await until('the stream has told it', async () => {
      const told = (await nodesTold(db)).find(({ nodeId }) => nodeId === node.id);
      return told?.heardSecondsAgo !== undefined && told.certificateDaysLeft !== undefined;
    });
    expect(await figure('settle_batch_size_count')).toBeGreaterThanOrEqual(1);
    expect(await figure('stream_event_age_seconds_count')).toBeGreaterThanOrEqual(1);
    expect(await figure('node_last_event_seconds', label)).toBeGreaterThanOrEqual(0);
    expect(await figure('node_tls_days_left', label)).toBeGreaterThan(0);
    expect(await figure('node_cursor_holes', label)).toBe(0);
    await lnd.restart();
    await until('the stream is to be opened again', async () => {
      return (figureIn(await scrape(), 'zaptill_stream_reconnects_total') ?? 0) > 0;
    });
    await isWhole();
    // Another takes the stream away: what this one would write then is refused.
    expect(await figure('lease_fenced_total', { lease: 'stream' })).toBe(0);
    await db.pool.query('update node set stream_lease_until = now() where id = $1', [node.id]);
    await takeStream(db, { nodeId: node.id, holder: 'another', leaseMs: 600_000 });
    await payOne();
    await until('its write is refused', async () => {
      return (await figure('lease_fenced_total', { lease: 'stream' })) === 1;
    });
  } finally {
    await pool.stop();
  }
});

test('what another pool says of nodes: the worst first, no longer than it lives', async () => {
  const { db, node } = our;
  const ends = new Date(Date.now() + 5 * 86_400_000 + 60_000).toISOString();
  const report = { pool: 'pool-b', version: '1', brake: 1, behind: {}, buckets: {}, counters: [] };
  await sayPoolReport(db, {
    ...report,
    nodes: { [node.id]: { holes: 2, certificateEndsAt: ends } },
  });
  const label = { node: String(node.id) };
  expect(await figure('node_cursor_holes', label)).toBe(2);
  expect(Math.floor(await figure('node_tls_days_left', label))).toBe(5);
  await db.pool.query(`update pool_report set said_at = now() - interval '1 h'`);
  expect(figureIn(await scrape(), 'zaptill_node_cursor_holes', label)).toBeUndefined();
});
