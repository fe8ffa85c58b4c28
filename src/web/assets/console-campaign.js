// A campaign as its moderators may see it: exact counts, which are nobody else's business, and its settings.

import { ofCampaign, roleIn } from "./console-api.js";
import { bars, facts, make, section, table } from "./console-parts.js";
import { Screen } from "./console-screen.js";
import { country, moment, number, say } from "./console-texts.js";

/** Countries, the largest first; among equals by code, so that nothing jumps. */
export const byCount = (countries) => [...countries].sort((a, b) => b.count - a.count || (a.country < b.country ? -1 : 1));

const EVERY_MS = 10_000;

class TotalsScreen extends Screen {
  #timer = null;

  async show() {
    const place = make("div", {});
    this.append(this.head("totals"), make("p", { class: "note" }, say("totals_told")), place);
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
      const [exact, published] = await Promise.all([this.get(ofCampaign(this.context.campaign, "totals")), this.get(`/v1/campaigns/${encodeURIComponent(this.context.campaign)}/totals`)]);
      place.replaceChildren(
        section(say("totals_all"), facts([[say("total"), number(exact.total)], [say("confirmed"), number(published.confirmed)], [say("goal"), published.goal ? number(published.goal) : null], [say("as_of"), moment(published.as_of)]])),
        section(say("by_country"), bars(say("by_country"), byCount(exact.countries).map((row) => [country(row.country), row.count]), number)),
      );
    } finally {
      if (this.isConnected) this.#timer = setTimeout(() => this.refresh(), EVERY_MS);
    }
  }
}

class SettingsScreen extends Screen {
  async show() {
    this.append(this.head("settings"));
    const campaign = await this.get(`/v1/campaigns/${encodeURIComponent(this.context.campaign)}`);
    const title = campaign.texts[campaign.default_language]?.title;
    this.append(section(title ?? campaign.slug, facts([
      [say("slug"), make("code", { dir: "ltr" }, campaign.slug)],
      [say("state"), say(`campaign_${campaign.state}`)],
      [say("languages"), campaign.languages.join(", ")],
      [say("confirmation"), say(`confirmation_${campaign.confirmation}`)],
      [say("proof"), say(`proof_${campaign.proof}`)],
      [say("goal"), campaign.goal ? number(campaign.goal) : null],
      [say("threshold"), number(campaign.threshold)],
      [say("publish_partners"), say(campaign.publish_partners ? "yes" : "no")],
      [say("fields"), Object.entries(campaign.fields).map(([name, ask]) => `${name}: ${say(`ask_${ask}`)}`).join(", ")],
      [say("consents"), campaign.consents.map((consent) => say(`consent_${consent.purpose}`)).join(", ")],
    ]), make("p", { class: "note" }, say("settings_told"))));
    if (roleIn(this.api.me, this.context.campaign) !== "moderator") await this.#recipients();
  }

  async #recipients() {
    const { recipients } = await this.get(ofCampaign(this.context.campaign, "recipients"));
    const rows = recipients.map((one) => [one.label, make("code", { class: "key", dir: "ltr" }, one.public_key), moment(one.added_at), moment(one.checked_at) || say("checked_never"), moment(one.removed_at)]);
    this.append(section(say("recipients"), make("p", { class: "note" }, say("recipients_told")), table(say("recipients"), [say("label"), say("public_key"), say("added_at"), say("checked_at"), say("removed_at")], rows)));
  }
}

customElements.define("console-totals", TotalsScreen);
customElements.define("console-settings", SettingsScreen);
