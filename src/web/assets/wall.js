// <pledge-wall> for partners' pages: names and messages of supporters who wanted to be shown. Its own script, nothing stored. What
// strangers wrote is only ever text, kept in its own direction; search engines are asked to leave it out.

const HOME = new URL(import.meta.url).origin;
const AGAIN_MS = 30_000;
const KEPT_MS = 180_000;
const REASONS = ["abuse", "spam", "private", "other"];

const STYLE = `
:host { display: block; font-family: var(--pledge-font, inherit); }
:host([hidden]) { display: none; }
ul { list-style: none; margin: 0; padding: 0; display: grid; gap: 1em; }
li { border-inline-start: 0.25em solid var(--pledge-accent, currentColor); padding-inline-start: 0.9em; overflow-wrap: anywhere; }
p { margin: 0; }
.message { white-space: pre-line; }
.by { font-weight: 600; }
time, summary, .why, .told { font-size: 0.875em; font-weight: 400; }
summary { cursor: pointer; width: fit-content; padding-block: 0.2em; }
button { font: inherit; margin: 0.3em 0.4em 0 0; padding: 0.4em 0.8em; min-height: 1.75em; cursor: pointer; }
.more { margin-top: 1em; }`;

function make(parent, name, properties = {}, part = properties.className) {
  const made = Object.assign(document.createElement(name), properties);
  if (part) made.setAttribute("part", part);
  parent.append(made);
  return made;
}

/** How a language writes days; a tag that is none is English. */
function daysIn(language) {
  const options = { dateStyle: "medium", timeZone: "UTC", numberingSystem: "latn" };
  try {
    return new Intl.DateTimeFormat(language, options);
  } catch {
    return new Intl.DateTimeFormat("en", options);
  }
}

/** What a strange text stands in: its direction changes nothing around it. */
const own = (parent, text) => make(parent, "bdi", { textContent: text, dir: "auto" });

function drawReport(item, { entry, name }, words, send) {
  const details = make(item, "details", {}, "report");
  make(details, "summary", { textContent: words.wall_report ?? "Report" }).setAttribute("aria-label", `${words.wall_report ?? "Report"}: ${name ?? ""}`);
  make(details, "p", { className: "why", textContent: words.wall_report_why ?? "" });
  const told = make(item, "p", { className: "told" });
  told.setAttribute("role", "status");
  for (const reason of REASONS) {
    const button = make(details, "button", { type: "button", textContent: words[`wall_reason_${reason}`] ?? reason });
    button.addEventListener("click", async () => {
      const isSent = await send({ entry, reason });
      if (isSent) details.remove();
      told.textContent = (isSent ? words.wall_reported : words.wall_report_failed) ?? "";
    });
  }
}

function drawEntry(entry, words, days, send) {
  const item = document.createElement("li");
  item.setAttribute("part", "entry");
  if (entry.message) own(make(item, "p", { className: "message" }), entry.message);
  const by = make(item, "p", { className: "by" });
  if (entry.name) own(by, entry.name);
  by.append(" ");
  make(by, "time", { textContent: days.format(new Date(`${entry.day}T00:00Z`)), dateTime: entry.day });
  drawReport(item, entry, words, send);
  return item;
}

/** Draws into a box; the function it returns shows a list of entries, and leaves alone what stands there already. */
export function drawWall(box, words, language, { send, more }) {
  const [days, drawn] = [daysIn(language), new Map()];
  box.setAttribute("data-nosnippet", "");
  const list = make(box, "ul", {}, "list");
  list.setAttribute("role", "list"); // Safari takes it for none without its points
  list.setAttribute("aria-label", words.wall_title ?? "");
  const empty = make(box, "p", { className: "empty", textContent: words.wall_empty ?? "", hidden: true });
  const button = make(box, "button", { className: "more", type: "button", textContent: words.wall_more ?? "…", hidden: true });
  button.addEventListener("click", more);
  return (entries, hasMore) => {
    const wanted = new Set(entries.map(({ entry }) => entry));
    for (const [entry, item] of drawn) {
      if (wanted.has(entry)) continue;
      item.remove();
      drawn.delete(entry);
    }
    let next = list.firstChild;
    for (const entry of entries) {
      const item = drawn.get(entry.entry) ?? drawEntry(entry, words, days, send);
      drawn.set(entry.entry, item);
      if (item === next) next = next.nextSibling;
      else list.insertBefore(item, next);
    }
    empty.hidden = entries.length > 0;
    button.hidden = !hasMore;
  };
}

/** Ends what takes longer. Older browsers have no signal for that. */
export function within(ms = 10_000) {
  const end = new AbortController();
  setTimeout(() => end.abort(), ms);
  return end.signal;
}

/** So many pages from the first on, each in ten seconds; null: there is no wall. What can't be read throws. */
export async function read(address, pages, ask = fetch) {
  const entries = [];
  for (let cursor = "", page = 0; page < pages && cursor !== null; page += 1) {
    const answer = await ask(cursor ? `${address}?cursor=${encodeURIComponent(cursor)}` : address, { credentials: "omit", signal: within() });
    if (answer.status === 404) return null;
    if (!answer.ok) throw new Error(answer.status);
    const part = await answer.json();
    entries.push(...part.entries);
    cursor = part.next_cursor;
    if (page + 1 === pages || cursor === null) return { entries, hasMore: cursor !== null };
  }
  return { entries, hasMore: false };
}

/** What couldn't be read (undefined) is as before, but three minutes after the last that could was asked for there is nothing (null): meanwhile somebody may have been taken off. */
export function patience(now = Date.now) {
  let last = 0;
  return (found, asked) => {
    if (found !== undefined) last = asked;
    return Math.abs(now() - last) < KEPT_MS ? found : null;
  };
}

function wear(root) {
  try {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    root.adoptedStyleSheets = [sheet];
  } catch {
    make(root, "style", { textContent: STYLE });
  }
}

const words = (language) =>
  fetch(`${HOME}/embed/texts/${encodeURIComponent(language)}.json`, { credentials: "omit" }).then((answer) => (answer.ok ? answer.json() : {}), () => ({}));

class PledgeWall extends HTMLElement {
  static observedAttributes = ["campaign", "lang"];

  constructor() {
    super();
    const root = this.attachShadow({ mode: "open" });
    wear(root);
    this.fallback = make(root, "slot");
  }

  connectedCallback() {
    this.plan();
  }

  disconnectedCallback() {
    this.plan();
  }

  attributeChangedCallback(name, before, now) {
    if (before !== now) this.plan();
  }

  /** Drawn anew, once a task. */
  plan() {
    this.planned ??= Promise.resolve().then(() => {
      this.planned = null;
      this.end?.();
      this.end = null;
      this.box?.remove();
      this.fallback.hidden = false;
      if (this.isConnected && this.getAttribute("campaign")) this.draw(this.getAttribute("campaign"));
    });
  }

  async draw(campaign) {
    const asked = this.getAttribute("lang") || this.closest("[lang]")?.lang || "en";
    const address = `${HOME}/v1/campaigns/${encodeURIComponent(campaign)}/wall`;
    const box = (this.box = make(this.shadowRoot, "div", { hidden: true }, "box"));
    const wait = patience();
    let pages = 1, timer, isTold = false;
    const texts = await words(asked);
    if (!box.isConnected) return;
    // Days in the language of the words, which needn't be the one that was asked for.
    const { lang = asked, direction = "auto" } = texts;
    Object.assign(box, { lang, dir: direction });
    const send = (report) => {
      const body = JSON.stringify(report);
      const options = { method: "POST", credentials: "omit", headers: { "Content-Type": "application/json" }, body };
      return fetch(`${address}/reports`, options).then((answer) => answer.ok, () => false);
    };
    const show = drawWall(box, texts, asked.toLowerCase().split("-")[0] === lang ? asked : lang, {
      send,
      more: () => {
        pages += 1;
        ask();
      },
    });
    const missing = () => {
      if (!isTold) this.dispatchEvent(new CustomEvent("pledge:error", { bubbles: true, composed: true, detail: { code: "wall_unavailable" } }));
      isTold = true;
    };
    const take = (...answer) => {
      const found = wait(...answer);
      if (found) show(found.entries, found.hasMore);
      if (found !== undefined) this.fallback.hidden = !(box.hidden = !found);
    };
    const ask = async () => {
      clearTimeout(timer);
      take();
      const asked = Date.now();
      const found = await read(address, pages).catch(() => {});
      if (!box.isConnected) return;
      take(found, asked);
      if (box.hidden) missing();
      plan();
    };
    // Nothing is asked where nobody looks; a little chance keeps a crowd from asking all at once.
    const plan = () => {
      clearTimeout(timer);
      if (!document.hidden) timer = setTimeout(ask, AGAIN_MS * (1 + Math.random() / 5));
    };
    const look = () => (document.hidden ? clearTimeout(timer) : ask());
    document.addEventListener("visibilitychange", look);
    this.end = () => {
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", look);
    };
    ask();
  }
}

if (!customElements.get("pledge-wall")) customElements.define("pledge-wall", PledgeWall);
