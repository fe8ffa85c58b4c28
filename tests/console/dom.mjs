// As much of a page as the console's modules need to be loaded and to make nodes: enough to look at what they made. What a browser
// does with it is shown in tests/browser.

import assert from "node:assert/strict";

class Node {
  #attributes = new Map();
  children = [];
  listeners = {};

  constructor(name = "") {
    this.tagName = name.toUpperCase();
  }

  setAttribute(name, value) {
    this.#attributes.set(name, `${value}`);
  }

  getAttribute(name) {
    return this.#attributes.get(name) ?? null;
  }

  removeAttribute(name) {
    this.#attributes.delete(name);
  }

  toggleAttribute(name, on) {
    if (on) this.setAttribute(name, "");
    else this.removeAttribute(name);
  }

  append(...children) {
    for (const child of children) if (child instanceof Node) (child.remove(), (child.parent = this));
    this.children.push(...children);
  }

  replaceChildren(...children) {
    this.children = [];
    this.append(...children);
  }

  remove() {
    if (this.parent) this.parent.children = this.parent.children.filter((child) => child !== this);
    this.parent = null;
  }

  get isConnected() {
    return true;
  }

  contains(node) {
    return node === this || this.children.some((child) => child instanceof Node && child.contains(node));
  }

  /** No pointer is anywhere; the focus is where a test says. */
  matches(what) {
    return /:focus-within/.test(what) && this.contains(document.activeElement);
  }

  closest() {
    return null;
  }

  focus() {
    document.activeElement = this;
  }

  addEventListener(name, listener) {
    this.listeners[name] = listener;
  }

  get attributes() {
    return Object.fromEntries(this.#attributes);
  }

  get textContent() {
    return this.children.map((child) => (child instanceof Node ? child.textContent : `${child}`)).join("");
  }

  set textContent(text) {
    this.children = [text];
  }

  /** Every node within, with this name. */
  all(name) {
    const below = this.children.filter((child) => child instanceof Node);
    return below.flatMap((child) => [...(child.tagName === name.toUpperCase() ? [child] : []), ...child.all(name)]);
  }

  querySelector(names) {
    return this.querySelectorAll(names)[0] ?? null;
  }

  querySelectorAll(names) {
    return names.split(",").flatMap((name) => this.all(name.trim().split(" ").pop()));
  }
}

globalThis.HTMLElement ??= Node;
const elements = new Map();
globalThis.customElements ??= { define: (name, element) => elements.set(name, element), get: (name) => elements.get(name) };
/** What somebody types into the form that is sent next. */
let typed = {};
export const typing = (fields) => (typed = fields);
globalThis.FormData = class {
  *[Symbol.iterator]() {
    yield* Object.entries(typed);
  }
};

/** Sends a form with these fields. */
export const send = (form, fields = {}) => (typing(fields), form.listeners.submit({ preventDefault() {} }));

/** Until all that was answered by now is drawn. */
export const settled = () => new Promise((resolve) => setImmediate(resolve));

/** A screen of this name, shown; `api` answers it, and what it opens and says is kept. */
export async function shown(name, { api, ...more }) {
  const [said, opened] = [[], []];
  const toast = () => ({ isShown: true, close() {}, tell: (words) => said.push(words) });
  const context = {
    api: { isSignedIn: true, answeredAt: 0, me: { login: "ada", role: "moderator" }, ...api },
    campaign: "defend", query: "", said, opened, refreshed: 0,
    shared: { last: null, removed: [] },
    foot: document.createElement("div"),
    toasts: { show: (words) => (said.push(words), toast()) },
    panels: { open: (title, draw) => new Promise((resolve) => opened.push({ title, close: resolve, drawn: draw(resolve) })) },
    failed: (problem) => assert.ifError(problem),
    attempt: (work) => work(),
    recount() {},
    refresh: () => (context.refreshed += 1),
    sure: async () => assert.fail("asked"),
    ...more,
  };
  const screen = Object.assign(new (customElements.get(name))(), { context });
  screen.connectedCallback();
  await settled();
  return { screen, context, said, opened, button: (text, within = screen) => within.all("button").find(({ textContent }) => textContent === text) };
}

globalThis.document ??= { createElement: (name) => new Node(name), createElementNS: (_, name) => new Node(name), addEventListener() {}, removeEventListener() {} };
