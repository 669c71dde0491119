/**
 * The territory: which areas there are, how they hang together, and which of them a reader starts from.
 */
import { signal } from '@preact/signals';
import { address } from '../api/address';
import { getAll, getJson, Problem } from '../api/client';
import type { Area, Level, Listing, Product, Thing } from '../api/types';
import { ancestorsOf } from './places';

export interface Territory {
  areas: ReadonlyMap<string, Area>;
  /** Where a reader starts: the widest administrative area with things in it. Null: all municipalities. */
  rootId: string | null;
  /** False in an empty store. */
  hasThings: boolean;
  products: ReadonlyMap<string, Product>;
}

export type TerritoryState =
  | { state: 'loading' }
  | { state: 'ready'; territory: Territory }
  | { state: 'failed'; problem: Problem };

export const territory = signal<TerritoryState>({ state: 'loading' });

/** Administrative levels that hold municipalities. A group is somebody's choice: offered, never where one starts. */
const WIDE_TO_NARROW: readonly Level[] = ['region', 'province', 'union'];
/** What a way back up is made of, widest first. */
const CHAIN: readonly Level[] = [...WIDE_TO_NARROW, 'municipality'];

/** The areas one may start from, the widest first; of the same level, the one with more municipalities first. */
export function rootCandidates(areas: ReadonlyMap<string, Area>): Area[] {
  const towns = new Map<string, number>();
  for (const area of areas.values()) {
    if (area.level !== 'municipality') continue;
    for (const above of ancestorsOf(area.id, areas)) towns.set(above, (towns.get(above) ?? 0) + 1);
  }
  const rank = (area: Area): number => WIDE_TO_NARROW.indexOf(area.level);
  return [...areas.values()]
    .filter((area) => rank(area) >= 0)
    .sort((a, b) => rank(a) - rank(b) || (towns.get(b.id) ?? 0) - (towns.get(a.id) ?? 0));
}

/** The widest administrative area with things in it, else a lone municipality; null: all municipalities together. */
export async function chooseRoot(areas: ReadonlyMap<string, Area>, holdsThings: (id: string) => Promise<boolean>): Promise<string | null> {
  for (const area of rootCandidates(areas)) {
    if (await holdsThings(area.id)) return area.id;
  }
  const towns = [...areas.values()].filter((area) => area.level === 'municipality');
  return towns.length === 1 ? (towns[0]?.id ?? null) : null;
}

/** The zone in which an area's times are shown. */
export function zoneOf(area: Area | undefined): string {
  return area?.zone ?? 'Europe/Rome';
}

/** The administrative areas above one, over any number of steps, widest first; no group. */
export function chainAbove(area: Area, areas: ReadonlyMap<string, Area>): Area[] {
  return [...ancestorsOf(area.id, areas)]
    .map((id) => areas.get(id))
    .filter((above): above is Area => above !== undefined && CHAIN.includes(above.level))
    .sort((a, b) => CHAIN.indexOf(a.level) - CHAIN.indexOf(b.level));
}

async function holdsAny(area?: string): Promise<boolean> {
  const { items } = await getJson<Listing<Thing>>(address('/things', { area, limit: 1 }));
  return items.length > 0;
}

/** Asks for what every page needs; again while the store is empty, so that the first thing is noticed. */
export async function loadTerritory(): Promise<void> {
  try {
    const [listed, hasThings, products] = await Promise.all([
      getAll<Listing<Area>>(address('/areas')),
      holdsAny(),
      getAll<Listing<Product>>(address('/products')),
    ]);
    const areas = new Map(listed.items.map((area) => [area.id, area]));
    // In an empty store every area is as good: the widest.
    const rootId = await chooseRoot(areas, hasThings ? holdsAny : async () => true);
    territory.value = {
      state: 'ready',
      territory: {
        areas,
        rootId,
        hasThings,
        products: new Map(products.items.map((product) => [product.id, product])),
      },
    };
  } catch (cause) {
    const problem = cause instanceof Problem ? cause : new Problem(-1, String(cause), '');
    if (territory.peek().state !== 'ready') territory.value = { state: 'failed', problem };
  }
}
