import { useCallback, useEffect, useState } from 'react';
import { callApi, troubleOf, type TroubleKind } from './api.ts';

export type Loaded<T> = {
  /** The last good answer. It stays while the next one is on its way, and when that fails. */
  value: T | undefined;
  /** Why the last call has no answer. */
  trouble: TroubleKind | undefined;
  /** What is shown belongs to another address than the one asked for. */
  isOld: boolean;
  isAsking: boolean;
  again: () => void;
};

type Answer<T> = {
  path: string;
  turn: number;
  value: T | undefined;
  trouble: TroubleKind | undefined;
};

/**
 * Reads an address of the API: at once, when the merchant comes back to the tab, and every so many
 * milliseconds if told so. An answer to an address that is not asked for any more is dropped.
 */
export function useApi<T>(path: string, options: { everyMs?: number } = {}): Loaded<T> {
  const { everyMs } = options;
  const [turn, setTurn] = useState(0);
  const [answer, setAnswer] = useState<Answer<T>>();
  const again = useCallback(() => {
    setTurn((last) => last + 1);
  }, []);

  useEffect(() => {
    const abort = new AbortController();
    callApi<T>(path, { signal: abort.signal }).then(
      (value) => {
        if (!abort.signal.aborted) setAnswer({ path, turn, value, trouble: undefined });
      },
      (error: unknown) => {
        if (abort.signal.aborted) return;
        const trouble = troubleOf(error);
        setAnswer((last) => ({ path, turn, value: last?.value, trouble }));
      },
    );
    return () => {
      abort.abort();
    };
  }, [path, turn]);

  useEffect(() => {
    const look = (): void => {
      if (!document.hidden) again();
    };
    document.addEventListener('visibilitychange', look);
    const timer = everyMs === undefined ? undefined : setInterval(look, everyMs);
    return () => {
      document.removeEventListener('visibilitychange', look);
      clearInterval(timer);
    };
  }, [again, everyMs]);

  return {
    value: answer?.value,
    trouble: answer?.trouble,
    isOld: answer !== undefined && answer.path !== path,
    isAsking: answer?.path !== path || answer.turn !== turn,
    again,
  };
}
