// Serves pay pages from views by name: the same document, headers and script that buyers get. A
// test changes a view and sees what the page makes of it.
import { EventEmitter } from 'node:events';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { renderNotFound, renderPayPage } from '../../web/frontend/buyer/page.ts';
import type { PayView } from '../../web/frontend/shared/pay-view.ts';
import { builtFile, manifestOf } from './pages.ts';

/** A stream that is refused, or one that a proxy holds back: open, and nothing comes through. */
export type Stream = 'open' | 'refused' | 'held_back';

export class PayPages {
  readonly views: Map<string, PayView>;
  stream: Stream = 'open';
  /** Every request, as `GET /pay/waiting/status`. */
  readonly asked: string[] = [];
  /** What a new price changes; a test gives it. */
  onQuote: (view: PayView) => Partial<PayView> = () => ({});
  readonly #changes = new EventEmitter().setMaxListeners(100);
  #revision = 1;

  constructor(views: Readonly<Record<string, PayView>>) {
    this.views = new Map(
      Object.entries(views).map(([name, view]) => [name, { ...view, id: name }]),
    );
  }

  change(name: string, part: Partial<PayView>): void {
    const view = this.views.get(name);
    if (view === undefined) throw new Error(`There is no page ${name}.`);
    this.#revision += 1;
    this.views.set(name, { ...view, ...part, revision: `r${this.#revision}` });
    this.#changes.emit(name);
  }

  readonly listener: RequestListener = (request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://page');
    this.asked.push(`${request.method ?? ''} ${pathname}`);
    const [, first, name = '', leaf] = pathname.split('/');
    if (first === 'pay-assets') sendBuilt(pathname.slice('/pay-assets/'.length), response);
    else if (leaf === 'events') this.#follow(name, response);
    else if (leaf === 'status') sendJson(this.views.get(name), response);
    else if (leaf === 'quote') this.#quote(name, response);
    else this.#page(name, { request, response });
  };

  #page(name: string, at: { request: IncomingMessage; response: ServerResponse }): void {
    const view = this.views.get(name);
    const built = manifestOf('buyer')?.['client/pay.ts'];
    const assets = built === undefined ? {} : { script: `/pay-assets/${built.file}` };
    const locale = at.request.headers['accept-language']?.split(',')[0] ?? 'en';
    const { html, headers } =
      view === undefined ? renderNotFound({ locale }) : renderPayPage(view, { locale, assets });
    at.response.writeHead(view === undefined ? 404 : 200, headers).end(html);
  }

  #quote(name: string, response: ServerResponse): void {
    const view = this.views.get(name);
    if (view !== undefined) this.change(name, this.onQuote(view));
    response.writeHead(303, { Location: `/pay/${name}` }).end();
  }

  #follow(name: string, response: ServerResponse): void {
    const view = this.views.get(name);
    if (view === undefined || view.final || this.stream === 'refused') {
      response.writeHead(204).end();
      return;
    }
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
    response.flushHeaders();
    if (this.stream === 'held_back') return;
    const pulse = (): void => {
      const { revision, final, now } = this.views.get(name) ?? view;
      response.write(`event: pulse\ndata: ${JSON.stringify({ revision, final, now })}\n\n`);
    };
    pulse();
    this.#changes.on(name, pulse);
    response.on('close', () => this.#changes.off(name, pulse));
  }
}

function sendJson(view: PayView | undefined, response: ServerResponse): void {
  response.writeHead(view === undefined ? 404 : 200, { 'Content-Type': 'application/json' });
  response.end(JSON.stringify(view ?? {}));
}

function sendBuilt(name: string, response: ServerResponse): void {
  const file = builtFile('buyer', name);
  if (file === undefined) response.writeHead(404).end();
  else response.writeHead(200, { 'Content-Type': file.type }).end(file.body);
}
