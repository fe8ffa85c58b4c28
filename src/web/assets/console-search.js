// The search: find what stands out, look, tick, and act on it, with the keyboard alone if one likes.

import { Problem } from "./console-api.js";
import { filterForm, inWords } from "./console-filter-form.js";
import { fromQuery, isEmpty, narrower, question, toQuery } from "./console-filters.js";
import { ListScreen, fresh } from "./console-list.js";
import { field, filterFold, form, input, make, remark } from "./console-parts.js";
import { removeSearch } from "./console-removals.js";
import { keepSearch } from "./console-rules.js";
import { moment, say } from "./console-texts.js";

/** Of more than these the service estimates how many there are; of fewer it has stopped counting. */
const COUNTED = 10_000;

class SearchScreen extends ListScreen {
  #filter = {};
  // What was found by an address is no search: nothing of it can be asked for again.
  #isSearch = true;
  #filters = make("div", {});
  #told = make("div", { class: "found", role: "status" });
  #fold = null;

  async show() {
    this.#filter = fromQuery(this.context.query);
    this.#fold = filterFold(this.#filters);
    this.append(this.head("search"), this.#fold, make("div", { class: "found-line" }, this.#told, this.newer), this.rows, this.turns);
    this.listen();
    this.partners = await this.partnerNames();
    if (!this.isConnected) return;
    this.#drawFilters();
    await this.ask();
  }

  #drawFilters() {
    const clear = () => this.run(async () => {
      await this.#search({}, { redraw: true });
      this.#toFilters();
    });
    this.#filters.replaceChildren(filterForm(this.#filter, this.partners, { search: (filter) => this.#search(filter), clear, others: [this.button(say("look_up"), () => this.#lookUp())] }));
  }

  #toFilters() {
    this.#fold.open = true;
    this.#filters.querySelector("select")?.focus();
  }

  /** Another search. The address says it, so that it can be passed on; names, domains and texts stay out of it. */
  #search(filter, { redraw = false, focus = false } = {}) {
    this.#filter = filter;
    this.selection.clear();
    const { campaign, go } = this.context;
    go({ campaign, screen: "search", query: toQuery(filter) }, { quietly: true });
    // The form that asked is left as it is, so that the focus stays in it.
    if (redraw) this.#drawFilters();
    return this.ask(null, { focus });
  }

  async read(cursor, signal) {
    const page = await this.#page(question(this.#filter, { cursor }), signal);
    this.#isSearch = true;
    return page;
  }

  #page(body, signal) {
    return this.api.post(this.path("pledges/search"), body, { signal });
  }

  async newerCount() {
    // Each search by a name goes on record: nothing asks for one but a person.
    if (!this.#isSearch || this.#filter.name) return null;
    const { pledges, next_cursor: next } = await this.#page(question(this.#filter), this.signal);
    const ids = (all) => all.map(({ id }) => id);
    const count = fresh(ids(this.page.pledges), ids(pledges), { isFull: Boolean(this.page.next_cursor) });
    return { count, isMore: Boolean(next) && count === pledges.length };
  }

  narrow(more) {
    return this.#search(narrower(this.#filter, more), { redraw: true, focus: true });
  }

  told() {
    const { total, total_is_exact: exact, search_lag_seconds: lag, held_ends: ends } = this.page;
    const groups = this.context.standing().length;
    this.#told.replaceChildren(
      ...(groups > 0 ? [make("p", { class: "trial" }, say("clusters_stand", { count: groups }), " ", make("a", { href: this.to("clusters") }, say("clusters_see")))] : []),
      make("p", { class: "exact" }, make("strong", {}, say(exact ? "found" : total > COUNTED || lag > 0 ? "found_about" : "found_least", { count: total }))),
      make("p", { class: "chips" }, inWords(this.#filter, this.partners).map(([, words]) => make("span", { class: "badge" }, words))),
      ...(lag > 0 ? [remark("lag", { count: lag })] : []),
      ...(ends ? [make("p", { class: "trial" }, say(`held_ends_${ends.default}`, { count: ends.pledges, moment: moment(ends.first_at) }))] : []),
    );
  }

  more() {
    return [this.button(say("keep"), () => this.act("keep"), { kind: "quiet of-all" }), this.button(say("preview_all"), () => this.act("preview"), { kind: "main of-all" })];
  }

  own() {
    return { filter: () => this.#toFilters(), preview: () => this.#removeAll(), keep: () => keepSearch(this.context, this.#filter, this.partners) };
  }

  /** Asks for an address, and shows whose it is; the address is forgotten as soon as it was asked for. */
  async #lookUp() {
    const found = await this.context.panels.open(say("look_up"), (close) => {
      const control = input("email", { type: "email", required: true, maxlength: 254, dir: "ltr", autofocus: true });
      const told = make("p", { role: "status" });
      const send = async ({ email }, node) => {
        const { pledges } = await this.api.post(this.path("pledges/lookup"), { email });
        node.reset();
        if (pledges.length > 0) return close(pledges);
        told.textContent = say("look_up_none");
      };
      return form([field(say("look_up_email"), control, say("look_up_hint")), told], say("look_up_now"), send, { close });
    });
    if (!found) return;
    this.page = { pledges: found, total: 1, total_is_exact: true, search_lag_seconds: 0, held_ends: null, next_cursor: null };
    this.selection.clear();
    // What is shown is no search: nothing may be removed by the one before.
    this.#filter = {};
    this.#isSearch = false;
    this.#drawFilters();
    this.draw({ focus: true });
  }

  async #removeAll() {
    if (isEmpty(this.#filter)) throw new Problem(0, { code: "filter_empty" });
    await removeSearch(this.context, this.#filter, this.partners);
  }
}

customElements.define("console-search", SearchScreen);
