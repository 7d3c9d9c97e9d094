// Our open doors in this process, a shop at the stand-in, and a merchant whose browser has cookies
// and no screen: what the tests of the payments app's own page share.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { randomBytes } from 'node:crypto';
import { startLnd, type LndSimulator } from '../sandbox/lnd/index.ts';
import { startShopify, type Shopify } from '../sandbox/shopify/index.ts';
import { readConfig } from '../web/config.ts';
import { makeApp } from '../web/http/app.ts';
import type { Doors } from '../web/http/doors.ts';
import { makeLog } from '../web/log.ts';
import { wire, type Wired } from '../web/wiring.ts';
import { testDatabase } from './database.ts';

export const shop = 'alpine.myshopify.com';
export const otherShop = 'other.myshopify.com';
export const merchantApp = {
  name: 'zaptill',
  clientId: 'client-merchant',
  secret: 'shpss_merchant',
};
export const paymentsApp = {
  name: 'offsite',
  clientId: 'client-payments',
  secret: 'shpss_payments',
};
const appOf = ({ name, clientId, secret }: typeof paymentsApp) => ({
  ...{ name, clientId, clientSecret: secret },
});

export type Face = {
  appUrl: string;
  shopify: Shopify;
  lnd: LndSimulator;
  wired: Wired;
  /** The same doors with something else about them, on an address of their own. */
  another: (change: Partial<Doors>) => Promise<string>;
  close: () => Promise<void>;
};

export async function openFace(): Promise<Face> {
  const place = await testDatabase();
  const server: Server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const port = (server.address() as AddressInfo).port;
  const appUrl = `http://127.0.0.1:${String(port)}`;
  const door = 'https://127.0.0.1:9/payments';
  const payments = { paymentSessionUrl: `${door}/session`, refundSessionUrl: `${door}/refund` };
  const shopify = await startShopify({
    apps: [
      { ...merchantApp, appUrl, extension: null },
      { ...paymentsApp, appUrl, payments },
    ],
    shops: [{ domain: shop }, { domain: otherShop }],
  });
  const lnd = await startLnd({ alias: 'alpine-node' });
  const config = readConfig({
    PORT: String(port),
    APP_URL: appUrl,
    DATABASE_URL: place.url,
    VAULT_KEYS: `1:${randomBytes(32).toString('base64')}`,
    OUTSIDE_ORIGIN: shopify.origin,
    ALLOW_PRIVATE_NODES: 'true',
  });
  const wired = wire({ config, log: makeLog({ level: 'silent' }), databaseUrl: place.url });
  await wired.registerApp(appOf(merchantApp));
  await wired.registerApp({ kind: 'payments', ...appOf(paymentsApp) });
  server.on('request', makeApp(wired.doors()));
  const others: Server[] = [];
  const another = async (change: Partial<Doors>): Promise<string> => {
    const other = createServer(makeApp({ ...wired.doors(), ...change }));
    others.push(other);
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${String((other.address() as AddressInfo).port)}`;
  };
  return {
    ...{ appUrl, shopify, lnd, wired, another },
    close: async () => {
      for (const each of [server, ...others]) {
        each.closeAllConnections();
        await new Promise((resolve) => each.close(resolve));
      }
      await shopify.close();
      await lnd.stop();
      await wired.close();
      await place.close();
    },
  };
}

export type Answer = { status: number; headers: Headers; text: string; location: string };
type Ask = { form?: Record<string, string>; headers?: Record<string, string> };

export type Visitor = {
  /** One request; redirects are followed by `follow` only. */
  ask: (url: string, about?: Ask) => Promise<Answer>;
  /** The redirects of an answer, to their end. */
  follow: (answer: Answer) => Promise<Answer>;
  /** Of our own origin, by name. */
  cookies: Map<string, string>;
};

/** A browser of a merchant. */
export function visitor(face: Pick<Face, 'appUrl'>, language = 'en-GB'): Visitor {
  const cookies = new Map<string, string>();
  const keep = (line: string): void => {
    const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
    if (value === '' || /max-age=0|expires=Thu, 01 Jan 1970/i.test(line)) cookies.delete(name);
    else cookies.set(name, value);
  };
  const ask: Visitor['ask'] = async (url, { form, headers } = {}) => {
    const at = new URL(url, face.appUrl);
    const isOurs = at.origin === face.appUrl;
    const jar = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const answer = await fetch(at, {
      redirect: 'manual',
      method: form === undefined ? 'GET' : 'POST',
      headers: {
        'Accept-Language': language,
        ...(isOurs && jar !== '' ? { Cookie: jar } : {}),
        ...(form === undefined ? {} : { Origin: at.origin }),
        ...headers,
      },
      ...(form === undefined ? {} : { body: new URLSearchParams(form) }),
    });
    if (isOurs) answer.headers.getSetCookie().forEach(keep);
    const location = answer.headers.get('location') ?? '';
    return {
      status: answer.status,
      headers: answer.headers,
      text: await answer.text(),
      location: location === '' ? '' : new URL(location, at).href,
    };
  };
  const follow: Visitor['follow'] = async (answer) => {
    let last = answer;
    for (let steps = 0; last.location !== '' && steps < 10; steps += 1) {
      last = await ask(last.location);
    }
    return last;
  };
  return { ask, follow, cookies };
}

/** Opens the app as the admin does and approves it; ends on the page. */
export async function signIn(face: Face, who: Visitor, of: string = shop): Promise<Answer> {
  const begun = await who.ask(`/payments?shop=${of}`);
  const asked = await who.ask(begun.location);
  // The page on which the merchant approves; an installed app is not asked about again.
  const approved = asked.status === 200 ? await who.ask(begun.location, { form: {} }) : asked;
  return who.follow(approved);
}

/** The hidden word of the forms on a page. */
export const formToken = ({ text }: Answer): string =>
  /name="form_token" value="([^"]+)"/.exec(text)?.[1] ?? '';
