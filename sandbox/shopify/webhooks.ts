/**
 * Sends webhooks: signed bytes, one second to connect and five in all, then eight retries over
 * four hours.
 *
 * A retry carries the same webhook id and the same payload. Nothing promises an order; faults make
 * duplicates, delays, reordering and losses on purpose.
 */

import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { uuid } from './ids.ts';
import type { App, Delivery, Subscription } from './nouns.ts';
import { API_VERSION } from './schema.ts';
import { webhookSignature } from './signatures.ts';
import { installOf } from './tokens.ts';
import { appOf, type World } from './world.ts';

const CONNECT_MS = 1_000;
const WHOLE_MS = 5_000;

/** Eight waits, four hours together. */
export const RETRY_WAITS_MS = [10, 30, 120, 300, 900, 2_400, 3_600, 7_040].map((s) => s * 1000);

type Forgery = 'forged' | 'unsigned' | null;

export const addressOf = (app: App, subscription: Subscription): string =>
  /^https?:\/\//.test(subscription.uri) ? subscription.uri : app.appUrl + subscription.uri;

function post(
  url: URL,
  input: { body: Buffer; headers: Record<string, string> },
): Promise<{ status: number } | { failed: string }> {
  return new Promise((resolve) => {
    const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
    const call = send(url, { method: 'POST', headers: input.headers, agent: false }, (answer) => {
      answer.resume();
      answer.on('end', () => {
        end({ status: answer.statusCode ?? 0 });
      });
    });
    const give = (why: string) => () => {
      call.destroy();
      end({ failed: why });
    };
    const connecting = setTimeout(give('no connection within 1 s'), CONNECT_MS);
    const whole = setTimeout(give('no answer within 5 s'), WHOLE_MS);
    const end = (answer: { status: number } | { failed: string }) => {
      clearTimeout(connecting);
      clearTimeout(whole);
      resolve(answer);
    };
    call.on('socket', (socket) => {
      if (!socket.connecting) clearTimeout(connecting);
      socket.once('connect', () => {
        clearTimeout(connecting);
      });
    });
    call.on('error', (error: NodeJS.ErrnoException) => {
      end({ failed: error.code ?? error.message });
    });
    call.end(input.body);
  });
}

function headersOf(delivery: Delivery, app: App, forgery: Forgery): Record<string, string> {
  const body = Buffer.from(delivery.body);
  const secret = forgery === 'forged' ? 'not the secret' : app.secret;
  return {
    'Content-Type': 'application/json',
    'Content-Length': String(body.length),
    'User-Agent': 'Shopify-Captain-Hook',
    'X-Shopify-Topic': delivery.topic,
    'X-Shopify-Shop-Domain': delivery.shop,
    'X-Shopify-API-Version': API_VERSION,
    'X-Shopify-Webhook-Id': delivery.webhookId,
    'X-Shopify-Event-Id': delivery.eventId,
    'X-Shopify-Triggered-At': new Date(delivery.triggeredAt).toISOString(),
    ...(forgery === 'unsigned' ? {} : { 'X-Shopify-Hmac-Sha256': webhookSignature(secret, body) }),
    ...(delivery.name === null ? {} : { 'X-Shopify-Name': delivery.name }),
  };
}

/** One attempt. Returns what the app said. */
export async function attempt(
  world: World,
  delivery: Delivery,
  forgery: Forgery = null,
): Promise<string> {
  const app = appOf(world, delivery.clientId);
  if (app === undefined) return 'no such app';
  const began = Date.now();
  const answer = await post(new URL(delivery.uri), {
    body: Buffer.from(delivery.body),
    headers: headersOf(delivery, app, forgery),
  });
  const said = 'status' in answer ? String(answer.status) : answer.failed;
  delivery.attempts += 1;
  delivery.lastAnswer = said;
  world.log({
    at: world.clock.now(),
    requestId: delivery.webhookId,
    way: 'out',
    shop: delivery.shop,
    app: app.name,
    what: delivery.topic,
    answer: said,
    ms: Date.now() - began,
    fault: forgery,
  });
  return said;
}

export type Webhooks = {
  tell: World['tell'];
  resume: () => void;
  /** Resolves when nothing is on its way; what waits for a later retry does not count. */
  settled: () => Promise<void>;
  close: () => void;
};

type Sender = {
  /** Sends it in `waitMs`, and again until it is taken or given up. */
  plan: (delivery: Delivery, waitMs: number, forgery?: Forgery) => void;
  settled: () => Promise<void>;
  close: () => void;
};

function openSender(world: World): Sender {
  const underway = new Set<Promise<void>>();
  let open = true;

  const go = (delivery: Delivery, forgery: Forgery): void => {
    if (!open || delivery.state !== 'waiting') return;
    delivery.dueAt = world.clock.now() + WHOLE_MS;
    const trip = attempt(world, delivery, forgery).then((said) => {
      judge(delivery, said);
    });
    underway.add(trip);
    void trip.finally(() => underway.delete(trip));
  };
  const judge = (delivery: Delivery, said: string): void => {
    const wait = RETRY_WAITS_MS[delivery.attempts - 1];
    if (/^2\d\d$/.test(said)) delivery.state = 'delivered';
    else if (wait === undefined) delivery.state = 'given_up';
    else plan(delivery, wait);
    world.changed();
  };
  const plan: Sender['plan'] = (delivery, waitMs, forgery = null) => {
    delivery.dueAt = world.clock.now() + waitMs;
    world.clock.after(waitMs, () => {
      go(delivery, forgery);
    });
  };
  const isDue = (it: Delivery) => it.state === 'waiting' && it.dueAt <= world.clock.now() + 200;
  return {
    plan,
    settled: async () => {
      do {
        await new Promise((resolve) => setTimeout(resolve, 5));
        await Promise.all(underway);
      } while (open && (underway.size > 0 || world.state.deliveries.some(isDue)));
    },
    close: () => {
      open = false;
    },
  };
}

/** Hands a delivery to the sender, or does to it what a fault says. */
function dispatcher(world: World, plan: Sender['plan']): (delivery: Delivery) => void {
  const held: Delivery[] = [];
  /** What was held back goes out last first. */
  const release = () => {
    for (const [index, delivery] of held.splice(0).reverse().entries()) plan(delivery, index * 100);
  };
  return (delivery) => {
    const call = { shop: delivery.shop, names: [delivery.topic] };
    const { faults } = world;
    if (faults.take(['webhook-never'], call) !== undefined) {
      delivery.state = 'dropped';
      return;
    }
    const late = faults.take(['webhook-late'], call);
    if (late !== undefined) {
      plan(delivery, late.delayMs ?? 60_000);
      return;
    }
    if (faults.take(['webhook-reordered'], call) !== undefined) {
      held.push(delivery);
      if (faults.look(['webhook-reordered'], call) === undefined) release();
      return;
    }
    if (faults.take(['webhook-forged'], call) !== undefined) plan(delivery, 0, 'forged');
    else if (faults.take(['webhook-unsigned'], call) !== undefined) plan(delivery, 0, 'unsigned');
    else plan(delivery, 0);
    if (faults.take(['webhook-twice'], call) !== undefined) {
      const twin: Delivery = { ...delivery };
      world.state.deliveries.push(twin);
      plan(twin, 0);
    }
  };
}

export function openWebhooks(world: World): Webhooks {
  const sender = openSender(world);
  const dispatch = dispatcher(world, sender.plan);
  const tell: Webhooks['tell'] = (shop, topic, body, clientId) => {
    const payload = JSON.stringify(body);
    const eventId = uuid();
    // The news of its own uninstall still goes to the app that is gone.
    const always = topic === 'app/uninstalled' || topic === 'shop/redact';
    for (const app of world.apps) {
      if (clientId !== undefined && app.clientId !== clientId) continue;
      if (!always && !installOf(world, app.clientId, shop).installed) continue;
      for (const subscription of app.webhooks) {
        if (!subscription.topics.includes(topic)) continue;
        const made = newDelivery(world, { app, shop, topic, subscription, payload, eventId });
        world.state.deliveries.push(made);
        dispatch(made);
      }
    }
    forget(world);
    world.changed();
  };
  return {
    tell,
    settled: sender.settled,
    close: sender.close,
    resume: () => {
      for (const delivery of world.state.deliveries)
        if (delivery.state === 'waiting')
          sender.plan(delivery, Math.max(0, delivery.dueAt - world.clock.now()));
    },
  };
}

export function newDelivery(
  world: World,
  input: {
    app: App;
    shop: string;
    topic: string;
    subscription: Subscription;
    payload: string;
    eventId: string;
  },
): Delivery {
  const now = world.clock.now();
  return {
    webhookId: uuid(),
    eventId: input.eventId,
    clientId: input.app.clientId,
    shop: input.shop,
    topic: input.topic,
    uri: addressOf(input.app, input.subscription),
    name: input.subscription.name ?? null,
    body: input.payload,
    triggeredAt: now,
    attempts: 0,
    dueAt: now,
    state: 'waiting',
    lastAnswer: null,
  };
}

/** Keeps the last thousand that are over. */
function forget(world: World): void {
  const { deliveries } = world.state;
  if (deliveries.length < 4_000) return;
  const over = deliveries.filter((it) => it.state !== 'waiting').slice(-1_000);
  const waiting = deliveries.filter((it) => it.state === 'waiting');
  world.state.deliveries = [...over, ...waiting];
}
