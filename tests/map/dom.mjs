// The little of a browser's DOM that the map and its table use, so that they can be tried without one.

class Node {
  constructor(tag) {
    Object.assign(this, { tag, attributes: {}, dataset: {}, listeners: {}, style: {}, children: [], parent: null, text: "", hidden: false });
    this.classes = new Set();
    this.classList = { toggle: (name, on) => (on ? this.classes.add(name) : this.classes.delete(name)) };
    this.moves = 0;
  }
  setAttribute(name, value) {
    this.attributes[name] = String(value);
    if (name.startsWith("data-")) this.dataset[name.slice(5)] = String(value);
  }
  getAttribute(name) {
    return this.attributes[name] ?? null;
  }
  removeAttribute(name) {
    delete this.attributes[name];
  }
  append(...nodes) {
    for (const node of nodes) this.insertBefore(typeof node === "string" ? textNode(node) : node, null);
  }
  insertBefore(node, before) {
    node.remove();
    this.moves += 1;
    const place = before === null ? this.children.length : this.children.indexOf(before);
    this.children.splice(place, 0, node);
    node.parent = this;
  }
  replaceChildren(...nodes) {
    for (const child of [...this.children]) child.remove();
    this.append(...nodes);
  }
  remove() {
    if (this.parent) this.parent.children = this.parent.children.filter((child) => child !== this);
    this.parent = null;
  }
  get firstChild() {
    return this.children[0] ?? null;
  }
  get nextSibling() {
    const all = this.parent?.children ?? [];
    return all[all.indexOf(this) + 1] ?? null;
  }
  get textContent() {
    return this.text + this.children.map((child) => child.textContent).join("");
  }
  set textContent(text) {
    this.replaceChildren();
    this.text = text;
  }
  addEventListener(name, listener) {
    this.listeners[name] = listener;
  }
  removeEventListener(name) {
    delete this.listeners[name];
  }
  fire(name, event = {}) {
    this.listeners[name]?.({ target: this, preventDefault() {}, ...event });
  }
  getRootNode() {
    return this.parent?.getRootNode() ?? this;
  }
  getBBox() {
    return { x: 0, y: 0, width: 10, height: 10 };
  }
  getBoundingClientRect() {
    return { left: 0, top: 0, width: 1600, height: 700 };
  }
  matches() {
    return true;
  }
  get clientWidth() {
    return 1600;
  }
  get offsetWidth() {
    return 100;
  }
  get offsetHeight() {
    return 30;
  }
  *all() {
    yield this;
    for (const child of this.children) yield* child.all();
  }
  find(wanted) {
    return [...this.all()].filter(wanted);
  }
}

function textNode(text) {
  const node = new Node("#text");
  node.text = text;
  return node;
}

globalThis.CSSStyleSheet = class {
  replaceSync(rules) {
    this.rules = rules;
  }
};
globalThis.document = Object.assign(new Node("document"), {
  adoptedStyleSheets: [],
  createElement: (tag) => new Node(tag),
  createElementNS: (_, tag) => new Node(tag),
});

/** A place to draw into: of the page, or of a shadow root of its own. */
export function newHost({ shadow = false } = {}) {
  const host = new Node("div");
  const root = shadow ? Object.assign(new Node("#shadow"), { host: new Node("div"), adoptedStyleSheets: [] }) : document;
  root.append(host);
  return host;
}
