import { useState } from 'react';
import type { ReconciliationAnswer } from '../../shared/reconcile-api.ts';
import { callApi, troubleOf, type TroubleKind } from '../api.ts';
import { useApi } from '../use-api.ts';

const followEveryMs = 2_000;
const lookEveryMs = 60_000;

export type Reconciling = {
  answer: ReconciliationAnswer | undefined;
  isWaiting: boolean;
  isStarting: boolean;
  /** Why a run could not be begun. */
  trouble: TroubleKind | undefined;
  start: () => Promise<void>;
  look: () => void;
};

/** The last comparison of orders and money, and the one under way, followed to its end. */
export function useReconciliation(): Reconciling {
  const [isUnderWay, setIsUnderWay] = useState(false);
  const [isStarting, setIsStarting] = useState(false);
  const [failed, setFailed] = useState<TroubleKind>();
  const { value, trouble, again } = useApi<ReconciliationAnswer>('/api/reconciliation', {
    everyMs: isUnderWay ? followEveryMs : lookEveryMs,
  });
  const isRunning = value !== undefined && value.running !== null;
  if (isRunning !== isUnderWay) setIsUnderWay(isRunning);
  const start = async (): Promise<void> => {
    setIsStarting(true);
    setFailed(undefined);
    try {
      await callApi<ReconciliationAnswer>('/api/reconciliation', { body: {} });
      again();
    } catch (failure) {
      setFailed(troubleOf(failure));
    } finally {
      setIsStarting(false);
    }
  };
  return {
    answer: value,
    isWaiting: value === undefined && trouble === undefined,
    ...{ isStarting, trouble: failed, start, look: again },
  };
}
