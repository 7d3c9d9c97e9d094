/**
 * What a call costs and whether the bucket of (app, shop) has it.
 *
 * Scalars 0, objects 1, connections by `first`/`last`, unions and interfaces their dearest choice,
 * mutations 10. The requested cost is charged first; what the answer did not use is given back.
 */

import {
  getNamedType,
  isCompositeType,
  Kind,
  OperationTypeNode,
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLNamedType,
  type GraphQLSchema,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from 'graphql';
import type { Clock } from './clock.ts';
import type { Plan } from './nouns.ts';

export const MOST_PER_CALL = 1_000;
const MUTATION = 10;

export type Profiles = Record<Plan, { max: number; perSecond: number }>;

export const ADMIN_PROFILES: Profiles = {
  standard: { max: 2_000, perSecond: 100 },
  advanced: { max: 4_000, perSecond: 200 },
  plus: { max: 20_000, perSecond: 1_000 },
  enterprise: { max: 40_000, perSecond: 2_000 },
  development: { max: 40, perSecond: 2 },
  old: { max: 1_000, perSecond: 50 },
};

/** `old`: as somebody saw it in the wild, in 2026. */
export const PAYMENTS_PROFILES: Profiles = {
  standard: { max: 27_300, perSecond: 27_300 },
  advanced: { max: 27_300, perSecond: 27_300 },
  plus: { max: 54_600, perSecond: 54_600 },
  enterprise: { max: 109_200, perSecond: 109_200 },
  development: { max: 27_300, perSecond: 27_300 },
  old: { max: 1_000, perSecond: 50 },
};

type Scope = {
  schema: GraphQLSchema;
  fragments: Map<string, FragmentDefinitionNode>;
  variables: Record<string, unknown>;
};

export function requestedCost(
  schema: GraphQLSchema,
  document: DocumentNode,
  input: { operation: OperationDefinitionNode; variables: Record<string, unknown> },
): number {
  const fragments = new Map(
    document.definitions
      .filter((it) => it.kind === Kind.FRAGMENT_DEFINITION)
      .map((it) => [it.name.value, it]),
  );
  const { operation, variables } = input;
  const root = schema.getRootType(operation.operation);
  if (!root) return 0;
  return ofSelection({ schema, fragments, variables }, operation.selectionSet, root);
}

function ofSelection(scope: Scope, set: SelectionSetNode, parent: GraphQLNamedType): number {
  let plain = 0;
  let dearest = 0;
  for (const selection of set.selections) {
    if (selection.kind === Kind.FIELD) {
      plain += ofField(scope, selection, parent);
      continue;
    }
    const part =
      selection.kind === Kind.INLINE_FRAGMENT
        ? selection
        : scope.fragments.get(selection.name.value);
    if (part === undefined) continue;
    const name = part.typeCondition?.name.value ?? parent.name;
    const cost = ofSelection(scope, part.selectionSet, scope.schema.getType(name) ?? parent);
    if (name === parent.name) plain += cost;
    else dearest = Math.max(dearest, cost);
  }
  return plain + dearest;
}

function ofField(scope: Scope, field: FieldNode, parent: GraphQLNamedType): number {
  const found = 'getFields' in parent ? parent.getFields()[field.name.value] : undefined;
  const isMutation = parent === scope.schema.getMutationType();
  if (found === undefined || field.selectionSet === undefined) return isMutation ? MUTATION : 0;
  const type = getNamedType(found.type);
  if (!isCompositeType(type)) return 0;
  const inside = ofSelection(scope, field.selectionSet, type);
  if (isMutation) return MUTATION + inside;
  const count = sizeOf(scope, field);
  if (!type.name.endsWith('Connection') || count === undefined) return 1 + inside;
  return 1 + count * inside;
}

function sizeOf(scope: Scope, field: FieldNode): number | undefined {
  const given = field.arguments?.find((it) => ['first', 'last'].includes(it.name.value))?.value;
  if (given?.kind === Kind.INT) return Number(given.value);
  if (given?.kind !== Kind.VARIABLE) return undefined;
  const value = scope.variables[given.name.value];
  return typeof value === 'number' ? value : undefined;
}

/** Every object in the answer is one point; a mutation is ten, each of several. */
export function actualCost(answer: unknown, operation: OperationDefinitionNode): number {
  const objects = (value: unknown): number => {
    if (Array.isArray(value)) return value.reduce<number>((all, it) => all + objects(it), 0);
    if (typeof value !== 'object' || value === null) return 0;
    return Object.values(value).reduce<number>((all, it) => all + objects(it), 1);
  };
  const inside = Math.max(0, objects(answer) - 1);
  if (operation.operation !== OperationTypeNode.MUTATION) return inside;
  const told = typeof answer === 'object' && answer !== null ? Object.values(answer) : [];
  const count = Math.max(1, told.filter((it) => it !== null).length);
  return inside + count * (MUTATION - 1);
}

export type ThrottleStatus = {
  maximumAvailable: number;
  currentlyAvailable: number;
  restoreRate: number;
};

type Bucket = {
  available: number;
  at: number;
  refusedAt: number;
  refusals: number;
  shutUntil: number;
};

export type Buckets = {
  /** false: THROTTLED. */
  charge: (key: string, plan: Plan, points: number) => boolean;
  giveBack: (key: string, plan: Plan, points: number) => void;
  status: (key: string, plan: Plan) => ThrottleStatus;
  /** After ten refusals in a row without a pause the shop is shut for a minute. */
  isShut: (key: string) => boolean;
};

export function openBuckets(clock: Clock, profiles: Profiles): Buckets {
  const buckets = new Map<string, Bucket>();
  const of = (key: string, plan: Plan): Bucket => {
    const { max, perSecond } = profiles[plan];
    const now = clock.now();
    const found = buckets.get(key) ?? {
      available: max,
      at: now,
      refusedAt: 0,
      refusals: 0,
      shutUntil: 0,
    };
    found.available = Math.min(max, found.available + (perSecond * (now - found.at)) / 1000);
    found.at = now;
    buckets.set(key, found);
    return found;
  };
  return {
    charge: (key, plan, points) => {
      const bucket = of(key, plan);
      if (points <= bucket.available) {
        bucket.available -= points;
        bucket.refusals = 0;
        return true;
      }
      const hurried = clock.now() - bucket.refusedAt < 250;
      bucket.refusals = hurried ? bucket.refusals + 1 : 1;
      bucket.refusedAt = clock.now();
      if (bucket.refusals >= 10) bucket.shutUntil = clock.now() + 60_000;
      return false;
    },
    giveBack: (key, plan, points) => {
      const bucket = of(key, plan);
      bucket.available = Math.min(profiles[plan].max, bucket.available + points);
    },
    status: (key, plan) => ({
      maximumAvailable: profiles[plan].max,
      currentlyAvailable: Math.floor(of(key, plan).available),
      restoreRate: profiles[plan].perSecond,
    }),
    isShut: (key) => (buckets.get(key)?.shutUntil ?? 0) > clock.now(),
  };
}
