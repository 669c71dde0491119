/** The columns of parking figures as they are now, the same in every table. */
import { number, percent } from '../format/number';
import type { ParkingNow } from '../api/types';
import { lang, t } from '../i18n';
import { ageSeconds } from '../state/now';
import { Age, Changing, Occupancy } from './figure';
import type { TableColumn } from './table';

export interface NowLine {
  id: string;
  name: string;
  href: string;
  row: ParkingNow | undefined;
}

interface NowColumns {
  title: string;
  now: number | null;
  zone: string;
  /** A municipality says how many car parks are known; a single place has no such count. */
  hasLots: boolean;
}

export function nowColumns({ title, now, zone, hasLots }: NowColumns): TableColumn<NowLine>[] {
  const count = (value: number | null | undefined) => <Changing value={number(value, lang.value)} />;
  const columns: TableColumn<NowLine>[] = [
    { id: 'name', title, isHead: true, cell: (line) => <a href={line.href}>{line.name}</a>, sort: (line) => line.name },
    { id: 'occupancy', title: t('column.occupancy'), isNumeric: true, cell: (line) => <Occupancy value={line.row?.occupancy} />, sort: (line) => line.row?.occupancy },
    { id: 'free', title: t('column.free'), isNumeric: true, cell: (line) => count(line.row?.free), sort: (line) => line.row?.free },
    { id: 'capacity', title: t('column.capacity'), isNumeric: true, isForWide: true, cell: (line) => count(line.row?.capacity), sort: (line) => line.row?.capacity },
    { id: 'known', title: t('column.known'), isNumeric: true, isForWide: true, cell: (line) => percent(line.row?.known_share, lang.value), sort: (line) => line.row?.known_share },
  ];
  if (hasLots) {
    columns.push({
      id: 'lots', title: t('column.lots'), isNumeric: true, isForWide: true, sort: (line) => line.row?.things_known,
      cell: (line) => (line.row?.things == null ? '–' : `${number(line.row.things_known, lang.value)}/${number(line.row.things, lang.value)}`),
    });
  }
  columns.push({ id: 'age', title: t('column.age'), isNumeric: true, cell: (line) => <Age row={line.row} now={now} zone={zone} />, sort: (line) => ageSeconds(line.row, now) });
  return columns;
}

/** A row in words, for a pointer on the map. */
export function nowText(row: ParkingNow | undefined): string {
  if (!row) return t('legend.noSensor');
  const of = (value: number | null): string => (value === null ? t('figure.unknown') : percent(value, lang.value));
  const lines = [`${t('column.occupancy')}: ${of(row.occupancy)}`];
  if (row.free !== null && row.capacity !== null) lines.push(`${t('column.free')}: ${number(row.free, lang.value)} / ${number(row.capacity, lang.value)}`);
  lines.push(`${t('column.known')}: ${of(row.known_share)}`);
  return lines.join('\n');
}
