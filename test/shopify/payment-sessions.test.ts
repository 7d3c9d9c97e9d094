// The Payments Apps API, spoken with the stand-in: each verdict, told again and against another
// one, and what each failure of the API means.
import { readFileSync } from 'node:fs';
import { buildSchema, NoDeprecatedCustomRule, parse, specifiedRules, validate } from 'graphql';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { PaymentSessions } from '../../web/core/ports.ts';
import { Trouble } from '../../web/core/trouble.ts';
import { outbound } from '../../web/outbound.ts';
import { documents } from '../../web/shopify/documents.ts';
import { paymentSessions } from '../../web/shopify/payment-sessions.ts';
import { rejectionCodes } from '../../web/core/payment-session.ts';
import * as all from '../../web/shopify/payments-documents.ts';
import { makeThrottle } from '../../web/shopify/throttle.ts';
import { paymentsWorld, SHOP, type PaymentsWorld } from '../sandbox/payments-at-hand.ts';

const sdl = new URL('../../sandbox/shopify/schema/payments-apps_2026-07.graphql', import.meta.url);
const schema = buildSchema(readFileSync(sdl, 'utf8'), { assumeValid: true });
const faultsOf = (text: string): string[] =>
  validate(schema, parse(text), [...specifiedRules, NoDeprecatedCustomRule]).map(String);

let world: PaymentsWorld;
let sessions: PaymentSessions;
let accessToken: string;
const givenUp: string[] = [];
beforeAll(async () => {
  world = await paymentsWorld();
  ({ accessToken } = world.on.payments.prepare());
});
afterAll(() => world.close());
beforeEach(() => {
  world.on.faults.clear();
  // Each test's own: a refusal in one paces no call of the next.
  sessions = paymentSessions({
    shop: SHOP,
    tokens: {
      current: () => Promise.resolve(accessToken),
      insteadOf: () => Promise.resolve(accessToken),
      giveUp: (token) => Promise.resolve(void givenUp.push(token)),
    },
    fetchOutside: outbound({ origin: world.on.origin }).fetchOutside,
    throttle: makeThrottle(() => new Date()),
    clock: () => new Date(),
  });
});

async function aSession(): Promise<{ id: string; gid: string }> {
  const { id } = await world.on.payments.checkout();
  return { id, gid: `gid://shopify/PaymentSession/${id}` };
}
const stateOf = (id: string) => world.on.payments.session(id)?.state;
const inAnHour = (): Date => new Date(Date.now() + 3_600_000);

describe('the documents', () => {
  test.each(all.paymentsDocuments.map((document) => [document.name, document] as const))(
    '%s is valid in the schema, small, and in the list',
    (name, document) => {
      expect(faultsOf(document.text)).toEqual([]);
      expect(document.text).toContain(name);
      expect(document.points).toBeLessThanOrEqual(15);
    },
  );

  test('the list is whole, and none of them is one of the Admin API', () => {
    const exported = Object.values(all).flatMap((value) =>
      typeof value === 'object' && 'text' in value ? [value.text] : [],
    );
    const listed = all.paymentsDocuments.map(({ text }) => text);
    expect(listed.sort()).toEqual(exported.sort());
    const admin = documents.map(({ text }) => text);
    expect(admin.filter((text) => listed.includes(text))).toEqual([]);
    expect(admin.filter((text) => faultsOf(text).length === 0)).toEqual([]);
  });

  test('the check can fail: a code on the errors of resolve invalidates it', () => {
    const { text } = all.paymentSessionResolve;
    const wrong = text.replace('userErrors { field', 'userErrors { code field');
    expect(faultsOf(wrong).join()).toContain('Cannot query field "code"');
  });

  test('every code that we reject with is one of Shopify’s', () => {
    const known = schema.getType('PaymentSessionStateRejectedReason');
    const names = (known as unknown as { getValues: () => { name: string }[] }).getValues();
    expect(names.map(({ name }) => name)).toEqual(
      expect.arrayContaining(Object.values(rejectionCodes)),
    );
  });
});

describe('verdicts', () => {
  test('resolve, any number of times: the same way back, one order', async () => {
    const { id, gid } = await aSession();
    const first = await sessions.resolve(gid);
    expect(first.is === 'done' && first.returnUrl).toContain('/processing');
    expect(await sessions.resolve(gid)).toEqual(first);
    expect(stateOf(id)).toBe('resolved');
    expect(world.on.payments.effects.orders(id)).toBe(1);
  });

  test('reject, any number of times; and the first verdict stands', async () => {
    const { id, gid } = await aSession();
    const first = await sessions.reject(gid, 'AMOUNT_TOO_SMALL');
    expect(first.is).toBe('done');
    expect(await sessions.reject(gid, 'PROCESSING_ERROR')).toEqual(first);
    expect(world.on.payments.session(id)?.rejection?.code).toBe('AMOUNT_TOO_SMALL');
    expect(await sessions.resolve(gid)).toEqual({ is: 'refused', why: 'not_accepted' });
    expect(stateOf(id)).toBe('rejected');
    const other = await aSession();
    await sessions.resolve(other.gid);
    expect(await sessions.reject(other.gid, 'PROCESSING_ERROR')).toMatchObject({ is: 'refused' });
  });

  test('pending until a time, and then either end', async () => {
    for (const end of ['resolved', 'rejected'] as const) {
      const { id, gid } = await aSession();
      const until = inAnHour();
      expect(await sessions.pending(gid, until)).toMatchObject({ is: 'done' });
      expect(world.on.payments.session(id)).toMatchObject({
        state: 'pending',
        pendingExpiresAt: until.getTime(),
      });
      const ended =
        end === 'resolved'
          ? await sessions.resolve(gid)
          : await sessions.reject(gid, 'PROCESSING_ERROR');
      expect([ended.is, stateOf(id)]).toEqual(['done', end]);
    }
  });

  test('a wait that is over, too long, or comes too late is refused by its code', async () => {
    const { gid } = await aSession();
    const far = new Date(Date.now() + 30 * 86_400_000);
    expect(await sessions.pending(gid, new Date(0))).toEqual({
      is: 'refused',
      why: 'EXPIRED_PENDING_EXPIRES_AT',
    });
    expect(await sessions.pending(gid, far)).toMatchObject({
      why: 'OUT_OF_RANGE_PENDING_EXPIRES_AT',
    });
    await sessions.resolve(gid);
    expect(await sessions.pending(gid, inAnHour())).toMatchObject({ why: 'PENDING_INVALID_STATE' });
  });

  test('a session that nobody knows is refused', async () => {
    const gid = 'gid://shopify/PaymentSession/nobody';
    expect(await sessions.resolve(gid)).toEqual({ is: 'refused', why: 'not_accepted' });
    expect(await sessions.reject(gid, 'PROCESSING_ERROR')).toMatchObject({ is: 'refused' });
    expect(await sessions.pending(gid, inAnHour())).toMatchObject({ is: 'refused' });
  });

  test('ready is told, and a ping changes nothing', async () => {
    expect(await sessions.sayReady({ handle: 'alpine', ready: true })).toEqual({ is: 'done' });
    expect(world.on.payments.gateway()).toMatchObject({ ready: true, externalHandle: 'alpine' });
    await sessions.ping();
  });
});

describe('what fails', () => {
  const operation = 'PaymentSessionResolve';
  test.each([
    [{ kind: 'throttled' }, 'throttled', 'retry'],
    [{ kind: 'html-429' }, 'throttled', 'retry'],
    [{ kind: 'status', status: 503 }, 'shop_failing', 'ask_again'],
    [{ kind: 'status', status: 402 }, 'shop_frozen', 'retry'],
    [{ kind: 'internal-error' }, 'shop_failing', 'ask_again'],
    [{ kind: 'access-denied', times: 2 }, 'access_denied', 'give_up'],
    [{ kind: 'reset', when: 'after' }, 'answer_cut', 'ask_again'],
    [{ kind: 'truncated', when: 'after' }, undefined, 'ask_again'],
    [{ kind: 'html-200' }, 'answer_unreadable', 'ask_again'],
    [{ kind: 'redirect' }, 'redirected', 'ask_again'],
  ] as const)('%j is Trouble: %s, %s', async (fault, what, then) => {
    const { id, gid } = await aSession();
    world.on.faults.add({ operation, ...fault });
    const trouble = await sessions.resolve(gid).catch((error: unknown) => error);
    expect(trouble).toBeInstanceOf(Trouble);
    expect(trouble).toMatchObject({ from: 'shop', then, ...(what === undefined ? {} : { what }) });
    // Whatever became of it: told again it is done, and done once.
    world.on.faults.clear();
    await expect
      .poll(async () => (await sessions.resolve(gid).catch(() => undefined))?.is, {
        timeout: 20_000,
        interval: 500,
      })
      .toBe('done');
    expect(world.on.payments.effects.count(id, 'resolved')).toBe(1);
  });
});
