// How the payments app's pages are sent.
import type { Request, Response } from 'express';
import { renderMessage, type Rendered } from '../../frontend/payments/page.ts';
import type { Message } from '../../frontend/payments/view.ts';

export const languageOf = (request: Request): string => {
  const [first = 'en'] = request.acceptsLanguages();
  return first;
};

export function show(response: Response, status: number, { html, headers }: Rendered): void {
  response.status(status).set(headers).send(html);
}

/** `shop`: the one for which the merchant may begin again. */
export function showMessage(
  request: Request,
  about: {
    response: Response;
    message: Message;
    status: number;
    shop?: string | undefined;
    /** There is a page to go back to. */
    isSignedIn?: boolean;
  },
): void {
  const { response, message, status, shop, isSignedIn } = about;
  const again = { url: `/payments?shop=${shop ?? ''}`, word: 'message.start_again' } as const;
  const back = { url: '/payments', word: 'message.open_page' } as const;
  const start = isSignedIn === true ? back : shop === undefined ? undefined : again;
  const locale = languageOf(request);
  show(response, status, renderMessage({ locale, message, ...(start && { start }) }));
}
