import { describe, expect, it as claim } from 'vitest';
import { en } from './en';
import { chooseLang, fill, word } from './index';
import { it } from './it';

describe('the two languages', () => {
  claim('have the same keys, no empty text, and the same gaps', () => {
    expect(Object.keys(en).sort()).toEqual(Object.keys(it).sort());
    const gaps = (text: string): string[] => (text.match(/\{\w+\}/g) ?? []).sort();
    for (const [key, text] of Object.entries(it)) {
      const other = en[key as keyof typeof it];
      expect(text.trim(), key).not.toBe('');
      expect(other.trim(), key).not.toBe('');
      expect(gaps(other), key).toEqual(gaps(text));
    }
  });

  claim('are chosen by address, then by what was chosen before, then by wish', () => {
    expect(chooseLang('en', 'it', ['it'])).toBe('en');
    expect(chooseLang('de', 'en', ['it'])).toBe('en');
    expect(chooseLang(null, null, ['de-DE', 'en-GB', 'it'])).toBe('en');
    expect(chooseLang(null, null, ['de'])).toBe('it');
  });

  claim('fill gaps, and show an unknown word as it is', () => {
    expect(fill('{a} of {b}', { a: 1 })).toBe('1 of {b}');
    expect(word('kind', 'hovercraft')).toBe('hovercraft');
    expect(word('kind', null)).toBe('');
  });
});
