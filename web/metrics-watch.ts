// What wiring hands to the rooms that speak with the outside, so that their calls are counted.
import { agreePrice, quotePolicy } from './core/quote.ts';
import type { Clock, Rates } from './core/ports.ts';
import type { OpenNode, NodeOptions } from './lightning/node.ts';
import type { Metrics } from './metrics.ts';

/** The same prices; each time it is counted whether enough of the sources agreed on them. */
export function watchedRates(rates: Rates, about: { metrics: Metrics; clock: Clock }): Rates {
  return {
    pricesFor: async (currency, among) => {
      const prices = await rates.pricesFor(currency, among);
      const now = about.clock();
      const priced = agreePrice(prices, { currency, now, policy: quotePolicy });
      if (!priced.ok) about.metrics.rateQuorum({ is: priced.refusal, currency });
      else {
        const { sources, spreadBasisPoints } = priced.agreed;
        const oldestMs = Math.min(...sources.map(({ at }) => at.getTime()));
        about.metrics.rateQuorum({
          ...{ is: 'agreed', currency, sources: sources.length },
          ...{ spread: spreadBasisPoints / 10_000, oldestAt: new Date(oldestMs) },
        });
      }
      return prices;
    },
  };
}

export type NodesWatch = {
  /** For one node's connections. */
  of: (nodeId: number) => NonNullable<NodeOptions['watch']>;
  opened: (nodeId: number, node: OpenNode) => void;
  forgotten: (nodeId: number) => void;
  /** Node -> when the certificate ends that it showed last. */
  certificates: ReadonlyMap<number, Date>;
};

export function watchNodes(metrics: Metrics): NodesWatch {
  const certificates = new Map<number, Date>();
  const open = new Map<number, OpenNode>();
  metrics.hedgeBudgetIs(() =>
    open.size === 0 ? undefined : Math.min(...[...open.values()].map((node) => node.hedgeBudget())),
  );
  return {
    of: (nodeId) => ({
      called: ({ method, code, ms }) => {
        metrics.nodeRpc.inc({ method, code });
        if (ms !== undefined) metrics.nodeRpcSeconds.observe({ method }, ms / 1_000);
      },
      certificate: (endsAt) => certificates.set(nodeId, endsAt),
      blocked: () => metrics.ssrfBlocked.inc({ way: 'node' }),
    }),
    opened: (nodeId, node) => open.set(nodeId, node),
    forgotten: (nodeId) => {
      open.delete(nodeId);
      certificates.delete(nodeId);
    },
    certificates,
  };
}
