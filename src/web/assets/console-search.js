// The search: find what stands out, look, tick, and act on it, with the keyboard alone if one likes.

import { Problem, ofCampaign } from "./console-api.js";
import { filterForm, inWords } from "./console-filter-form.js";
import { fromQuery, isEmpty, narrower, question, toQuery } from "./console-filters.js";
import { meaning } from "./console-keys.js";
import { field, form, input, make } from "./console-parts.js";
import { Screen, partnerNames } from "./console-screen.js";
import { acceptThese, removeSearch, removeThese, revealThese, undoLast } from "./console-removing.js";
import { mark, rowsTable } from "./console-rows.js";
import { MOST, MOST_REVEALED, Selection } from "./console-selection.js";
import { moment, say } from "./console-texts.js";

class SearchScreen extends Screen {
  #filter = {};
  #partners = new Map();
  #selection = new Selection();
  #page = null;
  #cursor = null;
  #asking = null;
  #parts = {};

  async show() {
    this.#filter = fromQuery(this.context.query);
    this.#parts = {
      filters: make("div", { class: "card" }),
      told: make("div", { class: "found", role: "status" }),
      rows: make("div", { class: "rows" }),
      turns: make("div", { class: "actions" }),
      // Stays, so that a reader of screens hears when it changes.
      ticked: make("p", { role: "status" }),
      acts: make("div", { class: "actions" }),
    };
    const { filters, told, rows, turns, ticked, acts } = this.#parts;
    const bulk = make("div", { class: "bulk", role: "group", "aria-label": say("bulk") }, ticked, acts);
    this.append(make("h2", { tabindex: "-1" }, say("search")), filters, this.#lookUp(), told, rows, turns, bulk);
    this.#onKey = (event) => this.#key(event);
    document.addEventListener("keydown", this.#onKey);
    this.#partners = (await this.run(() => partnerNames(this))) ?? new Map();
    if (!this.isConnected) return;
    this.#drawFilters();
    await this.#ask();
  }

  #onKey = null;

  left() {
    document.removeEventListener("keydown", this.#onKey);
    this.#asking?.abort();
  }

  /** Somebody did something elsewhere in the console: what is shown here may be another now. */
  refresh() {
    this.run(() => this.#ask(this.#cursor));
  }

  #drawFilters() {
    const clear = () => this.run(async () => {
      await this.#search({}, { redraw: true });
      this.#parts.filters.querySelector("select").focus();
    });
    this.#parts.filters.replaceChildren(filterForm(this.#filter, this.#partners, { search: (filter) => this.#search(filter), clear }));
  }

  /** Another search. The address says it, so that it can be passed on; names and domains stay out of it. */
  #search(filter, { redraw = false, focus = false } = {}) {
    this.#filter = filter;
    this.#selection.clear();
    const { campaign, go } = this.context;
    go({ campaign, screen: "search", query: toQuery(filter) }, { quietly: true });
    // The form that asked is left as it is, so that the focus stays in it.
    if (redraw) this.#drawFilters();
    return this.#ask(null, { focus });
  }

  async #ask(cursor = null, { focus = false } = {}) {
    this.#asking?.abort();
    const asking = (this.#asking = new AbortController());
    this.#parts.rows.setAttribute("aria-busy", "true");
    try {
      const page = await this.api.post(ofCampaign(this.context.campaign, "pledges/search"), question(this.#filter, { cursor }), { signal: asking.signal });
      if (!this.isConnected) return;
      this.#cursor = cursor;
      this.#page = page;
      this.#draw(focus);
    } finally {
      if (this.#asking === asking) this.#parts.rows.removeAttribute("aria-busy");
    }
  }

  #draw(focus) {
    const { told, rows, turns } = this.#parts;
    const { pledges, total, total_is_exact: exact, search_lag_seconds: lag, held_ends: ends, next_cursor: next } = this.#page;
    this.#selection.show(pledges.map(({ id }) => id));
    told.replaceChildren(
      make("p", { class: "exact" }, make("strong", {}, say(exact ? "found" : "found_about", { count: total }))),
      make("p", { class: "chips" }, inWords(this.#filter, this.#partners).map(([, words]) => make("span", { class: "badge" }, words))),
      ...(lag > 0 ? [make("p", { class: "note" }, say("lag", { count: lag }))] : []),
      ...(ends ? [make("p", { class: "trial" }, say(`held_ends_${ends.default}`, { count: ends.pledges, moment: moment(ends.first_at) }))] : []),
    );
    const options = {
      selection: this.#selection,
      partners: this.#partners,
      narrow: (more) => this.run(() => this.#search(narrower(this.#filter, more), { redraw: true, focus: true })),
      ticked: (id, on, range) => this.#tick(() => (range ? this.#selection.extendTo(id) : this.#selection.toggle(id, on))),
      tickedPage: () => this.#tick(() => this.#selection.togglePage()),
    };
    rows.replaceChildren(pledges.length > 0 ? rowsTable(pledges, options) : make("p", { class: "note" }, say("found_none")));
    turns.replaceChildren(
      ...(this.#cursor ? [this.button(say("first_page"), () => this.#ask(null, { focus: true }))] : []),
      ...(next ? [this.button(say("next_page"), () => this.#ask(next, { focus: true }))] : []),
    );
    this.#mark(focus);
  }

  #mark(focus = false) {
    const shown = this.#parts.rows.querySelector("table");
    if (shown) mark(shown, this.#selection, { focus });
    this.#drawBulk();
  }

  #tick(change) {
    if (!change()) this.context.toasts.show(say("selection_full", { count: MOST }));
    this.#mark();
  }

  #drawBulk() {
    const { ticked, acts } = this.#parts;
    const { size } = this.#selection;
    const text = size > 0 ? say("selected", { count: size }) : say("selected_none");
    if (ticked.textContent !== text) ticked.textContent = text;
    const each = ["remove", "accept", "reveal"].map((what) => this.button(say(what), () => this.#act(what)));
    const none = size > 0 ? [this.button(say("selection_clear"), () => this.#act("clear"))] : [];
    acts.replaceChildren(...each, ...none, this.button(say("preview_all"), () => this.#act("preview"), { kind: "main" }));
  }

  #lookUp() {
    const place = make("div", { role: "status" });
    const send = async ({ email }, node) => {
      const { pledges } = await this.api.post(ofCampaign(this.context.campaign, "pledges/lookup"), { email });
      // The address is forgotten as soon as it was asked for.
      node.reset();
      place.replaceChildren(make("p", {}, pledges.length > 0 ? say("look_up_found") : say("look_up_none")));
      if (pledges.length === 0) return;
      this.#page = { pledges, total: 1, total_is_exact: true, search_lag_seconds: 0, held_ends: null, next_cursor: null };
      this.#selection.clear();
      // What is shown is no search: nothing may be removed by the one before.
      this.#filter = {};
      this.#drawFilters();
      this.#draw(true);
    };
    const control = input("email", { type: "email", required: true, maxlength: 254, dir: "ltr" });
    return make("details", { class: "card" }, make("summary", {}, say("look_up")), form([field(say("look_up_email"), control, say("look_up_hint"))], say("look_up_now"), send), place);
  }

  #key(event) {
    if (this.context.panels.isOpen) return;
    const inTable = Boolean(event.target.closest?.("tbody"));
    const what = meaning(event, { letters: this.context.letters(), inTable });
    if (!what || what === "help") return;
    event.preventDefault();
    this.run(() => this.#act(what));
  }

  async #act(what) {
    const selection = this.#selection;
    // The first press goes to the row that is meant, the next ones on from it.
    const move = (steps) => {
      if (this.querySelector("tbody :focus")) selection.move(steps);
      this.#mark(true);
    };
    const simple = {
      next: () => move(1),
      previous: () => move(-1),
      tick: () => this.#tick(() => selection.toggle()),
      tick_range: () => this.#tick(() => selection.extendTo(selection.current)),
      tick_page: () => this.#tick(() => selection.togglePage()),
      clear: () => (selection.clear(), this.#mark(true)),
      filter: () => this.#parts.filters.querySelector("select")?.focus(),
      next_page: () => this.#page?.next_cursor && this.#ask(this.#page.next_cursor, { focus: true }),
      first_page: () => this.#cursor && this.#ask(null, { focus: true }),
      undo: () => undoLast(this.context),
      remove: () => this.#onChosen((ids) => removeThese(this.context, ids)),
      accept: () => this.#onChosen((ids) => acceptThese(this.context, ids)),
      reveal: () => this.#reveal(),
      preview: () => this.#removeAll(),
    };
    await simple[what]?.();
  }

  async #onChosen(act) {
    const ids = this.#selection.chosen;
    if (ids.length === 0 || !(await act(ids))) return;
    this.#selection.drop(ids);
    await this.#ask(this.#cursor, { focus: true });
  }

  async #reveal() {
    const ids = this.#selection.chosen;
    if (ids.length > MOST_REVEALED) throw new Problem(0, { code: "too_many_to_reveal" });
    if (ids.length > 0) await revealThese(this.context, ids);
  }

  async #removeAll() {
    if (isEmpty(this.#filter)) throw new Problem(0, { code: "filter_empty" });
    const removal = await removeSearch(this.context, this.#filter, this.#partners);
    if (removal) this.context.go({ campaign: this.context.campaign, screen: "removals", query: `id=${removal.id}` });
  }
}

customElements.define("console-search", SearchScreen);
