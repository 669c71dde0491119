/** A place: what stands there, how it is now, its last days; for what counts people, why it shows none. */
import type { ComponentChildren, JSX } from 'preact';
import { address } from '../api/address';
import { getJson } from '../api/client';
import type { Thing } from '../api/types';
import { number } from '../format/number';
import { moment } from '../format/time';
import { lang, t, word } from '../i18n';
import { ParkingPanels } from '../panels/parking';
import { PeriodSwitch } from '../panels/period';
import { FeedState } from '../parts/feed';
import { KeyFigures } from '../parts/figure';
import { chosenKind, KindSwitch } from '../parts/kinds';
import { Failed, Loading } from '../parts/loaded';
import { CsvLink } from '../parts/panel';
import { Crumbs, crumbsAbove, usePageTitle } from '../parts/title';
import { rowKey, useParkingNow, vehicleKinds } from '../state/now';
import { useResource } from '../state/resource';
import { areaHref, placeHref } from '../state/route';
import { useNowMs } from '../state/tick';
import { zoneOf, type Territory } from '../state/territory';

const NOT_FOUND = 404;

export function PlacePage({ territory, id }: { territory: Territory; id: string }): JSX.Element {
  const at = address(`/things/${encodeURIComponent(id).replace(/%3A/g, ':')}`);
  const thing = useResource(at, (signal) => getJson<Thing>(at, signal));
  usePageTitle(thing.data?.name ?? id);
  if (thing.state === 'loading') return <div class="page"><Loading lines={6} /></div>;
  if (!thing.data) {
    if (thing.problem?.status !== NOT_FOUND) return <div class="page"><Failed problem={thing.problem} onRetry={thing.reload} /></div>;
    return <div class="page page-text"><h1>{t('missing.title')}</h1><p>{t('place.missing', { id })}</p></div>;
  }
  return <KnownPlace territory={territory} thing={thing.data} />;
}

function KnownPlace({ territory, thing }: { territory: Territory; thing: Thing }): JSX.Element {
  const town = territory.areas.get(thing.municipality ?? '');
  const zone = zoneOf(town);
  const now = useNowMs();
  const hidden = whyHidden(thing);
  const parking = useParkingNow(hidden ? null : { thing: thing.id });
  const kinds = vehicleKinds(parking.rows.values());
  const kind = kinds.length ? chosenKind(kinds) : (thing.vehicle_kind ?? 'car');
  const steps = crumbsAbove(town, territory);
  if (town) steps.push([areaHref(town.id), town.name]);
  return (
    <div class="page">
      <Crumbs steps={steps} />
      <div class="page-head">
        <div>
          <h1>{thing.name}</h1>
          <p class="sub">{[word('thing', thing.kind), word('kind', thing.vehicle_kind), town?.name].filter(Boolean).join(' · ')}</p>
        </div>
        {!hidden && <div class="page-tools"><KindSwitch kinds={kinds} /><FeedState feed={parking.feed} /></div>}
      </div>
      {hidden ? <Hidden thing={thing} why={hidden} townName={town?.name} /> : (
        <>
          {parking.state === 'loading' ? <Loading lines={2} /> : parking.state === 'failed' ? <Failed problem={parking.problem} onRetry={parking.reload} />
            : <KeyFigures row={parking.rows.get(rowKey('thing', thing.id, kind)) } now={now} zone={zone} />}
          <PeriodSwitch />
          {now !== null && <div class="panels"><ParkingPanels about={{ thing: thing.id, level: 'thing' }} kind={kind} zone={zone} nowMs={now} territory={territory} /></div>}
        </>
      )}
      <About territory={territory} thing={thing} zone={zone} isHidden={hidden !== null} />
    </div>
  );
}

type Why = 'wifi' | 'reserved' | 'closed' | 'sensor';

/** Why a place shows no figures to the public; null when it does. */
export function whyHidden(thing: Thing): Why | null {
  if (thing.kind === 'access_point') return 'wifi';
  if (thing.reserved) return 'reserved';
  if (thing.open === false) return 'closed';
  return thing.kind === 'sensor' ? 'sensor' : null;
}

function Hidden({ thing, why, townName }: { thing: Thing; why: Why; townName: string | undefined }): JSX.Element {
  return (
    <section class="panel explained" id="why">
      {why === 'wifi' && <h2>{t('place.wifi.title')}</h2>}
      <p>{t(`place.${why}.text`)}</p>
      {why === 'wifi' && thing.municipality && (
        <p><a class="btn btn-primary btn-xs" href={`${areaHref(thing.municipality)}#wifi`}>{t('place.wifi.link', { name: townName ?? thing.municipality })}</a></p>
      )}
    </section>
  );
}

interface AboutProps {
  territory: Territory;
  thing: Thing;
  zone: string;
  isHidden: boolean;
}

function About({ territory, thing, zone, isHidden }: AboutProps): JSX.Element {
  const by = thing.municipality_by;
  const [lon, lat] = thing.location?.coordinates ?? [];
  const raw = address(`/things/${thing.id}/observations`);
  const facts: [string, ComponentChildren][] = [
    [t('place.id'), <code>{thing.id}</code>],
    [t('place.publisher'), thing.publisher],
    [t('place.municipality'), thing.municipality && <a href={areaHref(thing.municipality)}>{territory.areas.get(thing.municipality)?.name ?? thing.municipality}</a>],
    [t('place.by'), by && word('place.by', by)],
    [t('place.capacity'), thing.capacity != null && number(thing.capacity, lang.value)],
    [t('place.partOf'), thing.part_of && <a href={placeHref(thing.part_of)}>{thing.part_of}</a>],
    [t('place.location'), lat !== undefined && lon !== undefined && `${number(lat, lang.value, 5)} N, ${number(lon, lang.value, 5)} E`],
    [t('place.properties'), thing.properties?.join(', ')],
    [t('place.since'), thing.valid_from && moment(thing.valid_from, zone, lang.value, 'date')],
  ];
  return (
    <section class="panel" id="about" aria-labelledby="about-title">
      <header class="panel-head">
        <h2 id="about-title">{t('place.about')}</h2>
        {!isHidden && <div class="panel-tools"><a href={raw}>{t('place.raw')}</a><CsvLink source={raw} title={t('place.raw')} /></div>}
      </header>
      <dl class="facts">{facts.filter(([, fact]) => fact).map(([name, fact]) => <div key={name}><dt>{name}</dt><dd>{fact}</dd></div>)}</dl>
    </section>
  );
}
