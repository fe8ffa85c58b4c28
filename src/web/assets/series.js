// The history of one campaign as a dashboard holds it: read from the service now and then, and carried on with the live
// total in between, so that a thousand open dashboards cost the service next to nothing.

import { RANGES, asOf, gather, historyAddress, lastPart, pace, readPoints, withLive } from "./history.js";

const REFRESH_MS = 600_000;
const AFTER_CORRECTION_MS = 3_000;
const AGAIN_MS = 15_000;
/** A day and a bit, so that "24 hours ago" always lies within. */
const MINUTES = { interval: "minute", span: 86_400_000 + 120_000 };
const HOURS = { interval: "hour", span: null };
const FEW = 4;

const keyOf = ({ interval, span }) => `${interval} ${span}`;

const sleep = (time) => new Promise((resolve) => setTimeout(resolve, time));

export class Series {
  #kept = new Map(); // by interval and span: { points, interval }
  #total = null;
  #frozen = null; // while somebody reads in peace: the total that is shown, and when that was
  #failed = new Map(); // what could not be read at all, and the timer that tries again
  #ahead = 0; // how far the service's clock is ahead of this one

  /** `totals` is the address of the totals, `changed` is called when something was read. */
  constructor(totals, changed) {
    Object.assign(this, { totals, changed });
    setInterval(() => this.refresh(), REFRESH_MS + Math.random() * REFRESH_MS * 0.2);
  }

  /** The time by the service's clock. */
  now() {
    return Date.now() + this.#ahead;
  }

  /** Makes a range ready to be drawn. */
  async load(range) {
    await this.#read(MINUTES);
    if (RANGES[range].interval === "minute") return;
    await this.#read(RANGES[range]);
    // A campaign of three days isn't told by three bars.
    if (range === "all" && this.#points(RANGES.all)?.length < FEW) await this.#read(HOURS);
  }

  /** Takes a new total. One that fell was corrected somewhere in the past: only the service knows where. */
  note(total) {
    const fell = this.#total !== null && total < this.#total;
    this.#total = total;
    if (this.#frozen) return;
    const now = this.now();
    if (fell) this.refresh(AFTER_CORRECTION_MS);
    else for (const kept of this.#kept.values()) kept.points = withLive(kept.points, total, now);
  }

  /** Stands still at `total`, whatever comes, also in ranges that are read only now. */
  freeze(total) {
    this.#frozen = { total, now: this.now() };
    for (const range of Object.keys(RANGES)) this.load(range);
  }

  /** Goes on, with what came meanwhile. */
  thaw() {
    this.#frozen = null;
    if (this.#total !== null) this.note(this.#total);
    return this.refresh();
  }

  /** What to draw: at most `most` intervals of the range; null when nothing is known. */
  show(range, most) {
    const wanted = this.#wanted(range);
    const kept = this.#points(wanted);
    if (!kept) return null;
    const { span } = RANGES[range];
    const { total, now } = this.#frozen ?? { now: this.now() };
    const points = this.#frozen ? asOf(kept, total, now) : kept;
    return { ...gather(lastPart(points, span), wanted.interval, most, span !== null), interval: wanted.interval, now };
  }

  /** Whether a range could not be read. */
  hasFailed(range) {
    return this.#failed.has(keyOf(this.#wanted(range)));
  }

  #wanted(range) {
    if (RANGES[range].interval === "minute") return MINUTES;
    return range === "all" && this.#points(HOURS) ? HOURS : RANGES[range];
  }

  /** Pledges in the last minute, hour and day. */
  pace() {
    const minutes = this.#points(MINUTES);
    return minutes && this.#total !== null ? pace(minutes, this.#total, this.now()) : null;
  }

  /** Reads everything that is kept again, at a moment of chance within `within` milliseconds. */
  async refresh(within = 0) {
    if (this.refreshing || this.#frozen) return;
    this.refreshing = true;
    await sleep(Math.random() * within);
    this.refreshing = false;
    if (this.#frozen) return;
    await Promise.all([...this.#kept.values()].map(({ interval, span }) => this.#read({ interval, span }, true)));
  }

  #points(wanted) {
    return this.#kept.get(keyOf(wanted))?.points;
  }

  async #read({ interval, span }, again = false) {
    const key = keyOf({ interval, span });
    if (this.#kept.has(key) && !again) return;
    clearTimeout(this.#failed.get(key));
    try {
      const answer = await fetch(historyAddress(this.totals, { interval, span }, this.now()), { credentials: "omit", cache: "no-cache" });
      if (!answer.ok) throw new Error(answer.status);
      this.#setClock(answer.headers);
      const points = readPoints(await answer.json());
      this.#kept.set(key, { interval, span, points: this.#total === null ? points : withLive(points, this.#total, this.now()) });
      this.#failed.delete(key);
    } catch {
      // What was read before is carried on.
      if (!this.#kept.has(key)) this.#failed.set(key, setTimeout(() => this.#read({ interval, span }), AGAIN_MS * (1 + Math.random())));
    }
    this.changed();
  }

  #setClock(headers) {
    // A cache between here and there says when the answer was made, and for how long it has kept it.
    const ahead = Date.parse(headers.get("date")) + headers.get("age") * 1000 - Date.now();
    // The header knows whole seconds only.
    if (Math.abs(ahead) > 2000) this.#ahead = ahead;
  }
}

