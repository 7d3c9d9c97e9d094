// P1. The two moments in which a buyer waits for us: Shopify asks for a session and gets the
// address of the pay page; the page is opened for the first time and has an invoice on it. Each
// beside a bare server that does the least: the same certificate, the same commits, the same call.
import {
  makeCertificates,
  serverCertificate,
} from '../../sandbox/shopify/payments/certificates.ts';
import { judged, oursOf, peerOf, ratioOf, type Bench, type Run } from './bench.ts';
import { startChild, type Child } from './child.ts';
import type { Ask, Load, Loaded } from './load.ts';
import { cpuMsOf } from './machine.ts';
import { measurePairs, quantile, type Leg } from './pairs.ts';
import { addShop, openPlace, startOurs, startOutside, startPostgres, until } from './rig.ts';
import { freePort } from '../world.ts';

/** Merchants. */
export const shops = 20;
const domainOf = (n: number): string => `shop${String(n % shops)}.myshopify.com`;

/** A request as Shopify writes it, with the buyer's part of a usual length. */
export function sessionAsk(n: number, lot: string): Ask {
  const id = `${lot}-${String(n)}`;
  const buyer = { given_name: 'A', family_name: 'B', line1: 'x'.repeat(80), country_code: 'CA' };
  const body = {
    ...{ id, gid: `gid://shopify/PaymentSession/${id}`, group: `group-${id}`, session_id: id },
    ...{ amount: `${String(10 + (n % 90))}.50`, currency: 'EUR', test: false, kind: 'sale' },
    ...{ merchant_locale: 'en', proposed_at: '2026-01-01T00:00:00Z' },
    payment_method: { type: 'offsite', data: { cancel_url: 'https://shop.example.com/back' } },
    customer: { email: 'a@example.com', billing_address: buyer, shipping_address: buyer },
    filler: 'x'.repeat(700),
  };
  return {
    ...{ method: 'POST', path: '/payments/session', body: JSON.stringify(body) },
    headers: { 'Content-Type': 'application/json', 'Shopify-Shop-Domain': domainOf(n) },
  };
}

/** One in a hundred asks again with an id that was used. */
const sessionAsks = (count: number, lot: string): Ask[] =>
  Array.from({ length: count }, (_, n) => sessionAsk(n % 100 === 99 ? n - 50 : n, lot));

type Side = { sessions: string; pages: string; cpuMs?: () => number };
type Rig = {
  run: Run;
  load: Child;
  tls: NonNullable<Load['tls']>;
  perSecond: number;
  count: number;
};

let legs = 0;

async function leg(rig: Rig, side: Side): Promise<Leg> {
  const { run, load, tls, perSecond, count } = rig;
  legs += 1;
  const ask = (of: Omit<Load, 'perSecond' | 'seed'>): Promise<Loaded> =>
    load.ask<Loaded>('load', { ...of, perSecond, seed: run.seed + legs });
  const before = side.cpuMs?.() ?? 0;
  const opened = await ask({
    ...{ origin: side.sessions, tls, asks: sessionAsks(count, `leg${String(legs)}`) },
  });
  const cpuMs = ((side.cpuMs?.() ?? 0) - before) / count;
  const links = new Set(opened.bodies.map((body) => /\/pay\/([\w-]+)/.exec(body)?.[1] ?? ''));
  // A wallet's user agent is no preview; the page is looked at.
  const headers = { 'User-Agent': 'Mozilla/5.0', Accept: 'text/html' };
  const pages = await ask({
    origin: side.pages,
    asks: [...links].map((link) => ({ method: 'GET', path: `/pay/${link}`, headers })),
  });
  const withInvoice = pages.bodies.filter((body) => /lightning:ln/i.test(body)).length;
  const bad = { sessions: opened.statuses, pages: pages.statuses };
  if (opened.statuses[200] !== count) throw new Error(`refused: ${JSON.stringify(bad)}`);
  return {
    ...{ sessionP50: quantile(opened.tookMs, 0.5), sessionP99: quantile(opened.tookMs, 0.99) },
    ...{ pageP50: quantile(pages.tookMs, 0.5), pageP99: quantile(pages.tookMs, 0.99) },
    ...{ withInvoice: withInvoice / links.size, sessionCpuMs: cpuMs },
    lateP99: quantile([...opened.lateMs, ...pages.lateMs], 0.99),
  };
}

async function measured(rig: Rig, sides: { ours: Side; peer: Side }) {
  const { run } = rig;
  run.say('warming up');
  await leg(rig, sides.ours);
  await leg(rig, sides.peer);
  const { seed, say, restless, onlyPairs } = run;
  return measurePairs({
    ours: () => leg(rig, sides.ours),
    peer: () => leg(rig, sides.peer),
    ...{ figure: 'sessionP50', seed, say, restless, onlyPairs, withinMs: 70_000 },
  });
}

/** The doors with both of their ports, and everything around them. */
export async function startDoors(about: { nodes: number; env?: Record<string, string> }) {
  const postgres = await startPostgres();
  const outside = await startOutside({ nodes: about.nodes });
  const [certificates, server] = [await makeCertificates(), await serverCertificate()];
  const [port, paymentsPort] = [await freePort(), await freePort()];
  const env = {
    ...{ PAYMENTS_PORT: String(paymentsPort), PAYMENTS_TLS_CERT: server.cert },
    ...{ PAYMENTS_TLS_KEY: server.key, PAYMENTS_CLIENT_CA: certificates.bundles.current },
    ...about.env,
  };
  const url = await postgres.database();
  const place = await openPlace({ url, dir: postgres.dir, origin: outside.origin, port, env });
  for (let n = 0; n < shops; n += 1) {
    const node = outside.made[n % about.nodes];
    if (node !== undefined) await addShop(place, { domain: domainOf(n), node });
  }
  const doors = startOurs('server.ts', place);
  const pages = `http://127.0.0.1:${String(port)}`;
  await until('the doors are open', () =>
    fetch(`${pages}/readyz`).then(
      ({ status }) => status === 200,
      () => false,
    ),
  );
  const client = certificates.pairs.current;
  return {
    ...{ postgres, outside, place, doors, pages },
    sessions: `https://127.0.0.1:${String(paymentsPort)}`,
    serverTls: { ...server, clientCa: certificates.bundles.current },
    tls: { cert: client.cert, key: client.key, ca: server.cert },
    close: async () => {
      await doors.stop();
      await place.close();
      await outside.close();
      await postgres.close();
    },
  };
}

export const checkout: Bench = {
  name: 'checkout',
  about: 'a session’s answer and the first sight of its pay page, beside bare servers',
  run: async (run) => {
    const at = await startDoors({ nodes: 2 });
    const [load, peer] = [startChild('load.ts'), startChild('checkout-peer.ts')];
    try {
      const [, node] = at.outside.made;
      const url = await at.postgres.database({ empty: true });
      const bare = await peer.ask<Side>('start', { url, node, tls: at.serverTls });
      const [perSecond, seconds] = [100, run.full ? 60 : 3];
      const rig: Rig = { run, load, tls: at.tls, perSecond, count: perSecond * seconds };
      const ours: Side = { ...at, cpuMs: () => cpuMsOf(at.doors.pid) };
      const found = await measured(rig, {
        ours,
        peer: { ...bare, cpuMs: () => cpuMsOf(peer.pid) },
      });
      const { seed } = run;
      const ratio = (figure: string) => ratioOf(found, figure, seed);
      const [first, second] = [ratio('sessionP50'), ratio('pageP50')];
      const worse = first.value >= second.value ? 'sessionP50' : 'pageP50';
      const p50 = { way: 'at_most', must: 1.5, aim: 1.2 } as const;
      const p99 = { way: 'at_most', must: 2, aim: 1.5 } as const;
      return {
        ...{ figure: `${worse} (the worse of the two)`, unit: 'ms', judged: 'ratio' },
        ...{ ours: oursOf(found, worse, seed).value, peer: peerOf(found, worse, seed).value },
        ...{ ratio: ratio(worse), must: 1.5, aim: 1.2 },
        bars: [
          judged('session, p50', first, p50),
          judged('session, p99', ratio('sessionP99'), p99),
          judged('page, p50', second, p50),
          judged('page, p99', ratio('pageP99'), p99),
          judged('session, p99, ms', oursOf(found, 'sessionP99', seed), {
            ...{ way: 'at_most', must: 50 },
          }),
          judged('page, p99, ms', oursOf(found, 'pageP99', seed), { way: 'at_most', must: 55 }),
          judged('pages with an invoice', oursOf(found, 'withInvoice', seed), {
            ...{ way: 'at_least', must: 1 },
          }),
        ],
        ...{ pairs: found.pairs.length, voidPairs: found.voidPairs, unsound: found.unsound },
        postgres: at.postgres.version,
        more: Object.fromEntries(
          ['sessionP50', 'sessionP99', 'pageP50', 'pageP99', 'sessionCpuMs', 'lateP99'].map(
            (figure) => [
              figure,
              [oursOf(found, figure, seed).value, peerOf(found, figure, seed).value],
            ],
          ),
        ),
      };
    } finally {
      await Promise.all([load.stop(), peer.stop()]);
      await at.close();
    }
  },
};
