// Buyers of all kinds, who try until their own node says that it is paid. Some pay twice at once,
// some again, some too much or too little, some when the price runs out, and some never.
import { setTimeout as pause } from 'node:timers/promises';
import type { AuthenticatedLnd } from 'lightning';
import { readRequest } from '../../sandbox/lnd/index.ts';
import type { PayView } from '../../web/frontend/shared/pay-view.ts';
import type { Draws } from '../storm/draws.ts';
import { until, type Bought, type World } from '../world.ts';
import { tryOnce, type How } from './stormy-wallet.ts';

/** Of a hundred buyers so many are of this kind. */
const kinds = { plain: 72, twice: 8, again: 6, over: 6, under: 3, late: 5 } as const;
export type Kind = keyof typeof kinds | 'gone';

/**
 * `hashes`: of every request that was before this buyer. `first`: whether his first try was taken;
 * undefined: he made none.
 */
export type Buyer = Bought & { kind: Kind; hashes: Set<string>; first?: boolean };

const patienceMs = 15 * 60_000;
const lookEveryMs = 400;

export function kindFrom(draws: Draws): Kind {
  const names = Object.keys(kinds) as (keyof typeof kinds)[];
  return draws.pick(names.flatMap((name) => Array.from({ length: kinds[name] }, () => name)));
}

type Shown = { is: 'over' } | { is: 'payable'; request: string };

/** What the page shows; the doors may be gone at this moment. */
async function look(payUrl: string): Promise<Shown | undefined> {
  const answer = await fetch(`${payUrl}/status`).catch(() => undefined);
  if (answer?.status !== 200) return undefined;
  const view = await (answer.json() as Promise<PayView>).catch(() => undefined);
  if (view === undefined) return undefined;
  if (view.state !== 'open') return { is: 'over' };
  if (view.expired === true || view.checking === true) {
    // A new price is asked for with one tap.
    const tap = { method: 'POST', redirect: 'manual' } as const;
    await fetch(`${payUrl}/quote`, tap).catch(() => undefined);
    return undefined;
  }
  const request = view.invoice?.request;
  return request === undefined ? undefined : { is: 'payable', request };
}

const shownOn = (payUrl: string): Promise<Shown> =>
  until(
    `something to pay on ${payUrl}`,
    async () => {
      const shown = await look(payUrl);
      if (shown === undefined) await pause(lookEveryMs);
      return shown;
    },
    patienceMs,
  );

type Stand = { world: World; lnd: AuthenticatedLnd; draws: Draws };

/** The first try of a request, as this kind of buyer makes it. */
async function firstTry({ lnd, draws }: Stand, kind: Kind, request: string): Promise<boolean> {
  const { amountMsat, expiresAtMs } = readRequest(request);
  const once = (how?: How): Promise<boolean> => tryOnce(lnd, request, how);
  if (kind === 'twice') return (await Promise.all([once(), once()])).includes(true);
  if (kind === 'over') {
    return once({ bare: { amountMsat: amountMsat + BigInt(1 + draws.below(Number(amountMsat))) } });
  }
  if (kind === 'under') return once({ bare: { amountMsat: amountMsat - 1n } });
  if (kind === 'late') {
    // From a second before the end to a second after the moment at which a node takes it back.
    await pause(Math.max(0, expiresAtMs + draws.between(-1_000, 2_000) - Date.now()));
    return once({ bare: { amountMsat } });
  }
  return once();
}

/** Somebody buys something. Ends when his own node says that he has paid. */
export async function buy(stand: Stand, kind: Kind): Promise<Buyer> {
  const { world, lnd, draws } = stand;
  const cents = String(100 + draws.below(300));
  const bought = world.buy({ total: `${cents.slice(0, -2)}.${cents.slice(-2)}` });
  const buyer: Buyer = { ...bought, kind, hashes: new Set() };
  const payUrl = await world.payLink(bought, patienceMs);
  const end = Date.now() + patienceMs;
  for (let tries = 0; Date.now() < end; tries += 1) {
    const shown = await shownOn(payUrl);
    // The page says that it is paid before the wallet does: the wallets' own lists will tell.
    if (shown.is === 'over') return buyer;
    const { request } = shown;
    buyer.hashes.add(readRequest(request).hash);
    if (kind === 'gone') return buyer;
    const paid = await (tries === 0 ? firstTry(stand, kind, request) : tryOnce(lnd, request));
    buyer.first ??= paid;
    if (paid && kind === 'again') await tryOnce(lnd, request);
    if (paid) return buyer;
    await pause(draws.between(200, 800));
  }
  throw new Error(`the buyer of ${bought.orderId} could not pay: ${[...buyer.hashes].join(', ')}`);
}
