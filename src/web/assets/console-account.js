// One's own account: second factor, recovery codes, password, sessions, and the proof of identity that dangerous calls want.

import { badge, button, facts, field, form, input, make, section, select, table, tick } from "./console-parts.js";
import { Screen } from "./console-screen.js";
import { lettersAreOn, setLetters } from "./console-keys.js";
import { codeInput, newPasswordFields, offered, recoveryCodes, sameTwice } from "./console-signin.js";
import { moment, number, say } from "./console-texts.js";

/** Asks for a proof of identity. Gives true once there is one. */
export function stepUp(api, panels) {
  return panels.open(say("step_up"), (close) => {
    const ways = select("way", [["password", say("password")], ["code", say("code")]]);
    const password = field(say("password"), input("password", { type: "password", autocomplete: "current-password", maxlength: 1000, autofocus: true }));
    const code = field(say("code"), codeInput());
    code.hidden = true;
    ways.addEventListener("change", () => {
      password.hidden = ways.value !== "password";
      code.hidden = ways.value !== "code";
    });
    const send = async (typed) => {
      await api.post("/v1/auth/step-up", typed.way === "code" ? { code: typed.code } : { password: typed.password });
      close(true);
    };
    return form([make("p", {}, say("step_up_told")), field(say("step_up_way"), ways), password, code], say("step_up_now"), send, { close });
  }).then((proved) => proved === true);
}

/** Sessions as a table; `end` ends one. */
export function sessionsTable(screen, sessions, end) {
  const rows = sessions.map((session) => [
    [say(`agent_${session.agent}`), session.this ? [" ", badge(say("session_this"))] : []].flat(),
    moment(session.opened_at),
    moment(session.used_at),
    moment(session.expires_at),
    session.this ? "" : screen.button(say("session_end"), () => end(session)),
  ]);
  return table(say("sessions"), [say("program"), say("opened_at"), say("used_at"), say("expires_at"), say("acts")], rows);
}

/** The campaigns of an account, and in which it may do more than elsewhere. */
export const campaignsTold = ({ role, campaigns, organises = [] }) =>
  role === "admin" ? say("campaigns_all") : campaigns.map((slug) => (role === "moderator" && organises.includes(slug) ? say("organises_it", { campaign: slug }) : slug)).join(", ");

class AccountScreen extends Screen {
  async show() {
    const { login, role } = this.api.me;
    this.append(this.head("account"));
    this.append(section(login, facts([[say("role"), say(`role_${role}`)], [say("campaigns"), campaignsTold(this.api.me)]]), this.#letters()));
    const secured = make("div", {});
    this.append(secured);
    const factor = await this.get("/v1/auth/totp");
    this.#factor(secured, factor);
    this.append(this.#password());
    // An account that must get a second factor first is told nothing else.
    if (factor.required && !factor.since) return;
    const sessions = make("div", {});
    this.append(sessions);
    await this.#sessions(sessions);
  }

  #letters() {
    const node = tick("letters", say("letters"), { props: { checked: lettersAreOn(localStorage) } });
    node.querySelector("input").addEventListener("change", ({ target }) => setLetters(localStorage, target.checked));
    return node;
  }

  #factor(place, factor) {
    const isThere = Boolean(factor.since);
    const acts = [this.button(say(isThere ? "totp_renew" : "totp_begin"), () => this.#offer(place), { kind: isThere ? "quiet" : "main" })];
    if (isThere) acts.push(this.button(say("recovery_new"), () => this.#newCodes(place)));
    if (isThere && !factor.required) acts.push(this.button(say("totp_remove"), () => this.#remove()));
    place.replaceChildren(section(say("totp"),
      isThere ? null : make("p", { class: factor.required ? "trial" : "" }, say(factor.required ? "totp_needed" : "totp_missing")),
      facts([[say("totp_since"), moment(factor.since)], [say("recovery_left"), isThere ? number(factor.recovery_codes_left) : null]]),
      make("div", { class: "actions" }, acts),
    ));
  }

  async #offer(place) {
    const offer = await this.api.post("/v1/auth/totp");
    const code = codeInput({ required: true });
    const send = async (typed) => {
      const { codes } = await this.api.post("/v1/auth/totp/confirm", { code: typed.code });
      this.#keep(place, codes);
      await this.context.changed();
    };
    place.replaceChildren(section(say("totp"), offered(offer), form([field(say("code"), code, say("totp_confirm_hint"))], say("totp_confirm"), send, { cancel: button(say("cancel"), () => this.refresh()) })));
    code.focus();
  }

  async #newCodes(place) {
    const { codes } = await this.api.post("/v1/auth/recovery-codes");
    this.#keep(place, codes);
  }

  #keep(place, codes) {
    place.replaceChildren(section(say("recovery"), recoveryCodes(codes), make("div", { class: "actions" }, button(say("recovery_kept"), () => this.refresh(), { kind: "main" }))));
    place.querySelector("button").focus();
  }

  async #remove() {
    const sure = await this.context.sure(say("totp_remove"), say("totp_remove_told"), say("totp_remove"));
    if (!sure) return;
    await this.api.request("DELETE", "/v1/auth/totp");
    this.refresh();
  }

  #password() {
    const old = field(say("password_old"), input("password", { type: "password", autocomplete: "current-password", required: true, maxlength: 1000 }));
    const send = async ({ password, new_password: next, again }, node) => {
      sameTwice(next, again);
      await this.api.post("/v1/auth/password", { password, new_password: next });
      node.reset();
      this.context.toasts.show(say("password_changed"));
    };
    return section(say("password_change"), form([old, ...newPasswordFields("new_password")], say("password_change"), send));
  }

  async #sessions(place) {
    const { sessions } = await this.get("/v1/auth/sessions");
    const again = () => this.#sessions(place);
    const end = async (session) => {
      await this.api.request("DELETE", `/v1/auth/sessions/${session.id}`);
      await again();
    };
    const others = this.button(say("sessions_end_others"), async () => {
      await this.api.request("DELETE", "/v1/auth/sessions");
      await again();
    });
    place.replaceChildren(section(say("sessions"), sessionsTable(this, sessions, end), sessions.length > 1 ? make("div", { class: "actions" }, others) : null));
  }
}

customElements.define("console-account", AccountScreen);
