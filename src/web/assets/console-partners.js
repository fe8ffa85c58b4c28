// For organisers: partners of a campaign, how their forms do, their keys, pages and pace.

import { Screen, actOn, badge, buttons, closing, code, facts, field, form, input, make, remark, section, tick } from "./console-parts.js";
import { moment, number, say } from "./console-texts.js";

/** Origins as they were typed, one a line. */
export const origins = (text) => text.split(/\s+/).filter(Boolean);

const originsField = (value = []) => field(say("origins"), make("textarea", { name: "origins", rows: 3, spellcheck: "false", dir: "ltr" }, value.join("\n")), say("origins_hint"));
const nameField = (value = "") => field(say("partner_name"), input("name", { value, required: true, maxlength: 200 }));
const paceField = (value = 6000) => field(say("per_minute"), input("per_minute", { type: "number", min: 1, step: 1, value, required: true }));

class PartnersScreen extends Screen {
  async show() {
    const list = make("div", { class: "pages" });
    this.append(this.head("partners"), list, this.#add(list));
    await this.#list(list);
  }

  get #path() {
    return this.path("partners", "admin");
  }

  async #list(list) {
    const { partners } = await this.get(this.#path);
    list.replaceChildren(...(partners.length > 0 ? partners.map((entry) => this.#card(entry, () => this.#list(list))) : [remark("none")]));
  }

  #card({ partner, accepted, refused, flags, last_at: last }, again) {
    const act = (key, run) => this.buttonOn(key, partner.name, run);
    const disable = async () => {
      const key = partner.disabled_at ? "partner_enable" : "partner_disable";
      if (!(await this.context.sure(actOn(key, partner.name), say(`${key}_told`), say(key)))) return;
      await this.api.request("PATCH", `${this.#path}/${partner.id}`, { disabled: !partner.disabled_at });
      await again();
    };
    return make("article", { class: "card", "aria-label": partner.name, "data-partner": partner.id },
      make("h3", {}, partner.name, " ", partner.disabled_at ? badge(say("partner_disabled"), "bad") : "", " ", flags.map((flag) => [badge(say(`flag_${flag}`), "bad"), " "]).flat()),
      facts([
        [say("week_accepted"), number(accepted)],
        [say("week_refused"), number(refused)],
        [say("last_at"), moment(last) || say("last_never")],
        [say("paused_until"), moment(partner.paused_until)],
        [say("origins"), make("span", { dir: "ltr" }, partner.origins.join(" "))],
        [say("site_key"), code(partner.site_key)],
        [say("test_site_key"), code(partner.test_site_key)],
        [say("secret_key"), say(partner.has_secret_key ? "yes" : "no")],
        [say("old_secret_key_until"), moment(partner.old_secret_key_until)],
        [say("per_minute"), number(partner.per_minute)],
        [say("trial_mailbox"), say(`trial_mailbox_${partner.trial_mailbox}`)],
      ]),
      buttons(act("change", () => this.#change(partner, again)), act("key_new", () => this.#key(partner, again)), act("trial_mailbox", () => this.#mailbox(partner, again)), act(partner.disabled_at ? "partner_enable" : "partner_disable", disable)),
    );
  }

  #add(list) {
    const send = async (typed, node) => {
      await this.api.post(this.#path, { name: typed.name, origins: origins(typed.origins), per_minute: Number(typed.per_minute) });
      node.reset();
      await this.#list(list);
    };
    return section(say("partner_add"), form([nameField(), originsField(), paceField()], say("partner_add"), send));
  }

  #change(partner, again) {
    return this.context.panels.open(actOn("change", partner.name), (close) => {
      const send = async (typed) => {
        await this.api.request("PATCH", `${this.#path}/${partner.id}`, { name: typed.name, origins: origins(typed.origins), per_minute: Number(typed.per_minute) });
        close();
        await again();
      };
      return form([nameField(partner.name), originsField(partner.origins), paceField(partner.per_minute)], say("save"), send, { close });
    });
  }

  #key(partner, again) {
    return this.context.panels.open(actOn("key_new", partner.name), (close) => {
      const place = make("div", {});
      const send = async (typed) => {
        const body = typed.test === "on" ? { test: true } : { grace_hours: Number(typed.grace_hours) };
        const { secret_key: key } = await this.api.post(`${this.#path}/${partner.id}/keys`, body);
        place.replaceChildren(make("p", {}, say("key_told")), make("p", {}, code(key, { class: "secret" })), buttons(closing(close)));
        place.querySelector("button").focus();
        await again();
      };
      place.append(form([tick("test", say("key_test")), field(say("grace_hours"), input("grace_hours", { type: "number", min: 0, max: 720, value: 24, required: true }), say("grace_hint"))], say("key_new"), send, { close }));
      return place;
    });
  }

  #mailbox(partner, again) {
    return this.context.panels.open(actOn("trial_mailbox", partner.name), (close) => {
      const send = async ({ email }) => {
        await this.api.request("PUT", `${this.#path}/${partner.id}/trial-mailbox`, { email: email.trim() || null });
        close();
        await again();
      };
      return form([field(say("email"), input("email", { type: "email", maxlength: 254, dir: "ltr" }), say("trial_mailbox_hint"))], say("save"), send, { close });
    });
  }
}

customElements.define("console-partners", PartnersScreen);
