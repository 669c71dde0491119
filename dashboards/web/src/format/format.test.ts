import { describe, expect, it } from 'vitest';
import { number, percent, UNKNOWN } from './number';
import { BANDS, bandOf } from './scale';
import { age, hourStart, localHour, moment, weekdays } from './time';

describe('figures', () => {
  it('are localised, and a dash when unknown', () => {
    expect(number(16879, 'it')).toBe('16.879');
    expect(number(1234, 'it')).toBe('1.234');
    expect(number(16879, 'en')).toBe('16,879');
    for (const unknown of [null, undefined, Number.NaN]) {
      expect(number(unknown, 'it')).toBe(UNKNOWN);
      expect(percent(unknown, 'it')).toBe(UNKNOWN);
    }
    expect(number(0, 'it')).toBe('0');
  });

  it('never round what is left or missing away', () => {
    expect(percent(0, 'it')).toBe('0%');
    expect(percent(0.001, 'it')).toBe('1%');
    expect(percent(0.999, 'en')).toBe('99%');
    expect(percent(1, 'en')).toBe('100%');
    expect(percent(1.04, 'en')).toBe('104%');
    expect(percent(0.4234, 'it', 1)).toBe('42,3%');
  });
});

describe('classes of occupancy', () => {
  it('include their lower edge, and unknown is none of them', () => {
    expect(bandOf(0)).toBe(BANDS[0]);
    expect(bandOf(0.2)).toBe(BANDS[1]);
    expect(bandOf(0.8499)).toBe(BANDS[4]);
    expect(bandOf(0.85)).toBe(BANDS[5]);
    expect(bandOf(1.3)).toBe(BANDS[5]);
    expect(bandOf(null)).toBeNull();
    expect(bandOf(undefined)).toBeNull();
  });

  it('get darker one after the other, with legible text on each', () => {
    const luminance = (hex: string): number => {
      const [r = 0, g = 0, b = 0] = [1, 3, 5].map((at) => {
        const part = parseInt(hex.slice(at, at + 2), 16) / 255;
        return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
      });
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const light = BANDS.map((band) => luminance(band.fill));
    expect([...light].sort((a, b) => b - a)).toEqual(light);
    for (const band of BANDS) {
      const [low, high] = [luminance(band.fill), luminance(band.ink)].sort((a, b) => a - b) as [number, number];
      expect((high + 0.05) / (low + 0.05), band.fill).toBeGreaterThan(4.5);
    }
  });
});

describe('moments', () => {
  it('are written in the zone of the area', () => {
    expect(moment('2026-05-13T16:20:00Z', 'Europe/Rome', 'it', 'time')).toBe('18:20');
    expect(moment('2026-01-13T16:20:00Z', 'Europe/Rome', 'it', 'time')).toBe('17:20');
    expect(moment('2026-05-13T16:20:00Z', 'Nowhere/Land', 'it', 'time')).toBe('16:20');
    expect(moment('nonsense', 'Europe/Rome', 'it')).toBe('–');
  });

  it('tell both hours of the October change apart by their place, not their name', () => {
    expect(localHour(Date.parse('2026-10-25T00:30:00Z'), 'Europe/Rome')).toEqual({ weekday: 7, hour: 2, date: '2026-10-25' });
    expect(localHour(Date.parse('2026-10-25T01:30:00Z'), 'Europe/Rome')).toEqual({ weekday: 7, hour: 2, date: '2026-10-25' });
    expect(localHour(Date.parse('2026-10-25T23:30:00Z'), 'Europe/Rome')).toEqual({ weekday: 1, hour: 0, date: '2026-10-26' });
  });

  it('have ages rounded down', () => {
    expect(age(179, 'en')).toContain('2');
    expect(age(59.9, 'en')).toContain('59');
    expect(age(86_400 * 1.9, 'en')).toContain('1');
    expect(age(-3, 'en')).toContain('0');
    expect(age(null, 'en')).toBe('–');
  });

  it('start their hours in UTC, and their weeks on Monday', () => {
    expect(hourStart(Date.parse('2026-05-13T16:59:59Z'))).toBe('2026-05-13T16:00:00Z');
    expect(weekdays('it', 'long')[0]).toBe('lunedì');
    expect(weekdays('en', 'short')).toHaveLength(7);
  });
});
