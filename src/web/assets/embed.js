// Elements for partners' pages: <pledge-form>, <pledge-counter>, <pledge-map>. One script, no dependency, nothing stored.
// The form is a frame of another origin, so that the page around it can't read what is typed; what it tells is checked.

const HOME = new URL(import.meta.url).origin;
const PATIENCE_MS = 10_000;
const ANNOUNCE_MS = 30_000;
const LOOK = ["theme", "accent", "background", "text", "radius", "font", "compact", "source"];

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

/** Styles a strict policy allows too: a constructed sheet; before Safari 16.4, rules of an empty one. */
function wear(root) {
  try {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    root.adoptedStyleSheets = [sheet];
  } catch {
    const { sheet } = root.appendChild(document.createElement("style"));
    for (const rule of STYLE.match(/^.+$/gm)) sheet?.insertRule(rule, sheet.cssRules.length);
  }
}

/** The totals; the form doesn't wait for them. */
const feed = () => import("./feed.js");

/** What dresses counter and map; where no look is asked for, nothing is loaded for it. */
const look = (element) => LOOK.some((name) => element.hasAttribute(name)) && import("./dress.js").catch(() => ({}));

const texts = {};

/** The service's words in a language; none when they can't be had, and then numbers stand alone. */
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

/** An element that is drawn anew, once a task, when it is added or its attributes change, and ends what it began. */
class PledgeElement extends HTMLElement {
  static observedAttributes = ["campaign", "site-key", "lang", "table", ...LOOK];

  constructor() {
    super();
    wear(this.attachShadow({ mode: "open" }));
    make(this.shadowRoot, "slot");
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
    if (before !== now) this.plan();
  }

  plan() {
    this.planned ??= Promise.resolve().then(() => {
      this.planned = null;
      this.end?.();
      this.end = null;
      this.box?.remove();
      if (!this.isConnected || !this.getAttribute("campaign")) return;
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
    this.fallBack(true);
    const address = new URL(`/embed/${encodeURIComponent(campaign)}/${encodeURIComponent(this.language)}`, HOME);
    const say = (name, value) => value && address.searchParams.set(name, value);
    say("site_key", this.getAttribute("site-key"));
    for (const name of LOOK) say(name, name === "compact" ? this.hasAttribute(name) && "1" : this.getAttribute(name));
    box.className = "frame";
    const theme = this.getAttribute("theme");
    const allow = `${navigator.share ? "web-share; " : ""}clipboard-write`; // browsers complain about what they don't know
    // `color-scheme` as the frame's own, or browsers put an opaque ground behind it.
    const frame = make(box, "iframe", { className: "waits", title: "Pledge", referrerPolicy: "origin", allow }, "frame");
    frame.style.colorScheme = theme === "dark" || theme === "light" ? theme : "light dark";
    frame.setAttribute("scrolling", "no");
    wordsIn(this.language).then(({ form_title: title }) => title && (frame.title = title));

    let timer, isReady = false;
    const listen = (event) => {
      const message = heard(event, frame);
      if (!message) return;
      if (message.height) frame.style.height = `${message.height}px`;
      else this.tell(message.type, message.detail);
      if (message.type !== "ready") return;
      clearTimeout(timer);
      frame.className = "";
      this.fallBack(false);
      if (!isReady) this.tell("ready", {});
      isReady = true;
    };
    // Loaded when it comes near: what nobody scrolls to costs nothing.
    const near = new IntersectionObserver(
      ([{ isIntersecting }]) => {
        if (!isIntersecting) return;
        near.disconnect();
        frame.src = address.href;
        timer = setTimeout(() => this.tell("error", { code: "frame_refused" }), PATIENCE_MS);
      },
      { rootMargin: "600px" },
    );
    addEventListener("message", listen);
    near.observe(this);
    atEnd(() => {
      removeEventListener("message", listen);
      near.disconnect();
      clearTimeout(timer);
    });
  }
}

/** How a language writes numbers and times, in ASCII digits as on the service's pages; a tag that is none is English. */
function speaker(language) {
  const numberingSystem = "latn";
  try {
    return [new Intl.NumberFormat(language, { numberingSystem }), new Intl.DateTimeFormat(language, { numberingSystem, timeStyle: "short" })];
  } catch {
    return speaker("en");
  }
}

class PledgeCounter extends PledgeElement {
  async draw(box, campaign, atEnd) {
    let isOver = false;
    atEnd(() => (isOver = true));
    const [{ follow }, words, worn] = await Promise.all([feed(), wordsIn(this.language), look(this)]).catch(() => [{}]);
    if (!follow) this.tell("error", { code: "counter_unavailable" }); // the page's own content goes on standing there
    if (isOver || !follow) return;
    box.dir = words.direction ?? "auto";
    worn.dress?.(this, box, atEnd);
    const [format, clock] = speaker(this.language);
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
    box.hidden = true;
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
    const stop = follow(HOME, campaign, ({ totals, state: connection, at }) => {
      const time = clock.format(at);
      state.dataset.state = connection;
      state.textContent = (words[`live_${connection}`] ?? "").replace("{time}", time);
      if (!totals) return;
      box.hidden = false;
      this.fallBack(false);
      const { total, goal: wanted } = totals;
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
    });
    atEnd(stop);
  }
}

class PledgeMap extends PledgeElement {
  async draw(box, campaign, atEnd) {
    let isOver = false;
    atEnd(() => (isOver = true));
    const ask = (path) => fetch(HOME + path, { credentials: "omit" }).then((answer) => answer.json());
    try {
      const all = [import("./atlas.js"), feed(), ask("/embed/world.json"), wordsIn(this.language), look(this)];
      const [{ drawAtlas }, { follow }, world, words, worn] = await Promise.all(all);
      if (isOver) return;
      const options = { language: this.language, direction: words.direction ?? "ltr", texts: words, world, table: this.getAttribute("table") };
      worn.dress?.(this, box, atEnd);
      const { show } = drawAtlas(box, options);
      atEnd(
        follow(HOME, campaign, ({ totals }) => {
          if (!totals) return;
          this.fallBack(false);
          show(totals);
        }),
      );
    } catch {
      this.tell("error", { code: "map_unavailable" });
    }
  }
}

for (const [name, type] of [["pledge-form", PledgeForm], ["pledge-counter", PledgeCounter], ["pledge-map", PledgeMap]]) {
  if (!customElements.get(name)) customElements.define(name, type);
}
