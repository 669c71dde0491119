// What the interface itself says, asked apart from the page, and how the pages are expected to write it.

export class Source {
  constructor(base) {
    this.base = base;
  }

  async get(path) {
    const response = await fetch(new URL(path, this.base));
    if (!response.ok) throw new Error(`${path} answered ${response.status}`);
    return response.json();
  }

  async all(path) {
    const items = [];
    let answer = await this.get(path);
    items.push(...answer.items);
    while (answer.next) {
      const next = new URL(answer.next);
      answer = await this.get(`${next.pathname}${next.search}`);
      items.push(...answer.items);
    }
    return items;
  }

  /** What the checks look at: the widest area, its fullest municipality, a lot, an access point. */
  async subjects() {
    const areas = await this.all('/api/v1/areas');
    // The widest administrative area; a group is nowhere to start from.
    const levels = ['region', 'province', 'union', 'municipality'];
    const root = levels.map((level) => areas.find((area) => area.level === level)).find(Boolean);
    const rows = await this.all(`/api/v1/products/parking_now?area=${root.id}&level=municipality`);
    const kind = kindOf(await this.all(`/api/v1/products/parking_now?area=${root.id}`));
    const town = rows.filter((row) => row.vehicle_kind === kind && row.area !== 'outside').sort((a, b) => (b.capacity ?? 0) - (a.capacity ?? 0))[0];
    const inTown = async (of) => (await this.all(`/api/v1/things?area=${town.area}&kind=${of}`)).filter((thing) => thing.open);
    const lots = (await inTown('parking_lot')).filter((lot) => lot.vehicle_kind === kind && lot.properties.includes('vehicles'));
    const asked = process.env.ARNO_E2E_THING;
    const lot = asked ? await this.get(`/api/v1/things/${asked}`) : lots[0];
    const { clock } = await this.get('/api/v1/areas?limit=1');
    return { areas, root, kind, town: areas.find((area) => area.id === town.area), lot, accessPoint: (await inTown('access_point'))[0], clock };
  }
}

/** The vehicle kind that a page shows first: the one with the most spaces. */
export function kindOf(rows) {
  const most = [...rows].sort((a, b) => (b.capacity ?? 0) - (a.capacity ?? 0) || a.vehicle_kind.localeCompare(b.vehicle_kind));
  return most[0]?.vehicle_kind ?? 'car';
}

const locale = (lang) => (lang === 'it' ? 'it-IT' : 'en-GB');

export const number = (value, lang) => (value === null || value === undefined ? '–' : new Intl.NumberFormat(locale(lang), { useGrouping: 'always' }).format(value));

export function percent(value, lang, digits = 0) {
  if (value === null || value === undefined) return null;
  const step = 10 ** -(digits + 2);
  const shown = value > 0 && value < step / 2 ? step : value < 1 && value > 1 - step / 2 ? 1 - step : value;
  return new Intl.NumberFormat(locale(lang), { style: 'percent', maximumFractionDigits: digits }).format(shown);
}

export const UNKNOWN = { it: 'sconosciuto', en: 'unknown' };
