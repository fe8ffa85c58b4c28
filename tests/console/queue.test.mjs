// The review queue: what an address asks of it, how wrong signals were, accepting a whole group, and news that move nothing.

import { send, settled, shown } from "./dom.mjs";
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

const row = (week, signal, counts) => ({ week, signal, waiting: 0, accepted: 0, accepted_unseen: 0, removed: 0, removed_unseen: 0, undecided: 0, ...counts });

test("the share of wrong holds is of what people decided one by one, all of the sample first, then the worst", () => {
  const weeks = [
    row("2026-11-23", null, { accepted: 2, removed: 8, waiting: 3 }),
    row("2026-11-23", "busy_source", { accepted: 1, removed: 1 }),
    row("2026-11-23", "honeypot", { removed: 7, removed_unseen: 100, accepted_unseen: 90 }),
    row("2026-11-16", null, { accepted: 3, removed: 7 }),
    row("2026-11-16", "busy_source", { accepted: 2, removed: 0 }),
    row("2026-11-16", "wave_shape", { waiting: 4 }),
  ];
  const all = summed(weeks);
  assert.deepEqual(all.map(({ signal, wrong }) => [signal, wrong]), [[null, 0.25], ["busy_source", 0.75], ["honeypot", 0], ["wave_shape", null]]);
  assert.deepEqual([all[2].removed_unseen, all[2].accepted_unseen], [100, 90]);
  assert.deepEqual(summed(weeks, "2026-11-23").map(({ signal, wrong }) => [signal, wrong]), [[null, 0.2], ["busy_source", 0.5], ["honeypot", 0]]);
  assert.deepEqual(summed([]), []);
});

test("the measure has a column for what was accepted unseen, beside what was removed so", async () => {
  const weeks = [row("2026-11-23", null, { accepted: 2, accepted_unseen: 1_234, removed: 8, removed_unseen: 77 })];
  const { screen } = await shown("console-queue", { query: "view=sampling", api: { get: async (path) => (path.endsWith("sampling") ? { weeks } : { partners: [] }) } });
  const heads = screen.all("th").map(({ textContent }) => textContent);
  assert.deepEqual(heads.slice(2, 6), ["Accepted", "Accepted unseen", "Removed", "Removed unseen"]);
  assert.deepEqual(screen.all("td").slice(1, 5).map(({ textContent }) => textContent), ["2", "1,234", "8", "77"]);
});

/** An API that has so many held pledges, and takes a thousand at a time. */
function holding(held, { lost = 0 } = {}) {
  const bodies = [];
  const post = async (path, body) => {
    assert.equal(path, "/v1/moderation/campaigns/defend/acceptances");
    bodies.push(body);
    const accepted = Math.min(held, 1_000);
    held = Math.max(0, held - accepted - lost);
    return { acceptance: accepted > 0 ? "x" : null, accepted: Array(accepted).fill("id"), left: held };
  };
  return { api: { post }, bodies };
}

const far = (left) => ({ acceptance: null, done: 0, left });

test("a group is accepted a thousand at a time, each time expecting what is left, as one acceptance", async () => {
  const { api, bodies } = holding(2_500);
  const [told, at] = [[], far(2_500)];
  await acceptAll(api, "defend", { state: "held", country: "KE" }, "A school", at, () => told.push([at.done, at.left]));
  assert.deepEqual(bodies.map(({ expected, acceptance }) => [expected, acceptance]), [[2_500, undefined], [1_500, "x"], [500, "x"]]);
  assert.deepEqual(bodies[0], { search: { state: "held", country: "KE" }, expected: 2_500, note: "A school" });
  assert.deepEqual(told, [[1_000, 1_500], [2_000, 500], [2_500, 0]]);
  assert.deepEqual([at.acceptance, at.done], ["x", 2_500]);
});

test("nothing goes round for ever where nothing is accepted", async () => {
  const at = far(7);
  await acceptAll({ post: async () => ({ acceptance: null, accepted: [], left: 7 }) }, "defend", {}, "x", at);
  assert.deepEqual([at.done, at.acceptance], [0, null]);
});

const group = { common: "country", value: "KE", pledges: 5, last_at: null, search: { state: "held", country: "KE" } };

/** The groups of the queue, with a service that counts and accepts as told. */
async function groups(counts, answers) {
  const bodies = [];
  const api = {
    get: async (path) => (path.endsWith("clusters") ? { looked_at: 5, clusters: [group] } : { partners: [] }),
    post: async (path, body) => {
      if (path.endsWith("preview")) return { pledges: counts.shift() };
      bodies.push([path.split("/").pop(), body.expected, body.acceptance]);
      const answer = await answers.shift();
      if (answer instanceof Error) throw answer;
      return answer;
    },
  };
  const all = await shown("console-queue", { query: "view=clusters", api });
  const done = all.button("Accept all").listeners.click();
  await settled();
  const [{ drawn, close }] = all.opened;
  const far = () => drawn.all("p").find(({ attributes }) => attributes.role === "status").textContent;
  const error = drawn.all("p").find(({ attributes }) => attributes.role === "alert");
  return { ...all, bodies, done, drawn, close, far, error };
}

const some = (count, left) => ({ acceptance: "x", accepted: Array(count).fill("id"), left });
const outdated = () => Object.assign(new Error(), { code: "preview_outdated" });

test("where others fit by now the new count is shown, and one more press goes on with the same acceptance", async () => {
  const { bodies, context, done, drawn, error, far, said } = await groups([2_500, 1_700], [some(1_000, 1_500), outdated(), some(1_000, 700), some(700, 0)]);
  assert.equal(far(), "0 accepted, 2,500 to go");
  await send(drawn, { note: "A school" });
  assert.match(error.textContent, /^What fits the search has changed/);
  assert.equal(error.hidden, false);
  assert.equal(far(), "1,000 accepted, 1,700 to go");
  await send(drawn, { note: "A school" });
  await done;
  assert.deepEqual(bodies, [["acceptances", 2_500, undefined], ["acceptances", 1_500, "x"], ["acceptances", 1_700, "x"], ["acceptances", 700, "x"]]);
  assert.deepEqual(said, ["2,700 pledges count now."]);
  assert.deepEqual([context.shared.last.id, context.shared.last.count, context.refreshed], ["x", 2_700, 1]);
});

test("whoever leaves half-way is told what counts by then, and can undo it; nothing more is accepted", async () => {
  let answer;
  const { bodies, close, context, done, drawn, said } = await groups([2_500], [some(1_000, 1_500), new Promise((resolve) => (answer = resolve))]);
  const sent = send(drawn, { note: "A school" });
  await settled();
  close();
  await settled();
  assert.deepEqual(said, [], "a thousand are on their way");
  answer(some(1_000, 500));
  await Promise.all([sent, done]);
  assert.equal(bodies.length, 2);
  assert.deepEqual([said, context.shared.last.count], [["2,000 pledges count now."], 2_000]);
});

test("whoever leaves before it began has done nothing", async () => {
  const { bodies, close, context, done, said } = await groups([5], []);
  close();
  await done;
  assert.deepEqual([bodies, said, context.refreshed], [[], [], 0]);
});

test("new is what has come since, not what moved up because others left", () => {
  assert.equal(fresh(["5", "4", "3"], ["7", "6", "5"], { isFull: true }), 2);
  assert.equal(fresh(["5", "4", "3"], ["4", "3", "2"], { isFull: true }), 0, "5 was removed, 2 moved up");
  assert.equal(fresh(["5"], ["5", "2"]), 1, "a page that isn't full has no older ones: 2 fits only now");
  assert.equal(fresh([], ["1", "2"]), 2);
});
