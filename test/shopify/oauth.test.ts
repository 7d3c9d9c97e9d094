import { createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { authorizeUrl, gatewaySettingsUrl, proveAddress } from '../../web/shopify/oauth.ts';

const app = { clientId: 'client-1', secrets: ['hush'] };
const other = { clientId: 'client-2', secrets: ['older', 'other'] };
/** Of shopify-api's own tests: the sum over it with the secret `hush` is known. */
const known = {
  code: '0907a61c0c8d55e99db179b68161bc00',
  host: 'YWRtaW4uc2hvcGlmeS5jb20vc3RvcmUvc2hvcDE',
  shop: 'shop1.myshopify.com',
  state: '0.6784241404160823',
  timestamp: '1337178173',
};
const knownHmac = 'd15c637e62e93fa7d930e8951409d4545760b5c377cc6301fe5aadb652c32c7f';
const then = new Date(1_337_178_173_000);

const prove = (query: string | Record<string, string>, now = then) =>
  proveAddress(new URLSearchParams(query), { apps: [other, app], now });
const signed = (parts: Record<string, string>, secret = 'hush'): Record<string, string> => {
  const sorted = Object.entries(parts).sort(([a], [b]) => (a < b ? -1 : 1));
  const text = new URLSearchParams(sorted).toString();
  return { ...parts, hmac: createHmac('sha256', secret).update(text).digest('hex') };
};

describe('an address that Shopify signed', () => {
  test('is believed, and names the app whose secret fits', () => {
    expect(prove({ ...known, hmac: knownHmac })).toEqual({ ok: true, app, shop: known.shop });
    expect(prove(signed(known, 'other'))).toEqual({ ok: true, app: other, shop: known.shop });
    // While a secret is rotated both are good.
    expect(prove(signed(known, 'older'))).toEqual({ ok: true, app: other, shop: known.shop });
  });

  test('whatever the order of its parts, and with signs that are encoded', () => {
    const turned = Object.fromEntries(Object.entries({ ...known, hmac: knownHmac }).reverse());
    expect(prove(turned).ok).toBe(true);
    expect(prove(signed({ ...known, 'a b': 'ü&=+ ~*' })).ok).toBe(true);
  });

  test('is good for ninety seconds in either direction', () => {
    const at = (seconds: number) => {
      const proof = prove(
        { ...known, hmac: knownHmac },
        new Date(then.getTime() + seconds * 1_000),
      );
      return proof.ok ? 'good' : proof.because;
    };
    expect([at(90), at(-90)]).toEqual(['good', 'good']);
    expect([at(91), at(-91)]).toEqual(['over', 'over']);
  });
});

describe('an address that Shopify did not sign', () => {
  const because = (query: string | Record<string, string>) => {
    const proof = prove(query);
    return proof.ok ? 'good' : proof.because;
  };
  const { shop: _shop, ...shopless } = known;
  test.each([
    ['without a signature', known, 'incomplete'],
    ['with an empty one', { ...known, hmac: '' }, 'wrong_signature'],
    ['with one in capitals', { ...known, hmac: knownHmac.toUpperCase() }, 'wrong_signature'],
    ['with half of it', { ...known, hmac: knownHmac.slice(0, 32) }, 'wrong_signature'],
    ['with one bit changed', { ...known, hmac: `e${knownHmac.slice(1)}` }, 'wrong_signature'],
    ['by another secret', signed(known, 'hush!'), 'wrong_signature'],
    ['with a part more', { ...known, hmac: knownHmac, extra: '1' }, 'wrong_signature'],
    ['with another code', { ...known, code: 'x', hmac: knownHmac }, 'wrong_signature'],
    ['without a shop', signed(shopless), 'wrong_shop'],
    ['with a shop in capitals', signed({ ...known, shop: 'SHOP1.myshopify.com' }), 'wrong_shop'],
    ['with a shop of another domain', signed({ ...known, shop: 'evil.example' }), 'wrong_shop'],
    [
      'with a path as shop',
      signed({ ...known, shop: 'evil.example/.myshopify.com' }),
      'wrong_shop',
    ],
    ['with a line end', signed({ ...known, shop: 'shop1.myshopify.com\n' }), 'wrong_shop'],
    ['without a time', signed({ ...known, timestamp: '' }), 'over'],
    ['with a time that is none', signed({ ...known, timestamp: '1e9' }), 'over'],
    ['with an endless code', signed({ ...known, code: 'x'.repeat(3_000) }), 'incomplete'],
  ])('%s is refused', (_name, query, fault) => {
    expect(because(query)).toBe(fault);
  });

  test('with a part that stands there twice is refused, whichever of the two was signed', () => {
    const query = new URLSearchParams({ ...known, hmac: knownHmac }).toString();
    expect(because(`${query}&shop=shop1.myshopify.com`)).toBe('incomplete');
    expect(because(`shop=evil.myshopify.com&${query}`)).toBe('incomplete');
    expect(because(`${query}&hmac=${knownHmac}`)).toBe('incomplete');
  });
});

test('the addresses at Shopify', () => {
  const redirectUri = 'https://pay.example.com/payments/auth/callback';
  const url = authorizeUrl({ shop: known.shop, clientId: 'client-1', redirectUri, state: 'a+b' });
  expect(url).toBe(
    'https://shop1.myshopify.com/admin/oauth/authorize?client_id=client-1' +
      '&scope=write_payment_gateways%2Cwrite_payment_sessions' +
      '&redirect_uri=https%3A%2F%2Fpay.example.com%2Fpayments%2Fauth%2Fcallback' +
      '&state=a%2Bb&grant_options%5B%5D=',
  );
  expect(gatewaySettingsUrl({ shop: known.shop, clientId: 'client-1' })).toBe(
    'https://shop1.myshopify.com/services/payments_partners/gateways/client-1/settings',
  );
});
