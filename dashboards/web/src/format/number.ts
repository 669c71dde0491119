/**
 * Figures as text. What is unknown is written as a dash, never as a 0.
 */

export const UNKNOWN = '–';

const cache = new Map<string, Intl.NumberFormat>();

function formatter(lang: string, options: Intl.NumberFormatOptions): Intl.NumberFormat {
  const key = lang + JSON.stringify(options);
  let made = cache.get(key);
  if (!made) {
    made = new Intl.NumberFormat(lang === 'it' ? 'it-IT' : 'en-GB', options);
    cache.set(key, made);
  }
  return made;
}

const isKnown = (value: number | null | undefined): value is number =>
  value !== null && value !== undefined && Number.isFinite(value);

/** A count or a measure, grouped, with at most `digits` decimals. */
export function number(value: number | null | undefined, lang: string, digits = 0): string {
  if (!isKnown(value)) return UNKNOWN;
  return formatter(lang, { maximumFractionDigits: digits, useGrouping: 'always' as never }).format(value);
}

/** A share as per cent. Neither 0 nor 100 is written for what is not quite that. */
export function percent(value: number | null | undefined, lang: string, digits = 0): string {
  if (!isKnown(value)) return UNKNOWN;
  const step = 10 ** -(digits + 2);
  let shown = value;
  if (value > 0 && value < step / 2) shown = step;
  else if (value < 1 && value > 1 - step / 2) shown = 1 - step;
  return formatter(lang, { style: 'percent', maximumFractionDigits: digits }).format(shown);
}
