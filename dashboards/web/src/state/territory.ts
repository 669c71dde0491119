/**
 * The territory: which areas there are, how they hang together, and which of them a reader starts from.
 */
import { signal } from '@preact/signals';
import { address } from '../api/address';
import { getAll, getJson, Problem } from '../api/client';
import type { Area, Listing, Product, Thing } from '../api/types';

export interface Territory {
  areas: ReadonlyMap<string, Area>;
  /** The widest area there is, when there is one. */
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

const WIDE_TO_NARROW = ['region', 'group', 'province', 'union'] as const;

/** The area that holds most others: a region, else a group, else a province; a lone municipality too. */
export function chooseRoot(areas: readonly Area[]): string | null {
  for (const level of WIDE_TO_NARROW) {
    const found = areas.find((area) => area.level === level);
    if (found) return found.id;
  }
  const towns = areas.filter((area) => area.level === 'municipality');
  return towns.length === 1 ? (towns[0]?.id ?? null) : null;
}

/** The zone in which an area's times are shown. */
export function zoneOf(area: Area | undefined): string {
  return area?.zone ?? 'Europe/Rome';
}

/** The areas above one, nearest level first. */
export function parentsOf(area: Area | undefined, areas: ReadonlyMap<string, Area>): Area[] {
  const order = ['zone', 'municipality', 'union', 'province', 'region', 'group'];
  return (area?.parents ?? [])
    .map((id) => areas.get(id))
    .filter((parent): parent is Area => parent !== undefined)
    .sort((a, b) => order.indexOf(a.level) - order.indexOf(b.level));
}

/** Asks for what every page needs; again while the store is empty, so that the first thing is noticed. */
export async function loadTerritory(): Promise<void> {
  try {
    const [areas, things, products] = await Promise.all([
      getAll<Listing<Area>>(address('/areas')),
      getJson<Listing<Thing>>(address('/things', { limit: 1 })),
      getAll<Listing<Product>>(address('/products')),
    ]);
    territory.value = {
      state: 'ready',
      territory: {
        areas: new Map(areas.items.map((area) => [area.id, area])),
        rootId: chooseRoot(areas.items),
        hasThings: things.items.length > 0,
        products: new Map(products.items.map((product) => [product.id, product])),
      },
    };
  } catch (cause) {
    const problem = cause instanceof Problem ? cause : new Problem(-1, String(cause), '');
    if (territory.peek().state !== 'ready') territory.value = { state: 'failed', problem };
  }
}
