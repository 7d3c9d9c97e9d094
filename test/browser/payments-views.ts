// The payments app's page in every state, and its messages: for pictures, and for axe on each.
import type { RequestListener } from 'node:http';
import { advice } from '../../web/core/advice.ts';
import { settingsFaults } from '../../web/core/settings.ts';
import { renderMessage, renderSettings } from '../../web/frontend/payments/page.ts';
import {
  messages,
  type AskingPayment,
  type SettingsView,
  type ShownNode,
  type ShownPayment,
  type ShownSettings,
} from '../../web/frontend/payments/view.ts';

const node: ShownNode = {
  alias: 'alpine-node',
  address: 'node.alpine.example:10009',
  network: 'mainnet',
  version: '0.21.3-beta',
  health: 'reachable',
  healthSince: null,
  receivableMsat: '12500000000',
  largestPartMsat: '5000000000',
  credentialEndsAt: null,
  advice: [],
  isShared: false,
};
const settings: ShownSettings = {
  ...{ setInAdmin: false, version: 0, state: 'shown', wrong: {}, sendsEmail: true },
  usual: { quoteMinutes: '10', spread: '1', aloneDrift: '1' },
  values: {
    ...{ adjustment: 'none', adjustmentSize: '', quoteMinutes: '', spread: '', alone: 'pause' },
    ...{ aloneMinutes: '', aloneDrift: '', smallest: '', largest: '', pricing: 'fiat_today' },
    ...{ claimDays: '30', approval: '', wrong: false, email: '' },
  },
};
const base: SettingsView = {
  shop: 'alpine.myshopify.com',
  formToken: 'a-word-of-this-page',
  node,
  bake: 'lncli bakemacaroon --root_key_id 4711 uri:/lnrpc.Lightning/AddInvoice',
  holds: { on: false, nodeCanHold: false },
  refunds: { on: false, setInAdmin: false },
  settings,
  rewards: {
    ...{ setInAdmin: false, isOn: false, canPay: false },
    values: { percent: '1', mostSats: '10000', leastSats: '0', waitDays: '14', claimDays: '90' },
  },
  readyToldAt: null,
  firstSessionAt: null,
  payments: {
    ...{ needing: [], latest: [], shownAtMost: 20 },
    ...{ refunds: [], toApprove: [], underWay: [] },
  },
  gatewaySettingsUrl: 'https://alpine.myshopify.com/services/payments_partners/gateways/x/settings',
};
const payment: ShownPayment = {
  id: '01890a5d-ac96-774b-bcce-b302099a8057',
  reference: 'rQ1x7e9hKfT3',
  state: 'resolved',
  attention: null,
  amount: '21.00',
  currency: 'EUR',
  amountMsat: '24705883000',
  openedAt: '2026-11-21T13:58:00.000Z',
  test: false,
};
const asking = {
  case: null,
  overpaidMsat: '0',
  giveBackMsat: '0',
  hash: '7f'.repeat(32),
  answers: [],
};
const stuck: AskingPayment = {
  ...{ ...payment, ...asking },
  ...{ reference: 'bS8Zw0', state: 'stranded', attention: 'stranded' },
  ...{ amount: '99999999.99', currency: 'USD' },
  case: { name: 'session_over', sentence: 'Shopify has closed the payment session.' },
};
const tooMuch: AskingPayment = {
  ...{ ...payment, ...asking, attention: 'overpaid' },
  ...{ overpaidMsat: '700000', giveBackMsat: '700000', answers: ['given_back', 'kept'] },
  case: { name: 'too_much', sentence: 'The buyer sent more than was asked.' },
};
const excess = [
  ...['offchain:write', 'onchain:write', 'macaroon:generate', 'info:write', 'peers:write'],
  ...['address:write', 'signer:generate', 'uri:/lnrpc.Lightning/SendCoins'],
].map((permission) => ({ permission, allows: 'do something that Zaptill does not need' }));
const since = '2026-11-21T14:00:00.000Z';
const told = { readyToldAt: '2026-11-20T10:00:00.000Z' };

export const paymentsViews: Readonly<Record<string, SettingsView>> = {
  empty: { ...base, node: null },
  holding: { ...base, holds: { on: true, nodeCanHold: true }, ...told },
  cannot_hold: { ...base, holds: { on: true, nodeCanHold: false }, ...told },
  refused: {
    ...base,
    node: null,
    refused: {
      refusal: 'credential_can_spend',
      sentence: 'It can do more than receive, so it was not stored.',
      excess,
      bake: `lncli bakemacaroon --root_key_id 4711 ${'uri:/lnrpc.Lightning/AddInvoice '.repeat(4)}`,
      typed: { way: 'parts', host: 'node.example.com:10009', certificate: '-----BEGIN\nMII' },
    },
  },
  ready: { ...base, justConnected: true },
  'shopify-away': { ...base, readyFailure: 'away' },
  'shopify-refused': { ...base, readyFailure: 'refused' },
  'signed-off': { ...base, ...told, readyFailure: 'signed_off' },
  told: { ...base, ...told },
  down: {
    ...base,
    ...told,
    node: { ...node, alias: 'عقدة البرق', health: 'unreachable', healthSince: since },
  },
  locked: { ...base, node: { ...node, alias: '', health: 'locked', healthSince: since } },
  'cannot-receive': {
    ...base,
    ...told,
    node: {
      ...node,
      receivableMsat: '0',
      advice: [advice('no_active_channel')],
    },
  },
  settings_saved: { ...base, ...told, settings: { ...settings, version: 1, state: 'saved' } },
  settings_wrong: {
    ...base,
    ...told,
    settings: {
      ...settings,
      state: 'wrong',
      values: { ...settings.values, adjustment: 'discount', adjustmentSize: '21', approval: '-' },
      wrong: {
        adjustmentSize: { fault: 'price_adjustment', sentence: settingsFaults.price_adjustment },
        approval: { fault: 'refund_approval', sentence: settingsFaults.refund_approval },
      },
    },
  },
  activated: {
    ...base,
    ...told,
    firstSessionAt: since,
    refunds: { on: true, setInAdmin: true },
    settings: { ...settings, setInAdmin: true },
    payments: {
      needing: [stuck, tooMuch],
      latest: [
        { ...payment, state: 'open', amountMsat: null },
        stuck,
        { ...payment, test: true, amount: '2500', currency: 'JPY' },
        { ...payment, state: 'settled' },
        { ...payment, state: 'lapsed' },
      ],
      shownAtMost: 5,
      refunds: [
        {
          ...{ reference: 'tM5kXb', amountMsat: '700000', test: false },
          claimUrl: `https://pay.example.com/refund/${'aB3-'.repeat(5)}cd`,
          claimEndsAt: '2027-02-19T13:58:00.000Z',
        },
      ],
      toApprove: [
        {
          ...{ id: payment.id, reference: 'tM5kXb', amountMsat: '212345000', test: false },
          openedAt: since,
        },
      ],
      underWay: [
        {
          ...{ reference: 'uN6lYc', amountMsat: '41000000', test: true, givenAt: since },
          waits: {
            word: 'above_per_day',
            sentence: 'The ceiling of 24 hours is reached. It is paid when there is room again.',
          },
        },
      ],
    },
    node: { ...node, isShared: true, credentialEndsAt: '2026-12-24T00:00:00.000Z' },
  },
};

/** `/payments/<state or message>`. */
export const paymentsPages: RequestListener = (request, response) => {
  const locale = request.headers['accept-language']?.split(',')[0] ?? 'en';
  const name = (request.url ?? '').split('/').at(-1) ?? '';
  const view = paymentsViews[name];
  const message = messages.find((one) => one === name);
  const start = {
    url: '/payments?shop=alpine.myshopify.com',
    word: 'message.start_again',
  } as const;
  const drawn =
    view === undefined
      ? message && renderMessage({ locale, message, start })
      : renderSettings(view, { locale, mayGoTo: [] });
  if (drawn === undefined) response.writeHead(404).end();
  else response.writeHead(200, drawn.headers).end(drawn.html);
};
