import { screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { describe, expect, test } from 'vitest';
import type { HoldsAnswer } from '../../shared/holds-api.ts';
import type { SettingsAnswer, SettingsSaved, SettingsShape } from '../../shared/settings-api.ts';
import { bridge, openAt, type SaveBarElement } from '../test-dom.ts';

const stored: SettingsShape = {
  methodName: 'Bitcoin (Lightning)',
  quoteSeconds: null,
  rateSources: [],
  spreadLimitBp: null,
  aloneMinutes: null,
  aloneDriftBp: null,
  priceAdjustmentBp: null,
  smallestMsat: null,
  largestMsat: null,
  buyerWords: {},
  unpaidHours: null,
  lateDriftBp: null,
  alertEmail: null,
  alertUrl: null,
  language: null,
  refundsOn: false,
  refundPricing: 'fiat_today',
  refundClaimDays: 30,
  refundApprovalMsat: null,
  refundsWrong: false,
};
const answer = (more: Partial<SettingsAnswer> = {}): SettingsAnswer => ({
  version: 3,
  settings: stored,
  usual: { quoteSeconds: 600, spreadLimitBp: 100, aloneDriftBp: 100 },
  sources: ['kraken', 'coinbase', 'bitstamp'],
  buyerLanguages: ['en', 'de'],
  sendsEmail: true,
  hasAlertSecret: false,
  price: { currency: 'EUR', perBtcE8: '10000000000000' },
  alerts: [],
  ...more,
});
const holds: HoldsAnswer = {
  ...{ isOn: false, nodeCanHold: true, bake: 'lncli bake' },
  node: { id: 1, name: 'alpine', address: 'node.example.com:10009' },
};
const saved = (settings: Partial<SettingsShape>, more: object = {}): SettingsSaved => ({
  ok: true,
  version: 4,
  settings: { ...stored, ...settings },
  ...more,
});
const open = (post?: object | (() => object), more: Partial<SettingsAnswer> = {}) =>
  openAt('/settings', {
    'GET /api/settings': answer(more),
    'GET /api/holds': holds,
    ...(post === undefined ? {} : { 'POST /api/settings': post }),
  });

const method = 'Exact name of the manual payment method';
const field = (label: string): Promise<HTMLInputElement> =>
  screen.findByLabelText<HTMLInputElement>(label);
const type = async (label: string, text: string): Promise<void> => {
  const at = await field(label);
  await userEvent.clear(at);
  if (text !== '') await userEvent.type(at, text);
};
const bar = (): SaveBarElement => {
  const found = document.querySelector<SaveBarElement>('ui-save-bar#zt-settings');
  if (found === null) throw new Error('There is no save bar.');
  return found;
};
const press = (which: 'Save' | 'Discard'): void => {
  const buttons = [...bar().querySelectorAll('button')];
  buttons.find(({ textContent }) => textContent === which)?.click();
};
const isClosed = (): Promise<void> =>
  waitFor(() => {
    expect(bar().showing).toBe(false);
  });

test('a change opens the save bar; what was seen is sent with what it is to be', async () => {
  const { asked } = await open(saved({ methodName: 'Lightning', quoteSeconds: 900 }));
  await type(method, ' Lightning ');
  await type('How long a price holds', '15');
  expect(bar().showing).toBe(true);
  press('Save');
  await isClosed();
  expect(asked.at(-1)).toMatchObject({
    line: 'POST /api/settings',
    token: 'Bearer token',
    body: {
      version: 3,
      was: stored,
      settings: { ...stored, methodName: 'Lightning', quoteSeconds: 900 },
    },
  });
  expect(bridge.toast).toHaveBeenCalledWith('Settings saved');
  expect((await field(method)).value).toBe('Lightning');
});

describe('what cannot be is said beside the field and is not sent', () => {
  test.each([
    [method, '', 'Give the name, as Shopify shows it.'],
    ['How long a price holds', '1.5', 'Between 1 and 1,440 whole minutes.'],
    ['How far apart prices may be', 'far', 'Between 0.1 and 10 percent.'],
    ['Smallest payment', '1.5 sats', 'Give whole satoshis, such as 21000.'],
  ])('%s: “%s”', async (label, text, sentence) => {
    const { asked } = await open();
    await type(label, text);
    await screen.findByText(sentence);
    press('Save');
    expect((await field(label)).getAttribute('aria-invalid')).toBe('true');
    expect(document.activeElement).toBe(await field(label));
    expect(asked.filter(({ line }) => line.startsWith('POST'))).toEqual([]);
  });

  test('one price source is too few', async () => {
    const { asked } = await open();
    for (const name of ['Kraken', 'Bitstamp']) await userEvent.click(await field(name));
    await screen.findByText('Choose at least two: no single exchange may set your price.');
    press('Save');
    expect(asked.filter(({ line }) => line.startsWith('POST'))).toEqual([]);
  });
});

describe('when no two sources agree', () => {
  const which = 'When no two sources agree';
  const choose = async (label: string): Promise<void> => {
    await userEvent.selectOptions(await field(which), label);
  };

  test('one may speak for some minutes, near the last price; and no longer', async () => {
    let says = saved({ aloneMinutes: 10, aloneDriftBp: 50 });
    const { asked } = await open(() => says);
    await screen.findByText(/nobody can pay until the sources agree again/);
    await choose('Let one source speak for a while');
    expect((await field('For at most')).value).toBe('10');
    screen.getByText(/A single exchange can move your price that far/);
    await type('As near as', '0.5');
    press('Save');
    await isClosed();
    const settings = { ...stored, aloneMinutes: 10, aloneDriftBp: 50 };
    expect(asked.at(-1)?.body).toEqual({ version: 3, was: stored, settings });
    says = saved({});
    await choose('Promise no price');
    expect(screen.queryByLabelText('For at most')).toBeNull();
    press('Save');
    await isClosed();
    expect(asked.at(-1)?.body).toEqual({ version: 4, was: settings, settings: stored });
  });

  test.each([
    ['For at most', '', 'Between 1 and 60 whole minutes.'],
    ['For at most', '1.5', 'Between 1 and 60 whole minutes.'],
    ['As near as', 'near', 'Between 0.1 and 10 percent.'],
  ])('%s: “%s”', async (label, text, sentence) => {
    const { asked } = await open();
    await choose('Let one source speak for a while');
    await type(label, text);
    await screen.findByText(sentence);
    press('Save');
    expect(document.activeElement).toBe(await field(label));
    expect(asked.filter(({ line }) => line.startsWith('POST'))).toEqual([]);
  });
});

describe('a discount or a markup for bitcoin', () => {
  const which = 'Discount or markup for bitcoin';
  const choose = async (label: string): Promise<void> => {
    await userEvent.selectOptions(await field(which), label);
  };

  test.each([
    ['Discount: fewer sats', '2', -200],
    ['Discount: fewer sats', '0,25', -25],
    ['Markup: more sats', '1.5', 150],
  ])('%s of %s percent', async (label, percent, priceAdjustmentBp) => {
    const { asked } = await open(saved({ priceAdjustmentBp }));
    await screen.findByText(/The order keeps its amount and counts as paid in full/);
    await choose(label);
    await type('How much', percent);
    press('Save');
    await isClosed();
    const settings = { ...stored, priceAdjustmentBp };
    expect(asked.at(-1)?.body).toEqual({ version: 3, was: stored, settings });
    expect(Number((await field('How much')).value)).toBe(Math.abs(priceAdjustmentBp) / 100);
  });

  test('what is stored is shown, and none sends none', async () => {
    const settings = { ...stored, priceAdjustmentBp: -250 };
    const { asked } = await open(saved({}), { settings });
    expect((await field('How much')).value).toBe('2.5');
    await choose('None: the market price');
    expect(screen.queryByLabelText('How much')).toBeNull();
    press('Save');
    await isClosed();
    expect(asked.at(-1)?.body).toEqual({ version: 3, was: settings, settings: stored });
  });

  test.each(['', '0', 'much', '-2'])('“%s” percent is not sent', async (percent) => {
    const { asked } = await open();
    await choose('Discount: fewer sats');
    await type('How much', percent);
    await screen.findByText('Between 0.01 and 20 percent.');
    press('Save');
    expect(document.activeElement).toBe(await field('How much'));
    expect(asked.filter(({ line }) => line.startsWith('POST'))).toEqual([]);
  });
});

test('the server’s no is said beside its field, in our words or in its own', async () => {
  const no = () =>
    Response.json(
      {
        ok: false,
        refusal: 'settings_wrong',
        wrong: [
          { field: 'alertUrl', fault: 'url_wrong', sentence: 'No.' },
          { field: 'alertEmail', fault: 'a_new_one', sentence: 'A sentence of the server.' },
        ],
      },
      { status: 422 },
    );
  await open(no);
  await type('Web address (webhook)', 'https://127.0.0.1/');
  await type('E-mail address', 'a@b.example');
  press('Save');
  await screen.findByText('Give a public address that begins with https://.');
  screen.getByText('A sentence of the server.');
  expect(bar().showing).toBe(true);
  expect(document.activeElement).toBe(await field('Web address (webhook)'));
});

test('a network that is away loses nothing, and the second try stores it', async () => {
  let says: object = new TypeError('offline');
  await open(() => says);
  await type('Largest payment', '250000');
  press('Save');
  await screen.findByText('The settings are not saved yet');
  expect((await field('Largest payment')).value).toBe('250000');
  expect(bar().showing).toBe(true);
  says = saved({ largestMsat: '250000000' });
  await userEvent.click(screen.getByRole('button', { name: 'Try again' }));
  await isClosed();
});

test('discarding brings back what is stored', async () => {
  await open();
  await type(method, 'Other');
  await userEvent.click(await field('Cancel it and restock its goods'));
  expect((await field('Cancel after')).value).toBe('24');
  press('Discard');
  await isClosed();
  expect((await field(method)).value).toBe('Bitcoin (Lightning)');
  expect(screen.queryByLabelText('Cancel after')).toBeNull();
});

test('another tab was faster: theirs comes in, ours stays, and both are named', async () => {
  const theirs = { ...stored, methodName: 'Theirs', quoteSeconds: 1_200 };
  let says: object = Response.json(
    {
      ok: false,
      refusal: 'changed_meanwhile',
      version: 7,
      settings: theirs,
      changed: ['methodName', 'quoteSeconds'],
    },
    { status: 409 },
  );
  const { asked } = await open(() => says);
  await type(method, 'Mine');
  await type('Smallest payment', '5');
  press('Save');
  await screen.findByText('Somebody else saved the settings meanwhile');
  screen.getByText(/^Changed there: .*manual payment method.* and How long a price holds\.$/);
  screen.getByText(/your entries are kept: Exact name/);
  expect((await field(method)).value).toBe('Mine');
  expect((await field('How long a price holds')).value).toBe('20');
  says = saved({ methodName: 'Mine', smallestMsat: '5000', quoteSeconds: 1_200 });
  press('Save');
  await isClosed();
  expect(asked.at(-1)?.body).toEqual({
    version: 7,
    was: theirs,
    settings: { ...theirs, methodName: 'Mine', smallestMsat: '5000' },
  });
});

test('an amount in sats has its worth beside it', async () => {
  await open();
  await type('Smallest payment', '21 000');
  await screen.findByText('At the moment about €21.00.');
});

describe('alerts', () => {
  test('a new web address brings a secret, which is shown once', async () => {
    const url = 'https://hooks.example.com/zaptill';
    await open(saved({ alertUrl: url }, { alertSecret: 'zas_secret' }));
    await type('Web address (webhook)', url);
    press('Save');
    await screen.findByText('zas_secret');
    await userEvent.click(screen.getByRole('button', { name: 'I have it' }));
    expect(screen.queryByText('zas_secret')).toBeNull();
    screen.getByRole('button', { name: 'Make a new secret' });
  });

  test('a test says for each way how it went', async () => {
    const settings = { ...stored, alertEmail: 'a@b.example', alertUrl: 'https://x.example.com/' };
    await openAt('/settings', {
      'GET /api/settings': answer({ settings }),
      'GET /api/holds': holds,
      'POST /api/settings/test-alert': {
        ok: true,
        outcomes: { email: 'sent', url: 'url_refused' },
      },
    });
    await userEvent.click(await screen.findByRole('button', { name: 'Send a test alert' }));
    await screen.findByText('E-mail: sent. Look whether it arrived.');
    screen.getByText(/^Web address: it answered, but not with success/);
  });

  test('without a mail server the page says so, and there is nothing to test', async () => {
    await open(undefined, { sendsEmail: false });
    await screen.findByText(/This server is not set up to send e-mail/);
    expect((await field('E-mail address')).disabled).toBe(true);
    const test = screen.getByRole('button', { name: 'Send a test alert' });
    expect(test.getAttribute('aria-disabled') ?? test.hasAttribute('disabled')).toBeTruthy();
  });

  test('the latest stand there with what became of them', async () => {
    const line = {
      what: 'stranded',
      channel: 'email',
      madeAt: '2026-11-21T10:00:00.000Z',
    } as const;
    await open(undefined, {
      alerts: [
        { ...line, subject: 'One', sentAt: line.madeAt, trouble: null, isOver: false },
        { ...line, subject: 'Two', sentAt: null, trouble: 'email_refused', isOver: false },
        { ...line, subject: 'Three', sentAt: null, trouble: 'email_refused', isOver: true },
      ],
    });
    const items = await screen.findAllByRole('listitem');
    const of = (subject: string): HTMLElement => {
      const found = items.find(({ textContent }) => textContent.startsWith(subject));
      if (found === undefined) throw new Error(`${subject} is not there`);
      return found;
    };
    within(of('One')).getByText('Sent');
    within(of('Two')).getByText('Being tried');
    within(of('Three')).getByText('Not delivered');
  });
});

test('a name that means something to HTML stays what it is', async () => {
  await open(undefined, { settings: { ...stored, methodName: '<b>الدفع</b> & “Bitcoin”' } });
  expect((await field(method)).value).toBe('<b>الدفع</b> & “Bitcoin”');
});

describe('confirm before charging', () => {
  const at = (holding: HoldsAnswer, post: object = {}) =>
    openAt('/settings', {
      ...{ 'GET /api/settings': answer(), 'GET /api/holds': holding, 'POST /api/holds': post },
    });

  test('is switched on at once, beside the form', async () => {
    const { asked } = await at(holds, { ok: true, ...holds, isOn: true });
    await userEvent.click(await screen.findByRole('button', { name: 'Switch on' }));
    await waitFor(() =>
      expect(bridge.toast).toHaveBeenCalledWith('New orders are confirmed before they are charged'),
    );
    expect(asked).toContainEqual(
      expect.objectContaining({ line: 'POST /api/holds', body: { on: true } }),
    );
  });

  test('says which line to run, and where to paste what it prints', async () => {
    const bake = 'lncli bakemacaroon uri:/invoicesrpc.Invoices/AddHoldInvoice';
    await at({ ...holds, nodeCanHold: false, bake });
    const on = await screen.findByRole('button', { name: 'Switch on' });
    expect(on.getAttribute('aria-disabled')).toBe('true');
    const how = screen.getByRole('button', { name: 'What your node needs for that' });
    await userEvent.click(how);
    screen.getByText(bake);
    screen.getByText('A credential that can receive and hold, and never send');
    screen.getByText('Your node’s credential cannot hold payments');
    screen.getByRole('button', { name: 'Connect and test' });
    // Pasted is what the line prints; where the node is, is known.
    const parts = screen.getByLabelText<HTMLInputElement>('Host, certificate and credential');
    expect(parts.checked).toBe(true);
    expect((await field('Host and port')).value).toBe('node.example.com:10009');
    await field('Credential (macaroon)');
    // So is its certificate, until another place is given.
    const certificate = { selector: 'textarea' };
    expect(screen.queryByLabelText(/certificate/i, certificate)).toBeNull();
    await userEvent.type(await field('Host and port'), '1');
    await screen.findByLabelText(/certificate/i, certificate);
  });
});
