// The history that a dashboard holds: stands still while it is paused, keeps the service's time behind a cache, tries again.

import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { Series } from "../../src/web/assets/series.js";

const MINUTE = 60_000;
const NOON = Date.UTC(2026, 10, 23, 12);
const LENGTHS = { minute: MINUTE, hour: 60 * MINUTE, day: 1440 * MINUTE };

let now, total, headers, asked, isAway;
const settle = async () => {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
};
const pass = async (milliseconds) => {
  now += milliseconds;
  mock.timers.tick(milliseconds);
  await settle();
};

beforeEach(() => {
  [now, total, headers, asked, isAway] = [NOON + 30_000, 10, {}, [], false];
  mock.timers.enable({ apis: ["setInterval", "setTimeout"] });
  mock.method(Date, "now", () => now);
  globalThis.fetch = async (address) => {
    const interval = new URL(address, "http://here").searchParams.get("interval");
    asked.push(interval);
    const at = new Date(Math.floor(now / LENGTHS[interval]) * LENGTHS[interval]).toISOString();
    return { ok: !isAway, headers: new Headers({ date: new Date(now).toUTCString(), ...headers }), json: async () => ({ interval, points: [{ at, count: total, total }] }) };
  };
});
afterEach(() => {
  mock.timers.reset();
  mock.restoreAll();
});
const ends = (series, range) => series.show(range, 150).points.slice(-1)[0].total;

test("frozen it tells the total that is shown, in every range, and goes on with what came", async () => {
  const series = new Series("/totals", () => {});
  await series.load("day");
  series.note(10);
  series.freeze(10);
  total = 25;
  series.note(25);
  await pass(5 * MINUTE);
  for (const range of ["hour", "day", "week", "month", "all"]) {
    await series.load(range);
    assert.equal(ends(series, range), 10, range);
    assert.equal(series.show(range, 150).now, NOON + 30_000);
  }
  const before = asked.length;
  await series.refresh();
  assert.equal(asked.length, before, "nothing is read anew");
  series.thaw();
  assert.equal(ends(series, "day"), 25, "at once");
  await pass(1);
  assert(asked.length > before, "and then as the service tells it");
});

test("an answer that a cache has kept for an hour doesn't put the clock back by an hour", async () => {
  headers = { date: new Date(now - 60 * MINUTE).toUTCString(), age: "3600" };
  const series = new Series("/totals", () => {});
  await series.load("day");
  assert(Math.abs(series.now() - now) < 2_000);
  headers = { date: new Date(now + 60 * MINUTE).toUTCString() };
  await series.load("week");
  assert(Math.abs(series.now() - now - 60 * MINUTE) < 2_000, "a device's clock that is wrong is put right");
});

test("a range that can't be read says so, tries again by itself, and doesn't trouble the others", async () => {
  const series = new Series("/totals", () => {});
  await series.load("day");
  isAway = true;
  await series.load("month");
  assert.deepEqual([series.hasFailed("month"), series.show("month", 150), series.hasFailed("day")], [true, null, false]);
  isAway = false;
  await pass(31_000);
  assert.deepEqual([series.hasFailed("month"), ends(series, "month")], [false, 10]);
});
