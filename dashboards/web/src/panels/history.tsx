/** The last days of parking: occupancy by the hour, with what was not known. */
import type { JSX } from 'preact';
import type { ParkingOccupancy, ProductRows } from '../api/types';
import { extentOf, gapsOf, pointsOf } from '../chart/series';
import { Timeline } from '../chart/timeline';
import { number, percent } from '../format/number';
import { SATURATION_FROM } from '../format/scale';
import { localHour, moment } from '../format/time';
import { lang, t } from '../i18n';
import { Occupancy } from '../parts/figure';
import { Loaded } from '../parts/loaded';
import { Panel } from '../parts/panel';
import { Table, type TableColumn } from '../parts/table';
import type { Resource } from '../state/resource';

const HOUR_S = 3600;

interface HistoryProps {
  of: Resource<ProductRows<ParkingOccupancy>>;
  source: string;
  kind: string;
  zone: string;
  howTo: string;
}

export function HistoryPanel({ of, source, kind, zone, howTo }: HistoryProps): JSX.Element {
  const rowsOf = (data: ProductRows<ParkingOccupancy>): ParkingOccupancy[] => data.items.filter((row) => row.vehicle_kind === kind);
  const empty = (data: ProductRows<ParkingOccupancy>): string | null => (rowsOf(data).length ? null : t('state.empty'));
  return (
    <Panel id="history" title={t('history.title')} unit={t('unit.share')} howTo={howTo} source={source}
      chart={<Loaded of={of} lines={6} empty={empty}>{(data) => <Chart rows={rowsOf(data)} zone={zone} />}</Loaded>}
      table={<Loaded of={of} lines={6} empty={empty}>{(data) => <HoursTable rows={rowsOf(data)} zone={zone} />}</Loaded>} />
  );
}

function Chart({ rows, zone }: { rows: ParkingOccupancy[]; zone: string }): JSX.Element {
  const points = pointsOf(rows, HOUR_S, (row) => row.occupancy);
  const shares = new Map(rows.map((row) => [Date.parse(row.bucket_start) / 1000, row.known_share]));
  const extent = extentOf(points);
  const share = (value: number | null): string => percent(value, lang.value);
  const [first, last] = [points[0], points[points.length - 1]];
  const when = (at: number | undefined): string => moment((at ?? 0) * 1000, zone, lang.value);
  const summary = t('history.summary', {
    from: when(first?.at), to: when(last?.at), min: share(extent.min), max: share(extent.max), last: share(extent.last),
    unknown: extent.unknown, hours: points.length,
  });
  return (
    <>
      <Timeline times={points.map((point) => point.at)} stepS={HOUR_S} zone={zone} lang={lang.value}
        top={Math.max(1, Math.ceil((extent.max ?? 1) * 10) / 10)} threshold={SATURATION_FROM} format={share} summary={summary}
        lines={[
          { label: t('history.series'), values: points.map((point) => point.value), colour: '#0055ad', fill: 'rgba(0,85,173,0.10)' },
          { label: t('history.known'), values: points.map((point) => shares.get(point.at) ?? null), colour: '#7b8794', widthPx: 1, dash: [3, 3] },
        ]}
        marked={[{ label: t('history.unknown'), kind: 'unknown', spans: gapsOf(points, HOUR_S, (i) => points[i]?.value === null) }]} />
      <p class="summary">{summary}{rows.some((row) => row.open) && ` ${t('history.open')}`}</p>
    </>
  );
}

function HoursTable({ rows, zone }: { rows: ParkingOccupancy[]; zone: string }): JSX.Element {
  const columns: TableColumn<ParkingOccupancy>[] = [
    { id: 'time', title: t('column.time'), isHead: true, cell: (row) => <time dateTime={row.bucket_start}>{moment(row.bucket_start, zone, lang.value)}</time> },
    { id: 'occupancy', title: t('column.occupancy'), isNumeric: true, cell: (row) => <Occupancy value={row.occupancy} /> },
    { id: 'known', title: t('column.known'), isNumeric: true, cell: (row) => percent(row.known_share, lang.value) },
    { id: 'saturation', title: t('column.saturation'), isNumeric: true, cell: (row) => percent(row.saturation, lang.value) },
    { id: 'readings', title: t('column.readings'), isNumeric: true, cell: (row) => number(row.readings, lang.value) },
  ];
  const newestFirst = [...rows].sort((a, b) => b.bucket_start.localeCompare(a.bucket_start));
  return <Table caption={t('history.title')} isCaptionHidden rows={newestFirst} rowKey={(row) => row.bucket_start} columns={columns} rowsShownMax={48} />;
}

/** Today's hours so far by local hour, for laying over the typical day; of an hour that occurs twice, the later. */
export function todaysHours(rows: readonly ParkingOccupancy[], kind: string, zone: string, nowMs: number): (number | null)[] {
  const today = localHour(nowMs, zone).date;
  const hours: (number | null)[] = Array.from({ length: 24 }, () => null);
  const inOrder = [...rows].sort((a, b) => a.bucket_start.localeCompare(b.bucket_start));
  for (const row of inOrder) {
    if (row.vehicle_kind !== kind) continue;
    const local = localHour(Date.parse(row.bucket_start), zone);
    if (local.date === today) hours[local.hour] = row.occupancy;
  }
  return hours;
}
