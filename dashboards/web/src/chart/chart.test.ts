import { describe, expect, it } from 'vitest';
import type { TypicalHour } from '../api/types';
import { extentOf, gapsOf, loneOf, pointsOf, roundTop } from './series';
import { axisSplits, roomRight } from './ticks';
import { bandOutlines, extremesOf, lineRuns, pathOf, weekOf } from './week';

const HOUR_S = 3600;
const at = (hour: number): string => new Date(Date.UTC(2026, 4, 1, hour)).toISOString();
const start = Date.UTC(2026, 4, 1) / 1000;

describe('points', () => {
  it('stand for every hour, also for those the answer leaves out', () => {
    const points = pointsOf([{ bucket_start: at(4), v: 0.4 }, { bucket_start: at(1), v: 0.1 }, { bucket_start: at(2), v: null }], HOUR_S, (row) => row.v);
    expect(points.map((point) => (point.at - start) / HOUR_S)).toEqual([1, 2, 3, 4]);
    expect(points.map((point) => point.value)).toEqual([0.1, null, null, 0.4]);
  });

  it('keep a 0 a 0 and the first of two rows of one hour', () => {
    expect(pointsOf([{ bucket_start: at(1), v: 0 }, { bucket_start: at(1), v: 9 }], HOUR_S, (row) => row.v).map((point) => point.value)).toEqual([0]);
    expect(pointsOf([], HOUR_S, () => 1)).toEqual([]);
  });

  it('have their gaps joined', () => {
    const points = [null, 1, null, null, 2].map((value, i) => ({ at: i * HOUR_S, value }));
    expect(gapsOf(points, HOUR_S, (i) => points[i]?.value === null)).toEqual([{ from: 0, to: HOUR_S }, { from: 2 * HOUR_S, to: 4 * HOUR_S }]);
  });

  it('have an extent over what is known', () => {
    expect(extentOf([{ at: 0, value: null }, { at: 1, value: 0 }, { at: 2, value: 0.5 }, { at: 3, value: null }])).toEqual({ min: 0, max: 0.5, last: 0.5, unknown: 2 });
    expect(extentOf([{ at: 0, value: null }])).toEqual({ min: null, max: null, last: null, unknown: 1 });
  });

  it('get a round top', () => {
    expect([0, 0.9, 1, 7, 235, 250, 251].map(roundTop)).toEqual([1, 1, 1, 10, 250, 250, 500]);
  });
});

const hour = (of: Partial<TypicalHour>): TypicalHour => ({
  area: 'a', level: 'municipality', bucket: '1h', bucket_start: at(0), vehicle_kind: 'car', hour_of_week: 0, weekday: 1, hour: 0,
  q10: 0.1, q25: 0.2, q50: 0.3, q75: 0.4, q90: 0.5, samples: 8, weeks: 8, ...of,
});

describe('lone values', () => {
  it('are those without a known neighbour', () => {
    expect(loneOf([1, null, 2, 3, null, 4])).toEqual([0, 5]);
    expect(loneOf([null, null])).toEqual([]);
  });
});

describe('ticks', () => {
  it('stand at local midnights, over the change of March', () => {
    const from = Date.UTC(2026, 2, 27, 9) / 1000;
    const splits = axisSplits(from, from + 4 * 86_400, 'Europe/Rome', 4, 900);
    expect(splits.map((at) => new Date(at * 1000).toISOString().slice(5, 16))).toEqual(['03-27T23:00', '03-28T23:00', '03-29T22:00', '03-30T22:00']);
  });
});

describe('the room beside a time axis', () => {
  const room = (splits: number[], text = 60): number => roomRight(splits, 0, 100, 400, () => text, 12);

  it('is the least where the last text fits, and grows where it would run over the edge', () => {
    expect(room([0, 50, 80])).toBe(12);
    expect(room([])).toBe(12);
    expect(room([0, 100])).toBe(30);
    for (const at of [93, 95, 98, 99.5]) {
      const right = room([at]);
      expect((at / 100) * (400 - right) + 30).toBeLessThanOrEqual(400);
    }
  });
});

describe('the typical week', () => {
  it('keeps unknown hours empty and vehicle kinds apart', () => {
    const week = weekOf([hour({ hour_of_week: 3 }), hour({ hour_of_week: 4, q50: null }), hour({ hour_of_week: 5, vehicle_kind: 'bike' }), hour({ hour_of_week: 168 })], 'car');
    expect(week).toHaveLength(168);
    expect(week.filter(Boolean)).toHaveLength(1);
    expect(week[3]?.q50).toBe(0.3);
  });

  it('knows its fullest and emptiest hour', () => {
    const week = weekOf([hour({ hour_of_week: 1, q50: 0.3 }), hour({ hour_of_week: 2, q50: 0.9 }), hour({ hour_of_week: 3, q50: 0 })], 'car');
    expect(extremesOf(week)?.fullest.hour_of_week).toBe(2);
    expect(extremesOf(week)?.emptiest.hour_of_week).toBe(3);
    expect(extremesOf(weekOf([], 'car'))).toBeNull();
  });

  it('breaks bands and lines where nothing is known', () => {
    const place = (x: number, y: number) => ({ x, y });
    expect(bandOutlines([0, 1, null, 2], [5, 6, 7, 8], place)).toEqual([
      [{ x: 0, y: 5 }, { x: 1, y: 6 }, { x: 1, y: 1 }, { x: 0, y: 0 }],
      [{ x: 3, y: 8 }, { x: 3, y: 2 }],
    ]);
    expect(lineRuns([1, null, null, 2, 3], place)).toEqual([[{ x: 0, y: 1 }], [{ x: 3, y: 2 }, { x: 4, y: 3 }]]);
    expect(pathOf([{ x: 1, y: 2 }, { x: 3, y: 4.25 }], true)).toBe('M1.0 2.0L3.0 4.3Z');
  });
});
