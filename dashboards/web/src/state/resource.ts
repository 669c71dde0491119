/**
 * One question to the interface as a component sees it: loading, ready or failed; asked again on demand
 * without taking the old answer away.
 */
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { Problem } from '../api/client';

export interface Resource<T> {
  state: 'loading' | 'ready' | 'failed';
  data?: T;
  problem?: Problem;
  reload: () => void;
}

/** Asks `load` whenever `key` changes; a null key asks nothing. */
export function useResource<T>(
  key: string | null,
  load: (signal: AbortSignal) => Promise<T>,
): Resource<T> {
  const [held, setHeld] = useState<{ key: string | null; data?: T; problem?: Problem }>({ key: null });
  const [round, setRound] = useState(0);
  const latest = useRef(load);
  latest.current = load;

  useEffect(() => {
    if (key === null) return;
    const abort = new AbortController();
    latest
      .current(abort.signal)
      .then((data) => {
        if (!abort.signal.aborted) setHeld({ key, data });
      })
      .catch((cause: unknown) => {
        if (abort.signal.aborted) return;
        const problem = cause instanceof Problem ? cause : new Problem(-1, String(cause), '');
        // A passing fault while refreshing leaves the figures on the page, marked by their age.
        setHeld((before) => (before.key === key && before.data ? { ...before, problem } : { key, problem }));
      });
    return () => abort.abort();
  }, [key, round]);

  const reload = useCallback(() => setRound((n) => n + 1), []);
  if (key === null || held.key !== key) return { state: 'loading', reload };
  if (held.data !== undefined) return { state: 'ready', data: held.data, problem: held.problem, reload };
  return { state: 'failed', problem: held.problem, reload };
}
