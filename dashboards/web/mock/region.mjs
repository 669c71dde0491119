// An invented territory with invented figures, in the shapes of the HTTP interface: for developing the
// pages and for trying the browser test without a server. Never part of a build. Deterministic.

export const NOW = process.env.ARNO_MOCK_NOW ?? '2026-05-13T16:20:00Z';
export const CLOCK = process.env.ARNO_MOCK_CLOCK ?? 'live';
export const ZONE = 'Europe/Rome';
const STARTED = Date.now();

/** The invented store's now: it runs from NOW, or stands still. */
export const nowMs = () => Date.parse(NOW) + (CLOCK === 'live' ? Date.now() - STARTED : 0);

/** A number in [0, 1) from any text. */
export function chance(text) {
  let hash = 2166136261;
  for (const letter of text) hash = Math.imul(hash ^ letter.codePointAt(0), 16777619);
  hash ^= hash >>> 15;
  hash = Math.imul(hash, 2246822507);
  hash ^= hash >>> 13;
  return (hash >>> 0) / 4294967296;
}

const TOWNS = [
  ['100001', 'Cantagallo', '100'], ['100006', 'Vaiano', '100'], ['100007', 'Vernio', '100'], ['048002', 'Barberino di Mugello', '048'], ['048004', 'Borgo San Lorenzo', '048'],
  ['100003', 'Montemurlo', '100'], ['100005', 'Prato', '100'], ['048005', 'Calenzano', '048'], ['048043', 'Sesto Fiorentino', '048'], ['048015', 'Fiesole', '048'],
  ['047014', 'Pistoia', '047'], ['047002', 'Agliana', '047'], ['048006', 'Campi Bisenzio', '048'], ['048017', 'Firenze', '048'], ['048001', 'Bagno a Ripoli', '048'],
  ['047017', 'Quarrata', '047'], ['100004', 'Poggio a Caiano', '100'], ['048044', 'Signa', '048'], ['048041', 'Scandicci', '048'], ['048022', 'Impruneta', '048'],
  ['047010', 'Monsummano Terme', '047'], ['100002', 'Carmignano', '100'], ['048024', 'Lastra a Signa', '048'], ['048028', 'Montespertoli', '048'], ['048021', 'Greve in Chianti', '048'],
];
const PROVINCES = { 100: 'Prato', '048': 'Città metropolitana di Firenze', '047': 'Pistoia' };
const WITH_SENSORS = new Set(['100005', '100003', '048005', '048043', '048015', '047014', '047002', '048006', '048017', '048041', '100004', '048044', '100002', '048004']);
const SILENT_TOWN = '100002';
const ROOT = 'it-reg-09';

const COLUMNS = 5;
const ORIGIN = { lon: 10.84, lat: 44.04 };
const STEP = { lon: 0.135, lat: 0.092 };

function corner(x, y) {
  const jitter = (axis) => (chance(`corner ${axis} ${x} ${y}`) - 0.5) * 0.55;
  return [ORIGIN.lon + (x + jitter('x')) * STEP.lon, ORIGIN.lat - (y + jitter('y')) * STEP.lat];
}

/** A crooked edge between two corners, the same from both sides. */
function edge(from, to) {
  const [a, b] = from[0] + from[1] < to[0] + to[1] ? [from, to] : [to, from];
  const between = [1, 2, 3, 4].map((step) => {
    const bend = (chance(`edge ${a} ${b} ${step}`) - 0.5) * 0.022;
    return [a[0] + ((b[0] - a[0]) * step) / 5 + bend, a[1] + ((b[1] - a[1]) * step) / 5 + bend * 0.7];
  });
  return [from, ...(a === from ? between : between.reverse())];
}

function polygonOf(index) {
  const [x, y] = [index % COLUMNS, Math.floor(index / COLUMNS)];
  const corners = [corner(x, y), corner(x, y + 1), corner(x + 1, y + 1), corner(x + 1, y)];
  const ring = corners.flatMap((from, i) => edge(from, corners[(i + 1) % 4]));
  return { type: 'Polygon', coordinates: [[...ring, ring[0]].map(([lon, lat]) => [Number(lon.toFixed(5)), Number(lat.toFixed(5))])] };
}

function centreOf(index) {
  const points = polygonOf(index).coordinates[0];
  return [0, 1].map((axis) => points.reduce((sum, point) => sum + point[axis], 0) / points.length);
}

export const towns = TOWNS.map(([code, name, province], index) => ({
  id: `it-mun-${code}`, code, name, level: 'municipality', zone: ZONE, index,
  parents: [`it-prov-${province}`, ...(province === '100' || code === '047002' || code === '048006' ? ['group-piana'] : [])],
  population: Math.round(4000 + chance(`pop ${code}`) ** 3 * 180000), geometry: polygonOf(index),
}));

export const areas = [
  { id: ROOT, name: 'Toscana', level: 'region', parents: [], zone: ZONE, population: 3660000 },
  ...Object.entries(PROVINCES).map(([code, name]) => ({ id: `it-prov-${code}`, name, level: 'province', parents: [ROOT], zone: ZONE })),
  { id: 'group-piana', name: 'La Piana', level: 'group', parents: [], zone: ZONE },
  ...towns,
];

const LOT_NAMES = ['Stazione', 'Piazza Mercatale', 'Via Roma', 'Ospedale', 'Centro storico', 'Stadio', 'Museo'];
const DISTRICTS = ['Biblioteca', 'Piazza del Comune', 'Giardini', 'Palazzo civico', 'Mercato', 'Stazione', 'Scuole', 'Parco'];

function thingsOf(town) {
  if (!WITH_SENSORS.has(town.code)) return [];
  const publisher = town.name.toLowerCase().replaceAll(' ', '-');
  const [lon, lat] = centreOf(town.index);
  const near = (name) => ({ type: 'Point', coordinates: [lon + (chance(`${name} lon`) - 0.5) * 0.06, lat + (chance(`${name} lat`) - 0.5) * 0.04].map((value) => Number(value.toFixed(5))) });
  const common = { publisher, municipality: town.id, municipality_by: 'polygon', reserved: false, open: true, valid_from: '2025-09-01T00:00:00Z' };
  const make = (local, more) => ({ id: `${publisher}:${local}`, local_id: local, location: near(`${publisher}:${local}`), ...common, ...more });
  const lots = LOT_NAMES.slice(0, 3 + Math.floor(chance(publisher) * 5)).map((name, i) =>
    make(`lot-${i + 1}`, { name: `${name}, ${town.name}`, kind: 'parking_lot', vehicle_kind: 'car', capacity: 40 + Math.floor(chance(`${publisher} cap ${i}`) * 400), properties: ['vehicles', 'capacity', 'online'] }));
  const bikes = make('bike-1', { name: `Bici stazione, ${town.name}`, kind: 'parking_lot', vehicle_kind: 'bike', capacity: 48, properties: ['free', 'capacity'] });
  const bays = Array.from({ length: 12 }, (_, i) => make(`bay-${i + 1}`, { name: `Stallo ${i + 1}`, kind: 'parking_bay', vehicle_kind: 'car', capacity: 1, reserved: i === 11, properties: ['occupied', 'battery'] }));
  const wifi = DISTRICTS.slice(0, 4 + Math.floor(chance(`${publisher} ap`) * 5)).map((name, i) =>
    make(`ap-${i + 1}`, { name: `Wifi ${name}`, kind: 'access_point', properties: ['clients', 'bytes_down', 'bytes_up'] }));
  return [...lots, bikes, ...bays, ...wifi];
}

export const things = towns.flatMap(thingsOf);
export const parkingThings = things.filter((thing) => thing.vehicle_kind && !thing.reserved);

/** Whether an area holds a municipality. */
export function holds(area, town) {
  return area === ROOT || area === town.id || town.parents.includes(area);
}

/** Occupied share of a thing at a moment, before rounding: working days, lunch, evenings, market on Monday. */
function demand(thing, ms) {
  const local = new Date(ms + 2 * 3600_000);
  const [hour, day] = [local.getUTCHours() + local.getUTCMinutes() / 60, (local.getUTCDay() + 6) % 7];
  const bump = (centre, width) => Math.exp(-((hour - centre) ** 2) / (2 * width ** 2));
  const base = day < 5 ? 0.16 + 0.62 * bump(10.6, 2.2) + 0.5 * bump(16.4, 2.3) : 0.14 + 0.42 * bump(11.5, 2.4) + 0.55 * bump(18.5, 2.8);
  const market = day === 0 && hour > 7 && hour < 14 ? 0.18 : 0;
  const own = 0.55 + chance(`own ${thing.id}`) * 0.55;
  const that = 1 + (chance(`day ${thing.municipality} ${Math.floor((ms + 7200_000) / 86_400_000)}`) - 0.5) * 0.34;
  const noise = (chance(`${thing.id} ${Math.floor(ms / 900_000)}`) - 0.5) * 0.07;
  return Math.max(0.01, (base + market) * own * that + noise);
}

/** Unknown at all: the silent town, one lot of Prato, and gaps of some hours elsewhere. */
function isKnown(thing, ms) {
  if (thing.municipality === `it-mun-${SILENT_TOWN}`) return ms < Date.parse(NOW) - 40 * 3600_000;
  if (thing.id === 'prato:lot-3') return ms < Date.parse(NOW) - 26 * 3600_000;
  return chance(`gap ${thing.municipality} ${Math.floor(ms / (5 * 3600_000))}`) > 0.045;
}

/** Changes that a test made: thing → vehicles. */
export const pushed = new Map();

/** Vehicles of a thing, or null. */
export function vehiclesOf(thing, ms, isNow = false) {
  if (isNow && pushed.has(thing.id)) return pushed.get(thing.id);
  if (!isKnown(thing, ms)) return null;
  const share = demand(thing, ms);
  if (thing.kind === 'parking_bay') return chance(`${thing.id} ${Math.floor(ms / 1_800_000)}`) < share ? 1 : 0;
  return Math.round(Math.min(1.04, share) * thing.capacity);
}

/** Wifi clients of a town's access points at an hour. */
export function clientsOf(town, ms) {
  const count = things.filter((thing) => thing.municipality === town.id && thing.kind === 'access_point').length;
  const local = new Date(ms + 2 * 3600_000);
  const hour = local.getUTCHours();
  const busy = Math.max(0, Math.sin(((hour - 6) / 17) * Math.PI)) ** 1.4;
  const size = 0.6 + chance(`wifi ${town.id}`) ** 2 * 18;
  return { mean: count * size * busy * (0.8 + chance(`${town.id} ${ms}`) * 0.4), count };
}
