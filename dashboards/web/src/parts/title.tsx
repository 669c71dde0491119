/** A page's title in the tab, and the way back up. */
import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import { t } from '../i18n';

export function usePageTitle(title: string): void {
  useEffect(() => {
    document.title = title ? `${title} · ${t('app.title')}` : t('app.title');
  }, [title]);
}

export function Crumbs({ steps }: { steps: [href: string, text: string][] }): JSX.Element {
  return (
    <nav class="crumbs" aria-label={t('nav.region')}>
      <ol>{steps.map(([to, text]) => <li key={to}><a href={to}>{text}</a></li>)}</ol>
    </nav>
  );
}
