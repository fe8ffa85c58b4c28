// The public wall: who wants to be shown and waits for a yes, what is shown, and what readers have reported.

import { ofCampaign } from "./console-api.js";
import { WALL_KEYS } from "./console-keys.js";
import { ListScreen } from "./console-list.js";
import { badge, buttons, code, field, form, make, quote, remark, select, tick } from "./console-parts.js";
import { tickTable } from "./console-rows.js";
import { moment, say } from "./console-texts.js";

/** Entries that are read at once: each reading of names is on record, and counts. */
const PAGE = 20;

/** Ids that one call of the API takes. */
const MOST = 100;

const REASONS = ["abuse", "spam", "private", "other"];

/** The ways through the wall: what each asks for, and what can be done there. */
export const VIEWS = {
  waiting: { acts: ["approve", "decline"] },
  shown: { query: { state: "shown" }, acts: ["hide"] },
  reported: { query: { reported: true }, acts: ["hide", "dismiss"] },
  declined: { query: { state: "declined" }, acts: ["approve"] },
  hidden: { query: { state: "hidden" }, acts: ["approve"] },
};

/** What an act is called in the API, and in its answer. */
const CALLS = { approve: ["approvals", "approved"], decline: ["declines", "declined"], hide: ["hidings", "hidden"], dismiss: ["dismissals", "dismissed"] };

/** Does something to entries, as many at a time as the API takes; gives those to which it was done. */
export async function decide(api, slug, what, ids, more = {}) {
  const [path, answered] = CALLS[what];
  const done = [];
  for (let at = 0; at < ids.length; at += MOST) {
    const answer = await api.post(ofCampaign(slug, `wall/${path}`), { ids: ids.slice(at, at + MOST), ...more });
    done.push(...answer[answered]);
  }
  return done;
}

class WallScreen extends ListScreen {
  keys = WALL_KEYS;
  #view = "waiting";
  #isOff = false;
  #told = make("div", { class: "found", role: "status" });
  // Of one way through the wall at a time, and only until one leaves.
  #quick = null;

  async show() {
    const { campaign, query } = this.context;
    const view = new URLSearchParams(query).get("view");
    this.#view = view in VIEWS ? view : "waiting";
    this.append(this.head("wall"), this.views("wall", Object.keys(VIEWS).map((one) => [`wall_${one}`, one === "waiting" ? "" : `view=${one}`, one === this.#view])));
    const { wall } = await this.get(`/v1/campaigns/${encodeURIComponent(campaign)}`);
    this.#isOff = wall === false;
    this.append(this.#told, this.rows, this.turns);
    this.listen();
    if (this.#view !== "waiting") return this.ask();
    // Names are read when somebody wants to, not because the screen is open.
    this.page = { pledges: [], next_cursor: null, isUnread: true };
    return this.draw();
  }

  refresh() {
    if (this.#view !== "waiting") super.refresh();
  }

  async read(cursor) {
    const path = this.#view === "waiting" ? "wall/waiting" : "wall/entries";
    const { entries, next_cursor: next } = await this.get(this.path(path), { ...VIEWS[this.#view].query, limit: PAGE, cursor });
    return { pledges: entries, next_cursor: next };
  }

  told() {
    this.#told.replaceChildren(
      ...(this.#isOff ? [make("p", { class: "trial" }, say("wall_off"))] : []),
      remark(`wall_told_${this.#view}`),
    );
  }

  draw(options) {
    super.draw(options);
    const { pledges, next_cursor: next, isUnread } = this.page;
    if (this.#view !== "waiting") return;
    // Where one has decided all that was read, the next ones are asked for from the start: those are gone from there.
    if (pledges.length === 0 && (isUnread || next || this.page.isDecided)) this.turns.replaceChildren(this.button(say("wall_read", { count: PAGE }), () => this.ask(isUnread || this.page.isDecided ? null : next, { focus: true }), { kind: "main" }));
    if (isUnread) this.rows.replaceChildren();
  }

  nothing() {
    return `wall_none_${this.#view}`;
  }

  acts() {
    return VIEWS[this.#view].acts;
  }

  actName(what) {
    return what === "clear" ? super.actName(what) : say(`wall_act_${what}`);
  }

  table(entries, options) {
    const told = (entry) => [
      entry.has_link ? badge(say("wall_link"), "bad") : null,
      entry.reports > 0 ? badge(say("wall_reports", { count: entry.reports }), "bad") : null,
      ...(entry.reasons ?? []).map((reason) => badge(say(`wall_reason_${reason}`))),
    ].filter(Boolean).flatMap((node) => [node, " "]);
    const cells = (entry) => [
      ["name", entry.name ?? say(this.#view === "waiting" || this.#view === "shown" ? "name_none" : "wall_text_gone")],
      ["message", entry.message ? quote(entry.message) : entry.name ? "" : code(entry.id)],
      ["language", entry.language ?? ""],
      ["time", moment(entry.created_at) || (entry.day ?? "")],
      ["wall_marks", told(entry)],
      ["acts", buttons(this.acts().map((what) => this.buttonOn(`wall_act_${what}`, entry.name ?? entry.id, () => this.#decide(what, [entry.id]))))],
    ];
    return tickTable(say("wall"), entries, { ...options, class: "wall-table", cells, label: (entry) => entry.name ?? entry.id });
  }

  own() {
    return Object.fromEntries(this.acts().map((what) => [what, () => this.#decide(what, this.selection.chosen)]));
  }

  async #decide(what, ids) {
    if (ids.length === 0) return;
    const { at } = this.selection;
    const more = await this.#reason(what, ids);
    if (!more) return;
    const done = await decide(this.api, this.context.campaign, what, ids, more);
    this.#announce(what, done);
    this.selection.drop(ids);
    if (this.#view !== "waiting") return this.ask(this.cursor, { focus: true, at });
    this.page = { ...this.page, pledges: this.page.pledges.filter(({ id }) => !ids.includes(id)), isDecided: true };
    this.draw({ focus: true, at });
  }

  /** What the API wants to know besides: a reason, asked once where somebody wants that; null: it is not to be done. */
  async #reason(what, ids) {
    // What was decided otherwise before isn't published by a slip of the finger: its text isn't even in sight.
    const isAgain = what === "approve" && this.#view !== "waiting";
    if (isAgain) return (await this.context.sure(say("wall_again_title", { count: ids.length }), say("wall_again_told"), say("wall_act_approve"))) ? {} : null;
    if (!["decline", "hide"].includes(what)) return {};
    if (ids.length === 1 && this.#quick?.what === what) return this.#quick.more;
    const given = await this.context.panels.open(say(`wall_${what}_title`, { count: ids.length }), (close) => {
      const which = select("reason", [["", say("choose")], ...REASONS.map((reason) => [reason, say(`wall_reason_${reason}`)])], { required: true, autofocus: true });
      const again = ids.length === 1 ? tick("again", say("again"), { value: "yes" }) : null;
      return form([make("p", {}, say(`wall_${what}_told`)), field(say("reason"), which), again], say(`wall_act_${what}`), (typed) => close(typed), { close });
    });
    if (!given) return null;
    const more = { reason: given.reason };
    if (given.again) this.#quick = { what, more };
    return more;
  }

  #announce(what, done) {
    const { toasts, attempt, campaign } = this.context;
    const text = say(`wall_done_${what}`, { count: done.length });
    if (what !== "approve" || done.length === 0) return toasts.show(text);
    const off = async () => {
      const hidden = await decide(this.api, campaign, "hide", done, { reason: "other" });
      toasts.show(say("wall_done_hide", { count: hidden.length }));
      this.refresh();
    };
    return toasts.show(text, { action: { label: say("wall_act_hide"), run: () => attempt(off) } });
  }
}

customElements.define("console-wall", WallScreen);
