/** A slow pulse, so that ages on the page grow while nothing arrives. */
import { signal } from '@preact/signals';
import { nowMs } from './clock';

/** Ages are shown in seconds only below a minute: every 5 s is enough. */
const TICK_INTERVAL_MS = 5_000;
const pulse = signal(0);
setInterval(() => {
  pulse.value += 1;
}, TICK_INTERVAL_MS);

/** The store's now, read again at every pulse. */
export function useNowMs(): number | null {
  void pulse.value;
  return nowMs();
}
