// Shopify's webhooks knock, signed over their exact bytes. What they say is never believed: they
// say where to look. Checked, written down, answered at once; Shopify is asked later, by the pool.
import express, { type Request, type Response } from 'express';
import { shopOf } from '../db/views.ts';
import { isPrivacyTopic, noticePrivacy } from '../flows/honour-privacy.ts';
import { takeWebhook } from '../flows/take-webhook.ts';
import { isGenuineWebhook } from '../shopify/requests.ts';
import { shopDomain } from '../shopify/shop-domain.ts';
import { answerJson } from './answers.ts';
import type { Doors, Route } from './doors.ts';

/** An order with hundreds of lines is large; Shopify documents no limit. */
const rawBody = express.raw({ type: () => true, limit: '5mb' });

const unknownTopic = 'unknown';

export function webhookRoutes(doors: Doors): Route[] {
  const answer = async (request: Request, response: Response): Promise<void> => {
    const body: unknown = request.body;
    const topic = request.get('x-shopify-topic') ?? '';
    const hmac = request.get('x-shopify-hmac-sha256');
    const registration = (await doors.registrations()).find(
      ({ secrets }) => Buffer.isBuffer(body) && isGenuineWebhook(body, { hmac, secrets }),
    );
    if (registration === undefined) {
      doors.countWebhook(topic, 'refused');
      answerJson(response, 401, { error: 'The signature does not fit.' });
      return;
    }
    const domain = shopDomain(request.get('x-shopify-shop-domain') ?? '');
    const shop =
      domain === undefined
        ? null
        : await shopOf(doors.deps.db, { registrationId: registration.id, domain });
    const id = request.get('x-shopify-webhook-id');
    const taken = parseLossless(body as Buffer);
    // Shopify signs the addresses that it sends browsers to with the same secret. Such a text says
    // nothing of the topic and the shop beside it, which nobody signs: a webhook is an object.
    if (typeof taken !== 'object' || taken === null || Array.isArray(taken)) {
      doors.countWebhook(unknownTopic, 'refused');
      answerJson(response, 200, {});
      return;
    }
    if (domain !== undefined && id !== undefined && id.length <= 100 && isPrivacyTopic(topic)) {
      const asked = { id, topic, shopDomain: domain, shop, body: taken };
      doors.countWebhook(topic, await noticePrivacy(doors.deps, asked));
      answerJson(response, 200, {});
      return;
    }
    if (shop === null || domain === undefined) {
      answerJson(response, 200, {});
      return;
    }
    doors.countWebhook(topic, await takeWebhook(doors.deps, { id, topic, shop, body: taken }));
    answerJson(response, 200, {});
  };
  return [
    { method: 'post', path: '/webhooks', policy: 'shopify-webhook', before: [rawBody], answer },
  ];
}

/** Ids are JSON numbers that may be larger than 2^53: those are kept as their text. */
function parseLossless(body: Buffer): unknown {
  const keepText = (_key: string, value: unknown, context?: { source?: string }): unknown =>
    typeof value === 'number' && !Number.isSafeInteger(value) ? (context?.source ?? value) : value;
  try {
    return JSON.parse(body.toString('utf8'), keepText);
  } catch {
    return undefined;
  }
}
