// Removals: how far one is, and that undoing one which goes on stops it first.

import assert from "node:assert/strict";
import { test } from "node:test";
import { isUnderWay, progress, undo } from "../../src/web/assets/console-removing.js";

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
