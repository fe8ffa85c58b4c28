// A campaign as its moderators may see it: exact counts, which are nobody else's business, and its settings.

import { Screen, bars, code, facts, field, form, input, make, noteField, remark, section, select, table, tick } from "./console-parts.js";
import { country, moment, number, say } from "./console-texts.js";

/** Countries, the largest first; among equals by code, so that nothing jumps. */
const byCount = (countries) => [...countries].sort((a, b) => b.count - a.count || (a.country < b.country ? -1 : 1));

const EVERY_MS = 10_000;

class TotalsScreen extends Screen {
  #timer = null;

  async show() {
    const place = make("div", {});
    this.append(this.head("totals"), remark("totals_told"), place);
    await this.#draw(place);
  }

  left() {
    clearTimeout(this.#timer);
  }

  refresh() {
    clearTimeout(this.#timer);
    this.run(() => this.#draw(this.querySelector("div")));
  }

  async #draw(place) {
    try {
      const [exact, published] = await Promise.all([this.get(this.path("totals")), this.get(`/v1/campaigns/${encodeURIComponent(this.context.campaign)}/totals`)]);
      place.replaceChildren(
        section(say("totals_all"), facts([[say("total"), number(exact.total)], [say("confirmed"), number(published.confirmed)], [say("goal"), published.goal ? number(published.goal) : null], [say("as_of"), moment(published.as_of)]])),
        section(say("by_country"), bars("by_country", byCount(exact.countries).map((row) => [country(row.country), row.count]))),
      );
    } finally {
      if (this.isConnected) this.#timer = setTimeout(() => this.refresh(), EVERY_MS);
    }
  }
}

/** What was typed into the form of settings, where it is another than it was: what others changed meanwhile stays theirs. */
export function changed(typed, before) {
  const wanted = {
    goal: Number(typed.goal),
    hold_at: Number(typed.hold_at),
    proof: typed.proof,
    publish_partners: typed.publish_partners === "on",
  };
  return Object.fromEntries(Object.entries(wanted).filter(([name, value]) => value !== before[name]));
}

class SettingsScreen extends Screen {
  #isTouched = false;

  async show() {
    this.#isTouched = false;
    this.append(this.head("settings"));
    const [campaign, held] = await Promise.all([this.#public(), this.get(this.path("settings"))]);
    const title = campaign?.texts[campaign.default_language]?.title;
    this.append(section(title ?? this.context.campaign, facts([
      [say("slug"), code(this.context.campaign)],
      [say("state"), say(`campaign_${campaign?.state ?? "draft"}`)],
      [say("languages"), campaign?.languages.join(", ")],
      [say("confirmation"), say(`confirmation_${held.confirmation}`)],
      [say("proof"), say(`proof_${held.proof}`)],
      [say("hold_at"), number(held.hold_at)],
      [say("review_days"), number(held.review_days)],
      [say("held_default"), say(`held_default_${held.held_default}`)],
      [say("wall"), say(held.wall ? "on" : "off")],
      [say("goal"), held.goal ? number(held.goal) : null],
      [say("threshold"), campaign && number(campaign.threshold)],
      [say("publish_partners"), say(held.publish_partners ? "yes" : "no")],
      [say("fields"), Object.entries(campaign?.fields ?? {}).map(([name, ask]) => `${name}: ${say(`ask_${ask}`)}`).join(", ")],
      [say("consents"), campaign?.consents.map((consent) => say(`consent_${consent.purpose}`)).join(", ")],
    ]), remark("settings_told")));
    if (this.myRole === "moderator") return;
    this.append(this.#change(held));
    await this.#recipients();
  }

  /** What is typed and not saved is nobody's to clear. */
  refresh() {
    if (!this.#isTouched) super.refresh();
  }

  /** The campaign as everybody sees it; null: it is a draft. */
  async #public() {
    try {
      return await this.get(`/v1/campaigns/${encodeURIComponent(this.context.campaign)}`);
    } catch (problem) {
      if (problem.status !== 404) throw problem;
      return null;
    }
  }

  #change(before) {
    const count = (name, limits, hint) => field(say(name), input(name, { type: "number", step: 1, required: true, value: before[name], ...limits }), hint && say(hint));
    const send = async (typed) => {
      const change = changed(typed, before);
      const isChanged = Object.keys(change).length > 0;
      if (change.publish_partners && !(await this.context.sure(say("publish_title"), say("publish_told"), say("publish_now")))) return;
      if (isChanged) await this.api.request("PATCH", this.path("settings", "admin"), { ...change, note: typed.note });
      this.context.toasts.show(say(isChanged ? "settings_saved" : "settings_same"));
      this.#isTouched = false;
      this.refresh();
    };
    const proofs = ["off", "on", "adaptive"].map((proof) => [proof, say(`proof_${proof}`)]);
    const fields = [
      count("hold_at", { min: 1, max: 1000 }, "hold_at_hint"),
      field(say("proof"), select("proof", proofs, { value: before.proof }), say("proof_hint")),
      count("goal", { min: 0, max: 4_294_967_295 }, "goal_hint"),
      tick("publish_partners", say("publish_partners"), { checked: before.publish_partners }),
      noteField(),
    ];
    return section(say("settings_change"), form(fields, say("save"), send, { on: { input: () => (this.#isTouched = true) } }));
  }

  async #recipients() {
    const { recipients } = await this.get(this.path("recipients"));
    const rows = recipients.map((one) => [one.label, code(one.public_key, { class: "key" }), moment(one.added_at), moment(one.checked_at) || say("checked_never"), moment(one.removed_at)]);
    this.append(section(say("recipients"), remark("recipients_told"), table("recipients", ["label", "public_key", "added_at", "checked_at", "removed_at"], rows)));
  }
}

customElements.define("console-totals", TotalsScreen);
customElements.define("console-settings", SettingsScreen);
