// The one way to the server. The session token is asked for on each call and never kept: App Bridge
// keeps it fresh, and it lives for a minute.

/** Why there is no answer, as far as a merchant can do something about it. */
export type TroubleKind = 'offline' | 'signed_out' | 'missing' | 'busy' | 'broken';

export class ApiTrouble extends Error {
  readonly kind: TroubleKind;
  constructor(kind: TroubleKind) {
    super(kind);
    this.kind = kind;
  }
}

export const troubleOf = (error: unknown): TroubleKind =>
  error instanceof ApiTrouble ? error.kind : 'broken';

export type Call = { body?: object; signal?: AbortSignal };

/** Connecting a node takes the server up to 15 s; nothing else takes long. */
const answerWithinMs = 30_000;

/**
 * A call with a body is a POST. 409 and 422 are answers, which say what to do; anything else
 * that is not a success is thrown as ApiTrouble.
 */
export async function callApi<T>(path: string, call: Call = {}): Promise<T> {
  const response = await sendFresh(path, call);
  if (!response.ok && !isAnswer(response.status)) throw new ApiTrouble(kindOf(response.status));
  try {
    return (await response.json()) as T;
  } catch {
    throw new ApiTrouble('broken');
  }
}

const isAnswer = (status: number): boolean => status === 409 || status === 422;

/** A file, however long it takes; read from its beginning while its end is still being made. */
export async function callFile(path: string, signal: AbortSignal): Promise<Response> {
  const response = await sendFresh(path, { signal, isLong: true });
  if (!response.ok) throw new ApiTrouble(kindOf(response.status));
  return response;
}

/** App Bridge repeats a stale call only where the header was its own. */
async function sendFresh(path: string, call: Call & { isLong?: true }): Promise<Response> {
  const first = await send(path, call);
  const isStale =
    first.status === 401 && first.headers.has('X-Shopify-Retry-Invalid-Session-Request');
  return isStale ? send(path, call) : first;
}

async function send(
  path: string,
  { body, signal, isLong }: Call & { isLong?: true },
): Promise<Response> {
  const token = await shopify.idToken().catch(() => {
    throw new ApiTrouble('signed_out');
  });
  const limits = [
    ...(signal === undefined ? [] : [signal]),
    ...(isLong === true ? [] : [AbortSignal.timeout(answerWithinMs)]),
  ];
  try {
    return await fetch(path, {
      headers: {
        Authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
      },
      ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
      signal: AbortSignal.any(limits),
    });
  } catch {
    throw new ApiTrouble('offline');
  }
}

function kindOf(status: number): TroubleKind {
  if (status === 401 || status === 403) return 'signed_out';
  if (status === 404) return 'missing';
  return status === 429 || status >= 502 ? 'busy' : 'broken';
}
