import { screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { expect, test } from 'vitest';
import { bridge, openAt, shop, type SaveBarElement } from '../test-dom.ts';

const label = 'Exact name of the manual payment method';
const field = (): Promise<HTMLInputElement> => screen.findByLabelText<HTMLInputElement>(label);
const bar = (): SaveBarElement => {
  const found = document.querySelector<SaveBarElement>('ui-save-bar#zt-settings');
  if (found === null) throw new Error('There is no save bar.');
  return found;
};
const press = (which: 'Save' | 'Discard'): void => {
  const buttons = [...bar().querySelectorAll('button')];
  buttons.find(({ textContent }) => textContent === which)?.click();
};

test('a change opens the save bar; saving stores the name without its spaces', async () => {
  const { asked } = await openAt('/settings', {
    'GET /api/shop': shop,
    'POST /api/method': { ok: true, name: 'Lightning' },
  });
  const user = userEvent.setup();
  await user.clear(await field());
  expect(bar().showing).toBe(true);
  await user.type(await field(), ' Lightning ');
  press('Save');
  await waitFor(() => {
    expect(bar().showing).toBe(false);
  });
  expect(asked.at(-1)).toMatchObject({
    line: 'POST /api/method',
    body: { name: 'Lightning' },
    token: 'Bearer token',
  });
  expect(bridge.toast).toHaveBeenCalledWith('Settings saved');
  expect((await field()).value).toBe('Lightning');
});

test('an empty name is said beside the field and is not sent', async () => {
  const { asked } = await openAt('/settings', { 'GET /api/shop': shop });
  await userEvent.clear(await field());
  screen.getByText('Give the name, as Shopify shows it.');
  press('Save');
  expect(asked.map(({ line }) => line)).toEqual(['GET /api/shop']);
  expect((await field()).getAttribute('aria-invalid')).toBe('true');
});

test('the server’s no is said beside the field', async () => {
  const no = () => Response.json({ ok: false, sentence: 'Another name.' }, { status: 422 });
  await openAt('/settings', { 'GET /api/shop': shop, 'POST /api/method': no });
  await userEvent.type(await field(), '!');
  press('Save');
  await screen.findByText('Another name.');
  expect(bar().showing).toBe(true);
});

test('a network that is away loses nothing, and the second try stores it', async () => {
  let answer: object = new TypeError('offline');
  await openAt('/settings', { 'GET /api/shop': shop, 'POST /api/method': () => answer });
  await userEvent.type(await field(), ' 2');
  press('Save');
  await screen.findByText('The settings are not saved yet');
  expect((await field()).value).toBe('Bitcoin (Lightning) 2');
  expect(bar().showing).toBe(true);
  answer = { ok: true, name: 'Bitcoin (Lightning) 2' };
  await userEvent.click(screen.getByRole('button', { name: 'Try again' }));
  await waitFor(() => {
    expect(bar().showing).toBe(false);
  });
});

test('discarding brings back what is stored', async () => {
  await openAt('/settings', { 'GET /api/shop': shop });
  await userEvent.type(await field(), ' 2');
  press('Discard');
  await waitFor(() => {
    expect(bar().showing).toBe(false);
  });
  expect((await field()).value).toBe('Bitcoin (Lightning)');
});
