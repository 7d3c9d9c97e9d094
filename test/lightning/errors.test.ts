// The table from what a node says to what is done about it. The sentences are LND's and grpc-js's.
import { describe, expect, test } from 'vitest';
import { Defect, Trouble } from '../../web/core/trouble.ts';
import {
  grpcErrorIn,
  isAnsweredByLook,
  isDuplicate,
  isNotFound,
  nodeTrouble,
  troubleFrom,
} from '../../web/lightning/errors.ts';

const says = (code: number, details: string): object =>
  Object.assign(new Error(), { code, details });
const gone = 'No connection established. Last error: Error: ';

const lines: readonly (readonly [number, string, string, Trouble['then'], boolean])[] = [
  [14, `${gone}connect ECONNREFUSED 127.0.0.1:10009`, 'node_down', 'retry', true],
  [14, `${gone}read ECONNRESET`, 'node_down', 'retry', true],
  [14, 'Name resolution failed for target dns:x', 'node_down', 'retry', true],
  [14, `${gone}self-signed certificate`, 'certificate_wrong', 'give_up', true],
  [14, `${gone}ERR_TLS_CERT_ALTNAME_INVALID`, 'certificate_wrong', 'give_up', true],
  [14, `${gone}unable to verify the first certificate`, 'certificate_wrong', 'give_up', true],
  [14, `${gone}certificate has expired`, 'certificate_wrong', 'give_up', true],
  [14, `${gone}write EPROTO 80:error:wrong version number`, 'not_grpc', 'retry', true],
  [14, 'Connection dropped', 'connection_lost', 'ask_again', true],
  [4, 'Deadline exceeded after 5.001s', 'node_silent', 'ask_again', true],
  [1, 'Cancelled on client', 'node_closed', 'ask_again', false],
  [8, 'Received message larger than max (5 vs 4)', 'message_too_large', 'give_up', false],
  [12, 'unknown service lnrpc.Lightning', 'wallet_locked', 'retry', true],
  [12, 'unknown method Foo for service invoicesrpc.Invoices', 'node_too_old', 'give_up', false],
  [12, 'Received HTTP status code 404', 'not_grpc', 'retry', true],
  [2, 'permission denied', 'permission_denied', 'give_up', false],
  [2, 'wallet locked, unlock it to enable full RPC access', 'wallet_locked', 'retry', true],
  [2, 'wallet not created, create one to enable full RPC', 'wallet_locked', 'retry', true],
  [2, 'waiting to start, RPC services not available', 'node_starting', 'retry', true],
  [
    ...([2, 'the RPC server is in the process of starting up, but not yet'] as const),
    ...(['node_starting', 'retry', true] as const),
  ],
  [
    ...([2, 'verification failed: signature mismatch after caveat verification'] as const),
    ...(['credential_refused', 'give_up', true] as const),
  ],
  [
    2,
    "cannot retrieve macaroon: cannot get macaroon: root key with id 7 doesn't exist",
    ...(['credential_revoked', 'give_up', true] as const),
  ],
  [
    ...([2, 'caveat "time-before T" not satisfied: macaroon has expired'] as const),
    ...(['credential_expired', 'give_up', true] as const),
  ],
  [
    ...([2, 'caveat "ipaddr A" not satisfied: macaroon locked to different IP address'] as const),
    ...(['credential_refused', 'give_up', true] as const),
  ],
  [
    2,
    'caveat "lnd-custom a b" not satisfied: cannot accept macaroon with custom caveat ' +
      "'a', no middleware registered to handle it",
    ...(['credential_refused', 'retry', true] as const),
  ],
  [2, 'invoice registry shutting down', 'node_stopped', 'ask_again', true],
  [2, 'something that nobody has seen', 'unknown', 'ask_again', false],
  [13, 'Received RST_STREAM with code 2', 'unknown', 'ask_again', false],
  [99, '', 'unknown', 'ask_again', false],
];

describe('what a node says', () => {
  test.each(lines)('code %s, %s: %s, %s', (code, details, what, then, away) => {
    for (const thrown of [
      says(code, details),
      [503, 'AddInvoiceError', { err: { code, details } }],
    ]) {
      const trouble = troubleFrom(thrown);
      expect(trouble).toBeInstanceOf(Trouble);
      expect(trouble).toMatchObject({ from: 'node', what, then, away });
    }
  });

  test.each([
    [8, 'Bandwidth exhausted or memory limit exceeded'],
    [2, 'expected 1 macaroon, got 0'],
    [2, 'cannot determine data format of binary-encoded macaroon'],
    [2, 'memo too large: 2000 bytes (maxsize=1024)'],
    [2, 'data length too big to fit within 10 bits: 1100'],
    [2, 'amount cannot be negative'],
    [2, 'invalid preimage length of 31, want 32'],
  ])('code %s, %s is our own fault', (code, details) => {
    expect(troubleFrom(says(code, details))).toBeInstanceOf(Defect);
  });

  test.each([
    ['a tuple for our arguments', [400, 'ExpectedIdOfInvoiceToCancel'], Defect],
    ['a tuple without an error', [503, 'ExpectedChannelsArray'], Trouble],
    ['an error of the program', new TypeError('x is not a function'), Trouble],
    ['nothing', undefined, Trouble],
    ['a word', 'no', Trouble],
    ['an error of the system', Object.assign(new Error('no'), { code: 'ENOENT' }), Trouble],
    ['trouble', nodeTrouble('node_busy', { then: 'retry' }), Trouble],
  ])('%s is read without throwing', (_what, thrown, kind) => {
    expect(troubleFrom(thrown)).toBeInstanceOf(kind);
  });

  test('its words are cut and made harmless before they go anywhere', () => {
    const trouble = troubleFrom(says(2, `\u001b[31mred\n\u202e${'x'.repeat(1_000)}`));
    expect(trouble.message).toMatch(/^[\x20-\x7e]{1,240}$/);
    expect(trouble.cause).toBeUndefined();
  });

  test('questions about one error', () => {
    expect(isNotFound(says(5, 'unable to locate invoice'))).toBe(true);
    expect(isNotFound(says(2, 'unable to locate invoice'))).toBe(false);
    expect(isDuplicate(says(2, 'invoice with payment hash already exists'))).toBe(true);
    expect(isDuplicate(says(14, 'invoice with payment hash already exists'))).toBe(false);
    for (const words of ['invoice already settled', 'invoice already canceled']) {
      expect(isAnsweredByLook(says(2, words))).toBe(true);
    }
    expect(isAnsweredByLook(says(2, 'unable to locate invoice'))).toBe(true);
    expect(isAnsweredByLook(says(14, 'invoice already settled'))).toBe(false);
    expect(grpcErrorIn([503, 'x', { err: { code: 3, details: 4 } }])).toEqual({
      code: 3,
      details: '',
    });
  });
});
