/** A municipality (or any other area): figures now, the last days, the typical week, wifi, completeness. */
import type { JSX } from 'preact';
import { useMemo } from 'preact/hooks';
import { address, productAddress } from '../api/address';
import { getAll } from '../api/client';
import type { Area, Completeness, Listing, ParkingNow, ProductRows, Property, Thing, WifiUsage } from '../api/types';
import { number } from '../format/number';
import { lang, t, word } from '../i18n';
import { LazyMap } from '../map/lazy-map';
import type { AreaFill, Place } from '../map/shapes';
import { CompletenessPanel } from '../panels/completeness';
import { howToOf, ParkingPanels } from '../panels/parking';
import { chosenDays, PeriodSwitch, periodStart } from '../panels/period';
import { WifiPanel } from '../panels/wifi';
import { nowColumns, nowText, type NowLine } from '../parts/columns';
import { FeedState } from '../parts/feed';
import { KeyFigures } from '../parts/figure';
import { chosenKind, KindSwitch } from '../parts/kinds';
import { Failed, Loaded, Loading } from '../parts/loaded';
import { Panel } from '../parts/panel';
import { Table } from '../parts/table';
import { Crumbs, crumbsAbove, usePageTitle } from '../parts/title';
import { rowKey, useParkingNow, vehicleKinds, type ParkingNowState } from '../state/now';
import { municipalitiesIn, useBoundaries, useThings } from '../state/places';
import { useResource } from '../state/resource';
import { areaHref, href, placeHref, route, setQuery } from '../state/route';
import { useNowMs } from '../state/tick';
import { zoneOf, type Territory } from '../state/territory';
import { orderOf } from './region';

/** Completeness is by the day: fewer than a week of days shows nothing. */
const COMPLETENESS_DAYS_MIN = 7;
const HOUR_MS = 3_600_000;
/** On its own page an area stays pale: the points on it carry the colour. */
const NO_FILLS: ReadonlyMap<string, AreaFill> = new Map();

export function AreaPage({ territory, id }: { territory: Territory; id: string }): JSX.Element {
  const area = territory.areas.get(id);
  usePageTitle(area?.name ?? id);
  if (!area) return <div class="page page-text"><h1>{t('missing.title')}</h1><p>{t('area.missing', { id })}</p></div>;
  return <KnownArea territory={territory} area={area} />;
}

function KnownArea({ territory, area }: { territory: Territory; area: Area }): JSX.Element {
  const zone = zoneOf(area);
  const now = useNowMs();
  const parking = useParkingNow({ area: area.id, levels: ['thing'] });
  const own = [...parking.rows.values()].filter((row) => row.area === area.id && row.level === area.level);
  const kinds = vehicleKinds(own);
  const kind = chosenKind(kinds);
  const row = parking.rows.get(rowKey(area.level, area.id, kind));
  return (
    <div class="page">
      <Crumbs steps={crumbsAbove(area, territory)} />
      <div class="page-head">
        <div>
          <h1>{area.name}</h1>
          <p class="sub">{[word('level', area.level), area.population ? t('area.population', { n: number(area.population, lang.value) }) : ''].filter(Boolean).join(' · ')}</p>
        </div>
        <div class="page-tools"><KindSwitch kinds={kinds} /><FeedState feed={parking.feed} /></div>
      </div>
      {parking.state === 'loading' ? <Loading lines={2} /> : parking.state === 'failed' ? <Failed problem={parking.problem} onRetry={parking.reload} /> : <KeyFigures row={row} now={now} zone={zone} />}
      {own.length > 1 && <KindsNow rows={own} kinds={kinds} now={now} zone={zone} />}
      <NowPanels territory={territory} area={area} parking={parking} kind={kind} zone={zone} now={now} />
      {now !== null && <PastPanels territory={territory} area={area} kind={kind} zone={zone} nowMs={now} />}
      <Children territory={territory} area={area} />
    </div>
  );
}

/** The figures of every vehicle kind, side by side: they are never added. */
function KindsNow({ rows, kinds, now, zone }: { rows: ParkingNow[]; kinds: string[]; now: number | null; zone: string }): JSX.Element {
  const lines: NowLine[] = kinds.map((kind) => ({
    id: kind, name: word('kind', kind), href: href(route.value.at, { kind }, route.value.query), row: rows.find((row) => row.vehicle_kind === kind),
  }));
  return (
    <section class="panel" id="kinds" aria-label={t('area.now')}>
      <Table caption={t('area.now')} rows={lines} rowKey={(line) => line.id} columns={nowColumns({ title: t('kind.label'), now, zone, hasLots: true })} />
    </section>
  );
}

interface NowPanelsProps {
  territory: Territory;
  area: Area;
  parking: ParkingNowState;
  kind: string;
  zone: string;
  now: number | null;
}

function NowPanels({ area, parking, kind, zone, now }: NowPanelsProps): JSX.Element {
  const lots = useThings(area.id, ['parking_lot', 'parking_bay']);
  const hotspots = useThings(area.id, ['access_point']);
  const boundaries = useBoundaries(area);
  const rows = [...parking.rows.values()].filter((row) => row.level === 'thing' && row.vehicle_kind === kind);
  const things = useMemo(() => new Map((lots.data ?? []).map((thing) => [thing.id, thing])), [lots.data]);
  const places = useMemo((): Place[] => {
    const points = (all: Thing[], as: Place['kind']): Place[] => all.flatMap((thing) => {
      if (!thing.location || thing.part_of) return [];
      const row = parking.rows.get(rowKey('thing', thing.id, kind));
      return [{ id: thing.id, name: thing.name, at: thing.location.coordinates, kind: as === 'lot' && thing.kind === 'parking_bay' ? 'bay' : as, occupancy: row?.occupancy ?? null, text: as === 'lot' ? nowText(row) : t('thing.access_point') }];
    });
    return [...points((lots.data ?? []).filter((thing) => !thing.vehicle_kind || thing.vehicle_kind === kind), 'lot'), ...points(hotspots.data ?? [], 'hotspot')];
  }, [lots.data, hotspots.data, parking.rows, kind]);
  const source = productAddress('parking_now', { area: area.id, level: 'thing' });
  return (
    <div class="split split-even">
      <Panel id="lots" title={t('area.lots')} source={source}
        table={parking.state === 'ready' ? <LotsTable rows={rows} things={things} now={now} zone={zone} /> : <Loading />} />
      <section class="panel panel-map" aria-labelledby="area-map-title">
        <header class="panel-head"><h2 id="area-map-title">{t('place.map')}</h2></header>
        <Loaded of={boundaries} lines={5}>
          {(areas) => <LazyMap areas={areas} places={places} label={t('region.map.alt')} areaText={() => ''} fills={NO_FILLS} />}
        </Loaded>
      </section>
    </div>
  );
}

interface LotsTableProps {
  rows: ParkingNow[];
  things: ReadonlyMap<string, Thing>;
  now: number | null;
  zone: string;
}

/** Car parks each, single bays summed up first and listed on demand. */
function LotsTable({ rows, things, now, zone }: LotsTableProps): JSX.Element {
  const isBay = (row: ParkingNow): boolean => things.get(row.area)?.kind === 'parking_bay';
  const line = (row: ParkingNow): NowLine => ({ id: row.area, name: row.name ?? things.get(row.area)?.name ?? row.area, href: placeHref(row.area), row });
  const lots = rows.filter((row) => !isBay(row)).map(line);
  const bays = rows.filter(isBay);
  const known = bays.filter((row) => row.free !== null);
  const order = orderOf(route.value.query.get('sort'), { by: 'occupancy', down: true });
  const columns = nowColumns({ title: t('column.place'), now, zone, hasLots: false });
  if (rows.length === 0) return <p class="nothing">{t('area.lots.none')}</p>;
  return (
    <>
      {lots.length > 0 && (
        <Table caption={t('area.lots.caption')} isCaptionHidden rows={lots} rowKey={(one) => one.id} columns={columns} order={order}
          onOrder={(next) => setQuery({ sort: `${next.down ? '-' : ''}${next.by}` }, { replace: true })} />
      )}
      {bays.length > 0 && (
        <details class="bays">
          <summary>{t('area.lots.bays', { free: number(known.reduce((sum, row) => sum + (row.free ?? 0), 0), lang.value), known: number(known.length, lang.value), total: number(bays.length, lang.value) })}</summary>
          <Table caption={t('area.lots.showBays', { n: bays.length })} isCaptionHidden rows={bays.map(line)} rowKey={(one) => one.id} columns={columns.filter((column) => column.id !== 'capacity')} />
        </details>
      )}
    </>
  );
}

interface PastPanelsProps {
  territory: Territory;
  area: Area;
  kind: string;
  zone: string;
  nowMs: number;
}

function PastPanels({ territory, area, kind, zone, nowMs }: PastPanelsProps): JSX.Element {
  const days = chosenDays(route.value.query.get('days'));
  const wifiAt = productAddress('wifi_usage', { area: area.id, bucket: '1h', from: periodStart(nowMs, days) });
  const daysShown = Math.max(days, COMPLETENESS_DAYS_MIN);
  const completeAt = productAddress('completeness', { area: area.id, bucket: '1d', from: periodStart(nowMs, daysShown) });
  const silentAt = productAddress('completeness', { area: area.id, level: 'thing', bucket: '1d', from: periodStart(nowMs - HOUR_MS, 1) });
  const wifi = useResource(wifiAt, (signal) => getAll<ProductRows<WifiUsage>>(wifiAt, signal));
  const complete = useResource(completeAt, (signal) => getAll<ProductRows<Completeness>>(completeAt, signal));
  const silent = useResource(silentAt, (signal) => getAll<ProductRows<Completeness>>(silentAt, signal));
  const propertiesAt = address('/properties');
  const properties = useResource(propertiesAt, (signal) => getAll<Listing<Property>>(propertiesAt, signal));
  const names = useMemo(() => new Map((properties.data?.items ?? []).map((property) => [property.id, property])), [properties.data]);
  return (
    <>
      <PeriodSwitch />
      <div class="panels">
        <ParkingPanels about={{ area: area.id }} kind={kind} zone={zone} nowMs={nowMs} territory={territory} />
        <WifiPanel of={wifi} source={wifiAt} zone={zone} howTo={howToOf(territory, 'wifi_usage', t('wifi.howto'))} />
        <CompletenessPanel of={complete} things={silent} source={completeAt} zone={zone} properties={names}
          howTo={howToOf(territory, 'completeness', t('complete.howto'))} />
      </div>
    </>
  );
}

/** A wider area links to the municipalities inside it. */
function Children({ territory, area }: { territory: Territory; area: Area }): JSX.Element | null {
  if (area.level === 'municipality' || area.level === 'zone') return null;
  const towns = municipalitiesIn(area.id, territory.areas).sort((a, b) => a.name.localeCompare(b.name));
  return (
    <section class="panel" aria-labelledby="children-title">
      <header class="panel-head"><h2 id="children-title">{t('area.children')}</h2></header>
      <ul class="children">{towns.map((town) => <li key={town.id}><a href={areaHref(town.id)}>{town.name}</a></li>)}</ul>
    </section>
  );
}
