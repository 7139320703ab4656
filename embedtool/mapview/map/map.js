"use strict";
// The points of a model, drawn by Bokeh.
// In: a Model, its points and groups. Out: WordMap, which shows words and says which are chosen.

// Of any two the difference (CIEDE2000) is 13 or more to all eyes, dichromats' too.
const GROUP_COLOURS = [
  "#4280f7", "#ee9f22", "#c32057", "#315b43", "#8c78a3", "#9c7b1b",
  "#33b9fa", "#872e70", "#b7a88a", "#334bc9", "#4f580d", "#808986",
];
const UNGROUPED = 11; // the colour of words whose group is still to come
const LABEL_AREA = 10000; // pixels of the map for each name, so that a large window has more
const LONGEST_LABEL = 32; // characters
const LABEL_FONT = "bold 12px system-ui, sans-serif";
const LABEL_HEIGHT = 17; // pixels
const REACH = 9; // pixels from a point at which the pointer has it
const SETTLED = 90; // milliseconds without a move before labels are set anew
const MOST_IN_MOTION = 3000; // points that a canvas draws while the map moves
const MARGIN = 0.04; // of the map's width, left free beside the outermost points
const STEP = 0.12; // of the map's width, that an arrow key moves it
const ZOOM = 0.75;
const NEAREST = 0.04; // of the map's width, that an answer's words are shown in at least
const AROUND = 0.15; // of their width, left free beside them
const MOST_ZOOM = 1000; // times nearer than the whole map
const LEAST_ZOOM = 0.5;
const SAME = 1e-4; // scales that differ by less are one, as those of an address that was cut
const RIGHT_TO_LEFT = /\p{Script=Hebrew}|\p{Script=Arabic}|\p{Script=Syriac}|\p{Script=Thaana}|\p{Script=Nko}/u;

/** Whether the machine draws WebGL by itself, not by a program, which takes a second a picture. */
function hasGraphics() {
  const gl = document.createElement("canvas").getContext("webgl2");
  const info = gl?.getExtension("WEBGL_debug_renderer_info");
  const name = gl?.getParameter(info ? info.UNMASKED_RENDERER_WEBGL : gl.RENDERER);
  return Boolean(name) && !/swiftshader|llvmpipe|softpipe|software|basic render/i.test(name);
}

/** A word as a name on the map: cut where it is long, and isolated where its script runs leftwards. */
function labelled(word) {
  const characters = [...word];
  const text = characters.length > LONGEST_LABEL ? `${characters.slice(0, LONGEST_LABEL).join("")}…` : word;
  return RIGHT_TO_LEFT.test(text) ? `\u2068${text}\u2069` : text;
}

class WordMap {
  /** tell: {ask(word), chosen(ids), moved()}, what the page does about a click, a lasso, a move. */
  constructor(model, element, tell) {
    Object.assign(this, { model, element, tell, focus: null, colour: "groups", hovered: null });
    this.final = false; // whether the points are those of the layout that was asked for
    this.pending = null; // the window that a link asks for, until they are
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
    this.plot.on_event("tap", ({ x, y, modifiers }) => {
      const id = this.at(x, y);
      if (id !== null && !modifiers?.shift) this.tell.ask(this.model.words[id]);
    });
    this.plot.on_event("mousemove", ({ x, y }) => this.hover(this.at(x, y)));
    this.plot.on_event("mouseleave", () => this.hover(null));
    this.plot.on_event("rangesupdate", () => {
      this.wanted = this.window;
      this.moved();
    });
    this.plot.on_event("selectiongeometry", ({ final }) => {
      if (final) this.tell.chosen(this.source.selected.indices);
    });
    await Bokeh.Plotting.show(this.plot, this.element.querySelector(".canvas"));
    new ResizeObserver(() => {
      if (this.x) this.window = this.wanted;
    }).observe(this.element);
  }

  /** Tell of the word under the pointer, or of none. */
  hover(id) {
    this.hovered = id;
    if (id !== null) {
      const { words, counts } = this.model;
      const count = counts ? ` · ${counts[id].toLocaleString("en")}` : "";
      this.element.querySelector(".name").replaceChildren(bdi(words[id]), count);
    }
    this.hang();
  }

  /** Put the hovered word's name beside its point; hide it where the point is out of view. */
  hang() {
    const name = this.element.querySelector(".name");
    const [left, top] = this.hovered === null ? [-1, -1] : this.pixel(this.hovered);
    const { width, height } = this.size;
    name.hidden = !(left >= 0 && left <= width && top >= 0 && top <= height);
    const [right, below] = [left < width / 2, top < height / 2];
    name.style.left = `${left + (right ? REACH : -REACH)}px`;
    name.style.top = `${top + (below ? REACH : -REACH)}px`;
    name.style.transform = `translate(${right ? 0 : -100}%, ${below ? 0 : -100}%)`;
  }

  /** Where a word's point is, in pixels of the map. */
  pixel(id) {
    const { x, y } = this.window;
    const { width, height } = this.size;
    return [((this.x[id] - x[0]) / (x[1] - x[0])) * width, ((y[1] - this.y[id]) / (y[1] - y[0])) * height];
  }

  /** Points for the words, in the place of those that were there; the last ones are `final`. */
  place(points, final) {
    const { nWords } = this.model;
    this.x = new Float32Array(nWords);
    this.y = new Float32Array(nWords);
    for (let id = 0; id < nWords; id++) [this.x[id], this.y[id]] = [points[2 * id], points[2 * id + 1]];
    const size = new Float32Array(nWords);
    for (let id = 0; id < nWords; id++) size[id] = 3 + 6 / (1 + Math.log10(1 + id));
    this.source.data = { x: this.x, y: this.y, shade: this.shades(), size };
    this.bounds = this.ends();
    this.final = final;
    this.hover(null);
    this.whole();
    const linked = final && this.pending;
    if (this.focus) this.answer(this.focus.own, this.focus.answers, !linked);
    if (linked) [this.window, this.pending] = [this.pending, null];
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
      return this.groups ? Float32Array.from(this.groups) : new Float32Array(nWords).fill(UNGROUPED);
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

  /** Show at least this much; what is beyond the limits of zoom and place is brought within. */
  set window(wanted) {
    this.wanted = wanted;
    const { x, y } = this.fitted(wanted);
    this.plot.x_range.setv({ start: x[0], end: x[1] });
    this.plot.y_range.setv({ start: y[0], end: y[1] });
    this.moved();
  }

  /** A window with one scale for both axes, as high and wide as the map, that holds another. */
  fitted({ x, y }) {
    const { width, height } = this.size;
    if (!width || !height) return { x, y };
    const scaleOf = (across, along) => [(across[1] - across[0]) / width, (along[1] - along[0]) / height];
    const { bounds } = this;
    const whole = Math.max(...scaleOf(bounds.x, bounds.y));
    const limits = [whole / MOST_ZOOM, whole / LEAST_ZOOM];
    [[this.plot.x_range, width], [this.plot.y_range, height]].forEach(([range, side]) =>
      range.setv({ min_interval: limits[0] * side, max_interval: limits[1] * side }));
    const scales = scaleOf(x, y);
    const scale = Math.min(Math.max(...scales, limits[0]), limits[1]);
    const around = ([begin, end], [least, most], pixels, own) => {
      const middle = (begin + end) / 2;
      const within = Math.min(Math.max(middle, least), most);
      if (middle === within && Math.abs(own - scale) <= SAME * scale) return [begin, end];
      return [within - (scale * pixels) / 2, within + (scale * pixels) / 2];
    };
    return { x: around(x, bounds.x, width, scales[0]), y: around(y, bounds.y, height, scales[1]) };
  }

  /** The least and the greatest coordinates, with a margin. */
  ends() {
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
    if (this.x) this.hang();
    this.timer = setTimeout(() => {
      this.settle();
      this.label();
      this.tell.moved();
    }, SETTLED);
  }

  /** Bring a window that was dragged out of the map back to its edge. */
  settle() {
    if (!this.x) return;
    const [now, within] = [this.window, this.fitted(this.window)];
    if (now.x[0] !== within.x[0] || now.y[0] !== within.y[0]) this.window = within;
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

  /** Bring words into view, all of them. */
  bring(ids) {
    const { bounds } = this;
    const around = (array, [least, most]) => {
      const values = Array.from(ids, (id) => array[id]);
      const [begin, end] = [Math.min(...values), Math.max(...values)];
      const half = Math.max((0.5 + AROUND) * (end - begin), (NEAREST / 2) * (most - least));
      return [(begin + end) / 2 - half, (begin + end) / 2 + half];
    };
    this.pending = null;
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
    const most = Math.max(1, (width * height) / LABEL_AREA);
    const taken = [];
    const data = { x: [], y: [], text: [], style: [] };
    const put = (id, style) => {
      const [x, y] = [this.x[id], this.y[id]];
      if (x < wide[0] || x > wide[1] || y < high[0] || y > high[1]) return;
      const [across, down] = this.pixel(id);
      const [left, top] = [across + 5, down - 4 - LABEL_HEIGHT];
      const text = labelled(this.model.words[id]);
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
    for (const id of this.focus?.own ?? []) put(id, "bold");
    for (const id of this.focus?.answers ?? []) put(id, "bold");
    const chosen = this.source.selected.indices;
    const count = chosen.length || this.model.nWords;
    for (let i = 0; i < count && taken.length < most; i++) {
      put(chosen.length ? chosen[i] : i, "normal");
    }
    this.labels.data = data;
  }
}
