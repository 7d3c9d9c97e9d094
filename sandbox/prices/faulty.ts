/**
 * The failures that all three share, in front of their answers: 503, 429, silence, rubbish, and old
 * times.
 */
import type { RequestHandler } from 'express';
import type { Market, Source } from './market.ts';

const GATEWAY =
  '<html><head><title>503 Service Temporarily Unavailable</title></head>' +
  '<body><h1>503 Service Temporarily Unavailable</h1></body></html>';

export const faulty =
  (market: Market, source: Source): RequestHandler =>
  (_request, response, next) => {
    response.setHeader('Date', new Date(market.time(source)).toUTCString());
    switch (market.controls.faults[source]) {
      case 'unavailable':
        response.status(503).type('html').send(GATEWAY);
        return;
      case 'too-many':
        response
          .status(429)
          .setHeader('Retry-After', '30')
          .json({ error: ['EAPI:Rate limit'] });
        return;
      case 'silence':
        return;
      case 'garbage':
        response.type('json').send('{"data":{"amount":');
        return;
      case 'stale':
        response.setHeader('Age', String(Math.floor(market.controls.staleMs / 1000)));
        next();
        return;
      case 'zero':
      case 'negative':
      case 'absurd':
      case null:
        next();
    }
  };
