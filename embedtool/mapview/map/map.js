"use strict";
// The map of a model, drawn by Bokeh.

// Any two differ by 13 or more (CIEDE2000), in dichromats' vision too.
const GROUP_COLOURS = [
  "#4280f7", "#ee9f22", "#c32057", "#315b43", "#8c78a3", "#9c7b1b",
  "#33b9fa", "#872e70", "#b7a88a", "#334bc9", "#4f580d", "#808986",
];
const UNGROUPED = 11; // the colour of words before groups are loaded
const LABEL_AREA = 10000; // square pixels of the map for each label
const MAX_LABEL_LENGTH = 32; // characters
const LABEL_FONT = "bold 12px system-ui, sans-serif";
const LABEL_HEIGHT = 17; // pixels
const POINTER_RADIUS = 9; // pixels within which the pointer hits a point
const LABEL_DELAY = 90; // milliseconds without a move before labels are updated
const MAX_POINTS_IN_MOTION = 3000; // points that a canvas draws while the map moves
const MARGIN = 0.04; // fraction of the map's width beside the outermost points
const PAN_STEP = 0.12; // fraction of the map's width that an arrow key moves it
const ZOOM_FACTOR = 0.75;
const MIN_ANSWER_WIDTH = 0.04; // fraction of the map's width that is shown at least
const ANSWER_MARGIN = 0.15; // fraction of an answer's width beside it
const MAX_ZOOM = 1000; // relative to the whole map
const MIN_ZOOM = 0.5;
const SCALE_TOLERANCE = 1e-4; // scales that differ by less are equal: those in an address are rounded
const RIGHT_TO_LEFT = /\p{Script=Hebrew}|\p{Script=Arabic}|\p{Script=Syriac}|\p{Script=Thaana}|\p{Script=Nko}/u;

/** Return whether WebGL is drawn by hardware; software takes a second for each frame. */
function hasGraphics() {
  const gl = document.createElement("canvas").getContext("webgl2");
  const info = gl?.getExtension("WEBGL_debug_renderer_info");
  const name = gl?.getParameter(info ? info.UNMASKED_RENDERER_WEBGL : gl.RENDERER);
  return Boolean(name) && !/swiftshader|llvmpipe|softpipe|software|basic render/i.test(name);
}

/** Return a word as a label: truncated, and isolated if its script is written from right to left. */
function labelText(word) {
  const characters = [...word];
  const text = characters.length > MAX_LABEL_LENGTH ? `${characters.slice(0, MAX_LABEL_LENGTH).join("")}…` : word;
  return RIGHT_TO_LEFT.test(text) ? `\u2068${text}\u2069` : text;
}

class WordMap {
  /** callbacks: {ask(word), selected(ids), viewChanged()}, on a click, a lasso, a move of the map. */
  constructor(model, element, callbacks) {
    Object.assign(this, { model, element, callbacks, currentAnswer: null, colour: "groups", hoveredId: null });
    this.isFinal = false; // whether the points are those of the requested layout
    this.pendingView = null; // the view of a link, until they are
    this.source = new Bokeh.ColumnDataSource({ data: { x: [], y: [], shade: [], size: [] } });
    this.labelSource = new Bokeh.ColumnDataSource({ data: { x: [], y: [], text: [], style: [] } });
    this.answerSource = new Bokeh.ColumnDataSource({ data: { x: [], y: [] } });
    this.lineSource = new Bokeh.ColumnDataSource({ data: { x0: [], y0: [], x1: [], y1: [] } });
    this.mapper = new Bokeh.LinearColorMapper({ palette: GROUP_COLOURS, low: -0.5, high: 11.5 });
    this.measure = document.createElement("canvas").getContext("2d");
    this.measure.font = LABEL_FONT;
    this.lasso = new Bokeh.LassoSelectTool({ continuous: false });
    this.pan = new Bokeh.PanTool();
    this.plot = this.figure();
  }

  figure() {
    const wheel = new Bokeh.WheelZoomTool({ zoom_on_axis: false });
    const plot = Bokeh.Plotting.figure({
      tools: [this.pan, wheel, this.lasso], toolbar_location: null,
      output_backend: hasGraphics() ? "webgl" : "canvas", // a canvas shows fewer points in motion
      lod_threshold: MAX_POINTS_IN_MOTION, lod_factor: Math.ceil(this.model.nWords / MAX_POINTS_IN_MOTION),
      sizing_mode: "stretch_both", min_border: 0, outline_line_color: null,
      x_axis_location: null, y_axis_location: null,
      x_range: new Bokeh.Range1d({ start: -1, end: 1 }),
      y_range: new Bokeh.Range1d({ start: -1, end: 1 }),
    });
    plot.toolbar.active_drag = this.pan;
    plot.toolbar.active_scroll = wheel;
    plot.xgrid.visible = false;
    plot.ygrid.visible = false;
    this.pointRenderer = plot.scatter({ field: "x" }, { field: "y" }, {
      source: this.source, size: { field: "size" }, line_color: null, fill_alpha: 0.75,
      fill_color: { field: "shade", transform: this.mapper },
      nonselection_fill_alpha: 0.08, selection_fill_alpha: 0.9,
    });
    const lines = plot.segment(
      { field: "x0" }, { field: "y0" }, { field: "x1" }, { field: "y1" },
      { source: this.lineSource, line_alpha: 0.6, line_width: 1.2 },
    );
    const rings = plot.scatter({ field: "x" }, { field: "y" }, {
      source: this.answerSource, size: 11, fill_alpha: 0, line_width: 2,
    });
    const text = plot.text({ field: "x" }, { field: "y" }, { field: "text" }, {
      source: this.labelSource, text_font_size: "12px", text_font: "system-ui, sans-serif",
      text_font_style: { field: "style" }, x_offset: 5, y_offset: -4, background_fill_alpha: 0.65,
    });
    Object.assign(this, { lineRenderer: lines, ringRenderer: rings, labelRenderer: text });
    for (const renderer of [lines, rings, text]) renderer.level = "overlay";
    this.lasso.renderers = [this.pointRenderer];
    return plot;
  }

  /** Draw the empty map and attach event handlers. `setPoints` adds the points. */
  async show() {
    this.applyTheme();
    this.plot.on_event("tap", ({ x, y, modifiers }) => {
      const id = this.wordAt(x, y);
      if (id !== null && !modifiers?.shift) this.callbacks.ask(this.model.words[id]);
    });
    this.plot.on_event("mousemove", ({ x, y }) => this.hover(this.wordAt(x, y)));
    this.plot.on_event("mouseleave", () => this.hover(null));
    this.plot.on_event("rangesupdate", () => {
      this.requestedView = this.view;
      this.viewChanged();
    });
    this.plot.on_event("selectiongeometry", ({ final }) => {
      if (final) this.callbacks.selected(this.source.selected.indices);
    });
    await Bokeh.Plotting.show(this.plot, this.element.querySelector(".canvas"));
    new ResizeObserver(() => {
      if (this.x) this.view = this.requestedView;
    }).observe(this.element);
  }

  /** Show the word under the pointer, or none (null). */
  hover(id) {
    this.hoveredId = id;
    if (id !== null) {
      const { words, counts } = this.model;
      const count = counts ? ` · ${counts[id].toLocaleString("en")}` : "";
      this.element.querySelector(".name").replaceChildren(bdi(words[id]), count);
    }
    this.placeTooltip();
  }

  /** Place the hovered word beside its point; hide it if the point is out of view. */
  placeTooltip() {
    const name = this.element.querySelector(".name");
    const [left, top] = this.hoveredId === null ? [-1, -1] : this.pixelOf(this.hoveredId);
    const { width, height } = this.size;
    name.hidden = !(left >= 0 && left <= width && top >= 0 && top <= height);
    const [right, below] = [left < width / 2, top < height / 2];
    name.style.left = `${left + (right ? POINTER_RADIUS : -POINTER_RADIUS)}px`;
    name.style.top = `${top + (below ? POINTER_RADIUS : -POINTER_RADIUS)}px`;
    name.style.transform = `translate(${right ? 0 : -100}%, ${below ? 0 : -100}%)`;
  }

  /** Return the position of a word's point in pixels of the map. */
  pixelOf(id) {
    const { x, y } = this.view;
    const { width, height } = this.size;
    return [((this.x[id] - x[0]) / (x[1] - x[0])) * width, ((y[1] - this.y[id]) / (y[1] - y[0])) * height];
  }

  /** Set or replace the points of the words. */
  setPoints(points, isFinal) {
    const { nWords } = this.model;
    this.x = new Float32Array(nWords);
    this.y = new Float32Array(nWords);
    for (let id = 0; id < nWords; id++) [this.x[id], this.y[id]] = [points[2 * id], points[2 * id + 1]];
    const size = new Float32Array(nWords);
    for (let id = 0; id < nWords; id++) size[id] = 3 + 6 / (1 + Math.log10(1 + id));
    this.source.data = { x: this.x, y: this.y, shade: this.colourValues(), size };
    this.bounds = this.extent();
    this.isFinal = isFinal;
    this.hover(null);
    this.showAll();
    const linked = isFinal && this.pendingView;
    if (this.currentAnswer) this.showAnswer(this.currentAnswer.own, this.currentAnswer.answers, !linked);
    if (linked) [this.view, this.pendingView] = [this.pendingView, null];
  }

  setGroups(groups) {
    this.groups = groups;
    this.setColouring(this.colour);
  }

  /** Colour the points by `groups` or by `frequency`. */
  setColouring(colour) {
    this.colour = colour;
    const byGroup = colour === "groups";
    this.mapper.palette = byGroup ? GROUP_COLOURS : this.frequencyPalette();
    this.mapper.low = byGroup ? -0.5 : 0;
    this.mapper.high = byGroup ? GROUP_COLOURS.length - 0.5 : 1;
    if (this.x) this.source.data = { ...this.source.data, shade: this.colourValues() };
  }

  frequencyPalette() {
    const dark = document.documentElement.classList.contains("dark");
    const all = Bokeh.Palettes.viridis(256); // dark to light, without what the background hides
    return dark ? all.slice(50) : all.slice(0, 215).reverse();
  }

  /** Return the colour values: groups, or frequency ranks on a logarithmic scale. */
  colourValues() {
    const { nWords } = this.model;
    if (this.colour === "groups") {
      return this.groups ? Float32Array.from(this.groups) : new Float32Array(nWords).fill(UNGROUPED);
    }
    const scale = Math.log(nWords + 1);
    return Float32Array.from({ length: nWords }, (_, id) => 1 - Math.log(id + 1) / scale);
  }

  /** Take the colours of the page's theme, light or dark. */
  applyTheme() {
    const style = getComputedStyle(document.documentElement);
    const [back, text, strong] = ["--back", "--text", "--focus"].map((name) =>
      style.getPropertyValue(name).trim());
    this.plot.background_fill_color = back;
    this.plot.border_fill_color = back;
    this.labelRenderer.glyph.text_color = text;
    this.labelRenderer.glyph.background_fill_color = back;
    this.ringRenderer.glyph.line_color = strong;
    this.lineRenderer.glyph.line_color = strong;
    if (this.colour === "frequency") this.setColouring(this.colour);
  }

  get view() {
    const { x_range: x, y_range: y } = this.plot;
    return { x: [x.start, x.end], y: [y.start, y.end] };
  }

  /** Show at least this view, within the limits of zoom and position. */
  set view(requested) {
    this.requestedView = requested;
    const { x, y } = this.fitView(requested);
    this.plot.x_range.setv({ start: x[0], end: x[1] });
    this.plot.y_range.setv({ start: y[0], end: y[1] });
    this.viewChanged();
  }

  /** Return the smallest view of the map's shape that contains another. */
  fitView({ x, y }) {
    const { width, height } = this.size;
    if (!width || !height) return { x, y };
    const scaleOf = (across, along) => [(across[1] - across[0]) / width, (along[1] - along[0]) / height];
    const { bounds } = this;
    const whole = Math.max(...scaleOf(bounds.x, bounds.y));
    const limits = [whole / MAX_ZOOM, whole / MIN_ZOOM];
    [[this.plot.x_range, width], [this.plot.y_range, height]].forEach(([range, side]) =>
      range.setv({ min_interval: limits[0] * side, max_interval: limits[1] * side }));
    const scales = scaleOf(x, y);
    const scale = Math.min(Math.max(...scales, limits[0]), limits[1]);
    const around = ([begin, end], [least, most], pixels, own) => {
      const middle = (begin + end) / 2;
      const within = Math.min(Math.max(middle, least), most);
      if (middle === within && Math.abs(own - scale) <= SCALE_TOLERANCE * scale) return [begin, end];
      return [within - (scale * pixels) / 2, within + (scale * pixels) / 2];
    };
    return { x: around(x, bounds.x, width, scales[0]), y: around(y, bounds.y, height, scales[1]) };
  }

  /** Return the range of the coordinates, with a margin. */
  extent() {
    const ends = (values) => {
      let [least, most] = [Infinity, -Infinity];
      for (const value of values) {
        if (value < least) least = value;
        if (value > most) most = value;
      }
      const margin = MARGIN * (most - least) || 1;
      return [least - margin, most + margin];
    };
    return { x: ends(this.x), y: ends(this.y) };
  }

  showAll() {
    this.view = this.bounds;
  }

  /** Move by fractions of width and height, and zoom. */
  panAndZoom(right, up, factor = 1) {
    const move = ([begin, end], share) => {
      const [middle, half] = [(begin + end) / 2 + share * (end - begin), ((end - begin) / 2) * factor];
      return [middle - half, middle + half];
    };
    const { x, y } = this.view;
    this.view = { x: move(x, right), y: move(y, up) };
  }

  /** Return the id of the word nearest to a position within POINTER_RADIUS, or null. */
  wordAt(x, y) {
    if (!this.x) return null;
    const { x: wide, y: high } = this.view;
    const { width, height } = this.size;
    const [across, along] = [width / (wide[1] - wide[0]), height / (high[1] - high[0])];
    let [found, least] = [null, POINTER_RADIUS * POINTER_RADIUS];
    for (let id = 0; id < this.model.nWords; id++) {
      const [right, up] = [(this.x[id] - x) * across, (this.y[id] - y) * along];
      const distance = right * right + up * up;
      if (distance < least) [found, least] = [id, distance];
    }
    return found;
  }

  get size() {
    const { width, height } = this.element.querySelector(".bk-Figure").getBoundingClientRect();
    return { width, height };
  }

  viewChanged() {
    clearTimeout(this.timer);
    if (this.x) this.placeTooltip();
    this.timer = setTimeout(() => {
      this.clampView();
      this.updateLabels();
      this.callbacks.viewChanged();
    }, LABEL_DELAY);
  }

  /** Move a view that was dragged off the map back to its edge. */
  clampView() {
    if (!this.x) return;
    const [now, within] = [this.view, this.fitView(this.view)];
    if (now.x[0] !== within.x[0] || now.y[0] !== within.y[0]) this.view = within;
  }

  /** Show an answer (null: none): rings around its words, lines from the query word. */
  showAnswer(own, answers, move) {
    this.currentAnswer = own ? { own, answers } : null;
    if (!this.x) return;
    const ids = this.currentAnswer ? [...own, ...answers] : [];
    const at = (array, of) => Array.from(of, (id) => array[id]);
    this.answerSource.data = { x: at(this.x, ids), y: at(this.y, ids) };
    const from = ids.length && own.length === 1 ? answers.map(() => own[0]) : [];
    const to = from.length ? answers : [];
    this.lineSource.data = {
      x0: at(this.x, from), y0: at(this.y, from), x1: at(this.x, to), y1: at(this.y, to),
    };
    if (ids.length && move) this.zoomTo(ids);
    this.updateLabels();
  }

  /** Bring words into view. */
  zoomTo(ids) {
    const { bounds } = this;
    const around = (array, [least, most]) => {
      const values = Array.from(ids, (id) => array[id]);
      const [begin, end] = [Math.min(...values), Math.max(...values)];
      const half = Math.max((0.5 + ANSWER_MARGIN) * (end - begin), (MIN_ANSWER_WIDTH / 2) * (most - least));
      return [(begin + end) / 2 - half, (begin + end) / 2 + half];
    };
    this.pendingView = null;
    this.view = { x: around(this.x, bounds.x), y: around(this.y, bounds.y) };
  }

  select(ids) {
    this.source.selected.indices = ids;
  }

  /** Label the words in view where there is room: the answer's, then the most frequent. */
  updateLabels() {
    if (!this.x) return;
    const { x: wide, y: high } = this.view;
    const { width, height } = this.size;
    const most = Math.max(1, (width * height) / LABEL_AREA);
    const taken = [];
    const data = { x: [], y: [], text: [], style: [] };
    const put = (id, style) => {
      const [x, y] = [this.x[id], this.y[id]];
      if (x < wide[0] || x > wide[1] || y < high[0] || y > high[1]) return;
      const [across, down] = this.pixelOf(id);
      const [left, top] = [across + 5, down - 4 - LABEL_HEIGHT];
      const text = labelText(this.model.words[id]);
      const right = left + this.measure.measureText(text).width;
      const bottom = top + LABEL_HEIGHT;
      const isWhole = left >= 0 && top >= 0 && right <= width && bottom <= height;
      if (!isWhole && style === "normal") return;
      const free = (box) =>
        box.right < left || box.left > right || box.bottom < top || box.top > bottom;
      if (!taken.every(free)) return;
      taken.push({ left, top, right, bottom });
      data.x.push(x);
      data.y.push(y);
      data.text.push(text);
      data.style.push(style);
    };
    for (const id of this.currentAnswer?.own ?? []) put(id, "bold");
    for (const id of this.currentAnswer?.answers ?? []) put(id, "bold");
    const chosen = this.source.selected.indices;
    const count = chosen.length || this.model.nWords;
    for (let i = 0; i < count && taken.length < most; i++) {
      put(chosen.length ? chosen[i] : i, "normal");
    }
    this.labelSource.data = data;
  }
}
