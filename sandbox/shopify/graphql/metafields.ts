/** metafieldsSet: at most 25, all or nothing, compare-and-set by digest. */

import { GraphQLError } from 'graphql';
import { digest } from '../ids.ts';
import type { Metafield, Order } from '../nouns.ts';
import { nextId } from '../world.ts';
import { needScope, type Context } from './context.ts';
import { metafieldObject, namespaceOf } from './objects.ts';
import { readableOrder } from './queries.ts';

type Input = {
  ownerId: string;
  namespace?: string | null;
  key: string;
  type?: string | null;
  value: string;
  compareDigest?: string | null;
};

type Planned = { order: Order; found: Metafield | undefined; namespace: string; input: Input };

type Refused = { field: string[]; message: string; code: string; elementIndex: number };

function plan(context: Context, input: Input, index: number): Planned | Refused {
  const no = (field: string, message: string, code: string): Refused => ({
    field: ['metafields', String(index), field],
    message,
    code,
    elementIndex: index,
  });
  const order = readableOrder(context, input.ownerId);
  if (order === undefined) return no('ownerId', 'Owner does not exist.', 'INVALID');
  const namespace = namespaceOf(context, input.namespace);
  const found = order.metafields.find((it) => it.namespace === namespace && it.key === input.key);
  if (found === undefined && input.type == null) return no('type', "Type can't be blank", 'BLANK');
  if (input.value === '') return no('value', "Value can't be blank.", 'BLANK');
  if ('compareDigest' in input) {
    const now = found === undefined ? null : digest(found.value);
    if (now !== input.compareDigest)
      return no(
        'compareDigest',
        'The resource has been updated since it was loaded.',
        'STALE_OBJECT',
      );
  }
  return { order, found, namespace, input };
}

export function metafieldsSet(args: { metafields: Input[] }, context: Context): object {
  needScope(context, 'write_orders', 'metafieldsSet');
  if (args.metafields.length > 25)
    throw new GraphQLError('The input array size is greater than the maximum allowed of 25', {
      extensions: { code: 'MAX_INPUT_SIZE_EXCEEDED' },
    });
  const planned = args.metafields.map((input, index) => plan(context, input, index));
  const refused = planned.filter((it): it is Refused => 'message' in it);
  if (refused.length > 0) return { metafields: [], userErrors: refused };
  const { world } = context;
  const written = planned
    .filter((it): it is Planned => 'order' in it)
    .map((it) => {
      const { order, found, namespace, input } = it;
      const made: Metafield = {
        id: found?.id ?? nextId(world),
        namespace,
        key: input.key,
        type: input.type ?? found?.type ?? 'single_line_text_field',
        value: input.value,
        updatedAt: world.clock.now(),
      };
      order.metafields = [...order.metafields.filter((other) => other !== found), made];
      return metafieldObject(order, made);
    });
  world.changed();
  return { metafields: written, userErrors: [] };
}
