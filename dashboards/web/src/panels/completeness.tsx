/** How complete the data are: known share by property and day, and the places that are silent. */
import type { JSX } from 'preact';
import type { Completeness, ProductRows, Property } from '../api/types';
import { number, percent } from '../format/number';
import { moment } from '../format/time';
import { lang, said, t } from '../i18n';
import { Failed, Loaded } from '../parts/loaded';
import { Panel } from '../parts/panel';
import { Table, type TableColumn } from '../parts/table';
import { placeHref } from '../state/route';
import type { Resource } from '../state/resource';

/** Below this a figure of the place is unknown: the products' own threshold. */
const SILENT_BELOW = 0.5;

interface CompletenessProps {
  of: Resource<ProductRows<Completeness>>;
  things: Resource<ProductRows<Completeness>>;
  source: string;
  zone: string;
  properties: ReadonlyMap<string, Property>;
  howTo: string;
}

export function CompletenessPanel({ of, things, source, zone, properties, howTo }: CompletenessProps): JSX.Element {
  const empty = (data: ProductRows<Completeness>): string | null => (data.items.length ? null : t('state.empty'));
  const nameOf = (id: string): string => said(properties.get(id)?.name) || id;
  return (
    <Panel id="completeness" title={t('complete.title')} unit={t('unit.known')} howTo={howTo} source={source}
      chart={<Loaded of={of} empty={empty}>{(data) => <><Bars rows={data.items} zone={zone} nameOf={nameOf} /><p class="summary">{meanText(data.items, nameOf)}</p></>}</Loaded>}
      table={<Loaded of={of} empty={empty}>{(data) => <DaysTable rows={data.items} zone={zone} nameOf={nameOf} />}</Loaded>}>
      {things.state === 'ready' && things.data && <Silent rows={things.data.items} nameOf={nameOf} />}
      {things.state === 'failed' && <Failed problem={things.problem} onRetry={things.reload} />}
    </Panel>
  );
}

/** Rows by property, each in the order of time. */
export function byProperty(rows: readonly Completeness[]): Map<string, Completeness[]> {
  const found = new Map<string, Completeness[]>();
  for (const row of rows) found.set(row.property, [...(found.get(row.property) ?? []), row]);
  for (const list of found.values()) list.sort((a, b) => a.bucket_start.localeCompare(b.bucket_start));
  return new Map([...found].sort(([a], [b]) => a.localeCompare(b)));
}

/** The newest row of each place and property that was known for less than half of it. */
export function silentPlaces(rows: readonly Completeness[]): Completeness[] {
  const newest = new Map<string, Completeness>();
  for (const row of rows) {
    const key = `${row.area} ${row.property}`;
    const held = newest.get(key);
    if (!held || row.bucket_start > held.bucket_start) newest.set(key, row);
  }
  return [...newest.values()]
    .filter((row) => (row.known_share ?? 0) < SILENT_BELOW)
    .sort((a, b) => (a.known_share ?? 0) - (b.known_share ?? 0) || a.area.localeCompare(b.area));
}

/** Each property's mean over the period, in words. Days weigh the same: the product has no finer weight. */
function meanText(rows: readonly Completeness[], nameOf: (id: string) => string): string {
  const means = [...byProperty(rows)].map(([property, days]) => {
    const known = days.map((day) => day.known_share).filter((share): share is number => share !== null);
    const mean = known.length ? known.reduce((sum, share) => sum + share, 0) / known.length : null;
    return `${nameOf(property)} ${percent(mean, lang.value)}`;
  });
  return t('complete.summary', { list: means.join(', ') });
}

const BAR = { width: 22, gap: 3, height: 30 };

function Bars({ rows, zone, nameOf }: { rows: Completeness[]; zone: string; nameOf: (id: string) => string }): JSX.Element {
  return (
    <div class="known-bars">
      {[...byProperty(rows)].map(([property, days]) => (
        <figure key={property}>
          <figcaption>{nameOf(property)}</figcaption>
          <svg viewBox={`0 0 ${days.length * (BAR.width + BAR.gap)} ${BAR.height}`} preserveAspectRatio="none" role="img"
            aria-label={days.map((day) => `${moment(day.bucket_start, zone, lang.value, 'day')}: ${percent(day.known_share, lang.value)}`).join('; ')}>
            {days.map((day, i) => {
              const share = Math.min(1, day.known_share ?? 0);
              const x = i * (BAR.width + BAR.gap);
              return (
                <g key={day.bucket_start}>
                  <title>{`${moment(day.bucket_start, zone, lang.value, 'day')}: ${percent(day.known_share, lang.value)}`}</title>
                  <rect x={x} width={BAR.width} height={BAR.height} class="known-rest" />
                  <rect x={x} y={BAR.height * (1 - share)} width={BAR.width} height={BAR.height * share} class={share < SILENT_BELOW ? 'known-low' : 'known-part'} />
                </g>
              );
            })}
          </svg>
          <span class="known-ends"><span>{moment(days[0]?.bucket_start ?? '', zone, lang.value, 'day')}</span><span>{moment(days[days.length - 1]?.bucket_start ?? '', zone, lang.value, 'day')}</span></span>
        </figure>
      ))}
    </div>
  );
}

function DaysTable({ rows, zone, nameOf }: { rows: Completeness[]; zone: string; nameOf: (id: string) => string }): JSX.Element {
  const columns: TableColumn<Completeness>[] = [
    { id: 'day', title: t('column.day'), isHead: true, cell: (row) => moment(row.bucket_start, zone, lang.value, 'day') },
    { id: 'property', title: t('column.property'), cell: (row) => nameOf(row.property) },
    { id: 'known', title: t('column.known'), isNumeric: true, cell: (row) => percent(row.known_share, lang.value, 1) },
    { id: 'reporting', title: t('column.reporting'), isNumeric: true, cell: (row) => `${number(row.things_reporting, lang.value)}/${number(row.things, lang.value)}` },
    { id: 'readings', title: t('column.readings'), isNumeric: true, cell: (row) => number(row.readings, lang.value) },
  ];
  const newestFirst = [...rows].sort((a, b) => b.bucket_start.localeCompare(a.bucket_start) || a.property.localeCompare(b.property));
  return <Table caption={t('complete.caption')} isCaptionHidden rows={newestFirst} rowKey={(row) => `${row.bucket_start} ${row.property}`} columns={columns} />;
}

function Silent({ rows, nameOf }: { rows: Completeness[]; nameOf: (id: string) => string }): JSX.Element {
  const silent = silentPlaces(rows);
  if (silent.length === 0) return <p class="note is-good">{t('complete.silent.none')}</p>;
  const columns: TableColumn<Completeness>[] = [
    { id: 'place', title: t('column.place'), isHead: true, cell: (row) => <a href={placeHref(row.area)}>{row.name ?? row.area}</a> },
    { id: 'property', title: t('column.property'), cell: (row) => nameOf(row.property) },
    { id: 'known', title: t('column.known'), isNumeric: true, cell: (row) => percent(row.known_share, lang.value) },
  ];
  return (
    <details class="silent">
      <summary>{t('complete.silent')} ({number(silent.length, lang.value)})</summary>
      <Table caption={t('complete.silent.caption')} rows={silent} rowKey={(row) => `${row.area} ${row.property}`} columns={columns} rowsShownMax={20} />
    </details>
  );
}
