// What the shop's staff see and change about rewards, over the doors of the admin.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { rewardRefusals } from '../../web/core/reward.ts';
import { storePurse } from '../../web/db/purses.ts';
import type {
  RewardsAnswer,
  RewardsChangedAnswer,
  RewardTermsWish,
} from '../../web/frontend/shared/rewards-api.ts';
import { sealPurse, usualLimits } from '../../web/signer/purse.ts';
import { app, shopName, startInProcess, type InProcess } from '../in-process.ts';
import { aPaidOrder } from '../refund-at-hand.ts';
import { signersVault } from '../signer/owed.ts';

const neighbour = 'beach.myshopify.com';
const saidNothing: RewardsAnswer = {
  ...{ isOn: false, percent: '1', leastSats: '0', mostSats: '10000' },
  ...{ waitDays: '14', claimDays: '90', canPay: false },
};

let our: InProcess;
beforeAll(async () => {
  our = await startInProcess({ neighbours: [neighbour] });
});
afterAll(() => our.close());

const rewards = async (): Promise<RewardsAnswer> =>
  (await our.asMerchant<RewardsAnswer>('/api/rewards')).answer;
const wish: RewardTermsWish = {
  ...{ isOn: true, percent: '1.5', leastSats: '1000', mostSats: '5000', waitDays: '7' },
  claimDays: '30',
};
const change = (more: object = {}) =>
  our.asMerchant<RewardsChangedAnswer>('/api/rewards/terms', { ...wish, ...more });
const tasks = async (): Promise<object[]> =>
  (await our.db.pool.query<object>('select part_bp, most_msat, wait_days from reward_task')).rows;

test('a shop that has said nothing gives nothing', async () => {
  expect(await rewards()).toEqual(saidNothing);
  await aPaidOrder(our);
  expect(await tasks()).toEqual([]);
});

test.for([
  [{ percent: '' }, 'part_unreadable'],
  [{ percent: '0.09' }, 'part_unreadable'],
  [{ percent: '20.01' }, 'part_unreadable'],
  [{ percent: '-1' }, 'part_unreadable'],
  [{ leastSats: '1.5' }, 'least_unreadable'],
  [{ leastSats: '10000000001' }, 'least_unreadable'],
  [{ mostSats: '0' }, 'most_unreadable'],
  [{ mostSats: '10000000001' }, 'most_unreadable'],
  [{ waitDays: '366' }, 'wait_unreadable'],
  [{ waitDays: 'soon' }, 'wait_unreadable'],
  [{ claimDays: '0' }, 'claim_unreadable'],
  [{ claimDays: '366' }, 'claim_unreadable'],
  [{ isOn: 'yes' }, 'unreadable'],
  [{ percent: 1.5 }, 'unreadable'],
  [{ percent: '1'.repeat(21) }, 'unreadable'],
  [{ claimDays: undefined }, 'unreadable'],
  [{ shopId: 1 }, 'unreadable'],
] as const)('%j is refused with its sentence, and nothing is changed', async ([more, refusal]) => {
  const before = await rewards();
  expect(await change(more)).toEqual({
    status: 422,
    answer: { ok: false, refusal, sentence: rewardRefusals[refusal] },
  });
  expect(await rewards()).toEqual(before);
});

test('the bounds themselves are taken, and said as they are kept', async () => {
  const bounds: [object, object][] = [
    [
      { percent: ' 0,1 % ', leastSats: '0', mostSats: '1', waitDays: '0', claimDays: '1' },
      { percent: '0.1', leastSats: '0', mostSats: '1', waitDays: '0', claimDays: '1' },
    ],
    [
      { percent: '20', mostSats: '10000000000', waitDays: '365', claimDays: '365' },
      { percent: '20', mostSats: '10000000000', waitDays: '365', claimDays: '365' },
    ],
  ];
  for (const [given, said] of bounds) {
    expect(await change(given)).toEqual({ status: 200, answer: { ok: true } });
    expect(await rewards()).toMatchObject(said);
  }
});

test('switched on and off: what Shopify accepts meanwhile earns one, by those terms', async () => {
  expect((await change()).status).toBe(200);
  expect(await rewards()).toEqual({ ...wish, canPay: false });
  await aPaidOrder(our);
  const first = { part_bp: 150, most_msat: '5000000', wait_days: 7 };
  expect(await tasks()).toEqual([first]);
  expect((await change({ isOn: false })).status).toBe(200);
  expect(await rewards()).toMatchObject({ ...wish, isOn: false });
  await aPaidOrder(our);
  expect(await tasks()).toEqual([first]);
  const about = { shopId: our.shop.id, rewardsOn: false, partBp: 150 };
  expect(our.log.said('rewards.terms').at(-1)).toMatchObject({ level: 'info', about });
});

test('with a purse of the operator it can pay', async () => {
  await storePurse(
    our.db,
    sealPurse(
      signersVault,
      {
        ...{ shopId: our.shop.id, address: our.lnd.socket, certificatePem: our.lnd.certPem },
        ...{ macaroonHex: our.lnd.macaroon('pay').toString('hex'), network: 'regtest' },
        ...{ identity: our.lnd.publicKey, looksAtOriginal: true, limits: usualLimits },
      },
      { rootKeyId: '71', credentialEndsAt: null },
    ),
  );
  expect((await rewards()).canPay).toBe(true);
});

test('without a session of its staff nobody sees or changes anything', async () => {
  const before = await rewards();
  const about = { shop: shopName, app: app.name } as const;
  for (const token of [
    'not-a-token',
    our.shopify.sessionToken({ ...about, kind: 'extension' }),
    our.shopify.sessionToken({ ...about, kind: 'admin', secret: 'of somebody else' }),
    our.shopify.sessionToken({ ...about, kind: 'admin', claims: { exp: 0 } }),
  ]) {
    expect((await our.asMerchant('/api/rewards', undefined, token)).status).toBe(401);
    expect((await our.asMerchant('/api/rewards/terms', wish, token)).status).toBe(401);
  }
  expect(await rewards()).toEqual(before);
});

test('another shop has its own terms: it sees nothing of these, and changes none', async () => {
  const before = await rewards();
  const as = <T>(at: string, body?: object) =>
    our.asMerchant<T>(at, body, our.adminToken(neighbour));
  expect((await as<RewardsAnswer>('/api/rewards')).answer).toEqual(saidNothing);
  const theirs = { ...wish, isOn: true, percent: '20', mostSats: '77' };
  expect((await as('/api/rewards/terms', theirs)).status).toBe(200);
  expect((await as<RewardsAnswer>('/api/rewards')).answer).toEqual({ ...theirs, canPay: false });
  expect(await rewards()).toEqual(before);
});
