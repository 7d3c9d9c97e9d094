// "Confirm before charging": the merchant switches it on, and charges or lets go what is held.
import { z } from 'zod';
import { holdOutcomeOf, holdOutcomes } from '../../core/hold.ts';
import * as views from '../../db/views.ts';
import { askOfHold, type HoldAskedOf } from '../../flows/ask-of-hold.ts';
import { switchHolds } from '../../flows/switch-holds.ts';
import type {
  HoldAskedAnswer,
  HoldShown,
  HoldsAnswer,
  HoldsSwitched,
} from '../../frontend/shared/holds-api.ts';
import { answerJson } from '../answers.ts';
import type { Doors, Route } from '../doors.ts';
import { merchantRouteOf, type Seen } from './door.ts';
import { paymentOf } from './payment-of.ts';

export function holdRoutes(doors: Doors): Route[] {
  const route = merchantRouteOf(doors);
  return [
    route('get', '/api/holds', async (_doors, { shop, response }) => {
      answerJson(response, 200, await holdsOf(doors, shop.id));
    }),
    route('post', '/api/holds', switchAnswer),
    route('post', '/api/payments/:id/hold', askedAnswer),
  ];
}

const nodeNamed = ({ id, alias, address }: { id: number; alias: string; address: string }) => ({
  ...{ id, name: alias === '' ? address : alias },
  address,
});

async function holdsOf(doors: Doors, shopId: number): Promise<HoldsAnswer> {
  const { db } = doors.deps;
  const [isOn, nodes] = await Promise.all([
    views.holdsOn(db, shopId),
    views.workingNodes(db, shopId),
  ]);
  const node = nodes.find(({ canHold }) => canHold) ?? nodes[0];
  return {
    isOn,
    node: node === undefined ? null : nodeNamed(node),
    nodeCanHold: node?.canHold ?? false,
    bake: doors.bakeLine(true),
  };
}

const cannotHold =
  'The credential of your node may not make hold invoices. Run the line below on your node, ' +
  'connect it with what the line prints, then switch this on.';

const switchForm = z.strictObject({ on: z.boolean() });

async function switchAnswer(doors: Doors, { shop, request, response }: Seen): Promise<void> {
  const given = switchForm.safeParse(request.body);
  if (!given.success) {
    answerJson(response, 400, { error: 'Say whether it is to be on.' });
    return;
  }
  const { on } = given.data;
  const known = await holdsOf(doors, shop.id);
  if (on && !known.nodeCanHold) {
    const refused = { refusal: 'node_cannot_hold', sentence: cannotHold } as const;
    answerJson(response, 422, { ok: false, ...refused, ...known } satisfies HoldsSwitched);
    return;
  }
  await switchHolds(doors.deps, { shopId: shop.id, on });
  answerJson(response, 200, { ok: true, ...known, isOn: on } satisfies HoldsSwitched);
}

const notAsked = {
  not_held:
    'Nothing is held for this order any more: it was charged or given back. Look at it again.',
  order_over:
    'The order was cancelled in Shopify, or needs no money any more. Nothing is charged, and the ' +
    'buyer gets the money back.',
  asked_otherwise:
    'Somebody was faster, and asked for the other of the two. Nothing was changed: look again in ' +
    'a moment.',
} as const satisfies Record<
  Exclude<Extract<HoldAskedOf, { ok: false }>['refusal'], 'unknown_payment'>,
  string
>;

const askForm = z.strictObject({ do: z.enum(['charge', 'let_go']) });

async function askedAnswer(doors: Doors, seen: Seen): Promise<void> {
  const { staffId, request, response } = seen;
  const given = askForm.safeParse(request.body);
  if (!given.success) {
    answerJson(response, 400, { error: 'Say whether to charge it or to let it go.' });
    return;
  }
  const kind = given.data.do === 'charge' ? 'capture' : 'void';
  const at = await paymentOf(doors, seen);
  const asked =
    at === undefined
      ? ({ ok: false, refusal: 'unknown_payment' } as const)
      : await askOfHold(doors.deps, { ...at, kind, staffId });
  if (!asked.ok && asked.refusal === 'unknown_payment') {
    answerJson(response, 404, { error: 'There is no such payment in this shop.' });
    return;
  }
  const refusal = asked.ok || asked.refusal === 'unknown_payment' ? null : asked.refusal;
  const told: HoldAskedAnswer =
    refusal === null ? { ok: true } : { ok: false, refusal, sentence: notAsked[refusal] };
  answerJson(response, asked.ok ? 200 : 422, told);
}

/** Null: nothing was ever held for it. */
export function holdShown(hold: views.ShownHold | undefined): HoldShown | null {
  if (hold === undefined) return null;
  const outcome = holdOutcomeOf(hold.outcome);
  return {
    endsAt: hold.hold_ends_at.toISOString(),
    amountMsat: hold.amount_msat,
    isStuck: hold.stuck,
    asked: hold.asked === null ? null : hold.asked === 'capture' ? 'charge' : 'let_go',
    outcome: outcome === undefined ? null : { word: outcome, sentence: holdOutcomes[outcome] },
  };
}
