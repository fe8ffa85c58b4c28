// Ticks and keys: what is ticked stays while pages turn, no more than one call takes, and letters are letters while one types.

import "./dom.mjs";
import assert from "node:assert/strict";
import { test } from "node:test";
import { KEYS, lettersAreOn, listed, meaning, setLetters } from "../../src/web/assets/console-keys.js";

const { MOST, Selection } = await import("../../src/web/assets/console-rows.js");

/** A selection that shows a page of these. */
function showing(...ids) {
  const selection = new Selection();
  selection.show(ids);
  return selection;
}

test("the keyboard goes from row to row and stops at both ends", () => {
  const selection = showing("a", "b");
  assert.equal(selection.current, "a");
  assert.deepEqual([selection.move(-1), selection.move(1), selection.move(1)], [false, true, false]);
  assert.equal(selection.current, "b");
  assert.equal(showing().current, null);
  assert.equal(showing().move(1), false);
});

test("without a tick the row that the keyboard is on is meant", () => {
  const selection = showing("a", "b");
  selection.move(1);
  assert.deepEqual(selection.chosen, ["b"]);
  selection.toggle("a");
  assert.deepEqual(selection.chosen, ["a"]);
  assert.deepEqual(showing().chosen, []);
});

test("a range goes from the last tick, in both directions", () => {
  const selection = showing("a", "b", "c", "d");
  selection.toggle("c");
  selection.extendTo("a");
  assert.deepEqual(selection.chosen.sort(), ["a", "b", "c"]);
  selection.clear();
  selection.toggle("b");
  selection.extendTo("d");
  assert.deepEqual(selection.chosen.sort(), ["b", "c", "d"]);
  assert.equal(selection.extendTo("not here"), false);
});

test("ticks of other pages stay", () => {
  const selection = showing("a", "b");
  assert.equal(selection.togglePage(), true);
  selection.show(["c"]);
  selection.toggle("c");
  assert.deepEqual(selection.chosen.sort(), ["a", "b", "c"]);
  selection.drop(["a", "c"]);
  assert.deepEqual(selection.chosen, ["b"]);
});

test("the whole page is ticked, and unticked when it is ticked already", () => {
  const selection = showing("a", "b");
  selection.toggle("a");
  assert.equal(selection.isWholePage, false);
  selection.togglePage();
  assert.equal(selection.isWholePage, true);
  selection.togglePage();
  assert.equal(selection.size, 0);
  assert.equal(showing().isWholePage, false);
});

test("no more is ticked than one call takes", () => {
  const selection = showing(...Array.from({ length: MOST + 1 }, (_, index) => `${index}`));
  assert.equal(selection.togglePage(), false);
  assert.equal(selection.size, MOST);
  assert.equal(selection.toggle("0"), true, "a tick can be taken off");
  assert.equal(selection.size, MOST - 1);
});

const press = (key, target = { tagName: "BODY" }, more = {}) => meaning({ key, target, ...more });

test("each key does what the help says", () => {
  for (const [key, what] of Object.entries(KEYS)) assert.equal(press(key), what);
  assert.deepEqual(listed().flatMap(([, keys]) => keys), Object.keys(KEYS));
  assert.equal(press("constructor"), null);
  assert.equal(press("q"), null);
});

test("letters are letters while one types, but not on a tick", () => {
  for (const tagName of ["TEXTAREA", "SELECT"]) assert.equal(press("r", { tagName }), null);
  for (const type of ["text", "search", "number", "datetime-local"]) assert.equal(press("r", { tagName: "INPUT", type }), null);
  assert.equal(press("r", { tagName: "DIV", isContentEditable: true }), null);
  assert.equal(press("x", { tagName: "INPUT", type: "checkbox" }), "tick");
});

test("keys of the browser and of readers of screens are left alone", () => {
  for (const held of ["ctrlKey", "altKey", "metaKey", "isComposing", "defaultPrevented"]) assert.equal(press("r", undefined, { [held]: true }), null);
  assert.equal(meaning({ key: "ArrowDown", target: {} }, { inTable: false }), null);
});

test("single letters can be turned off", () => {
  assert.equal(meaning({ key: "r", target: {} }, { letters: false }), null);
  assert.equal(meaning({ key: "?", target: {} }, { letters: false }), null);
  assert.equal(meaning({ key: "Escape", target: {} }, { letters: false }), "clear");
  const kept = new Map();
  const storage = { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value) };
  assert.equal(lettersAreOn(storage), true);
  setLetters(storage, false);
  assert.equal(lettersAreOn(storage), false);
  assert.equal(lettersAreOn(undefined), true);
});
