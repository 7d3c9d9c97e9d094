/**
 * The switches of simulated nodes over HTTP, for a test in another process and for a person at a
 * desk. Mount it where only this machine can reach it: it hands out macaroons and breaks things.
 *
 * `GET /` is a page. `GET /nodes` tells of all nodes, `GET /nodes/:alias` of one, with its faults;
 * `/nodes/:alias/ledger`, `/invoices` and `/lndconnect?macaroon=receive` tell more.
 * `POST /nodes/:alias/faults` sets plain faults, `/method` one method's, `/lie` a claim,
 * `/pay` lets a buyer pay, and `/do` takes `{ "action": ... }` of `ACTIONS`.
 */
import express, { Router } from 'express';
import type { Request, Response } from 'express';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  ACTIONS,
  applyFaults,
  applyLie,
  applyMethodFault,
  isAction,
  msatWish,
  WishError,
} from './wishes.ts';
import { controlPage } from './control-page.ts';
import { isMacaroonName } from './permissions.ts';
import type { LndSimulator } from './simulator.ts';

type Nodes = () => readonly LndSimulator[];

const plain = (_key: string, value: unknown): unknown =>
  typeof value === 'bigint' ? value.toString() : value;
const send = (response: Response, value: unknown, status = 200): void => {
  response.status(status).type('json').send(JSON.stringify(value, plain));
};

export const stateOf = (node: LndSimulator): object => ({
  alias: node.alias,
  publicKey: node.publicKey,
  network: node.network,
  socket: node.socket,
  isUp: node.isUp,
  phase: node.phase,
  height: node.height,
  invoices: node.invoices.all().length,
  settled: node.invoices.all().filter(({ state }) => state === 'SETTLED').length,
  paidMsat: node.ledger.totalMsat(),
  openStreams: node.openStreams(),
  faults: node.faults.current(),
  methodFaults: node.faults.methods().map(([method, { fault, left }]) => ({
    method,
    fault,
    left: left === Infinity ? 'all' : left,
  })),
});

type Body = Record<string, unknown>;
type Deed = (node: LndSimulator, body: Body) => unknown;

const doAction: Deed = async (node, body) => {
  const { action } = body;
  if (!isAction(action)) throw new WishError(`action is one of ${Object.keys(ACTIONS).join(', ')}`);
  await ACTIONS[action](node, body);
  return stateOf(node);
};

const pay: Deed = (node, body) => {
  if (typeof body['request'] !== 'string') throw new WishError('request is a BOLT11 text');
  const { parts, of, late, again } = body;
  const amountMsat = msatWish(body['amountMsat']);
  return node.pay(body['request'], {
    ...(amountMsat === undefined ? {} : { amountMsat }),
    ...(typeof parts === 'number' ? { parts } : {}),
    ...(typeof of === 'number' ? { of } : {}),
    ...(typeof late === 'number' ? { late } : {}),
    ...(again === true ? { again } : {}),
  });
};

const deeds: Record<string, Deed> = {
  do: doAction,
  pay,
  faults: (node, body) => {
    applyFaults(node, body);
    return stateOf(node);
  },
  method: (node, body) => {
    applyMethodFault(node, body);
    return stateOf(node);
  },
  lie: (node, body) => {
    applyLie(node, body);
    return stateOf(node);
  },
};

const lndconnect = (node: LndSimulator, request: Request): object => {
  const { macaroon = 'receive-useful' } = request.query;
  if (!isMacaroonName(macaroon)) throw new WishError('no macaroon of that name');
  return { uri: node.lndconnect(node.macaroon(macaroon)) };
};

const views: Record<string, (node: LndSimulator, request: Request) => unknown> = {
  ledger: (node) => node.ledger.entries,
  invoices: (node) => node.invoices.all(),
  lndconnect,
};

export const nodeControls = (nodes: Nodes): Router => {
  const router = Router();
  const answer = async (
    request: Request<{ alias: string }>,
    response: Response,
    work: (node: LndSimulator) => unknown,
  ): Promise<void> => {
    const node = nodes().find(({ alias }) => alias === request.params.alias);
    if (!node) {
      send(response, { error: 'no node of that name' }, 404);
      return;
    }
    try {
      send(response, await work(node));
    } catch (error) {
      if (!(error instanceof WishError)) throw error;
      send(response, { error: error.message }, 400);
    }
  };
  router.get('/', (_request, response) => {
    response.type('html').send(controlPage(nodes()));
  });
  router.get('/nodes', (_request, response) => {
    send(response, nodes().map(stateOf));
  });
  router.get('/nodes/:alias', (request, response) => answer(request, response, stateOf));
  for (const [name, view] of Object.entries(views)) {
    router.get(`/nodes/:alias/${name}`, (request, response) =>
      answer(request, response, (node) => view(node, request)),
    );
  }
  const bodies = [express.json(), express.urlencoded({ extended: false })];
  for (const [name, deed] of Object.entries(deeds)) {
    router.post(
      `/nodes/:alias/${name}`,
      ...bodies,
      (request: Request<{ alias: string }>, response) =>
        // A form goes back to the page it came from.
        request.is('urlencoded')
          ? answerForm(nodes(), request, response, deed)
          : answer(request, response, (node) => deed(node, request.body as Body)),
    );
  }
  return router;
};

const answerForm = async (
  nodes: readonly LndSimulator[],
  request: Request<{ alias: string }>,
  response: Response,
  deed: Deed,
): Promise<void> => {
  const node = nodes.find(({ alias }) => alias === request.params.alias);
  if (node) await deed(node, request.body as Body);
  response.redirect(303, `${request.baseUrl}/`);
};

/** Serves the switches by themselves, on this machine only. */
export const startControl = async (options: {
  nodes: Nodes;
  port?: number;
}): Promise<{ port: number; close: () => void }> => {
  const app = express();
  app.use(nodeControls(options.nodes));
  const server = await new Promise<Server>((resolve) => {
    const started = app.listen(options.port ?? 0, '127.0.0.1', () => {
      resolve(started);
    });
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
};
