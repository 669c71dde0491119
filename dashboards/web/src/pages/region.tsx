/** The territory: key figures, the map of municipalities now, and the same figures as lists. */
import type { JSX } from 'preact';
import { useMemo } from 'preact/hooks';
import { productAddress, address } from '../api/address';
import type { Area, Thing } from '../api/types';
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
import { rowKey, useParkingNow, vehicleKinds, type Rows } from '../state/now';
import { municipalitiesIn, useBoundaries, useThings } from '../state/places';
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
                areaText={(id) => nowText(parking.rows.get(rowKey('municipality', id, kind)))} />
            )}
          </Loaded>
          <Legend hasHotspots={(hotspots.data?.length ?? 0) > 0} />
        </section>
        <Lists scopeId={scopeId} towns={towns} rows={parking.rows} kind={kind} zone={zone} now={now}
          lots={lots.data ?? []} hotspots={hotspots.data ?? []} territory={territory} />
      </div>
    </div>
  );
}

function ScopeSelect({ territory, scopeId }: { territory: Territory; scopeId: string | null }): JSX.Element | null {
  const wide = [...territory.areas.values()].filter((area) => ['region', 'province', 'group', 'union'].includes(area.level));
  if (wide.length < 2) return null;
  const levels = ['region', 'province', 'union', 'group'].filter((level) => wide.some((area) => area.level === level));
  return (
    <label class="scope">
      <span>{t('region.where')}</span>
      <select value={scopeId ?? ''} data-control="scope"
        onChange={(event) => setQuery({ area: event.currentTarget.value === territory.rootId ? null : event.currentTarget.value })}>
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
  rows: Rows;
  kind: string;
  zone: string;
  now: number | null;
  lots: Thing[];
  hotspots: Thing[];
  territory: Territory;
}

function Lists(props: ListsProps): JSX.Element {
  const { scopeId, lots, hotspots } = props;
  const { query } = route.value;
  const chosen = (LISTS.find((list) => list === query.get('list')) ?? 'municipalities') as List;
  const find = query.get('find') ?? '';
  const level = chosen === 'municipalities' ? 'municipality' : 'thing';
  const source = chosen === 'hotspots' ? address('/things', { area: scopeId, kind: 'access_point' }) : productAddress('parking_now', { area: scopeId, level });
  return (
    <section class="panel panel-list" aria-labelledby="list-title">
      <header class="panel-head">
        <h2 id="list-title" class="visually-hidden">{t('region.list')}</h2>
        <Segments label={t('region.list')} chosen={chosen}
          options={LISTS.filter((list) => list === 'municipalities' || (list === 'lots' ? lots : hotspots).length > 0).map((list) => [list, t(`region.list.${list}`)])}
          onChoose={(list) => setQuery({ list: list === 'municipalities' ? null : list, sort: null })} />
        <div class="panel-tools">
          <label class="find">
            <SearchIcon /><span class="visually-hidden">{t('region.find')}</span>
            <input type="search" value={find} placeholder={t('region.find')} onInput={(event) => setQuery({ find: event.currentTarget.value }, { replace: true })} />
          </label>
          <CsvLink source={source} title={t(`region.list.${chosen}`)} />
        </div>
      </header>
      {chosen === 'hotspots' ? <Hotspots {...props} find={find} /> : <Lines {...props} find={find} isTowns={chosen === 'municipalities'} />}
    </section>
  );
}

/** `sort=free` upwards, `sort=-free` downwards. */
export function orderOf(text: string | null, otherwise: Order): Order {
  if (!text) return otherwise;
  return text.startsWith('-') ? { by: text.slice(1), down: true } : { by: text, down: false };
}

function Lines({ towns, rows, kind, zone, now, lots, find, isTowns }: ListsProps & { find: string; isTowns: boolean }): JSX.Element {
  const lines: NowLine[] = isTowns
    ? towns.map((town) => ({ id: town.id, name: town.name, href: areaHref(town.id, { kind: route.value.query.get('kind') }), row: rows.get(rowKey('municipality', town.id, kind)) }))
        .filter((line) => line.row !== undefined && line.row.things !== 0)
    : lots.filter((lot) => !lot.vehicle_kind || lot.vehicle_kind === kind)
        .map((lot) => ({ id: lot.id, name: lot.name, href: placeHref(lot.id), row: rows.get(rowKey('thing', lot.id, kind)) }));
  const found = lines.filter((line) => line.name.toLowerCase().includes(find.toLowerCase()));
  const caption = t(isTowns ? 'region.caption.municipalities' : 'region.caption.lots');
  const order = orderOf(route.value.query.get('sort'), { by: 'occupancy', down: true });
  if (find && found.length === 0) return <p class="nothing">{t('region.find.none', { text: find })}</p>;
  return (
    <>
      <Table caption={caption} isCaptionHidden rows={found} rowKey={(line) => line.id} order={order}
        onOrder={(next) => setQuery({ sort: `${next.down ? '-' : ''}${next.by}` }, { replace: true })}
        columns={nowColumns({ title: t(isTowns ? 'column.municipality' : 'column.place'), now, zone, hasLots: isTowns })} />
      {isTowns && towns.length > lines.length && <p class="note">{t('region.silent', { n: towns.length - lines.length })}</p>}
    </>
  );
}

function Hotspots({ hotspots, find, territory }: ListsProps & { find: string }): JSX.Element {
  const columns: TableColumn<Thing>[] = [
    { id: 'name', title: t('column.place'), isHead: true, cell: (thing) => <a href={placeHref(thing.id)}>{thing.name}</a>, sort: (thing) => thing.name },
    { id: 'municipality', title: t('column.municipality'), sort: (thing) => territory.areas.get(thing.municipality ?? '')?.name, cell: (thing) => thing.municipality ? <a href={areaHref(thing.municipality)}>{territory.areas.get(thing.municipality)?.name ?? thing.municipality}</a> : '–' },
  ];
  const found = hotspots.filter((thing) => thing.name.toLowerCase().includes(find.toLowerCase()));
  return (
    <>
      <p class="note">{t('region.hotspots.note')}</p>
      <Table caption={t('region.caption.hotspots')} isCaptionHidden rows={found} rowKey={(thing) => thing.id} columns={columns}
        order={orderOf(route.value.query.get('sort'), { by: 'municipality', down: false })}
        onOrder={(next) => setQuery({ sort: `${next.down ? '-' : ''}${next.by}` }, { replace: true })} />
    </>
  );
}
