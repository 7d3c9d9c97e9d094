// One world in a process of its own: told what to play, it plays, tells what came of it, and ends.
import fs from 'node:fs';
import { isSabotage, sabotages } from './sabotage.ts';
import { playWorld, type WorldResult } from './world.ts';

export type ChildOptions = {
  server: string;
  name: string;
  seed: number;
  payments: number;
  /** Of them, about so many refunds. */
  refunds: number;
  randomOrder: boolean;
  /** The name of a sabotage. */
  broken?: string | undefined;
  /** A file for the whole log. */
  traceFile?: string | undefined;
};
export type FromChild =
  | { is: 'line'; line: string }
  | { is: 'result'; result: WorldResult }
  | { is: 'error'; why: string };

const send = (message: FromChild): Promise<void> =>
  new Promise((sent) => process.send?.(message, undefined, undefined, () => sent()));

async function play(options: ChildOptions): Promise<void> {
  const { broken, traceFile, ...world } = options;
  const trace = traceFile === undefined ? undefined : fs.openSync(traceFile, 'w');
  const result = await playWorld({
    ...world,
    tell: (line) => void send({ is: 'line', line }),
    ...(trace === undefined ? {} : { trace: (line: string) => void fs.writeSync(trace, line) }),
    ...(broken !== undefined && isSabotage(broken) ? { sabotage: sabotages[broken] } : {}),
  });
  await send({ is: 'result', result });
}

process.once('message', (options) => {
  play(options as ChildOptions)
    .catch((error: unknown) => {
      const why = error instanceof Error ? (error.stack ?? error.message) : String(error);
      return send({ is: 'error', why });
    })
    .finally(() => process.exit());
});
