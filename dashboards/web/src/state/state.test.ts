import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Problem } from '../api/client';
import type { Area, LiveMessage, ParkingNow } from '../api/types';
import { clock, learnClock, nowMs } from './clock';
import { BUNDLE_DELAY_MS, LiveFeed, POLL_INTERVAL_MS, RETRY_FIRST_MS, type FeedSource } from './live';
import { addresses, ageSeconds, merge, rowKey, rowsOf, stageOf, vehicleKinds } from './now';
import { ancestorsOf, municipalitiesIn } from './places';
import { href, parseRoute } from './route';
import { chainAbove, chooseRoot, rootCandidates } from './territory';

const row = (of: Partial<ParkingNow>): ParkingNow => ({
  area: 'a', level: 'municipality', bucket: 'now', bucket_start: '2026-05-13T16:00:00Z', name: 'A', vehicle_kind: 'car', vehicles: 1, capacity: 10,
  free: 9, occupancy: 0.1, known_share: 1, things: 1, things_known: 1, newest_observation: '2026-05-13T15:59:00Z', age_s: 60, ...of,
});

describe('addresses of pages', () => {
  it('are read and written alike', () => {
    expect(parseRoute('/', '').at).toEqual({ page: 'region' });
    expect(parseRoute('/comuni/it-mun-100005/', '?days=7').at).toEqual({ page: 'area', id: 'it-mun-100005' });
    expect(parseRoute('/luoghi/prato%3Alot-1', '').at).toEqual({ page: 'place', id: 'prato:lot-1' });
    expect(parseRoute('/luoghi/%E0%A4', '').at).toEqual({ page: 'place', id: '%E0%A4' });
    for (const path of ['/comuni', '/comuni/a/b', '/x', '/dati/x']) expect(parseRoute(path, '').at).toEqual({ page: 'missing' });
    expect(href({ page: 'place', id: 'prato:lot-1' }, { days: '1', kind: null }, new URLSearchParams('kind=bike&lang=en'))).toBe('/luoghi/prato:lot-1?lang=en&days=1');
  });
});

describe('the store’s clock', () => {
  beforeEach(() => {
    clock.value = null;
  });

  it('moves on when live and stands still when recorded', () => {
    expect(nowMs()).toBeNull();
    expect(nowMs({ kind: 'live', toldMs: 1000, heardMs: 500 }, 800)).toBe(1300);
    expect(nowMs({ kind: 'recorded', toldMs: 1000, heardMs: 500 }, 800)).toBe(1000);
    expect(nowMs({ kind: 'live', toldMs: 1000, heardMs: 500 }, 400)).toBe(1000);
  });

  it('is learnt from answers, keeps its kind, and ignores nonsense', () => {
    learnClock('2016-12-19T16:00:00Z', 'recorded');
    expect(clock.value).toMatchObject({ kind: 'recorded', toldMs: Date.parse('2016-12-19T16:00:00Z') });
    learnClock('2016-12-19T17:00:00Z');
    expect(clock.value).toMatchObject({ kind: 'recorded', toldMs: Date.parse('2016-12-19T17:00:00Z') });
    learnClock('yesterday');
    learnClock(undefined);
    expect(clock.value).toMatchObject({ toldMs: Date.parse('2016-12-19T17:00:00Z') });
  });
});

describe('rows now', () => {
  it('are merged by what they are about, never back in time', () => {
    const held = merge(new Map(), [row({ free: 5 }), row({ vehicle_kind: 'bike', free: 2 })]);
    const later = merge(held, [row({ bucket_start: '2026-05-13T16:00:05Z', free: 4, name: undefined }), row({ vehicle_kind: 'bike', bucket_start: '2026-05-13T15:00:00Z', free: 7 })]);
    expect(later.get(rowKey('municipality', 'a', 'car'))).toMatchObject({ free: 4, name: 'A' });
    expect(later.get(rowKey('municipality', 'a', 'bike'))?.free).toBe(2);
    expect(held.get(rowKey('municipality', 'a', 'car'))?.free).toBe(5);
  });

  it('are ready only with a whole answer: what the feed tells before it is not all there is', () => {
    const rows = merge(new Map(), [row({})]);
    const held = { scope: 's', rows, isCut: false, isAnswered: false };
    expect(stageOf(held, null)).toBe('loading');
    expect(stageOf(held, 's')).toBe('loading');
    expect(stageOf({ ...held, problem: new Problem(503, 'busy', '') }, 's')).toBe('failed');
    expect(stageOf({ ...held, isAnswered: true, problem: new Problem(503, 'busy', '') }, 's')).toBe('ready');
    expect(stageOf({ ...held, isAnswered: true }, 'other')).toBe('loading');
  });

  it('put the kind with the most spaces first', () => {
    expect(vehicleKinds([row({ vehicle_kind: 'bike', capacity: 20 }), row({ capacity: 900 }), row({ vehicle_kind: 'coach', capacity: null })])).toEqual(['car', 'bike', 'coach']);
  });

  it('age with the store’s clock', () => {
    expect(ageSeconds(row({}), Date.parse('2026-05-13T16:01:00Z'))).toBe(120);
    expect(ageSeconds(row({ newest_observation: null, age_s: null }), 0)).toBeNull();
    expect(ageSeconds(undefined, 0)).toBeNull();
  });

  it('come from live messages, which say level and area', () => {
    const message: LiveMessage = { product: 'parking_now', area: 'b', level: 'thing', row: row({}) };
    expect(rowsOf([message, { ...message, product: 'wifi_usage' }])).toMatchObject([{ area: 'b', level: 'thing' }]);
  });

  it('are asked for by scope', () => {
    expect(addresses({ area: 'x', levels: ['thing'] })).toEqual(['/api/v1/products/parking_now?area=x', '/api/v1/products/parking_now?area=x&level=thing']);
    expect(addresses({ area: null, levels: ['municipality'] })).toEqual(['/api/v1/products/parking_now?level=municipality']);
    expect(addresses({ thing: 'p:l' })).toEqual(['/api/v1/products/parking_now?thing=p:l&level=thing']);
  });
});

describe('areas', () => {
  const area = (id: string, level: Area['level'], parents: string[] = []): Area => ({ id, name: id, level, parents });
  const areas = new Map([area('r', 'region'), area('p', 'province', ['r']), area('m', 'municipality', ['p', 'g']), area('n', 'municipality', ['p']), area('g', 'group')].map((one) => [one.id, one]));

  it('hang together over any number of steps', () => {
    expect(ancestorsOf('m', areas)).toEqual(new Set(['p', 'g', 'r']));
    expect(municipalitiesIn('r', areas).map((one) => one.id)).toEqual(['m', 'n']);
    expect(municipalitiesIn('g', areas).map((one) => one.id)).toEqual(['m']);
    expect(municipalitiesIn(null, areas)).toHaveLength(2);
  });

  const mapOf = (...all: Area[]): Map<string, Area> => new Map(all.map((one) => [one.id, one]));
  const everywhere = async (): Promise<boolean> => true;
  const only = (...ids: string[]) => async (id: string): Promise<boolean> => ids.includes(id);

  it('have administrative areas above them, widest first, never a group', () => {
    const ids = (id: string): string[] => chainAbove(areas.get(id) as Area, areas).map((one) => one.id);
    expect(ids('m')).toEqual(['r', 'p']);
    expect(ids('p')).toEqual(['r']);
    expect(ids('g')).toEqual([]);
    const zoned = mapOf(...areas.values(), area('u', 'union'), area('t', 'municipality', ['u', 'g', 'p']), area('z', 'zone', ['t']));
    expect(chainAbove(zoned.get('z') as Area, zoned).map((one) => one.id)).toEqual(['r', 'p', 'u', 't']);
  });

  it('start from the widest administrative area, whatever groups there are', async () => {
    expect(await chooseRoot(areas, everywhere)).toBe('r');
    expect(await chooseRoot(mapOf(area('g', 'group'), area('m', 'municipality', ['p']), area('p', 'province')), everywhere)).toBe('p');
    expect(await chooseRoot(mapOf(area('g', 'group'), area('m', 'municipality', ['u']), area('u', 'union')), everywhere)).toBe('u');
    expect(await chooseRoot(mapOf(area('g', 'group'), area('m', 'municipality', ['g'])), everywhere)).toBe('m');
    expect(await chooseRoot(mapOf(area('m', 'municipality'), area('n', 'municipality'), area('g', 'group')), everywhere)).toBeNull();
    expect(await chooseRoot(new Map(), everywhere)).toBeNull();
  });

  it('start where things are, and ask the larger of two first', async () => {
    const two = mapOf(area('p', 'province'), area('q', 'province'), area('m', 'municipality', ['p']), area('n', 'municipality', ['q']), area('o', 'municipality', ['q']));
    expect(rootCandidates(two).map((one) => one.id)).toEqual(['q', 'p']);
    expect(await chooseRoot(two, only('p'))).toBe('p');
    expect(await chooseRoot(two, everywhere)).toBe('q');
    expect(await chooseRoot(mapOf(area('r', 'region'), area('m', 'municipality')), only('m'))).toBe('m');
  });
});

class Source implements FeedSource {
  static made: Source[] = [];
  readyState = 0;
  onopen: ((event: Event) => void) | null = null;
  onerror: ((event: Event) => void) | null = null;
  listeners = new Map<string, (event: MessageEvent<string>) => void>();
  isClosed = false;

  constructor(readonly address: string) {
    Source.made.push(this);
  }

  addEventListener(name: string, listener: (event: MessageEvent<string>) => void): void {
    this.listeners.set(name, listener);
  }

  close(): void {
    this.isClosed = true;
  }

  say(name: string, data: unknown): void {
    this.listeners.get(name)?.({ data: typeof data === 'string' ? data : JSON.stringify(data) } as MessageEvent<string>);
  }

  fail(readyState: number): void {
    this.readyState = readyState;
    this.onerror?.({} as Event);
  }
}

describe('the live feed', () => {
  beforeEach(() => {
    vi.useFakeTimers();
    Source.made = [];
  });
  afterEach(() => vi.useRealTimers());

  const start = () => {
    const bundles: LiveMessage[][] = [];
    const polls = vi.fn();
    const feed = new LiveFeed({ address: '/live', products: ['parking_now'], onRows: (bundle) => bundles.push(bundle), onPoll: polls, open: (at) => new Source(at) });
    return { feed, bundles, polls, source: Source.made[0] as Source };
  };
  const message = { product: 'parking_now', area: 'a', level: 'thing', row: row({}) };

  it('hands events on in bundles within a quarter of a second, and forgets garbage', () => {
    const { feed, bundles, source } = start();
    expect(feed.state.value).toBe('connecting');
    source.onopen?.({} as Event);
    expect(feed.state.value).toBe('live');
    source.say('parking_now', message);
    source.say('parking_now', message);
    source.say('parking_now', '{ not json');
    source.say('parking_now', {});
    vi.advanceTimersByTime(BUNDLE_DELAY_MS);
    expect(bundles.map((bundle) => bundle.length)).toEqual([2]);
    expect(BUNDLE_DELAY_MS).toBeLessThan(250);
  });

  it('polls while interrupted, asks once more when back, then stops polling', () => {
    const { feed, polls, source } = start();
    source.onopen?.({} as Event);
    expect(polls).not.toHaveBeenCalled();
    source.fail(0);
    expect(feed.state.value).toBe('polling');
    vi.advanceTimersByTime(POLL_INTERVAL_MS * 2);
    expect(polls).toHaveBeenCalledTimes(2);
    source.onopen?.({} as Event);
    expect(polls).toHaveBeenCalledTimes(3);
    vi.advanceTimersByTime(POLL_INTERVAL_MS * 3);
    expect(polls).toHaveBeenCalledTimes(3);
    expect(feed.state.value).toBe('live');
  });

  it('asks for the present state when events were missed', () => {
    const { polls, source } = start();
    source.onopen?.({} as Event);
    source.say('gap', {});
    expect(polls).toHaveBeenCalledTimes(1);
  });

  it('opens a new connection after a refusal, with growing pauses', () => {
    const { source } = start();
    source.fail(2);
    vi.advanceTimersByTime(RETRY_FIRST_MS);
    expect(Source.made).toHaveLength(2);
    Source.made[1]?.fail(2);
    vi.advanceTimersByTime(RETRY_FIRST_MS);
    expect(Source.made).toHaveLength(2);
    vi.advanceTimersByTime(RETRY_FIRST_MS);
    expect(Source.made).toHaveLength(3);
  });

  it('does nothing once closed', () => {
    const { feed, bundles, polls, source } = start();
    source.say('parking_now', message);
    source.fail(2);
    feed.close();
    vi.advanceTimersByTime(POLL_INTERVAL_MS * 4);
    expect(bundles).toEqual([]);
    expect(polls).not.toHaveBeenCalled();
    expect(Source.made).toHaveLength(1);
    expect(feed.state.value).toBe('off');
  });
});
