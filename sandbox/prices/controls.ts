/**
 * The switches of the prices over HTTP, for a test in another process and for a person at a desk.
 *
 * `GET /` tells all of them. `POST /` takes any of `dollarsPerBitcoin`, `staleMs`, `drift`, `lie: {
 * source, basisPoints }`, `fault: { source, kind }` (`kind: null` ends it), `reset: true`; an
 * unknown word is a 400.
 */
import express, { Router } from 'express';
import { isSource, PRICE_FAULTS } from './market.ts';
import type { Market, PriceFault } from './market.ts';

type Wish = {
  dollarsPerBitcoin?: unknown;
  staleMs?: unknown;
  drift?: unknown;
  lie?: { source?: unknown; basisPoints?: unknown };
  fault?: { source?: unknown; kind?: unknown };
  reset?: unknown;
};

const isFault = (kind: unknown): kind is PriceFault => PRICE_FAULTS.some((known) => known === kind);

const grant = (market: Market, wish: Wish): void => {
  const { lie, fault } = wish;
  if (wish.reset === true) market.reset();
  if (typeof wish.dollarsPerBitcoin === 'string') {
    market.set({ dollarsPerBitcoin: wish.dollarsPerBitcoin });
  }
  if (typeof wish.staleMs === 'number') market.set({ staleMs: wish.staleMs });
  if (typeof wish.drift === 'number') market.drift(wish.drift);
  if (lie) {
    if (typeof lie.source !== 'string' || !isSource(lie.source)) throw new Error('which source?');
    if (typeof lie.basisPoints !== 'number') throw new Error('lie.basisPoints is a number');
    market.lie(lie.source, lie.basisPoints);
  }
  if (fault) {
    const { source, kind } = fault;
    if (typeof source !== 'string' || !isSource(source)) throw new Error('which source?');
    if (kind !== null && !isFault(kind)) throw new Error(`fault is ${PRICE_FAULTS.join(', ')}`);
    market.fault(source, kind);
  }
};

export const priceControls = (market: Market): Router => {
  const router = Router();
  router.get('/', (_request, response) => {
    response.json(market.controls);
  });
  router.post('/', express.json(), (request, response) => {
    try {
      grant(market, request.body as Wish);
      response.json(market.controls);
    } catch (error) {
      response.status(400).json({ error: error instanceof Error ? error.message : 'bad wish' });
    }
  });
  return router;
};
