/**
 * The two languages: which one is chosen, and texts by key with named gaps.
 *
 * The address wins (`?lang=en`), then the last choice on this device, then the browser's own wish,
 * then Italian.
 */
import { computed } from '@preact/signals';
import { href, navigate, route } from '../state/route';
import type { Bilingual } from '../api/types';
import { en } from './en';
import { it } from './it';

export type Key = keyof typeof it;
export type Texts = Record<Key, string>;
export type Lang = 'it' | 'en';

const TEXTS: Record<Lang, Texts> = { it, en };
const KEPT_AS = 'arno.lang';

const isLang = (text: string | null | undefined): text is Lang => text === 'it' || text === 'en';

/** Which language the reader gets. */
export function chooseLang(asked: string | null, kept: string | null, wished: readonly string[]): Lang {
  if (isLang(asked)) return asked;
  if (isLang(kept)) return kept;
  const first = wished.map((tag) => tag.slice(0, 2).toLowerCase()).find(isLang);
  return first ?? 'it';
}

function kept(): string | null {
  try {
    return globalThis.localStorage?.getItem(KEPT_AS) ?? null;
  } catch {
    return null; // storage may be forbidden: the address still carries the choice
  }
}

export const lang = computed<Lang>(() =>
  chooseLang(route.value.query.get('lang'), kept(), globalThis.navigator?.languages ?? []),
);

/** Switches the language, in the address and for later visits. */
export function chooseLanguage(chosen: Lang): void {
  try {
    localStorage.setItem(KEPT_AS, chosen);
  } catch {
    // see above
  }
  navigate(href(route.peek().at, { lang: chosen }, route.peek().query), { replace: true });
}

/** Fills `{gaps}` of a text. */
export function fill(text: string, gaps: Record<string, string | number> = {}): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => (name in gaps ? String(gaps[name]) : whole));
}

/** A text in the chosen language. */
export function t(key: Key, gaps?: Record<string, string | number>): string {
  return fill(TEXTS[lang.value][key], gaps);
}

/** A text for a word of the interface (`kind.`, `level.`…); an unknown word is shown as it is. */
export function word(group: 'kind' | 'level' | 'thing' | 'place.by', name: string | null | undefined): string {
  if (!name) return '';
  const texts: Record<string, string> = TEXTS[lang.value];
  return texts[`${group}.${name}`] ?? name;
}

/** A text that the interface gives in both languages. */
export function said(text: Bilingual | null | undefined): string {
  return text ? text[lang.value] || text.it || text.en : '';
}
