/**
 * The map: areas as polygons coloured by class, places as points, clustered when many, on a plain ground.
 * No tile, glyph or sprite is fetched: names are drawn with the page's own font, patterns on a canvas.
 *
 * Loaded only when a page with a map is opened. Without WebGL it says so, and the tables do its work.
 */
import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import * as maplibre from 'maplibre-gl';
import workerUrl from 'maplibre-gl/dist/maplibre-gl-worker.mjs?url';
import 'maplibre-gl/dist/maplibre-gl.css';
import { t } from '../i18n';
import { areaHref, navigate, placeHref } from '../state/route';
import { boundsOf, placeFeatures, areaFeatures, type AreaCollection, type AreaFill, type Place } from './shapes';
import { layers, mapImages, SOURCES } from './layers';

maplibre.setWorkerUrl(workerUrl);

export interface MapViewProps {
  areas: AreaCollection;
  fills: ReadonlyMap<string, AreaFill>;
  /** What a pointer over an area reads. */
  areaText: (id: string) => string;
  places: Place[];
  label: string;
  /** Whether a click on an area opens its page. */
  isAreaLink?: boolean;
}

/** Around the fitted territory. */
const FIT_PADDING_PX = 24;
const FIT_ZOOM_MAX = 15;
/** Fewer places than this are all drawn, each with its colour. */
const CLUSTER_PLACES_MIN = 60;

export default function MapView(props: MapViewProps): JSX.Element {
  const host = useRef<HTMLDivElement>(null);
  const held = useRef<{ map: maplibre.Map; isLoaded: boolean } | null>(null);
  const latest = useRef(props);
  latest.current = props;
  const [fault, setFault] = useState(false);

  useEffect(() => {
    const element = host.current;
    if (!element) return;
    let map: maplibre.Map;
    try {
      map = start(element, latest.current);
    } catch {
      setFault(true); // no WebGL context
      return;
    }
    const entry = { map, isLoaded: false };
    held.current = entry;
    map.on('load', () => {
      entry.isLoaded = true;
      show(map, latest.current);
      map.once('idle', () => {
        element.dataset.map = 'ready';
      });
    });
    listen(map, latest);
    // The frame gets its height from the page's layout, which may settle after the map has started.
    const watch = new ResizeObserver(() => {
      map.resize();
      if (!entry.isLoaded) fit(map, latest.current, false);
    });
    watch.observe(element);
    return () => {
      watch.disconnect();
      held.current = null;
      map.remove();
    };
  }, []);

  useEffect(() => {
    if (held.current?.isLoaded) show(held.current.map, props);
  }, [props.areas, props.fills, props.places]);

  useEffect(() => {
    if (held.current) fit(held.current.map, props, !matchMedia('(prefers-reduced-motion: reduce)').matches);
  }, [props.areas, props.areas.features.length === 0 && props.places.length]);

  if (fault) return <p class="map-none" data-map="none">{t('region.map.none')}</p>;
  return (
    <div class="map-frame">
      <div ref={host} class="map-canvas" />
      <div class="map-buttons">
        <button type="button" aria-label={t('map.zoomIn')} onClick={() => held.current?.map.zoomIn()}>+</button>
        <button type="button" aria-label={t('map.zoomOut')} onClick={() => held.current?.map.zoomOut()}>−</button>
        <button type="button" aria-label={t('map.fit')} title={t('map.fit')} onClick={() => held.current && fit(held.current.map, props, true)}>⤢</button>
      </div>
    </div>
  );
}

function start(element: HTMLElement, props: MapViewProps): maplibre.Map {
  if (!document.createElement('canvas').getContext('webgl2')) throw new Error('no WebGL');
  const bounds = boundsToFit(props);
  const map = new maplibre.Map({
    container: element,
    attributionControl: false,
    dragRotate: false,
    pitchWithRotate: false,
    maxPitch: 0,
    renderWorldCopies: false,
    fadeDuration: 0,
    // On a touch screen one finger scrolls the page, two move the map.
    cooperativeGestures: matchMedia('(pointer: coarse)').matches,
    locale: { 'Map.Title': props.label, 'CooperativeGesturesHandler.MobileHelpText': t('map.twoFingers') },
    ...(bounds ? { bounds, fitBoundsOptions: { padding: FIT_PADDING_PX, maxZoom: FIT_ZOOM_MAX } } : {}),
    style: {
      version: 8,
      sources: {
        areas: { type: 'geojson', data: { type: 'FeatureCollection', features: [] } },
        lots: { type: 'geojson', data: { type: 'FeatureCollection', features: [] }, cluster: false, clusterRadius: 22, clusterMaxZoom: 12 },
        hotspots: { type: 'geojson', data: { type: 'FeatureCollection', features: [] }, cluster: true, clusterRadius: 30, clusterMaxZoom: 14 },
      },
      layers: layers(),
    },
  });
  const ratio = Math.max(1, Math.min(2, Math.round(devicePixelRatio)));
  for (const [id, image] of mapImages(ratio)) map.addImage(id, image, { pixelRatio: ratio });
  map.touchZoomRotate.disableRotation();
  return map;
}

/** The areas' box; a group of places has no area of its own, then the places'. */
function boundsToFit({ areas, places }: MapViewProps): [number, number, number, number] | null {
  return boundsOf(areas.features.map((feature) => feature.geometry)) ?? boundsOf(places.map((place) => ({ coordinates: place.at })));
}

function fit(map: maplibre.Map, props: MapViewProps, isMoving: boolean): void {
  const bounds = boundsToFit(props);
  if (bounds) map.fitBounds(bounds, { padding: FIT_PADDING_PX, maxZoom: FIT_ZOOM_MAX, duration: isMoving ? 400 : 0 });
}

/** What was drawn last, by map and source: figures change often, classes seldom, and polygons are dear. */
const drawn = new WeakMap<maplibre.Map, Map<string, string>>();

function show(map: maplibre.Map, props: MapViewProps): void {
  const last = drawn.get(map) ?? new Map<string, string>();
  drawn.set(map, last);
  const set = (source: string, data: { features: { properties: { id: string; class: unknown } }[] }): void => {
    const signature = data.features.map(({ properties }) => `${properties.id} ${String(properties.class)}`).join('|');
    if (last.get(source) === signature) return;
    last.set(source, signature);
    (map.getSource(source) as maplibre.GeoJSONSource | undefined)?.setData(data as never);
  };
  set(SOURCES.areas, areaFeatures(props.areas, props.fills));
  const lots = props.places.filter((place) => place.kind !== 'hotspot');
  (map.getSource(SOURCES.lots) as maplibre.GeoJSONSource | undefined)?.setClusterOptions({ cluster: lots.length >= CLUSTER_PLACES_MIN });
  set(SOURCES.lots, placeFeatures(lots));
  set(SOURCES.hotspots, placeFeatures(props.places.filter((place) => place.kind === 'hotspot')));
}

/** Pointer over and click on what is drawn: the reading, and the way to its page. */
function listen(map: maplibre.Map, props: { current: MapViewProps }): void {
  const popup = new maplibre.Popup({ closeButton: false, closeOnClick: false, className: 'map-popup', maxWidth: '260px', offset: 10 });
  const places = ['lots', 'hotspots'];
  const found = (point: maplibre.PointLike): maplibre.MapGeoJSONFeature | undefined => {
    const known = map.getStyle().layers.map((layer) => layer.id);
    const asked = [...places, 'lot-clusters', 'hotspot-clusters', 'area-fill', 'area-unknown'].filter((id) => known.includes(id));
    return map.queryRenderedFeatures(point, { layers: asked })[0];
  };
  map.on('mousemove', (event) => {
    const feature = found(event.point);
    map.getCanvas().style.cursor = feature ? 'pointer' : '';
    map.setFilter('area-over', ['==', ['get', 'id'], feature?.source === SOURCES.areas ? String(feature.properties.id) : '']);
    if (!feature || feature.properties.cluster) {
      popup.remove();
      return;
    }
    const name = String(feature.properties.name ?? '');
    const text = feature.source === SOURCES.areas ? props.current.areaText(String(feature.properties.id)) : placeText(props.current, String(feature.properties.id));
    popup.setLngLat(event.lngLat).setDOMContent(popupContent(name, text)).addTo(map);
  });
  map.on('mouseout', () => popup.remove());
  map.on('click', (event) => {
    const feature = found(event.point);
    if (!feature) return;
    if (feature.properties.cluster) {
      map.easeTo({ center: event.lngLat, zoom: map.getZoom() + 2 });
    } else if (feature.source === SOURCES.areas) {
      if (props.current.isAreaLink) navigate(areaHref(String(feature.properties.id)));
    } else {
      navigate(placeHref(String(feature.properties.id)));
    }
  });
}

const placeText = (props: MapViewProps, id: string): string => props.places.find((place) => place.id === id)?.text ?? '';

function popupContent(name: string, text: string): HTMLElement {
  const content = document.createElement('div');
  const title = document.createElement('strong');
  title.textContent = name;
  content.append(title);
  for (const line of text.split('\n').filter(Boolean)) {
    const row = document.createElement('div');
    row.textContent = line;
    content.append(row);
  }
  return content;
}
