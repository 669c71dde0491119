/**
 * From a product's rows to what a chart draws: one point an hour, and nothing where nothing is known.
 */

export interface Point {
  /** Start of the bucket, seconds since 1970. */
  at: number;
  value: number | null;
}

/** A stretch of time, seconds since 1970, half-open. */
export interface Span {
  from: number;
  to: number;
}

/**
 * Rows to points, oldest first. Where the answer leaves buckets out, one empty point stands for each,
 * so that a line is never drawn across them.
 */
export function pointsOf<R extends { bucket_start: string }>(
  rows: readonly R[],
  stepS: number,
  value: (row: R) => number | null | undefined,
): Point[] {
  const known = rows
    .map((row) => ({ at: Date.parse(row.bucket_start) / 1000, value: value(row) ?? null }))
    .filter((point) => Number.isFinite(point.at))
    .sort((a, b) => a.at - b.at);
  const points: Point[] = [];
  for (const point of known) {
    const last = points[points.length - 1];
    if (last && last.at === point.at) continue;
    for (let at = last ? last.at + stepS : point.at; at < point.at; at += stepS) points.push({ at, value: null });
    points.push(point);
  }
  return points;
}

/** The stretches in which no value stands, neighbours joined. */
export function gapsOf(points: readonly Point[], stepS: number, isGap: (index: number) => boolean): Span[] {
  const gaps: Span[] = [];
  points.forEach((point, index) => {
    if (!isGap(index)) return;
    const last = gaps[gaps.length - 1];
    if (last && last.to === point.at) last.to = point.at + stepS;
    else gaps.push({ from: point.at, to: point.at + stepS });
  });
  return gaps;
}

export interface Extent {
  min: number | null;
  max: number | null;
  last: number | null;
  unknown: number;
}

/** Lowest, highest and latest known value, and how many are not known. */
export function extentOf(points: readonly Point[]): Extent {
  const values = points.map((point) => point.value).filter((value): value is number => value !== null);
  return {
    min: values.length ? Math.min(...values) : null,
    max: values.length ? Math.max(...values) : null,
    last: values[values.length - 1] ?? null,
    unknown: points.length - values.length,
  };
}

/** A round top for an axis: 1, 2, 2.5 or 5 times a power of ten, at or above the value. */
export function roundTop(value: number): number {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  const step = [1, 2, 2.5, 5, 10].find((one) => one * power >= value * (1 - 1e-12)) ?? 10;
  return step * power;
}

/** Values between unknown neighbours have no line: they are drawn as dots, or they would not be seen. */
export function loneOf(values: readonly (number | null)[]): number[] {
  return values.flatMap((value, i) => (value !== null && values[i - 1] == null && values[i + 1] == null ? [i] : []));
}
