// The pledges that were found, as rows with a tick each. The keyboard goes from tick to tick, so that a reader of screens
// hears whose it is and whether it is ticked, and a space does what it always does. Ticks stay while one turns pages, up to what
// one call takes.

import { badge, button, buttons, code, facts, make, quote } from "./console-parts.js";
import { country, moment, number, say } from "./console-texts.js";

/** Ids that one call of the API takes. */
export const MOST = 1_000;

/** Pledges that one reveal shows. */
export const MOST_REVEALED = 100;

export class Selection {
  #ids = [];
  #ticked = new Set();
  #anchor = 0;
  /** Place of the row that the keyboard is on. */
  at = 0;

  /** Another page: rows by id, and the place to be at. Ticks of other pages stay. */
  show(ids, at = 0) {
    this.#ids = [...ids];
    this.at = Math.max(0, Math.min(at, ids.length - 1));
    this.#anchor = this.at;
  }

  get current() {
    return this.#ids[this.at] ?? null;
  }

  get size() {
    return this.#ticked.size;
  }

  /** What is ticked; else the row that the keyboard is on. */
  get chosen() {
    if (this.#ticked.size > 0) return [...this.#ticked];
    return this.current === null ? [] : [this.current];
  }

  has(id) {
    return this.#ticked.has(id);
  }

  /** Goes up or down; false at an end. */
  move(steps) {
    const next = Math.min(Math.max(this.at + steps, 0), Math.max(this.#ids.length - 1, 0));
    const moved = next !== this.at;
    this.at = next;
    return moved;
  }

  goTo(id) {
    const at = this.#ids.indexOf(id);
    if (at >= 0) this.at = at;
    return at >= 0;
  }

  /** Ticks or unticks a row; false when there is no room for more. */
  toggle(id = this.current, on = !this.#ticked.has(id)) {
    if (id === null) return false;
    if (!on) this.#ticked.delete(id);
    else if (this.#ticked.size >= MOST && !this.#ticked.has(id)) return false;
    else this.#ticked.add(id);
    const at = this.#ids.indexOf(id);
    if (at >= 0) this.#anchor = at;
    return true;
  }

  /** Ticks from the row that was ticked last to this one. */
  extendTo(id) {
    const to = this.#ids.indexOf(id);
    if (to < 0) return false;
    const [first, last] = this.#anchor < to ? [this.#anchor, to] : [to, this.#anchor];
    return this.#ids.slice(first, last + 1).every((each) => this.toggle(each, true));
  }

  get isWholePage() {
    return this.#ids.length > 0 && this.#ids.every((id) => this.#ticked.has(id));
  }

  /** Ticks the whole page, or unticks it when it is ticked. */
  togglePage() {
    const on = !this.isWholePage;
    return this.#ids.every((id) => this.toggle(id, on));
  }

  clear() {
    this.#ticked.clear();
  }

  drop(ids) {
    for (const id of ids) this.#ticked.delete(id);
  }
}

const nameOf = (pledge) => pledge.review?.name || say(pledge.review ? "name_none" : "name_gone");

/** Buttons that narrow a search to what is like this one. */
function alike(pledge, narrow) {
  const ways = {
    source_tag: pledge.source_tag,
    domain_tag: pledge.domain_tag,
    shape_tag: pledge.shape_tag,
    name_tag: pledge.name_tag,
    partner: pledge.partner,
    country: pledge.country,
    removal: pledge.removal_id,
  };
  const known = Object.entries(ways).filter(([, value]) => value);
  return buttons(known.map(([filter, value]) => button(say(`same_${filter}`), () => narrow({ [filter]: value }))));
}

function details(pledge, partners, narrow) {
  const consents = ["updates", "partner", "public"].filter((purpose) => pledge.consents[purpose]).map((purpose) => say(`consent_${purpose}`)).join(", ");
  return make("details", { class: "row-more" }, make("summary", {}, make("span", {}, say("details")), make("span", { class: "sr" }, say("details_of", { name: nameOf(pledge) }))),
    facts([
      [say("id"), code(pledge.id)],
      [say("score"), say("score_told", { count: pledge.score })],
      [say("counted_at"), moment(pledge.counted_at)],
      [say("language"), pledge.language],
      [say("partner"), pledge.partner ? partners.get(pledge.partner) ?? pledge.partner : say("partner_ours")],
      [say("page_source"), pledge.source],
      [say("consents"), consents],
      [say("filter_source_tag"), pledge.source_tag],
      [say("filter_shape_tag"), pledge.shape_tag],
      [say("removal"), pledge.removal_id],
    ]),
    alike(pledge, narrow),
  );
}

function cellsOf(pledge, { partners, narrow }) {
  return [
    ["name", [make("span", { class: "masked" }, nameOf(pledge)), make("span", { class: "under", dir: "ltr" }, pledge.review?.email ?? "")]],
    ["state", badge(say(`state_${pledge.state}`), pledge.state)],
    ["country_label", country(pledge.country)],
    ["time", make("time", { datetime: pledge.created_at }, moment(pledge.created_at))],
    ["score", number(pledge.score)],
    ["signals", pledge.signals.map((signal) => [badge(say(`signal_${signal}`)), " "]).flat()],
    ["message", [pledge.review?.message ? quote(pledge.review.message) : null, details(pledge, partners, narrow)]],
  ];
}

function row(entry, label, cells, { selection, ticked, went }) {
  const box = make("input", { type: "checkbox", "aria-label": label, tabindex: "-1", props: { checked: selection.has(entry.id) } });
  box.addEventListener("click", (event) => ticked(entry.id, box.checked, event.shiftKey));
  box.addEventListener("focus", () => selection.goTo(entry.id));
  const nodes = cells.map(([head, content], index) => make(index === 0 ? "th" : "td", { role: index === 0 ? "rowheader" : "cell", scope: index === 0 ? "row" : null, "data-head": say(head) }, content));
  return make("tr", { role: "row", "data-id": entry.id, on: { click: () => went(entry.id) } }, make("td", { class: "tick-cell", role: "cell" }, box), nodes);
}

/** A table with a tick for each row: `cells(entry)` are pairs of a head and what stands below it, the first of which names the row. */
export function tickTable(caption, entries, { class: kind, cells, label, ...options }) {
  const rows = entries.map((entry) => [entry, cells(entry)]);
  const heads = (rows[0]?.[1] ?? []).map(([name]) => make("th", { scope: "col", role: "columnheader" }, say(name)));
  const all = make("input", { type: "checkbox", "aria-label": say("tick_page"), on: { click: () => options.tickedPage() } });
  const head = make("tr", { role: "row" }, make("th", { scope: "col", role: "columnheader", class: "tick-cell", "data-label": say("tick_page") }, all), heads);
  const body = rows.map(([entry, content]) => row(entry, label(entry), content, options));
  return make("table", { class: `console-table pledges ${kind}`, role: "table" }, make("caption", { class: "sr" }, caption), make("thead", { role: "rowgroup" }, head), make("tbody", { role: "rowgroup" }, body));
}

/** The table of a page. `ticked(id, on, range)` is called for each tick by mouse, space or touch. */
export function rowsTable(pledges, options) {
  const label = (pledge) => say("tick_row", { name: nameOf(pledge), country: country(pledge.country), state: say(`state_${pledge.state}`) });
  return tickTable(say("found_pledges"), pledges, { ...options, class: "found-table", label, cells: (pledge) => cellsOf(pledge, options) });
}

/** Shows in the table what is ticked and where the keyboard is; `focus` takes it there. */
export function mark(tableNode, selection, { focus = false } = {}) {
  for (const node of tableNode.querySelectorAll("tbody tr")) {
    const id = node.dataset.id;
    const box = node.querySelector(".tick-cell input");
    const isCurrent = id === selection.current;
    box.checked = selection.has(id);
    box.tabIndex = isCurrent ? 0 : -1;
    node.classList.toggle("current", isCurrent);
    node.classList.toggle("ticked", box.checked);
    if (isCurrent && focus) box.focus();
  }
  const page = tableNode.querySelector("thead input");
  page.checked = selection.isWholePage;
  page.indeterminate = selection.size > 0 && !page.checked;
}
