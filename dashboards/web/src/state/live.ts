/**
 * The live feed: server-sent events while they flow, polling while they do not, and always a state that
 * the page can show.
 *
 * `EventSource` reconnects by itself after a dropped connection, and gives up on a refusal; then the feed
 * opens a new one after a growing pause. From the first fault on, the page polls until events flow again.
 */
import { signal, type Signal } from '@preact/signals';
import type { LiveMessage } from '../api/types';
import { learnClock } from './clock';

export type LiveState = 'connecting' | 'live' | 'polling' | 'off';

/** Between two polls: figures are minutes old by nature, 15 s keeps up without loading the server. */
export const POLL_INTERVAL_MS = 15_000;
/** Pauses before opening the feed again: doubled from the first to the last. */
export const RETRY_FIRST_MS = 1_000;
export const RETRY_LAST_MS = 60_000;
/** Events are handed on in bundles at most this late, so that a thousand lots cost one drawing. */
export const BUNDLE_DELAY_MS = 200;

export interface FeedSource {
  readyState: number;
  onopen: ((event: Event) => void) | null;
  onerror: ((event: Event) => void) | null;
  addEventListener(name: string, listener: (event: MessageEvent<string>) => void): void;
  close(): void;
}

export interface FeedOptions {
  address: string;
  products: string[];
  /** Called with what arrived since the last call. */
  onRows: (messages: LiveMessage[]) => void;
  /** Called when figures must be asked for again: while polling, and after a reconnection. */
  onPoll: () => void;
  open?: (address: string) => FeedSource;
}

const CLOSED = 2;

export class LiveFeed {
  readonly state: Signal<LiveState> = signal<LiveState>('connecting');
  private source: FeedSource | null = null;
  private retryMs = RETRY_FIRST_MS;
  private retryTimer: ReturnType<typeof setTimeout> | null = null;
  private pollTimer: ReturnType<typeof setInterval> | null = null;
  private bundleTimer: ReturnType<typeof setTimeout> | null = null;
  private waiting: LiveMessage[] = [];
  private hadFault = false;

  constructor(private readonly options: FeedOptions) {
    this.connect();
  }

  /** Ends the feed; nothing is called afterwards. */
  close(): void {
    this.source?.close();
    this.source = null;
    for (const timer of [this.retryTimer, this.bundleTimer]) if (timer) clearTimeout(timer);
    if (this.pollTimer) clearInterval(this.pollTimer);
    this.retryTimer = this.bundleTimer = this.pollTimer = null;
    this.waiting = [];
    this.state.value = 'off';
  }

  private connect(): void {
    const open = this.options.open ?? ((at: string) => new EventSource(at) as unknown as FeedSource);
    const source = open(this.options.address);
    this.source = source;
    source.onopen = () => this.opened();
    source.onerror = () => this.failed(source);
    source.addEventListener('hello', (event) => {
      const hello = parse<{ now?: string }>(event.data);
      learnClock(hello?.now);
    });
    // Events between the last one heard and the next are gone: what they said is asked for.
    source.addEventListener('gap', () => this.options.onPoll());
    for (const product of this.options.products) {
      source.addEventListener(product, (event) => {
        const message = parse<LiveMessage>(event.data);
        if (message?.row) this.take(message);
      });
    }
  }

  private opened(): void {
    this.retryMs = RETRY_FIRST_MS;
    if (this.pollTimer) clearInterval(this.pollTimer);
    this.pollTimer = null;
    this.state.value = 'live';
    // What happened while nothing was heard is asked for once.
    if (this.hadFault) this.options.onPoll();
    this.hadFault = false;
  }

  private failed(source: FeedSource): void {
    if (this.source !== source) return;
    this.hadFault = true;
    this.state.value = 'polling';
    this.pollTimer ??= setInterval(() => this.options.onPoll(), POLL_INTERVAL_MS);
    if (source.readyState !== CLOSED || this.retryTimer) return;
    this.source = null;
    this.retryTimer = setTimeout(() => {
      this.retryTimer = null;
      this.connect();
    }, this.retryMs);
    this.retryMs = Math.min(this.retryMs * 2, RETRY_LAST_MS);
  }

  private take(message: LiveMessage): void {
    this.waiting.push(message);
    this.bundleTimer ??= setTimeout(() => {
      this.bundleTimer = null;
      const bundle = this.waiting;
      this.waiting = [];
      this.options.onRows(bundle);
    }, BUNDLE_DELAY_MS);
  }
}

function parse<T>(text: string): T | null {
  try {
    return JSON.parse(text) as T;
  } catch {
    return null;
  }
}
