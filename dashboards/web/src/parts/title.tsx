/** A page's title in the tab, and the way back up. */
import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import type { Area } from '../api/types';
import { t } from '../i18n';
import { areaHref, href } from '../state/route';
import { chainAbove, type Territory } from '../state/territory';

export function usePageTitle(title: string): void {
  useEffect(() => {
    document.title = title ? `${title} · ${t('app.title')}` : t('app.title');
  }, [title]);
}

/** The way up from an area: its administrative areas, widest first; the first step is always the start page. */
export function crumbsAbove(area: Area | undefined, territory: Territory): [href: string, text: string][] {
  const home = href({ page: 'region' });
  const to = (above: Area): string =>
    above.id === territory.rootId ? home : above.level === 'municipality' ? areaHref(above.id) : href({ page: 'region' }, { area: above.id });
  const steps = (area ? chainAbove(area, territory.areas) : []).map((above): [string, string] => [to(above), above.name]);
  return steps[0]?.[0] === home ? steps : [[home, t('nav.region')], ...steps];
}

export function Crumbs({ steps }: { steps: [href: string, text: string][] }): JSX.Element {
  return (
    <nav class="crumbs" aria-label={t('nav.region')}>
      <ol>{steps.map(([to, text]) => <li key={to}><a href={to}>{text}</a></li>)}</ol>
    </nav>
  );
}
