// What stands out: each group of pledges that look less like people than the others, why, and the way to its removal. The first
// thing to see under attack.

import { Problem, ofCampaign } from "./console-api.js";
import { covers, isEmpty, toQuery } from "./console-filters.js";
import { Screen, actOn, badge, buttons, facts, field, make, remark, select } from "./console-parts.js";
import { removeSearch } from "./console-removals.js";
import { keepSearch, keepable } from "./console-rules.js";
import { country, moment, number, say, share } from "./console-texts.js";

const SVG = "http://www.w3.org/2000/svg";
const EVERY_MS = 20_000;

/** Groups that are shown before somebody asks for more. */
const FIRST = 12;

/** A score from which on mails are sent, unless said otherwise: what looks certain rather than likely. */
const GRAVE = 500;

function drawn(name, attributes, ...children) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

const BAR = 10;
const HIGH = 48;

/** Counts by hour as bars, the last hour set apart. Told as a picture with its two numbers; heights are attributes, no styles. */
export function chart(trend) {
  const most = Math.max(1, ...trend);
  // One pledge among thousands must still be seen.
  const bars = trend.map((count, index) => {
    const height = count > 0 ? Math.max(2, Math.round((count / most) * HIGH)) : 0;
    return drawn("rect", { class: index === trend.length - 1 ? "now" : "", x: index * BAR + 1, y: HIGH - height, width: BAR - 2, height });
  });
  const label = say("trend_told", { most: Math.max(0, ...trend), last: trend[trend.length - 1] ?? 0 });
  return drawn("svg", { class: "trend", role: "img", "aria-label": label, viewBox: `0 0 ${Math.max(1, trend.length) * BAR} ${HIGH}`, preserveAspectRatio: "none" }, ...bars);
}

const isTag = ({ common }) => common.endsWith("_tag");

/** What the pledges of a group have in common, in words; of a tag its beginning, which is enough to tell it from others. */
export function valueOf({ common, value, search }, partners = new Map()) {
  const told = {
    country: () => country(value),
    signal: () => say(`signal_${value}`),
    partner: () => partners.get(value) ?? value,
    minute: () => say("minutes", { from: moment(search?.from ?? value), to: moment(search?.to) }),
  };
  if (isTag({ common })) return `${value.slice(0, 6)}…`;
  return told[common] ? told[common]() : value;
}

/** More pledges than people are proof. */
const PROOF = 1000;

/** How much of a wave goes with a group, and how few people: what is mixed weighs far less, as in the score itself. */
const weight = ({ likely, compared }) => (compared > 0 ? likely * (likely / compared) ** 5 : 0);

/** Groups in the order to remove them: proofs first, then what takes most of a wave and least of people; or by their score alone, as the service has them. */
export function inOrder(clusters, by = "weight") {
  if (by !== "weight") return clusters;
  const proof = ({ score }) => (score >= PROOF ? 1 : 0);
  return [...clusters].sort((a, b) => proof(b) - proof(a) || weight(b) - weight(a) || b.score - a.score);
}

const HOUR_MS = 3_600_000;

/** An hour with fewer than this part of the busiest one's isn't the wave's; and where the others have less than this part of all, they may be left out. */
const QUIET = 0.05;
const FEW = 0.1;

/** The same search, of the hours in which nearly all came: what trickled in before or after is more likely people. Null: there is nothing to leave out, or it is proof and all of it goes. */
export function burst({ trend, score, search }, asOf) {
  const sum = (counts) => counts.reduce((before, count) => before + count, 0);
  const all = sum(trend);
  const busy = trend.flatMap((count, hour) => (count > 0 && count >= Math.max(...trend) * QUIET ? [hour] : []));
  if (score >= PROOF || !asOf || busy.length === 0) return null;
  const [first, last] = [busy[0], busy[busy.length - 1]];
  const within = sum(trend.slice(first, last + 1));
  if (within === all || within < all * (1 - FEW)) return null;
  const before = (hours) => `${new Date(Date.parse(asOf) - hours * HOUR_MS).toISOString().slice(0, 19)}Z`;
  const [from, to] = [before(trend.length - first), before(trend.length - 1 - last)];
  const narrowed = { ...search };
  if (first > 0 && (!search.from || search.from < from)) narrowed.from = from;
  if (last < trend.length - 1 && (!search.to || search.to > to)) narrowed.to = to;
  return narrowed.from === search.from && narrowed.to === search.to ? null : narrowed;
}

/** The heading of a group: the kind above, the value below; a tag says nothing by itself, so there the kind is what is read. */
export function titleOf(cluster, partners) {
  const value = valueOf(cluster, partners);
  const under = (name, text, more) => make(name, { class: "under", ...more }, text);
  const parts = isTag(cluster) ? [say(`same_${cluster.common}`), " ", under("code", value, { dir: "ltr", title: cluster.value })] : [under("span", say(`common_${cluster.common}`)), " ", value];
  return make("h3", { class: "cluster-title" }, parts);
}

/** Why a group stands out, one sentence for each reason. */
export const reasonsOf = ({ reasons }) => reasons.map(({ why, seen, usual }) => say(`why_${why}${usual === null || usual === undefined ? "_alone" : ""}`, { count: seen, usual: usual ?? 0 }));

/** The removal made here of all that a group's button removes, and that a look doesn't know yet; undefined: there is none. */
export const removedSince = (look, cluster, campaign, removed) => removed.find((one) => one.campaign === campaign && one.until >= Date.parse(look.as_of) && covers(one.search, burst(cluster, look.as_of) ?? cluster.search));

/** Looks out for what stands out while a campaign is shown, whatever the screen: nobody has to think of looking. */
export class Lookout {
  #timer = null;
  campaign = null;
  look = null;

  constructor(api, told, { every = EVERY_MS, later = (...all) => setTimeout(...all), never = (timer) => clearTimeout(timer) } = {}) {
    Object.assign(this, { api, told, every, later, never });
  }

  /** From now on of this campaign; null: of none. */
  follow(campaign) {
    if (campaign === this.campaign) return;
    this.never(this.#timer);
    this.campaign = campaign;
    this.look = null;
    if (campaign) this.turn();
  }

  async turn() {
    const campaign = this.campaign;
    try {
      if (document.visibilityState !== "hidden") {
        const look = await this.api.get(ofCampaign(campaign, "clusters"));
        if (campaign !== this.campaign) return;
        this.look = look;
        this.told(look);
      }
    } catch (problem) {
      // Away or refused: what the screen itself asks tells it.
      if (!(problem instanceof Problem)) throw problem;
    } finally {
      if (campaign === this.campaign) this.#timer = this.later(() => this.turn(), this.every);
    }
  }
}

class ClustersScreen extends Screen {
  #partners = new Map();
  #look = null;
  #order = select("order", ["weight", "score"].map((name) => [name, say(`order_${name}`)]));
  #by = make("div", { class: "short", hidden: true }, field(say("order"), this.#order));
  #newer = make("div", { class: "newer", role: "status" });
  #place = make("div", { class: "pages" });

  async show() {
    this.append(this.head("clusters"), remark("clusters_told"), make("div", { class: "found-line" }, this.#newer, this.#by), this.#place);
    this.#order.addEventListener("change", () => this.#look && this.#draw());
    this.#partners = await this.partnerNames();
    await this.#ask();
  }

  refresh() {
    this.run(() => this.#ask());
  }

  /** There was another look: what is shown stays until somebody asks, so that nothing moves under the pointer. */
  standing(look) {
    if (!this.#look || look.as_of === this.#look.as_of) return;
    this.#newer.replaceChildren(this.button(say("clusters_newer", { moment: moment(look.as_of) }), () => this.#ask()));
  }

  async #ask() {
    this.#look = await this.get(this.path("clusters"));
    this.#draw();
  }

  #draw() {
    const look = this.#look;
    const { campaign, shared } = this.context;
    const gone = (cluster) => removedSince(look, cluster, campaign, shared.removed);
    const order = inOrder(look.clusters, this.#order.value);
    const [left, taken] = [order.filter((cluster) => !gone(cluster)), order.filter(gone)];
    const first = Math.min(left.length, FIRST) + taken.length;
    this.#newer.replaceChildren(look.as_of ? remark("clusters_as_of", { moment: moment(look.as_of), count: look.compared }) : remark("clusters_never"));
    if (shared.removed.some((one) => one.campaign === campaign && one.until >= Date.parse(look.as_of) && one.until < Infinity)) this.#newer.append(make("p", { class: "trial" }, say("clusters_before")));
    const cards = [...left.slice(0, FIRST), ...taken, ...left.slice(FIRST)].map((cluster) => this.#card(cluster, gone(cluster)));
    this.#by.hidden = cards.length < 2;
    if (cards.length === 0) return this.#place.replaceChildren(make("p", { class: "card" }, say("clusters_none")));
    this.#place.replaceChildren(left.length > 1 && this.#order.value === "weight" ? make("p", {}, say("clusters_overlap")) : "", ...cards.slice(0, first));
    if (cards.length > first) {
      const more = this.button(say("more"), () => {
        more.replaceWith(...cards.slice(first));
        cards[first].querySelector("button")?.focus();
      });
      this.#place.append(more);
    }
  }

  /** A group; `gone` is the removal that it was taken out by. */
  #card(cluster, gone) {
    const { search } = cluster;
    const most = burst(cluster, this.#look.as_of);
    const title = titleOf(cluster, this.#partners);
    const on = `${say(`common_${cluster.common}`)} ${valueOf(cluster, this.#partners)}`;
    const link = (name, href) => make("a", { class: "button quiet", href, "aria-label": actOn(name, on) }, say(name));
    const preview = this.buttonOn("preview_removal", on, () => removeSearch(this.context, most ?? search, this.#partners, "bot"), { kind: gone ? "quiet" : "main" });
    const acts = [
      gone ? link("removal", this.to("removals", `id=${gone.id}`)) : preview,
      link("show_pledges", this.to("search", toQuery(search))),
      isEmpty(keepable(search)) ? null : this.buttonOn("keep", on, () => keepSearch(this.context, search, this.#partners)),
      gone && preview,
    ];
    return make("article", { class: gone ? "card cluster gone" : "card cluster", "aria-label": on },
      make("div", { class: "cluster-what" }, title, gone ? make("p", { class: "trial" }, say("cluster_gone")) : null, make("p", { class: "chips" }, badge(say("cluster_score", { score: number(cluster.score) }), cluster.score >= GRAVE ? "bad" : "")), make("ul", { class: "reasons" }, reasonsOf(cluster).map((text) => make("li", {}, text))), most ? remark(most.to ? "burst_between" : "burst_since", { from: moment(most.from), to: moment(most.to) }) : null),
      facts([
        [say("pledges"), make("strong", {}, number(cluster.pledges))],
        [say("confirmed_share"), cluster.confirmed_share === null ? null : say("share_of", { share: share(cluster.confirmed_share), count: cluster.compared })],
        [say("likely_share"), cluster.compared > 0 ? share(cluster.likely / cluster.compared) : null],
        [say("last_likely"), moment(cluster.last_likely_at)],
      ]),
      make("figure", { class: "cluster-trend" }, chart(cluster.trend), make("figcaption", { class: "under" }, make("span", {}, say("trend_from")), make("span", {}, say("trend_to")))),
      buttons(acts),
    );
  }
}

customElements.define("console-clusters", ClustersScreen);
