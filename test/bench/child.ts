// Everybody in a measurement is a process of its own: who measures, who is measured and who plays
// the outside share no event loop. They talk by question and answer.
import { fork } from 'node:child_process';
import path from 'node:path';

/** What a child can be asked. Errors go back to the one who asked. */
export type Answers = Readonly<Record<string, (input: never) => unknown>>;

type Question = { id: number; name: string; input: unknown };
type Reply = { id: number; answer?: unknown; error?: string };

export type Child = {
  pid: number;
  ask: <T = unknown>(name: string, input?: unknown) => Promise<T>;
  stop: () => Promise<void>;
};

/** Starts a file of this folder. `execArgv` for Node itself, such as `--expose-gc`. */
export function startChild(
  file: string,
  how: { env?: Record<string, string>; execArgv?: string[] } = {},
): Child {
  const child = fork(path.join(import.meta.dirname, file), [], {
    serialization: 'advanced',
    execArgv: how.execArgv ?? [],
    env: { ...process.env, ...how.env },
  });
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  let last = 0;
  child.on('message', (message) => {
    const { id, answer, error } = message as Reply;
    const one = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) one?.resolve(answer);
    else one?.reject(new Error(`${file}: ${error}`));
  });
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  void gone.then(() => {
    for (const one of waiting.values()) one.reject(new Error(`${file} ended`));
  });
  return {
    pid: child.pid ?? 0,
    ask: <T>(name: string, input?: unknown) => {
      last += 1;
      const one = Promise.withResolvers<unknown>();
      waiting.set(last, one);
      child.send({ id: last, name, input } satisfies Question);
      return one.promise as Promise<T>;
    },
    stop: async () => {
      if (child.connected) child.disconnect();
      const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
      await gone;
      clearTimeout(timer);
    },
  };
}

/** In the child: answers until the parent is gone. */
export function answer(answers: Answers, end: () => Promise<void> | void = () => undefined): void {
  process.on('message', (message) => {
    const { id, name, input } = message as Question;
    const reply = (rest: Omit<Reply, 'id'>): void => {
      if (process.connected) process.send?.({ id, ...rest } satisfies Reply);
    };
    Promise.resolve()
      .then(() => {
        const one = answers[name] as ((given: unknown) => unknown) | undefined;
        if (one === undefined) throw new Error(`nobody answers ${name}`);
        return one(input);
      })
      .then(
        (answered) => reply({ answer: answered }),
        (error: unknown) => reply({ error: wordsOf(error) }),
      );
  });
  process.on('disconnect', () => {
    void Promise.resolve(end()).finally(() => process.exit(0));
  });
}

const wordsOf = (error: unknown): string =>
  error instanceof Error ? (error.stack ?? error.message) : String(error);
