// The wall: what can be done in each of its views, as many at a time as the API takes.

import "./dom.mjs";
import assert from "node:assert/strict";
import { test } from "node:test";
import { texts } from "../../src/web/assets/console-en.js";
import { WALL_KEYS } from "../../src/web/assets/console-keys.js";

const { VIEWS, decide } = await import("../../src/web/assets/console-wall.js");

test("each view has its words, and each of its acts words, a key and what is said after", () => {
  for (const [view, { acts }] of Object.entries(VIEWS)) {
    for (const key of [`wall_${view}`, `wall_told_${view}`, `wall_none_${view}`]) assert.ok(key in texts, key);
    for (const act of acts) {
      for (const key of [`wall_act_${act}`, `wall_done_${act}`]) assert.ok(key in texts, key);
      assert.ok(Object.values(WALL_KEYS).includes(act), act);
    }
  }
});

test("more than a hundred are decided a hundred at a time, with the same reason", async () => {
  const bodies = [];
  const post = async (path, body) => {
    assert.equal(path, "/v1/moderation/campaigns/defend/wall/declines");
    bodies.push(body);
    return { declined: body.ids.slice(1) };
  };
  const ids = Array.from({ length: 250 }, (_, index) => `${index}`);
  const done = await decide({ post }, "defend", "decline", ids, { reason: "spam" });
  assert.deepEqual(bodies.map((body) => [body.ids.length, body.reason]), [[100, "spam"], [100, "spam"], [50, "spam"]]);
  assert.equal(done.length, 247, "those that the service left out are not told as done");
});

test("approving asks for no reason, and answers by its own name", async () => {
  const post = async (path, body) => {
    assert.deepEqual([path.split("/").pop(), body], ["approvals", { ids: ["a"] }]);
    return { approved: ["a"] };
  };
  assert.deepEqual(await decide({ post }, "defend", "approve", ["a"]), ["a"]);
});
