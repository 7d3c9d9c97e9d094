/**
 * `POST /{shop}/admin/api/{version}/graphql.json` and `POST /{shop}/payments_apps/api/...`: token,
 * version, the whole schema, the bucket, then the resolvers.
 *
 * What is valid but not played answers with an error that names the field: an empty success would
 * be a lie.
 */

import type { Request, Response } from 'express';
import {
  execute,
  getOperationAST,
  GraphQLError,
  Kind,
  NoDeprecatedCustomRule,
  OperationTypeNode,
  parse,
  validate,
  type DocumentNode,
  type GraphQLFieldResolver,
  type GraphQLSchema,
  type OperationDefinitionNode,
} from 'graphql';
import {
  actualCost,
  ADMIN_PROFILES,
  MOST_PER_CALL,
  openBuckets,
  PAYMENTS_PROFILES,
  requestedCost,
  type Buckets,
  type Profiles,
} from '../cost.ts';
import { answerWith, happensAfter } from '../fault-answers.ts';
import { GRAPHQL_FAULTS, HTTP_FAULTS } from '../faults.ts';
import { uuid } from '../ids.ts';
import type { App, Shop, Token } from '../nouns.ts';
import { paymentsMutations, paymentsQueries } from '../payments/resolvers.ts';
import { adminSchema, API_VERSION, paymentsSchema } from '../schema.ts';
import { installOf, liveToken } from '../tokens.ts';
import { appOf, shopOf, type World } from '../world.ts';
import type { Context } from './context.ts';
import { mutations } from './mutations.ts';
import { queries } from './queries.ts';

type Asked = { query: string; variables: Record<string, unknown>; operationName?: string };

type Read =
  | { ok: true; document: DocumentNode; operation: OperationDefinitionNode; names: string[] }
  | { ok: false; errors: readonly GraphQLError[] };

type Answer = { status: number; body: object; deprecated?: string };

const plainError = (message: string, code?: string): object => ({
  errors: [{ message, ...(code === undefined ? {} : { extensions: { code } }) }],
});

function asked(req: Request): Asked | undefined {
  const body = req.body as Partial<Record<keyof Asked, unknown>> | undefined;
  if (typeof body?.query !== 'string') return undefined;
  const variables =
    typeof body.variables === 'object' && body.variables !== null
      ? (body.variables as Record<string, unknown>)
      : {};
  const { operationName } = body;
  return {
    query: body.query,
    variables,
    ...(typeof operationName === 'string' ? { operationName } : {}),
  };
}

/** One of Shopify's two GraphQL APIs. */
type Api = {
  name: 'admin' | 'payments';
  schema: () => GraphQLSchema;
  mutations: object;
  queries: object;
  profiles: Profiles;
  /** For faults: a call of this API, whatever it does. */
  fault: string;
};

const APIS: Record<Api['name'], Api> = {
  admin: {
    name: 'admin',
    schema: adminSchema,
    mutations,
    queries,
    profiles: ADMIN_PROFILES,
    fault: 'admin-api',
  },
  payments: {
    name: 'payments',
    schema: paymentsSchema,
    mutations: paymentsMutations,
    queries: paymentsQueries,
    profiles: PAYMENTS_PROFILES,
    fault: 'payments-api',
  },
};

const kept = new Map<string, Read>();

/** Validating against the whole schema takes milliseconds; an app sends the same few documents. */
function read(api: Api, ask: Asked): Read {
  const key = `${api.name} ${ask.operationName ?? ''} ${ask.query}`;
  const known = kept.get(key);
  if (known !== undefined) return known;
  if (kept.size > 500) kept.clear();
  const made = readAnew(api, ask);
  kept.set(key, made);
  return made;
}

function readAnew(api: Api, ask: Asked): Read {
  try {
    const document = parse(ask.query);
    const errors = validate(api.schema(), document);
    if (errors.length > 0) return { ok: false, errors };
    const operation = getOperationAST(document, ask.operationName);
    if (!operation)
      return { ok: false, errors: [new GraphQLError('An operation name is required')] };
    return { ok: true, document, operation, names: namesOf(operation) };
  } catch (error) {
    if (error instanceof GraphQLError) return { ok: false, errors: [error] };
    throw error;
  }
}

const namesOf = (operation: OperationDefinitionNode): string[] => [
  ...(operation.name === undefined ? [] : [operation.name.value]),
  ...operation.selectionSet.selections
    .filter((it) => it.kind === Kind.FIELD)
    .map((it) => it.name.value),
];

const resolve: GraphQLFieldResolver<unknown, Context> = (source, args, context, info) => {
  const value = (source as Record<string, unknown>)[info.fieldName];
  if (value === undefined)
    throw new GraphQLError(`The sandbox does not play ${info.parentType.name}.${info.fieldName}`, {
      extensions: { code: 'NOT_PLAYED' },
    });
  return typeof value === 'function'
    ? (value as (...all: unknown[]) => unknown)(args, context, info)
    : value;
};

type Ready = {
  api: Api;
  world: World;
  buckets: Buckets;
  app: App;
  shop: Shop;
  token: Token;
  requestId: string;
};

async function run(ready: Ready, ask: Asked, seen: Read): Promise<Answer> {
  if (!seen.ok) return { status: 200, body: { errors: seen.errors.map((it) => it.toJSON()) } };
  const { api, world, buckets, app, shop } = ready;
  const schema = api.schema();
  const { document, operation, names } = seen;
  const { variables } = ask;
  const key = `${app.clientId} ${shop.domain}`;
  const requested = requestedCost(schema, document, { operation, variables });
  const cost = (actual: number | null) => ({
    cost: {
      requestedQueryCost: requested,
      actualQueryCost: actual,
      throttleStatus: buckets.status(key, shop.plan),
    },
  });
  const fault = world.faults.take(GRAPHQL_FAULTS, {
    shop: shop.domain,
    names: [...names, api.fault],
  });
  if (requested > MOST_PER_CALL)
    return {
      status: 200,
      body: {
        ...plainError(
          `Query cost is ${requested}, which exceeds the max cost limit ${MOST_PER_CALL}`,
          'MAX_COST_EXCEEDED',
        ),
        extensions: cost(null),
      },
    };
  if (fault?.kind === 'throttled') return { status: 200, body: throttled(cost(null), true) };
  if (!buckets.charge(key, shop.plan, requested))
    return { status: 200, body: throttled(cost(null), false) };
  if (fault?.kind === 'internal-error' && fault.when === 'before')
    return { status: 200, body: { ...internal(ready.requestId), extensions: cost(0) } };
  const result = await execute({
    schema,
    document,
    rootValue: operation.operation === OperationTypeNode.MUTATION ? api.mutations : api.queries,
    contextValue: contextOf(ready, names),
    variableValues: variables,
    ...(ask.operationName === undefined ? {} : { operationName: ask.operationName }),
    fieldResolver: resolve,
  });
  const actual = Math.min(requested, actualCost(result.data, operation));
  buckets.giveBack(key, shop.plan, requested - actual);
  if (fault?.kind === 'internal-error')
    return { status: 200, body: { ...internal(ready.requestId), extensions: cost(actual) } };
  const old = validate(schema, document, [NoDeprecatedCustomRule])[0]?.message;
  const { data, errors } = result;
  const body = {
    ...(data === undefined ? {} : { data }),
    ...(errors === undefined ? {} : { errors: errors.map((it) => it.toJSON()) }),
    extensions: cost(actual),
  };
  return { status: 200, body, ...(old === undefined ? {} : { deprecated: old }) };
}

const contextOf = (ready: Ready, names: string[]): Context => ({
  world: ready.world,
  app: ready.app,
  shop: ready.shop,
  scopes: installOf(ready.world, ready.app.clientId, ready.shop.domain).scopes,
  by: { by: ready.app.name, call: names[0] ?? 'query', requestId: ready.requestId },
  names,
  now: ready.world.clock.now(),
});

type CostNote = {
  cost: { requestedQueryCost: number; throttleStatus: { currentlyAvailable: number } };
};

function throttled(extensions: CostNote, pretended: boolean): object {
  if (pretended)
    extensions.cost.throttleStatus.currentlyAvailable = Math.max(
      0,
      extensions.cost.requestedQueryCost - 1,
    );
  const documentation = 'https://shopify.dev/api/usage/rate-limits';
  const error = { message: 'Throttled', extensions: { code: 'THROTTLED', documentation } };
  return { errors: [error], extensions };
}

const internal = (requestId: string): object => ({
  errors: [
    {
      message: `Internal error. Something went wrong on our end.\nRequest ID: ${requestId}`,
      extensions: { code: 'INTERNAL_SERVER_ERROR', requestId },
    },
  ],
});

/** Everything that is decided before the document is looked at. */
function doorway(
  world: World,
  input: { api: Api; req: Request; requestId: string },
): Omit<Ready, 'buckets'> | Answer {
  const { api, req, requestId } = input;
  const shop = shopOf(world, String(req.params['shop']));
  if (shop === undefined) return { status: 404, body: { errors: 'Not Found' } };
  if (req.params['version'] !== API_VERSION) return { status: 404, body: { errors: 'Not Found' } };
  const token = liveToken(world, req.get('x-shopify-access-token') ?? '', shop.domain);
  const app = token === undefined ? undefined : appOf(world, token.clientId);
  if (token === undefined || app === undefined)
    return {
      status: 401,
      body: {
        errors: '[API] Invalid API key or access token (unrecognized login or wrong password)',
      },
    };
  const wrong = wrongApi(world, { api, app, shop });
  if (wrong !== undefined) return wrong;
  if (!req.is('application/json')) return { status: 400, body: { errors: 'Bad Request' } };
  return { api, world, app, shop, token, requestId };
}

/** Each kind of app has one API and no other (App Store requirement 5.2.4). */
function wrongApi(world: World, input: { api: Api; app: App; shop: Shop }): Answer | undefined {
  const { api, app, shop } = input;
  const own = app.payments === null ? 'admin' : 'payments';
  if (api.name !== own) {
    world.violations.push(`${app.name} called the ${api.name} API of ${shop.domain}`);
    return { status: 403, body: { errors: `[API] ${app.name} may not use this API` } };
  }
  if (app.payments !== null && app.payments.apiVersion !== API_VERSION)
    return { status: 404, body: { errors: 'Not Found' } };
  return undefined;
}

const shutAfterHammering = (ready: Ready): Answer | undefined => {
  const { world, buckets, app, shop } = ready;
  if (!buckets.isShut(`${app.clientId} ${shop.domain}`)) return undefined;
  const said = `${app.name} went on while throttled at ${shop.domain}`;
  if (!world.violations.includes(said)) world.violations.push(said);
  return { status: 423, body: { errors: 'Locked' } };
};

/** Once a version is retired, Shopify answers with the oldest that it still has, and says so. */
const LATER_VERSION = '2026-10';

function setVersionHeaders(
  world: World,
  input: { res: Response; call: { shop: string; names: string[] }; said: Answer },
): void {
  const { res, call, said } = input;
  const other = world.faults.take(['other-version'], call);
  if (other !== undefined) res.set('X-Shopify-API-Version', LATER_VERSION);
  const will = world.faults.take(['deprecated'], call);
  const reason = will === undefined ? said.deprecated : 'This field will be removed soon.';
  if (reason !== undefined) res.set('X-Shopify-API-Deprecated-Reason', reason);
}

export function graphqlEndpoint(world: World, which: Api['name']) {
  const api = APIS[which];
  const buckets = openBuckets(world.clock, api.profiles);

  const answer = async (
    req: Request,
    ask: Asked | undefined,
    seen: Read | undefined,
  ): Promise<Answer> => {
    const door = doorway(world, { api, req, requestId: String(req.res?.get('X-Request-Id')) });
    if ('status' in door) return door;
    const ready: Ready = { ...door, buckets };
    const shut = shutAfterHammering(ready);
    if (shut !== undefined) return shut;
    if (ask === undefined || seen === undefined)
      return {
        status: 400,
        body: { errors: { query: 'Required parameter missing or invalid' } },
      };
    return run(ready, ask, seen);
  };

  return async (req: Request, res: Response): Promise<void> => {
    const began = Date.now();
    const requestId = uuid();
    res.set('X-Request-Id', requestId).set('X-Shopify-API-Version', API_VERSION);
    const shop = String(req.params['shop']);
    const ask = asked(req);
    const seen = ask === undefined ? undefined : read(api, ask);
    const names = seen?.ok === true ? seen.names : ['unreadable'];
    const fault = world.faults.take(HTTP_FAULTS, { shop, names: [...names, api.fault] });
    const note = (said: string) => {
      const token = liveToken(world, req.get('x-shopify-access-token') ?? '', shop);
      world.log({
        at: world.clock.now(),
        requestId,
        way: 'in',
        shop,
        app: token === undefined ? '?' : (appOf(world, token.clientId)?.name ?? '?'),
        what: names.join(' '),
        answer: said,
        ms: Date.now() - began,
        fault: fault?.kind ?? null,
      });
    };
    if (fault !== undefined && !happensAfter(fault)) {
      note(`not executed: ${fault.kind}`);
      answerWith(fault, { req, res, clock: world.clock, real: '' });
      return;
    }
    const said = await answer(req, ask, seen);
    note(`${said.status}${codesOf(said.body)}`);
    setVersionHeaders(world, { res, call: { shop, names: [...names, api.fault] }, said });
    const real = JSON.stringify(said.body);
    const { status } = said;
    if (fault !== undefined) answerWith(fault, { req, res, clock: world.clock, real, status });
    else res.status(status).set('Content-Type', 'application/json; charset=utf-8').send(real);
  };
}

function codesOf(body: object): string {
  const { errors } = body as { errors?: unknown };
  if (!Array.isArray(errors)) return '';
  const codes = (errors as { message?: string; extensions?: { code?: string } }[]).map(
    (it) => it.extensions?.code ?? it.message ?? '',
  );
  return ` ${codes.join(', ')}`;
}
