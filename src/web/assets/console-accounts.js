// For admins: who may sign in, with what role and in which campaigns; invitations, and sessions of others.

import { campaignsTold, sessionsTable } from "./console-account.js";
import { badge, button, field, form, input, make, section, select, table, tick } from "./console-parts.js";
import { Screen } from "./console-screen.js";
import { moment, number, say } from "./console-texts.js";

const ROLES = ["moderator", "organiser", "admin"];
const roleField = (value = "moderator") => field(say("role"), select("role", ROLES.map((role) => [role, say(`role_${role}`)]), { value }), say("role_hint"));

/** Slugs as they were typed, with blanks or commas between. */
export const slugs = (text) => text.split(/[\s,]+/).filter(Boolean);

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
      account.removals_per_day === null || account.removals_per_day === undefined ? number(account.removed_today) : say("quota", { done: account.removed_today, of: account.removals_per_day }),
      moment(account.used_at),
      make("div", { class: "actions" }, this.#acts(account, () => this.#accounts(place))),
    ]);
    const heads = [say("login"), say("role"), say("campaigns"), say("totp"), say("removed_today"), say("used_at"), say("acts")];
    place.replaceChildren(section(say("accounts"), table(say("accounts"), heads, rows)));
  }

  #acts(account, again) {
    const named = (text) => ({ "aria-label": say("act_on", { act: text, on: account.login }) });
    const sessions = this.button(say("sessions"), () => this.#sessions(account), named(say("sessions")));
    // One's own is not changed here: so there is always an admin left.
    if (account.login === this.api.me.login) return [sessions];
    return [
      this.button(say("change"), () => this.#change(account, again), named(say("change"))),
      sessions,
      this.button(say("account_reset"), () => this.#reset(account, again), named(say("account_reset"))),
    ];
  }

  #change(account, again) {
    const path = `/v1/admin/accounts/${account.id}`;
    return this.context.panels.open(say("act_on", { act: say("change"), on: account.login }), (close) => {
      const quota = input("removals", { type: "number", min: 0, step: 1, value: account.removals_per_day ?? "" });
      const send = async ({ role, campaigns, organises, removals, closed }) => {
        await this.api.request("PATCH", path, {
          role,
          campaigns: slugs(campaigns),
          organises: slugs(organises),
          disabled: closed === "on",
          ...(removals === "" ? {} : { removals_per_day: Number(removals) }),
        });
        close(true);
        await again();
      };
      return form([roleField(account.role), ...campaignsFields(account), field(say("removals_per_day"), quota, say("removals_per_day_hint")), tick("closed", say("account_close"), { props: { checked: Boolean(account.disabled_at) } })], say("save"), send, { close });
    });
  }

  async #reset(account, again) {
    if (!(await this.context.sure(say("act_on", { act: say("account_reset"), on: account.login }), say("account_reset_told"), say("account_reset")))) return;
    const { link } = await this.api.post(`/v1/admin/accounts/${account.id}/reset`);
    await this.#link(link);
    await again();
  }

  /** Shows a one-time link; it is not to be had again. */
  #link(link) {
    return this.context.panels.open(say("link"), (close) => [
      make("p", {}, say("link_told")),
      field(say("link"), make("textarea", { rows: 3, readonly: true, dir: "ltr", autofocus: true }, link)),
      make("div", { class: "actions" }, button(say("copy"), async (node) => {
        await navigator.clipboard.writeText(link);
        node.textContent = say("copied");
      }, { failed: () => this.context.toasts.show(say("copy_failed")) }), button(say("close"), () => close(), { kind: "main" })),
    ]);
  }

  #sessions(account) {
    return this.context.panels.open(say("act_on", { act: say("sessions"), on: account.login }), (close) => {
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
      return [place, make("div", { class: "actions" }, all, button(say("close"), () => close(), { kind: "main" }))];
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
    const revoke = (invitation) => this.button(say("revoke"), async () => {
      await this.api.request("DELETE", `/v1/admin/invitations/${invitation.id}`);
      await this.#invitations(place);
    }, { "aria-label": say("act_on", { act: say("revoke"), on: invitation.login }) });
    const rows = invitations.map((invitation) => [
      [invitation.login, invitation.resets ? [" ", badge(say("invitation_resets"))] : []].flat(),
      say(`role_${invitation.role}`),
      campaignsTold(invitation),
      invitation.made_by ?? say("by_operator"),
      moment(invitation.expires_at),
      [badge(say(`invitation_${invitation.state}`), invitation.state), invitation.state === "open" ? revoke(invitation) : ""],
    ]);
    place.replaceChildren(section(say("invitations"), table(say("invitations"), [say("login"), say("role"), say("campaigns"), say("by"), say("expires_at"), say("state")], rows)));
  }
}

customElements.define("console-accounts", AccountsScreen);
