// The live totals: one connection for all on a page, honest states, and rest when nobody looks.

import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";

class Stream extends EventTarget {
  static all = [];
  readyState = 1;
  constructor(address) {
    super();
    this.address = address;
    Stream.all.push(this);
  }
  say(type, data) {
    this.dispatchEvent(Object.assign(new Event(type), { data: JSON.stringify(data) }));
  }
  fail(readyState) {
    this.readyState = readyState;
    this.onerror();
  }
  close() {
    this.readyState = 2;
  }
}

globalThis.document = Object.assign(new EventTarget(), { hidden: false });
globalThis.addEventListener = () => {};
globalThis.navigator ??= { onLine: true };
globalThis.EventSource = Stream;
const { follow } = await import("../../src/web/assets/feed.js");

const totals = (version, total) => ({ campaign: "c", version, total, elsewhere: 0, countries: [{ country: "FR", count: total }] });
let asked, answer, age, ago, told, stop, campaigns = 0, now;

const settle = async () => {
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
};
const pass = async (milliseconds) => {
  for (let done = 0; done < milliseconds; done += 5000) {
    now += 5000;
    mock.timers.tick(5000);
    await settle();
  }
};
const look = (hidden) => {
  document.hidden = hidden;
  document.dispatchEvent(new Event("visibilitychange"));
};

beforeEach(() => {
  now = 1e12;
  mock.timers.enable({ apis: ["setInterval", "setTimeout"] });
  mock.method(Date, "now", () => now);
  [asked, told, Stream.all] = [[], [], []];
  answer = () => totals(1, 10);
  age = null;
  globalThis.fetch = async (address) => {
    asked.push(address);
    const body = answer();
    return { ok: Boolean(body), headers: new Headers(age === null ? {} : { age: String(age) }), json: async () => body };
  };
  campaigns += 1;
  document.hidden = false;
  stop = follow("https://s.test", `c${campaigns}`, ({ totals, state, at }) => {
    told.push([totals?.total, state]);
    ago = (now - at) / 1000;
  });
});
afterEach(() => {
  stop();
  mock.timers.reset();
  mock.restoreAll();
});
const last = () => told[told.length - 1];

test("all who follow share one stream, and the last one ends it", () => {
  const again = [];
  const stopAgain = follow("https://s.test", `c${campaigns}`, ({ totals }) => again.push(totals.total));
  assert.equal(Stream.all.length, 1);
  Stream.all[0].say("totals", totals(3, 30));
  assert.deepEqual([last(), again], [[30, "live"], [30]]);
  const late = [];
  follow("https://s.test", `c${campaigns}`, ({ totals }) => late.push(totals.total))();
  assert.deepEqual(late, [30], "who comes later is told what is known");
  stopAgain();
  assert.equal(Stream.all[0].readyState, 1);
  stop();
  assert.equal(Stream.all[0].readyState, 2);
});

test("changes are applied, older versions ignored, and after a gap the whole is asked for", async () => {
  const [stream] = Stream.all;
  stream.say("totals", totals(3, 30));
  stream.say("change", { version: 4, previous_version: 3, total: 31, elsewhere: 0, countries: [{ country: "FR", count: 31 }] });
  assert.deepEqual(last(), [31, "live"]);
  stream.say("change", { version: 4, previous_version: 3, total: 99, elsewhere: 0, countries: [] });
  assert.deepEqual(last(), [31, "live"]);
  answer = () => totals(9, 90);
  stream.say("change", { version: 9, previous_version: 8, total: 90, elsewhere: 0, countries: [] });
  await settle();
  assert.deepEqual([asked.length, last()], [1, [90, "live"]]);
});

test("where streams are refused it asks every few seconds, slower while that fails, and says so", async () => {
  Stream.all[0].fail(2);
  await settle();
  assert.deepEqual(last(), [10, "polling"]);
  await pass(60_000);
  assert(asked.length >= 7 && asked.length <= 13, `${asked.length} in a minute`);
  answer = () => null;
  const before = asked.length;
  await pass(300_000);
  assert.deepEqual(last(), [10, "stale"]);
  assert(asked.length - before < 15, `${asked.length - before} in five minutes of failure`);
});

test("a stream that falls silent is not called live", async () => {
  Stream.all[0].say("totals", totals(3, 30));
  answer = () => null;
  await pass(60_000);
  assert.deepEqual(last(), [30, "stale"]);
});

test("a service that can't look for newer totals is not called live", () => {
  const [stream] = Stream.all;
  stream.say("totals", totals(3, 30));
  const beat = { version: 3, checked_at: "2026-11-28T12:00:00Z" };
  stream.say("heartbeat", beat);
  assert.deepEqual(last(), [30, "live"]);
  stream.say("heartbeat", beat);
  assert.deepEqual(last(), [30, "stale"]);
});

test("a hidden page rests", async () => {
  Stream.all[0].say("totals", totals(3, 30));
  look(true);
  assert.equal(Stream.all[0].readyState, 2);
  await pass(120_000);
  assert.equal(asked.length, 0);
  look(false);
  assert.equal(Stream.all.length, 2);
});

test("after a pledge on the page it asks at once", async () => {
  Stream.all[0].say("totals", totals(3, 30));
  answer = () => totals(4, 31);
  document.dispatchEvent(new Event("pledge:done"));
  mock.timers.tick(1);
  await settle();
  assert.deepEqual(last(), [31, "live"]);
});

test("what a cache has kept is as old as it says, and after forty seconds it is not called fresh", async () => {
  age = 12;
  Stream.all[0].fail(2);
  await settle();
  assert.deepEqual([last(), ago], [[10, "polling"], 12]);
  [age, answer] = [3000, () => totals(2, 20)];
  await pass(60_000);
  assert.deepEqual(last(), [20, "stale"], "newer than ours, and yet old");
  assert(ago > 60 && ago < 80, `the time of the newest word that was fresh, ${ago} s ago`);
  age = 0;
  await pass(10_000);
  assert.deepEqual(last(), [20, "polling"]);
  assert(ago < 10, `${ago} s ago`);
});

test("an older version doesn't make what is shown fresh, by whichever way it comes", async () => {
  const [stream] = Stream.all;
  stream.say("totals", totals(3, 30));
  await pass(30_000);
  stream.say("totals", totals(2, 20));
  assert.deepEqual([last(), ago], [[30, "live"], 30]);
  stream.say("heartbeat", { version: 2, checked_at: "2026-11-28T12:00:00Z" });
  assert.deepEqual([last(), ago], [[30, "live"], 30]);
  await pass(15_000);
  stream.say("heartbeat", { version: 2, checked_at: "2026-11-28T12:00:15Z" });
  assert.deepEqual([last(), ago], [[30, "stale"], 45]);
  answer = () => totals(1, 10);
  stream.fail(2);
  await settle();
  assert.deepEqual([last(), ago], [[30, "stale"], 45]);
});

test("a sign of life before any totals makes nothing fresh", async () => {
  Stream.all[0].say("heartbeat", { version: 3, checked_at: "2026-11-28T12:00:00Z" });
  assert.equal(told.length, 0);
  await settle();
  assert.deepEqual([asked.length, last()], [1, [10, "live"]]);
});
