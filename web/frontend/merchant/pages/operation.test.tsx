import { screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { expect, test } from 'vitest';
import type { LaneShown, OperationAnswer, PoolShown } from '../../shared/operation-api.ts';
import { openAt } from '../test-dom.ts';

const lane: LaneShown = {
  ...{ kind: 'shop', name: '', width: 4, out: 0, waiting: 0, oldestSeconds: 0, latencyMs: 120 },
  ...{ state: 'open', pause: null },
};
const pool = (n: number): PoolShown => ({
  id: `pool-${String(n).padStart(18, '0')}`,
  version: '0.1.0',
  startedAt: '2026-11-21T10:00:00.000Z',
  saidAt: '2026-11-21T10:00:00.000Z',
  brake: 1,
  streams: 0,
});
const quiet: OperationAnswer = {
  at: '2026-11-21T10:00:00.000Z',
  timeZone: 'Europe/Berlin',
  pools: { alive: 1, listed: [pool(1)] },
  lanes: [lane, { ...lane, kind: 'alert', width: null, latencyMs: null }],
  streams: [],
  bucket: null,
  wait: null,
  oldestUntoldSeconds: null,
  reconciliation: { unmatched: 0, doneAt: null },
  versions: { program: '0.1.0', shopify: { asked: '2026-07', daysLeft: 222 }, nodes: [] },
};

test('before anything has happened each card says what will be there', async () => {
  await openAt('/operation', { 'GET /api/operation': quiet });
  await screen.findByText('No node is connected, so nobody can pay yet.');
  screen.getByText('Nothing was paid in the last 24 hours.');
  screen.getByText('They were not compared yet: that happens every night.');
  screen.getByText('Shopify was not asked of late.');
  screen.getByText('2026-07 (222 days left)');
});

test('while the database is away it says so, and a try again brings the page', async () => {
  let answer: () => object = () => Response.json({ error: 'away' }, { status: 503 });
  await openAt('/operation', { 'GET /api/operation': () => answer() });
  await screen.findByText('This could not be brought up to date');
  screen.getByText(/busy or just starting/);
  answer = () => quiet;
  await userEvent.click(screen.getByRole('button', { name: 'Try again' }));
  await screen.findByText('At a glance');
  await waitFor(() => {
    expect(screen.queryByText('This could not be brought up to date')).toBeNull();
  });
});

test('lists are bounded, numbers that end at a limit say so, reasons are words', async () => {
  const listed = Array.from({ length: 20 }, (_, n) => pool(n));
  const pause = { since: null, until: quiet.at, because: 'throttled', failures: 2 };
  await openAt(
    '/operation',
    {
      'GET /api/operation': {
        ...quiet,
        pools: { alive: 23, listed },
        lanes: [
          { ...lane, waiting: 10_000, state: 'paused', pause },
          { ...lane, kind: 'node', name: 'عُقدة', pause: { ...pause, because: 'odd_word' } },
        ],
        reconciliation: { unmatched: 1_000, doneAt: quiet.at },
      },
    },
    'de',
  );
  expect(await screen.findAllByText(/^10\.000\+$/)).toHaveLength(2);
  screen.getByText(/^1\.000\+$/);
  screen.getByText('Und 3 weitere.');
  screen.getByText(/Shopify bat zu warten/);
  screen.getByText(/\(odd_word\)/);
  screen.getByRole('heading', { name: /عُقدة/ });
});
