// Elements for partners' pages: <pledge-form>, <pledge-counter>, <pledge-map>. One script, no dependency, nothing stored.
// The form is a frame of another origin, so that the page around it can't read what is typed; what it tells is checked.

const HOME = new URL(import.meta.url).origin;
const PATIENCE_MS = 10_000;
const ANNOUNCE_MS = 30_000;
const LOOK = ["theme", "accent", "background", "text", "radius", "font", "compact"];

const STYLE = `
:host { display: block; font-family: var(--pledge-font, inherit); }
:host([hidden]) { display: none; }
iframe { display: block; width: 100%; border: 0; }
iframe.waits { position: absolute; visibility: hidden; height: 60rem; }
.frame { position: relative; overflow: hidden; }
.number { font-size: 2.5em; font-weight: 800; line-height: 1.15; font-variant-numeric: tabular-nums; color: var(--pledge-accent, inherit); }
.label { font-weight: 600; }
.track { height: 0.6em; margin-block: 0.4em; border: 1px solid; border-radius: var(--pledge-radius, 1em); overflow: hidden; }
.bar { height: 100%; width: 0; background: var(--pledge-accent, currentColor); transition: width 0.6s; }
p { margin: 0; }
.state { font-size: 0.875em; }
.state::before { content: ""; display: inline-block; width: 0.55em; height: 0.55em; margin-inline-end: 0.4em; border: 2px solid; border-radius: 50%; }
.state[data-state=live]::before, .state[data-state=polling]::before { background: currentColor; }
.sr { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
@media (prefers-reduced-motion: reduce) { .bar { transition: none; } }
@media (forced-colors: active) { .bar { background: CanvasText; } }`;

let shared;

/** By a sheet, which strict policies allow; before Safari 16.4 by an element, or one by one. */
function wear(root) {
  try {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    root.adoptedStyleSheets = [sheet];
  } catch {
    const style = make(root, "style", { textContent: STYLE });
    if (!style.sheet) import("./plain.js").then(({ wearPlainly }) => wearPlainly(root, STYLE), () => {});
  }
}

/** What dresses counter and map, where a look is asked for. */
const look = (element) => LOOK.some((name) => element.hasAttribute(name)) && import("./dress.js").catch(() => ({}));

const texts = {};

/** The service's words; where they can't be had, numbers stand alone. */
function wordsIn(language) {
  const address = `${HOME}/embed/texts/${encodeURIComponent(language)}.json`;
  return (texts[language] ??= fetch(address, { credentials: "omit" })
    .then((answer) => (answer.ok ? answer.json() : {}))
    .catch(() => {
      delete texts[language];
      return {};
    }));
}

function make(parent, name, properties = {}, part = properties.className) {
  const made = Object.assign(document.createElement(name), properties);
  if (part) made.setAttribute("part", part);
  parent.append(made);
  return made;
}

/** Drawn anew, once a task, when it is added or its attributes change; ends what it began. */
class PledgeElement extends HTMLElement {
  static observedAttributes = ["campaign", "site-key", "lang", "table", ...LOOK];

  constructor() {
    super();
    make(this.attachShadow({ mode: "open" }), "slot");
  }

  get language() {
    return this.getAttribute("lang") || this.closest("[lang]")?.lang || "en";
  }

  connectedCallback() {
    this.plan();
  }

  disconnectedCallback() {
    this.plan();
  }

  attributeChangedCallback(name, before, now) {
    if (before === now) return;
    if (this.restyle && LOOK.includes(name)) this.restyle();
    else this.plan();
  }

  plan() {
    this.planned ??= Promise.resolve().then(() => {
      this.planned = null;
      this.end?.();
      this.end = null;
      this.box?.remove();
      this.fallBack(true);
      if (!this.isConnected) return;
      this.isWorn ??= !wear(this.shadowRoot);
      if (!this.getAttribute("campaign")) return;
      this.box = make(this.shadowRoot, "div", {}, "box");
      const ends = [];
      this.end = () => ends.forEach((end) => end());
      this.draw(this.box, this.getAttribute("campaign"), (end) => ends.push(end));
    });
  }

  /** The page's own content stands until there is something better. */
  fallBack(isShown) {
    this.shadowRoot.querySelector("slot").hidden = !isShown;
  }

  tell(type, detail) {
    this.dispatchEvent(new CustomEvent(`pledge:${type}`, { bubbles: true, composed: true, detail }));
  }
}

/** What a frame may say, and nothing else: null of everything that isn't so. */
export function heard({ data, origin, source }, frame, home = HOME) {
  if (origin !== home || !source || source !== frame.contentWindow || data?.pledges !== 1) return null;
  const { type, height, status, trial, code } = data;
  const isHeight = Number.isInteger(height) && height > 0 && height < 20_000;
  if (type === "ready" || type === "size") return isHeight ? { type, height } : null;
  if (type === "done") return status === "counted" || status === "awaiting" ? { type, detail: trial === true ? { status, trial } : { status } } : null;
  return type === "error" && /^[a-z_]{1,40}$/.test(code) ? { type, detail: { code } } : null;
}

class PledgeForm extends PledgeElement {
  draw(box, campaign, atEnd) {
    box.className = "frame";
    const asked = (name) => (name === "compact" ? (this.hasAttribute(name) ? "1" : "") : this.getAttribute(name)) ?? "";
    const allow = `${navigator.share ? "web-share; " : ""}clipboard-write`; // browsers complain about what they don't know
    const frame = make(box, "iframe", { className: "waits", title: "Pledge", referrerPolicy: "origin", allow }, "frame");
    frame.setAttribute("scrolling", "no");
    let timer, isReady = false;
    // A new look is told to the frame: drawn anew it would lose what is typed.
    this.restyle = () => {
      const theme = asked("theme");
      // `color-scheme` as the frame's own, or browsers put an opaque ground behind it.
      frame.style.colorScheme = theme === "dark" || theme === "light" ? theme : "light dark";
      const look = Object.fromEntries(LOOK.map((name) => [name, asked(name)]));
      if (isReady) frame.contentWindow?.postMessage({ pledges: 1, look }, HOME);
    };
    this.restyle();
    const load = () => {
      near.disconnect();
      const address = new URL(`/embed/${encodeURIComponent(campaign)}/${encodeURIComponent(this.language)}`, HOME);
      const values = [["site_key", asked("site-key")], ...[...LOOK, "source"].map((name) => [name, asked(name)])];
      for (const [name, value] of values) if (value) address.searchParams.set(name, value);
      frame.src = address.href;
      timer = setTimeout(() => this.tell("error", { code: "frame_refused" }), PATIENCE_MS);
    };
    const listen = (event) => {
      const message = heard(event, frame);
      if (!message) return;
      if (message.height) frame.style.height = `${message.height}px`;
      else this.tell(message.type, message.detail);
      if (message.type !== "ready") return;
      clearTimeout(timer);
      frame.className = "";
      this.fallBack(false);
      if (!isReady) {
        this.tell("ready", {});
        wordsIn(this.language).then(({ form_title: title }) => title && (frame.title = title));
      }
      isReady = true;
      this.restyle();
    };
    // Loaded when it comes near: what nobody scrolls to costs nothing.
    const near = new IntersectionObserver(([{ isIntersecting }]) => isIntersecting && load(), { rootMargin: "600px" });
    addEventListener("message", listen);
    const { top, width } = this.getBoundingClientRect();
    if (width && Math.abs(top) < innerHeight) load();
    else near.observe(this);
    atEnd(() => {
      removeEventListener("message", listen);
      near.disconnect();
      clearTimeout(timer);
    });
  }
}

/** How a language writes numbers and times, in ASCII digits; a tag that is none is English. */
function speaker(language) {
  const numberingSystem = "latn";
  try {
    return [new Intl.NumberFormat(language, { numberingSystem }), new Intl.DateTimeFormat(language, { numberingSystem, timeStyle: "short" })];
  } catch {
    return speaker("en");
  }
}

/** What shows the totals. Until they come the page's own content stands there; the page hears when they don't. */
class PledgeTotals extends PledgeElement {
  async draw(box, campaign, atEnd) {
    box.hidden = true;
    let isTold = false;
    const miss = () => {
      if (!isTold && box.hidden && box.isConnected) this.tell("error", { code: this.missing });
      isTold = true;
    };
    const timer = setTimeout(() => document.hidden || miss(), PATIENCE_MS); // nothing is asked where nobody looks
    atEnd(() => clearTimeout(timer));
    try {
      const all = [import("./feed.js"), wordsIn(this.language), look(this), ...this.needs()];
      const [{ follow }, words, worn, ...more] = await Promise.all(all);
      if (!box.isConnected) return;
      // Numbers and names in the language of the words, which needn't be the one that was asked for.
      const { lang = this.language, direction = "auto" } = words;
      const language = this.language.toLowerCase().split("-")[0] === lang ? this.language : lang;
      Object.assign(box, { lang, dir: direction });
      worn.dress?.(this, box, atEnd);
      const show = this.begin(box, words, language, ...more);
      atEnd(
        follow(HOME, campaign, (news) => {
          if (!news.totals) return news.state === "waiting" || miss();
          box.hidden = false;
          this.fallBack(false);
          show(news);
        }),
      );
    } catch {
      miss();
    }
  }
}

class PledgeCounter extends PledgeTotals {
  missing = "counter_unavailable";
  needs = () => [];

  begin(box, words, language) {
    const [format, clock] = speaker(language);
    const line = make(box, "p");
    const number = make(line, "span", { className: "number" });
    line.append(" ");
    make(line, "span", { className: "label", textContent: words.total_label ?? "" });
    const track = make(box, "div", { className: "track", hidden: true });
    const bar = make(track, "div", { className: "bar" });
    const goal = make(box, "p", { className: "goal", hidden: true });
    const state = make(box, "p", { className: "state" });
    const status = make(box, "span", { className: "sr" });
    status.setAttribute("role", "status");
    let shown = null, told = Date.now(), frame;

    const write = (value) => (number.textContent = format.format(value));
    const count = (from, to) => {
      cancelAnimationFrame(frame);
      const begun = performance.now();
      const step = (now) => {
        const share = Math.min(1, Math.max(0, now - begun) / 700);
        write(Math.round(from + (to - from) * (1 - (1 - share) ** 3)));
        if (share < 1) frame = requestAnimationFrame(step);
      };
      if (from === null || document.hidden || matchMedia("(prefers-reduced-motion: reduce)").matches) write(to);
      else step(begun);
    };
    return ({ totals: { total, goal: wanted }, state: connection, at }) => {
      state.dataset.state = connection;
      state.textContent = (words[`live_${connection}`] ?? "").replace("{time}", clock.format(at));
      if (total !== shown) count(shown, total);
      track.hidden = goal.hidden = !wanted;
      if (wanted) {
        bar.style.width = `${Math.min(100, (total * 100) / wanted)}%`;
        goal.textContent = (words.goal_text ?? "").replace("{percent}", Math.floor((total * 100) / wanted)).replace("{goal}", format.format(wanted));
      }
      if (shown !== null && shown !== total && Date.now() - told > ANNOUNCE_MS) {
        told = Date.now();
        status.textContent = `${words.total_label ?? ""}: ${format.format(total)}`;
      }
      shown = total;
    };
  }
}

class PledgeMap extends PledgeTotals {
  missing = "map_unavailable";
  needs = () => [import("./atlas.js"), fetch(`${HOME}/embed/world.json`, { credentials: "omit" }).then((answer) => answer.json())];

  begin(box, words, language, { drawAtlas }, world) {
    const options = { language, direction: words.direction ?? "ltr", texts: words, world, table: this.getAttribute("table") };
    const { show } = drawAtlas(box, options);
    return ({ totals }) => show(totals);
  }
}

for (const [name, type] of [["pledge-form", PledgeForm], ["pledge-counter", PledgeCounter], ["pledge-map", PledgeMap]]) {
  if (!customElements.get(name)) customElements.define(name, type);
}
