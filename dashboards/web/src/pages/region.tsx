/** The territory: key figures, the map of municipalities now, and the same figures as lists. */
import type { JSX } from 'preact';
import { useMemo } from 'preact/hooks';
import { productAddress, address } from '../api/address';
import type { Area, Level, Thing } from '../api/types';
import { t, word } from '../i18n';
import { LazyMap } from '../map/lazy-map';
import { Legend } from '../map/legend';
import type { AreaFill, Place } from '../map/shapes';
import { nowColumns, nowText, type NowLine } from '../parts/columns';
import { FeedState } from '../parts/feed';
import { KeyFigures } from '../parts/figure';
import { SearchIcon } from '../parts/icons';
import { chosenKind, KindSwitch } from '../parts/kinds';
import { Failed, Loaded, Loading } from '../parts/loaded';
import { CsvLink, Segments } from '../parts/panel';
import { Table, type Order, type TableColumn } from '../parts/table';
import { usePageTitle } from '../parts/title';
import { rowKey, useParkingNow, vehicleKinds, type ParkingNowState, type Rows } from '../state/now';
import { municipalitiesIn, useBoundaries, useThings } from '../state/places';
import type { Resource } from '../state/resource';
import { areaHref, placeHref, route, setQuery } from '../state/route';
import { useNowMs } from '../state/tick';
import { zoneOf, type Territory } from '../state/territory';

const LISTS = ['municipalities', 'lots', 'hotspots'] as const;
type List = (typeof LISTS)[number];

export function RegionPage({ territory }: { territory: Territory }): JSX.Element {
  const { query } = route.value;
  const asked = query.get('area');
  const scopeId = asked && territory.areas.has(asked) ? asked : territory.rootId;
  const scope = scopeId ? (territory.areas.get(scopeId) ?? null) : null;
  const zone = zoneOf(scope ?? [...territory.areas.values()][0]);
  const now = useNowMs();
  const parking = useParkingNow({ area: scopeId, levels: ['municipality', 'thing'] });
  const lots = useThings(scopeId, ['parking_lot']);
  const hotspots = useThings(scopeId, ['access_point']);
  const boundaries = useBoundaries(scope);
  const towns = useMemo(() => municipalitiesIn(scopeId, territory.areas), [scopeId, territory]);
  const kinds = vehicleKinds(parking.rows.values());
  const kind = chosenKind(kinds);
  usePageTitle(scope?.name ?? t('region.title'));

  const fills = useMemo(() => fillsOf(towns, parking.rows, kind), [towns, parking.rows, kind]);
  const places = useMemo(
    () => placesOf(lots.data ?? [], hotspots.data ?? [], parking.rows, kind, query.get('points')),
    [lots.data, hotspots.data, parking.rows, kind, query.get('points')],
  );
  const own = scopeId ? parking.rows.get(rowKey(scope?.level ?? '', scopeId, kind)) : undefined;
  return (
    <div class="page page-wide">
      <div class="page-head">
        <div>
          <h1>{scope?.name ?? t('region.title')}</h1>
          <ScopeSelect territory={territory} scopeId={scopeId} />
        </div>
        <div class="page-tools"><KindSwitch kinds={kinds} /><FeedState feed={parking.feed} /></div>
      </div>
      {parking.state === 'loading' ? <Loading lines={2} /> : parking.state === 'failed' ? <Failed problem={parking.problem} onRetry={parking.reload} /> : scopeId && <KeyFigures row={own} now={now} zone={zone} />}
      <div class="split">
        <section class="panel panel-map" aria-labelledby="map-title">
          <header class="panel-head">
            <h2 id="map-title">{t('region.map')}</h2>
            <PointsSwitch />
          </header>
          <Loaded of={boundaries} lines={6}>
            {(areas) => (
              <LazyMap areas={areas} fills={fills} places={places} label={t('region.map.alt')} isAreaLink
                areaText={(id) => (parking.state === 'loading' ? t('state.loading') : nowText(parking.rows.get(rowKey('municipality', id, kind))))} />
            )}
          </Loaded>
          <Legend hasHotspots={(hotspots.data?.length ?? 0) > 0} />
        </section>
        <Lists scopeId={scopeId} towns={towns} parking={parking} kind={kind} zone={zone} now={now}
          lots={lots} hotspots={hotspots} territory={territory} />
      </div>
    </div>
  );
}

const SCOPE_LEVELS: readonly Level[] = ['region', 'province', 'union', 'municipality', 'group'];

/** What the start page can be about: every wide area and group, and a lone municipality that one starts from. */
export function scopesOf(territory: Pick<Territory, 'areas' | 'rootId'>): Area[] {
  return [...territory.areas.values()].filter(
    (area) => area.id === territory.rootId || (SCOPE_LEVELS.includes(area.level) && area.level !== 'municipality'),
  );
}

function ScopeSelect({ territory, scopeId }: { territory: Territory; scopeId: string | null }): JSX.Element | null {
  const wide = scopesOf(territory);
  const isRootAmong = territory.rootId !== null;
  if (wide.length + (isRootAmong ? 0 : 1) < 2) return null;
  const levels = SCOPE_LEVELS.filter((level) => wide.some((area) => area.level === level));
  return (
    <label class="scope">
      <span>{t('region.where')}</span>
      <select value={scopeId ?? ''} data-control="scope"
        onChange={(event) => setQuery({ area: event.currentTarget.value === territory.rootId ? null : event.currentTarget.value })}>
        {!isRootAmong && <option value="" selected={scopeId === null}>{t('region.all')}</option>}
        {levels.map((level) => (
          <optgroup key={level} label={word('level', level)}>
            {wide.filter((area) => area.level === level).sort((a, b) => a.name.localeCompare(b.name)).map((area) => <option key={area.id} value={area.id} selected={area.id === scopeId}>{area.name}</option>)}
          </optgroup>
        ))}
      </select>
    </label>
  );
}

/** Which points the map shows: `points=none`, `lots`, `hotspots`; absent: both. */
function PointsSwitch(): JSX.Element {
  const shown = route.value.query.get('points');
  const has = (one: string): boolean => shown === null || shown === one;
  const toggle = (one: 'lots' | 'hotspots'): void => {
    const next = (['lots', 'hotspots'] as const).filter((layer) => (layer === one ? !has(layer) : has(layer)));
    setQuery({ points: next.length === 2 ? null : (next[0] ?? 'none') }, { replace: true });
  };
  return (
    <fieldset class="checks">
      <legend class="visually-hidden">{t('map.layers')}</legend>
      <label><input type="checkbox" checked={has('lots')} onChange={() => toggle('lots')} />{t('map.lots')}</label>
      <label><input type="checkbox" checked={has('hotspots')} onChange={() => toggle('hotspots')} />{t('map.hotspots')}</label>
    </fieldset>
  );
}

function fillsOf(towns: Area[], rows: Rows, kind: string): Map<string, AreaFill> {
  return new Map(
    towns.map((town) => {
      const row = rows.get(rowKey('municipality', town.id, kind));
      return [town.id, !row || row.things === 0 ? 'none' : (row.occupancy ?? 'unknown')];
    }),
  );
}

function placesOf(lots: Thing[], hotspots: Thing[], rows: Rows, kind: string, points: string | null): Place[] {
  const place = (thing: Thing, as: 'lot' | 'hotspot'): Place[] => {
    if (!thing.location) return [];
    const row = as === 'lot' ? rows.get(rowKey('thing', thing.id, kind)) : undefined;
    const text = as === 'lot' ? nowText(row) : t('thing.access_point');
    return [{ id: thing.id, name: thing.name, at: thing.location.coordinates, kind: as, occupancy: row?.occupancy ?? null, text }];
  };
  return [
    ...(points === null || points === 'lots' ? lots.filter((lot) => !lot.vehicle_kind || lot.vehicle_kind === kind).flatMap((lot) => place(lot, 'lot')) : []),
    ...(points === null || points === 'hotspots' ? hotspots.flatMap((thing) => place(thing, 'hotspot')) : []),
  ];
}

interface ListsProps {
  scopeId: string | null;
  towns: Area[];
  parking: ParkingNowState;
  kind: string;
  zone: string;
  now: number | null;
  lots: Resource<Thing[]>;
  hotspots: Resource<Thing[]>;
  territory: Territory;
}

/** Which lists a scope has: a group of places has no municipality, and without car parks there is no list of them. */
export function listsOf(towns: number, lots: number, hotspots: number): List[] {
  const has = { municipalities: towns > 0, lots: lots > 0, hotspots: hotspots > 0 };
  const found = LISTS.filter((list) => has[list]);
  return found.length ? found : ['municipalities'];
}

/** How many municipalities have no row: null while that is not known. */
export function silentTowns(parking: Pick<ParkingNowState, 'state' | 'isCut'>, towns: number, lines: number): number | null {
  return parking.state === 'ready' && !parking.isCut && towns > lines ? towns - lines : null;
}

function Lists(props: ListsProps): JSX.Element {
  const { scopeId, towns, lots, hotspots, parking } = props;
  const { query } = route.value;
  const lists = listsOf(towns.length, lots.data?.length ?? 0, hotspots.data?.length ?? 0);
  const first = lists[0] ?? 'municipalities';
  const chosen = LISTS.find((list) => list === query.get('list')) ?? first;
  const things = { municipalities: undefined, lots, hotspots }[chosen];
  const find = query.get('find') ?? '';
  const level = chosen === 'municipalities' ? 'municipality' : 'thing';
  const source = chosen === 'hotspots' ? address('/things', { area: scopeId, kind: 'access_point' }) : productAddress('parking_now', { area: scopeId, level });
  return (
    <section class="panel panel-list" aria-labelledby="list-title">
      <header class="panel-head">
        <h2 id="list-title" class="visually-hidden">{t('region.list')}</h2>
        <Segments label={t('region.list')} chosen={chosen}
          options={lists.map((list) => [list, t(`region.list.${list}`)])}
          onChoose={(list) => setQuery({ list: list === first ? null : list, sort: null })} />
        <div class="panel-tools">
          <label class="find">
            <SearchIcon /><span class="visually-hidden">{t('region.find')}</span>
            <input type="search" value={find} placeholder={t('region.find')} onInput={(event) => setQuery({ find: event.currentTarget.value }, { replace: true })} />
          </label>
          <CsvLink source={source} title={t(`region.list.${chosen}`)} />
        </div>
      </header>
      {things?.state === 'failed' ? <Failed problem={things.problem} onRetry={things.reload} />
        : things?.state === 'loading' || (chosen !== 'hotspots' && parking.state === 'loading') ? <Loading lines={6} />
        : chosen === 'hotspots' ? <Hotspots {...props} find={find} />
        : parking.state === 'ready' && <Lines {...props} find={find} isTowns={chosen === 'municipalities'} />}
    </section>
  );
}

/** `sort=free` upwards, `sort=-free` downwards. */
export function orderOf(text: string | null, otherwise: Order): Order {
  if (!text) return otherwise;
  return text.startsWith('-') ? { by: text.slice(1), down: true } : { by: text, down: false };
}

function Lines({ towns, parking, kind, zone, now, lots, find, isTowns }: ListsProps & { find: string; isTowns: boolean }): JSX.Element {
  const { rows } = parking;
  const lines: NowLine[] = isTowns
    ? towns.map((town) => ({ id: town.id, name: town.name, href: areaHref(town.id, { kind: route.value.query.get('kind') }), row: rows.get(rowKey('municipality', town.id, kind)) }))
        .filter((line) => line.row !== undefined && line.row.things !== 0)
    : (lots.data ?? []).filter((lot) => !lot.vehicle_kind || lot.vehicle_kind === kind)
        .map((lot) => ({ id: lot.id, name: lot.name, href: placeHref(lot.id), row: rows.get(rowKey('thing', lot.id, kind)) }));
  const found = lines.filter((line) => line.name.toLowerCase().includes(find.toLowerCase()));
  const caption = t(isTowns ? 'region.caption.municipalities' : 'region.caption.lots');
  const order = orderOf(route.value.query.get('sort'), { by: 'occupancy', down: true });
  const silent = isTowns ? silentTowns(parking, towns.length, lines.length) : null;
  if (find && found.length === 0) return <p class="nothing">{t('region.find.none', { text: find })}</p>;
  return (
    <>
      <Table caption={caption} isCaptionHidden rows={found} rowKey={(line) => line.id} order={order}
        onOrder={(next) => setQuery({ sort: `${next.down ? '-' : ''}${next.by}` }, { replace: true })}
        columns={nowColumns({ title: t(isTowns ? 'column.municipality' : 'column.place'), now, zone, hasLots: isTowns })} />
      {silent !== null && <p class="note">{t('region.silent', { n: silent })}</p>}
    </>
  );
}

function Hotspots({ hotspots, find, territory }: ListsProps & { find: string }): JSX.Element {
  const columns: TableColumn<Thing>[] = [
    { id: 'name', title: t('column.place'), isHead: true, cell: (thing) => <a href={placeHref(thing.id)}>{thing.name}</a>, sort: (thing) => thing.name },
    { id: 'municipality', title: t('column.municipality'), sort: (thing) => territory.areas.get(thing.municipality ?? '')?.name, cell: (thing) => thing.municipality ? <a href={areaHref(thing.municipality)}>{territory.areas.get(thing.municipality)?.name ?? thing.municipality}</a> : '–' },
  ];
  const found = (hotspots.data ?? []).filter((thing) => thing.name.toLowerCase().includes(find.toLowerCase()));
  return (
    <>
      <p class="note">{t('region.hotspots.note')}</p>
      <Table caption={t('region.caption.hotspots')} isCaptionHidden rows={found} rowKey={(thing) => thing.id} columns={columns}
        order={orderOf(route.value.query.get('sort'), { by: 'municipality', down: false })}
        onOrder={(next) => setQuery({ sort: `${next.down ? '-' : ''}${next.by}` }, { replace: true })} />
    </>
  );
}
