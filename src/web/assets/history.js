// How the total grew: what to ask the service for, how many intervals become one bar, and the pace.

import { lastOf } from "./formats.js";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

export const LENGTHS = { minute: MINUTE, hour: HOUR, day: DAY };

/** The ranges of the chart: `span` back from now (null: from the beginning) in intervals of the service's. */
export const RANGES = {
  hour: { interval: "minute", span: HOUR },
  day: { interval: "minute", span: DAY },
  week: { interval: "hour", span: 7 * DAY },
  month: { interval: "day", span: 30 * DAY },
  all: { interval: "day", span: null },
};

/** How many intervals one bar may stand for: numbers that divide an hour, a day, or are whole weeks. */
const GROUPS = { minute: [1, 2, 5, 10, 15, 30, 60], hour: [1, 2, 3, 6, 12, 24], day: [1, 7, 28, 84, 364] };

/** The service gives 3,000 intervals at most. */
const MOST_DAYS = 2990;

/** The address of the history by `interval`, `span` back from `now` (null: from the beginning). */
export function historyAddress(totals, { interval, span }, now) {
  const from = span ? now - span : now - MOST_DAYS * DAY;
  // Whole intervals, so that caches between here and there hold one answer for everybody.
  const start = Math.floor(from / LENGTHS[interval]) * LENGTHS[interval];
  return `${totals}/history?interval=${interval}&from=${new Date(start).toISOString().replace(".000Z", "Z")}`;
}

/** The service's points with times as numbers; anything malformed is left out. */
export function readPoints(history) {
  const length = LENGTHS[history.interval];
  const points = (history.points ?? []).map(({ at, count, total }) => ({ at: Date.parse(at), length, count, total }));
  return points.filter(({ at, count, total }) => [at, count, total].every(Number.isFinite));
}

/**
 * Neighbouring intervals put together, until there are at most `most`. Groups begin at round times, so they don't wander.
 * With `whole`, a first group that would be only a part of itself, and look like a quiet time, is left out.
 */
export function gather(points, interval, most, whole = false) {
  const sizes = GROUPS[interval];
  const size = sizes.find((candidate) => points.length / candidate <= most) ?? lastOf(sizes);
  if (size === 1) return { points, size };
  const length = size * LENGTHS[interval];
  const groups = [];
  for (const point of points) {
    const at = Math.floor(point.at / length) * length;
    const last = lastOf(groups);
    if (!last && whole && point.at !== at) continue;
    if (last?.at === at) {
      last.count += point.count;
      last.total = point.total;
    } else groups.push({ at, length, count: point.count, total: point.total });
  }
  return { points: groups, size };
}

/** Puts the live total on top: into the interval under way, or into new ones when the history is older than that. */
export function withLive(points, total, now) {
  const last = lastOf(points);
  // A lower total is older than the history, or was corrected: then the history is about to be read again.
  if (!last || !(total >= last.total)) return points;
  const grown = points.slice();
  if (now < last.at + last.length) {
    grown[grown.length - 1] = { ...last, total, count: last.count + total - last.total };
    return grown;
  }
  const { length } = last;
  const current = last.at + Math.floor((now - last.at) / length) * length;
  // A screen that slept has a gap; what came in it belongs to no interval in particular until the history is read again.
  for (let at = last.at + length; at < current && grown.length < 3000; at += length) grown.push({ at, length, count: 0, total: last.total });
  grown.push({ at: current, length, count: total - last.total, total });
  return grown;
}

/** The points as they were known when the total was `total`: without what came later, in intervals that had begun by `now`. */
export function asOf(points, total, now) {
  const reached = (one) => Math.min(one, total);
  return points
    .filter(({ at }) => at <= now)
    .map((point) => ({ ...point, total: reached(point.total), count: reached(point.total) - reached(point.total - point.count) }));
}

/** The last part of the points: those that end within `span` of the last one's end. */
export function lastPart(points, span) {
  const last = lastOf(points);
  if (!last || !span) return points;
  const from = last.at + last.length - span;
  return points.filter(({ at }) => at >= from);
}

/**
 * How many pledges came in the last minute, hour and day: the total now less the total then. `minutes` are the points by
 * minute; what is older than the first of them began at the total before it.
 */
export function pace(minutes, total, now) {
  if (!minutes.length) return null;
  const before = (span) => {
    const then = now - span;
    const first = minutes[0];
    if (then <= first.at) return first.total - first.count;
    // The end that lies nearest: off by half a minute at most.
    let found = first.total - first.count;
    for (const { at, length, total: reached } of minutes) {
      if (at + length > then + length / 2) break;
      found = reached;
    }
    return found;
  };
  const grown = (span) => Math.max(0, total - before(span));
  return { minute: grown(MINUTE), hour: grown(HOUR), day: grown(DAY) };
}

/** What was seen of the total lately: tells the last minute exactly once it has been watched for that long. */
export class Watch {
  #seen = [];

  /** Remembers a total. */
  note(total, now) {
    const seen = this.#seen;
    // A total that falls is a correction of earlier minutes, not a pace: begin anew.
    if (seen.length && total < lastOf(seen).total) seen.length = 0;
    if (seen.length && now - lastOf(seen).at < 500) lastOf(seen).total = total;
    else seen.push({ at: now, total });
    while (seen.length > 1 && seen[1].at <= now - MINUTE) seen.shift();
  }

  /** Forgets everything: what comes after a gap is no pace. */
  forget() {
    this.#seen.length = 0;
  }

  /** Growth in the last minute; null as long as that can't be told. */
  lastMinute(now) {
    const then = lastOf(this.#seen.filter(({ at }) => at <= now - MINUTE));
    return then ? lastOf(this.#seen).total - then.total : null;
  }
}

/** Corrections as the service lists them, by the day (UTC) on which pledges were taken out. */
export function readCorrections(document) {
  const rows = (document?.corrections ?? []).map(({ day, count, reason }) => ({ at: Date.parse(`${day}T00:00:00Z`), count: Math.abs(count), reason }));
  return rows.filter(({ at, count }) => Number.isFinite(at) && count > 0).sort((one, other) => other.at - one.at);
}
