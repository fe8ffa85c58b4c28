// Styles for a shadow root where there is no other way: browsers that can't make style sheets (Safari before 16.4) on pages whose
// policy refuses style elements. Every rule is set on each element it is for, which no policy forbids. What is no element
// (::before), and what lasts as long as a pointer stays, is left out.

/** The rules of a style sheet, with the conditions they stand in. */
export function rulesOf(text, conditions = []) {
  const rules = [];
  for (let at = 0; ; ) {
    const open = text.indexOf("{", at);
    if (open < 0) return rules;
    const head = text.slice(at, open).trim();
    let depth = 1;
    for (at = open + 1; depth > 0 && at < text.length; at += 1) depth += { "{": 1, "}": -1 }[text[at]] ?? 0;
    const body = text.slice(open + 1, at - 1);
    const [, kind, condition] = /^@(media|supports)\s*(.*)$/s.exec(head) ?? [];
    if (kind === "media") rules.push(...rulesOf(body, [...conditions, matchMedia(condition)]));
    else if (kind === "supports") rules.push(...(CSS.supports(condition) ? rulesOf(body, conditions) : []));
    else if (!/::|:host|:hover/.test(head)) rules.push({ selector: head, conditions, declarations: declarationsOf(body) });
  }
}

function declarationsOf(body) {
  const parts = body.split(";").map((part) => part.trim()).filter(Boolean);
  return parts.map((part) => [part.slice(0, part.indexOf(":")).trim(), part.slice(part.indexOf(":") + 1).trim()]);
}

function matches(element, selector) {
  try {
    return element.matches(selector);
  } catch {
    return false; // newer than the browser
  }
}

/** What dresses the elements of one root, now and whenever they change. */
class Wardrobe {
  texts = new Set();
  rules = [];
  worn = new WeakMap();

  constructor(root) {
    this.root = root;
    this.#placeHost();
    new MutationObserver((records) => {
      for (const { target, addedNodes } of records) {
        this.#dress(target);
        for (const node of addedNodes) if (node.nodeType === 1) this.#dressAll(node);
      }
    }).observe(root, { subtree: true, childList: true, attributes: true, attributeFilter: ["class", "hidden", "data-step"] });
    new MutationObserver(() => this.#placeHost()).observe(root.host, { attributeFilter: ["hidden"] });
  }

  add(text) {
    if (this.texts.has(text)) return;
    this.texts.add(text);
    const rules = rulesOf(text);
    this.rules.push(...rules);
    const dressAll = () => [...this.root.children].forEach((child) => this.#dressAll(child));
    for (const media of new Set(rules.flatMap(({ conditions }) => conditions))) media.addEventListener?.("change", dressAll);
    dressAll();
  }

  /** A block, unless the page says otherwise: its word goes before ours, as in style sheets. */
  #placeHost() {
    const { host } = this.root;
    host.style.removeProperty("display");
    if (getComputedStyle(host).display === "inline") host.style.display = "block";
  }

  #dressAll(element) {
    this.#dress(element);
    for (const inner of element.querySelectorAll("*")) this.#dress(inner);
  }

  #dress(element) {
    const { style } = element;
    if (!style) return;
    for (const [name, value] of this.worn.get(element) ?? []) if (style.getPropertyValue(name) === value) style.removeProperty(name);
    const own = document.createElement("i").style; // what draws the element has said itself
    own.cssText = style.cssText;
    const names = new Set();
    for (const { selector, conditions, declarations } of this.rules) {
      if (!conditions.every((media) => media.matches) || !matches(element, selector)) continue;
      for (const [name, value] of declarations) {
        if (own.getPropertyValue(name) || (name === "display" && element.hidden)) continue;
        style.setProperty(name, value);
        names.add(name);
      }
    }
    this.worn.set(element, Array.from(names, (name) => [name, style.getPropertyValue(name)]));
  }
}

const wardrobes = new WeakMap();

/** Has the elements of a shadow root look as the rules say. */
export function wearPlainly(root, rules) {
  if (!wardrobes.has(root)) wardrobes.set(root, new Wardrobe(root));
  wardrobes.get(root).add(rules);
}
