/**
 * Asks the HTTP interface and turns refusals into `Problem`s that a person can read.
 *
 * Limits: a list is followed over at most PAGES_MAX pages; what lies beyond is left out and said
 * (`isCut`), never silently.
 */
import { onOwnOrigin } from './address';
import { learnClock } from '../state/clock';
import type { Clock, Listing } from './types';

/** 50 pages: 30 days of hours for a few vehicle kinds, or a region's things, fit many times over. */
export const PAGES_MAX = 50;

/** An answer that says what was wrong (RFC 9457), or a connection that gave none (status 0). */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly title: string,
    readonly detail: string,
    readonly allowed: string[] = [],
  ) {
    super(detail || title);
    this.name = 'Problem';
  }
}

/** Asks for JSON. */
export async function getJson<T>(at: string, signal?: AbortSignal): Promise<T> {
  let response: Response;
  try {
    response = await fetch(at, { headers: { accept: 'application/json' }, signal });
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === 'AbortError') throw cause;
    throw new Problem(0, '', '');
  }
  if (!response.ok) throw await problemOf(response);
  const body = (await response.json()) as T & { now?: string; clock?: Clock };
  learnClock(body.now, body.clock);
  return body;
}

/** A list over all its pages; the first page's other members are kept. */
export async function getAll<L extends Listing<unknown>>(
  at: string,
  signal?: AbortSignal,
): Promise<L & { isCut: boolean }> {
  const first = await getJson<L>(at, signal);
  const items = [...first.items];
  let next = first.next;
  for (let page = 1; next && page < PAGES_MAX; page += 1) {
    const more: L = await getJson<L>(onOwnOrigin(next), signal);
    items.push(...more.items);
    next = more.next;
  }
  return { ...first, items, isCut: next !== undefined && next !== null };
}

async function problemOf(response: Response): Promise<Problem> {
  try {
    const body = (await response.json()) as { title?: string; detail?: string; allowed?: unknown };
    const allowed = Array.isArray(body.allowed) ? body.allowed.map(String) : [];
    return new Problem(response.status, body.title ?? response.statusText, body.detail ?? '', allowed);
  } catch {
    return new Problem(response.status, response.statusText, '');
  }
}
