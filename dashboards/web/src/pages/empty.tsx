/** An empty store's first page: what to do next. It looks again by itself. */
import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import { t } from '../i18n';
import { Prose } from '../parts/prose';
import { usePageTitle } from '../parts/title';
import { loadTerritory } from '../state/territory';

/** Between two looks at whether the first thing has arrived. */
const LOOK_INTERVAL_MS = 5_000;

const STEPS = [
  ['empty.demo', 'arno demo --data-dir demo-data --http 127.0.0.1:8081 --mqtt 127.0.0.1:1884'],
  ['empty.registry', 'arno registry apply FOLDER'],
  ['empty.publish', `mosquitto_pub -h 127.0.0.1 -p 1883 -q 1 -t arno/v1/obs/prato/lot-1 -m '{"vehicles": 42}'`],
] as const;

export function EmptyPage(): JSX.Element {
  usePageTitle(t('empty.title'));
  useEffect(() => {
    const timer = setInterval(() => void loadTerritory(), LOOK_INTERVAL_MS);
    return () => clearInterval(timer);
  }, []);
  return (
    <div class="page page-text">
      <h1>{t('empty.title')}</h1>
      <p class="lead">{t('empty.lead')}</p>
      <ol class="steps">
        {STEPS.map(([key, command]) => <li key={key}><p><Prose text={t(key)} /></p><pre tabIndex={0}><code>{command}</code></pre></li>)}
      </ol>
      <p>{t('empty.after')}</p>
      <p><a href="/docs">{t('data.docs')}</a> · <a href="/openapi.json">{t('data.openapi')}</a></p>
    </div>
  );
}
