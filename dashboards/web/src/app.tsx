/** The frame around every page: skip link, header with navigation and language, banner, page, footer. */
import type { JSX } from 'preact';
import { useLayoutEffect } from 'preact/hooks';
import { moment } from './format/time';
import { chooseLanguage, lang, t } from './i18n';
import { AreaPage } from './pages/area';
import { DataPage } from './pages/data';
import { EmptyPage } from './pages/empty';
import { MissingPage } from './pages/missing';
import { PlacePage } from './pages/place';
import { RegionPage } from './pages/region';
import { ClockIcon, Waves } from './parts/icons';
import { Failed, Loading } from './parts/loaded';
import { Segments } from './parts/panel';
import { clock } from './state/clock';
import { href, route } from './state/route';
import { loadTerritory, territory, zoneOf, type Territory } from './state/territory';

export function App(): JSX.Element {
  // With the texts, not a frame after them: a screen reader must not speak one language as another.
  useLayoutEffect(() => {
    document.documentElement.lang = lang.value;
  }, [lang.value]);
  return (
    <>
      <a class="skip" href="#content">{t('app.skip')}</a>
      <Header />
      <RecordedBanner />
      <main id="content" tabIndex={-1}>
        <CurrentPage />
      </main>
      <Footer />
    </>
  );
}

function Header(): JSX.Element {
  const at = route.value.at.page;
  const here = (is: boolean): { 'aria-current'?: 'page' } => (is ? { 'aria-current': 'page' } : {});
  return (
    <header class="head">
      <div class="head-inner">
        <a class="brand" href={href({ page: 'region' })}>
          <Waves />
          <span><strong>{t('app.title')}</strong><small>{t('app.tagline')}</small></span>
        </a>
        <nav aria-label={t('app.nav')}>
          <a href={href({ page: 'region' })} {...here(at !== 'data' && at !== 'missing')}>{t('nav.region')}</a>
          <a href={href({ page: 'data' })} {...here(at === 'data')}>{t('nav.data')}</a>
          <a href="/docs">{t('nav.docs')}</a>
        </nav>
        <div class="head-lang">
          <Segments label={t('app.language')} chosen={lang.value} options={[['it', 'Italiano'], ['en', 'English']]}
            onChoose={(chosen) => chooseLanguage(chosen === 'en' ? 'en' : 'it')} />
        </div>
      </div>
    </header>
  );
}

function RecordedBanner(): JSX.Element | null {
  if (clock.value?.kind !== 'recorded') return null;
  const known = territory.value.state === 'ready' ? territory.value.territory : null;
  const zone = zoneOf(known?.rootId ? known.areas.get(known.rootId) : [...(known?.areas.values() ?? [])][0]);
  return <p class="banner" role="note"><ClockIcon />{t('clock.recorded', { time: moment(clock.value.toldMs, zone, lang.value, 'full') })}</p>;
}

function Footer(): JSX.Element {
  return (
    <footer class="foot">
      <div class="foot-inner">
        <p>{t('app.footer')}</p>
        <p>{t('app.boundaries')} · {t('app.licence')} · <a href="/docs">{t('nav.docs')}</a> · <a href="/openapi.json">OpenAPI</a></p>
      </div>
    </footer>
  );
}

function CurrentPage(): JSX.Element {
  const { at } = route.value;
  const is = territory.value;
  if (at.page === 'missing') return <MissingPage />;
  if (is.state === 'loading') return <div class="page"><Loading lines={8} /></div>;
  if (is.state === 'failed') return <div class="page"><Failed problem={is.problem} onRetry={() => void loadTerritory()} /></div>;
  return <KnownPage territory={is.territory} />;
}

function KnownPage({ territory: known }: { territory: Territory }): JSX.Element {
  const { at } = route.value;
  if (at.page === 'data') return <DataPage territory={known} />;
  if (at.page === 'area') return <AreaPage key={at.id} territory={known} id={at.id} />;
  if (at.page === 'place') return <PlacePage key={at.id} territory={known} id={at.id} />;
  return known.hasThings ? <RegionPage territory={known} /> : <EmptyPage />;
}
