/** The few icons of the pages, drawn here so that nothing is fetched for them. */
import type { JSX } from 'preact';

const box = { viewBox: '0 0 16 16', width: 14, height: 14, fill: 'none', stroke: 'currentColor', 'stroke-width': 1.6, 'stroke-linecap': 'round', 'stroke-linejoin': 'round', 'aria-hidden': true } as const;

export const CsvIcon = (): JSX.Element => <svg {...box}><path d="M8 2v8m0 0L5 7m3 3 3-3M3 13h10" /></svg>;
export const WarningIcon = (): JSX.Element => <svg {...box}><path d="M8 2 1.5 13.5h13zM8 6.5v3.2M8 11.8v.1" /></svg>;
export const ClockIcon = (): JSX.Element => <svg {...box}><circle cx="8" cy="8" r="6.2" /><path d="M8 4.5V8l2.4 1.6" /></svg>;
export const SearchIcon = (): JSX.Element => <svg {...box}><circle cx="7" cy="7" r="4.5" /><path d="m10.5 10.5 3 3" /></svg>;
export const Waves = (): JSX.Element => (
  <svg viewBox="0 0 32 24" width="34" height="26" fill="none" stroke="currentColor" stroke-width="2.6" stroke-linecap="round" aria-hidden="true">
    <path d="M3 6c5-4 8 4 13 0s8 4 13 0M3 12c5-4 8 4 13 0s8 4 13 0M3 18c5-4 8 4 13 0s8 4 13 0" />
  </svg>
);
