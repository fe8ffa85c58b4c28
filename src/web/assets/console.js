// The console of moderators, organisers and admins: who is signed in, which campaign and screen is shown, and what all screens
// share. Everything it knows comes from the API; nothing is kept in the browser but whether single letters do something.

import "./console-campaign.js";
import "./console-partners.js";
import "./console-queue.js";
import "./console-rules.js";
import "./console-search.js";
import "./console-switches.js";
import "./console-wall.js";
import { stepUp } from "./console-accounts.js";
import { Api, Problem, ofCampaign, roleIn } from "./console-api.js";
import { Lookout, inOrder, removedSince } from "./console-clusters.js";
import { hashOf, readHash } from "./console-filters.js";
import { lettersAreOn, listed, meaning } from "./console-keys.js";
import { Panels, Toasts } from "./console-panel.js";
import { button, buttons, closing, field, make, remark, select } from "./console-parts.js";
import { action } from "./console-log.js";
import { moment, number, say, trouble } from "./console-texts.js";

/** Screens of a campaign and the least role that may see each. */
const PLEDGES = [["clusters", "moderator"], ["queue", "moderator"], ["search", "moderator"], ["removals", "moderator"], ["wall", "moderator"]];
const CAMPAIGN = [["totals", "moderator"], ["rules", "moderator"], ["switches", "moderator"], ["partners", "organiser"], ["settings", "moderator"], ["log", "organiser"]];
const SCREENS = [...PLEDGES, ...CAMPAIGN];
const GENERAL = [["account", "moderator"], ["accounts", "admin"], ["log", "admin"]];
const ROLES = ["moderator", "organiser", "admin"];

/** Says that this browser has signed in, to other tabs too; the session itself is a cookie that no script can read. */
const SIGNED_IN = "pledges-console-signed-in";

/** Campaigns that are looked at, at the most, to find where one begins (docs/moderators.md). */
const LANDINGS = 24;

/** The screens that a role may see. */
const screensOf = (role, screens = SCREENS) => screens.filter(([, least]) => ROLES.indexOf(role) >= ROLES.indexOf(least)).map(([name]) => name);

/** What was done since somebody signed in: what a key would undo, and what was removed. */
const nothingDone = () => ({ last: null, removed: [] });

class PledgesConsole extends HTMLElement {
  #api = new Api();
  #shared = nothingDone();
  #campaigns = [];
  #body = make("div", { class: "console" });
  #over = make("div", {});
  #toasts = new Toasts();
  #foot = make("div", { class: "console-foot" }, this.#toasts.element);
  #panels = new Panels(this.#over, this.#toasts, this.#body, this.#foot);
  #stop = null;
  #lookout = new Lookout(this.#api, () => this.#standing());
  #badge = null;
  #screen = null;
  #why = "";
  #at = "";

  async connectedCallback() {
    this.replaceChildren(this.#body, this.#foot, this.#over);
    this.#api.onEnded = () => this.#signedOut(say("session_ended"));
    this.#api.onChanged = () => this.#draw();
    this.#api.onStepUp = () => stepUp(this.#api, this.#panels);
    addEventListener("hashchange", () => this.#moved());
    addEventListener("storage", ({ key, newValue }) => {
      if (key === SIGNED_IN && newValue === null && this.#api.isSignedIn) this.#signedOut(say("signed_out"));
    });
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && this.#api.check());
    document.addEventListener("keydown", (event) => this.#key(event));
    await this.#resume();
    this.#draw();
  }

  /** Another address. The link that skips to the content has one too: it leads nowhere else. */
  #moved() {
    if (location.hash !== "#content") return this.#draw();
    history.replaceState(null, "", this.#at || location.pathname);
  }

  /** Goes on with the session that this browser has, if it has one. */
  async #resume() {
    if (readHash(location.hash).invite || !localStorage.getItem(SIGNED_IN)) return;
    try {
      await this.#api.renew();
      await this.#begin();
    } catch (problem) {
      if (problem.status === 401) localStorage.removeItem(SIGNED_IN);
      else this.#failed(problem);
    }
  }

  async #begin() {
    localStorage.setItem(SIGNED_IN, "yes");
    this.#why = "";
    this.#stop?.();
    this.#stop = this.#api.watch();
    await this.#findCampaigns();
  }

  /** Admins see all campaigns: those that are public are listed, and any other is reached by its name. */
  async #findCampaigns() {
    this.#campaigns = this.#api.me.campaigns;
    if (this.#api.me.role !== "admin") return;
    const found = [];
    let cursor = "";
    do {
      const page = await this.#api.get(`/v1/campaigns?limit=100${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`);
      found.push(...page.campaigns.map(({ slug }) => slug));
      cursor = page.next_cursor;
    } while (cursor);
    this.#campaigns = [...new Set([...this.#campaigns, ...found])].sort();
  }

  #signedOut(why = "") {
    this.#stop?.();
    this.#stop = null;
    this.#lookout.follow(null);
    this.#api.forget();
    // What one moderator saw must not be there for who comes next.
    this.#panels.closeAll();
    this.#toasts.clear();
    // Nor is what goes on followed any longer.
    this.#shared.removed = [];
    this.#shared = nothingDone();
    this.#why = why;
    localStorage.removeItem(SIGNED_IN);
    this.#draw();
  }

  #failed(problem) {
    // The sign-in page says it already.
    if (problem.code === "unauthorized" && !this.#api.isSignedIn) return;
    if (problem.code === "totp_setup_required") location.hash = "#/account";
    this.#toasts.show(trouble(problem), { bad: true });
  }

  #draw() {
    const place = readHash(location.hash);
    if (!place.invite) this.#at = location.hash;
    if (place.invite) return this.#invited(place.invite);
    if (!this.#api.isSignedIn) return this.#signIn();
    const { role } = this.#api.me;
    const general = screensOf(role, GENERAL);
    if (!place.campaign && !general.includes(place.screen)) return this.#campaigns.length > 0 ? this.#land() : this.#go({ screen: "account" });
    if (place.campaign && !screensOf(roleIn(this.#api.me, place.campaign)).includes(place.screen)) return this.#go({ campaign: place.campaign, screen: "search" });
    this.#show(place);
  }

  /** Where one begins: at what stands out, and in the campaign whose group is the first to remove. */
  async #land() {
    const [first] = this.#campaigns;
    const groups = await Promise.all(this.#campaigns.slice(0, LANDINGS).map((campaign) => this.#groups(campaign)));
    const [worst] = inOrder(groups.flat());
    const place = readHash(location.hash);
    if (this.#api.isSignedIn && !place.campaign && !place.invite && !screensOf(this.#api.me.role, GENERAL).includes(place.screen)) this.#go(worst ? { campaign: worst.campaign, screen: "clusters" } : { campaign: first, screen: "search" });
  }

  /** What stands out in a campaign. */
  async #groups(campaign) {
    try {
      const { clusters } = await this.#api.get(ofCampaign(campaign, "clusters"));
      return clusters.map((cluster) => ({ ...cluster, campaign }));
    } catch (problem) {
      // The search will say the same.
      if (!(problem instanceof Problem)) throw problem;
      return [];
    }
  }

  /** Something was looked at again: the way there says how much there is. */
  #standing() {
    const { look } = this.#lookout;
    if (!look) return;
    const { length } = this.#still();
    if (this.#badge) Object.assign(this.#badge, { hidden: length === 0, textContent: length > 0 ? number(length) : "", title: say("clusters_stand", { count: length }) });
    this.#screen?.standing?.(look);
  }

  /** The groups that stand out, without those that were removed here since. */
  #still() {
    const { look, campaign } = this.#lookout;
    return (look?.clusters ?? []).filter((cluster) => !removedSince(look, cluster, campaign, this.#shared.removed));
  }

  #invited(token) {
    // The link is good for whoever has it: it must not stay in the address.
    history.replaceState(null, "", `${location.pathname}#/`);
    this.#screen = Object.assign(document.createElement("console-invitation"), { context: { api: this.#api, token, signedIn: () => this.#enter(), failed: (problem) => this.#failed(problem) } });
    this.#frame(this.#screen);
  }

  /** Shows one thing alone. */
  #frame(node) {
    this.#body.className = "console";
    this.#body.replaceChildren(node);
  }

  #signIn() {
    this.#screen = Object.assign(document.createElement("console-sign-in"), { context: { api: this.#api, why: this.#why, signedIn: () => this.#enter() } });
    this.#frame(this.#screen);
  }

  async #enter() {
    await this.#begin();
    this.#draw();
    await this.#announce();
  }

  /** What every admin must hear of: who can open records has changed. */
  async #announce() {
    if (this.#api.me?.role !== "admin") return;
    try {
      const { announcements } = await this.#api.get("/v1/admin/announcements");
      if (announcements.length === 0) return;
      const list = announcements.slice(0, 10).map((entry) => make("li", {}, say("announced", { what: action(entry.action), campaign: entry.campaign ?? "", who: entry.login ?? say("by_operator"), moment: moment(entry.at) })));
      await this.#panels.open(say("announcements"), (close) => [make("p", {}, say("announcements_told")), make("ul", {}, list), buttons(button(say("announcements_read"), () => close(), { kind: "main", autofocus: true }))]);
    } catch (problem) {
      this.#failed(problem);
    }
  }

  /** Goes to a screen; quietly: only the address says so, as what is shown is there already. */
  #go(place, { quietly = false } = {}) {
    const hash = hashOf(place);
    if (!quietly) {
      if (location.hash === hash) this.#draw();
      else location.hash = hash;
      return;
    }
    history.pushState(null, "", hash);
    this.#at = hash;
  }

  #show(place) {
    const screen = document.createElement(`console-${place.screen}`);
    screen.context = this.#context(place);
    const isFirst = !this.#body.querySelector("nav");
    this.#screen = screen;
    this.#body.className = "console with-bar";
    this.#body.replaceChildren(this.#bar(place), screen);
    this.#lookout.follow(place.campaign ?? null);
    this.#standing();
    document.title = say("title", { screen: say(place.screen) });
    // After a change of screen a reader of screens is where it begins.
    if (!isFirst) screen.querySelector("h2")?.focus();
  }

  #context({ campaign = null, query = "" }) {
    return {
      recount: () => this.#standing(),
      api: this.#api,
      campaign,
      query,
      shared: this.#shared,
      standing: () => this.#still(),
      panels: this.#panels,
      toasts: this.#toasts,
      foot: this.#foot,
      letters: () => lettersAreOn(localStorage),
      go: (place, options) => this.#go(place, options),
      failed: (problem) => this.#failed(problem),
      refresh: () => {
        this.#standing();
        this.#screen?.refresh?.();
      },
      attempt: (work) => work().catch((problem) => this.#failed(problem)),
      sure: (title, text, yes) => this.#sure(title, text, yes),
      changed: () => this.#api.check(),
    };
  }

  #sure(title, text, yes) {
    return this.#panels.open(title, (close) => [make("p", {}, text), buttons(button(yes, () => close(true), { kind: "main" }), button(say("cancel"), () => close(false)))]);
  }

  #bar(place) {
    const { login, role } = this.#api.me;
    const campaign = place.campaign ?? this.#campaigns[0];
    const link = (name, to, isHere) => make("li", {}, make("a", { href: hashOf(to), "aria-current": isHere ? "page" : null }, name));
    const links = (screens) => screensOf(roleIn(this.#api.me, campaign), screens).map((screen) => link(say(screen), { campaign, screen }, place.campaign === campaign && place.screen === screen));
    const general = screensOf(role, GENERAL).map((screen) => link(say(screen === "log" ? "whole_log" : screen), { screen }, !place.campaign && place.screen === screen));
    const group = (name, items) => (items.length > 0 ? [make("p", { class: "nav-head", id: `console-${name}` }, say(name)), make("ul", { "aria-labelledby": `console-${name}` }, items)] : []);
    const lists = make("div", { id: "console-screens", class: "nav-lists" }, campaign ? [group("screens_now", links(PLEDGES)), group("campaign", links(CAMPAIGN))].flat() : [], group("screens_general", general));
    this.#badge = make("span", { class: "badge bad", hidden: true });
    lists.querySelector('[href$="/clusters"]')?.append(" ", this.#badge);
    const here = say(place.screen === "log" && !place.campaign ? "whole_log" : place.screen);
    const fold = make("button", { type: "button", class: "button quiet nav-fold", "aria-expanded": "false", "aria-controls": lists.id, on: { click: () => {
      const open = bar.classList.toggle("open");
      fold.setAttribute("aria-expanded", `${open}`);
    }, }, "aria-label": say("menu_at", { screen: here }) }, here);
    const who = make("div", { class: "who" }, make("p", {}, say("signed_in_as", { login, role: say(`role_${role}`) })), button(say("keys"), () => this.#help()), button(say("sign_out"), () => this.#signOut()));
    const bar = make("div", { class: "console-bar" }, this.#choice(campaign, place), make("nav", { "aria-label": say("screens") }, fold, lists), who);
    return bar;
  }

  #choice(campaign, place) {
    if (!campaign) return null;
    const all = this.#campaigns.includes(campaign) ? this.#campaigns : [campaign, ...this.#campaigns];
    const choice = select("campaign", all.map((slug) => [slug, slug]), { value: campaign });
    choice.addEventListener("change", () => this.#go({ campaign: choice.value, screen: place.campaign ? place.screen : "search" }));
    return field(say("campaign"), choice);
  }

  async #signOut() {
    try {
      await this.#api.signOut();
    } catch (problem) {
      this.#failed(problem);
    }
    this.#signedOut();
  }

  #help() {
    const rows = listed(this.#screen?.keys).map(([what, keys]) => make("div", {}, make("dt", {}, keys.map((key) => [make("kbd", {}, key), " "]).flat()), make("dd", {}, say(`key_${what}`))));
    return this.#panels.open(say("keys"), (close) => [make("dl", { class: "keys" }, rows), remark("keys_told"), buttons(closing(close, { autofocus: true }))]);
  }

  #key(event) {
    if (!this.#api.isSignedIn || this.#panels.isOpen) return;
    if (meaning(event, { letters: lettersAreOn(localStorage), inTable: false }) !== "help") return;
    event.preventDefault();
    this.#help();
  }
}

customElements.define("pledges-console", PledgesConsole);
