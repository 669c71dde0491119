// The products' rows in their recorded shapes, from the invented territory.
import { areas, chance, clientsOf, holds, nowMs, parkingThings, things, towns, vehiclesOf, ZONE } from './region.mjs';

const HOUR_MS = 3600_000;
const iso = (ms) => `${new Date(ms).toISOString().slice(0, 19)}Z`;
const text = (it, en) => ({ it, en });
const column = (name, type, it, en, unit) => ({ name, type, ...(unit ? { unit } : {}), title: text(it, en) });
const common = [column('area', 'string', 'Territorio o luogo', 'Area or place'), column('level', 'string', 'Livello', 'Level'), column('bucket', 'string', 'Intervallo', 'Interval'), column('bucket_start', 'timestamp', 'Inizio', 'Start'), column('name', 'string', 'Nome', 'Name')];
const LEVELS = ['thing', 'municipality', 'province', 'region', 'group'];
const product = (id, title, description, buckets, columns, levels = LEVELS) => ({ id, title, description, levels, buckets, columns: [...common, ...columns], parameters: [], chart: { kind: 'line', x: 'bucket_start', y: columns[0].name }, licence: 'CC-BY-4.0', themes: ['TRAN'] });

export const products = [
  product('parking_now', text('Sosta adesso', 'Parking now'), text('Posti liberi e occupazione in questo momento, con l’età del dato. Sotto metà dei posti noti il valore è nullo.', 'Free spaces and occupancy at this moment, with the age of the reading. Below half of the spaces known the value is null.'), ['now'],
    [column('vehicle_kind', 'string', 'Tipo di veicolo', 'Vehicle kind'), column('vehicles', 'integer', 'Veicoli', 'Vehicles', '1'), column('capacity', 'integer', 'Posti noti', 'Known spaces', '1'), column('free', 'integer', 'Posti liberi', 'Free spaces', '1'), column('occupancy', 'number', 'Occupazione', 'Occupancy', '1'), column('known_share', 'number', 'Quota nota', 'Known share', '1'), column('age_s', 'number', 'Età del dato', 'Age of the reading', 's')]),
  product('parking_occupancy', text('Occupazione della sosta', 'Parking occupancy'), text('Occupazione media pesata nel tempo: veicoli per tempo diviso posti per tempo, dove entrambi sono noti.', 'Mean occupancy weighted by time: vehicle time over space time, where both are known.'), ['15m', '1h', '1d', '1w', '1mo'],
    [column('vehicle_kind', 'string', 'Tipo di veicolo', 'Vehicle kind'), column('occupancy', 'number', 'Occupazione', 'Occupancy', '1'), column('known_share', 'number', 'Quota nota', 'Known share', '1'), column('saturation', 'number', 'Saturazione', 'Saturation', '1'), column('readings', 'integer', 'Letture', 'Readings', '1')]),
  product('parking_typical_week', text('Settimana tipica della sosta', 'Typical week of parking'), text('Quantili dell’occupazione oraria nelle ultime 8 settimane, per ora locale della settimana.', 'Quantiles of hourly occupancy over the last 8 weeks, by local hour of the week.'), ['1h'],
    ['q10', 'q25', 'q50', 'q75', 'q90'].map((q) => column(q, 'number', `Quantile ${q.slice(1)} %`, `${q.slice(1)}% quantile`, '1'))),
  product('wifi_usage', text('Uso del wifi', 'Wifi usage'), text('Dispositivi collegati insieme, per ora e territorio; arrotondati a 5, celle con meno di 5 dispositivi nascoste.', 'Devices connected at once, by hour and area; rounded to 5, cells under 5 devices hidden.'), ['1h', '1d'],
    [column('clients_mean', 'number', 'Media', 'Mean', '1'), column('clients_max', 'integer', 'Massimo', 'Most', '1'), column('suppressed', 'boolean', 'Nascosto', 'Hidden')], LEVELS.slice(1)),
  product('completeness', text('Completezza', 'Completeness'), text('Quota del tempo atteso in cui ogni proprietà era nota.', 'Share of the expected time in which each property was known.'), ['1h', '1d'],
    [column('property', 'string', 'Proprietà', 'Property'), column('known_share', 'number', 'Quota nota', 'Known share', '1'), column('readings', 'integer', 'Letture', 'Readings', '1')]),
];

/** What an answer is about: the groups of things whose figures make one row each. */
function subjects({ area, level, thing }) {
  const inside = (at) => towns.filter((town) => holds(at, town)).map((town) => town.id);
  if (thing) return things.filter((one) => one.id === thing).map((one) => ({ area: one.id, level: 'thing', name: one.name, things: [one], towns: [] }));
  const scope = area ? inside(area) : towns.map((town) => town.id);
  if (level === 'thing') return things.filter((one) => scope.includes(one.municipality)).map((one) => ({ area: one.id, level: 'thing', name: one.name, things: [one], towns: [] }));
  const asked = level ? areas.filter((one) => one.level === level && (!area || inside(one.id).some((id) => scope.includes(id)))) : areas.filter((one) => one.id === area);
  return asked.map((one) => ({ area: one.id, level: one.level, name: one.name, towns: towns.filter((town) => holds(one.id, town)), things: things.filter((thing) => inside(one.id).includes(thing.municipality)) }));
}

const kindsOf = (list) => [...new Set(list.map((thing) => thing.vehicle_kind))];
const round = (value) => Number(value.toFixed(6));
const OPEN = new Set(parkingThings.map((thing) => thing.id));

function stateOf(list, ms, isNow) {
  let [vehicles, capacity, expected, known] = [0, 0, 0, 0];
  for (const thing of list) {
    const count = vehiclesOf(thing, ms, isNow);
    expected += thing.capacity;
    if (count === null) continue;
    vehicles += count;
    capacity += thing.capacity;
    known += 1;
  }
  return { vehicles, capacity, expected, known, share: expected ? capacity / expected : 0 };
}

function parkingNow(query) {
  const at = nowMs();
  return subjects(query).flatMap((subject) => {
    const parking = subject.things.filter((thing) => OPEN.has(thing.id));
    return kindsOf(parking).map((kind) => {
      const list = parking.filter((thing) => thing.vehicle_kind === kind);
      const is = stateOf(list, at, true);
      const isShown = is.share >= 0.5;
      const newest = is.known ? at - 20_000 - Math.floor(chance(subject.area) * 300) * 1000 : at - 40 * HOUR_MS;
      return {
        area: subject.area, level: subject.level, bucket: 'now', bucket_start: iso(at), name: subject.name, vehicle_kind: kind,
        vehicles: isShown ? is.vehicles : null, capacity: is.expected, free: isShown ? is.capacity - is.vehicles : null,
        occupancy: isShown ? round(is.vehicles / is.capacity) : null, known_share: round(is.share), things: list.length, things_known: is.known,
        oldest_observation: iso(newest - 600_000), newest_observation: iso(newest), age_s: (at - newest) / 1000, over_capacity: is.vehicles > is.capacity,
      };
    });
  });
}

function hours(query, defaultDays = 1) {
  const to = query.to ? Date.parse(query.to) : nowMs();
  const from = query.from ? Date.parse(query.from) : to - defaultDays * 24 * HOUR_MS;
  const first = Math.floor(from / HOUR_MS) * HOUR_MS;
  return Array.from({ length: Math.max(0, Math.ceil((to - first) / HOUR_MS)) }, (_, i) => first + i * HOUR_MS);
}

function parkingOccupancy(query) {
  return subjects(query).flatMap((subject) => {
    const parking = subject.things.filter((thing) => OPEN.has(thing.id));
    return kindsOf(parking).flatMap((kind) => hours(query).map((start) => {
      const is = stateOf(parking.filter((thing) => thing.vehicle_kind === kind), start + HOUR_MS / 2, false);
      const occupancy = is.share >= 0.5 ? round(is.vehicles / is.capacity) : null;
      return {
        area: subject.area, level: subject.level, bucket: '1h', bucket_start: iso(start), bucket_end: iso(start + HOUR_MS), name: subject.name, vehicle_kind: kind,
        occupancy, known_share: round(is.share), saturation: occupancy === null ? null : occupancy > 0.85 ? 1 : occupancy > 0.8 ? 0.25 : 0, things: parking.length,
        readings: is.known * 6, open: start + HOUR_MS > nowMs(), computed_at: iso(nowMs()), revision: 1,
      };
    }));
  });
}

function typicalWeek(query) {
  const monday = Date.parse('2026-05-03T22:00:00Z');
  return subjects(query).flatMap((subject) => {
    const parking = subject.things.filter((thing) => OPEN.has(thing.id));
    return kindsOf(parking).flatMap((kind) => Array.from({ length: 168 }, (_, hour) => {
      const values = Array.from({ length: 8 }, (_, week) => stateOf(parking.filter((thing) => thing.vehicle_kind === kind), monday + (hour - week * 168) * HOUR_MS, false))
        .filter((is) => is.share >= 0.5).map((is) => is.vehicles / is.capacity).sort((a, b) => a - b);
      const quantile = (q) => {
        const place = q * (values.length - 1);
        const [low, high] = [values[Math.floor(place)], values[Math.ceil(place)]];
        return values.length ? round(low + (high - low) * (place % 1)) : null;
      };
      return {
        area: subject.area, level: subject.level, bucket: '1h', bucket_start: iso(nowMs() - 56 * 24 * HOUR_MS), name: subject.name, vehicle_kind: kind, hour_of_week: hour, weekday: Math.floor(hour / 24) + 1, hour: hour % 24,
        q10: quantile(0.1), q25: quantile(0.25), q50: quantile(0.5), q75: quantile(0.75), q90: quantile(0.9), samples: values.length, weeks: 8,
      };
    }));
  });
}

function wifiUsage(query) {
  return subjects(query).flatMap((subject) => hours(query).map((start) => {
    const parts = subject.towns.map((town) => clientsOf(town, start));
    const [mean, points] = [parts.reduce((sum, part) => sum + part.mean, 0), parts.reduce((sum, part) => sum + part.count, 0)];
    const most = Math.round(mean * 1.4);
    const isKnown = points > 0 && chance(`wifi gap ${subject.area} ${Math.floor(start / (4 * HOUR_MS))}`) > 0.04;
    const suppressed = isKnown && most > 0 && most < 5;
    const five = (value) => Math.round(value / 5) * 5;
    return {
      area: subject.area, level: subject.level, bucket: '1h', bucket_start: iso(start), bucket_end: iso(start + HOUR_MS), name: subject.name,
      clients_mean: isKnown && !suppressed ? five(mean) : null, clients_max: isKnown && !suppressed ? five(most) : null, known_share: isKnown ? 0.98 : 0.2,
      access_points: points, suppressed, open: start + HOUR_MS > nowMs(), computed_at: iso(nowMs()), revision: 1,
    };
  }));
}

function completeness(query) {
  const localDay = (ms) => Math.floor((ms + 2 * HOUR_MS) / (24 * HOUR_MS)) * 24 * HOUR_MS - 2 * HOUR_MS;
  const days = [...new Set(hours(query, 30).map(localDay))];
  return subjects(query).flatMap((subject) => {
    const names = [...new Set(subject.things.flatMap((thing) => thing.properties))].filter((name) => ['vehicles', 'free', 'occupied', 'clients', 'capacity'].includes(name));
    return names.flatMap((property) => days.map((start) => {
      const list = subject.things.filter((thing) => thing.properties.includes(property));
      const isReporting = (thing) => !thing.vehicle_kind ? chance(`${thing.id} ${start}`) > 0.05 : vehiclesOf(thing, start + 20 * HOUR_MS) !== null;
      const reporting = list.filter(isReporting).length;
      return {
        area: subject.area, level: subject.level, bucket: '1d', bucket_start: iso(start), bucket_end: iso(start + 24 * HOUR_MS), name: subject.name, property,
        known_share: round((reporting / list.length) * 0.985), things: list.length, things_reporting: reporting, readings: reporting * 140, open: start + 24 * HOUR_MS > nowMs(),
      };
    }));
  });
}

const ROWS = { parking_now: parkingNow, parking_occupancy: parkingOccupancy, parking_typical_week: typicalWeek, wifi_usage: wifiUsage, completeness };

/** The rows of a product; null when there is no such product. */
export const rowsOf = (id, query) => ROWS[id]?.(query) ?? null;
export const zone = ZONE;
