// What a person sees who opened an address in a browser, and nothing that they asked for can be
// shown: one sentence on a page, in their language. Programs get the same as JSON.
import { randomBytes } from 'node:crypto';
import type { Request, Response } from 'express';

/** Why there is nothing else to show. */
export type NothingToShow = 'busy' | 'too_often' | 'defect' | 'unreadable' | 'nothing_here';

const sentences: Record<NothingToShow, Record<'en' | 'de', string>> = {
  busy: {
    en: 'This page cannot be shown right now. It tries again by itself. Payments are not lost.',
    de:
      'Diese Seite kann gerade nicht gezeigt werden. Sie versucht es von selbst noch einmal. ' +
      'Zahlungen gehen nicht verloren.',
  },
  too_often: {
    en: 'Too many tries from one address. Wait a minute, then load this page again.',
    de:
      'Zu viele Versuche von einer Adresse. Warten Sie eine Minute und laden Sie die Seite dann ' +
      'noch einmal.',
  },
  defect: {
    en: 'Something went wrong on our side, and it was written down. Load this page again.',
    de:
      'Auf unserer Seite ging etwas schief, und es wurde aufgeschrieben. Laden Sie die Seite ' +
      'noch einmal.',
  },
  unreadable: {
    en: 'This address cannot be read. It may have been cut off on the way.',
    de: 'Diese Adresse ist nicht lesbar. Vielleicht wurde sie unterwegs abgeschnitten.',
  },
  nothing_here: {
    en: 'There is nothing at this address. Go back, or open the app from your Shopify admin.',
    de:
      'Unter dieser Adresse gibt es nichts. Gehen Sie zurück, oder öffnen Sie die App in Ihrem ' +
      'Shopify-Admin.',
  },
};

/** Somebody looks at the answer: a browser asks for a page, a program for JSON or for anything. */
export const isForPerson = (request: Request): boolean =>
  request.method === 'GET' && request.accepts(['json', 'html']) === 'html';

/** It may stand in any frame: there is nothing on it to be pressed. */
export function answerPage(
  request: Request,
  response: Response,
  about: { status: number; because: NothingToShow },
): void {
  const { status, because } = about;
  const language = request.acceptsLanguages(['en', 'de']) === 'de' ? 'de' : 'en';
  const nonce = randomBytes(16).toString('base64');
  const again = because === 'busy' ? '<meta http-equiv="refresh" content="5">' : '';
  response
    .status(status)
    .set({
      'Cache-Control': 'no-store',
      'Content-Security-Policy': `default-src 'none'; style-src 'nonce-${nonce}'`,
      'Referrer-Policy': 'no-referrer',
    })
    .type('html')
    .send(
      `<!doctype html><html lang="${language}"><meta charset="utf-8">${again}` +
        '<meta name="viewport" content="width=device-width"><title>Zaptill</title>' +
        `<style nonce="${nonce}">${style}</style>` +
        `<main><h1>Zaptill</h1><p>${sentences[because][language]}</p></main></html>`,
    );
}

const style =
  ':root{color-scheme:light dark;font:1rem/1.5 system-ui,sans-serif}' +
  'main{max-inline-size:32rem;margin:15vh auto;padding-inline:1.5rem}h1{font-size:1.25rem}';
