/**
 * Addresses of the HTTP interface: built in one place, always relative to the page's own origin, so that
 * what a chart shows and what its CSV link downloads are the same question.
 */

export type Query = Record<string, string | number | boolean | null | undefined>;

const ROOT = '/api/v1';

/** Joins a path below `/api/v1` and a query; absent members are left out, the order is kept. */
export function address(path: string, query: Query = {}): string {
  const pairs = Object.entries(query)
    .filter(([, value]) => value !== undefined && value !== null && value !== '')
    .map(([name, value]) => `${encode(name)}=${encode(String(value))}`);
  return `${ROOT}${path}${pairs.length ? `?${pairs.join('&')}` : ''}`;
}

/** The address of a product's rows. */
export function productAddress(product: string, query: Query = {}): string {
  return address(`/products/${encode(product)}`, query);
}

/** The same question in another format. */
export function inFormat(of: string, format: string): string {
  const [path = '', query = ''] = of.split('?');
  const pairs = query.split('&').filter((pair) => pair && !pair.startsWith('format='));
  if (format !== 'json') pairs.push(`format=${encode(format)}`);
  return pairs.length ? `${path}?${pairs.join('&')}` : path;
}

/**
 * The next page's address on our own origin. The server writes it absolute; behind a proxy its host may
 * be one that the page must not ask.
 */
export function onOwnOrigin(next: string): string {
  const url = new URL(next, 'http://page.invalid');
  return `${url.pathname}${url.search}`;
}

/** Percent-encodes what must be, and keeps what is legible and legal in a query: `:` `,` `/`. */
function encode(text: string): string {
  return encodeURIComponent(text).replace(/%3A/gi, ':').replace(/%2C/gi, ',');
}
