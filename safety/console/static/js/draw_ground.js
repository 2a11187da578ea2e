// What lies under the people on the map: a quiet graticule where there are no tiles, the areas of visits.

const LINE_GAP_PX = 120;
const STEPS = [1, 2, 5];

/** Lines of latitude and longitude, labelled at the left and lower edge. */
export function drawGraticule(ctx, frame, style) {
  const { map, bounds, width, height, pad } = frame;
  const size = map.getSize();
  const degreesPerPx = (bounds.getEast() - bounds.getWest()) / width;
  const step = niceStep(degreesPerPx * LINE_GAP_PX);
  const digits = Math.max(0, Math.ceil(-Math.log10(step)));
  ctx.strokeStyle = style.grid;
  ctx.fillStyle = style.gridText;
  ctx.lineWidth = 1;
  ctx.font = style.smallFont;
  ctx.textBaseline = "bottom";
  ctx.beginPath();
  const labels = [];
  for (let lon = Math.ceil(bounds.getWest() / step) * step; lon < bounds.getEast(); lon += step) {
    const x = Math.round(frame.xy(bounds.getSouth(), lon)[0]) + 0.5;
    ctx.moveTo(x, 0);
    ctx.lineTo(x, height);
    labels.push([`${lon.toFixed(digits)}°`, x + 4, pad.y + size.y - 4]);
  }
  for (let lat = Math.ceil(bounds.getSouth() / step) * step; lat < bounds.getNorth(); lat += step) {
    const y = Math.round(frame.xy(lat, bounds.getWest())[1]) + 0.5;
    ctx.moveTo(0, y);
    ctx.lineTo(width, y);
    labels.push([`${lat.toFixed(digits)}°`, pad.x + 6, y - 3]);
  }
  ctx.stroke();
  for (const label of labels) ctx.fillText(...label);
}

function niceStep(atLeast) {
  const power = 10 ** Math.floor(Math.log10(atLeast));
  for (const factor of STEPS) {
    if (factor * power >= atLeast) return factor * power;
  }
  return 10 * power;
}

/** Add a circle of `radiusM` metres to the path. */
export function traceCircle(ctx, frame, lat, lon, radiusM) {
  const [x, y] = frame.xy(lat, lon);
  const r = radiusM * frame.pixelsPerMetre(lat);
  ctx.moveTo(x + r, y);
  ctx.arc(x, y, r, 0, 2 * Math.PI);
}

/** Areas of the visits that run now, and of the chosen alert's visit, stronger. */
export function drawVisits(ctx, frame, visits, chosenId, style) {
  ctx.lineWidth = 1;
  ctx.strokeStyle = style.visit;
  ctx.fillStyle = style.visitFill;
  ctx.beginPath();
  for (const visit of visits) {
    if (visit.id !== chosenId && frame.bounds.contains([visit.lat, visit.lon])) {
      traceCircle(ctx, frame, visit.lat, visit.lon, visit.radius_m);
    }
  }
  ctx.fill();
  ctx.stroke();
  const chosen = visits.find((visit) => visit.id === chosenId);
  if (!chosen) return;
  ctx.lineWidth = 2;
  ctx.strokeStyle = style.visitChosen;
  ctx.beginPath();
  traceCircle(ctx, frame, chosen.lat, chosen.lon, chosen.radius_m);
  ctx.stroke();
  const [x, y] = frame.xy(chosen.lat, chosen.lon);
  ctx.fillStyle = style.visitChosen;
  ctx.fillRect(x - 3, y - 3, 6, 6);
}
