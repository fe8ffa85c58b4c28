// The live totals of a campaign: the stream where it can be had, else asking now and then; one connection for all who
// follow on a page, and none in a hidden tab. Tells honestly how fresh what it shows is.

const ASK_MS = 5_000;
const SLOWEST_MS = 80_000;
/** A stream whose last sign of life is older is as good as none; they come every fifteen seconds. */
const SILENCE_MS = 40_000;
const STREAM_AGAIN_MS = 90_000;

/** Totals with a change of the stream applied; null when the change is of other totals. */
export function changed(totals, { previous_version, countries, ...rest }) {
  if (totals?.version !== previous_version) return null;
  const counts = new Map(totals.countries.map(({ country, count }) => [country, count]));
  for (const { country, count } of countries) counts.set(country, count);
  const shown = Array.from(counts, ([country, count]) => ({ country, count })).filter(({ count }) => count > 0);
  return { ...totals, ...rest, countries: shown.sort((a, b) => (a.country < b.country ? -1 : 1)) };
}

class Feed {
  listeners = new Set();
  totals = null;
  state = "waiting";
  at = 0; // when the service last said that these are the newest
  #wait = ASK_MS;
  #heard = 0;
  #spoke = false; // the stream, at all
  #checked = "";

  constructor(address) {
    this.address = address;
  }

  /** Begins, rests or goes on, as there are listeners and somebody can look. */
  turn() {
    const isWanted = this.listeners.size > 0 && !document.hidden;
    if (isWanted === Boolean(this.timer)) return;
    clearInterval(this.timer);
    this.timer = isWanted && setInterval(() => this.#watch(), ASK_MS);
    if (isWanted) {
      this.#wait = ASK_MS;
      this.#open();
      if (!this.stream) this.ask();
    } else this.#close();
  }

  #open() {
    this.#close();
    this.next = Date.now() + STREAM_AGAIN_MS * (1 + Math.random());
    if (typeof EventSource === "undefined") return;
    [this.#heard, this.#spoke] = [Date.now(), false];
    const stream = (this.stream = new EventSource(`${this.address}/stream`));
    const on = (type, take) =>
      stream.addEventListener(type, ({ data }) => {
        if (this.stream !== stream) return;
        [this.#heard, this.#spoke] = [Date.now(), true];
        take(JSON.parse(data));
      });
    on("totals", (totals) => this.#take(totals, "live"));
    on("change", (change) => {
      if (change.version <= this.totals?.version) return;
      const totals = changed(this.totals, change);
      if (totals) this.#take(totals, "live");
      else this.ask();
    });
    on("heartbeat", ({ checked_at, version }) => {
      // It stands still while the service itself can't look.
      if (checked_at === this.#checked) return this.#tell("stale");
      this.#checked = checked_at;
      // Of none, or older ones than ours, it proves nothing.
      return version <= this.totals?.version ? this.#take({ ...this.totals, version }, "live") : this.ask();
    });
    // Cut off, it connects again by itself; refused, it gives up, and we ask instead.
    stream.onerror = () => {
      this.#heard = 0;
      if (stream.readyState === 2) this.#close();
      this.#watch();
    };
  }

  #close() {
    this.stream?.close();
    this.stream = null;
  }

  #watch() {
    const now = Date.now();
    if (this.stream && now - this.#heard < (this.#spoke ? SILENCE_MS : ASK_MS)) return;
    if (!this.due || now >= this.due) this.ask();
    if (now > this.next) this.#open();
  }

  /** Asks for the totals now; the browser's cache adds the ETag. */
  async ask() {
    this.due = Date.now() + SILENCE_MS; // should no answer come at all
    try {
      const answer = await fetch(this.address, { credentials: "omit" });
      if (!answer.ok) throw new Error();
      this.#wait = ASK_MS;
      const state = this.stream && this.#spoke && Date.now() - this.#heard < SILENCE_MS ? "live" : "polling";
      this.#take(await answer.json(), state, answer.headers.get("age") * 1000);
    } catch {
      this.#wait = Math.min(this.#wait * 2, SLOWEST_MS);
      this.#tell(navigator.onLine === false ? "offline" : "stale");
    }
    // Chance keeps a crowd of tabs from asking all at once.
    this.due = Date.now() + this.#wait * (0.8 + Math.random() * 0.4) - ASK_MS / 2;
  }

  /** The device says that there is no connection. */
  lose() {
    this.#tell("offline");
  }

  /** `age` is how long a cache on the way has kept them. */
  #take(totals, state, age = 0) {
    if (totals.version < this.totals?.version) state = this.state;
    else {
      this.totals = totals;
      this.at = Math.max(this.at, Date.now() - age);
    }
    this.#tell(Date.now() - this.at > SILENCE_MS ? "stale" : state);
  }

  #tell(state) {
    this.state = state;
    for (const listener of this.listeners) listener(this);
  }
}

const feeds = new Map();

/** Calls `listener({ totals, state, at })` with what is known and whenever that changes; gives what ends it.
 *  `state` is waiting, live, polling, stale or offline; `at` when the totals were last known to be the newest. */
export function follow(origin, campaign, listener) {
  const address = `${origin}/v1/campaigns/${encodeURIComponent(campaign)}/totals`;
  if (!feeds.has(address)) feeds.set(address, new Feed(address));
  const feed = feeds.get(address);
  const told = (news) => listener(news); // the same function may follow twice
  feed.listeners.add(told);
  if (feed.totals) told(feed);
  feed.turn();
  return () => {
    feed.listeners.delete(told);
    feed.turn();
  };
}

if (typeof document !== "undefined") {
  const each = (call) => () => feeds.forEach(call);
  document.addEventListener("visibilitychange", each((feed) => feed.turn()));
  addEventListener("online", each((feed) => feed.timer && feed.ask()));
  // A dead line falls silent, and nothing else tells of it for a while; the cache would even give an answer.
  addEventListener("offline", each((feed) => feed.timer && feed.lose()));
  // A pledge was made on this page: it is published within about a second.
  document.addEventListener("pledge:done", () => {
    for (const soon of [0, 1000, 2500]) setTimeout(each((feed) => feed.timer && feed.ask()), soon);
  });
}
