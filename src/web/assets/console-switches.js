// The switches against attacks: what is on, since when and why, and putting one on for some hours.

import { withQuery } from "./console-api.js";
import { Screen, badge, field, form, input, make, noteField, quote, section, select, table } from "./console-parts.js";
import { moment, say } from "./console-texts.js";

const SWITCHES = ["hold_all", "require_mail", "raise_proof", "pause_partner"];

/** Which switches a role may use: only `hold_all` asks nothing of others (docs/switches.md). */
const switchesOf = (role) => (role === "moderator" ? ["hold_all"] : SWITCHES);

class SwitchesScreen extends Screen {
  async show() {
    const names = await this.partnerNames();
    const place = make("div", {});
    this.append(this.head("switches"), this.#on(names, place), place);
    await this.#list(place, names);
  }

  get #path() {
    return this.path("switches", "admin");
  }

  #on(names, place) {
    const which = select("switch", switchesOf(this.myRole).map((name) => [name, say(`switch_${name}`)]));
    const partner = field(say("partner"), select("partner", [["", say("choose")], ...names]));
    const told = make("p", { class: "hint", role: "status" });
    const follow = () => {
      partner.hidden = which.value !== "pause_partner";
      partner.querySelector("select").required = !partner.hidden;
      told.textContent = say(`switch_told_${which.value}`);
    };
    which.addEventListener("change", follow);
    follow();
    const hours = input("hours", { type: "number", min: 1, max: 168, value: 6, required: true });
    const send = async (typed, node) => {
      const path = withQuery(`${this.#path}/${typed.switch}`, { partner: typed.switch === "pause_partner" ? typed.partner : "" });
      await this.api.request("PUT", path, { reason: typed.note, hours: Number(typed.hours) });
      node.reset();
      follow();
      this.context.toasts.show(say("switched_on", { switch: say(`switch_${typed.switch}`) }));
      await this.#list(place, names);
    };
    return section(say("switch_on"), form([field(say("switch"), which), told, partner, field(say("hours"), hours), noteField()], say("switch_on"), send));
  }

  async #list(place, names) {
    const { switches } = await this.get(this.#path);
    const may = switchesOf(this.myRole);
    const off = (one) => this.buttonOn("switch_off", say(`switch_${one.switch}`), async () => {
      await this.api.request("DELETE", withQuery(`${this.#path}/${one.switch}`, { partner: one.partner }));
      await this.#list(place, names);
    });
    const rows = switches.map((one) => [
      [say(`switch_${one.switch}`), one.partner ? ` (${names.get(one.partner) ?? one.partner})` : ""],
      badge(say(one.on ? "on" : "off"), one.on ? "bad" : ""),
      quote(one.reason),
      one.by ?? say("by_operator"),
      moment(one.since),
      moment(one.until),
      one.on && may.includes(one.switch) ? off(one) : "",
    ]);
    place.replaceChildren(section(say("switches"), table("switches", ["switch", "state", "why", "by", "since", "until", "acts"], rows)));
  }
}

customElements.define("console-switches", SwitchesScreen);
