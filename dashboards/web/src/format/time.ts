/**
 * Moments as text, in the zone of the area that is looked at, never in the reader's own.
 */

export type Style = 'time' | 'day' | 'date' | 'moment' | 'full';

const STYLES: Record<Style, Intl.DateTimeFormatOptions> = {
  time: { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' },
  day: { weekday: 'short', day: 'numeric', month: 'short' },
  date: { day: 'numeric', month: 'long', year: 'numeric' },
  moment: { weekday: 'short', day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' },
  full: { day: 'numeric', month: 'long', year: 'numeric', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' },
};

const cache = new Map<string, Intl.DateTimeFormat>();

/** A moment (ms or RFC 3339) as text; an unknown zone falls back to UTC rather than to the reader's. */
export function moment(at: number | string, zone: string, lang: string, style: Style = 'moment'): string {
  const key = `${lang}|${zone}|${style}`;
  let made = cache.get(key);
  if (!made) {
    const locale = lang === 'it' ? 'it-IT' : 'en-GB';
    try {
      made = new Intl.DateTimeFormat(locale, { ...STYLES[style], timeZone: zone });
    } catch {
      made = new Intl.DateTimeFormat(locale, { ...STYLES[style], timeZone: 'UTC' });
    }
    cache.set(key, made);
  }
  const ms = typeof at === 'number' ? at : Date.parse(at);
  return Number.isNaN(ms) ? '–' : made.format(ms);
}

const zones = new Map<string, Intl.DateTimeFormat>();

function partsIn(zone: string): Intl.DateTimeFormat {
  let made = zones.get(zone);
  if (!made) {
    const options = { weekday: 'short', hour: '2-digit', hourCycle: 'h23', year: 'numeric', month: '2-digit', day: '2-digit' } as const;
    try {
      made = new Intl.DateTimeFormat('en-GB', { ...options, timeZone: zone });
    } catch {
      made = new Intl.DateTimeFormat('en-GB', { ...options, timeZone: 'UTC' });
    }
    zones.set(zone, made);
  }
  return made;
}

/** Monday = 1 … Sunday = 7 and the hour, as that zone's clocks show them. */
export function localHour(ms: number, zone: string): { weekday: number; hour: number; date: string } {
  const parts = partsIn(zone).formatToParts(ms);
  const part = (type: string): string => parts.find((one) => one.type === type)?.value ?? '';
  const weekday = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'].indexOf(part('weekday')) + 1;
  return { weekday, hour: Number(part('hour')), date: `${part('year')}-${part('month')}-${part('day')}` };
}

/** Names of the weekdays, Monday first. */
export function weekdays(lang: string, width: 'long' | 'short'): string[] {
  const names = new Intl.DateTimeFormat(lang === 'it' ? 'it-IT' : 'en-GB', { weekday: width, timeZone: 'UTC' });
  return Array.from({ length: 7 }, (_, day) => names.format(Date.UTC(2024, 0, 1 + day)));
}

const UNITS: readonly [Intl.RelativeTimeFormatUnit, number][] = [
  ['day', 86_400], ['hour', 3_600], ['minute', 60], ['second', 1],
];

/** How long ago, in the largest unit that fits, rounded down: "3 minutes ago". */
export function age(seconds: number | null | undefined, lang: string): string {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return '–';
  const past = Math.max(0, seconds);
  const [unit, size] = UNITS.find(([, length]) => past >= length) ?? ['second', 1];
  const names = new Intl.RelativeTimeFormat(lang === 'it' ? 'it-IT' : 'en-GB', { numeric: 'always', style: 'short' });
  return names.format(-Math.floor(past / size), unit);
}

/** The start of the hour that holds a moment, as RFC 3339. Hours are whole in UTC for every zone in use. */
export function hourStart(ms: number): string {
  return rfc3339(Math.floor(ms / 3_600_000) * 3_600_000);
}

/** RFC 3339 in UTC, to the second. */
export function rfc3339(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
