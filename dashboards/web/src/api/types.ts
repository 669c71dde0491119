/**
 * The answers of the HTTP interface, as far as the pages read them.
 *
 * Figures that are not known are null, never 0: `number | null` is kept up to where a figure is written.
 */

export type Clock = 'live' | 'recorded';
export type Level = 'thing' | 'zone' | 'municipality' | 'union' | 'province' | 'region' | 'group';
export type Bilingual = { it: string; en: string };

/** A list as every collection answers it. */
export interface Listing<T> {
  items: T[];
  next?: string;
  now?: string;
  clock?: Clock;
}

export interface Area {
  id: string;
  name: string;
  level: Level;
  parents?: string[];
  children?: string[];
  zone?: string;
  publisher?: string | null;
  population?: number | null;
  bbox?: [number, number, number, number];
}

export type ThingKind = 'parking_lot' | 'parking_bay' | 'access_point' | 'sensor';

export interface Thing {
  id: string;
  publisher: string;
  local_id: string;
  name: string;
  kind: ThingKind;
  vehicle_kind?: string | null;
  capacity?: number | null;
  part_of?: string | null;
  location?: { type: 'Point'; coordinates: [number, number] } | null;
  municipality?: string | null;
  municipality_by?: 'declared' | 'polygon' | 'nearest' | 'publisher' | null;
  zone_area?: string | null;
  reserved?: boolean;
  open?: boolean;
  valid_from?: string | null;
  properties?: string[];
}

export interface Property {
  id: string;
  name: Bilingual;
  unit: string;
  signal: string;
  max_hold_s?: number | null;
  counts_people?: boolean;
}

export interface Publisher {
  id: string;
  name: string;
  kind: string;
}

export interface Column {
  name: string;
  type: string;
  unit?: string | null;
  title: Bilingual;
}

export interface Product {
  id: string;
  title: Bilingual;
  description: Bilingual;
  levels: string[];
  buckets: string[];
  columns: Column[];
  parameters?: unknown[];
  licence?: string | null;
  themes?: string[];
}

/** What every row of a product carries. */
export interface Row {
  area: string;
  level: string;
  bucket: string;
  bucket_start: string;
  bucket_end?: string;
  name?: string | null;
  open?: boolean;
}

export interface ProductRows<R extends Row> {
  product: string;
  bucket: string;
  level: string;
  zone?: string;
  now?: string;
  clock?: Clock;
  items: R[];
  next?: string;
}

export interface ParkingNow extends Row {
  vehicle_kind: string;
  vehicles: number | null;
  capacity: number | null;
  free: number | null;
  occupancy: number | null;
  known_share: number | null;
  things: number | null;
  things_known: number | null;
  oldest_observation?: string | null;
  newest_observation: string | null;
  age_s: number | null;
  over_capacity?: boolean | null;
}

export interface ParkingOccupancy extends Row {
  vehicle_kind: string;
  occupancy: number | null;
  known_share: number | null;
  saturation: number | null;
  things: number | null;
  readings: number | null;
  over_capacity?: boolean | null;
}

export interface TypicalHour extends Row {
  vehicle_kind: string;
  hour_of_week: number;
  weekday: number;
  hour: number;
  q10: number | null;
  q25: number | null;
  q50: number | null;
  q75: number | null;
  q90: number | null;
  samples: number | null;
  weeks: number | null;
}

export interface WifiUsage extends Row {
  clients_mean: number | null;
  clients_max: number | null;
  known_share: number | null;
  access_points: number | null;
  suppressed: boolean | null;
}

export interface Completeness extends Row {
  property: string;
  known_share: number | null;
  things: number | null;
  things_reporting: number | null;
  readings: number | null;
}

/** One message of the live feed. */
export interface LiveMessage {
  product: string;
  area: string;
  level: string;
  row: Row;
}
