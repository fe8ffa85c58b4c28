// Removals and acceptances: how far a removal is, that undoing one which goes on stops it first, and what a key undoes.

import { send, settled, shown } from "./dom.mjs";
import assert from "node:assert/strict";
import { test } from "node:test";

const { acceptThese, announce, isUnderWay, previewed, progress, removeSearch, undo, undoAcceptance, undoLast } = await import("../../src/web/assets/console-removals.js");
const { Api } = await import("../../src/web/assets/console-api.js");
await import("../../src/web/assets/console-queue.js");

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

/** A service that holds an acceptance's pledges again, a thousand a call; `undone` has what it was asked. */
function holding(pledges, more = {}) {
  const undone = [];
  let held = 0;
  const post = async (path, { note }) => {
    undone.push([path.replace("/v1/moderation/campaigns/", ""), note]);
    held = Math.min(pledges, held + 1_000);
    return { acceptance: { id: "x", moderator: "ada", note: "", by_search: true, pledges, held_again: held, created_at: "2026-11-29T02:14:00Z", undone_at: "2026-11-29T02:20:00Z", undone_by: "ada", undo_note: note, ...more }, left: pledges - held };
  };
  return { post, undone };
}

test("an acceptance is undone as one, a thousand at a time, and says how far it is", async () => {
  const { post, undone } = holding(2_500);
  const [said, closed] = [[], []];
  const toasts = { show: (words) => (said.push(words), { tell: (more) => said.push(more), close: () => closed.push(true) }) };
  const acceptance = await undoAcceptance({ api: { post }, campaign: "defend", toasts }, "x", "Bots after all");
  assert.equal(acceptance.held_again, 2_500);
  assert.deepEqual(undone, Array(3).fill(["defend/acceptances/x/undo", "Bots after all"]));
  assert.deepEqual([said, closed], [["1,500 to go", "500 to go", "0 to go"], [true]]);
});

test("nothing goes round for ever where nothing more can be held", async () => {
  let calls = 0;
  const post = async () => ({ acceptance: { id: "x" }, left: ((calls += 1), 7) });
  await undoAcceptance({ api: { post }, campaign: "defend", toasts: { show: () => ({ tell() {}, close() {} }) } }, "x", "");
  assert.equal(calls, 2);
});

test("an undo that wants a fresh proof of identity is made again after it: of a removal, and of an acceptance", async () => {
  const asked = [];
  let proved = true;
  const json = (status, body) => new Response(JSON.stringify(body), { status });
  const api = new Api({ locks: null, fetch: async (path) => {
    if (path === "/v1/auth/login") return json(200, { access_token: "one", moderator: {} });
    asked.push(path.split("/").slice(-3).join("/"));
    return proved ? json(200, { id: "r", state: "undoing", acceptance: { id: "x" }, left: 0 }) : json(403, { code: "step_up_required" });
  } });
  api.onStepUp = async () => (proved = true);
  await api.signIn("ada", "secret");
  proved = false;
  assert.equal((await undo(api, "defend", "r", "x")).state, "undoing");
  proved = false;
  assert.equal((await undoAcceptance({ api, campaign: "defend" }, "x", "x")).id, "x");
  assert.deepEqual(asked, [...Array(2).fill("removals/r/undo"), ...Array(2).fill("acceptances/x/undo")]);
});

const removal = { id: "r", reason: "bot", note: "", state: "done", pledges: 2, created_at: "2026-11-29T09:32:20Z" };

/** Somebody at the queue, whose service accepts and undoes. */
async function queue({ accepted = ["a"], pledges = 1, ...more } = {}) {
  const { post: undoing, undone } = holding(pledges, { by_search: false });
  const api = {
    get: async (path) => (path.endsWith("names") ? { partners: [] } : { clusters: [], looked_at: 0 }),
    post: async (path, body) => {
      if (path.endsWith("acceptances")) return { acceptance: accepted.length > 0 ? "x" : null, accepted, left: 0 };
      return path.includes("removals") ? (undone.push([path.replace("/v1/moderation/campaigns/", ""), body.note]), { ...removal, state: "undone" }) : undoing(path, body);
    },
  };
  const all = await shown("console-queue", { query: "view=clusters", api, ...more });
  const accept = async (ids) => {
    const done = acceptThese(all.context, ids);
    await send(all.opened.at(-1).drawn, { note: "A person" });
    return done;
  };
  const { screen, context } = all;
  return { ...all, undone, accept, key: () => screen.act("undo"), remove: (more = {}) => announce(context, { removal: { ...removal, ...more }, already_removed: [], not_found: [] }) };
}

test("after a wrong acceptance the key takes that back, not the removal before it", async () => {
  const { accept, context, key, remove, said, undone } = await queue();
  await remove();
  assert.equal(await accept(["a"]), true);
  assert.equal(said.at(-1), "1 pledge counts now.");
  await key();
  assert.deepEqual(undone, [["defend/acceptances/x/undo", "Undone in the console without a note"]]);
  assert.deepEqual([said.at(-1), context.refreshed], ["1 pledge is held again.", 1]);
  await key();
  assert.equal(undone.length, 1, "one thing, the last");
  assert.match(said.at(-1), /^There is nothing of yours/);
});

test("an acceptance of what others have decided is nothing to undo, nor is the removal before it", async () => {
  const { accept, key, remove, said, undone } = await queue({ accepted: [] });
  await remove();
  await accept(["a"]);
  assert.equal(said.at(-1), "0 pledges count now.");
  await key();
  assert.deepEqual(undone, []);
});

test("much, of a while ago, or of another campaign is undone only when somebody says yes to what it is", async () => {
  const [asked, answers] = [[], []];
  const sure = async (_, text) => (asked.push(text), answers.shift());
  const { context, key, remove, undone } = await queue({ sure });
  context.api.answeredAt = Date.parse("2026-11-29T02:14:00Z");
  await remove({ pledges: 100 });
  await key();
  assert.deepEqual([asked, undone.length], [[], 1]);
  await remove({ pledges: 50_000 });
  answers.push(undefined, true);
  await key();
  assert.match(asked[0], /^Put back 50,000 pledges removed from defend at 29 Nov 2026, 02:14:00 UTC\?$/);
  assert.equal(undone.length, 1, "the question was left");
  await key();
  assert.equal(undone.length, 2);
  await remove();
  context.api.answeredAt += 181_000;
  answers.push(false);
  await key();
  assert.match(asked[2], /^Put back 2 pledges /);
  await remove();
  context.campaign = "other";
  answers.push(false);
  await key();
  assert.match(asked[3], / from defend /);
  assert.equal(undone.length, 2);
});

test("what was accepted in one go is asked about as what it is", async () => {
  const asked = [];
  const { accept, key, undone } = await queue({ accepted: Array(101).fill("a"), sure: async (_, text) => (asked.push(text), true) });
  await accept(["a", "b"]);
  await key();
  assert.match(asked[0], /^Hold 101 pledges again, accepted in defend at /);
  assert.equal(undone.length, 1);
});

test("an undo on its card draws the card alone, and what stands out is counted anew without the removal", async () => {
  const counted = [];
  const { button, context, opened, screen } = await shown("console-removals", {
    api: { get: async () => ({ removals: [removal], next_cursor: null }), post: async () => ({ ...removal, state: "undone" }) },
    shared: { removed: [{ id: "r" }], last: null },
    recount: () => counted.push(context.shared.removed.length),
    refresh: () => assert.fail("all is drawn anew"),
  });
  const [card] = screen.all("article");
  button("Undo").listeners.click();
  await send(opened[0].drawn, { note: "x" });
  assert.deepEqual(counted, [0]);
  assert.match(card.all("h3")[0].textContent, /undone/);
});

test("acceptances stand beside removals in the same form, and are undone there to the end", async () => {
  const asked = [];
  const { post, undone } = holding(1_500);
  const of = (id, more) => ({ id, moderator: "ada", note: "A school", by_search: false, pledges: 3, held_again: 0, created_at: "2026-11-29T02:14:00Z", undone_at: null, undone_by: null, undo_note: null, ...more });
  const acceptances = [of("x", { by_search: true, pledges: 1_500 }), of("y", { undone_at: "2026-11-29T03:00:00Z", undone_by: "bert", held_again: 3 }), of("z", { undone_at: "2026-11-29T03:00:00Z", held_again: 2 })];
  const { button, opened, said, screen } = await shown("console-removals", { query: "view=acceptances", api: { get: async (path) => (asked.push(path), { acceptances, next_cursor: null }), post }, refresh: () => assert.fail("all is drawn anew") });
  assert.deepEqual(asked, ["/v1/moderation/campaigns/defend/acceptances?limit=20"]);
  assert.deepEqual(screen.all("nav")[0].all("a").map(({ textContent, attributes }) => [textContent, attributes.href, attributes["aria-current"]]), [["Removed", "#/c/defend/removals", undefined], ["Accepted", "#/c/defend/removals?view=acceptances", "page"]]);
  const [first, second, third] = screen.all("article");
  assert.match(first.textContent, /^Accepted searchA school.*1,500.*ada.*29 Nov 2026, 02:14:00 UTC.*Undo$/);
  assert.match(second.textContent, /^Accepted undone.*bert/);
  assert.equal(second.all("button").length, 0);
  assert.equal(third.all("button").length, 1, "an undo that was broken off can go on");
  button("Undo", first).listeners.click();
  await send(opened[0].drawn, { note: "Bots after all" });
  await settled();
  assert.equal(undone.length, 2);
  assert.deepEqual(said, ["500 to go", "0 to go", "1,500 pledges are held again."]);
  assert.match(first.textContent, /^Accepted search undone.*Held again1,500/);
  assert.equal(first.all("button").length, 0);
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
  await removeSearch({ api, campaign: "defend", panels }, { country: "VA" }, new Map());
  const [, alert, shown, decide] = drawn;
  await send(decide);
  assert.equal(alert.attributes.role, "alert");
  assert.match(alert.textContent, /5,557 fit now; 4,608 when you looked\./);
  assert.equal(document.activeElement, alert);
  assert.match(shown.textContent, /^5,557 pledges would be removed/);
  assert.ok(!decide.all("p").some((node) => node.hidden === false), "not below the fold once more");
});
