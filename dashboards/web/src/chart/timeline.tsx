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
import { loneOf, type Span } from './series';
import { hatch } from './hatch';
import { axisSplits, axisTime, roomRight } from './ticks';

export interface Line {
  label: string;
  values: (number | null)[];
  colour: string;
  widthPx?: number;
  fill?: string;
  dash?: number[];
  /** Drawn as bars, each as wide as its bucket. */
  isBar?: boolean;
}

export interface Marked {
  label: string;
  spans: Span[];
  kind: 'unknown' | 'suppressed';
}

interface TimelineProps {
  /** Starts of the buckets, seconds since 1970. A figure of a bucket is drawn at the bucket's middle. */
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
/** The axis of values, to the left. */
const AXIS_PX = 46;
const ROOM_RIGHT_PX_MIN = 12;

let pen: CanvasRenderingContext2D | null = null;

/** How wide an axis writes a text. */
function textWidth(text: string): number {
  pen ??= document.createElement('canvas').getContext('2d');
  if (!pen) return 0;
  pen.font = FONT;
  return pen.measureText(text).width;
}

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
            <Sample line={line} />
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

function Sample({ line }: { line: Line }): JSX.Element {
  return (
    <svg width="22" height="12" aria-hidden="true">
      {line.isBar ? <rect x="3" y="1" width="16" height="11" fill={line.fill ?? line.colour} />
        : <path d="M1 6h20" stroke={line.colour} stroke-width={line.widthPx ?? 2} stroke-dasharray={line.dash?.join(' ')} fill="none" />}
    </svg>
  );
}

function dataOf({ times, stepS, lines }: TimelineProps): uPlot.AlignedData {
  return [times.map((at) => at + stepS / 2), ...lines.map((line) => line.values)] as uPlot.AlignedData;
}

function options(props: TimelineProps, width: number, onCursor: (index: number | null) => void): uPlot.Options {
  const { lines, marked, zone, lang, top, threshold, format, times, stepS } = props;
  const first = times[0] ?? 0;
  const last = (times[times.length - 1] ?? 1) + stepS;
  const days = (last - first) / 86_400;
  const tickText = (at: number): string => axisTime(at, zone, lang, days);
  const roomForLast = (plot: uPlot): number =>
    roomRight(axisSplits(first, last, zone, days, plot.width), first, last, plot.width - AXIS_PX, (at) => textWidth(tickText(at)), ROOM_RIGHT_PX_MIN);
  return {
    width,
    height: HEIGHT_PX,
    padding: [10, roomForLast, 0, 0],
    legend: { show: false },
    cursor: { y: false, drag: { setScale: false }, points: { size: 7 } },
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), zone),
    scales: { x: { time: true, range: [first, last] }, y: { range: [0, top] } },
    axes: [
      {
        font: FONT, stroke: '#455a71', size: 34, grid: { stroke: GRID, width: 1 }, ticks: { stroke: GRID, size: 4 },
        space: days > 2 ? 64 : 48,
        values: (_, splits) => splits.map(tickText),
        splits: (plot, _axis, from, to) => axisSplits(from, to, zone, days, plot.width),
      },
      {
        font: FONT, stroke: '#455a71', size: AXIS_PX, grid: { stroke: GRID, width: 1 }, ticks: { show: false },
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
        points: { show: true, size: 4, fill: line.colour, filter: () => (line.isBar ? [] : loneOf(line.values)) },
        ...(line.isBar && uPlot.paths.bars ? { paths: uPlot.paths.bars({ size: [1, Infinity], gap: 0 }) } : {}),
      })),
    ],
    hooks: {
      drawClear: [(plot) => drawMarked(plot, marked)],
      drawAxes: [(plot) => drawThreshold(plot, threshold)],
      setCursor: [(plot) => onCursor(plot.cursor.idx ?? null)],
    },
  };
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
