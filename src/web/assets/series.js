// The history of one campaign as a dashboard holds it: read from the service now and then, and carried on with the live
// total in between, so that a thousand open dashboards cost the service next to nothing.

import { RANGES, gather, historyAddress, lastPart, pace, readPoints, withLive } from "./history.js";

const REFRESH_MS = 600_000;
const AFTER_CORRECTION_MS = 3_000;
/** A day and a bit, so that "24 hours ago" always lies within. */
const MINUTES = { interval: "minute", span: 86_400_000 + 120_000 };
const FEW = 4;

const sleep = (time) => new Promise((resolve) => setTimeout(resolve, time));

export class Series {
  #kept = new Map(); // by interval and span: { points, interval }
  #total = null;
  #ahead = 0; // how far the service's clock is ahead of this one

  /** `totals` is the address of the totals, `changed` is called when something was read. */
  constructor(totals, changed) {
    Object.assign(this, { totals, changed, failed: false });
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
    if (range === "all" && this.#points(RANGES.all)?.length < FEW) await this.#read({ interval: "hour", span: null });
  }

  /** Takes a new total. One that fell was corrected somewhere in the past: only the service knows where. */
  note(total) {
    const fell = this.#total !== null && total < this.#total;
    this.#total = total;
    const now = this.now();
    if (fell) this.refresh(AFTER_CORRECTION_MS);
    else for (const kept of this.#kept.values()) kept.points = withLive(kept.points, total, now);
  }

  /** What to draw: at most `most` intervals of the range; null when nothing is known. */
  show(range, most) {
    let wanted = RANGES[range];
    if (wanted.interval === "minute") wanted = MINUTES;
    else if (range === "all" && this.#points({ interval: "hour", span: null })) wanted = { interval: "hour", span: null };
    const points = this.#points(wanted);
    if (!points) return null;
    const { span } = RANGES[range];
    return { ...gather(lastPart(points, span), wanted.interval, most, span !== null), interval: wanted.interval, now: this.now() };
  }

  /** Pledges in the last minute, hour and day. */
  pace() {
    const minutes = this.#points(MINUTES);
    return minutes && this.#total !== null ? pace(minutes, this.#total, this.now()) : null;
  }

  /** Reads everything that is kept again, at a moment of chance within `within` milliseconds. */
  async refresh(within = 0) {
    if (this.refreshing) return;
    this.refreshing = true;
    await sleep(Math.random() * within);
    this.refreshing = false;
    await Promise.all([...this.#kept.values()].map(({ interval, span }) => this.#read({ interval, span }, true)));
  }

  #points({ interval, span }) {
    return this.#kept.get(`${interval} ${span}`)?.points;
  }

  async #read({ interval, span }, again = false) {
    const key = `${interval} ${span}`;
    if (this.#kept.has(key) && !again) return;
    try {
      const answer = await fetch(historyAddress(this.totals, { interval, span }, this.now()), { credentials: "omit", cache: "no-cache" });
      if (!answer.ok) throw new Error(answer.status);
      this.#setClock(answer.headers.get("date"));
      const points = readPoints(await answer.json());
      this.#kept.set(key, { interval, span, points: this.#total === null ? points : withLive(points, this.#total, this.now()) });
      this.failed = false;
    } catch {
      this.failed = !this.#kept.size; // what was read before is carried on
    }
    this.changed();
  }

  #setClock(date) {
    const ahead = Date.parse(date) - Date.now();
    // The header knows whole seconds only.
    if (Math.abs(ahead) > 2000) this.#ahead = ahead;
  }
}

