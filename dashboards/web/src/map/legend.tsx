/** What the map's colours and marks mean, in words. */
import type { JSX } from 'preact';
import { BANDS } from '../format/scale';
import { percent } from '../format/number';
import { lang, t } from '../i18n';

export function Legend({ hasHotspots }: { hasHotspots: boolean }): JSX.Element {
  return (
    <div class="legend">
      <span class="legend-title">{t('legend.title')}</span>
      <ul class="legend-bands">
        {BANDS.map((band) => (
          <li key={band.from}>
            <svg width="34" height="12" aria-hidden="true"><rect x="0.5" y="0.5" width="33" height="11" fill={band.fill} stroke="#7d8b99" /></svg>
            <span>{band.to === null ? `≥ ${percent(band.from, lang.value)}` : `${percent(band.from, lang.value).replace(/\s?%/, '')}–${percent(band.to, lang.value)}`}</span>
          </li>
        ))}
      </ul>
      <ul class="legend-marks">
        <li><span class="swatch hatched" aria-hidden="true" />{t('legend.unknown')}</li>
        <li><span class="swatch plain" aria-hidden="true" />{t('legend.noSensor')}</li>
        <li><span class="swatch mark-lot" aria-hidden="true" />{t('legend.lot')}</li>
        {hasHotspots && <li><span class="swatch mark-hotspot" aria-hidden="true" />{t('legend.hotspot')}</li>}
      </ul>
    </div>
  );
}
