"use strict";
// The page: queries, answers in tables and on the maps, selected words, and the start.

const N_ANSWERS = 12;
const MAX_LISTED = 300; // words of a selection that are listed; all are copied and saved
const MAX_SUGGESTIONS = 8;

const $ = (selector, within = document) => within.querySelector(selector);
const metadata = JSON.parse($("#metadata").textContent);
const state = { query: "", selectedWords: [], colour: "groups", restored: false };
const models = metadata.models.map((each, index) => new Model(index, each));
const maps = [];

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** Return a word whose direction does not depend on the text beside it. */
function bdi(word) {
  return element("bdi", {}, word);
}

/** Show a status: a text, or a list of texts and of {word} for each word. */
function showStatus(parts, wrong = false) {
  const nodes = [parts].flat().map((part) => (part.word === undefined ? part : bdi(part.word)));
  $("#status").replaceChildren(...nodes);
  $("#status").classList.toggle("wrong", wrong);
}

/** Return a button that asks for a word. */
function button(word) {
  const made = element("button", { type: "button", class: "word" }, bdi(word));
  made.addEventListener("click", () => ask(word));
  return made;
}

// Queries

/** Return a query without the spaces around it, unless it is a word as it stands. */
function normalizeQuery(text) {
  const known = models.some((model) => model.ids?.has(text));
  return known ? text : text.replace(/^ +| +$/g, "");
}

/** Answer an expression in every model; a new query is an entry of the history if `isStep`. */
function ask(text, move = true, isStep = true) {
  const query = normalizeQuery(text);
  if (!query) return clear(isStep);
  if (!models.every((model) => model.ids)) return showStatus("Still loading…");
  const found = [];
  const missing = [];
  for (const model of models) {
    try {
      found.push(model.nearest(query, N_ANSWERS));
    } catch (error) {
      if (!(error instanceof QueryError)) throw error;
      found.push(null);
      missing.push(models.length > 1 ? [`${model.name}: `, ...error.parts] : error.parts);
    }
  }
  $("#query").value = query;
  showSuggestions([]);
  const faults = missing.flatMap((parts, i) => (i ? [" ", ...parts] : parts));
  const isNew = isStep && query !== state.query;
  if (found.every((each) => each === null)) {
    const hadAnswer = state.query !== "";
    clearAnswer();
    showStatus(faults, true);
    return saveState(isNew && hadAnswer);
  }
  state.query = query;
  $("#answers").replaceChildren(...found.map((each, i) => table(models[i], each)));
  found.forEach((each, i) => maps[i].showAnswer(each?.own ?? [], each?.answers.map(({ id }) => id) ?? [], move));
  const first = found.find(Boolean);
  const model = models[found.indexOf(first)];
  const nearest = first.answers[0] ? [": nearest ", { word: model.words[first.answers[0].id] }] : [];
  const summary = [`${first.answers.length} words near to `, { word: query }, ...nearest];
  showStatus(faults.length ? [...summary, ". ", ...faults] : summary);
  return saveState(isNew);
}

function table(model, found) {
  const caption = element("caption", {}, models.length > 1 ? model.name : bdi(state.query));
  if (found === null) return element("table", {}, caption);
  const rows = found.answers.map(({ id, score }) =>
    element("tr", {}, element("td", {}, button(model.words[id])), element("td", {}, score.toFixed(3))));
  const head = element("tr", {}, element("th", { scope: "col" }, "word"),
    element("th", { scope: "col" }, "cosine"));
  return element("table", {}, caption, element("thead", {}, head), element("tbody", {}, ...rows));
}

/** Remove the answer from the list and from the maps. */
function clearAnswer() {
  state.query = "";
  $("#answers").replaceChildren();
  for (const map of maps) map.showAnswer(null, null, false);
}

function clear(isStep = true) {
  const isNew = state.query !== "";
  clearAnswer();
  $("#query").value = "";
  showSuggestions([]);
  selectWords([]);
  showStatus(`${models[0].nWords.toLocaleString("en")} words; ask for one, or click a point.`);
  saveState(isStep && isNew);
}

// Suggestions while a query is typed

let suggestionIndex = -1;

function showSuggestions(words) {
  suggestionIndex = -1;
  const list = $("#words");
  list.hidden = !words.length;
  $("#query").setAttribute("aria-expanded", String(Boolean(words.length)));
  $("#query").removeAttribute("aria-activedescendant");
  list.replaceChildren(...words.map((word, i) => {
    const item = element("li", { role: "option", id: `word-${i}`, "aria-selected": "false" }, bdi(word));
    item.addEventListener("mousedown", (event) => {
      event.preventDefault();
      complete(word);
    });
    return item;
  }));
}

/** Replace the word being typed, and ask. */
function complete(word) {
  const before = $("#query").value.replace(/[^ ]*$/, "");
  ask(before + word);
}

function moveSuggestion(step) {
  const items = [...$("#words").children];
  if (!items.length) return;
  suggestionIndex = (suggestionIndex + step + items.length) % items.length;
  items.forEach((item, i) => item.setAttribute("aria-selected", String(i === suggestionIndex)));
  $("#query").setAttribute("aria-activedescendant", `word-${suggestionIndex}`);
}

$("#query").addEventListener("input", ({ target }) => {
  const last = /[^ ]*$/.exec(target.value)[0];
  showSuggestions(models[0].ids && last ? models[0].withPrefix(last, MAX_SUGGESTIONS) : []);
});
$("#query").addEventListener("blur", () => showSuggestions([]));
$("#query").addEventListener("keydown", (event) => {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step) {
    event.preventDefault();
    moveSuggestion(step);
  } else if (event.key === "Enter" && suggestionIndex >= 0) {
    event.preventDefault();
    complete($("#words").children[suggestionIndex].textContent);
  }
});
$("#search").addEventListener("submit", (event) => {
  event.preventDefault();
  ask($("#query").value);
});
$("#analogy").addEventListener("submit", (event) => {
  event.preventDefault();
  const [first, second, third] = ["first", "second", "third"].map((name) =>
    normalizeQuery(event.target.elements[name].value));
  if (first && second && third) ask(`${second} - ${first} + ${third}`);
  else showStatus("An analogy needs three words.", true);
});

// Selected words

/** Select words, in each model those that it has. */
function selectWords(words) {
  state.selectedWords = words;
  models.forEach((model, i) => {
    const ids = words.map((word) => model.ids?.get(word)).filter((id) => id !== undefined);
    maps[i].select(ids.sort((a, b) => a - b));
    maps[i].updateLabels();
  });
  const section = $("#selection");
  section.hidden = !state.selectedWords.length;
  const n = state.selectedWords.length;
  const more = n > MAX_LISTED ? `, the first ${MAX_LISTED}` : "";
  $("h2", section).textContent = `${n.toLocaleString("en")} ${n === 1 ? "word" : "words"} chosen${more}`;
  $("ul", section).replaceChildren(
    ...state.selectedWords.slice(0, MAX_LISTED).map((word) => element("li", {}, button(word))));
  if (n) showStatus(`${n.toLocaleString("en")} words chosen.`);
}

async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
    showStatus(`${what} copied.`);
  } catch {
    showStatus(`The browser does not let a page copy here: ${text.slice(0, 200)}`, true);
  }
}

$("#copy-words").addEventListener("click", () => copy(state.selectedWords.join("\n"), "The words are"));
$("#save-words").addEventListener("click", () => {
  const address = URL.createObjectURL(new Blob([`${state.selectedWords.join("\n")}\n`], { type: "text/plain" }));
  element("a", { href: address, download: "words.txt" }).click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
});
$("#clear-words").addEventListener("click", () => selectWords([]));

// The maps

function createMap(model) {
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
    selected: (ids) => selectWords(Array.from(ids, (id) => model.words[id])),
    viewChanged: () => saveState(),
  });
  const setLasso = (on) => {
    map.plot.toolbar.active_drag = on ? map.lasso : map.pan;
    map.lasso.active = on;
    map.pan.active = !on;
    lasso.setAttribute("aria-pressed", String(on));
  };
  lasso.addEventListener("click", () => setLasso(lasso.getAttribute("aria-pressed") !== "true"));
  all.addEventListener("click", () => map.showAll());
  canvas.addEventListener("keydown", (event) => {
    const move = {
      ArrowLeft: [-PAN_STEP, 0], ArrowRight: [PAN_STEP, 0], ArrowUp: [0, PAN_STEP], ArrowDown: [0, -PAN_STEP],
      "+": [0, 0, ZOOM_FACTOR], "=": [0, 0, ZOOM_FACTOR], "-": [0, 0, 1 / ZOOM_FACTOR],
    }[event.key];
    if (move) map.panAndZoom(...move);
    else if (event.key === "0") map.showAll();
    else return;
    event.preventDefault();
  });
  return Object.assign(map, { setLasso });
}

document.addEventListener("keydown", (event) => {
  const writing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
  if (event.key === "Shift" && !writing) maps.forEach((map) => map.setLasso(true));
  if (event.key === "/" && !writing) {
    event.preventDefault();
    $("#query").select();
  } else if (event.key === "Escape") {
    if ($("#words").hidden) clear();
    else showSuggestions([]);
  }
});
document.addEventListener("keyup", (event) => {
  if (event.key === "Shift") maps.forEach((map) => map.setLasso(false));
});

/** Show the list of groups: the words that name each, and its size. */
function showGroups(groups, names) {
  const words = names.map(() => models.map(() => []));
  groups.forEach((ofModel, i) => ofModel.forEach((group, id) => words[group][i].push(models[i].words[id])));
  $("#groups ol").replaceChildren(...names.map((named, group) => {
    const spot = element("i", { style: `background:${GROUP_COLOURS[group]}` });
    const sizes = [...new Set(words[group].map((each) => each.length.toLocaleString("en")))].join(" and ");
    const label = named.flatMap((word, i) => (i ? [", ", bdi(word)] : [bdi(word)]));
    const all = element("button", { type: "button", class: "word" }, ...label, ` … (${sizes})`);
    all.addEventListener("click", () => selectWords([...new Set(words[group].flat())]));
    return element("li", {}, spot, all);
  }));
}

// Appearance

function setTheme(dark) {
  document.documentElement.classList.toggle("dark", dark);
  $("#theme").setAttribute("aria-pressed", String(dark));
  for (const map of maps) map.applyTheme();
  setColouring(state.colour);
}

$("#theme").addEventListener("click", () => setTheme(!document.documentElement.classList.contains("dark")));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", ({ matches }) => setTheme(matches));

/** Colour by groups or by frequency, and show the legend. */
function setColouring(colour) {
  state.colour = colour;
  $("#colour").value = colour;
  for (const map of maps) map.setColouring(colour);
  const byGroup = colour === "groups";
  $("#groups").hidden = !byGroup;
  $("#frequencies").hidden = byGroup;
  const shades = maps[0].frequencyPalette().map((rgba) => `#${rgba.toString(16).padStart(8, "0")}`);
  $("#frequencies i").style.background = `linear-gradient(to right, ${shades.join(", ")})`;
}

$("#colour").addEventListener("change", ({ target }) => {
  setColouring(target.value);
  saveState();
});
$("#help").addEventListener("click", ({ target }) => {
  const keys = $("#keys");
  keys.hidden = !keys.hidden;
  target.setAttribute("aria-expanded", String(!keys.hidden));
  if (!keys.hidden) keys.scrollIntoView();
});
$("#link").addEventListener("click", () => {
  saveState();
  copy(location.href, "The link is");
});

function describeModel({ nWords, all, size }) {
  const most = nWords < all ? `the ${nWords.toLocaleString("en")} most frequent of ` : "";
  return `${most}${all.toLocaleString("en")} words, ${size} dimensions`;
}

async function start() {
  const address = location.hash;
  const [first] = models;
  $("#summary").textContent = [...new Set(models.map(describeModel)), `embedtool ${metadata.version}`].join(" · ");
  maps.push(...models.map(createMap));
  setTheme(matchMedia("(prefers-color-scheme: dark)").matches);
  const drawn = Promise.all(maps.map((map) => map.show()));
  await Promise.all(models.map((model) => model.load()));
  showStatus(`${first.nWords.toLocaleString("en")} words; ask for one, or click a point.`);
  $("#query").focus();
  await drawn;
  await Promise.all(maps.map(async (map) => {
    const { model } = map;
    const isFinal = model.method === "pca" || Boolean(document.getElementById(`${model.index}-points`));
    map.setPoints(new Float32Array(await model.payload(isFinal ? "points" : "pca")), isFinal);
  }));
  restoreState(address);
  document.documentElement.dataset.ready = "map";
  const [names, ...groups] = await Promise.all([first.payload("names"), ...models.map((model) => model.payload("groups"))]);
  groups.forEach((each, i) => maps[i].setGroups(new Uint8Array(each)));
  showGroups(groups.map((each) => new Uint8Array(each)), JSON.parse(new TextDecoder().decode(names)));
  document.documentElement.dataset.ready = "groups";
  await Promise.all(maps.filter((map) => !map.isFinal).map(loadFinalPoints));
  document.documentElement.dataset.ready = "all";
}

/** Replace the preliminary points, those of PCA, by the layout that takes longer. */
async function loadFinalPoints(map) {
  const announce = (...args) => {
    if (!state.query) showStatus(...args); // the status of an answer stays
  };
  announce(`The map by ${map.model.method === "tsne" ? "t-SNE" : "UMAP"} is being computed…`);
  try {
    map.setPoints(new Float32Array(await map.model.payload("points")), true);
  } catch (error) {
    return showStatus(`The map stays the plane of the first components: ${error.message}`, true);
  }
  announce("The map is done.");
  return saveState();
}

start().catch((error) => {
  showStatus(`This page cannot be shown: ${error.message}`, true);
  throw error;
});
