// Rules: blocks and allows, which decide at the door, and searches that are kept alive for new pledges, which decide behind it.

import { Problem, ofCampaign } from "./console-api.js";
import { inWords } from "./console-filter-form.js";
import { isEmpty, tidy } from "./console-filters.js";
import { Screen, badge, bars, field, form, input, make, noteField, quote, remark, section, select, table } from "./console-parts.js";
import { reasonField } from "./console-removals.js";
import { country, moment, number, say } from "./console-texts.js";

const SUBJECTS = ["domain", "source", "name", "partner"];

/** What a rule does, and whether it takes something from somebody. */
const KINDS = { block: "bad", remove: "bad", hold: "held", allow: "counted" };

/** Whether a rule is a search; one that can't be opened any more has lost what it looks for, not what it is. */
export const searches = ({ kind }) => kind === "hold" || kind === "remove";

/** What a rule looks at, in words; none: it can't be read any more. */
export function looksAt(rule, partners = new Map()) {
  if (!searches(rule)) return rule.value ? [rule.value] : [];
  return inWords(rule.search ?? {}, partners).map(([, words]) => words);
}

/** What of a search can be kept alive: new pledges have no state that they were found in, no removal and no time yet. */
export function keepable(filter) {
  const { state: _, removal: __, from: ___, to: ____, ...rest } = tidy(filter);
  return rest;
}

/** Asks how a search is to be kept alive, and does it. Gives the rule. */
export async function keepSearch(context, filter, names) {
  const { api, campaign, panels, toasts } = context;
  const search = keepable(filter);
  // Without its words it would be of more than what was looked for.
  if (search.text) throw new Problem(0, { code: "rule_of_text" });
  if (isEmpty(search)) throw new Problem(0, { code: "filter_empty" });
  // How many fit by now tells what is to come, and whom it may hit.
  const preview = await api.post(ofCampaign(campaign, "removals/preview"), search);
  const onlyToday = Boolean(search.source_tag);
  return panels.open(say("keep"), (close) => {
    const send = async ({ kind, reason, days, note }) => {
      const rule = await api.post(ofCampaign(campaign, "rules"), { kind, search, reason, days: Number(days), note });
      close(rule);
      toasts.show(say("kept", { moment: moment(rule.expires_at) }));
    };
    const kind = select("kind", ["hold", "remove"].map((name) => [name, say(`kind_${name}`)]), { autofocus: true });
    const told = make("p", { class: "hint", role: "status" }, say("kind_told_hold"));
    kind.addEventListener("change", () => (told.textContent = say(`kind_told_${kind.value}`)));
    return [
      make("p", { class: "chips" }, inWords(search, names).map(([, words]) => badge(words))),
      make("p", {}, say("keep_fits", { count: preview.pledges })),
      preview.countries.length > 1 ? bars("by_country", preview.countries.slice(0, 5).map((row) => [country(row.country), row.count])) : null,
      form([field(say("rule_kind"), kind), told, reasonField(), field(say("days"), input("days", { type: "number", min: 1, max: 30, value: onlyToday ? 1 : 7, required: true }), say(onlyToday ? "keep_today" : "keep_days")), noteField()], say("keep_now"), send, { close }),
    ].filter(Boolean);
  });
}

class RulesScreen extends Screen {
  #partners = new Map();

  async show() {
    const place = make("div", {});
    this.append(this.head("rules"), place, this.#add(place));
    this.#partners = await this.partnerNames();
    await this.#list(place);
  }

  get #path() {
    return this.path("rules");
  }

  #add(place) {
    const subject = select("subject", SUBJECTS.map((name) => [name, say(`subject_${name}`)]));
    const told = make("p", { class: "hint", role: "status" }, say("subject_told_domain"));
    subject.addEventListener("change", () => (told.textContent = say(`subject_told_${subject.value}`)));
    const send = async ({ kind, subject: about, value, days, note }, node) => {
      await this.api.post(this.#path, { kind, subject: about, value, days: Number(days), note });
      node.reset();
      told.textContent = say("subject_told_domain");
      await this.#list(place);
    };
    return section(say("rule_add"), remark("rule_add_told"), form([
      field(say("rule_kind"), select("kind", ["block", "allow"].map((kind) => [kind, say(`kind_${kind}`)]))),
      field(say("rule_subject"), subject), told,
      field(say("rule_value"), input("value", { required: true, maxlength: 254, spellcheck: "false", dir: "auto" })),
      field(say("days"), input("days", { type: "number", min: 1, max: 366, value: 30, required: true })),
      noteField(),
    ], say("rule_add"), send));
  }

  async #list(place) {
    const { rules } = await this.get(this.#path);
    const rows = rules.map((rule) => this.#row(rule, place));
    const heads = ["rule_value", "rule", "why", "by", "hits", "last_hit_at", "expires_at", "acts"];
    place.replaceChildren(section(say("rules_in_force"), table("rules", heads, rows, { empty: "none" })));
  }

  #row(rule, place) {
    const looks = looksAt(rule, this.#partners);
    const what = looks.length > 0 ? looks.join(", ") : say("rule_unreadable");
    const end = async () => {
      await this.api.request("DELETE", `${this.#path}/${rule.id}`);
      await this.#list(place);
    };
    return [
      searches(rule) && looks.length > 0 ? make("p", { class: "chips" }, looks.map((words) => badge(words))) : what,
      [badge(say(`kind_${rule.kind}`), KINDS[rule.kind] ?? ""), " ", say(`subject_${rule.subject}`), rule.reason ? `, ${say(`reason_${rule.reason}`)}` : ""],
      quote(rule.note ?? ""),
      rule.made_by ?? say("by_operator"),
      number(rule.hits),
      moment(rule.last_hit_at),
      moment(rule.expires_at),
      this.buttonOn("rule_end", what, end),
    ];
  }
}

customElements.define("console-rules", RulesScreen);
