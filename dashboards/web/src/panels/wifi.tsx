/** Use of public wifi: published cells only, the hidden ones marked as hidden. */
import type { JSX } from 'preact';
import type { ProductRows, WifiUsage } from '../api/types';
import { extentOf, gapsOf, pointsOf, roundTop } from '../chart/series';
import { Timeline } from '../chart/timeline';
import { number, percent } from '../format/number';
import { moment } from '../format/time';
import { lang, t } from '../i18n';
import { Loaded } from '../parts/loaded';
import { Panel } from '../parts/panel';
import { Table, type TableColumn } from '../parts/table';
import type { Resource } from '../state/resource';

const HOUR_S = 3600;

interface WifiProps {
  of: Resource<ProductRows<WifiUsage>>;
  source: string;
  zone: string;
  howTo: string;
}

export function WifiPanel({ of, source, zone, howTo }: WifiProps): JSX.Element {
  const empty = (data: ProductRows<WifiUsage>): string | null => {
    if (data.items.length === 0) return t('state.empty');
    return data.items.every((row) => row.access_points === 0) ? t('wifi.none') : null;
  };
  return (
    <Panel id="wifi" title={t('wifi.title')} unit={t('unit.clients')} howTo={howTo} source={source}
      chart={<Loaded of={of} lines={6} empty={empty}>{(data) => <Chart rows={data.items} zone={zone} />}</Loaded>}
      table={<Loaded of={of} lines={6} empty={empty}>{(data) => <CellsTable rows={data.items} zone={zone} />}</Loaded>} />
  );
}

/** Where cells are hidden, and where nothing is known: never the same, never zero. */
export function wifiMarks(rows: readonly WifiUsage[]): { suppressed: Set<number>; unknown: Set<number> } {
  const [suppressed, unknown] = [new Set<number>(), new Set<number>()];
  for (const row of rows) {
    const at = Date.parse(row.bucket_start) / 1000;
    if (row.suppressed) suppressed.add(at);
    else if (row.clients_mean === null || row.clients_mean === undefined) unknown.add(at);
  }
  return { suppressed, unknown };
}

function Chart({ rows, zone }: { rows: WifiUsage[]; zone: string }): JSX.Element {
  const mean = pointsOf(rows, HOUR_S, (row) => row.clients_mean);
  const most = pointsOf(rows, HOUR_S, (row) => row.clients_max);
  const { suppressed } = wifiMarks(rows);
  const isHidden = (index: number): boolean => suppressed.has(mean[index]?.at ?? -1);
  const isUnknown = (index: number): boolean => mean[index]?.value === null && !isHidden(index);
  const top = roundTop(extentOf(most).max ?? extentOf(mean).max ?? 10);
  const figure = (value: number | null): string => number(value, lang.value, 1);
  const when = (at: number | undefined): string => moment((at ?? 0) * 1000, zone, lang.value);
  const unknown = mean.filter((_, index) => isUnknown(index)).length;
  const summary = t('wifi.summary', {
    from: when(mean[0]?.at), to: when(mean[mean.length - 1]?.at), max: figure(extentOf(most).max),
    suppressed: suppressed.size, unknown, hours: mean.length,
  });
  return (
    <>
      <Timeline times={mean.map((point) => point.at)} stepS={HOUR_S} zone={zone} lang={lang.value} top={top} format={figure} summary={summary}
        lines={[
          { label: t('wifi.mean'), values: mean.map((point) => point.value), colour: '#a98bc7', widthPx: 0, fill: '#c9b5de', isBar: true },
          { label: t('wifi.max'), values: most.map((point) => point.value), colour: '#6b3fa0', widthPx: 1.6 },
        ]}
        marked={[
          { label: t('wifi.suppressed'), kind: 'suppressed', spans: gapsOf(mean, HOUR_S, isHidden) },
          { label: t('history.unknown'), kind: 'unknown', spans: gapsOf(mean, HOUR_S, isUnknown) },
        ]} />
      <p class="summary">{summary}</p>
    </>
  );
}

function CellsTable({ rows, zone }: { rows: WifiUsage[]; zone: string }): JSX.Element {
  const cell = (row: WifiUsage, value: number | null): string => {
    if (row.suppressed) return t('wifi.suppressed');
    return value === null ? t('figure.unknown') : number(value, lang.value, 1);
  };
  const columns: TableColumn<WifiUsage>[] = [
    { id: 'time', title: t('column.time'), isHead: true, cell: (row) => <time dateTime={row.bucket_start}>{moment(row.bucket_start, zone, lang.value)}</time> },
    { id: 'mean', title: t('column.clientsMean'), isNumeric: true, cell: (row) => cell(row, row.clients_mean) },
    { id: 'max', title: t('column.clientsMax'), isNumeric: true, cell: (row) => cell(row, row.clients_max) },
    { id: 'known', title: t('column.known'), isNumeric: true, cell: (row) => percent(row.known_share, lang.value) },
    { id: 'access_points', title: t('column.accessPoints'), isNumeric: true, cell: (row) => number(row.access_points, lang.value) },
  ];
  const newestFirst = [...rows].sort((a, b) => b.bucket_start.localeCompare(a.bucket_start));
  return <Table caption={t('wifi.title')} isCaptionHidden rows={newestFirst} rowKey={(row) => row.bucket_start} columns={columns} rowsShownMax={48} />;
}
