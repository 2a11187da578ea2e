// One canvas in a Leaflet pane: kept in place while the map moves, redrawn at most once per animation frame.

import * as L from "/static/leaflet/leaflet-src.esm.js";

const PADDING = 0.25; // of the map's size on each side, so that a pan shows what is already drawn

/**
 * A layer whose content is drawn by `draw(ctx, frame)`.
 *
 * `frame`: {map, width, height (CSS px), zoom, bounds (padded), xy(lat, lon) -> [x, y] in canvas px,
 * pixelsPerMetre(lat)}.
 */
export const CanvasLayer = L.Layer.extend({
  initialize(draw, options) {
    this._draw = draw;
    L.setOptions(this, options);
  },

  onAdd(map) {
    this._canvas = L.DomUtil.create("canvas", "people-canvas leaflet-zoom-animated", this.getPane());
    this._canvas.setAttribute("aria-hidden", "true");
    this._place(map);
  },

  onRemove() {
    cancelAnimationFrame(this._request);
    this._canvas.remove();
  },

  getEvents() {
    return {
      viewreset: this._reset,
      moveend: this._reset,
      resize: this._reset,
      zoom: this._follow,
      zoomanim: this._animate,
    };
  },

  /** Ask for a redraw on the next frame. */
  redraw() {
    this._request ??= requestAnimationFrame(() => {
      this._request = null;
      if (this._map && !this._map._animatingZoom) this._paint();
    });
  },

  _reset() {
    this._place(this._map);
  },

  _place(map) {
    const size = map.getSize();
    const pad = size.multiplyBy(PADDING).round();
    this._origin = map.containerPointToLayerPoint(pad.multiplyBy(-1)).round();
    this._size = size.add(pad.multiplyBy(2));
    this._pad = pad;
    this._center = map.getCenter();
    this._zoom = map.getZoom();
    const ratio = window.devicePixelRatio || 1;
    const [width, height] = [Math.round(this._size.x * ratio), Math.round(this._size.y * ratio)];
    if (this._canvas.width !== width || this._canvas.height !== height) {
      Object.assign(this._canvas, { width, height });
      this._canvas.style.width = `${this._size.x}px`;
      this._canvas.style.height = `${this._size.y}px`;
    }
    this._ratio = ratio;
    L.DomUtil.setTransform(this._canvas, this._origin, 1);
    this._paint();
  },

  // While the zoom changes the old picture is scaled; it is drawn afresh when the map rests.
  _follow() {
    this._transform(this._map.getCenter(), this._map.getZoom());
  },

  _animate(event) {
    this._transform(event.center, event.zoom);
  },

  _transform(center, zoom) {
    const map = this._map;
    const half = map.getSize().divideBy(2);
    const scale = map.getZoomScale(zoom, this._zoom);
    const panePosition = L.DomUtil.getPosition(map.getPane("mapPane"));
    const newOrigin = map.project(center, zoom).subtract(half).add(panePosition).round();
    const offset = half
      .add(this._pad)
      .multiplyBy(-scale)
      .add(map.project(this._center, zoom))
      .subtract(newOrigin);
    L.DomUtil.setTransform(this._canvas, offset, scale);
  },

  _paint() {
    const ctx = this._canvas.getContext("2d");
    const map = this._map;
    const origin = this._origin;
    ctx.setTransform(this._ratio, 0, 0, this._ratio, 0, 0);
    ctx.clearRect(0, 0, this._size.x, this._size.y);
    this._draw(ctx, {
      map,
      pad: this._pad,
      width: this._size.x,
      height: this._size.y,
      zoom: this._zoom,
      bounds: map.getBounds().pad(PADDING),
      xy(lat, lon) {
        const point = map.latLngToLayerPoint([lat, lon]);
        return [point.x - origin.x, point.y - origin.y];
      },
      pixelsPerMetre(lat) {
        const there = map.latLngToLayerPoint([lat + 0.001, 0]);
        const here = map.latLngToLayerPoint([lat, 0]);
        return (here.y - there.y) / 111.195; // a thousandth of a degree of latitude, in metres
      },
    });
  },
});
