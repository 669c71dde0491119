/** The typical week as a grid: seven days of 24 hours, each with its quantiles or nothing. */
import type { TypicalHour } from '../api/types';

export type Week = (TypicalHour | null)[];

export const HOURS_PER_WEEK = 168;

/** Rows to 168 places, Monday 00 first. A day with an hour twice or never leaves the grid whole. */
export function weekOf(rows: readonly TypicalHour[], kind: string): Week {
  const week: Week = Array.from({ length: HOURS_PER_WEEK }, () => null);
  for (const row of rows) {
    if (row.vehicle_kind !== kind || row.q50 === null || row.q50 === undefined) continue;
    if (row.hour_of_week >= 0 && row.hour_of_week < HOURS_PER_WEEK) week[row.hour_of_week] = row;
  }
  return week;
}

/** The hours with the highest and the lowest median. */
export function extremesOf(week: Week): { fullest: TypicalHour; emptiest: TypicalHour } | null {
  const known = week.filter((hour): hour is TypicalHour => hour !== null);
  const [first] = known;
  if (!first) return null;
  return known.reduce(
    (found, hour) => ({
      fullest: (hour.q50 ?? 0) > (found.fullest.q50 ?? 0) ? hour : found.fullest,
      emptiest: (hour.q50 ?? 0) < (found.emptiest.q50 ?? 0) ? hour : found.emptiest,
    }),
    { fullest: first, emptiest: first },
  );
}

export interface Point2 {
  x: number;
  y: number;
}

/** Runs of neighbouring hours in which both edges are known, as closed outlines of a band. */
export function bandOutlines(low: (number | null)[], high: (number | null)[], place: (hour: number, value: number) => Point2): Point2[][] {
  const outlines: Point2[][] = [];
  let run: [number, number, number][] = [];
  const close = (): void => {
    if (run.length > 0) {
      const there = run.map(([hour, , top]) => place(hour, top));
      const back = run.map(([hour, bottom]) => place(hour, bottom)).reverse();
      outlines.push([...there, ...back]);
    }
    run = [];
  };
  low.forEach((bottom, hour) => {
    const top = high[hour];
    if (bottom === null || top === null || top === undefined) close();
    else run.push([hour, bottom, top]);
  });
  close();
  return outlines;
}

/** Runs of neighbouring known values as lines. */
export function lineRuns(values: (number | null)[], place: (hour: number, value: number) => Point2): Point2[][] {
  const runs: Point2[][] = [[]];
  values.forEach((value, hour) => {
    if (value === null) runs.push([]);
    else runs[runs.length - 1]?.push(place(hour, value));
  });
  return runs.filter((run) => run.length > 0);
}

/** An SVG path through points. */
export function pathOf(points: readonly Point2[], isClosed = false): string {
  const text = points.map(({ x, y }, i) => `${i ? 'L' : 'M'}${x.toFixed(1)} ${y.toFixed(1)}`).join('');
  return isClosed && text ? `${text}Z` : text;
}
