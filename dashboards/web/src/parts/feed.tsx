/** Whether figures flow: live, recorded, or asked for again and again. */
import type { JSX } from 'preact';
import { t } from '../i18n';
import { clock } from '../state/clock';
import { POLL_INTERVAL_MS, type LiveState } from '../state/live';

export function FeedState({ feed }: { feed: LiveState }): JSX.Element {
  const isRecorded = clock.value?.kind === 'recorded' && feed === 'live';
  const text = isRecorded ? t('live.recorded') : t(`live.${feed}`, { seconds: POLL_INTERVAL_MS / 1000 });
  return (
    <span class={`feed feed-${isRecorded ? 'recorded' : feed}`} role="status" data-feed={feed}>
      <span class="feed-dot" aria-hidden="true" />{text}
    </span>
  );
}
