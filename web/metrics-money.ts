// What /metrics says of refunds, of the signer, of how nodes are reached and of the key that seals:
// read from the database when somebody asks, so any process can say it for all.
import { Gauge, type Registry } from 'prom-client';
import type { MoneyStanding, NodeTold } from './db/views.ts';

export const moneyNames = {
  refunds: 'zaptill_refunds',
  payouts: 'zaptill_payouts',
  payoutsInFlight: 'zaptill_payouts_in_flight',
  payoutsInFlightMsat: 'zaptill_payouts_in_flight_msat',
  payoutWaits: 'zaptill_payout_waits',
  oldestClaim: 'zaptill_payout_oldest_waiting_seconds',
  budgetLeft: 'zaptill_refund_budget_left_msat',
  signers: 'zaptill_signers',
  signerSilent: 'zaptill_signer_last_beat_seconds',
  cursorHoles: 'zaptill_node_cursor_holes',
  eventAge: 'zaptill_node_last_event_seconds',
  tlsDays: 'zaptill_node_tls_days_left',
  keyVersion: 'zaptill_secret_key_version',
} as const;

export function moneyGauges(registers: Registry[]): (now: MoneyStanding) => void {
  const gauge = <L extends string>(name: string, help: string, labelNames: readonly L[] = []) =>
    new Gauge<L>({ name, help, labelNames: [...labelNames], registers });
  const refunds = gauge(moneyNames.refunds, 'Refunds in each state.', ['state']);
  const payouts = gauge(
    moneyNames.payouts,
    'What the signer began to pay back, by its state and its last word.',
    ['state', 'because'],
  );
  const inFlight = gauge(moneyNames.payoutsInFlight, 'Payouts that are set aside or sent.');
  const inFlightMsat = gauge(moneyNames.payoutsInFlightMsat, 'What they are, in msat.');
  const waits = gauge(
    moneyNames.payoutWaits,
    'Claims and batches of shares that cannot be begun, by the word why: a ceiling, a node.',
    ['because'],
  );
  const oldest = gauge(
    moneyNames.oldestClaim,
    'Seconds since the oldest claim or batch of shares not paid was given, or approved; 0: none.',
  );
  const budget = gauge(
    moneyNames.budgetLeft,
    'What the ceiling of 24 hours leaves, in msat, of the purses that have least of it.',
    ['shop'],
  );
  const signers = gauge(moneyNames.signers, 'Signers that live: one signs, others wait.', ['is']);
  const silent = gauge(
    moneyNames.signerSilent,
    'Seconds since the signer last said that it lives; -1: none ever did.',
  );
  return (now) => {
    for (const each of [refunds, payouts, waits, budget]) each.reset();
    for (const { state, count } of now.refunds) refunds.set({ state }, count);
    for (const { state, because, count } of now.payouts) payouts.set({ state, because }, count);
    for (const { because, count } of now.waits) waits.set({ because }, count);
    for (const { shopId, leftMsat } of now.budgets) {
      budget.set({ shop: String(shopId) }, Number(leftMsat));
    }
    const out = now.payouts.filter(({ state }) => state === 'reserved' || state === 'sent');
    inFlight.set(out.reduce((sum, { count }) => sum + count, 0));
    inFlightMsat.set(Number(now.inFlightMsat));
    oldest.set(now.oldestClaimSeconds);
    signers.set({ is: 'signing' }, now.signers.sign);
    signers.set({ is: 'waiting' }, now.signers.alive - now.signers.sign);
    silent.set(now.signerSilentSeconds ?? -1);
  };
}

export function toldGauges(registers: Registry[]): (now: readonly NodeTold[]) => void {
  const gauge = (name: string, help: string) =>
    new Gauge({ name, help, labelNames: ['node'], registers });
  const holes = gauge(
    moneyNames.cursorHoles,
    'Runs of settles that are missing below what its stream told.',
  );
  const age = gauge(moneyNames.eventAge, 'Seconds since its stream last told a settle.');
  const days = gauge(moneyNames.tlsDays, 'Days until the certificate ends that it shows.');
  return (now) => {
    for (const each of [holes, age, days]) each.reset();
    for (const of of now) {
      const node = String(of.nodeId);
      holes.set({ node }, of.holes);
      if (of.heardSecondsAgo !== undefined) age.set({ node }, of.heardSecondsAgo);
      if (of.certificateDaysLeft !== undefined) days.set({ node }, of.certificateDaysLeft);
    }
  };
}

/** Which key seals what is written from here on. */
export const keyGauge = (registers: Registry[]): Gauge =>
  new Gauge({
    name: moneyNames.keyVersion,
    help: 'Version of the key that seals secrets; processes that differ were not all restarted.',
    registers,
  });
