"use strict";
// The state of the page in its address: query, colouring and views, for links and the history.

const DIGITS = 8; // of a coordinate in an address: enough for the closest zoom
const KNOWN = /^(q|colour|view\d)$/; // parameters of an address

/** Write query, colouring and views into the address; `isStep`: as a new entry of the history. */
function saveState(isStep = false) {
  if (!state.restored) return;
  const params = new URLSearchParams();
  if (state.query) params.set("q", state.query);
  if (state.colour !== "groups") params.set("colour", state.colour);
  maps.forEach((map, i) => {
    const view = map.isFinal ? map.view : map.pendingView; // preliminary points have another view
    if (!view) return;
    params.set(`view${i}`, [...view.x, ...view.y].map((value) => value.toPrecision(DIGITS)).join(","));
  });
  state.address = `#${params}`;
  if (isStep) history.pushState(null, "", state.address);
  else history.replaceState(null, "", state.address);
}

/** Restore the state from an address. A view waits until the map has its final points. */
function restoreState(address) {
  const params = new URLSearchParams(address.replace(/^#/, ""));
  setColouring(params.get("colour") === "frequency" ? "frequency" : "groups");
  const views = maps.map((_, i) => {
    const ends = (params.get(`view${i}`) ?? "").split(",").map(Number);
    const isValid = ends.length === 4 && ends.every(Number.isFinite) && ends[0] < ends[1] && ends[2] < ends[3];
    return isValid ? { x: ends.slice(0, 2), y: ends.slice(2) } : null;
  });
  const query = params.get("q");
  if (query) ask(query, !(views[0] && maps[0].isFinal), false);
  else if (state.query) clear(false);
  maps.forEach((map, i) => {
    if (views[i] && map.isFinal) map.view = views[i];
    else if (!views[i] && !query) map.showAll();
    map.pendingView = map.isFinal ? null : views[i];
  });
  state.restored = true;
  saveState();
}

/** Follow the history, or a link that is entered into an open page. */
function followAddress() {
  if (!state.restored || location.hash === state.address) return;
  const names = [...new URLSearchParams(location.hash.slice(1)).keys()];
  if (!names.length || names.some((name) => KNOWN.test(name))) restoreState(location.hash);
  else saveState(); // the id of an element, not a state of the map
}

addEventListener("popstate", followAddress);
addEventListener("hashchange", followAddress);
