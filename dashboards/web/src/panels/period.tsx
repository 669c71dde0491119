/** The period that charts show: `days=1|7|30` in the address. */
import type { JSX } from 'preact';
import { t } from '../i18n';
import { Segments } from '../parts/panel';
import { hourStart } from '../format/time';
import { route, setQuery } from '../state/route';

export const PERIODS_DAYS = [1, 7, 30] as const;
export type Days = (typeof PERIODS_DAYS)[number];
const DAYS_DEFAULT: Days = 7;
const DAY_MS = 86_400_000;

export function chosenDays(text: string | null): Days {
  return PERIODS_DAYS.find((days) => String(days) === text) ?? DAYS_DEFAULT;
}

/** Where a period of whole hours begins that ends now. */
export function periodStart(nowMs: number, days: number): string {
  return hourStart(nowMs - days * DAY_MS);
}

export function PeriodSwitch(): JSX.Element {
  const chosen = chosenDays(route.value.query.get('days'));
  return (
    <div class="period">
      <span aria-hidden="true">{t('days.label')}</span>
      <Segments label={t('days.label')} chosen={String(chosen)} options={PERIODS_DAYS.map((days) => [String(days), t(`days.${days}`)])}
        onChoose={(days) => setQuery({ days: days === String(DAYS_DEFAULT) ? null : days })} />
    </div>
  );
}
