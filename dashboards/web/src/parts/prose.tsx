/** Running text as the interface gives it: `code` between backticks. */
import type { JSX } from 'preact';
import type { Product } from '../api/types';
import { said, t } from '../i18n';

export interface Span {
  text: string;
  isCode: boolean;
}

/** Cuts a text at its pairs of backticks; a backtick without its pair is a character like others. */
export function spansOf(text: string): Span[] {
  const spans: Span[] = [];
  let end = 0;
  for (const found of text.matchAll(/`([^`]+)`/g)) {
    if (found.index > end) spans.push({ text: text.slice(end, found.index), isCode: false });
    spans.push({ text: found[1] ?? '', isCode: true });
    end = found.index + found[0].length;
  }
  if (end < text.length) spans.push({ text: text.slice(end), isCode: false });
  return spans;
}

export function Prose({ text }: { text: string }): JSX.Element {
  return <>{spansOf(text).map(({ text, isCode }, at) => (isCode ? <code key={at}>{text}</code> : text))}</>;
}

/** The source that a product of Arno's own names; the interface writes it once, for both languages. */
const OWN_SOURCE = /\(own definition(?=[;)])/;

/** What a product is and how it is computed, in the reader's language. */
export function described(product: Product | undefined): string {
  return said(product?.description).replace(OWN_SOURCE, `(${t('data.source.own')}`);
}
