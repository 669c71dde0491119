/** What a panel shows while its question is asked, when it fails, and when it has an answer. */
import type { ComponentChildren, JSX } from 'preact';
import type { Problem } from '../api/client';
import { t } from '../i18n';
import type { Resource } from '../state/resource';

export function Loading({ lines = 3 }: { lines?: number }): JSX.Element {
  return (
    <div class="waiting" role="status">
      <span class="visually-hidden">{t('state.loading')}</span>
      {Array.from({ length: lines }, (_, line) => <div key={line} class="waiting-line" aria-hidden="true" />)}
    </div>
  );
}

export function Failed({ problem, onRetry }: { problem?: Problem | undefined; onRetry?: (() => void) | undefined }): JSX.Element {
  const detail = problem?.status === 0 ? t('state.unreachable') : problem?.detail || problem?.title;
  return (
    <div class="failed" role="alert">
      <p class="failed-title">{t('state.failed')}</p>
      {detail && <p>{detail}</p>}
      {problem && problem.allowed.length > 0 && <p>{t('state.allowed', { list: problem.allowed.join(', ') })}</p>}
      {onRetry && <button type="button" class="btn btn-outline-primary btn-xs" onClick={onRetry}>{t('state.retry')}</button>}
    </div>
  );
}

interface LoadedProps<T> {
  of: Resource<T>;
  lines?: number;
  /** Says when an answer holds nothing, with the text for that case. */
  empty?: (data: T) => string | null;
  children: (data: T) => ComponentChildren;
}

export function Loaded<T>({ of, lines, empty, children }: LoadedProps<T>): JSX.Element {
  if (of.state === 'loading') return <Loading {...(lines ? { lines } : {})} />;
  if (of.state === 'failed' || of.data === undefined) return <Failed problem={of.problem} onRetry={of.reload} />;
  const nothing = empty?.(of.data);
  return nothing ? <p class="nothing">{nothing}</p> : <>{children(of.data)}</>;
}
