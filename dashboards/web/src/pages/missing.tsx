/** An address that leads nowhere. */
import type { JSX } from 'preact';
import { t } from '../i18n';
import { usePageTitle } from '../parts/title';
import { href } from '../state/route';

export function MissingPage(): JSX.Element {
  usePageTitle(t('missing.title'));
  return (
    <div class="page page-text">
      <h1>{t('missing.title')}</h1>
      <p>{t('missing.text')}</p>
      <p><a href={href({ page: 'region' })}>{t('missing.home')}</a></p>
    </div>
  );
}
