// The review queue: what an address asks of it, how wrong signals were, accepting a whole group, and news that move nothing.

import "./dom.mjs";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { KEYS, QUEUE_KEYS, listed, meaning } from "../../src/web/assets/console-keys.js";

const { acceptAll, asked, summed } = await import("../../src/web/assets/console-queue.js");
const { fresh } = await import("../../src/web/assets/console-list.js");

test("an address asks for one by one, the sample, groups or the measure, and for what is alike", () => {
  assert.deepEqual(asked(""), { view: "rows", sample: false, narrowed: null });
  assert.deepEqual(asked("sample=true"), { view: "rows", sample: true, narrowed: null });
  assert.deepEqual(asked("view=clusters"), { view: "clusters", sample: false, narrowed: null });
  assert.deepEqual(asked("signal=wave_shape"), { view: "rows", sample: false, narrowed: ["signal", "wave_shape"] });
  assert.deepEqual(asked("view=evil&removal=x"), { view: "rows", sample: false, narrowed: null });
});

test("the queue can be narrowed to what the API's document has", () => {
  const document = readFileSync(new URL("../../openapi.yaml", import.meta.url), "utf8");
  const queue = document.match(/\n {6}operationId: getHeldQueue\n([\s\S]*?)\n {6}responses:/)[1];
  const known = [...queue.matchAll(/^ {6}- name: (\w+)$/gm)].map(([, name]) => name).filter((name) => !["slug", "sample", "limit", "cursor"].includes(name));
  assert.ok(known.length > 0);
  for (const name of known) assert.deepEqual(asked(`${name}=x`).narrowed, [name, "x"], name);
});

test("in the queue a accepts and r removes; elsewhere a ticks the page", () => {
  const press = (key, keys) => meaning({ key, target: {} }, { keys });
  assert.deepEqual(["j", "k", "a", "r", "x", "?"].map((key) => press(key, QUEUE_KEYS)), ["next", "previous", "accept", "remove", "tick", "help"]);
  assert.equal(press("a", KEYS), "tick_page");
  assert.equal(press("c", QUEUE_KEYS), null);
  assert.deepEqual(listed(QUEUE_KEYS).find(([what]) => what === "accept"), ["accept", ["a"]]);
});

const row = (week, signal, counts) => ({ week, signal, waiting: 0, accepted: 0, removed: 0, removed_unseen: 0, undecided: 0, ...counts });

test("the share of wrong holds is of what people decided one by one, all of the sample first, then the worst", () => {
  const weeks = [
    row("2026-11-23", null, { accepted: 2, removed: 8, waiting: 3 }),
    row("2026-11-23", "busy_source", { accepted: 1, removed: 1 }),
    row("2026-11-23", "honeypot", { removed: 7, removed_unseen: 100 }),
    row("2026-11-16", null, { accepted: 3, removed: 7 }),
    row("2026-11-16", "busy_source", { accepted: 2, removed: 0 }),
    row("2026-11-16", "wave_shape", { waiting: 4 }),
  ];
  const all = summed(weeks);
  assert.deepEqual(all.map(({ signal, wrong }) => [signal, wrong]), [[null, 0.25], ["busy_source", 0.75], ["honeypot", 0], ["wave_shape", null]]);
  assert.equal(all[2].removed_unseen, 100);
  assert.deepEqual(summed(weeks, "2026-11-23").map(({ signal, wrong }) => [signal, wrong]), [[null, 0.2], ["busy_source", 0.5], ["honeypot", 0]]);
  assert.deepEqual(summed([]), []);
});

/** An API that has so many held pledges, and takes a thousand at a time. */
function holding(held, { lost = 0 } = {}) {
  const bodies = [];
  const post = async (path, body) => {
    assert.equal(path, "/v1/moderation/campaigns/defend/acceptances");
    bodies.push(body);
    const accepted = Math.min(held, 1_000);
    held = Math.max(0, held - accepted - lost);
    return { accepted: Array(accepted).fill("id"), left: held };
  };
  return { api: { post }, bodies };
}

test("a group is accepted a thousand at a time, each time expecting what is left", async () => {
  const { api, bodies } = holding(2_500);
  const told = [];
  assert.equal(await acceptAll(api, "defend", { state: "held", country: "KE" }, 2_500, "A school", (...far) => told.push(far)), 2_500);
  assert.deepEqual(bodies.map(({ expected }) => expected), [2_500, 1_500, 500]);
  assert.deepEqual(bodies[0], { search: { state: "held", country: "KE" }, expected: 2_500, note: "A school" });
  assert.deepEqual(told, [[1_000, 1_500], [2_000, 500], [2_500, 0]]);
});

test("nothing goes round for ever where nothing is accepted", async () => {
  const post = async () => ({ accepted: [], left: 7 });
  assert.equal(await acceptAll({ post }, "defend", {}, 7, "x"), 0);
});

test("new is what has come since, not what moved up because others left", () => {
  assert.equal(fresh(["5", "4", "3"], ["7", "6", "5"], { isFull: true }), 2);
  assert.equal(fresh(["5", "4", "3"], ["4", "3", "2"], { isFull: true }), 0, "5 was removed, 2 moved up");
  assert.equal(fresh(["5"], ["5", "2"]), 1, "a page that isn't full has no older ones: 2 fits only now");
  assert.equal(fresh([], ["1", "2"]), 2);
});
