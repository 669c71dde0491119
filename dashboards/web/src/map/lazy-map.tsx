/** The map, fetched apart: pages show their tables at once and the map when its code has arrived. */
import type { FunctionComponent, JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { t } from '../i18n';
import type { MapViewProps } from './map-view';

export function LazyMap(props: MapViewProps): JSX.Element {
  const [view, setView] = useState<{ Map: FunctionComponent<MapViewProps> } | 'failed' | null>(null);
  useEffect(() => {
    import('./map-view').then(
      (module) => setView({ Map: module.default }),
      () => setView('failed'),
    );
  }, []);
  if (view === 'failed') return <p class="map-none" data-map="none">{t('region.map.failed')}</p>;
  if (view === null) return <p class="map-none" role="status">{t('region.map.loading')}</p>;
  return <view.Map {...props} />;
}
