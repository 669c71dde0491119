/**
 * A chart over time: lines with gaps, hatched stretches for what is not known, times in the area's zone.
 * The canvas is a picture to assistive technology, described by `summary`; the panel's table carries
 * every figure.
 */
import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { moment } from '../format/time';
import type { Span } from './series';
import { hatch } from './hatch';

export interface Line {
  label: string;
  values: (number | null)[];
  colour: string;
  widthPx?: number;
  fill?: string;
  dash?: number[];
  /** Drawn as steps: each value holds for its whole bucket. */
  isStepped?: boolean;
}

export interface Marked {
  label: string;
  spans: Span[];
  kind: 'unknown' | 'suppressed';
}

interface TimelineProps {
  times: number[];
  stepS: number;
  lines: Line[];
  marked: Marked[];
  zone: string;
  lang: string;
  top: number;
  threshold?: number;
  format: (value: number | null) => string;
  summary: string;
}

/** Room for the axes and two months of hours on a laptop's half screen. */
const HEIGHT_PX = 230;
const FONT = '12px "Titillium Web", sans-serif';
const GRID = '#e6e9ee';

export function Timeline(props: TimelineProps): JSX.Element {
  const host = useRef<HTMLDivElement>(null);
  const [at, setAt] = useState<number | null>(null);
  const { times, lines, marked, format, summary, zone, lang } = props;

  useEffect(() => {
    const element = host.current;
    if (!element) return;
    const plot = new uPlot(options(props, element.clientWidth, setAt), dataOf(props), element);
    const watch = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height: HEIGHT_PX }));
    watch.observe(element);
    return () => {
      watch.disconnect();
      plot.destroy();
    };
  }, [JSON.stringify([times, lines, marked, props.top, zone, lang])]);

  const index = at;
  const time = index === null ? undefined : times[index];
  const mark = time === undefined ? undefined : marked.find((one) => one.spans.some((span) => time >= span.from && time < span.to));
  return (
    <figure class="timeline">
      <div ref={host} class="timeline-canvas" role="img" aria-label={summary} />
      <figcaption class="timeline-legend">
        {lines.map((line) => (
          <span key={line.label} class="legend-entry">
            <svg width="22" height="10" aria-hidden="true"><path d="M1 5h20" stroke={line.colour} stroke-width={line.widthPx ?? 2} stroke-dasharray={line.dash?.join(' ')} fill="none" /></svg>
            {line.label}
            {index !== null && <b>{format(line.values[index] ?? null)}</b>}
          </span>
        ))}
        {marked.filter((one) => one.spans.length > 0).map((one) => (
          <span key={one.label} class={`legend-entry ${mark === one ? 'is-here' : ''}`}><span class={`swatch ${one.kind === 'unknown' ? 'hatched' : 'dotted'}`} aria-hidden="true" />{one.label}</span>
        ))}
        <span class="timeline-moment">{time === undefined ? '' : moment(time * 1000, zone, lang)}</span>
      </figcaption>
    </figure>
  );
}

function dataOf({ times, lines }: TimelineProps): uPlot.AlignedData {
  return [times, ...lines.map((line) => line.values)] as uPlot.AlignedData;
}

function options(props: TimelineProps, width: number, onCursor: (index: number | null) => void): uPlot.Options {
  const { lines, marked, zone, lang, top, threshold, format, times, stepS } = props;
  const first = times[0] ?? 0;
  const last = (times[times.length - 1] ?? 1) + stepS;
  const days = (last - first) / 86_400;
  return {
    width,
    height: HEIGHT_PX,
    padding: [10, 12, 0, 0],
    legend: { show: false },
    cursor: { y: false, drag: { setScale: false }, points: { size: 7 } },
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), zone),
    scales: { x: { time: true, range: [first, last] }, y: { range: [0, top] } },
    axes: [
      {
        font: FONT, stroke: '#455a71', size: 34, grid: { stroke: GRID, width: 1 }, ticks: { stroke: GRID, size: 4 },
        space: days > 2 ? 64 : 48,
        values: (_, splits) => splits.map((at) => axisTime(at, zone, lang, days)),
        splits: (_u, _axis, from, to) => axisSplits(from, to, zone, days, width),
      },
      {
        font: FONT, stroke: '#455a71', size: 46, grid: { stroke: GRID, width: 1 }, ticks: { show: false },
        values: (_, splits) => splits.map((value) => format(value)),
      },
    ],
    series: [
      {},
      ...lines.map((line): uPlot.Series => ({
        label: line.label,
        stroke: line.colour,
        width: line.widthPx ?? 2,
        ...(line.fill ? { fill: line.fill } : {}),
        ...(line.dash ? { dash: line.dash } : {}),
        spanGaps: false,
        points: { show: isLone(line.values), size: 4, fill: line.colour },
        ...(line.isStepped && uPlot.paths.stepped ? { paths: uPlot.paths.stepped({ align: 1 }) } : {}),
      })),
    ],
    hooks: {
      drawClear: [(plot) => drawMarked(plot, marked)],
      drawAxes: [(plot) => drawThreshold(plot, threshold)],
      setCursor: [(plot) => onCursor(plot.cursor.idx ?? null)],
    },
  };
}

/** Points between unknown neighbours have no line: they are drawn as dots, or they would not be seen. */
function isLone(values: (number | null)[]): (plot: uPlot, series: number, from: number, to: number) => boolean | undefined {
  const hasLone = values.some((value, i) => value !== null && values[i - 1] == null && values[i + 1] == null);
  return () => hasLone;
}

/** Local midnights over days, every few local hours within them. */
export function axisSplits(from: number, to: number, zone: string, days: number, width: number): number[] {
  const wantedMax = Math.max(2, Math.floor(width / 70));
  const stepH = days <= 1.5 ? [2, 3, 4, 6, 12].find((h) => (days * 24) / h <= wantedMax) ?? 12 : 24;
  const everyDays = days <= 1.5 ? 1 : Math.max(1, Math.ceil(days / wantedMax));
  const splits: number[] = [];
  let midnights = 0;
  for (let at = Math.ceil(from / 3600) * 3600; at <= to; at += 3600) {
    const local = uPlot.tzDate(new Date(at * 1000), zone);
    if (local.getHours() % stepH !== 0) continue;
    if (stepH === 24 && midnights++ % everyDays !== 0) continue;
    splits.push(at);
  }
  return splits;
}

function axisTime(at: number, zone: string, lang: string, days: number): string {
  if (days > 1.5) return moment(at * 1000, zone, lang, 'day');
  return moment(at * 1000, zone, lang, 'time');
}

function drawMarked(plot: uPlot, marked: Marked[]): void {
  const { ctx, bbox } = plot;
  for (const { spans, kind } of marked) {
    ctx.save();
    ctx.fillStyle = hatch(ctx, kind);
    for (const span of spans) {
      const left = Math.max(bbox.left, plot.valToPos(span.from, 'x', true));
      const right = Math.min(bbox.left + bbox.width, plot.valToPos(span.to, 'x', true));
      if (right > left) ctx.fillRect(left, bbox.top, right - left, bbox.height);
    }
    ctx.restore();
  }
}

function drawThreshold(plot: uPlot, threshold: number | undefined): void {
  if (threshold === undefined) return;
  const { ctx, bbox } = plot;
  const y = Math.round(plot.valToPos(threshold, 'y', true));
  ctx.save();
  ctx.strokeStyle = '#a03b2c';
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash([2 * devicePixelRatio, 3 * devicePixelRatio]);
  ctx.beginPath();
  ctx.moveTo(bbox.left, y);
  ctx.lineTo(bbox.left + bbox.width, y);
  ctx.stroke();
  ctx.restore();
}
