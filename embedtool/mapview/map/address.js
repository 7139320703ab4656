"use strict";
// The address of the page: the question, the colours and the windows in it, and the way back.
// In: state, maps and what page.js does with them. Out: a link to what is seen; or that, from a link.

const DIGITS = 8; // of a coordinate in an address: enough for the nearest zoom
const KNOWN = /^(q|colour|view\d)$/; // what an address may name

/** The question, colours and windows, in the address; `step`: as a new step in the history. */
function remember(step = false) {
  if (!state.restored) return;
  const parts = new URLSearchParams();
  if (state.question) parts.set("q", state.question);
  if (state.colour !== "groups") parts.set("colour", state.colour);
  maps.forEach((map, i) => {
    const shown = map.final ? map.window : map.pending; // first points have other windows
    if (!shown) return;
    parts.set(`view${i}`, [...shown.x, ...shown.y].map((value) => value.toPrecision(DIGITS)).join(","));
  });
  state.address = `#${parts}`;
  if (step) history.pushState(null, "", state.address);
  else history.replaceState(null, "", state.address);
}

/** Bring back what an address says. A window of points that are still to come is for later. */
function restore(address) {
  const parts = new URLSearchParams(address.replace(/^#/, ""));
  paint(parts.get("colour") === "frequency" ? "frequency" : "groups");
  const windows = maps.map((_, i) => {
    const ends = (parts.get(`view${i}`) ?? "").split(",").map(Number);
    const sound = ends.length === 4 && ends.every(Number.isFinite) && ends[0] < ends[1] && ends[2] < ends[3];
    return sound ? { x: ends.slice(0, 2), y: ends.slice(2) } : null;
  });
  const question = parts.get("q");
  if (question) ask(question, !(windows[0] && maps[0].final), false);
  else if (state.question) clear(false);
  maps.forEach((map, i) => {
    if (windows[i] && map.final) map.window = windows[i];
    else if (!windows[i] && !question) map.whole();
    map.pending = map.final ? null : windows[i];
  });
  state.restored = true;
  remember();
}

/** The way back and forth between questions, and a link that is written into an open page. */
function follow() {
  if (!state.restored || location.hash === state.address) return;
  const names = [...new URLSearchParams(location.hash.slice(1)).keys()];
  if (!names.length || names.some((name) => KNOWN.test(name))) restore(location.hash);
  else remember(); // the place of an element, which is no place on the map
}

addEventListener("popstate", follow);
addEventListener("hashchange", follow);
