"use strict";
// The page: what a person asks, and what they see of the answer.
// In: the models of the page. Out: tables, maps, a list of words and a link.

const N_ANSWERS = 12;
const MOST_SHOWN = 300; // words of a selection that are listed; all are copied and saved
const MOST_OFFERED = 8;
const SMALLEST_OF_GROUP = 4; // words that name a group

const $ = (selector, within = document) => within.querySelector(selector);
const about = JSON.parse($("#about").textContent);
const state = { question: "", chosen: [], view: null, colour: "groups" };
const models = about.models.map((each, place) => new Model(place, each));
const maps = [];

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function say(text, wrong = false) {
  $("#status").textContent = text;
  $("#status").classList.toggle("wrong", wrong);
}

/** A word that asks for itself. */
function button(word) {
  const made = element("button", { type: "button", class: "word" }, word);
  made.addEventListener("click", () => ask(word));
  return made;
}

// Questions

/** Answer an expression in every model, and show it. */
function ask(text, move = true) {
  const question = text.trim();
  if (!question) return clear();
  if (!models.every((model) => model.ids)) return say("Still loading…");
  const found = [];
  const missing = [];
  for (const model of models) {
    try {
      found.push(model.nearest(question, N_ANSWERS));
    } catch (error) {
      if (!(error instanceof QueryError)) throw error;
      found.push(null);
      missing.push(models.length > 1 ? `${model.name}: ${error.message}` : error.message);
    }
  }
  $("#question").value = question;
  offer([]);
  if (found.every((each) => each === null)) {
    say(missing.join(" "), true);
    return undefined;
  }
  state.question = question;
  $("#answers").replaceChildren(...found.map((each, i) => table(models[i], each)));
  found.forEach((each, i) => maps[i].answer(each?.own ?? [], each?.answers.map(({ id }) => id) ?? [], move));
  const first = found.find(Boolean);
  const model = models[found.indexOf(first)];
  const nearest = first.answers[0] ? `: nearest ${model.words[first.answers[0].id]}` : "";
  say([`${first.answers.length} words near to ${question}${nearest}`, ...missing].join(". "));
  remember();
  return undefined;
}

function table(model, found) {
  const caption = element("caption", {}, models.length > 1 ? model.name : state.question);
  if (found === null) return element("table", {}, caption);
  const rows = found.answers.map(({ id, score }) =>
    element("tr", {}, element("td", {}, button(model.words[id])), element("td", {}, score.toFixed(3))));
  const head = element("tr", {}, element("th", { scope: "col" }, "word"),
    element("th", { scope: "col" }, "cosine"));
  return element("table", {}, caption, element("thead", {}, head), element("tbody", {}, ...rows));
}

function clear() {
  Object.assign(state, { question: "" });
  $("#question").value = "";
  $("#answers").replaceChildren();
  offer([]);
  for (const map of maps) map.answer(null, null, false);
  say(`${models[0].nWords.toLocaleString("en")} words; ask for one, or click a point.`);
  choose([]);
  remember();
}

// Words that are offered while one writes

let offered = -1;

function offer(words) {
  offered = -1;
  const list = $("#words");
  list.hidden = !words.length;
  $("#question").setAttribute("aria-expanded", String(Boolean(words.length)));
  $("#question").removeAttribute("aria-activedescendant");
  list.replaceChildren(...words.map((word, i) => {
    const item = element("li", { role: "option", id: `word-${i}`, "aria-selected": "false" }, word);
    item.addEventListener("mousedown", (event) => {
      event.preventDefault();
      take(word);
    });
    return item;
  }));
}

/** The last word that is being written is this one. */
function take(word) {
  const before = $("#question").value.replace(/\S*$/, "");
  ask(before + word);
}

function mark(step) {
  const items = [...$("#words").children];
  if (!items.length) return;
  offered = (offered + step + items.length) % items.length;
  items.forEach((item, i) => item.setAttribute("aria-selected", String(i === offered)));
  $("#question").setAttribute("aria-activedescendant", `word-${offered}`);
}

$("#question").addEventListener("input", ({ target }) => {
  const last = /\S*$/.exec(target.value)[0];
  offer(models[0].ids && last ? models[0].beginningWith(last, MOST_OFFERED) : []);
});
$("#question").addEventListener("blur", () => offer([]));
$("#question").addEventListener("keydown", (event) => {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step) {
    event.preventDefault();
    mark(step);
  } else if (event.key === "Enter" && offered >= 0) {
    event.preventDefault();
    take($("#words").children[offered].textContent);
  }
});
$("#search").addEventListener("submit", (event) => {
  event.preventDefault();
  ask($("#question").value);
});
$("#analogy").addEventListener("submit", (event) => {
  event.preventDefault();
  const [first, second, third] = ["first", "second", "third"].map((name) =>
    event.target.elements[name].value.trim());
  if (first && second && third) ask(`${second} - ${first} + ${third}`);
  else say("An analogy needs three words.", true);
});

// Words of a lasso

/** Choose words of one model, and the same words in the other. */
function choose(ids, model = models[0]) {
  state.chosen = Array.from(ids, (id) => model.words[id]);
  models.forEach((each, i) => {
    const own = each === model ? ids : state.chosen.map((word) => each.ids.get(word));
    const known = Array.from(own).filter((id) => id !== undefined).sort((a, b) => a - b);
    maps[i].choose(known);
    maps[i].label();
  });
  const section = $("#selection");
  section.hidden = !state.chosen.length;
  const n = state.chosen.length;
  const more = n > MOST_SHOWN ? `, the first ${MOST_SHOWN}` : "";
  $("h2", section).textContent = `${n.toLocaleString("en")} ${n === 1 ? "word" : "words"} chosen${more}`;
  $("ul", section).replaceChildren(
    ...state.chosen.slice(0, MOST_SHOWN).map((word) => element("li", {}, button(word))));
  if (n) say(`${n.toLocaleString("en")} words chosen.`);
}

async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
    say(`${what} copied.`);
  } catch {
    say(`The browser does not let a page copy here: ${text.slice(0, 200)}`, true);
  }
}

$("#copy-words").addEventListener("click", () => copy(state.chosen.join("\n"), "The words are"));
$("#save-words").addEventListener("click", () => {
  const address = URL.createObjectURL(new Blob([`${state.chosen.join("\n")}\n`], { type: "text/plain" }));
  element("a", { href: address, download: "words.txt" }).click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
});
$("#clear-words").addEventListener("click", () => choose([]));

// The maps

function frame(model) {
  const made = element("section", { class: "map", "aria-label": `Map of ${model.name}` });
  if (models.length > 1) made.append(element("h2", {}, model.name));
  const canvas = element("div", {
    class: "canvas", tabindex: "0", role: "application",
    "aria-label": `Map of ${model.name}: arrow keys move it, plus and minus zoom, 0 shows all`,
  });
  const lasso = element("button", { type: "button", "aria-pressed": "false" }, "Lasso");
  const all = element("button", { type: "button" }, "Show all");
  const name = element("div", { class: "name" });
  name.hidden = true;
  const body = element("div", { style: "flex:1;min-height:0;position:relative;display:flex" }, canvas,
    element("div", { class: "modes" }, lasso, all), name);
  made.append(body);
  $("#maps").append(made);
  const map = new WordMap(model, made, {
    ask,
    chosen: (ids) => choose(ids, model),
    moved: remember,
  });
  const encircle = (on) => {
    map.plot.toolbar.active_drag = on ? map.lasso : map.pan;
    map.lasso.active = on;
    map.pan.active = !on;
    lasso.setAttribute("aria-pressed", String(on));
  };
  lasso.addEventListener("click", () => encircle(lasso.getAttribute("aria-pressed") !== "true"));
  all.addEventListener("click", () => map.whole());
  canvas.addEventListener("keydown", (event) => {
    const move = {
      ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, STEP], ArrowDown: [0, -STEP],
      "+": [0, 0, ZOOM], "=": [0, 0, ZOOM], "-": [0, 0, 1 / ZOOM],
    }[event.key];
    if (move) map.shift(...move);
    else if (event.key === "0") map.whole();
    else return;
    event.preventDefault();
  });
  return Object.assign(map, { encircle });
}

document.addEventListener("keydown", (event) => {
  const writing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
  if (event.key === "Shift" && !writing) maps.forEach((map) => map.encircle(true));
  if (event.key === "/" && !writing) {
    event.preventDefault();
    $("#question").select();
  } else if (event.key === "Escape") {
    clear();
  }
});
document.addEventListener("keyup", (event) => {
  if (event.key === "Shift") maps.forEach((map) => map.encircle(false));
});

function nameGroups(model, groups) {
  const words = Array.from({ length: GROUP_COLOURS.length }, () => []);
  groups.forEach((group, id) => words[group].push(id));
  $("#groups ol").replaceChildren(...words.filter((ids) => ids.length).map((ids, group) => {
    const spot = element("i", { style: `background:${GROUP_COLOURS[group]}` });
    const names = ids.slice(0, SMALLEST_OF_GROUP).map((id) => model.words[id]).join(", ");
    const all = element("button", { type: "button", class: "word" }, `${names} … (${ids.length.toLocaleString("en")})`);
    all.addEventListener("click", () => choose(ids, model));
    return element("li", {}, spot, all);
  }));
}

// How it looks, and the link to it

function dress(dark) {
  document.documentElement.classList.toggle("dark", dark);
  $("#theme").setAttribute("aria-pressed", String(dark));
  for (const map of maps) map.dress();
}

$("#theme").addEventListener("click", () => dress(!document.documentElement.classList.contains("dark")));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", ({ matches }) => dress(matches));
$("#colour").addEventListener("change", ({ target }) => {
  state.colour = target.value;
  for (const map of maps) map.paint(state.colour);
  remember();
});
$("#help").addEventListener("click", ({ target }) => {
  const keys = $("#keys");
  keys.hidden = !keys.hidden;
  target.setAttribute("aria-expanded", String(!keys.hidden));
  if (!keys.hidden) keys.scrollIntoView();
});
$("#link").addEventListener("click", () => {
  remember();
  copy(location.href, "The link is");
});

/** The question, colours and windows, in the address. */
function remember() {
  const parts = new URLSearchParams();
  if (state.question) parts.set("q", state.question);
  if (state.colour !== "groups") parts.set("colour", state.colour);
  maps.forEach((map, i) => {
    if (!map.x) return;
    const { x, y } = map.window;
    parts.set(`view${i}`, [...x, ...y].map((value) => value.toPrecision(5)).join(","));
  });
  history.replaceState(null, "", `#${parts}`);
}

/** Bring back what an address says. */
function restore(address) {
  const parts = new URLSearchParams(address.replace(/^#/, ""));
  const colour = parts.get("colour");
  if (colour === "frequency" || colour === "groups") {
    state.colour = colour;
    $("#colour").value = colour;
    for (const map of maps) map.paint(colour);
  }
  const windows = maps.map((_, i) => (parts.get(`view${i}`) ?? "").split(",").map(Number));
  const question = parts.get("q");
  if (question) ask(question, windows[0].length !== 4);
  windows.forEach((ends, i) => {
    if (ends.length === 4 && ends.every(Number.isFinite)) {
      maps[i].window = { x: ends.slice(0, 2), y: ends.slice(2) };
    }
  });
}

function described({ nWords, all, size }) {
  const most = nWords < all ? `the ${nWords.toLocaleString("en")} most frequent of ` : "";
  return `${most}${all.toLocaleString("en")} words, ${size} dimensions`;
}

async function start() {
  const address = location.hash;
  const [first] = models;
  $("#summary").textContent = [...new Set(models.map(described)), `embedtool ${about.version}`].join(" · ");
  maps.push(...models.map(frame));
  dress(matchMedia("(prefers-color-scheme: dark)").matches);
  const drawn = Promise.all(maps.map((map) => map.show()));
  await Promise.all(models.map((model) => model.load()));
  say(`${first.nWords.toLocaleString("en")} words; ask for one, or click a point.`);
  $("#question").focus();
  await drawn;
  await Promise.all(maps.map(async (map) => {
    const kind = document.getElementById(`${map.model.place}-points`) ? "points" : "plane";
    map.place(new Float32Array(await map.model.part(kind)));
    map.final = kind === "points" || map.model.method === "pca";
  }));
  restore(address);
  document.documentElement.dataset.ready = "map";
  const groups = await Promise.all(models.map(async (model) => new Uint8Array(await model.part("groups"))));
  groups.forEach((each, i) => maps[i].group(each));
  nameGroups(first, groups[0]);
  document.documentElement.dataset.ready = "groups";
  await Promise.all(maps.map(better));
  document.documentElement.dataset.ready = "all";
}

/** The points of a layout that takes longer, where the first ones were those of the plane. */
async function better(map) {
  if (map.final) return;
  say(`The map by ${map.model.method === "tsne" ? "t-SNE" : "UMAP"} is being worked out…`);
  map.place(new Float32Array(await map.model.part("points")));
  say("The map is done.");
}

start().catch((error) => {
  say(`This page cannot be shown: ${error.message}`, true);
  throw error;
});
