// What stands out: told in words, drawn without styles, and looked out for while a campaign is shown.

import { shown } from "./dom.mjs";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Problem } from "../../src/web/assets/console-api.js";
import { texts } from "../../src/web/assets/console-en.js";

const { Lookout, burst, chart, inOrder, reasonsOf, removedSince, titleOf, valueOf } = await import("../../src/web/assets/console-clusters.js");

const TAG = "00c5f16d0e7c3a9b";

test("each kind of group and each reason that the service knows has words", () => {
  const rust = (path) => readFileSync(new URL(`../../src/gate/waves/${path}`, import.meta.url), "utf8");
  const kinds = [...rust("common.rs").matchAll(/Self::\w+ => "(\w+)"/g)].map(([, name]) => name);
  assert.equal(kinds.length, 8);
  for (const kind of kinds) assert.ok(`common_${kind}` in texts, kind);
  const [, names] = rust("reasons.rs").match(/pub enum Why \{([\s\S]*?)\n\}/);
  const whys = [...names.matchAll(/^ {4}(\w+),$/gm)].map(([, name]) => name.replace(/(?<!^)([A-Z])/g, "_$1").toLowerCase());
  assert.ok(whys.length >= 4 && whys.includes("more_than_usual"));
  for (const why of whys) for (const end of ["", "_alone"]) assert.ok(`why_${why}${end}` in texts, `${why}${end}`);
});

test("a group is told by what it has in common; a tag by its beginning, with all of it at hand", () => {
  const partners = new Map([["0197c5f1-6d0e-7c3a-9b1e-2f4a5d6c7b80", "Human Rights House"]]);
  assert.equal(valueOf({ common: "country", value: "VA" }), "Vatican City (VA)");
  assert.equal(valueOf({ common: "signal", value: "busy_source" }), "busy source");
  assert.equal(valueOf({ common: "partner", value: [...partners.keys()][0] }, partners), "Human Rights House");
  assert.equal(valueOf({ common: "source_tag", value: TAG }), "00c5f1…");
  const minutes = valueOf({ common: "minute", value: "2026-11-23T12:00:00Z", search: { from: "2026-11-23T12:00:00Z", to: "2026-11-23T12:07:00Z" } });
  assert.match(minutes, /12:00:00 UTC to .*12:07:00 UTC/);
  const title = titleOf({ common: "domain_tag", value: TAG });
  assert.equal(title.textContent, "Same mailbox domain 00c5f1…");
  assert.equal(title.all("code")[0].attributes.title, TAG);
});

test("reasons are sentences, with what is usual where it is known", () => {
  const reasons = [{ why: "many_from_country", points: 1000, seen: 39_411, usual: 800 }, { why: "wave", points: 400, seen: 120, usual: null }];
  assert.deepEqual(reasonsOf({ reasons }), ["More pledges than its people explain: 39,411 from 800 people.", "120 look more like a wave’s than like people’s, all signs together."]);
});

test("first comes what takes most of a wave and fewest people; more pledges than people are first of all", () => {
  const group = (value, score, likely, compared) => ({ value, score, likely, compared });
  // As in a rehearsal: many sources of a few bots each had higher scores than the signal that has them all.
  const all = [group("VA", 1000, 0, 0), group("source", 762, 80, 80), group("signal", 679, 521, 521), group("mixed", 406, 1_000, 2_000)];
  assert.deepEqual(inOrder(all).map(({ value }) => value), ["VA", "signal", "source", "mixed"]);
  assert.deepEqual(inOrder([all[3], all[1]], "score"), [all[3], all[1]], "as the service has them");
});

test("the preview is of the hours in which nearly all came: who trickled in over the day is more likely a person", () => {
  const asOf = "2026-11-29T09:32:00.5Z";
  const hours = (counts) => Object.assign(Array(24).fill(0), counts);
  const of = (trend, more = {}) => burst({ trend, score: 680, search: { signals: ["wave_source"], from: "2026-11-28T10:00:00Z" }, ...more }, asOf);
  // As in a rehearsal: 42 people of the day before bore the signals of the wave.
  assert.deepEqual(of(hours({ 3: 20, 9: 22, 23: 1_785 })), { signals: ["wave_source"], from: "2026-11-29T08:32:00Z" });
  assert.deepEqual(of(hours({ 3: 20, 9: 1_000, 10: 900, 20: 9 })), { signals: ["wave_source"], from: "2026-11-28T18:32:00Z", to: "2026-11-28T20:32:00Z" });
  assert.equal(of(hours({ 23: 1_785 })), null, "there is nobody else");
  assert.equal(of(Array(24).fill(100)), null, "all day long");
  assert.equal(of(Object.assign(Array(24).fill(10), { 23: 1_000 })), null, "too many came at other times to be left out unsaid");
  assert.equal(of(hours({ 3: 20, 23: 1_785 }), { score: 1_000 }), null, "more pledges than people: all of them");
  assert.equal(of(hours({ 3: 20, 23: 1_785 }), { search: { from: "2026-11-29T09:20:00Z" } }), null, "the search knows it better");
});

test("the chart is drawn with attributes alone, one bar an hour, and says its numbers", () => {
  const trend = [...Array(22).fill(0), 1, 1_000];
  const node = chart(trend);
  const bars = node.all("rect");
  assert.equal(bars.length, 24);
  assert.equal(node.attributes.viewBox, "0 0 240 48");
  assert.deepEqual([bars[0], bars[22], bars[23]].map(({ attributes }) => [attributes.y, attributes.height]), [["48", "0"], ["46", "2"], ["0", "48"]]);
  assert.equal(bars[23].attributes.class, "now");
  assert.match(node.attributes["aria-label"], /1,000 in the busiest hour, 1,000 in the last one/);
  assert.ok(![node, ...bars].some((each) => "style" in each.attributes));
  assert.deepEqual(chart([]).all("rect"), []);
});

test("a group that was removed here is known until there is a look from after the removal's end, however long that took", async (test) => {
  test.mock.timers.enable({ apis: ["setTimeout"] });
  const { removeSearch } = await import("../../src/web/assets/console-removals.js");
  const at = (second) => `2026-11-29T09:32:${second}Z`;
  let [ended, drawn, state] = [false, null, "running"];
  const went = [];
  const removal = () => ({ id: "r", created_at: at("20.5"), expected: 5, pledges: 5, state });
  const api = { get: async () => removal(), post: async (path) => (path.endsWith("preview") ? { pledges: 5, states: [], countries: [], partners: [], hours: [], sample: [] } : { removal: removal(), already_removed: [], not_found: [] }) };
  const toast = { isShown: true, tell() {} };
  const context = { api, campaign: "defend", go: (place) => went.push(place), shared: { removed: [] }, toasts: { show: () => toast }, panels: { open: (_, draw) => (drawn = draw(() => (ended = true))) } };
  const group = { signals: ["wave_time"], from: at("00") };
  await removeSearch(context, group, new Map());
  await drawn.at(-1).listeners.submit({ preventDefault() {} });
  assert.ok(ended);
  assert.deepEqual(went, [{ campaign: "defend", screen: "removals", query: "id=r" }]);
  const known = (look, search, campaign = "defend") => removedSince({ as_of: look }, { search, trend: [], score: 500 }, campaign, context.shared.removed)?.id;
  const wait = async () => {
    test.mock.timers.tick(1_500);
    await settled();
  };
  // Nobody has to keep the message open for it.
  toast.isShown = false;
  await wait();
  assert.equal(known(at("30"), group), "r", "it goes on");
  [state, api.answeredAt] = ["done", Date.parse(at("40"))];
  await wait();
  assert.equal(known(at("30"), group), "r", "the look is from before the end");
  assert.equal(known(at("30"), { ...group, from: at("05") }), "r", "the search of another look begins later");
  assert.equal(known(at("40.1"), group), undefined, "a look from after knows it");
  assert.equal(known(at("30"), { signals: ["wave_pace"] }), undefined);
  assert.equal(known(at("30"), group, "other"), undefined);
  assert.equal(known(at("30"), { ...group, state: "held" }), undefined);
});

test("a look from before the end of a removal says that its numbers are from before; the next one doesn't, nor one of a removal that goes on", async () => {
  const search = { signals: ["wave_time"] };
  const group = { common: "signal", value: "wave_time", search, pledges: 1_833, trend: [0, 1_833], score: 724, reasons: [], compared: 100, likely: 99, confirmed_share: 0, last_at: "2026-11-30T00:10:35Z" };
  const api = { get: async (path) => (path.endsWith("names") ? { partners: [] } : { as_of: "2026-11-30T00:12:03Z", compared: 8_421, clusters: [group] }) };
  const ended = (at) => [{ campaign: "defend", id: "r", until: at ? Date.parse(at) : Infinity, search: { signals: ["wave_source"] } }];
  const says = async (at) => (await shown("console-clusters", { api, shared: { last: null, removed: ended(at) } })).screen.textContent.includes(texts.clusters_before);
  assert.deepEqual([await says("2026-11-30T00:12:10Z"), await says("2026-11-30T00:12:02Z"), await says(null)], [true, false, false]);
});

test("a group is gone only if what was removed is all that its own button would remove", () => {
  const look = { as_of: "2026-11-29T09:32:20Z" };
  const isGone = (removal, search, trend = []) => Boolean(removedSince(look, { search, trend, score: 680 }, "defend", [{ campaign: "defend", id: "r", until: Infinity, search: removal }]));
  const [first, middle, last] = ["2026-11-29T09:00:00Z", "2026-11-29T09:10:00.5Z", "2026-11-29T09:20:00Z"];
  assert.ok(isGone({ country: "VA" }, { country: "VA" }));
  assert.ok(!isGone({ country: "VA", from: last }, { country: "VA" }), "the last minutes of it alone");
  assert.ok(!isGone({ country: "VA", to: last }, { country: "VA", from: first }), "all but the last minutes");
  assert.ok(isGone({ country: "VA" }, { country: "VA", from: first, to: last }));
  assert.ok(!isGone({ country: "VA", from: middle }, { country: "VA", from: first }));
  assert.ok(isGone({ country: "VA", from: middle, to: last }, { country: "VA", from: last, to: middle.replace(".5", "") }) && isGone({ from: first, to: last }, { from: first, to: last }));
  assert.ok(!isGone({ from: first, to: middle }, { from: first, to: last }), "other minutes");
  // Nearly all came in the last hour: the card offers those alone.
  const trend = Object.assign(Array(24).fill(0), { 3: 20, 23: 1_785 });
  const signal = { signals: ["wave_time"], from: "2026-11-28T10:00:00Z" };
  assert.ok(isGone({ ...signal, from: "2026-11-29T08:32:20Z" }, signal, trend));
  assert.ok(!isGone({ ...signal, from: "2026-11-29T08:32:21Z" }, signal, trend));
});

/** A lookout whose service answers as told, with its timer in hand. */
function lookingOut(answer) {
  const [asked, told, waiting] = [[], [], []];
  const api = { get: async (path) => (asked.push(path), answer(path)) };
  const lookout = new Lookout(api, (look) => told.push(look), { later: (run) => waiting.push(run), never: () => (waiting.length = 0) });
  return { lookout, asked, told, waiting };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

test("it is looked again and again while a campaign is shown, and of the one that is shown alone", async () => {
  const { lookout, asked, told, waiting } = lookingOut(async (path) => ({ clusters: [], as_of: path }));
  lookout.follow("defend");
  lookout.follow("defend");
  await settled();
  assert.deepEqual(asked, ["/v1/moderation/campaigns/defend/clusters"]);
  assert.equal(waiting.length, 1);
  lookout.follow("other");
  assert.equal(lookout.look, null, "what stands out in one campaign isn't shown in another");
  await settled();
  assert.equal(told.at(-1).as_of, "/v1/moderation/campaigns/other/clusters");
  lookout.follow(null);
  assert.equal(waiting.length, 0);
});

test("a service that is away is asked again", async () => {
  let away = true;
  const { lookout, told, waiting } = lookingOut(async () => {
    if (away) throw new Problem(0, { code: "offline" });
    return { clusters: [{}], as_of: "now" };
  });
  lookout.follow("defend");
  await settled();
  assert.deepEqual([told.length, waiting.length], [0, 1]);
  away = false;
  await waiting[0]();
  assert.equal(told.length, 1);
});

test("an answer that comes after one has gone elsewhere is dropped", async () => {
  let answer;
  const { lookout, told } = lookingOut(() => new Promise((resolve) => (answer = resolve)));
  lookout.follow("defend");
  const first = answer;
  lookout.follow(null);
  first({ clusters: [{}] });
  await settled();
  assert.deepEqual(told, []);
  assert.equal(lookout.look, null);
});
