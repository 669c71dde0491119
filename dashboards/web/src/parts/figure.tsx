/** Figures: the strip of key figures, an occupancy with its colour, a value that marks its own change. */
import type { ComponentChildren, JSX } from 'preact';
import { useRef } from 'preact/hooks';
import { bandOf } from '../format/scale';
import { number, percent } from '../format/number';
import { age, moment } from '../format/time';
import type { ParkingNow } from '../api/types';
import { lang, t } from '../i18n';
import { ageSeconds } from '../state/now';

interface KeyFigureProps {
  id: string;
  label: string;
  value: string | null;
  note?: ComponentChildren;
}

/** One key figure; null is written out as unknown. */
export function KeyFigure({ id, label, value, note }: KeyFigureProps): JSX.Element {
  return (
    <div class="key-figure" data-figure={id}>
      <dt>{label}</dt>
      <dd>
        <Changing value={value ?? t('figure.unknown')} class={value === null ? 'key-value is-unknown' : 'key-value'} />
        {note && <span class="key-note">{note}</span>}
      </dd>
    </div>
  );
}

/** A text that is lit up briefly when it changes after it first appeared. */
export function Changing({ value, class: name = '' }: { value: string; class?: string }): JSX.Element {
  const before = useRef(value);
  const changes = useRef(0);
  if (before.current !== value) {
    before.current = value;
    changes.current += 1;
  }
  return <span key={changes.current} class={changes.current ? `${name} has-changed` : name}>{value}</span>;
}

/** An occupancy: the colour of its class, a bar, the figure; unknown is hatched and says so. */
export function Occupancy({ value }: { value: number | null | undefined }): JSX.Element {
  const band = bandOf(value);
  if (!band || value === null || value === undefined) {
    return <span class="occupancy is-unknown"><span class="occupancy-bar hatched" aria-hidden="true" /><span>{t('figure.unknown')}</span></span>;
  }
  return (
    <span class="occupancy">
      <svg class="occupancy-bar" viewBox="0 0 48 10" preserveAspectRatio="none" aria-hidden="true">
        <rect width={48} height={10} class="occupancy-rest" />
        <rect width={48 * Math.min(1, value)} height={10} fill={band.fill} />
        <rect x={0.5} y={0.5} width={47} height={9} class="occupancy-edge" />
      </svg>
      <Changing value={percent(value, lang.value)} />
    </span>
  );
}

/** When a row was last true: its age, with the moment as a tooltip. */
export function Age({ row, now, zone }: { row: ParkingNow | undefined; now: number | null; zone: string }): JSX.Element {
  const at = row?.newest_observation;
  if (!at) return <span class="is-unknown">{t('figure.unknown')}</span>;
  return <time dateTime={at} title={moment(at, zone, lang.value, 'full')}>{age(ageSeconds(row, now), lang.value)}</time>;
}

/** The five figures of an area or a place now. */
export function KeyFigures({ row, now, zone }: { row: ParkingNow | undefined; now: number | null; zone: string }): JSX.Element {
  const isKnown = row?.occupancy !== null && row?.occupancy !== undefined;
  const seconds = ageSeconds(row, now);
  const isThing = row?.level === 'thing';
  return (
    <dl class="key-figures">
      <KeyFigure id="free" label={t('figure.free')} value={row?.free == null ? null : number(row.free, lang.value)}
        note={row?.capacity != null && t('figure.free.of', { n: number(row.capacity, lang.value) })} />
      <KeyFigure id="occupancy" label={t('figure.occupancy')} value={isKnown ? percent(row?.occupancy, lang.value, 1) : null}
        note={<>{row?.vehicles != null && t('figure.occupancy.of', { n: number(row.vehicles, lang.value) })}{row?.over_capacity && <span class="over"> {t('figure.over')}</span>}</>} />
      {!isThing && <KeyFigure id="lots" label={t('figure.lots')} value={row?.things_known == null ? null : number(row.things_known, lang.value)}
        note={row?.things != null && t('figure.lots.of', { n: number(row.things, lang.value) })} />}
      <KeyFigure id="known" label={t('figure.known')} value={row?.known_share == null ? null : percent(row.known_share, lang.value)}
        note={t('figure.known.of')} />
      <KeyFigure id="age" label={t('figure.age')} value={row?.newest_observation ? age(seconds, lang.value) : null}
        note={row?.newest_observation && moment(row.newest_observation, zone, lang.value)} />
    </dl>
  );
}
