"use strict";
// The page: what a person asks, and what they see of the answer.
// In: the models of the page. Out: tables, maps, a list of words and a link.

const N_ANSWERS = 12;
const MOST_SHOWN = 300; // words of a selection that are listed; all are copied and saved
const MOST_OFFERED = 8;

const $ = (selector, within = document) => within.querySelector(selector);
const about = JSON.parse($("#about").textContent);
const state = { question: "", chosen: [], colour: "groups", restored: false };
const models = about.models.map((each, place) => new Model(place, each));
const maps = [];

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** A word, whose script runs as it does, whatever stands beside it. */
function bdi(word) {
  return element("bdi", {}, word);
}

/** Say something: a text, or a list of texts and of {word} for each word. */
function say(parts, wrong = false) {
  const told = [parts].flat().map((part) => (part.word === undefined ? part : bdi(part.word)));
  $("#status").replaceChildren(...told);
  $("#status").classList.toggle("wrong", wrong);
}

/** A word that asks for itself. */
function button(word) {
  const made = element("button", { type: "button", class: "word" }, bdi(word));
  made.addEventListener("click", () => ask(word));
  return made;
}

// Questions

/** A text as a question: a word that is known as it stands, or without the spaces around it. */
function asked(text) {
  const known = models.some((model) => model.ids?.has(text));
  return known ? text : text.replace(/^ +| +$/g, "");
}

/** Answer an expression in every model, and show it; a new question is a step in the history. */
function ask(text, move = true, step = true) {
  const question = asked(text);
  if (!question) return clear(step);
  if (!models.every((model) => model.ids)) return say("Still loading…");
  const found = [];
  const missing = [];
  for (const model of models) {
    try {
      found.push(model.nearest(question, N_ANSWERS));
    } catch (error) {
      if (!(error instanceof QueryError)) throw error;
      found.push(null);
      missing.push(models.length > 1 ? [`${model.name}: `, ...error.parts] : error.parts);
    }
  }
  $("#question").value = question;
  offer([]);
  const faults = missing.flatMap((parts, i) => (i ? [" ", ...parts] : parts));
  const isNew = step && question !== state.question;
  if (found.every((each) => each === null)) {
    const hadAnswer = state.question !== "";
    forget();
    say(faults, true);
    return remember(isNew && hadAnswer);
  }
  state.question = question;
  $("#answers").replaceChildren(...found.map((each, i) => table(models[i], each)));
  found.forEach((each, i) => maps[i].answer(each?.own ?? [], each?.answers.map(({ id }) => id) ?? [], move));
  const first = found.find(Boolean);
  const model = models[found.indexOf(first)];
  const nearest = first.answers[0] ? [": nearest ", { word: model.words[first.answers[0].id] }] : [];
  const told = [`${first.answers.length} words near to `, { word: question }, ...nearest];
  say(faults.length ? [...told, ". ", ...faults] : told);
  return remember(isNew);
}

function table(model, found) {
  const caption = element("caption", {}, models.length > 1 ? model.name : bdi(state.question));
  if (found === null) return element("table", {}, caption);
  const rows = found.answers.map(({ id, score }) =>
    element("tr", {}, element("td", {}, button(model.words[id])), element("td", {}, score.toFixed(3))));
  const head = element("tr", {}, element("th", { scope: "col" }, "word"),
    element("th", { scope: "col" }, "cosine"));
  return element("table", {}, caption, element("thead", {}, head), element("tbody", {}, ...rows));
}

/** The answer goes, from the list and from the maps. */
function forget() {
  state.question = "";
  $("#answers").replaceChildren();
  for (const map of maps) map.answer(null, null, false);
}

function clear(step = true) {
  const isNew = state.question !== "";
  forget();
  $("#question").value = "";
  offer([]);
  choose([]);
  say(`${models[0].nWords.toLocaleString("en")} words; ask for one, or click a point.`);
  remember(step && isNew);
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
    const item = element("li", { role: "option", id: `word-${i}`, "aria-selected": "false" }, bdi(word));
    item.addEventListener("mousedown", (event) => {
      event.preventDefault();
      take(word);
    });
    return item;
  }));
}

/** The last word that is being written is this one. */
function take(word) {
  const before = $("#question").value.replace(/[^ ]*$/, "");
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
  const last = /[^ ]*$/.exec(target.value)[0];
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
    asked(event.target.elements[name].value));
  if (first && second && third) ask(`${second} - ${first} + ${third}`);
  else say("An analogy needs three words.", true);
});

// Words of a lasso

/** Choose words, in each model those that it has. */
function choose(words) {
  state.chosen = words;
  models.forEach((model, i) => {
    const ids = words.map((word) => model.ids?.get(word)).filter((id) => id !== undefined);
    maps[i].choose(ids.sort((a, b) => a - b));
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
    chosen: (ids) => choose(Array.from(ids, (id) => model.words[id])),
    moved: () => remember(),
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
    if ($("#words").hidden) clear();
    else offer([]);
  }
});
document.addEventListener("keyup", (event) => {
  if (event.key === "Shift") maps.forEach((map) => map.encircle(false));
});

/** The list of groups: for each of them the words that name it, and how many words it has. */
function nameGroups(groups, names) {
  const words = names.map(() => models.map(() => []));
  groups.forEach((ofModel, i) => ofModel.forEach((group, id) => words[group][i].push(models[i].words[id])));
  $("#groups ol").replaceChildren(...names.map((named, group) => {
    const spot = element("i", { style: `background:${GROUP_COLOURS[group]}` });
    const sizes = [...new Set(words[group].map((each) => each.length.toLocaleString("en")))].join(" and ");
    const told = named.flatMap((word, i) => (i ? [", ", bdi(word)] : [bdi(word)]));
    const all = element("button", { type: "button", class: "word" }, ...told, ` … (${sizes})`);
    all.addEventListener("click", () => choose([...new Set(words[group].flat())]));
    return element("li", {}, spot, all);
  }));
}

// How it looks

function dress(dark) {
  document.documentElement.classList.toggle("dark", dark);
  $("#theme").setAttribute("aria-pressed", String(dark));
  for (const map of maps) map.dress();
  paint(state.colour);
}

$("#theme").addEventListener("click", () => dress(!document.documentElement.classList.contains("dark")));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", ({ matches }) => dress(matches));

/** Colour by groups, or by frequency, and say what the colours mean. */
function paint(colour) {
  state.colour = colour;
  $("#colour").value = colour;
  for (const map of maps) map.paint(colour);
  const byGroup = colour === "groups";
  $("#groups").hidden = !byGroup;
  $("#frequencies").hidden = byGroup;
  const shades = maps[0].frequencies().map((rgba) => `#${rgba.toString(16).padStart(8, "0")}`);
  $("#frequencies i").style.background = `linear-gradient(to right, ${shades.join(", ")})`;
}

$("#colour").addEventListener("change", ({ target }) => {
  paint(target.value);
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
    const { model } = map;
    const isFinal = model.method === "pca" || Boolean(document.getElementById(`${model.place}-points`));
    map.place(new Float32Array(await model.part(isFinal ? "points" : "plane")), isFinal);
  }));
  restore(address);
  document.documentElement.dataset.ready = "map";
  const [names, ...groups] = await Promise.all([first.part("names"), ...models.map((model) => model.part("groups"))]);
  groups.forEach((each, i) => maps[i].group(new Uint8Array(each)));
  nameGroups(groups.map((each) => new Uint8Array(each)), JSON.parse(new TextDecoder().decode(names)));
  document.documentElement.dataset.ready = "groups";
  await Promise.all(maps.filter((map) => !map.final).map(improve));
  document.documentElement.dataset.ready = "all";
}

/** The points of a layout that takes longer, where the first ones were those of the plane. */
async function improve(map) {
  const tell = (...said) => {
    if (!state.question) say(...said); // what is said of an answer stays
  };
  tell(`The map by ${map.model.method === "tsne" ? "t-SNE" : "UMAP"} is being worked out…`);
  try {
    map.place(new Float32Array(await map.model.part("points")), true);
  } catch (error) {
    return say(`The map stays the plane of the first components: ${error.message}`, true);
  }
  tell("The map is done.");
  return remember();
}

start().catch((error) => {
  say(`This page cannot be shown: ${error.message}`, true);
  throw error;
});
