/** What stands where: things of a scope, the boundaries to draw, and how areas hang together. */
import { address, onOwnOrigin } from '../api/address';
import { getAll, getJson, PAGES_MAX } from '../api/client';
import type { Area, Listing, Thing, ThingKind } from '../api/types';
import type { AreaCollection, AreaFeature } from '../map/shapes';
import { useResource, type Resource } from './resource';

/** Things of some kinds in a scope, in one list. */
export function useThings(area: string | null, kinds: readonly ThingKind[]): Resource<Thing[]> {
  const asked = kinds.map((kind) => address('/things', { area, kind }));
  return useResource(asked.join(' '), async (signal) => {
    const answers = await Promise.all(asked.map((at) => getAll<Listing<Thing>>(at, signal)));
    return answers.flatMap((answer) => answer.items);
  });
}

/** The municipalities of a scope with their polygons; a zone's own. */
export function useBoundaries(scope: Area | null): Resource<AreaCollection> {
  const own = scope?.level === 'zone';
  const at = own
    ? address(`/areas/${scope.id}`, { format: 'geojson' })
    : address('/areas', { level: 'municipality', within: scope?.id, format: 'geojson' });
  return useResource(at, async (signal) => {
    if (own) return { type: 'FeatureCollection' as const, features: [await getJson<AreaFeature>(at, signal)] };
    return wholeCollection(at, signal);
  });
}

async function wholeCollection(at: string, signal: AbortSignal): Promise<AreaCollection> {
  const features: AreaFeature[] = [];
  let next: string | undefined = at;
  for (let page = 0; next && page < PAGES_MAX; page += 1) {
    const answer: AreaCollection & { next?: string } = await getJson(next, signal);
    features.push(...answer.features);
    next = answer.next ? onOwnOrigin(answer.next) : undefined;
  }
  return { type: 'FeatureCollection', features };
}

/** Everything above an area, over any number of steps. */
export function ancestorsOf(id: string, areas: ReadonlyMap<string, Area>): Set<string> {
  const found = new Set<string>();
  const visit = (at: string): void => {
    for (const parent of areas.get(at)?.parents ?? []) {
      if (found.has(parent)) continue;
      found.add(parent);
      visit(parent);
    }
  };
  visit(id);
  return found;
}

/** The municipalities of a scope; without one, all. */
export function municipalitiesIn(scope: string | null, areas: ReadonlyMap<string, Area>): Area[] {
  return [...areas.values()].filter(
    (area) => area.level === 'municipality' && (scope === null || area.id === scope || ancestorsOf(area.id, areas).has(scope)),
  );
}
