// Where things stand in a chart: round numbers for the axis of counts, round times for the axis of time, and the
// lines between them. No document in here, so that all of it can be tested without a browser.

import { lastOf } from "./formats.js";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Steps of time that people read easily; months and years are counted by the calendar. */
const TIME_STEPS = [
  ...[1, 2, 5, 10, 15, 30].map((count) => ({ length: count * MINUTE })),
  ...[1, 2, 3, 6, 12].map((count) => ({ length: count * HOUR })),
  ...[1, 2, 7, 14].map((count) => ({ length: count * DAY })),
  ...[1, 3, 6, 12, 24, 60].map((count) => ({ length: count * 30.4 * DAY, months: count })),
];

/** The round number (1, 2 or 5 times a power of ten) that is at least `rough`; pledges come whole, so at least 1. */
export function roundStep(rough) {
  if (!(rough > 1)) return 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const factor = [1, 2, 5, 10].find((candidate) => candidate * power >= rough * (1 - 1e-9));
  return factor * power;
}

/**
 * A scale of whole numbers that holds `least` to `most` with about `count` steps between round numbers.
 * With `fromZero` it begins there; without, it begins near `least`, as a line that hardly rises needs it.
 */
export function countScale(least, most, { count = 4, fromZero = true } = {}) {
  const bottom = fromZero ? Math.min(0, least) : least;
  const step = roundStep((most - bottom) / count);
  const low = Math.floor(bottom / step) * step;
  const high = Math.max(Math.ceil(most / step) * step, low + step);
  const ticks = [];
  for (let value = low; value <= high + step / 2; value += step) ticks.push(value);
  return { low, high, step, ticks };
}

/** A function that leads from `low`…`high` to `start`…`end`. */
export function position({ low, high }, start, end) {
  const width = high - low || 1;
  return (value) => start + ((value - low) / width) * (end - start);
}

/**
 * Round times within `from`…`to` (milliseconds), at most `most` of them. `offsetAt` gives the minutes that local time
 * is ahead of UTC then; without it the times are round in UTC.
 */
export function timeTicks(from, to, most, offsetAt = () => 0) {
  const step = TIME_STEPS.find(({ length }) => (to - from) / length <= most) ?? lastOf(TIME_STEPS);
  const at = step.months ? byCalendar(from, to, step.months) : byLength(from, to, step.length, offsetAt);
  return { at, unit: step.months ? (step.months >= 12 ? "year" : "month") : step.length >= DAY ? "day" : "time" };
}

function byLength(from, to, length, offsetAt) {
  const ticks = [];
  const ahead = offsetAt(from) * MINUTE;
  for (let local = Math.ceil((from + ahead) / length) * length; ; local += length) {
    // The clock may be put forward or back on the way.
    const time = local - offsetAt(local - ahead) * MINUTE;
    if (time > to) return ticks;
    if (time >= from) ticks.push(time);
  }
}

function byCalendar(from, to, months) {
  const ticks = [];
  const first = new Date(from);
  let month = first.getUTCFullYear() * 12 + first.getUTCMonth();
  for (month = Math.ceil(month / months) * months; ; month += months) {
    const time = Date.UTC(Math.floor(month / 12), month % 12, 1);
    if (time > to) return ticks;
    if (time >= from) ticks.push(time);
  }
}

const short = (number) => String(Math.round(number * 10) / 10);

/** The path of a line through `[x, y]` pairs. */
export function linePath(pairs) {
  return pairs.map(([x, y], index) => `${index ? "L" : "M"}${short(x)} ${short(y)}`).join("");
}

/** The path of the area between that line and `bottom`. */
export function areaPath(pairs, bottom) {
  if (!pairs.length) return "";
  return `${linePath(pairs)}V${short(bottom)}H${short(pairs[0][0])}Z`;
}

/** One path for all bars that stand on `bottom`: `[start, end, top]` each. */
export function barsPath(bars, bottom) {
  const visible = bars.filter(([, , top]) => top !== bottom);
  return visible.map(([start, end, top]) => `M${short(start)} ${short(bottom)}V${short(top)}H${short(end)}V${short(bottom)}Z`).join("");
}
