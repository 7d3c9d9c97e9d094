import { describe, expect, test, vi } from 'vitest';
import { ApiTrouble, callApi, type TroubleKind } from './api.ts';
import { bridge } from './test-dom.ts';

const stale = (): Response =>
  new Response('{}', {
    status: 401,
    headers: { 'X-Shopify-Retry-Invalid-Session-Request': '1' },
  });

function answering(...answers: (Response | Error)[]) {
  const fetched = vi.fn<typeof fetch>();
  for (const answer of answers) {
    if (answer instanceof Error) fetched.mockRejectedValueOnce(answer);
    else fetched.mockResolvedValueOnce(answer);
  }
  vi.stubGlobal('fetch', fetched);
  return fetched;
}
const headersOf = (fetched: ReturnType<typeof answering>, call: number): Headers =>
  new Headers(fetched.mock.calls[call]?.[1]?.headers);
const troubleWith = async (...answers: (Response | Error)[]): Promise<TroubleKind> => {
  answering(...answers);
  const error = await callApi('/api/shop').catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(ApiTrouble);
  return (error as ApiTrouble).kind;
};

describe('the proof', () => {
  test('a stale one is replaced once, by one that was asked for anew', async () => {
    bridge.idToken.mockResolvedValueOnce('first').mockResolvedValueOnce('second');
    const fetched = answering(stale(), Response.json({ well: true }));
    expect(await callApi('/api/shop')).toEqual({ well: true });
    expect(headersOf(fetched, 0).get('Authorization')).toBe('Bearer first');
    expect(headersOf(fetched, 1).get('Authorization')).toBe('Bearer second');
  });

  test('no third try, and none where the server does not ask for one', async () => {
    expect(await troubleWith(stale(), stale(), Response.json({}))).toBe('signed_out');
    const refused = new Response('{}', { status: 401 });
    expect(await troubleWith(refused, Response.json({}))).toBe('signed_out');
  });

  test('without one nothing is sent', async () => {
    bridge.idToken.mockRejectedValue(new Error('no session'));
    const fetched = answering();
    await expect(callApi('/api/shop')).rejects.toMatchObject({ kind: 'signed_out' });
    expect(fetched).not.toHaveBeenCalled();
  });
});

describe('what comes back', () => {
  test('422 is an answer', async () => {
    answering(Response.json({ ok: false, sentence: 'Give a name.' }, { status: 422 }));
    const answer = await callApi('/api/method', { body: { name: '' } });
    expect(answer).toEqual({ ok: false, sentence: 'Give a name.' });
  });

  test('a body makes it a POST of JSON', async () => {
    const fetched = answering(Response.json({ ok: true }));
    await callApi('/api/method', { body: { name: 'Lightning' } });
    expect(fetched.mock.calls[0]?.[1]).toMatchObject({
      method: 'POST',
      body: '{"name":"Lightning"}',
    });
    expect(headersOf(fetched, 0).get('Content-Type')).toBe('application/json');
  });

  test.each([
    [new TypeError('Failed to fetch'), 'offline'],
    [new Response('', { status: 404 }), 'missing'],
    [new Response('', { status: 429 }), 'busy'],
    [new Response('', { status: 503 }), 'busy'],
    [new Response('', { status: 500 }), 'broken'],
    [new Response('<html>', { status: 200 }), 'broken'],
  ] as const)('%s is trouble with a name', async (answer, kind) => {
    expect(await troubleWith(answer)).toBe(kind);
  });
});
