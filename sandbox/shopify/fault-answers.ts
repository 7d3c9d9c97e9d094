/** How a fault looks on the wire. */

import type { Request, Response } from 'express';
import type { Clock } from './clock.ts';
import type { Fault, HttpFault } from './faults.ts';

const BUSY = `<!DOCTYPE html>
<html><head><title>Too many requests</title></head>
<body><h1>There was a problem loading this website</h1>
<p>Try refreshing the page.</p></body></html>`;

/** Answers for the fault. `real` is what would have been said, when the call was executed. */
export function answerWith(
  fault: Fault,
  context: { req: Request; res: Response; clock: Clock; real: string; status?: number },
): void {
  const { req, res, clock, real } = context;
  const retryAfter = fault.retryAfterSeconds;
  switch (fault.kind as HttpFault) {
    case 'status':
      if (retryAfter !== undefined) res.set('Retry-After', String(retryAfter));
      res
        .status(fault.status ?? 503)
        .type('json')
        .send('{"errors":"Unavailable"}');
      return;
    case 'html-429':
      res.status(429).type('html').send(BUSY);
      return;
    case 'json-429':
      res
        .status(429)
        .set('Retry-After', String(retryAfter ?? 2))
        .type('json')
        .send('{"errors":"Exceeded 2 calls per second for api client."}');
      return;
    case 'html-200':
      res.status(200).type('html').send(BUSY);
      return;
    case 'redirect':
      res.redirect(302, `https://${req.hostname}/somewhere-else`);
      return;
    case 'truncated':
      res.status(200).set('Content-Type', 'application/json; charset=utf-8');
      res.end(real.slice(0, Math.max(1, Math.floor(real.length / 2))));
      return;
    case 'reset':
      req.socket.resetAndDestroy();
      return;
    case 'timeout':
      clock.after(fault.delayMs ?? 60_000, () => req.socket.destroy());
      return;
    case 'slow':
      clock.after(fault.delayMs ?? 1_000, () =>
        res
          .status(context.status ?? 200)
          .type('json')
          .send(real),
      );
  }
}

/** Faults that spoil an answer always follow the effect; the rest as they are set. */
export const happensAfter = (fault: Fault): boolean =>
  fault.when === 'after' || fault.kind === 'truncated' || fault.kind === 'slow';
