/** What the map draws, worked out apart from the drawing: bounds, and the features with their figures. */
import { bandOf, BANDS } from '../format/scale';

export type Bounds = [west: number, south: number, east: number, north: number];

export interface AreaFeature {
  type: 'Feature';
  geometry: { type: string; coordinates: unknown } | null;
  properties: { id: string; name: string; level?: string; [member: string]: unknown };
}

export interface AreaCollection {
  type: 'FeatureCollection';
  features: AreaFeature[];
}

export interface Place {
  id: string;
  name: string;
  at: [number, number];
  kind: 'lot' | 'bay' | 'hotspot';
  occupancy: number | null;
  text: string;
}

/** Features as the drawing layers read them. */
export interface Drawn {
  type: 'FeatureCollection';
  features: { type: 'Feature'; geometry: unknown; properties: { id: string; name: string; class: string; kind?: string } }[];
}

/** Whether an area has sensors, and what they say. */
export type AreaFill = 'none' | 'unknown' | number;

/** The box around all coordinates of any nesting; null when there are none. */
export function boundsOf(geometries: readonly ({ coordinates: unknown } | null)[]): Bounds | null {
  const box: Bounds = [Infinity, Infinity, -Infinity, -Infinity];
  const visit = (node: unknown): void => {
    if (!Array.isArray(node)) return;
    const [lon, lat] = node;
    if (typeof lon === 'number' && typeof lat === 'number') {
      box[0] = Math.min(box[0], lon);
      box[1] = Math.min(box[1], lat);
      box[2] = Math.max(box[2], lon);
      box[3] = Math.max(box[3], lat);
      return;
    }
    node.forEach(visit);
  };
  geometries.forEach((geometry) => visit(geometry?.coordinates));
  return Number.isFinite(box[0]) ? box : null;
}

/** The class of a fill: `none`, `unknown`, or the index of its band. */
export function classOf(fill: AreaFill | undefined): string {
  if (fill === undefined || fill === 'none') return 'none';
  if (fill === 'unknown') return 'unknown';
  const band = bandOf(fill);
  return band ? String(BANDS.indexOf(band)) : 'unknown';
}

/** Areas with their class, for the drawing layers. */
export function areaFeatures(areas: AreaCollection, fills: ReadonlyMap<string, AreaFill>): Drawn {
  return {
    type: 'FeatureCollection' as const,
    features: areas.features
      .filter((feature) => feature.geometry !== null)
      .map((feature) => ({
        type: 'Feature' as const,
        geometry: feature.geometry,
        properties: { id: feature.properties.id, name: feature.properties.name, class: classOf(fills.get(feature.properties.id)) },
      })),
  };
}

/** Places as points. */
export function placeFeatures(places: readonly Place[]): Drawn {
  return {
    type: 'FeatureCollection',
    features: places.map((place) => ({
      type: 'Feature',
      geometry: { type: 'Point', coordinates: place.at },
      properties: { id: place.id, name: place.name, kind: place.kind, class: classOf(place.occupancy ?? 'unknown') },
    })),
  };
}
