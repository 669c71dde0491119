/** The two parking charts of an area or a place: asked together, since today lies over the typical day. */
import type { JSX } from 'preact';
import { productAddress, type Query } from '../api/address';
import { getAll } from '../api/client';
import type { ParkingOccupancy, ProductRows, TypicalHour } from '../api/types';
import { t } from '../i18n';
import { described } from '../parts/prose';
import { route } from '../state/route';
import { useResource } from '../state/resource';
import type { Territory } from '../state/territory';
import { HistoryPanel, todaysHours } from './history';
import { chosenDays, periodStart } from './period';
import { TypicalWeekPanel } from './typical-week';

interface ParkingPanelsProps {
  about: Query;
  kind: string;
  zone: string;
  nowMs: number;
  territory: Territory;
}

export function ParkingPanels({ about, kind, zone, nowMs, territory }: ParkingPanelsProps): JSX.Element {
  const days = chosenDays(route.value.query.get('days'));
  const historyAt = productAddress('parking_occupancy', { ...about, bucket: '1h', from: periodStart(nowMs, days) });
  const weekAt = productAddress('parking_typical_week', about);
  const history = useResource(historyAt, (signal) => getAll<ProductRows<ParkingOccupancy>>(historyAt, signal));
  const week = useResource(weekAt, (signal) => getAll<ProductRows<TypicalHour>>(weekAt, signal));
  const today = todaysHours(history.data?.items ?? [], kind, zone, nowMs);
  return (
    <>
      <HistoryPanel of={history} source={historyAt} kind={kind} zone={zone} howTo={howToOf(territory, 'parking_occupancy', t('history.howto'))} />
      <TypicalWeekPanel of={week} source={weekAt} kind={kind} zone={zone} nowMs={nowMs} today={today}
        howTo={howToOf(territory, 'parking_typical_week', t('week.howto'))} />
    </>
  );
}

/** How to read a chart: the page's own words, then the product's. */
export function howToOf(territory: Territory, product: string, own: string): string {
  const description = described(territory.products.get(product));
  return description ? `${own} ${description}` : own;
}
