// What the chart and the figures of the dashboard count with: scales, ticks, intervals and pace.

import assert from "node:assert/strict";
import { test } from "node:test";
import { formats, plain, timeFormats } from "../../src/web/assets/formats.js";
import { RANGES, Watch, asOf, gather, historyAddress, lastPart, pace, readCorrections, readPoints, withLive } from "../../src/web/assets/history.js";
import { areaPath, barsPath, countScale, linePath, position, roundStep, timeTicks } from "../../src/web/assets/scales.js";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const NOON = Date.UTC(2026, 10, 23, 12);

/** Points by minute with the counts given; the total before them is `before`. */
function minutes(counts, { from = NOON, before = 0, length = MINUTE } = {}) {
  let total = before;
  return counts.map((count, index) => ({ at: from + index * length, length, count, total: (total += count) }));
}

test("steps are round and never below one pledge", () => {
  assert.deepEqual([0, 0.2, 1, 1.1, 3, 7, 23, 51, 180].map(roundStep), [1, 1, 1, 2, 5, 10, 50, 100, 200]);
});

test("a scale holds all of its values, between round numbers, with few lines", () => {
  for (const [least, most] of [[0, 0], [0, 1], [0, 7], [3, 3], [990, 1004], [0, 12_345_678], [1_999_999, 2_000_001]]) {
    for (const fromZero of [true, false]) {
      const { low, high, ticks, step } = countScale(least, most, { fromZero });
      assert.ok(low <= least && high >= most && high > low, `${least} to ${most}`);
      assert.ok(ticks.length >= 2 && ticks.length <= 7, `${ticks.length} lines for ${least} to ${most}`);
      assert.ok(ticks.every((tick) => Number.isInteger(tick / step)));
    }
  }
  assert.equal(countScale(100, 200).low, 0);
  assert.equal(countScale(-5, 20).low < 0, true, "a country may shrink");
});

test("positions are linear, and a scale without width divides by nothing", () => {
  const x = position({ low: 10, high: 20 }, 100, 0);
  assert.deepEqual([10, 15, 20].map(x), [100, 50, 0]);
  assert.ok(Number.isFinite(position({ low: 3, high: 3 }, 0, 100)(3)));
});

test("times on the axis are round, within the range, and not too many", () => {
  for (const span of [HOUR, DAY, 7 * DAY, 30 * DAY, 400 * DAY, 3000 * DAY]) {
    for (const most of [3, 6, 12]) {
      const { at } = timeTicks(NOON - span, NOON, most);
      assert.ok(at.length >= 1 && at.length <= most + 1, `${at.length} for ${span / DAY} days`);
      assert.ok(at.every((time) => time >= NOON - span && time <= NOON));
    }
  }
  assert.deepEqual(timeTicks(NOON, NOON + HOUR, 6).at.map((time) => (time - NOON) / MINUTE), [0, 10, 20, 30, 40, 50, 60]);
});

test("times are round where the reader lives", () => {
  const { at } = timeTicks(NOON, NOON + DAY, 4, () => 345); // Nepal
  assert.ok(at.length > 1 && at.every((time) => (time + 345 * MINUTE) % (6 * HOUR) === 0));
});

test("long ranges are counted by the calendar", () => {
  const { at, unit } = timeTicks(Date.UTC(2026, 0, 15), Date.UTC(2026, 11, 15), 6);
  assert.equal(unit, "month");
  assert.ok(at.every((time) => new Date(time).getUTCDate() === 1));
});

test("paths hold every point once, and bars of nothing are left out", () => {
  assert.equal(linePath([[0, 1], [2.26, 3]]), "M0 1L2.3 3");
  assert.equal(areaPath([], 10), "");
  assert.equal(areaPath([[0, 1], [2, 3]], 10), "M0 1L2 3V10H0Z");
  assert.equal(barsPath([[0, 1, 10], [1, 2, 5]], 10), "M1 10V5H2V10Z");
});

test("every range asks for at most 3,000 whole intervals", () => {
  for (const [name, { interval }] of Object.entries(RANGES)) {
    const url = new URL(historyAddress("/v1/campaigns/a/totals", RANGES[name], NOON + 12_345), "http://here");
    const length = { minute: MINUTE, hour: HOUR, day: DAY }[interval];
    const from = Date.parse(url.searchParams.get("from"));
    assert.equal(from % length, 0);
    assert.ok((NOON - from) / length < 3000, name);
  }
});

test("malformed points are left out", () => {
  const read = readPoints({ interval: "minute", points: [{ at: "2026-11-23T12:00:00Z", count: 2, total: 9 }, { at: "soon", count: 1, total: 10 }, { at: "2026-11-23T12:01:00Z", count: null, total: 10 }] });
  assert.deepEqual(read, [{ at: NOON, length: MINUTE, count: 2, total: 9 }]);
});

test("gathering loses no pledge and keeps to round times", () => {
  const points = minutes(Array.from({ length: 1442 }, (_, index) => index % 7), { from: NOON + 3 * MINUTE, before: 50 });
  for (const most of [60, 150, 2000]) {
    const { points: groups, size } = gather(points, "minute", most);
    assert.ok(groups.length <= most + 2);
    assert.equal(groups.reduce((sum, { count }) => sum + count, 0), points.reduce((sum, { count }) => sum + count, 0));
    assert.equal(groups.at(-1).total, points.at(-1).total);
    assert.ok(groups.every(({ at, length }) => at % length === 0 && length === size * MINUTE));
  }
});

test("a first bar that is only a part of itself is left out when the range cuts it", () => {
  const points = minutes(Array(100).fill(1), { from: NOON + 3 * MINUTE });
  const { points: groups } = gather(points, "minute", 20, true);
  assert.ok(groups[0].at > points[0].at && groups[0].count === groups[1].count);
  assert.equal(groups[0].total - groups[0].count, groups[0].at / MINUTE - points[0].at / MINUTE, "the line begins where it was then");
});

test("a live total goes into the interval under way, or into a new one", () => {
  const points = minutes([3, 4]);
  const soon = withLive(points, 9, NOON + MINUTE + 30_000);
  assert.deepEqual(soon.at(-1), { at: NOON + MINUTE, length: MINUTE, count: 6, total: 9 });
  const later = withLive(points, 9, NOON + 4 * MINUTE);
  assert.deepEqual(later.map(({ count }) => count), [3, 4, 0, 0, 2]);
  assert.deepEqual(points.map(({ total }) => total), [3, 7], "the given points stay as they are");
  assert.deepEqual(withLive([], 9, NOON), []);
  assert.deepEqual(withLive(points, 5, NOON + 4 * MINUTE), points, "a total that fell is not drawn as pledges below zero");
});

test("the last part of a day is its last hour", () => {
  assert.equal(lastPart(minutes(Array(1440).fill(1)), HOUR).length, 60);
  assert.equal(lastPart(minutes([1, 2]), null).length, 2);
});

test("pace is the growth since then, for young campaigns all of it", () => {
  const day = minutes(Array(1500).fill(2), { before: 1000 });
  const now = day.at(-1).at + MINUTE;
  assert.deepEqual(pace(day, day.at(-1).total, now), { minute: 2, hour: 120, day: 2880 });
  const young = minutes([5, 5]);
  assert.deepEqual(pace(young, 10, NOON + 2 * MINUTE), { minute: 5, hour: 10, day: 10 });
  assert.equal(pace([], 10, NOON), null);
});

test("pace is never negative, and right again once the history is corrected", () => {
  const stale = minutes(Array(70).fill(10));
  assert.equal(pace(stale, 0, NOON + 70 * MINUTE).hour, 0);
  const corrected = minutes([...Array(35).fill(10), ...Array(35).fill(1)]);
  assert.equal(pace(corrected, corrected.at(-1).total, NOON + 70 * MINUTE).hour, 25 * 10 + 35);
});

test("the last minute is told exactly once it has been watched, and not across a gap", () => {
  const watch = new Watch();
  watch.note(100, 0);
  assert.equal(watch.lastMinute(30_000), null);
  for (let second = 1; second <= 90; second += 1) watch.note(100 + second * 50, second * 1000);
  assert.equal(watch.lastMinute(90_000), 3000);
  watch.note(90, 91_000); // a removal
  assert.equal(watch.lastMinute(92_000), null);
  watch.note(95, 93_000);
  assert.equal(watch.lastMinute(300_000), 0, "silence is no pace");
  watch.forget();
  assert.equal(watch.lastMinute(301_000), null);
});

test("corrections are read newest first, without what is malformed", () => {
  const read = readCorrections({ corrections: [{ day: "2026-11-01", count: 5, reason: "spam" }, { day: "2026-11-03", count: -7, reason: "bot" }, { day: "x", count: 1 }] });
  assert.deepEqual(read.map(({ count, reason }) => [count, reason]), [[7, "bot"], [5, "spam"]]);
  assert.deepEqual(readCorrections(null), []);
});

test("numbers and times are written in the digits of the server, in every language", () => {
  for (const language of ["en", "fr", "es", "ar", "zh", "ru", "pt-BR"]) {
    const format = formats(language);
    const times = timeFormats(format.locale, "hour");
    const texts = [format.number(1234567), format.axis(1_200_000, 200_000), format.length(10, "minute"), format.moment(NOON), times.tick(NOON, "time"), times.interval({ at: NOON, length: HOUR }), timeFormats(format.locale, "day").interval({ at: NOON, length: 7 * DAY })];
    for (const text of texts) assert.ok(!/[٠-٩]|[AP]M\b/i.test(text), `${language}: ${text}`);
  }
  assert.equal(formats("es").number(1234), "1234");
  assert.equal(new Date(NOON).getUTCFullYear(), Number(new Intl.DateTimeFormat(plain("ar"), { year: "numeric" }).format(NOON)));
});

test("what was known at a total holds nothing that came later, and still adds up", () => {
  const points = minutes([3, 4, 5, 6], { before: 100 });
  const known = asOf(points, 109, NOON + 2 * MINUTE + 30_000);
  assert.deepEqual(known.map(({ count, total }) => [count, total]), [[3, 103], [4, 107], [2, 109]]);
  assert.deepEqual(asOf(points, 118, NOON + 4 * MINUTE), points, "all of it, when nothing came");
  assert.deepEqual(asOf(points, 105, NOON + 4 * MINUTE).map(({ count }) => count), [3, 2, 0, 0]);
  assert.deepEqual(points.map(({ total }) => total), [103, 107, 112, 118], "the given points stay as they are");
});
