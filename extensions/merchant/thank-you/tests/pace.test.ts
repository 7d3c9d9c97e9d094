// @vitest-environment node
import { expect, test } from 'vitest';
import { readPayment } from '../src/answer.ts';
import type { Answer } from '../src/ask.ts';
import { nextLookMs, type Progress } from '../src/follow.ts';
import { paid, toPay, view } from './play.ts';

const minuteMs = 60_000;
const begun: Progress = { looks: 1, failures: 0, unchangedMs: 0 };
const after = (unchangedMs: number): Progress => ({ ...begun, looks: 99, unchangedMs });
const answering = (body: unknown): Answer => {
  const payment = readPayment(body);
  if (payment === undefined) throw new Error('not read');
  return { at: 'payment', payment };
};

test.each([
  ['an invoice', answering(toPay), begun, 3_000],
  ['an invoice after five minutes', answering(toPay), after(5 * minuteMs), 10_000],
  ['an invoice on a page left open', answering(toPay), after(61 * minuteMs), 60_000],
  ['paid, not told to the shop yet', answering({ ...paid, final: false }), begun, 3_000],
  ['paid', answering(paid), begun, null],
  ['expired', answering({ ...view, expired: true }), begun, 10_000],
  ['a refusal', answering({ ...view, refusal: 'no_node' }), begun, 10_000],
  ['stranded', answering({ ...view, state: 'stranded' }), begun, 10_000],
  ['an end without a payment', answering({ state: 'lapsed' }), begun, null],
  ['not ours', { at: 'not_ours' }, begun, null],
  ['not yet, the tenth time', { at: 'not_yet' }, { ...begun, looks: 10 }, 1_000],
  ['not yet, the eleventh time', { at: 'not_yet' }, { ...begun, looks: 11 }, 5_000],
  ['not yet for long', { at: 'not_yet' }, after(11 * minuteMs), 60_000],
  ['not yet, asked to wait', { at: 'not_yet', retryAfterMs: 5_000 }, begun, 5_000],
  ['no line', { at: 'offline' }, { ...begun, failures: 5 }, 3_000],
  ['no line for long', { at: 'offline' }, { ...begun, failures: 6 }, 10_000],
] as const satisfies [string, Answer, Progress, number | null][])(
  'after %s',
  (_name, answer, progress, waitMs) => {
    expect(nextLookMs(answer, progress)).toBe(waitMs);
  },
);
