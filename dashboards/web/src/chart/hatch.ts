/** The two patterns that mean "no figure": hatched for unknown, dotted for hidden on purpose. */

const SIZE_PX = 8;

/** The pattern as an image of SIZE_PX × SIZE_PX × ratio pixels. */
export function patternImage(kind: 'unknown' | 'suppressed', ratio: number): ImageData {
  const size = Math.round(SIZE_PX * ratio);
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = size;
  const ctx = canvas.getContext('2d') as CanvasRenderingContext2D;
  ctx.fillStyle = kind === 'unknown' ? '#eceff3' : '#f3ecf7';
  ctx.fillRect(0, 0, size, size);
  if (kind === 'unknown') {
    ctx.strokeStyle = '#b9c2cc';
    ctx.lineWidth = ratio;
    ctx.beginPath();
    for (const shift of [-size, 0, size]) {
      ctx.moveTo(shift, size);
      ctx.lineTo(shift + size, 0);
    }
    ctx.stroke();
  } else {
    ctx.fillStyle = '#9a76b5';
    for (const [x, y] of [[0.25, 0.25], [0.75, 0.75]] as const) {
      ctx.beginPath();
      ctx.arc(x * size, y * size, 0.95 * ratio, 0, 2 * Math.PI);
      ctx.fill();
    }
  }
  return ctx.getImageData(0, 0, size, size);
}

/** The pattern as a fill of a canvas. */
export function hatch(ctx: CanvasRenderingContext2D, kind: 'unknown' | 'suppressed'): CanvasPattern | string {
  const image = patternImage(kind, devicePixelRatio);
  const canvas = document.createElement('canvas');
  canvas.width = image.width;
  canvas.height = image.height;
  canvas.getContext('2d')?.putImageData(image, 0, 0);
  return ctx.createPattern(canvas, 'repeat') ?? '#eceff3';
}
