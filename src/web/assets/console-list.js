// Screens of pledges as rows: ticks, keys, what one does to what is ticked, and a quiet word when more has come.

import { Problem } from "./console-api.js";
import { KEYS, meaning } from "./console-keys.js";
import { Screen, buttons, make, remark } from "./console-parts.js";
import { acceptThese, removeThese, revealThese, undoLast } from "./console-removals.js";
import { MOST, MOST_REVEALED, Selection, mark, rowsTable } from "./console-rows.js";
import { say } from "./console-texts.js";

const EVERY_MS = 15_000;

/** How many of those found now weren't there: on a full page older ones only moved up. Ids begin with their time. */
export function fresh(shown, found, { isFull = false } = {}) {
  const known = new Set(shown);
  const last = [...shown].sort()[0] ?? "";
  return found.filter((id) => !known.has(id) && (!isFull || id > last)).length;
}

export class ListScreen extends Screen {
  /** What each key does here. */
  keys = KEYS;
  /** Whether buttons mean the row that one is on where none is ticked. */
  isOneByOne = false;
  selection = new Selection();
  partners = new Map();
  page = null;
  cursor = null;
  rows = make("div", { class: "rows" });
  turns = buttons();
  newer = make("div", { class: "newer", role: "status" });
  // Stays, so that a reader of screens hears when it changes.
  #ticked = make("p", { role: "status" });
  #acts = buttons();
  bulk = make("div", { class: "bulk", role: "group", "aria-label": say("bulk") }, this.#ticked, this.#acts);
  #asking = null;
  #timer = null;
  #onKey = (event) => this.#key(event);

  /** Reads a page: `pledges` and `next_cursor`. */
  async read() {}

  /** Says what was read, above the rows. */
  told() {}

  /** The rows of a page. */
  table(pledges, options) {
    return rowsTable(pledges, options);
  }

  /** What is said where there are none. */
  nothing() {
    return "found_none";
  }

  /** What can be done to what is ticked. */
  acts() {
    return ["remove", "accept", "reveal"];
  }

  /** Narrows what is shown to what is like a row. */
  async narrow() {}

  /** Buttons for all that fits, beside those for what is ticked. */
  more() {
    return [];
  }

  /** What the keys of this screen do, beside those that all have. */
  own() {
    return {};
  }

  /** How many have come since, and whether there may be more; null: it isn't asked. */
  async newerCount() {
    return null;
  }

  /** What is done with these; gives whether it was. */
  accept(ids) {
    return acceptThese(this.context, ids);
  }

  remove(ids) {
    return removeThese(this.context, ids);
  }

  listen() {
    document.addEventListener("keydown", this.#onKey);
    // At the foot with the messages, so that neither covers the other.
    this.context.foot.append(this.bulk);
    this.#later();
  }

  left() {
    document.removeEventListener("keydown", this.#onKey);
    this.bulk.remove();
    clearTimeout(this.#timer);
    this.#asking?.abort();
  }

  refresh() {
    this.run(() => this.ask(this.cursor, { focus: null, at: null }));
  }

  #later() {
    this.#timer = setTimeout(async () => {
      if (document.visibilityState !== "hidden" && !this.context.panels.isOpen && this.page && !this.cursor) await this.#lookForNewer();
      if (this.isConnected) this.#later();
    }, EVERY_MS);
  }

  async #lookForNewer() {
    const page = this.page;
    try {
      const found = await this.newerCount();
      if (page !== this.page || !found || found.count === 0) return;
      const text = say(found.isMore ? "newer_many" : "newer", { count: found.count });
      if (this.newer.textContent !== text) this.newer.replaceChildren(this.button(text, () => this.ask(null, { focus: true })));
    } catch {
      // The next question that somebody asks tells what is wrong.
    }
  }

  /** Asks for a page. Where it is null, focus and place are those that there are once it has come. */
  async ask(cursor = null, { focus = false, at = 0 } = {}) {
    this.#asking?.abort();
    const asking = (this.#asking = new AbortController());
    this.rows.setAttribute("aria-busy", "true");
    try {
      const page = await this.read(cursor, asking.signal);
      if (!this.isConnected) return undefined;
      // All of a later page was decided: the first one has what is left.
      if (cursor && page.pledges.length === 0) return this.ask(null, { focus });
      this.cursor = cursor;
      this.page = page;
      this.draw({ focus: focus ?? this.rows.contains(document.activeElement), at: at ?? this.selection.at });
    } finally {
      if (this.#asking === asking) this.rows.removeAttribute("aria-busy");
    }
    return undefined;
  }

  draw({ focus = false, at = 0 } = {}) {
    const { pledges, next_cursor: next } = this.page;
    this.selection.show(pledges.map(({ id }) => id), at);
    this.newer.replaceChildren();
    this.told();
    const options = {
      selection: this.selection,
      partners: this.partners,
      narrow: (more) => this.run(() => this.narrow(more)),
      ticked: (id, on, range) => this.tick(() => (range ? this.selection.extendTo(id) : this.selection.toggle(id, on))),
      went: (id) => this.selection.goTo(id) && this.mark(),
      tickedPage: () => this.tick(() => this.selection.togglePage()),
    };
    this.rows.replaceChildren(pledges.length > 0 ? this.table(pledges, options) : remark(this.nothing()));
    this.turns.replaceChildren(
      ...(this.cursor ? [this.button(say("first_page"), () => this.ask(null, { focus: true }))] : []),
      ...(next ? [this.button(say("next_page"), () => this.ask(next, { focus: true }))] : []),
    );
    this.mark(focus);
  }

  mark(focus = false) {
    const shown = this.rows.querySelector("table");
    if (shown) mark(shown, this.selection, { focus });
    const { size } = this.selection;
    const text = size > 0 ? say("selected", { count: size }) : say(this.isOneByOne ? "selected_row" : "selected_none");
    if (this.#ticked.textContent !== text) this.#ticked.textContent = text;
    // Where one looks for many, without a tick there is nothing to press; keys mean the row that one is on.
    const isMeant = size > 0 || (this.isOneByOne && this.selection.current !== null);
    const each = [...(isMeant ? this.acts() : []), ...(size > 0 ? ["clear"] : [])];
    const acts = each.map((what, index) => this.button(this.actName(what), () => this.act(what), { kind: index === 0 ? "main" : "quiet" }));
    this.#acts.replaceChildren(...acts, ...this.more());
    this.bulk.toggleAttribute("data-ticked", isMeant);
    this.bulk.hidden = each.length === 0 && this.#acts.childElementCount === 0;
  }

  /** What an act is called on its button. */
  actName(what) {
    return say(what === "clear" ? "selection_clear" : what);
  }

  tick(change) {
    if (!change()) this.context.toasts.show(say("selection_full", { count: MOST }));
    this.mark();
  }

  #key(event) {
    if (this.context.panels.isOpen) return;
    const inTable = Boolean(event.target.closest?.("tbody"));
    const what = meaning(event, { letters: this.context.letters(), inTable, keys: this.keys });
    if (!what || what === "help") return;
    event.preventDefault();
    this.run(() => this.act(what));
  }

  async act(what) {
    const { selection } = this;
    // The first press goes to the row that is meant, the next ones on from it.
    const move = (steps) => {
      if (this.querySelector("tbody :focus")) selection.move(steps);
      this.mark(true);
    };
    const all = {
      next: () => move(1),
      previous: () => move(-1),
      tick: () => this.tick(() => selection.toggle()),
      tick_range: () => this.tick(() => selection.extendTo(selection.current)),
      tick_page: () => this.tick(() => selection.togglePage()),
      clear: () => (selection.clear(), this.mark(true)),
      next_page: () => this.page?.next_cursor && this.ask(this.page.next_cursor, { focus: true }),
      first_page: () => this.cursor && this.ask(null, { focus: true }),
      undo: () => undoLast(this.context),
      remove: () => this.#onChosen((ids) => this.remove(ids)),
      accept: () => this.#onChosen((ids) => this.accept(ids)),
      reveal: () => this.#reveal(),
      ...this.own(),
    };
    await all[what]?.();
  }

  async #onChosen(act) {
    const { chosen, at } = this.selection;
    if (chosen.length === 0 || !(await act(chosen))) return;
    this.selection.drop(chosen);
    await this.ask(this.cursor, { focus: true, at });
  }

  async #reveal() {
    const ids = this.selection.chosen;
    if (ids.length > MOST_REVEALED) throw new Problem(0, { code: "too_many_to_reveal" });
    if (ids.length > 0) await revealThese(this.context, ids);
  }
}
