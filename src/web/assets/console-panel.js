// A panel over the page for what must be answered first, and the messages at its foot. Made of plain elements: the `dialog`
// of older browsers that we support can't be modal.

import { make } from "./console-parts.js";
import { say } from "./console-texts.js";

const REACHED = "a[href], button, input, select, textarea, summary, [tabindex='0']";

const newsPlace = () => make("div", { class: "toasts", role: "status", "aria-live": "polite" });

/** Where panels stand; what is beside them is out of reach meanwhile, and messages stand in the panel itself. */
export class Panels {
  #open = [];

  constructor(root, toasts, ...behind) {
    Object.assign(this, { root, toasts, behind });
  }

  get isOpen() {
    return this.#open.length > 0;
  }

  /** Opens one; `draw(close)` gives its nodes. Resolves with what it was closed with; undefined: it was left. */
  open(title, draw) {
    return new Promise((resolve) => {
      const id = `panel-${Date.now()}-${this.#open.length}`;
      const before = document.activeElement;
      const close = (value) => {
        const at = this.#open.indexOf(entry);
        if (at < 0) return;
        this.#open.splice(at, 1);
        this.toasts.element.append(...news.childNodes);
        veil.remove();
        this.#settle();
        if (before?.isConnected) before.focus();
        resolve(value);
      };
      const heading = make("h2", { id, tabindex: "-1" }, title);
      const box = make("div", { class: "panel card", role: "dialog", "aria-modal": "true", "aria-labelledby": id }, heading);
      const news = newsPlace();
      const veil = make("div", { class: "veil", on: { keydown: (event) => this.#key(event, box, close) } }, box);
      const entry = { veil, close, news };
      this.#open.push(entry);
      box.append(news, ...[draw(close)].flat(), make("button", { type: "button", class: "panel-close", "aria-label": say("close"), on: { click: () => close() } }, "×"));
      this.root.append(veil);
      this.#settle();
      (box.querySelector("[autofocus]") ?? heading).focus();
    });
  }

  /** Closes all: whoever is signed out has nothing to answer any more. */
  closeAll() {
    for (const { close } of [...this.#open].reverse()) close();
  }

  #settle() {
    const last = this.#open[this.#open.length - 1];
    this.toasts.place = last?.news ?? null;
    for (const node of this.behind) node.toggleAttribute("inert", Boolean(last));
    for (const entry of this.#open) entry.veil.toggleAttribute("inert", entry !== last);
  }

  #key(event, box, close) {
    if (event.key === "Escape") {
      event.stopPropagation();
      close();
      return;
    }
    if (event.key !== "Tab") return;
    const reached = [...box.querySelectorAll(REACHED)].filter((node) => !node.disabled && node.offsetParent !== null);
    const [first, last] = [reached[0], reached[reached.length - 1]];
    const at = document.activeElement;
    if (event.shiftKey && (at === first || !reached.includes(at))) {
      event.preventDefault();
      last?.focus();
    } else if (!event.shiftKey && at === last) {
      event.preventDefault();
      first?.focus();
    }
  }
}

/** Messages. Each goes by itself, but not while somebody is at it: what it offers must be elsewhere too. */
export class Toasts {
  #shown = new Set();
  /** Where they stand while a panel is open; null: at the foot. */
  place = null;

  element = newsPlace();

  constructor(later = (...all) => setTimeout(...all)) {
    this.later = later;
  }

  /** Shows one; `link` leads to more of it. Gives what closes it, and what changes its words. */
  show(text, { action = null, link = null, bad = false } = {}) {
    const seconds = action || bad ? 15 : 8;
    let [left, before] = [seconds, null];
    const isTouched = () => node.matches(":hover, :focus-within");
    const toast = { isShown: true, isTouched, close: () => this.#close(node, toast, before), tell: (words) => ((left = seconds), told.replaceChildren(words, ...more)) };
    const more = link ? [" ", link] : [];
    const told = make("p", {}, text, more);
    const press = action ? make("button", { type: "button", class: "toast-action", on: { click: () => (toast.close(), action.run()) } }, action.label) : null;
    const node = make("div", { class: bad ? "toast bad" : "toast", on: { focusin: ({ relatedTarget }) => node.contains(relatedTarget) || (before = relatedTarget) } }, told, press, make("button", { type: "button", class: "toast-close", "aria-label": say("close"), on: { click: () => toast.close() } }, "×"));
    // They must not cover what they speak of.
    if (this.#shown.size >= 2) [...this.#shown].find((one) => !one.isTouched())?.close();
    this.#shown.add(toast);
    (this.place ?? this.element).append(node);
    const second = () => {
      const isHeld = isTouched() || node.closest("[inert]") || document.visibilityState === "hidden";
      left = isHeld ? seconds : left - 1;
      if (left <= 0) toast.close();
      else if (toast.isShown) this.later(second, 1_000);
    };
    this.later(second, 1_000);
    return toast;
  }

  /** The focus goes back to where it was before: it must not be lost. */
  #close(node, toast, before) {
    const hadFocus = node.contains(document.activeElement);
    toast.isShown = false;
    this.#shown.delete(toast);
    node.remove();
    if (hadFocus) (before?.isConnected ? before : document.querySelector(".console h2[tabindex]"))?.focus({ preventScroll: true });
  }

  clear() {
    for (const toast of [...this.#shown]) toast.close();
  }
}
