// Answers the HTTP interface in its recorded shapes, for developing the pages. Never part of a build.
import { CLOCK, areas, holds, nowMs, pushed, things, towns } from './region.mjs';
import { products, rowsOf, zone } from './products.mjs';

const iso = (ms) => `${new Date(ms).toISOString().slice(0, 19)}Z`;
const isEmpty = process.env.ARNO_MOCK_EMPTY === '1';
const listeners = new Set();
const PAGE_ROWS = 1000;

const PROPERTIES = [
  ['vehicles', 'Veicoli', 'state'], ['free', 'Posti liberi', 'state'], ['occupied', 'Stallo occupato', 'state'], ['clients', 'Dispositivi collegati', 'state'], ['capacity', 'Capienza', 'state'],
].map(([id, name, signal]) => ({ id, name, unit: '1', signal, type: 'integer', area_mode: 'sum', counts_people: id === 'clients' }));

/** Answers a request of the interface; false when it is not one. */
export function answer(request, response) {
  const url = new URL(request.url, 'http://mock.invalid');
  const at = decodeURIComponent(url.pathname);
  if (at === '/docs' || at === '/openapi.json') return send(response, 200, { openapi: '3.1.0' });
  if (!at.startsWith('/api/v1/')) return false;
  const query = Object.fromEntries(url.searchParams);
  const parts = at.slice('/api/v1/'.length).split('/');
  if (parts[0] === 'live') return live(request, response, query);
  if (parts[0] === 'push' && request.method === 'POST') return push(request, response);
  if (isEmpty && ['areas', 'things', 'publishers'].includes(parts[0])) return list(response, url, []);
  if (parts[0] === 'areas') return answerAreas(response, url, parts[1], query);
  if (parts[0] === 'things') return answerThings(response, url, parts, query);
  if (parts[0] === 'properties') return list(response, url, PROPERTIES);
  if (parts[0] === 'publishers') return list(response, url, [...new Set(things.map((thing) => thing.publisher))].map((id) => ({ id, name: id, kind: 'municipality' })));
  if (parts[0] === 'products' && !parts[1]) return list(response, url, products);
  if (parts[0] === 'products') return answerProduct(response, url, parts[1], query);
  return problem(response, 404, 'not found', `there is no \`${at}\``);
}

function answerAreas(response, url, id, query) {
  const bare = ({ geometry, index, code, ...area }) => area;
  const feature = ({ geometry, ...area }) => ({ type: 'Feature', geometry: geometry ?? null, properties: bare(area) });
  if (id) {
    const found = areas.find((area) => area.id === id);
    if (!found) return problem(response, 404, 'not found', `there is no area \`${id}\``);
    return send(response, 200, query.format === 'geojson' ? feature(found) : bare(found));
  }
  const within = (area) => !query.within || area.parents?.includes(query.within) || (area.level === 'municipality' && holds(query.within, area));
  const found = areas.filter((area) => (!query.level || area.level === query.level) && within(area));
  if (query.format === 'geojson') return send(response, 200, { type: 'FeatureCollection', features: found.map(feature), now: iso(nowMs()), clock: CLOCK });
  return list(response, url, found.map(bare));
}

function answerThings(response, url, [, id, what], query) {
  const found = id ? things.find((thing) => thing.id === id) : null;
  if (id && !found) return problem(response, 404, 'not found', `there is no thing \`${id}\``);
  if (what === 'observations') return list(response, url, []);
  if (found) return send(response, 200, found);
  const inArea = (thing) => !query.area || holds(query.area, towns.find((town) => town.id === thing.municipality));
  return list(response, url, things.filter((thing) => inArea(thing) && (!query.kind || thing.kind === query.kind)));
}

function answerProduct(response, url, id, query) {
  const rows = rowsOf(id, query);
  if (!rows) return problem(response, 404, 'not found', `there is no product \`${id}\``, products.map((product) => product.id));
  if (query.level && !products.find((product) => product.id === id).levels.includes(query.level)) {
    return problem(response, 400, 'unknown level', `\`${id}\` has no level \`${query.level}\``, products.find((product) => product.id === id).levels);
  }
  if (query.format === 'csv') {
    const names = Object.keys(rows[0] ?? {});
    response.writeHead(200, { 'content-type': 'text/csv; charset=utf-8' });
    response.end([names.join(','), ...rows.map((row) => names.map((name) => row[name] ?? '').join(','))].join('\r\n'));
    return true;
  }
  return list(response, url, rows, { product: id, bucket: query.bucket ?? '1h', level: query.level ?? 'municipality', zone });
}

function list(response, url, items, more = {}) {
  const limit = Number(url.searchParams.get('limit') ?? PAGE_ROWS);
  const from = Number(url.searchParams.get('cursor') ?? 0);
  const next = new URL(url);
  next.searchParams.set('cursor', String(from + limit));
  const page = items.slice(from, from + limit);
  return send(response, 200, { ...more, items: page, ...(from + limit < items.length ? { next: next.href } : {}), now: iso(nowMs()), clock: CLOCK });
}

function send(response, status, body, type = 'application/json') {
  response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' });
  response.end(JSON.stringify(body));
  return true;
}

const problem = (response, status, title, detail, allowed) => send(response, status, { type: 'about:blank', title, status, detail, allowed }, 'application/problem+json');

function live(request, response, query) {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  response.write(`event: hello\ndata: ${JSON.stringify({ now: iso(nowMs()) })}\n\n`);
  const listener = { response, query };
  listeners.add(listener);
  request.on('close', () => listeners.delete(listener));
  return true;
}

let eventId = 0;

function tell(row) {
  eventId += 1;
  const data = JSON.stringify({ product: 'parking_now', area: row.area, level: row.level, row });
  for (const { response } of listeners) response.write(`id: ${eventId}\nevent: parking_now\ndata: ${data}\n\n`);
}

/** The native payload over HTTP, as far as the browser test needs it: {"thing","vehicles"}. */
function push(request, response) {
  let text = '';
  request.on('data', (chunk) => { text += chunk; });
  request.on('end', () => {
    const body = JSON.parse(text);
    pushed.set(body.thing, body.vehicles);
    const thing = things.find((one) => one.id === body.thing);
    const town = towns.find((one) => one.id === thing.municipality);
    const about = [{ thing: thing.id }, { area: town.id }, ...[...town.parents, 'it-reg-09'].map((area) => ({ area }))];
    for (const one of about) rowsOf('parking_now', one).forEach(tell);
    send(response, 200, { stored: 1 });
  });
  return true;
}
