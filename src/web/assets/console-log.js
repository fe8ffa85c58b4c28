// The log: what was done, by whom and why, in a campaign or, for admins, everywhere; and taking it along.

import { fromInput, toInput } from "./console-filters.js";
import { Screen, button, buttons, facts, field, filterFold, form, input, make, quote } from "./console-parts.js";
import { actions, moment, number, say, says } from "./console-texts.js";

const PAGE = 100;

/** Entries that one download of what is shown takes at the most; the whole log has a way of its own. */
const MOST = 10_000;

const FILTERS = ["login", "action", "from", "to"];

/** An entry's details as pairs of a name and a short text; lists of ids only as how many they are. */
export function flat(details, before = "") {
  if (details === null || typeof details !== "object") return [[before || "value", `${details}`]];
  if (Array.isArray(details)) return [[before, details.length > 5 ? say("entries", { count: details.length }) : details.map((one) => (typeof one === "object" ? JSON.stringify(one) : one)).join(", ")]];
  return Object.entries(details).filter(([, value]) => value !== null).flatMap(([name, value]) => flat(value, before ? `${before}.${name}` : name));
}

/** What was done, in words where there are some. */
export const action = (name) => {
  const key = `log_${name.replace(/\./g, "_")}`;
  return says(key) ? say(key) : name;
};

/** Which entries an address asks for, and a form: only what has a value. */
export function filterOf(given) {
  const known = FILTERS.map((name) => [name, `${given[name] ?? ""}`.trim()]);
  return Object.fromEntries(known.filter(([, value]) => value));
}

/** All that a list has, page after page, `most` at the most; and whether that was all of it. */
export async function everything(read, most = MOST) {
  const entries = [];
  let cursor = null;
  do {
    const page = await read(cursor);
    entries.push(...page.entries);
    cursor = page.next_cursor ?? null;
  } while (cursor && entries.length < most);
  return { entries, isAll: cursor === null };
}

/** Gives a file to whoever sits here; it is kept nowhere else. */
function handOver(blob, name) {
  const address = URL.createObjectURL(blob);
  make("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

class LogScreen extends Screen {
  #filter = {};
  #place = make("div", {});

  async show() {
    const { campaign, query } = this.context;
    this.#filter = filterOf(Object.fromEntries(new URLSearchParams(query)));
    this.append(make("h2", { tabindex: "-1" }, say(campaign ? "log" : "whole_log")), this.#form(), this.#downloads(), this.#place);
    await this.#list();
  }

  get #path() {
    return this.context.campaign ? this.path("audit") : "/v1/admin/audit";
  }

  #read(limit) {
    return (cursor) => this.get(this.#path, { ...this.#filter, limit, cursor });
  }

  async #list() {
    const read = this.#read(PAGE);
    const list = await this.pages(async (cursor) => {
      const page = await read(cursor);
      return { nodes: page.entries.map((entry) => this.#entry(entry)), next: page.next_cursor };
    });
    this.#place.replaceChildren(...(list.querySelector("article") ? [] : [make("p", { class: "note", role: "status" }, say("nothing"))]), list);
  }

  #form() {
    const areas = new Map();
    for (const name of actions()) {
      const [area] = name.split(".");
      areas.set(area, [...(areas.get(area) ?? []), name]);
    }
    const groups = [...areas].map(([area, names]) => make("optgroup", { label: say(`area_${area}`) }, names.map((name) => make("option", { value: name }, action(name)))));
    const which = make("select", { name: "action" }, make("option", { value: "" }, say("any")), groups);
    const controls = { login: input("login", { maxlength: 64, pattern: "[a-z0-9._\\-]+", autocapitalize: "off", spellcheck: "false", dir: "ltr" }), action: which, from: input("from", { type: "datetime-local" }), to: input("to", { type: "datetime-local" }) };
    for (const [name, value] of Object.entries(this.#filter)) controls[name].value = ["from", "to"].includes(name) ? toInput(value) : value;
    const send = (typed) => {
      this.#filter = filterOf({ ...typed, from: fromInput(typed.from), to: fromInput(typed.to) });
      const { campaign, go } = this.context;
      go({ campaign, screen: "log", query: new URLSearchParams(this.#filter).toString() }, { quietly: true });
      return this.#list();
    };
    const clear = button(say("filter_clear"), () => this.context.go({ campaign: this.context.campaign, screen: "log" }));
    const fields = [field(say("entry_by"), controls.login), field(say("entry_what"), controls.action), field(say("filter_from"), controls.from), field(say("filter_to"), controls.to)];
    return filterFold(form(make("div", { class: "filters inline" }, fields), say("entries_show"), send, { cancel: clear, role: "search", "aria-label": say("entries_search") }));
  }

  #downloads() {
    const { campaign, toasts } = this.context;
    const these = this.button(say("export_these"), async () => {
      const { entries, isAll } = await everything(this.#read(200));
      handOver(new Blob(entries.map((entry) => `${JSON.stringify(entry)}\n`), { type: "application/x-ndjson" }), `log${campaign ? `-${campaign}` : ""}.jsonl`);
      toasts.show(say(isAll ? "exported" : "exported_cut", { count: entries.length }));
    });
    const whole = this.button(say("export_whole"), async () => {
      handOver(await this.api.get("/v1/admin/audit/export", { as: "blob" }), "audit.jsonl");
      toasts.show(say("exported_whole"));
    });
    const isAdmin = !campaign && this.api.me.role === "admin";
    return buttons(these, isAdmin ? whole : null);
  }

  #entry(entry) {
    const { note, ...rest } = entry.details ?? {};
    return make("article", { class: "log-entry", "aria-label": `${action(entry.action)}, ${moment(entry.at)}` },
      make("p", {}, make("strong", {}, action(entry.action)), " ", make("span", { class: "under" }, say("entry_told", { who: entry.login ?? say("by_nobody"), moment: moment(entry.at), number: number(entry.id) })), entry.campaign && !this.context.campaign ? ` ${entry.campaign}` : ""),
      note ? quote(note) : null,
      Object.keys(rest).length > 0 ? make("details", {}, make("summary", {}, make("span", {}, say("details")), make("span", { class: "sr" }, say("details_of", { name: action(entry.action) }))), facts(flat(rest))) : null,
    );
  }
}

customElements.define("console-log", LogScreen);
