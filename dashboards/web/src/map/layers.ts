/** The map's layers, bottom to top, and the patterns they are filled with. */
import type { ExpressionSpecification, LayerSpecification } from 'maplibre-gl';
import { patternImage } from '../chart/hatch';
import { BANDS, NO_SENSOR_FILL, UNKNOWN_FILL } from '../format/scale';

export const SOURCES = { areas: 'areas', lots: 'lots', hotspots: 'hotspots' } as const;

const FONT = ['Titillium Web', 'sans-serif'];
const GROUND = '#e9eef3';
const HOTSPOT = '#6b3fa0';
/** A whole region is read by its colours: names and hotspots come when a province fills the map. */
const NAMES_ZOOM_MIN = 8.1;
const HOTSPOTS_ZOOM_MIN = 8.1;

/** The fill of a class, as the tables draw it. */
const fillOfClass: ExpressionSpecification = [
  'match', ['get', 'class'],
  ...BANDS.flatMap((band, index) => [String(index), band.fill]),
  'unknown', UNKNOWN_FILL,
  NO_SENSOR_FILL,
] as unknown as ExpressionSpecification;

const lotRadius: ExpressionSpecification = [
  'interpolate', ['linear'], ['zoom'],
  7, ['case', ['==', ['get', 'kind'], 'bay'], 2.5, 4.5],
  13, ['case', ['==', ['get', 'kind'], 'bay'], 4.5, 8.5],
];

/** Images by name. */
export function mapImages(ratio: number): [string, ImageData][] {
  return [['unknown', patternImage('unknown', ratio)]];
}

export function layers(): LayerSpecification[] {
  return [...areaLayers(), ...hotspotLayers(), ...lotLayers(), ...nameLayers()];
}

function areaLayers(): LayerSpecification[] {
  return [
    { id: 'ground', type: 'background', paint: { 'background-color': GROUND } },
    { id: 'area-fill', type: 'fill', source: SOURCES.areas, paint: { 'fill-color': fillOfClass, 'fill-antialias': false } },
    { id: 'area-unknown', type: 'fill', source: SOURCES.areas, filter: ['==', ['get', 'class'], 'unknown'], paint: { 'fill-pattern': 'unknown' } },
    {
      id: 'area-line', type: 'line', source: SOURCES.areas,
      paint: { 'line-color': ['match', ['get', 'class'], 'none', '#cfd6de', '#7d8b99'], 'line-width': ['interpolate', ['linear'], ['zoom'], 7, 0.5, 11, 1.4] },
    },
    { id: 'area-over', type: 'line', source: SOURCES.areas, filter: ['==', ['get', 'id'], ''], paint: { 'line-color': '#17324d', 'line-width': 2.4 } },
  ];
}

function lotLayers(): LayerSpecification[] {
  return [
    {
      id: 'lot-clusters', type: 'circle', source: SOURCES.lots, filter: ['has', 'point_count'],
      paint: { 'circle-color': '#ffffff', 'circle-stroke-color': '#17324d', 'circle-stroke-width': 1.4, 'circle-radius': ['step', ['get', 'point_count'], 8, 10, 11, 50, 14] },
    },
    {
      id: 'lot-cluster-counts', type: 'symbol', source: SOURCES.lots, filter: ['has', 'point_count'],
      layout: { 'text-field': ['get', 'point_count_abbreviated'], 'text-font': FONT, 'text-size': 11, 'text-allow-overlap': true },
      paint: { 'text-color': '#17324d' },
    },
    {
      // A pale ring apart from the ground: a point may have the colour of the area under it.
      id: 'lot-rings', type: 'circle', source: SOURCES.lots, filter: ['!', ['has', 'point_count']],
      paint: {
        'circle-color': 'rgba(0,0,0,0)', 'circle-stroke-color': '#ffffff', 'circle-stroke-width': ['case', ['==', ['get', 'kind'], 'bay'], 2, 3.6],
        'circle-radius': lotRadius,
      },
    },
    {
      id: 'lots', type: 'circle', source: SOURCES.lots, filter: ['!', ['has', 'point_count']],
      paint: {
        'circle-color': fillOfClass, 'circle-stroke-color': '#17324d', 'circle-stroke-width': ['case', ['==', ['get', 'kind'], 'bay'], 1, 1.6],
        'circle-radius': lotRadius,
      },
    },
  ];
}

function hotspotLayers(): LayerSpecification[] {
  return [
    {
      id: 'hotspot-clusters', type: 'circle', source: SOURCES.hotspots, filter: ['has', 'point_count'], minzoom: HOTSPOTS_ZOOM_MIN,
      paint: { 'circle-color': HOTSPOT, 'circle-opacity': 0.85, 'circle-stroke-color': '#fff', 'circle-stroke-width': 1, 'circle-radius': 5.5 },
    },
    {
      id: 'hotspots', type: 'circle', source: SOURCES.hotspots, filter: ['!', ['has', 'point_count']], minzoom: HOTSPOTS_ZOOM_MIN,
      paint: { 'circle-color': HOTSPOT, 'circle-stroke-color': '#fff', 'circle-stroke-width': 1, 'circle-radius': ['interpolate', ['linear'], ['zoom'], 9, 3, 14, 5] },
    },
  ];
}

function nameLayers(): LayerSpecification[] {
  return [
    {
      id: 'area-names', type: 'symbol', source: SOURCES.areas, filter: ['!=', ['get', 'class'], 'none'], minzoom: NAMES_ZOOM_MIN,
      layout: { 'text-field': ['get', 'name'], 'text-font': FONT, 'text-size': ['interpolate', ['linear'], ['zoom'], 7, 10, 11, 13], 'text-padding': 2, 'text-max-width': 8, 'text-variable-anchor': ['top', 'bottom', 'right', 'left'], 'text-radial-offset': 0.7 },
      paint: { 'text-color': '#17324d', 'text-halo-color': 'rgba(255,255,255,0.9)', 'text-halo-width': 1.4 },
    },
  ];
}
