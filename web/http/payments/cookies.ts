// The two cookies of the payments app's page: the state of a grant under way, and who is signed in.
// Neither can be read by a script, sent by another site's form, or set by a neighbour's host.
import type { Request, Response } from 'express';

/** Browsers take the prefix over https only, and then only from this very host. */
const named = (name: string, appUrl: string): string =>
  appUrl.startsWith('https://') ? `__Host-${name}` : name;

export type Cookie = 'zaptill_grant' | 'zaptill_page';

/** Undefined when it is not there, or there twice: then nobody knows whose it is. */
export function readCookie(request: Request, name: Cookie, appUrl: string): string | undefined {
  const wanted = `${named(name, appUrl)}=`;
  const found = (request.get('cookie') ?? '')
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(wanted));
  return found.length === 1 ? found[0]?.slice(wanted.length) : undefined;
}

const attributes = (appUrl: string) =>
  ({
    httpOnly: true,
    secure: appUrl.startsWith('https://'),
    sameSite: 'lax',
    path: '/',
    encode: String,
  }) as const;

/** `value`: letters, digits, `.`, `-` and `_`. */
export function setCookie(
  response: Response,
  cookie: { name: Cookie; value: string; seconds: number; appUrl: string },
): void {
  const { name, value, seconds, appUrl } = cookie;
  response.cookie(named(name, appUrl), value, { ...attributes(appUrl), maxAge: seconds * 1_000 });
}

export function dropCookie(response: Response, name: Cookie, appUrl: string): void {
  response.clearCookie(named(name, appUrl), attributes(appUrl));
}
