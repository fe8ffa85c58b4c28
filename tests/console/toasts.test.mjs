// Messages: they go by themselves but not from under somebody's hands, are two at most, and tell what became of what they speak of.

import "./dom.mjs";
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

const { Toasts } = await import("../../src/web/assets/console-panel.js");
const { announce, told } = await import("../../src/web/assets/console-removals.js");

beforeEach(() => (document.activeElement = null));

/** Messages whose seconds pass when told. */
function messages() {
  const waiting = [];
  const toasts = new Toasts((run) => waiting.push(run));
  const pass = (seconds) => {
    for (let second = 0; second < seconds; second += 1) for (const run of waiting.splice(0)) run();
  };
  return { toasts, pass, said: () => toasts.element.children.map((node) => node.all("p")[0].textContent) };
}

test("each goes by itself, and what offers something stays for a quarter of a minute", () => {
  const { toasts, pass, said } = messages();
  toasts.show("Done");
  toasts.show("Removed", { action: { label: "Undo", run() {} } });
  pass(7);
  assert.deepEqual(said(), ["Done", "Removed"]);
  pass(1);
  assert.deepEqual(said(), ["Removed"]);
  pass(7);
  assert.deepEqual(said(), []);
});

test("none goes while the focus is in it, nor for a while after; then the focus goes back to where it was", () => {
  const { toasts, pass, said } = messages();
  const row = document.createElement("tr");
  toasts.show("Removed", { action: { label: "Undo", run() {} } });
  const [node] = toasts.element.children;
  node.listeners.focusin({ relatedTarget: row });
  node.all("button")[0].focus();
  pass(60);
  assert.deepEqual(said(), ["Removed"]);
  document.activeElement = row;
  pass(14);
  assert.deepEqual(said(), ["Removed"]);
  node.all("button")[1].focus();
  node.all("button")[1].listeners.click();
  assert.equal(document.activeElement, row);
  assert.deepEqual(said(), []);
});

test("two at most, the newest; one that somebody has to see over a panel stands in it", () => {
  const { toasts, said } = messages();
  for (const text of ["one", "two", "three"]) toasts.show(text);
  assert.deepEqual(said(), ["two", "three"]);
  toasts.place = document.createElement("div");
  toasts.show("four");
  assert.deepEqual(said(), ["three"]);
  assert.equal(toasts.place.textContent.startsWith("four"), true);
});

test("the one that somebody is at stays when a third comes, and three stand where somebody is at each", () => {
  const { toasts, said } = messages();
  for (const text of ["one", "two"]) toasts.show(text);
  toasts.element.children[0].all("button")[0].focus();
  toasts.show("three");
  assert.deepEqual(said(), ["one", "three"]);
  // As if the pointer were there.
  toasts.element.children[1].matches = () => true;
  toasts.show("four");
  assert.deepEqual(said(), ["one", "three", "four"]);
});

/** What a removal does by and by, as the service tells it, and what the message says of it. */
async function announced(states, removal, { seen = null, search = null, waited = () => {} } = {}) {
  const { toasts, said } = messages();
  const result = { removal: { id: "r", pledges: 0, expected: 5_631, ...removal }, already_removed: [], not_found: [] };
  const heard = [];
  const context = { api: { get: async () => ({ ...result.removal, ...states.shift() }) }, campaign: "defend", shared: { removed: [] }, toasts, attempt: (work) => work(), refresh() {} };
  const wait = async (ms) => {
    heard.push(said()[0]);
    waited(ms, context);
  };
  await announce(context, result, { seen, search, wait });
  return { heard: [...heard, said()[0]], context, toasts, said };
}

test("a removal is being removed only until it is done", async () => {
  const { heard, toasts } = await announced([{ state: "running", pledges: 3_000 }, { state: "done", pledges: 5_631 }], { state: "running" });
  assert.match(heard[0], /^5,631 pledges are being removed\./);
  assert.match(heard.at(-1), /^5,631 pledges were removed\./);
  assert.equal(heard.length, 3);
  const [link] = toasts.element.all("a");
  assert.equal(link.attributes.href, "#/c/defend/removals?id=r", "undo is there too: nobody has to be quick");
});

test("what differs from the preview is told", async () => {
  const more = await announced([{ state: "done", pledges: 5_630 }], { state: "running" }, { seen: 5_557 });
  assert.match(more.heard[0], /are being removed\. That is 74 more than the preview showed\./);
  assert.match(more.heard.at(-1), /^5,630 pledges were removed\. That is 73 more than the preview showed\./);
  const fewer = await announced([], { state: "done", pledges: 10 }, { seen: 12 });
  assert.match(fewer.heard[0], /^10 pledges were removed\. That is 2 fewer than the preview showed\./);
  const same = await announced([], { state: "done", pledges: 12 }, { seen: 12 });
  assert.ok(!/preview/.test(same.heard[0]));
});

test("what somebody else has undone meanwhile is told as that, and kept in mind no longer", async () => {
  const { context, said } = await announced([{ state: "paused", pledges: 2 }, { state: "undone", pledges: 2 }], { state: "running" }, { search: { country: "VA" } });
  assert.deepEqual(said(), ["2 pledges are back."]);
  assert.deepEqual([context.shared.removed, context.shared.last], [[], null]);
});

test("what is paused is asked about more and more seldom, and in a tab that nobody sees not at all", async (test) => {
  test.after(() => delete document.visibilityState);
  const paused = () => Array(7).fill({ state: "paused" });
  const waits = [];
  await announced([...paused(), { state: "running" }, { state: "done" }], { state: "running" }, { waited: (ms) => waits.push(ms) });
  assert.deepEqual(waits, [1_500, 3_000, 6_000, 12_000, 24_000, 30_000, 30_000, 30_000, 1_500]);
  const states = paused();
  let turns = 0;
  const waited = (_, { shared }) => {
    document.visibilityState = (turns += 1) < 9 ? "hidden" : "visible";
    if (turns === 11) shared.last.toast.close();
  };
  await announced(states, { state: "running" }, { waited });
  assert.deepEqual([turns, states.length], [11, 5], "asked twice, when somebody saw it");
});

test("what is undone elsewhere offers no undo any more", async () => {
  const { context, said } = await announced([], { state: "done", pledges: 2 });
  assert.match(said()[0], /^2 pledges were removed\./);
  told(context, { id: "r", state: "undone", pledges: 2 });
  assert.deepEqual(said(), ["2 pledges are back."]);
});
