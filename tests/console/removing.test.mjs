// Removals: how far one is, and that undoing one which goes on stops it first.

import "./dom.mjs";
import assert from "node:assert/strict";
import { test } from "node:test";

const { isUnderWay, previewed, progress, removeSearch, undo } = await import("../../src/web/assets/console-removing.js");

test("how far a removal is", () => {
  assert.equal(progress({ state: "running", expected: 200, pledges: 50, put_back: 0 }), 0.25);
  assert.equal(progress({ state: "paused", expected: 200, pledges: 100, put_back: 0 }), 0.5);
  assert.equal(progress({ state: "undoing", expected: 200, pledges: 100, put_back: 25 }), 0.25);
  assert.equal(progress({ state: "done", expected: 200, pledges: 180, put_back: 0 }), 1);
  assert.equal(progress({ state: "running", expected: null, pledges: 0, put_back: 0 }), null);
  assert.equal(progress({ state: "undoing", expected: null, pledges: 0, put_back: 0 }), null);
  assert.equal(progress({ state: "running", expected: 10, pledges: 12, put_back: 0 }), 1, "never more than all");
});

test("what goes on by itself is asked about again", () => {
  assert.deepEqual(["running", "paused", "cancelled", "done", "undoing", "undone"].filter((state) => isUnderWay({ state })), ["running", "undoing"]);
});

/** An API that answers an undo with a problem as long as the removal goes on. */
function removing(state) {
  const asked = [];
  const post = async (path, body) => {
    const what = path.split("/").pop();
    asked.push([what, body]);
    if (what === "cancel") state = "cancelled";
    else if (state === "running") throw Object.assign(new Error(), { code: "removal_under_way" });
    else if (state === "undone") throw Object.assign(new Error(), { code: "already_undone" });
    return { id: "r", state: "undone" };
  };
  return { api: { post }, asked };
}

test("a removal that is done is undone at once", async () => {
  const { api, asked } = removing("done");
  assert.equal((await undo(api, "defend", "r", "Honest people")).state, "undone");
  assert.deepEqual(asked, [["undo", { note: "Honest people" }]]);
});

test("one that goes on is cancelled first", async () => {
  const { api, asked } = removing("running");
  await undo(api, "defend", "r", "Honest people");
  assert.deepEqual(asked.map(([what]) => what), ["undo", "cancel", "undo"]);
});

test("what can't be undone says so", async () => {
  const { api, asked } = removing("undone");
  await assert.rejects(undo(api, "defend", "r", "x"), { code: "already_undone" });
  assert.equal(asked.length, 1);
});

test("an undo on its card draws the card alone, and what stands out is counted anew without the removal", async () => {
  const defined = {};
  customElements.define = (name, element) => (defined[name] = element);
  await import("../../src/web/assets/console-removals.js");
  globalThis.FormData = class extends Array {};
  const removal = { id: "r", reason: "bot", note: "", state: "done", pledges: 2, created_at: "2026-11-29T09:32:20Z" };
  let drawn;
  const counted = [];
  const context = {
    api: { get: async () => ({ removals: [removal], next_cursor: null }), post: async () => ({ ...removal, state: "undone" }) },
    campaign: "defend", query: "", failed: assert.ifError, toasts: { show() {} }, shared: { removed: [{ id: "r" }], lastRemoval: null },
    panels: { open: (_, draw) => (drawn = draw(() => {})) },
    recount: () => counted.push(context.shared.removed.length),
    refresh: () => assert.fail("all is drawn anew"),
  };
  const screen = Object.assign(new defined["console-removals"](), { context });
  screen.connectedCallback();
  await new Promise((resolve) => setImmediate(resolve));
  const [card] = screen.all("article");
  await card.all("button").find(({ textContent }) => textContent === "Undo").listeners.click();
  await drawn.listeners.submit({ preventDefault() {} });
  assert.deepEqual(counted, [0]);
  assert.match(card.all("h3")[0].textContent, /undone/);
});

/** A preview of so many, of which so many count. */
const preview = (pledges, counted = 0) => ({ pledges, states: [{ state: "held", count: pledges - counted }, ...(counted > 0 ? [{ state: "counted", count: counted }] : [])], countries: [], partners: [], hours: [], sample: [] });

const textOf = (nodes) => nodes.map((node) => node.textContent ?? node).join(" | ");

test("a preview says what of it the public total has, and shows some before it counts them by this and that", () => {
  assert.match(textOf(previewed(preview(4_608))), /4,608 pledges would be removed.*None of them is in the public total now\..*Some of them/);
  assert.match(textOf(previewed(preview(4_608, 27))), /27 of them count in the public total now\./);
  assert.ok(!/public total/.test(textOf(previewed(preview(0)))));
});

test("a refusal because others fit by now stands above the new count, with both numbers, and has the focus", async () => {
  const answers = [preview(4_608), Object.assign(new Error(), { code: "preview_outdated" }), preview(5_557)];
  const api = { post: async () => {
    const answer = answers.shift();
    if (answer instanceof Error) throw answer;
    return answer;
  } };
  let drawn;
  const panels = { open: (_, draw) => (drawn = draw(() => {})) };
  globalThis.FormData = class extends Array {};
  await removeSearch({ api, campaign: "defend", panels }, { country: "VA" }, new Map());
  const [, alert, shown, decide] = drawn;
  await decide.listeners.submit({ preventDefault() {} });
  assert.equal(alert.attributes.role, "alert");
  assert.match(alert.textContent, /5,557 fit now; 4,608 when you looked\./);
  assert.equal(document.activeElement, alert);
  assert.match(shown.textContent, /^5,557 pledges would be removed/);
  assert.ok(!decide.all("p").some((node) => node.hidden === false), "not below the fold once more");
});
