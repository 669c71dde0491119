/**
 * Where the reader is: path and query, nothing hidden elsewhere, so that an address can be sent and the
 * back button works.
 */
import { signal } from '@preact/signals';

export type Page =
  | { page: 'region' }
  | { page: 'area'; id: string }
  | { page: 'place'; id: string }
  | { page: 'data' }
  | { page: 'missing' };

export interface Route {
  at: Page;
  query: URLSearchParams;
}

/** Reads an address. */
export function parseRoute(path: string, search: string): Route {
  const parts = path.split('/').filter(Boolean).map(decode);
  const [head, id] = parts;
  const query = new URLSearchParams(search);
  if (parts.length === 0) return { at: { page: 'region' }, query };
  if (parts.length === 1 && head === 'dati') return { at: { page: 'data' }, query };
  if (parts.length === 2 && id && head === 'comuni') return { at: { page: 'area', id }, query };
  if (parts.length === 2 && id && head === 'luoghi') return { at: { page: 'place', id }, query };
  return { at: { page: 'missing' }, query };
}

/** Writes an address; `null` and '' take a member out. The chosen language travels along. */
export function href(at: Page, changes: Record<string, string | null> = {}, from?: URLSearchParams): string {
  const query = new URLSearchParams(from);
  if (!from) {
    const lang = route.peek().query.get('lang');
    if (lang) query.set('lang', lang);
  }
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === '') query.delete(name);
    else query.set(name, value);
  }
  const text = query.toString().replace(/%3A/g, ':').replace(/%2C/g, ',');
  return `${pathOf(at)}${text ? `?${text}` : ''}`;
}

export const areaHref = (id: string, changes: Record<string, string | null> = {}): string =>
  href({ page: 'area', id }, changes);
export const placeHref = (id: string): string => href({ page: 'place', id });

function pathOf(at: Page): string {
  if (at.page === 'area') return `/comuni/${encode(at.id)}`;
  if (at.page === 'place') return `/luoghi/${encode(at.id)}`;
  return at.page === 'data' ? '/dati' : '/';
}

const encode = (id: string): string => encodeURIComponent(id).replace(/%3A/g, ':');

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

const here = (): Route => parseRoute(globalThis.location?.pathname ?? '/', globalThis.location?.search ?? '');

export const route = signal<Route>(here());

/** Goes to an address within the application. */
export function navigate(to: string, options: { replace?: boolean } = {}): void {
  if (options.replace) history.replaceState(null, '', to);
  else history.pushState(null, '', to);
  const before = route.peek().at;
  route.value = here();
  if (!options.replace && pathOf(before) !== location.pathname) {
    scrollTo(0, 0);
    document.getElementById('content')?.focus({ preventScroll: true });
  }
}

/** Changes members of the query where the reader is. Switches replace the entry, choices add one. */
export function setQuery(changes: Record<string, string | null>, options: { replace?: boolean } = {}): void {
  navigate(href(route.peek().at, changes, route.peek().query), options);
}

/** Follows back and forward, and plain clicks on links within the application. */
export function startRouting(): void {
  addEventListener('popstate', () => {
    route.value = here();
  });
  document.addEventListener('click', (event) => {
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = (event.target as Element | null)?.closest?.('a[href]') as HTMLAnchorElement | null;
    if (!link || link.target || link.hasAttribute('download') || link.origin !== location.origin) return;
    if (link.hash && link.pathname === location.pathname) return;
    if (parseRoute(link.pathname, link.search).at.page === 'missing') return;
    event.preventDefault();
    navigate(`${link.pathname}${link.search}`);
  });
}
