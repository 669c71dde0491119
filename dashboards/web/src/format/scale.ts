/**
 * Colours of occupancy: one sequential scale in classes, light to dark, that readers with any colour
 * vision can order (ColorBrewer YlGnBu, marked colour-blind safe there). Unknown is no class of it: it is
 * hatched grey, and having no sensor is plain pale grey.
 */

export interface Band {
  /** Lowest occupancy of the class, included. */
  from: number;
  /** Highest, excluded; the last class has none. */
  to: number | null;
  fill: string;
  /** Text on that fill with a contrast of at least 4.5. */
  ink: string;
}

/** 0.85 opens the last class but one because saturation is counted from there; above 1 is over capacity. */
export const BANDS: readonly Band[] = [
  { from: 0, to: 0.2, fill: '#ffffd9', ink: '#17324d' },
  { from: 0.2, to: 0.4, fill: '#d6efb3', ink: '#17324d' },
  { from: 0.4, to: 0.6, fill: '#92d3be', ink: '#17324d' },
  { from: 0.6, to: 0.75, fill: '#48b1c4', ink: '#0b1f33' },
  { from: 0.75, to: 0.85, fill: '#2370a8', ink: '#ffffff' },
  { from: 0.85, to: null, fill: '#1c2f6e', ink: '#ffffff' },
];

export const UNKNOWN_FILL = '#dfe3e8';
export const UNKNOWN_LINE = '#8d99a6';
export const NO_SENSOR_FILL = '#f1f3f5';
/** Where saturation begins. */
export const SATURATION_FROM = 0.85;

/** The class of an occupancy; null for unknown. */
export function bandOf(occupancy: number | null | undefined): Band | null {
  if (occupancy === null || occupancy === undefined || Number.isNaN(occupancy)) return null;
  let found = BANDS[0] ?? null;
  for (const band of BANDS) if (occupancy >= band.from) found = band;
  return found;
}
