// How much a channel can take. The figures of the first case were measured on real LND: the largest
// payable amount of a channel of 10,000,000 sat that the peer opened.
import type { GetChannelsResult } from 'lightning';
import { describe, expect, test } from 'vitest';
import { usableMsat } from '../../web/lightning/channels.ts';

type Channel = GetChannelsResult['channels'][number];
type Pending = Channel['pending_payments'][number];

const channel = (changes: Partial<Channel> = {}): Channel =>
  ({
    is_active: true,
    is_partner_initiated: true,
    commit_transaction_fee: 285,
    local_balance: 2_000_000,
    local_reserve: 100_000,
    remote_balance: 7_999_055,
    remote_reserve: 100_000,
    remote_max_htlcs: 483,
    remote_max_pending_mtokens: '9900000000',
    pending_payments: [],
    ...changes,
  }) as unknown as Channel;
const coming = (tokens: number): Pending => ({ is_outgoing: false, tokens }) as Pending;
const leaving = (tokens: number): Pending => ({ is_outgoing: true, tokens }) as Pending;

describe('what a channel can take', () => {
  test('the peer opened it: reserve and fee buffer are kept', () => {
    expect(usableMsat(channel())).toBe((7_999_055n - 100_000n - 570n) * 1_000n);
    const payable = 7_999_055n - 100_000n - 458n;
    expect(usableMsat(channel())).toBeLessThanOrEqual(payable * 1_000n);
  });

  test('we opened it: only the reserve is kept, but we must be able to pay the fee', () => {
    const ours = { is_partner_initiated: false };
    expect(usableMsat(channel(ours))).toBe((7_999_055n - 100_000n) * 1_000n);
    expect(usableMsat(channel({ ...ours, local_balance: 100_000 }))).toBe(0n);
  });

  test('nothing when it is inactive, empty, or has no free slot', () => {
    expect(usableMsat(channel({ is_active: false }))).toBe(0n);
    expect(usableMsat(channel({ remote_balance: 100_500 }))).toBe(0n);
    const full = Array.from({ length: 483 }, () => coming(1));
    expect(usableMsat(channel({ pending_payments: full }))).toBe(0n);
    const others = Array.from({ length: 483 }, () => leaving(1));
    expect(usableMsat(channel({ pending_payments: others }))).toBeGreaterThan(0n);
  });

  test('what is on the way counts against the most that may be', () => {
    const tight = { remote_max_pending_mtokens: '1000000' };
    expect(usableMsat(channel(tight))).toBe(1_000_000n);
    const pending_payments = [coming(400), coming(500), leaving(9_000)];
    expect(usableMsat(channel({ ...tight, pending_payments }))).toBe(100_000n);
    expect(usableMsat(channel({ ...tight, pending_payments: [coming(2_000)] }))).toBe(0n);
  });
});
