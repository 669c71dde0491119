/** The typical week drawn: a grid of medians, and one day with its quantile bands. */
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { bandOf } from '../format/scale';
import { percent } from '../format/number';
import { weekdays } from '../format/time';
import { lang, t } from '../i18n';
import { setQuery } from '../state/route';
import { Segments } from '../parts/panel';
import { bandOutlines, extremesOf, lineRuns, pathOf, type Week } from './week';

const CELL = { width: 24, height: 27, left: 40, top: 4 };
const GRID_WIDTH = CELL.left + 24 * CELL.width + 2;
const GRID_HEIGHT = CELL.top + 7 * CELL.height + 22;

interface WeekViewProps {
  week: Week;
  /** The day whose bands are drawn, 1–7. */
  day: number;
  /** Today's hours so far, by local hour, when the chosen day is today. */
  today: (number | null)[] | null;
}

export function WeekView({ week, day, today }: WeekViewProps): JSX.Element {
  const [at, setAt] = useState<number | null>(null);
  const long = weekdays(lang.value, 'long');
  const dayName = long[day - 1] ?? '';
  return (
    <div class="week">
      <figure class="week-grid">
        <Grid week={week} day={day} onHour={setAt} />
        <figcaption class="week-cell" aria-hidden="true">{at === null ? '\u00a0' : cellText(week, at, long)}</figcaption>
      </figure>
      <div class="week-day">
        <div class="week-day-head">
          <h3>{t('week.band', { day: dayName })}</h3>
          <Segments label={t('week.day')} chosen={String(day)}
            options={weekdays(lang.value, 'short').map((name, i) => [String(i + 1), name])}
            onChoose={(chosen) => setQuery({ day: chosen }, { replace: true })} />
        </div>
        <DayBands week={week} day={day} today={today} label={dayName} />
      </div>
    </div>
  );
}

/** The week in one sentence, for those who do not see the grid. */
export function weekSummary(week: Week): string {
  const found = extremesOf(week);
  if (!found) return t('week.none');
  const names = weekdays(lang.value, 'long');
  const name = (of: { weekday: number }): string => names[of.weekday - 1] ?? '';
  const { fullest, emptiest } = found;
  return t('week.summary', {
    dayMax: name(fullest), hourMax: `${fullest.hour}:00`, max: percent(fullest.q50, lang.value),
    dayMin: name(emptiest), hourMin: `${emptiest.hour}:00`, min: percent(emptiest.q50, lang.value),
  });
}

function cellText(week: Week, hourOfWeek: number, names: string[]): string {
  const hour = week[hourOfWeek];
  const day = names[Math.floor(hourOfWeek / 24)] ?? '';
  const at = String(hourOfWeek % 24).padStart(2, '0');
  if (!hour) return t('week.cell.unknown', { day, hour: at });
  return t('week.cell', {
    day, hour: at, median: percent(hour.q50, lang.value), low: percent(hour.q10, lang.value),
    high: percent(hour.q90, lang.value), samples: hour.samples ?? '–',
  });
}

function Grid({ week, day, onHour }: { week: Week; day: number; onHour: (hour: number | null) => void }): JSX.Element {
  const names = weekdays(lang.value, 'short');
  return (
    <svg viewBox={`0 0 ${GRID_WIDTH} ${GRID_HEIGHT}`} role="img" aria-label={weekSummary(week)} onMouseLeave={() => onHour(null)}>
      <defs>
        <pattern id="week-unknown" width="6" height="6" patternUnits="userSpaceOnUse">
          <rect width="6" height="6" fill="#eceff3" /><path d="M0 6 6 0" stroke="#b9c2cc" />
        </pattern>
      </defs>
      {names.map((name, row) => (
        <text key={name} x={CELL.left - 8} y={CELL.top + row * CELL.height + 18} text-anchor="end" class={row + 1 === day ? 'axis is-chosen' : 'axis'}>{name}</text>
      ))}
      {week.map((hour, index) => (
        <rect key={index} data-hour={index}
          x={CELL.left + (index % 24) * CELL.width} y={CELL.top + Math.floor(index / 24) * CELL.height}
          width={CELL.width - 1} height={CELL.height - 1}
          fill={bandOf(hour?.q50)?.fill ?? 'url(#week-unknown)'} class="week-rect" onMouseEnter={() => onHour(index)}
          onClick={() => setQuery({ day: String(Math.floor(index / 24) + 1) }, { replace: true })} />
      ))}
      {[0, 3, 6, 9, 12, 15, 18, 21].map((hour) => (
        <text key={hour} x={CELL.left + hour * CELL.width} y={GRID_HEIGHT - 6} class="axis">{String(hour).padStart(2, '0')}</text>
      ))}
    </svg>
  );
}

const PLOT = { width: 600, height: 190, left: 40, right: 8, top: 8, bottom: 22 };

function DayBands({ week, day, today, label }: WeekViewProps & { label: string }): JSX.Element {
  const hours = week.slice((day - 1) * 24, day * 24);
  const of = (quantile: 'q10' | 'q25' | 'q50' | 'q75' | 'q90'): (number | null)[] => hours.map((hour) => hour?.[quantile] ?? null);
  const highest = Math.max(1, ...of('q90').map((value) => value ?? 0), ...(today ?? []).map((value) => value ?? 0));
  const place = (hour: number, value: number): { x: number; y: number } => ({
    x: PLOT.left + (hour / 23) * (PLOT.width - PLOT.left - PLOT.right),
    y: PLOT.top + (1 - value / highest) * (PLOT.height - PLOT.top - PLOT.bottom),
  });
  const line = (values: (number | null)[], name: string): JSX.Element[] => lineRuns(values, place).map((run, i) => <path key={i} d={pathOf(run)} class={name} />);
  return (
    <figure class="bands">
      <svg viewBox={`0 0 ${PLOT.width} ${PLOT.height}`} role="img" aria-label={t('week.band', { day: label })}>
        {[0, 0.25, 0.5, 0.75, 1].map((value) => (
          <g key={value}>
            <path class="grid-line" d={pathOf([place(0, value), place(23, value)])} />
            <text class="axis" x={PLOT.left - 6} y={place(0, value).y + 4} text-anchor="end">{percent(value, lang.value)}</text>
          </g>
        ))}
        {bandOutlines(of('q10'), of('q90'), place).map((outline, i) => <path key={i} d={pathOf(outline, true)} class="band-most" />)}
        {bandOutlines(of('q25'), of('q75'), place).map((outline, i) => <path key={i} d={pathOf(outline, true)} class="band-middle" />)}
        {line(of('q50'), 'band-median')}
        {today && line(today, 'band-today')}
        {[0, 3, 6, 9, 12, 15, 18, 21].map((hour) => (
          <text key={hour} class="axis" x={place(hour, 0).x} y={PLOT.height - 5} text-anchor="middle">{String(hour).padStart(2, '0')}</text>
        ))}
      </svg>
      <figcaption class="timeline-legend">
        <span class="legend-entry"><span class="swatch line-median" aria-hidden="true" />{t('week.median')}</span>
        <span class="legend-entry"><span class="swatch fill-middle" aria-hidden="true" />{t('week.middle')}</span>
        <span class="legend-entry"><span class="swatch fill-most" aria-hidden="true" />{t('week.most')}</span>
        {today && <span class="legend-entry"><span class="swatch line-today" aria-hidden="true" />{t('week.today')}</span>}
      </figcaption>
    </figure>
  );
}
