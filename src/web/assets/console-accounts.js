// Accounts. One's own: second factor, recovery codes, password, sessions, and the proof of identity that dangerous calls want. For
// admins those of others: who may sign in, with what role and in which campaigns; invitations, and sessions.

import { Screen, actOn, badge, button, buttons, closing, facts, field, form, input, make, section, select, table, tick } from "./console-parts.js";
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
function sessionsTable(screen, sessions, end) {
  const rows = sessions.map((session) => [
    [say(`agent_${session.agent}`), session.this ? [" ", badge(say("session_this"))] : []].flat(),
    moment(session.opened_at),
    moment(session.used_at),
    moment(session.expires_at),
    session.this ? "" : screen.button(say("session_end"), () => end(session)),
  ]);
  return table("sessions", ["program", "opened_at", "used_at", "expires_at", "acts"], rows);
}

/** The campaigns of an account, and in which it may do more than elsewhere. */
const campaignsTold = ({ role, campaigns, organises = [] }) =>
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
      buttons(acts),
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
    place.replaceChildren(section(say("recovery"), recoveryCodes(codes), buttons(button(say("recovery_kept"), () => this.refresh(), { kind: "main" }))));
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
    place.replaceChildren(section(say("sessions"), sessionsTable(this, sessions, end), sessions.length > 1 ? buttons(others) : null));
  }
}

customElements.define("console-account", AccountScreen);

const ROLES = ["moderator", "organiser", "admin"];
const roleField = (value = "moderator") => field(say("role"), select("role", ROLES.map((role) => [role, say(`role_${role}`)]), { value }), say("role_hint"));

/** Slugs as they were typed, with blanks or commas between. */
const slugs = (text) => text.split(/[\s,]+/).filter(Boolean);

const slugsField = (name, label, hint, value) => field(label, input(name, { value: value.join(" "), spellcheck: "false", dir: "ltr" }), hint);
const campaignsFields = ({ role = "moderator", campaigns = [], organises = [] } = {}) => [
  slugsField("campaigns", say("campaigns"), say("campaigns_hint"), campaigns),
  slugsField("organises", say("organises"), say("organises_hint"), role === "moderator" ? organises : []),
];

class AccountsScreen extends Screen {
  async show() {
    const accounts = make("div", {});
    const invitations = make("div", {});
    this.append(this.head("accounts"), accounts, this.#invite(invitations), invitations);
    await Promise.all([this.#accounts(accounts), this.#invitations(invitations)]);
  }

  async #accounts(place) {
    const { accounts } = await this.get("/v1/admin/accounts");
    const rows = accounts.map((account) => [
      [account.login, account.disabled_at ? [" ", badge(say("account_closed"), "bad")] : []].flat(),
      say(`role_${account.role}`),
      campaignsTold(account),
      say(account.second_factor ? "yes" : "no"),
      account.removals_per_day === null || account.removals_per_day === undefined ? number(account.removed_today) : say("progress", { done: account.removed_today, of: account.removals_per_day }),
      moment(account.used_at),
      buttons(this.#acts(account, () => this.#accounts(place))),
    ]);
    place.replaceChildren(section(say("accounts"), table("accounts", ["login", "role", "campaigns", "totp", "removed_today", "used_at", "acts"], rows)));
  }

  #acts(account, again) {
    const act = (name, run) => this.buttonOn(name, account.login, run);
    const sessions = act("sessions", () => this.#sessions(account));
    // One's own is not changed here: so there is always an admin left.
    if (account.login === this.api.me.login) return [sessions];
    return [
      act("change", () => this.#change(account, again)),
      sessions,
      act("account_reset", () => this.#reset(account, again)),
    ];
  }

  #change(account, again) {
    const path = `/v1/admin/accounts/${account.id}`;
    return this.context.panels.open(actOn("change", account.login), (close) => {
      const { removals_per_day: most, removals_per_day_is_own: isOwn } = account;
      const quota = input("removals", { type: "number", min: 0, step: 1, [isOwn ? "value" : "placeholder"]: most });
      const send = async ({ role, campaigns, organises, removals, closed }) => {
        await this.api.request("PATCH", path, {
          role,
          campaigns: slugs(campaigns),
          organises: slugs(organises),
          disabled: closed === "on",
          // What nobody touched isn't pinned: the usual one may be another some day.
          ...(removals === (isOwn ? `${most}` : "") ? {} : { removals_per_day: removals === "" ? null : Number(removals) }),
        });
        close(true);
        await again();
      };
      return form([roleField(account.role), ...campaignsFields(account), field(say("removals_per_day"), quota, say("removals_per_day_hint")), tick("closed", say("account_close"), { props: { checked: Boolean(account.disabled_at) } })], say("save"), send, { close });
    });
  }

  async #reset(account, again) {
    if (!(await this.context.sure(actOn("account_reset", account.login), say("account_reset_told"), say("account_reset")))) return;
    const { link } = await this.api.post(`/v1/admin/accounts/${account.id}/reset`);
    await this.#link(link);
    await again();
  }

  /** Shows a one-time link; it is not to be had again. */
  #link(link) {
    return this.context.panels.open(say("link"), (close) => [
      make("p", {}, say("link_told")),
      field(say("link"), make("textarea", { rows: 3, readonly: true, dir: "ltr", autofocus: true }, link)),
      buttons(button(say("copy"), async (node) => {
        await navigator.clipboard.writeText(link);
        node.textContent = say("copied");
      }, { failed: () => this.context.toasts.show(say("copy_failed")) }), closing(close)),
    ]);
  }

  #sessions(account) {
    return this.context.panels.open(actOn("sessions", account.login), (close) => {
      const place = make("div", {});
      const draw = async () => {
        const { sessions } = await this.get(`/v1/admin/accounts/${account.id}/sessions`);
        place.replaceChildren(sessionsTable(this, sessions, async (session) => {
          await this.api.request("DELETE", `/v1/admin/sessions/${session.id}`);
          await draw();
        }));
      };
      this.run(draw);
      const all = this.button(say("sessions_end_all"), async () => {
        await this.api.request("DELETE", `/v1/admin/accounts/${account.id}/sessions`);
        if (this.isConnected) await draw();
      });
      return [place, buttons(all, closing(close))];
    });
  }

  #invite(invitations) {
    const login = input("login", { required: true, maxlength: 63, pattern: "[a-z0-9]+([._\\-][a-z0-9]+)*", autocapitalize: "off", spellcheck: "false", dir: "ltr" });
    const send = async ({ login: name, role, campaigns, organises }, node) => {
      const { link } = await this.api.post("/v1/admin/invitations", { login: name, role, campaigns: role === "admin" ? [] : slugs(campaigns), organises: role === "admin" ? [] : slugs(organises) });
      node.reset();
      await this.#link(link);
      await this.#invitations(invitations);
    };
    return section(say("invite"), form([field(say("login"), login, say("login_hint")), roleField(), ...campaignsFields()], say("invite"), send));
  }

  async #invitations(place) {
    const { invitations } = await this.get("/v1/admin/invitations");
    const revoke = (invitation) => this.buttonOn("revoke", invitation.login, async () => {
      await this.api.request("DELETE", `/v1/admin/invitations/${invitation.id}`);
      await this.#invitations(place);
    });
    const rows = invitations.map((invitation) => [
      [invitation.login, invitation.resets ? [" ", badge(say("invitation_resets"))] : []].flat(),
      say(`role_${invitation.role}`),
      campaignsTold(invitation),
      invitation.made_by ?? say("by_operator"),
      moment(invitation.expires_at),
      [badge(say(`invitation_${invitation.state}`), invitation.state), invitation.state === "open" ? revoke(invitation) : ""],
    ]);
    place.replaceChildren(section(say("invitations"), table("invitations", ["login", "role", "campaigns", "by", "expires_at", "state"], rows)));
  }
}

customElements.define("console-accounts", AccountsScreen);
