// As much of a page as the console's modules need to be loaded and to make nodes: enough to look at what they made. What a browser
// does with it is shown in tests/browser.

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
globalThis.customElements ??= { define() {} };
globalThis.document ??= { createElement: (name) => new Node(name), createElementNS: (_, name) => new Node(name) };
