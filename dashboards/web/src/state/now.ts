/**
 * Parking as it is now: rows of `parking_now` from answers and from the live feed, merged by what they
 * are about, kept current while a page is open.
 */
import { signal } from '@preact/signals';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { address, productAddress } from '../api/address';
import { getAll, Problem } from '../api/client';
import type { LiveMessage, ParkingNow, ProductRows } from '../api/types';
import { LiveFeed, type LiveState } from './live';

export type Rows = ReadonlyMap<string, ParkingNow>;

/** What a row is about. */
export const rowKey = (level: string, area: string, kind: string): string => `${level}|${area}|${kind}`;

/** A new map with the rows taken in; a row never gives way to one that is true of an earlier moment. */
export function merge(into: Rows, rows: readonly ParkingNow[]): Rows {
  const merged = new Map(into);
  for (const row of rows) {
    const key = rowKey(row.level, row.area, row.vehicle_kind);
    const held = merged.get(key);
    if (held && Date.parse(row.bucket_start) < Date.parse(held.bucket_start)) continue;
    // The feed may leave out the name that the list gave.
    merged.set(key, { ...row, name: row.name ?? held?.name });
  }
  return merged;
}

/** The vehicle kinds that occur, the one with the most spaces first. */
export function vehicleKinds(rows: Iterable<ParkingNow>): string[] {
  const spaces = new Map<string, number>();
  for (const row of rows) {
    const known = Math.max(row.capacity ?? 0, spaces.get(row.vehicle_kind) ?? 0);
    spaces.set(row.vehicle_kind, known);
  }
  return [...spaces].sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0])).map(([kind]) => kind);
}

/** Seconds since a row's newest observation, at the store's now; null when there is none. */
export function ageSeconds(row: ParkingNow | undefined, now: number | null): number | null {
  if (!row?.newest_observation || now === null) return row?.age_s ?? null;
  const at = Date.parse(row.newest_observation);
  return Number.isNaN(at) ? null : Math.max(0, (now - at) / 1000);
}

export interface ParkingNowState {
  state: 'loading' | 'ready' | 'failed';
  rows: Rows;
  problem?: Problem;
  feed: LiveState;
  isCut: boolean;
  reload: () => void;
}

/** What is looked at: an area with the levels inside it (no area: the levels alone), or one thing. */
export type NowScope = { area: string | null; levels: readonly string[] } | { thing: string };

/** What is held of a scope. `isAnswered`: the rows are the whole answer, not only what the feed happened to tell. */
export interface Held {
  scope: string | null;
  rows: Rows;
  problem?: Problem;
  isCut: boolean;
  isAnswered: boolean;
}

const NOTHING_HELD: Held = { scope: null, rows: new Map(), isCut: false, isAnswered: false };

/** Ready only with a whole answer: live rows that come before it do not tell which areas have none. */
export function stageOf(held: Held, scope: string | null): ParkingNowState['state'] {
  if (scope === null || held.scope !== scope) return 'loading';
  if (held.isAnswered) return 'ready';
  return held.problem ? 'failed' : 'loading';
}

/** Rows of a scope, from answers and from the live feed; a null scope asks nothing. */
export function useParkingNow(asked: NowScope | null): ParkingNowState {
  const scope = asked ? JSON.stringify(asked) : null;
  const [state, setState] = useState<Held>(NOTHING_HELD);
  const feedState = useMemo(() => signal<LiveState>('connecting'), []);
  const reload = useRef<() => void>(() => undefined);

  useEffect(() => {
    if (asked === null) return;
    const abort = new AbortController();
    const load = (): void => {
      Promise.all(addresses(asked).map((at) => getAll<ProductRows<ParkingNow>>(at, abort.signal)))
        .then((answers) => {
          if (abort.signal.aborted) return;
          const rows = answers.flatMap((answer) => answer.items);
          const isCut = answers.some((answer) => answer.isCut);
          setState((held) => ({ scope, rows: merge(held.scope === scope ? held.rows : new Map(), rows), isCut, isAnswered: true }));
        })
        .catch((cause: unknown) => {
          if (abort.signal.aborted) return;
          const problem = cause instanceof Problem ? cause : new Problem(-1, String(cause), '');
          setState((held) => ({ ...(held.scope === scope ? held : NOTHING_HELD), scope, problem }));
        });
    };
    reload.current = load;
    load();
    const feed = new LiveFeed({
      address: liveAddress(asked),
      products: ['parking_now'],
      onRows: (messages) =>
        setState((held) => {
          const before = held.scope === scope ? held : NOTHING_HELD;
          return { ...before, scope, rows: merge(before.rows, rowsOf(messages)) };
        }),
      onPoll: load,
    });
    const stop = feed.state.subscribe((is) => {
      feedState.value = is;
    });
    return () => {
      abort.abort();
      stop();
      feed.close();
    };
  }, [scope]);

  const isHere = state.scope === scope && scope !== null;
  return {
    state: stageOf(state, scope),
    rows: isHere ? state.rows : new Map(),
    problem: isHere ? state.problem : undefined,
    feed: feedState.value,
    isCut: isHere && state.isCut,
    reload: () => reload.current(),
  };
}

/** The questions of a scope. */
export function addresses(asked: NowScope): string[] {
  if ('thing' in asked) return [productAddress('parking_now', { thing: asked.thing, level: 'thing' })];
  const { area, levels } = asked;
  const inside = levels.map((level) => productAddress('parking_now', { area, level }));
  return area ? [productAddress('parking_now', { area }), ...inside] : inside;
}

function liveAddress(asked: NowScope): string {
  const about = 'thing' in asked ? { thing: asked.thing } : { area: asked.area };
  return address('/live', { ...about, product: 'parking_now' });
}

/** The live rows; a message says the level and area that its row may leave to it. */
export function rowsOf(messages: readonly LiveMessage[]): ParkingNow[] {
  return messages
    .filter((message) => message.product === 'parking_now')
    .map((message) => ({ ...(message.row as ParkingNow), level: message.level, area: message.area }));
}
