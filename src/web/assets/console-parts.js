// What every screen of the console is and is made of: nodes, buttons, fields, forms that say what went wrong, lists that turn pages;
// and the screen, which draws itself when it is shown, and takes back what it asked for when it is left.

import { ofCampaign, roleIn, withQuery } from "./console-api.js";
import { hashOf } from "./console-filters.js";
import { number, say, trouble } from "./console-texts.js";

let ids = 0;
const newId = () => `console-${(ids += 1)}`;

/** A node. `on` has listeners, `props` what is set as a property; an attribute that is false, null or undefined is left out. */
export function make(name, { on = {}, props = {}, ...attributes } = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) if (value !== undefined && value !== null && value !== false) node.setAttribute(key, value === true ? "" : value);
  for (const [key, listener] of Object.entries(on)) node.addEventListener(key, listener);
  Object.assign(node, props);
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** A button that does something; while it does, a second press does nothing. Its trouble goes to `failed`. */
export function button(text, run, { kind = "quiet", failed = null, ...attributes } = {}) {
  const node = make("button", { type: "button", class: `button ${kind}`, ...attributes }, text);
  node.addEventListener("click", async () => {
    if (node.getAttribute("aria-disabled") === "true") return;
    node.setAttribute("aria-disabled", "true");
    try {
      await run(node);
    } catch (error) {
      if (error.name === "AbortError") return;
      if (!failed) throw error;
      failed(error);
    } finally {
      node.removeAttribute("aria-disabled");
    }
  });
  return node;
}

/** Closes a panel that has nothing more to say. */
export const closing = (close, options = {}) => button(say("close"), () => close(), { kind: "main", ...options });

/** Buttons side by side. */
export const buttons = (...nodes) => make("div", { class: "actions" }, ...nodes);

/** An act and what it is done to. */
export const actOn = (act, on) => say("act_on", { act: say(act), on });

/** A quiet word on what stands there. */
export const remark = (key, values) => make("p", { class: "note" }, say(key, values));

/** What somebody wrote, in whatever direction. */
export const quote = (text) => make("p", { class: "said", dir: "auto" }, text);

export const code = (text, attributes = {}) => make("code", { dir: "ltr", ...attributes }, text);

/** A control with its label, and a hint that readers hear with it. */
export function field(label, control, hint = "") {
  control.id ||= newId();
  const told = hint ? make("p", { class: "hint", id: `${control.id}-hint` }, hint) : null;
  if (told) control.setAttribute("aria-describedby", told.id);
  return make("div", { class: "field" }, make("label", { for: control.id }, label), control, told);
}

export const input = (name, attributes = {}) => make("input", { name, autocomplete: "off", ...attributes });

/** A choice; `options` are pairs of value and text. */
export function select(name, options, { value = "", ...attributes } = {}) {
  const node = make("select", { name, ...attributes }, options.map(([key, text]) => make("option", { value: key }, text)));
  if (value) node.value = value;
  return node;
}

/** A tick with its label behind it. */
export function tick(name, label, attributes = {}) {
  const control = make("input", { type: "checkbox", name, id: newId(), ...attributes });
  return make("div", { class: "tick" }, control, make("label", { for: control.id }, label));
}

/** The note that goes on record; every such field says so. */
export const noteField = (label = say("note")) => field(label, make("textarea", { name: "note", rows: 2, maxlength: 1000, required: true }), say("note_hint"));

/** A form: `send` gets what was typed; what it throws stands in the form, where a reader of screens hears it. In a panel, `close` leaves it. */
export function form(children, submit, send, { kind = "main", close = null, cancel = close && button(say("cancel"), () => close()), ...attributes } = {}) {
  const error = make("p", { class: "error", role: "alert", hidden: true });
  const press = make("button", { class: `button ${kind}` }, submit);
  const node = make("form", { class: "console-form", ...attributes }, children, error, buttons([press, cancel].flat()));
  node.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (press.getAttribute("aria-disabled") === "true") return;
    press.setAttribute("aria-disabled", "true");
    error.hidden = true;
    try {
      await send(Object.fromEntries(new FormData(node)), node);
    } catch (problem) {
      if (problem.name === "AbortError") return;
      error.textContent = trouble(problem);
      error.hidden = false;
    } finally {
      press.removeAttribute("aria-disabled");
    }
  });
  return node;
}

/** A table: its caption and heads by their names, rows as lists of cells; the first cell of a row names it. On a phone each cell says its head. */
export function table(caption, names, rows, { empty = "nothing", ...attributes } = {}) {
  if (rows.length === 0) return remark(empty);
  const heads = names.map((name) => say(name));
  const head = make("tr", {}, heads.map((text) => make("th", { scope: "col" }, text)));
  const cell = (content, index) => make(index === 0 ? "th" : "td", { "data-head": heads[index], ...(index === 0 ? { scope: "row" } : {}) }, content);
  // Cells that are blocks on a phone lose their part in a table there: the roles keep it.
  const node = make("table", { class: "console-table", role: "table", ...attributes }, make("caption", { class: "sr" }, say(caption)), make("thead", { role: "rowgroup" }, head), make("tbody", { role: "rowgroup" }, rows.map((cells) => make("tr", { role: "row" }, cells.map(cell)))));
  head.setAttribute("role", "row");
  for (const one of node.querySelectorAll("thead th")) one.setAttribute("role", "columnheader");
  for (const one of node.querySelectorAll("tbody th")) one.setAttribute("role", "rowheader");
  for (const one of node.querySelectorAll("td")) one.setAttribute("role", "cell");
  return node;
}

/** Terms and what belongs to them. */
export const facts = (pairs) => make("dl", { class: "facts" }, pairs.filter(([, value]) => value !== null && value !== undefined && value !== "").map(([term, value]) => make("div", {}, make("dt", {}, term), make("dd", {}, value))));

export const badge = (text, kind = "") => make("span", { class: `badge ${kind}`.trim() }, text);

/** Bars for counts, with the numbers beside: drawn by `progress`, which needs no style of its own. */
export function bars(caption, rows) {
  const most = Math.max(1, ...rows.map(([, count]) => count));
  return table(caption, [caption, "pledges"], rows.map(([name, count]) => [name, [make("progress", { class: "bar", max: most, value: count, "aria-hidden": "true" }), make("span", { class: "count" }, number(count))]]));
}

/** Filters of a screen: open where there is room for them and for what they find; folded on a phone. */
export const filterFold = (...children) => make("details", { class: "card search-fold", open: matchMedia("(min-width: 48rem)").matches }, make("summary", {}, say("filters")), ...children);

/** A section with its heading. */
export function section(title, ...children) {
  const id = newId();
  return make("section", { class: "card console-section", "aria-labelledby": id }, make("h2", { id }, title), ...children);
}

/** A screen: `context` is set before it is shown. */
export class Screen extends HTMLElement {
  context = null;
  #leaving = null;

  connectedCallback() {
    this.#leaving = new AbortController();
    this.run(() => this.show());
  }

  disconnectedCallback() {
    this.#leaving?.abort();
    this.left();
  }

  /** Draws the screen. */
  async show() {}

  /** Stops what would go on. */
  left() {}

  /** Something was done elsewhere in the console: what is shown may be another now. */
  refresh() {
    this.left();
    this.replaceChildren();
    this.run(() => this.show());
  }

  get signal() {
    return this.#leaving.signal;
  }

  get api() {
    return this.context.api;
  }

  /** What whoever is signed in may do in this campaign. */
  get myRole() {
    return roleIn(this.api.me, this.context.campaign);
  }

  /** The path of an operation on this campaign. */
  path(rest, area) {
    return ofCampaign(this.context.campaign, rest, area);
  }

  /** The address of a screen of this campaign. */
  to(screen, query) {
    return hashOf({ campaign: this.context.campaign, screen, query });
  }

  /** GET, taken back when the screen is left. */
  get(path, parameters = {}) {
    return this.api.get(withQuery(path, parameters), { signal: this.signal });
  }

  /** Does something whose trouble is told in the screen's own words. */
  async run(work) {
    try {
      return await work();
    } catch (error) {
      if (error.name !== "AbortError") this.context.failed(error);
      return null;
    }
  }

  /** The heading, where one is after a change of screen. */
  head(name) {
    return make("h2", { tabindex: "-1" }, say(name));
  }

  /** Ways through a screen: what each is called, its query, and whether one is there. */
  views(screen, ways) {
    const links = ways.map(([name, query, isHere]) => make("li", {}, make("a", { href: this.to(screen, query), "aria-current": isHere ? "page" : null }, say(name))));
    return make("nav", { class: "views", "aria-label": say(screen) }, make("ul", {}, links));
  }

  /** A button of this screen. */
  button(text, run, options = {}) {
    return button(text, run, { failed: (error) => this.context.failed(error), ...options });
  }

  /** One of many that do the same: readers of screens hear what this one does it to. */
  buttonOn(act, on, run, options = {}) {
    return this.button(say(act), run, { "aria-label": actOn(act, on), ...options });
  }

  /** A list that turns pages: `read(cursor)` gives nodes and `next_cursor`. */
  async pages(read) {
    const list = make("div", { class: "pages" });
    const more = this.button(say("more"), () => turn(), { hidden: true });
    let cursor = null;
    const turn = async () => {
      const { nodes, next } = await read(cursor);
      list.append(...nodes);
      cursor = next ?? null;
      more.hidden = cursor === null;
    };
    await turn();
    return make("div", {}, list, buttons(more));
  }

  /** Names of the partners by their ids; none where they can't be had, which is told. */
  async partnerNames() {
    const found = await this.run(() => this.get(this.path("partners/names")));
    return new Map(found?.partners.map(({ id, name }) => [id, name]));
  }
}
