"use strict";
// The points of a model, drawn by Bokeh.
// In: a Model, its points and groups. Out: WordMap, which shows words and says which are chosen.

const GROUP_COLOURS = [
  "#4e79a7", "#f28e2b", "#59a14f", "#e15759", "#b07aa1", "#2aa5a0",
  "#d4a900", "#e377a2", "#9c755f", "#7aa52c", "#3a9fd6", "#848a96",
];
const MOST_LABELS = 70;
const LABEL_FONT = "bold 12px system-ui, sans-serif";
const LABEL_HEIGHT = 17; // pixels
const REACH = 9; // pixels from a point at which the pointer has it
const SETTLED = 90; // milliseconds without a move before labels are set anew
const MOST_IN_MOTION = 3000; // points that a canvas draws while the map moves
const MARGIN = 0.04; // of the map's width, left free beside the outermost points
const STEP = 0.12; // of the map's width, that an arrow key moves it
const ZOOM = 0.75;
const MOST_IN_VIEW = 0.7; // of an answer's words
const NEAREST = 0.04; // of the map's width, to each side of a found word
const WIDEST = 0.12;

/** Whether the machine draws WebGL by itself, not by a program, which takes a second a picture. */
function hasGraphics() {
  const gl = document.createElement("canvas").getContext("webgl2");
  const info = gl?.getExtension("WEBGL_debug_renderer_info");
  const name = gl?.getParameter(info ? info.UNMASKED_RENDERER_WEBGL : gl.RENDERER);
  return Boolean(name) && !/swiftshader|llvmpipe|softpipe|software|basic render/i.test(name);
}

class WordMap {
  /** tell: {ask(word), chosen(ids), moved()}, what the page does about a click, a lasso, a move. */
  constructor(model, element, tell) {
    Object.assign(this, { model, element, tell, focus: null, colour: "groups" });
    this.source = new Bokeh.ColumnDataSource({ data: { x: [], y: [], shade: [], size: [] } });
    this.labels = new Bokeh.ColumnDataSource({ data: { x: [], y: [], text: [], style: [] } });
    this.found = new Bokeh.ColumnDataSource({ data: { x: [], y: [] } });
    this.lines = new Bokeh.ColumnDataSource({ data: { x0: [], y0: [], x1: [], y1: [] } });
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
      output_backend: hasGraphics() ? "webgl" : "canvas", // where a canvas shows fewer in motion
      lod_threshold: MOST_IN_MOTION, lod_factor: Math.ceil(this.model.nWords / MOST_IN_MOTION),
      sizing_mode: "stretch_both", min_border: 0, outline_line_color: null,
      x_axis_location: null, y_axis_location: null,
      x_range: new Bokeh.Range1d({ start: -1, end: 1 }),
      y_range: new Bokeh.Range1d({ start: -1, end: 1 }),
    });
    plot.toolbar.active_drag = this.pan;
    plot.toolbar.active_scroll = wheel;
    plot.xgrid.visible = false;
    plot.ygrid.visible = false;
    this.points = plot.scatter({ field: "x" }, { field: "y" }, {
      source: this.source, size: { field: "size" }, line_color: null, fill_alpha: 0.75,
      fill_color: { field: "shade", transform: this.mapper },
      nonselection_fill_alpha: 0.08, selection_fill_alpha: 0.9,
    });
    const lines = plot.segment(
      { field: "x0" }, { field: "y0" }, { field: "x1" }, { field: "y1" },
      { source: this.lines, line_alpha: 0.6, line_width: 1.2 },
    );
    const rings = plot.scatter({ field: "x" }, { field: "y" }, {
      source: this.found, size: 11, fill_alpha: 0, line_width: 2,
    });
    const text = plot.text({ field: "x" }, { field: "y" }, { field: "text" }, {
      source: this.labels, text_font_size: "12px", text_font: "system-ui, sans-serif",
      text_font_style: { field: "style" }, x_offset: 5, y_offset: -4, background_fill_alpha: 0.65,
    });
    Object.assign(this, { linesDrawn: lines, rings, text });
    for (const renderer of [lines, rings, text]) renderer.level = "overlay";
    this.lasso.renderers = [this.points];
    return plot;
  }

  /** Listen, and draw. The points come later, by `place`. */
  async show() {
    this.dress();
    const name = this.element.querySelector(".name");
    this.plot.on_event("tap", ({ x, y, modifiers }) => {
      const id = this.at(x, y);
      if (id !== null && !modifiers?.shift) this.tell.ask(this.model.words[id]);
    });
    this.plot.on_event("mousemove", ({ x, y, sx, sy }) => {
      const id = this.at(x, y);
      name.hidden = id === null;
      if (id === null) return;
      name.textContent = this.described(id);
      name.style.left = `${sx + 12}px`;
      name.style.top = `${sy + 12}px`;
    });
    this.plot.on_event("mouseleave", () => { name.hidden = true; });
    this.plot.on_event("rangesupdate", () => this.moved());
    this.plot.on_event("selectiongeometry", ({ final }) => {
      if (final) this.tell.chosen(this.source.selected.indices);
    });
    await Bokeh.Plotting.show(this.plot, this.element.querySelector(".canvas"));
    new ResizeObserver(() => this.moved()).observe(this.element);
  }

  described(id) {
    const { words, counts } = this.model;
    return counts ? `${words[id]} · ${counts[id].toLocaleString("en")}` : words[id];
  }

  /** Points for the words, in the place of those that were there. */
  place(points) {
    const { nWords } = this.model;
    this.x = new Float32Array(nWords);
    this.y = new Float32Array(nWords);
    for (let id = 0; id < nWords; id++) [this.x[id], this.y[id]] = [points[2 * id], points[2 * id + 1]];
    const size = new Float32Array(nWords);
    for (let id = 0; id < nWords; id++) size[id] = 3 + 6 / (1 + Math.log10(1 + id));
    this.source.data = { x: this.x, y: this.y, shade: this.shades(), size };
    this.whole();
    if (this.focus) this.answer(this.focus.own, this.focus.answers, true);
  }

  group(groups) {
    this.groups = groups;
    this.paint(this.colour);
  }

  /** Colour the points by `groups` or by `frequency`. */
  paint(colour) {
    this.colour = colour;
    const byGroup = colour === "groups";
    this.mapper.palette = byGroup ? GROUP_COLOURS : this.frequencies();
    this.mapper.low = byGroup ? -0.5 : 0;
    this.mapper.high = byGroup ? GROUP_COLOURS.length - 0.5 : 1;
    if (this.x) this.source.data = { ...this.source.data, shade: this.shades() };
  }

  frequencies() {
    const dark = document.documentElement.classList.contains("dark");
    const all = Bokeh.Palettes.viridis(256); // from dark to light; without what the back hides
    return dark ? all.slice(50) : all.slice(0, 215).reverse();
  }

  /** By rank, which is the order of frequency, the most frequent last. */
  shades() {
    const { nWords } = this.model;
    if (this.colour === "groups") {
      return this.groups ? Float32Array.from(this.groups) : new Float32Array(nWords).fill(10);
    }
    const scale = Math.log(nWords + 1);
    return Float32Array.from({ length: nWords }, (_, id) => 1 - Math.log(id + 1) / scale);
  }

  /** The colours of the page, light or dark. */
  dress() {
    const style = getComputedStyle(document.documentElement);
    const [back, text, strong] = ["--back", "--text", "--focus"].map((name) =>
      style.getPropertyValue(name).trim());
    this.plot.background_fill_color = back;
    this.plot.border_fill_color = back;
    this.text.glyph.text_color = text;
    this.text.glyph.background_fill_color = back;
    this.rings.glyph.line_color = strong;
    this.linesDrawn.glyph.line_color = strong;
    if (this.colour === "frequency") this.paint(this.colour);
  }

  get window() {
    const { x_range: x, y_range: y } = this.plot;
    return { x: [x.start, x.end], y: [y.start, y.end] };
  }

  set window({ x, y }) {
    this.plot.x_range.setv({ start: x[0], end: x[1] });
    this.plot.y_range.setv({ start: y[0], end: y[1] });
    this.moved();
  }

  get bounds() {
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

  whole() {
    this.window = this.bounds;
  }

  /** Move by shares of the width and height, and magnify. */
  shift(right, up, factor = 1) {
    const move = ([begin, end], share) => {
      const [middle, half] = [(begin + end) / 2 + share * (end - begin), ((end - begin) / 2) * factor];
      return [middle - half, middle + half];
    };
    const { x, y } = this.window;
    this.window = { x: move(x, right), y: move(y, up) };
  }

  /** The word whose point is nearest to a place of the map and within reach, or null. */
  at(x, y) {
    if (!this.x) return null;
    const { x: wide, y: high } = this.window;
    const { width, height } = this.size;
    const [across, along] = [width / (wide[1] - wide[0]), height / (high[1] - high[0])];
    let [found, least] = [null, REACH * REACH];
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

  moved() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.label();
      this.tell.moved();
    }, SETTLED);
  }

  /** Show an answer, or none: its words ringed, lines from the word asked for, all in view. */
  answer(own, answers, move) {
    this.focus = own ? { own, answers } : null;
    if (!this.x) return;
    const ids = this.focus ? [...own, ...answers] : [];
    const at = (array, of) => Array.from(of, (id) => array[id]);
    this.found.data = { x: at(this.x, ids), y: at(this.y, ids) };
    const from = ids.length && own.length === 1 ? answers.map(() => own[0]) : [];
    const to = from.length ? answers : [];
    this.lines.data = {
      x0: at(this.x, from), y0: at(this.y, from), x1: at(this.x, to), y1: at(this.y, to),
    };
    if (ids.length && move) this.bring(ids);
    this.label();
  }

  /** Bring words into view around the first of them, so near that most of them can be told apart. */
  bring(ids) {
    const { bounds } = this;
    const around = (array, [least, most]) => {
      const middle = array[ids[0]];
      const far = Array.from(ids, (id) => Math.abs(array[id] - middle)).sort((a, b) => a - b);
      const half = 1.6 * far[Math.floor(MOST_IN_VIEW * (ids.length - 1))];
      const [near, wide] = [NEAREST, WIDEST].map((share) => share * (most - least));
      const side = Math.min(Math.max(half, near), wide);
      return [middle - side, middle + side];
    };
    this.window = { x: around(this.x, bounds.x), y: around(this.y, bounds.y) };
  }

  choose(ids) {
    this.source.selected.indices = ids;
  }

  /** Names for the words in view, the answer's first, then the most frequent, where there is room. */
  label() {
    if (!this.x) return;
    const { x: wide, y: high } = this.window;
    const { width, height } = this.size;
    const taken = [];
    const data = { x: [], y: [], text: [], style: [] };
    const put = (id, style) => {
      const [x, y] = [this.x[id], this.y[id]];
      if (x < wide[0] || x > wide[1] || y < high[0] || y > high[1]) return;
      const left = ((x - wide[0]) / (wide[1] - wide[0])) * width + 5;
      const top = (1 - (y - high[0]) / (high[1] - high[0])) * height - 4 - LABEL_HEIGHT;
      const right = left + this.measure.measureText(this.model.words[id]).width;
      const bottom = top + LABEL_HEIGHT;
      const free = (box) =>
        box.right < left || box.left > right || box.bottom < top || box.top > bottom;
      if (!taken.every(free)) return;
      taken.push({ left, top, right, bottom });
      data.x.push(x);
      data.y.push(y);
      data.text.push(this.model.words[id]);
      data.style.push(style);
    };
    for (const id of this.focus?.own ?? []) put(id, "bold");
    for (const id of this.focus?.answers ?? []) put(id, "bold");
    const chosen = this.source.selected.indices;
    const count = chosen.length || this.model.nWords;
    for (let i = 0; i < count && taken.length < MOST_LABELS; i++) {
      put(chosen.length ? chosen[i] : i, "normal");
    }
    this.labels.data = data;
  }
}
