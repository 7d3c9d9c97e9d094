import { useEffect, useState } from 'react';
import type { SelfTestAnswer, SelfTestRunAnswer } from '../../shared/setup-api.ts';
import { callApi, troubleOf, type TroubleKind } from '../api.ts';

const followEveryMs = 400;

export type Testing = {
  /** The latest run; null: there was none. */
  run: SelfTestAnswer | null;
  isRunning: boolean;
  /** It was followed here: its hops are to be read. */
  wasSeen: boolean;
  trouble: TroubleKind | undefined;
  start: () => Promise<void>;
  look: () => void;
};

/** A run that is begun here or was under way already, followed to its end. */
export function useSelfTest(about: { known: SelfTestAnswer | null; ended: () => void }): Testing {
  const { known, ended } = about;
  const [seen, setSeen] = useState<SelfTestAnswer | null>(null);
  const [isStarting, setIsStarting] = useState(false);
  const [trouble, setTrouble] = useState<TroubleKind>();
  const [turn, setTurn] = useState(0);
  const run = newer(seen, known);
  const isUnderWay = run?.state === 'running';

  useEffect(() => {
    if (!isUnderWay) return;
    const abort = new AbortController();
    const timer = setTimeout(() => {
      callApi<SelfTestRunAnswer>('/api/self-test', { signal: abort.signal }).then(
        (answer) => {
          if (abort.signal.aborted) return;
          setTrouble(undefined);
          setSeen(answer.run);
          setTurn((last) => last + 1);
          if (answer.run?.state !== 'running') ended();
        },
        (failure: unknown) => {
          if (!abort.signal.aborted) setTrouble(troubleOf(failure));
        },
      );
    }, followEveryMs);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [isUnderWay, turn, ended]);

  const start = async (): Promise<void> => {
    if (isStarting || isUnderWay) return;
    setIsStarting(true);
    setTrouble(undefined);
    try {
      setSeen((await callApi<SelfTestRunAnswer>('/api/self-test', { body: {} })).run);
    } catch (failure) {
      setTrouble(troubleOf(failure));
    } finally {
      setIsStarting(false);
    }
  };
  const look = (): void => {
    setTrouble(undefined);
    setTurn((last) => last + 1);
  };
  const isRunning = isStarting || (isUnderWay && trouble === undefined);
  return { run, isRunning, wasSeen: seen !== null, trouble, start, look };
}

/** What was followed here is newer than what the page's own answer says, unless its id is not. */
function newer(seen: SelfTestAnswer | null, known: SelfTestAnswer | null): SelfTestAnswer | null {
  if (seen === null || known === null) return seen ?? known;
  return BigInt(known.id) > BigInt(seen.id) ? known : seen;
}
