// Guards at the doors: who may knock, what a repeated question is answered, what is kept secret.
import { database, edit, source, type Mutant } from './mutant.ts';

const requests = 'test/shopify/requests.test.ts';
const payments = 'test/http/payments-door.test.ts';
const sessions = 'web/flows/open-session.ts';

export const ofTheDoors: readonly Mutant[] = [
  source(
    {
      id: 'M26',
      guard: 'a question that is asked again gets the answer that it got before',
      ...{ test: payments, named: 'fifty at once with one id: one payment, one answer' },
    },
    edit(
      sessions,
      "{ is: 'answered', answer: before.answer }",
      "{ is: 'answered', answer: JSON.stringify({ redirect_url: String(Math.random()) }) }",
    ),
  ),
  source(
    {
      id: 'M27',
      guard: 'an id with another amount is refused',
      ...{ test: payments, named: 'the same id with another amount is refused' },
    },
    edit(
      sessions,
      'const same = Buffer.from(before.contentHash).equals(contentHash);',
      'const same = contentHash.length > 0;',
    ),
  ),
  database(
    {
      id: 'M36',
      guard: 'a refund of one id is asked once',
      sql: 'alter table session_request drop constraint session_request_pkey;',
      ...{
        test: 'test/flows/take-money-request.test.ts',
        named: 'whoever saw nothing, and is late',
      },
    },
    edit(
      'web/db/sessions.ts',
      `case when $2 = 'refund' then 'opened' else 'received' end)
          on conflict (shop_id, kind, id) do nothing returning payment_id`,
      "case when $2 = 'refund' then 'opened' else 'received' end) returning payment_id",
    ),
    edit(
      'web/db/sessions.ts',
      `where of.uninstalled_at is null
    on conflict (shop_id, kind, id) do nothing returning shop_id, payment_id`,
      'where of.uninstalled_at is null returning shop_id, payment_id',
    ),
  ),
  source(
    {
      id: 'M38',
      guard: 'a refund is of a payment of the same shop',
      ...{ test: payments, named: 'of an unknown payment, or another shop’s: 404' },
    },
    edit(
      'web/db/sessions.ts',
      'where shop_id = $1 and kind = $2 and id = $3',
      'where $1 > 0 and kind = $2 and id = $3',
    ),
  ),
  source(
    {
      id: 'M39',
      guard: 'who asks for money back shows a client certificate',
      ...{ test: payments, named: 'who is let in' },
    },
    edit(
      'web/http/mutual-tls.ts',
      'if (socket.authorized || isPinned(socket, pinned)) {',
      'if (pinned.size >= 0) {',
    ),
  ),
  source(
    {
      id: 'M40',
      guard: 'a token of the buyer’s block is none of the merchant’s',
      ...{ test: requests, named: 'a token of the admin proves nothing' },
    },
    edit(
      'web/shopify/requests.ts',
      "if (iss !== undefined || dest.includes('/')) return no('wrong_kind');",
      "if (dest === '') return no('wrong_kind');",
    ),
  ),
  source(
    {
      id: 'M41',
      guard: 'a webhook is signed, byte for byte',
      ...{ test: requests, named: 'with another body is not' },
    },
    edit(
      'web/shopify/requests.ts',
      'return ours.length === given.length && timingSafeEqual(ours, given);',
      'return ours.length === given.length;',
    ),
  ),
  source(
    {
      id: 'M41b',
      guard: 'a webhook is checked by its bytes, and not by its text',
      ...{ test: requests, named: 'is checked by its bytes' },
    },
    edit(
      'web/shopify/requests.ts',
      "createHmac('sha256', secret).update(body).digest();",
      "createHmac('sha256', secret).update(Buffer.from(body).toString()).digest();",
    ),
  ),
  source(
    {
      id: 'X30',
      guard: 'an address of the shop’s own page is signed by Shopify',
      ...{ test: requests, named: 'the app proxy' },
    },
    edit(
      'web/shopify/requests.ts',
      'return ours.length === signature.length && timingSafeEqual(ours, signature);',
      'return ours.length === 32 || timingSafeEqual(ours, signature);',
    ),
  ),
  source(
    {
      id: 'X31',
      guard: 'an address of the shop’s own page ends after ninety seconds',
      ...{ test: requests, named: 'lives for ninety seconds' },
    },
    edit(
      'web/shopify/requests.ts',
      'if (!(Math.abs(seconds - at) <= proxyToleranceSeconds))',
      'if (!(Math.abs(seconds - at) <= proxyToleranceSeconds * 1_000))',
    ),
  ),
  source(
    {
      id: 'M42',
      guard: 'a secret opens for its shop only',
      ...{ test: 'test/vault/seal.test.ts', named: 'opens in no other place' },
    },
    edit(
      'web/vault/seal.ts',
      'place.table, place.shop, place.field, place.record',
      'place.table, place.field, place.record',
    ),
  ),
  source(
    {
      id: 'M44',
      guard: 'a preimage is never logged',
      ...{ test: 'test/config-log.test.ts', named: 'is taken out by its shape' },
    },
    edit('web/log.ts', '(?:[0-9a-f]{64}|[0-9a-f]{68,})', '(?:[0-9a-f]{68,})'),
  ),
  source(
    {
      id: 'M44b',
      guard: 'what a secret is called is enough to take it out',
      ...{ test: 'test/config-log.test.ts', named: 'fields are taken out by their name' },
    },
    edit('web/log.ts', "'pre_?image|macaroon|", "'macaroon|"),
  ),
  source(
    {
      id: 'X200',
      guard: 'a receipt names the amount in the currency that the node has signed',
      ...{
        test: 'test/frontend/receipt.test.ts',
        named: 'who changes the amount in the currency is refused',
      },
    },
    edit(
      'web/frontend/shared/receipt.ts',
      "must(!isFiatSigned || memo.fiat === `${amount} ${currency}`, 'fiat_differs');",
      'void [amount, currency];',
    ),
  ),
  source(
    {
      id: 'X201',
      guard: 'a node that is asked later is asked for the promise as it was stored',
      ...{
        test: 'test/flows/hash-first.test.ts',
        named: 'a node that is asked later signs the amount of the promise',
      },
    },
    edit(
      'web/flows/quote-invoice.ts',
      "return memoOf({ shopDomain, orderName: payment?.orderName ?? 'Order' }, invoice);",
      `return memoOf(
        { shopDomain, orderName: payment?.orderName ?? 'Order' },
        { ...invoice, fiatMinor: payment?.owedMinor ?? invoice.fiatMinor },
      );`,
    ),
  ),
  source(
    {
      id: 'X219',
      guard: 'an address that Shopify signed is no webhook',
      ...{
        test: 'test/attack/tokens.test.ts',
        named: 'an address that Shopify signed for a browser is no app/uninstalled of any shop',
      },
    },
    edit(
      'web/http/from-webhooks.ts',
      "if (typeof taken !== 'object' || taken === null || Array.isArray(taken)) {",
      "if (taken === 'nothing') {",
    ),
  ),
];
