/** Where the ticks of a time axis stand: at local hours of the area's zone, not at round UTC times. */
import { localHour, moment } from '../format/time';

const HOUR_S = 3600;
/** Room that a tick's text needs. */
const TICK_WIDTH_PX = 70;

/** Local midnights over days, every few local hours within them. */
export function axisSplits(from: number, to: number, zone: string, days: number, width: number): number[] {
  const wantedMax = Math.max(2, Math.floor(width / TICK_WIDTH_PX));
  const stepH = days <= 1.5 ? [2, 3, 4, 6, 12].find((h) => (days * 24) / h <= wantedMax) ?? 12 : 24;
  const everyDays = days <= 1.5 ? 1 : Math.max(1, Math.ceil(days / wantedMax));
  const splits: number[] = [];
  let midnights = 0;
  for (let at = Math.ceil(from / HOUR_S) * HOUR_S; at <= to; at += HOUR_S) {
    if (localHour(at * 1000, zone).hour % stepH !== 0) continue;
    if (stepH === 24 && midnights++ % everyDays !== 0) continue;
    splits.push(at);
  }
  return splits;
}

/**
 * Room to the right of the plot so that no tick's text, centred on its tick, runs over the picture's edge.
 * `widthPx` is what the plot and that room share.
 */
export function roomRight(splits: readonly number[], from: number, to: number, widthPx: number, textPx: (at: number) => number, roomMinPx: number): number {
  const needed = splits.map((at) => {
    const rest = (to - at) / (to - from);
    // rest · (width − room) + room ≥ text / 2; only ticks of the right half can reach the edge.
    return rest < 0.5 ? (textPx(at) / 2 - rest * widthPx) / (1 - rest) : 0;
  });
  return Math.ceil(Math.max(roomMinPx, ...needed));
}

/** A tick in words: the day over days, the time within them. */
export function axisTime(at: number, zone: string, lang: string, days: number): string {
  if (days > 1.5) return moment(at * 1000, zone, lang, 'day');
  return moment(at * 1000, zone, lang, 'time');
}
