/**
 * SubscribeInvoices and SubscribeSingleInvoice: who is told what, with LND's gaps.
 *
 * What LND does and a kinder stand-in would not: no event for held or canceled invoices; a settle
 * whose index is not above the one subscribed with is withheld for good; a replay shows invoices in
 * their present state; "0" means no replay; replay and live may overlap. Source:
 * invoiceregistry.go, dispatchToClients and deliverBacklogEvents.
 */
import type { Invoice } from './invoice.ts';
import type { Registry, RegistryEvent } from './registry.ts';

/** How the node's database replays settles. */
export type Store = 'bbolt' | 'sql';

const LARGEST_INT64 = 2n ** 63n - 1n;

type Client = {
  addIndex: bigint;
  settleIndex: bigint;
  send: (invoice: Invoice) => void;
};

const isTold = (client: Client, invoice: Invoice): boolean => {
  if (invoice.kind === 'amp') return true;
  if (invoice.state === 'SETTLED') return client.settleIndex < BigInt(invoice.settleIndex);
  return invoice.state === 'OPEN' && client.addIndex < BigInt(invoice.addIndex);
};

/** With native SQL the index plus one overflows, and the query then finds everything. */
const startOf = (index: bigint, store: Store): bigint =>
  store === 'sql' && index >= LARGEST_INT64 ? 0n : index;

export const replay = (
  registry: Registry,
  from: { addIndex: bigint; settleIndex: bigint; store: Store },
): Invoice[] => {
  const all = registry.all();
  const added =
    from.addIndex > 0n
      ? all.filter(
          (invoice) =>
            BigInt(invoice.addIndex) > startOf(from.addIndex, from.store) &&
            (invoice.state === 'OPEN' || invoice.state === 'SETTLED'),
        )
      : [];
  if (from.settleIndex === 0n) return added;
  const settled = all.filter(
    (invoice) =>
      invoice.state === 'SETTLED' &&
      BigInt(invoice.settleIndex) > startOf(from.settleIndex, from.store),
  );
  // bbolt walks its settle index; native SQL orders by the invoice's row.
  if (from.store === 'bbolt') settled.sort((a, b) => a.settleIndex - b.settleIndex);
  return [...added, ...settled];
};

export type Subscriptions = ReturnType<typeof subscriptionsOf>;

export const subscriptionsOf = (registry: Registry, store: () => Store) => {
  const clients = new Set<Client>();
  const singles = new Map<string, Set<(invoice: Invoice) => void>>();

  const dispatch = (invoice: Invoice): void => {
    for (const client of clients) {
      if (!isTold(client, invoice)) continue;
      if (invoice.state === 'SETTLED') client.settleIndex = BigInt(invoice.settleIndex);
      else client.addIndex = BigInt(invoice.addIndex);
      client.send(invoice);
    }
  };
  registry.onEvent((event: RegistryEvent, invoice) => {
    if (event === 'added' || event === 'settled') dispatch(invoice);
    for (const tell of singles.get(invoice.hash) ?? []) tell(invoice);
  });
  return {
    /** Replays, then follows. Returns how to stop. */
    subscribe: (
      from: { addIndex: bigint; settleIndex: bigint },
      tell: { replayed: (invoices: Invoice[]) => void; live: (invoice: Invoice) => void },
    ): (() => void) => {
      const client: Client = { ...from, send: tell.live };
      tell.replayed(replay(registry, { ...from, store: store() }));
      clients.add(client);
      return () => clients.delete(client);
    },
    /** Tells every client about an invoice, whatever they know already. */
    announce: (invoice: Invoice): void => {
      for (const client of clients) client.send(invoice);
    },
    /** The present state at once, if there is such an invoice, and every change. */
    subscribeSingle: (hash: string, tell: (invoice: Invoice) => void): (() => void) => {
      const listeners = singles.get(hash) ?? new Set();
      singles.set(hash, listeners.add(tell));
      const known = registry.get(hash);
      if (known) tell(known);
      return () => {
        listeners.delete(tell);
        if (listeners.size === 0) singles.delete(hash);
      };
    },
  };
};
