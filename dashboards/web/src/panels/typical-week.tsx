/** The typical week of an area or a place. */
import type { JSX } from 'preact';
import type { ProductRows, TypicalHour } from '../api/types';
import { weekOf } from '../chart/week';
import { weekSummary, WeekView } from '../chart/week-view';
import { number } from '../format/number';
import { localHour, weekdays } from '../format/time';
import { lang, t } from '../i18n';
import { Occupancy } from '../parts/figure';
import { percent } from '../format/number';
import { Loaded } from '../parts/loaded';
import { Panel } from '../parts/panel';
import { Table, type TableColumn } from '../parts/table';
import { route } from '../state/route';
import type { Resource } from '../state/resource';

interface TypicalWeekProps {
  of: Resource<ProductRows<TypicalHour>>;
  source: string;
  kind: string;
  zone: string;
  nowMs: number;
  today: (number | null)[];
  howTo: string;
}

export function TypicalWeekPanel({ of, source, kind, zone, nowMs, today, howTo }: TypicalWeekProps): JSX.Element {
  const weekday = localHour(nowMs, zone).weekday;
  const asked = Number(route.value.query.get('day'));
  const day = asked >= 1 && asked <= 7 ? asked : weekday;
  const empty = (data: ProductRows<TypicalHour>): string | null => (weekOf(data.items, kind).some(Boolean) ? null : t('week.none'));
  return (
    <Panel id="week" title={t('week.title')} unit={t('unit.share')} howTo={howTo} source={source}
      chart={
        <Loaded of={of} lines={6} empty={empty}>
          {(data) => {
            const week = weekOf(data.items, kind);
            return <><WeekView week={week} day={day} today={day === weekday ? today : null} /><p class="summary">{weekSummary(week)}</p></>;
          }}
        </Loaded>
      }
      table={<Loaded of={of} lines={6} empty={empty}>{(data) => <WeekTable rows={data.items.filter((row) => row.vehicle_kind === kind)} />}</Loaded>} />
  );
}

function WeekTable({ rows }: { rows: TypicalHour[] }): JSX.Element {
  const names = weekdays(lang.value, 'long');
  const share = (value: number | null): string => percent(value, lang.value);
  const columns: TableColumn<TypicalHour>[] = [
    { id: 'day', title: t('column.day'), isHead: true, cell: (row) => `${names[row.weekday - 1] ?? ''} ${String(row.hour).padStart(2, '0')}:00` },
    { id: 'q50', title: t('column.median'), isNumeric: true, cell: (row) => <Occupancy value={row.q50} /> },
    { id: 'q10', title: t('column.q10'), isNumeric: true, cell: (row) => share(row.q10) },
    { id: 'q25', title: t('column.q25'), isNumeric: true, cell: (row) => share(row.q25) },
    { id: 'q75', title: t('column.q75'), isNumeric: true, cell: (row) => share(row.q75) },
    { id: 'q90', title: t('column.q90'), isNumeric: true, cell: (row) => share(row.q90) },
    { id: 'samples', title: t('column.samples'), isNumeric: true, cell: (row) => number(row.samples, lang.value) },
  ];
  const inWeek = [...rows].sort((a, b) => a.hour_of_week - b.hour_of_week);
  return <Table caption={t('week.title')} isCaptionHidden rows={inWeek} rowKey={(row) => String(row.hour_of_week)} columns={columns} />;
}
