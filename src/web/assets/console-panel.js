// A panel over the page for what must be answered first, and the messages at its foot. Made of plain elements: the `dialog`
// of older browsers that we support can't be modal.

import { make } from "./console-parts.js";
import { say } from "./console-texts.js";

const REACHED = "a[href], button, input, select, textarea, summary, [tabindex='0']";

/** Where panels stand; what is beside them is out of reach meanwhile. */
export class Panels {
  #open = [];

  constructor(root, behind) {
    Object.assign(this, { root, behind });
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
        veil.remove();
        this.#settle();
        if (before?.isConnected) before.focus();
        resolve(value);
      };
      const heading = make("h2", { id, tabindex: "-1" }, title);
      const box = make("div", { class: "panel card", role: "dialog", "aria-modal": "true", "aria-labelledby": id }, heading);
      const veil = make("div", { class: "veil", on: { keydown: (event) => this.#key(event, box, close) } }, box);
      const entry = { veil, close };
      this.#open.push(entry);
      box.append(...[draw(close)].flat(), make("button", { type: "button", class: "panel-close", "aria-label": say("close"), on: { click: () => close() } }, "×"));
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
    this.behind.toggleAttribute("inert", Boolean(last));
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

/** Messages at the foot. One that offers something stays until it is closed: nobody has to be quick. */
export class Toasts {
  #shown = new Set();

  constructor() {
    this.element = make("div", { class: "toasts", role: "status", "aria-live": "polite" });
  }

  show(text, { action = null, bad = false, stay = Boolean(action) || bad } = {}) {
    const close = () => {
      this.#shown.delete(close);
      node.remove();
    };
    const press = action ? make("button", { type: "button", class: "toast-action", on: { click: () => (close(), action.run()) } }, action.label) : null;
    const node = make("div", { class: bad ? "toast bad" : "toast" }, make("p", {}, text), press, make("button", { type: "button", class: "toast-close", "aria-label": say("close"), on: { click: close } }, "×"));
    // Three at most: they must not cover what they speak of.
    if (this.#shown.size >= 3) [...this.#shown][0]();
    this.#shown.add(close);
    this.element.append(node);
    if (!stay) setTimeout(close, 8_000);
    return close;
  }

  clear() {
    for (const close of [...this.#shown]) close();
  }
}
