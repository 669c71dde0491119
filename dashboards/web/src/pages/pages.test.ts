import { describe, expect, it } from 'vitest';
import type { Area, Completeness, ParkingOccupancy, Product, Thing, WifiUsage } from '../api/types';
import { boundsOf, classOf } from '../map/shapes';
import { byProperty, silentPlaces } from '../panels/completeness';
import { todaysHours } from '../panels/history';
import { chosenDays, periodStart } from '../panels/period';
import { wifiMarks } from '../panels/wifi';
import { described, spansOf } from '../parts/prose';
import { inOrder, type TableColumn } from '../parts/table';
import { crumbsAbove } from '../parts/title';
import { route } from '../state/route';
import type { Territory } from '../state/territory';
import { builtAddress } from './data';
import { whyHidden } from './place';
import { listsOf, orderOf, scopesOf, silentTowns } from './region';

describe('tables', () => {
  const columns: TableColumn<{ n: string; v: number | null }>[] = [
    { id: 'n', title: '', cell: () => '', sort: (row) => row.n },
    { id: 'v', title: '', cell: () => '', sort: (row) => row.v },
  ];
  const rows = [{ n: 'b 10', v: null }, { n: 'b 9', v: 0 }, { n: 'a', v: 2 }];
  const names = (order: { by: string; down: boolean }): string[] => inOrder(rows, columns, order).map((row) => row.n);

  it('sort unknown last either way, and names by their numbers', () => {
    expect(names({ by: 'v', down: false })).toEqual(['b 9', 'a', 'b 10']);
    expect(names({ by: 'v', down: true })).toEqual(['a', 'b 9', 'b 10']);
    expect(names({ by: 'n', down: false })).toEqual(['a', 'b 9', 'b 10']);
    expect(names({ by: 'nothing', down: true })).toEqual(['b 10', 'b 9', 'a']);
  });

  it('read their order from the address', () => {
    expect(orderOf('-free', { by: 'x', down: false })).toEqual({ by: 'free', down: true });
    expect(orderOf(null, { by: 'x', down: true })).toEqual({ by: 'x', down: true });
  });
});

describe('a territory with a group', () => {
  const area = (id: string, level: Area['level'], parents: string[] = []): Area => ({ id, name: id.toUpperCase(), level, parents });
  const territory = (rootId: string | null, ...all: Area[]): Territory => ({ rootId, areas: new Map(all.map((one) => [one.id, one])), hasThings: true, products: new Map() });
  const group = area('g', 'group');
  const town = area('m', 'municipality', ['p', 'g']);
  const province = area('p', 'province');

  it('offers the group, and leads up by the province', () => {
    const known = territory('p', group, town, province);
    expect(scopesOf(known).map((one) => one.id)).toEqual(['g', 'p']);
    expect(crumbsAbove(town, known)).toEqual([['/', 'P']]);
    expect(crumbsAbove(group, known).map(([to]) => to)).toEqual(['/']);
    expect(crumbsAbove(town, territory('r', area('r', 'region'), area('p', 'province', ['r']), group, town))).toEqual([['/', 'R'], ['/?area=p', 'P']]);
  });

  it('can come back to a lone municipality', () => {
    expect(scopesOf(territory('m', group, town)).map((one) => one.id)).toEqual(['g', 'm']);
    expect(scopesOf(territory(null, group, town, area('n', 'municipality'))).map((one) => one.id)).toEqual(['g']);
  });

  it('has the lists that hold something', () => {
    expect(listsOf(2, 1, 0)).toEqual(['municipalities', 'lots']);
    expect(listsOf(0, 1, 1)).toEqual(['lots', 'hotspots']);
    expect(listsOf(0, 0, 0)).toEqual(['municipalities']);
  });

  it('says how many municipalities have no sensors only once that is known', () => {
    expect(silentTowns({ state: 'loading', isCut: false }, 273, 0)).toBeNull();
    expect(silentTowns({ state: 'failed', isCut: false }, 273, 0)).toBeNull();
    expect(silentTowns({ state: 'ready', isCut: true }, 273, 5)).toBeNull();
    expect(silentTowns({ state: 'ready', isCut: false }, 273, 5)).toBe(268);
    expect(silentTowns({ state: 'ready', isCut: false }, 5, 5)).toBeNull();
  });
});

describe('running text', () => {
  it('has its code between backticks', () => {
    expect(spansOf('a (`max_hold`); `b`')).toEqual([{ text: 'a (', isCode: false }, { text: 'max_hold', isCode: true }, { text: '); ', isCode: false }, { text: 'b', isCode: true }]);
    expect(spansOf('one ` alone')).toEqual([{ text: 'one ` alone', isCode: false }]);
    expect(spansOf('')).toEqual([]);
  });

  it('names an own definition in the reader’s language', () => {
    const product = (source: string): Product => ({ id: 'x', title: { it: '', en: '' }, description: { it: `Metodo. (${source})`, en: `Method. (${source})` }, levels: [], buckets: [], columns: [] });
    const before = route.value;
    try {
      for (const [lang, own] of [['it', 'Metodo. (definizione propria'], ['en', 'Method. (own definition']] as const) {
        route.value = { ...before, query: new URLSearchParams({ lang }) };
        expect(described(product('own definition'))).toBe(`${own})`);
        expect(described(product('own definition; after Hundepool'))).toBe(`${own}; after Hundepool)`);
      }
    } finally {
      route.value = before;
    }
    expect(described(undefined)).toBe('');
  });
});

describe('the map', () => {
  it('never draws unknown or no sensor as a figure', () => {
    expect(classOf(undefined)).toBe('none');
    expect(classOf('none')).toBe('none');
    expect(classOf('unknown')).toBe('unknown');
    expect(classOf(0)).toBe('0');
    expect(classOf(2)).toBe('5');
  });

  it('finds the box of any geometry', () => {
    expect(boundsOf([{ coordinates: [[[[11, 43], [12, 44]]], [[[10, 45]]]] }, null])).toEqual([10, 43, 12, 45]);
    expect(boundsOf([])).toBeNull();
  });
});

describe('periods', () => {
  it('are whole hours that end now', () => {
    expect(chosenDays('30')).toBe(30);
    expect(chosenDays('400')).toBe(7);
    expect(periodStart(Date.parse('2026-03-29T10:20:00Z'), 1)).toBe('2026-03-28T10:00:00Z');
  });
});

describe('panels', () => {
  const base = { area: 'a', level: 'municipality', bucket: '1h', vehicle_kind: 'car', known_share: 1, saturation: 0, things: 1, readings: 1 };

  it('lay today over the typical day by local hour, over the change of October', () => {
    const rows = ['2026-10-24T21:00:00Z', '2026-10-24T22:00:00Z', '2026-10-25T00:00:00Z', '2026-10-25T01:00:00Z', '2026-10-25T02:00:00Z'].map(
      (bucket_start, i): ParkingOccupancy => ({ ...base, bucket_start, occupancy: i / 10 }),
    );
    const hours = todaysHours(rows, 'car', 'Europe/Rome', Date.parse('2026-10-25T12:00:00Z'));
    expect(hours.slice(0, 5)).toEqual([0.1, null, 0.3, 0.4, null]);
    expect(todaysHours(rows, 'bike', 'Europe/Rome', Date.parse('2026-10-25T12:00:00Z')).every((hour) => hour === null)).toBe(true);
  });

  it('tell hidden wifi cells from unknown ones', () => {
    const cell = (hour: number, of: Partial<WifiUsage>): WifiUsage => ({ ...base, bucket_start: `2026-05-01T0${hour}:00:00Z`, clients_mean: 5, clients_max: 10, access_points: 3, suppressed: false, ...of });
    const marks = wifiMarks([cell(0, {}), cell(1, { suppressed: true, clients_mean: null }), cell(2, { clients_mean: null }), cell(3, { clients_mean: 0 })]);
    const at = (hour: number): number => Date.UTC(2026, 4, 1, hour) / 1000;
    expect([...marks.suppressed]).toEqual([at(1)]);
    expect([...marks.unknown]).toEqual([at(2)]);
  });

  it('name silent places by their newest day', () => {
    const day = (area: string, date: number, known_share: number | null): Completeness => ({ ...base, area, bucket_start: `2026-05-0${date}T00:00:00Z`, property: 'vehicles', known_share, things_reporting: 1 });
    const rows = [day('x', 1, 0), day('x', 2, 1), day('y', 1, 1), day('y', 2, 0.2), day('z', 2, null)];
    expect(silentPlaces(rows).map((row) => row.area)).toEqual(['z', 'y']);
    expect(byProperty(rows).get('vehicles')?.map((row) => row.bucket_start.slice(9, 10)).join('')).toBe('11222');
  });
});

describe('places', () => {
  const thing: Thing = { id: 'p:x', publisher: 'p', local_id: 'x', name: 'X', kind: 'parking_lot', open: true, reserved: false };

  it('show figures only where the public may see them', () => {
    expect(whyHidden(thing)).toBeNull();
    expect(whyHidden({ ...thing, kind: 'access_point' })).toBe('wifi');
    expect(whyHidden({ ...thing, kind: 'parking_bay', reserved: true })).toBe('reserved');
    expect(whyHidden({ ...thing, open: false })).toBe('closed');
    expect(whyHidden({ ...thing, kind: 'sensor' })).toBe('sensor');
  });
});

describe('the builder', () => {
  const product: Product = { id: 'parking_occupancy', title: { it: '', en: '' }, description: { it: '', en: '' }, levels: ['municipality'], buckets: ['1h'], columns: [] };

  it('writes only what the product allows', () => {
    const built = (query: string): string => builtAddress(product, new URLSearchParams(query), 'it-reg-09');
    expect(built('')).toBe('/api/v1/products/parking_occupancy?area=it-reg-09');
    expect(built('area=it-prov-100&level=municipality&bucket=1h&from=2026-05-01&format=csv')).toBe('/api/v1/products/parking_occupancy?area=it-prov-100&level=municipality&bucket=1h&from=2026-05-01T00:00:00Z&format=csv');
    expect(built('level=thing&bucket=1y')).toBe('/api/v1/products/parking_occupancy?area=it-reg-09');
  });
});
