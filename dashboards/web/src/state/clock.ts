/**
 * "Now" as the data know it: the clock of the store that answers, which may be the end of a recording.
 *
 * A live clock moves on with the page's own; a recorded one stands still. The page's own date is never
 * used as the data's.
 */
import { signal } from '@preact/signals';
import type { Clock } from '../api/types';

export interface StoreClock {
  kind: Clock;
  /** The store's now when it was last told, ms since 1970. */
  toldMs: number;
  /** The page's clock at that moment, ms since 1970. */
  heardMs: number;
}

export const clock = signal<StoreClock | null>(null);

/** The page's own clock; apart so that the arithmetic below is testable. */
export const pageNowMs = (): number => Date.now();

/** The store's now, in ms; null before anything has answered. */
export function nowMs(of: StoreClock | null = clock.value, pageMs: number = pageNowMs()): number | null {
  if (!of) return null;
  return of.kind === 'recorded' ? of.toldMs : of.toldMs + Math.max(0, pageMs - of.heardMs);
}

/** Takes over what an answer says about the clock. */
export function learnClock(now?: string, kind?: Clock): void {
  if (!now) return;
  const toldMs = Date.parse(now);
  if (Number.isNaN(toldMs)) return;
  const before = clock.peek();
  const after = { kind: kind ?? before?.kind ?? 'live', toldMs, heardMs: pageNowMs() };
  // Answers that overtake each other must not turn time back by a moment: only a real change counts.
  if (before && before.kind === after.kind) {
    const expected = nowMs(before, after.heardMs) ?? 0;
    if (Math.abs(expected - toldMs) < 2_000) return;
  }
  clock.value = after;
}
