// The list of refunds as staff see it while refunds are switched off: rewards, which are chosen in
// the same filter, go on without them.
import { screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { expect, test } from 'vitest';
import type { RefundsAnswer, RefundShown } from '../../shared/refunds-api.ts';
import { openAt } from '../test-dom.ts';

const reward: RefundShown = {
  ...{ id: '00000000-0000-4000-8000-000000000001', paymentId: 'of-it', orderName: '#1001' },
  ...{ state: 'claimable', sentence: '', because: { code: 'price_set', sentence: '' } },
  ...{ fiat: null, sats: '210', origin: 'reward', note: null, test: false },
  ...{ openedAt: '2026-11-21T10:00:00.000Z', claimEndsAt: null, claimUrl: null, claim: null },
  ...{ waits: null, mayApprove: false, mayWithdraw: false },
};
const refund: RefundShown = {
  ...{ ...reward, id: '00000000-0000-4000-8000-000000000002', orderName: '#1002' },
  ...{ origin: 'admin', fiat: { amount: '5.00', currency: 'EUR' } },
};
const answer = (refunds: RefundShown[]): RefundsAnswer => ({
  ...{ refunds, older: null, isOn: false, timeZone: 'UTC' },
  counts: { asked: 0, claimable: refunds.length, claimed: 0, paid: 0, withdrawn: 0, done: 0 },
});
const off = /Refunds by Lightning are switched off/;
const choose = async (kind: string): Promise<void> =>
  userEvent.selectOptions(await screen.findByLabelText('Show'), kind);

test('that refunds are off is said above refunds, and not above rewards', async () => {
  await openAt('/refunds', {
    'GET /api/refunds?state=rewards': answer([reward]),
    'GET /api/refunds?': answer([refund]),
  });
  await screen.findByText('#1002');
  screen.getByText(off);
  await choose('Rewards');
  await waitFor(() => expect(screen.queryByText('#1002')).toBeNull());
  screen.getByText('#1001');
  expect(screen.queryByText(off)).toBeNull();
  await choose('All refunds');
  await screen.findByText('#1002');
  screen.getByText(off);
});

test('where there is no reward yet, none is said to be missing among refunds', async () => {
  await openAt('/refunds', {
    'GET /api/refunds?state=rewards': answer([]),
    'GET /api/refunds?': answer([refund]),
  });
  await screen.findByText('#1002');
  await choose('Rewards');
  await screen.findByText('There is no reward yet.');
  expect(screen.queryByText(off)).toBeNull();
});
