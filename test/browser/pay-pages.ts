// Serves pay pages from views by name: the same document, headers and script that buyers get.
import type { RequestListener } from 'node:http';
import { renderNotFound, renderPayPage } from '../../web/frontend/buyer/page.ts';
import type { PayView } from '../../web/frontend/shared/pay-view.ts';
import { builtFile, manifestOf } from './pages.ts';

export function payPages(views: Readonly<Record<string, PayView>>): RequestListener {
  const built = Object.values(manifestOf('buyer') ?? {}).find(({ isEntry }) => isEntry);
  const assets = built === undefined ? {} : { script: `/pay-assets/${built.file}` };
  return (request, response) => {
    const [, first, name = '', leaf] = new URL(request.url ?? '/', 'http://x').pathname.split('/');
    if (first === 'pay-assets') {
      const file = builtFile('buyer', request.url?.slice('/pay-assets/'.length) ?? '');
      if (file === undefined) response.writeHead(404).end();
      else response.writeHead(200, { 'Content-Type': file.type }).end(file.body);
      return;
    }
    const view = views[name] ?? Object.values(views).find(({ id }) => id === name);
    if (leaf === 'events') {
      response.writeHead(204).end();
      return;
    }
    if (leaf === 'status') {
      response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(view));
      return;
    }
    const locale = request.headers['accept-language']?.split(',')[0] ?? 'en';
    const { html, headers } =
      view === undefined ? renderNotFound({ locale }) : renderPayPage(view, { locale, assets });
    response.writeHead(view === undefined ? 404 : 200, headers).end(html);
  };
}
