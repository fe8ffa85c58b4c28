// The review queue: what is held, one by one with a key each, or by what many of them have in common; and how often signals were
// wrong, by a sample that people judged.

import { ofCampaign, withQuery } from "./console-api.js";
import { titleOf, valueOf } from "./console-clusters.js";
import { hashOf } from "./console-filters.js";
import { QUEUE_KEYS } from "./console-keys.js";
import { ListScreen } from "./console-list.js";
import { facts, field, form, make, noteField, select, table } from "./console-parts.js";
import { acceptNow, acceptThese, removeNow, removeSearch, removeThese } from "./console-removing.js";
import { partnerNames } from "./console-screen.js";
import { moment, number, say, share } from "./console-texts.js";

const VIEWS = ["rows", "clusters", "sampling"];

/** What the queue can be narrowed to: a field of its own each, but signals. */
const NARROWED = ["signal", "source_tag", "domain_tag", "name_tag", "shape_tag", "country", "partner"];
const COUNTS = ["waiting", "accepted", "removed", "removed_unseen", "undecided"];

/** What an address asks of the queue. */
export function asked(query) {
  const given = new URLSearchParams(query);
  const narrowed = NARROWED.map((name) => [name, given.get(name)]).find(([, value]) => value) ?? null;
  const view = VIEWS.includes(given.get("view")) ? given.get("view") : "rows";
  return { view, sample: given.get("sample") === "true", narrowed };
}

/** What became of a sample by signal, over one week or all: all of the sample first, then where most were wrong. */
export function summed(weeks, week = "") {
  const sums = new Map();
  for (const row of weeks) {
    if (week && row.week !== week) continue;
    const sum = sums.get(row.signal) ?? { signal: row.signal, ...Object.fromEntries(COUNTS.map((name) => [name, 0])) };
    for (const name of COUNTS) sum[name] += row[name];
    sums.set(row.signal, sum);
  }
  const wrong = ({ accepted, removed }) => (accepted + removed > 0 ? accepted / (accepted + removed) : null);
  return [...sums.values()].map((sum) => ({ ...sum, wrong: wrong(sum) })).sort((a, b) => (a.signal === null ? -1 : b.signal === null ? 1 : (b.wrong ?? -1) - (a.wrong ?? -1) || b.waiting - a.waiting));
}

/** Accepts all that a search finds, as many at a time as the API does; gives how many. `told` hears how far it is. */
export async function acceptAll(api, slug, search, expected, note, told = () => {}) {
  let [done, left] = [0, expected];
  while (left > 0) {
    const answer = await api.post(ofCampaign(slug, "acceptances"), { search, expected: left, note });
    done += answer.accepted.length;
    left = answer.left;
    told(done, left);
    // Others decide at the same time: nothing more of it is held.
    if (answer.accepted.length === 0) break;
  }
  return done;
}

class QueueScreen extends ListScreen {
  keys = QUEUE_KEYS;
  isOneByOne = true;
  #asked = asked("");
  #told = make("div", { class: "found", role: "status" });
  #quickly = make("div", {});

  async show() {
    this.#asked = asked(this.context.query);
    const { view } = this.#asked;
    this.append(this.head("queue"), this.#views());
    this.partners = await partnerNames(this);
    if (!this.isConnected) return undefined;
    if (view === "clusters") return this.#clusters();
    if (view === "sampling") return this.#sampling();
    this.append(make("div", { class: "found-line" }, this.#told, this.newer), this.#quickly, this.rows, this.turns);
    this.listen();
    return this.ask();
  }

  refresh() {
    if (this.#asked.view === "rows") return super.refresh();
    this.replaceChildren();
    return this.run(() => this.show());
  }

  #to(query) {
    return hashOf({ campaign: this.context.campaign, screen: "queue", query });
  }

  #views() {
    const { view, sample } = this.#asked;
    const ways = [["rows", "", view === "rows" && !sample], ["sample", "sample=true", view === "rows" && sample], ["clusters", "view=clusters", view === "clusters"], ["sampling", "view=sampling", view === "sampling"]];
    const links = ways.map(([name, query, isHere]) => make("li", {}, make("a", { href: this.#to(query), "aria-current": isHere ? "page" : null }, say(`queue_${name}`))));
    return make("nav", { class: "views", "aria-label": say("queue_views") }, make("ul", {}, links));
  }

  read(cursor) {
    const { sample, narrowed } = this.#asked;
    return this.get(withQuery(ofCampaign(this.context.campaign, "held/queue"), { ...(sample ? { sample } : {}), ...(narrowed ? { [narrowed[0]]: narrowed[1] } : {}), limit: 50, cursor }));
  }

  async newerCount() {
    const { held } = await this.get(withQuery(ofCampaign(this.context.campaign, "held/queue"), { limit: 1 }));
    return { count: Math.max(0, held - this.page.held), isMore: false };
  }

  acts() {
    return ["accept", "remove", "reveal"];
  }

  told() {
    const { held, held_ends: ends } = this.page;
    const { narrowed, sample } = this.#asked;
    const only = narrowed ? { common: narrowed[0], value: narrowed[1] } : null;
    this.#told.replaceChildren(
      make("p", { class: "exact" }, make("strong", {}, say("queue_held", { count: held }))),
      ...(only ? [make("p", {}, say("queue_only", { what: say(`common_${only.common}`), value: valueOf(only, this.partners) }), " ", make("a", { href: this.#to("") }, say("queue_all")))] : []),
      ...(sample ? [make("p", { class: "note" }, say("queue_sample_told"))] : []),
      ...(ends ? [make("p", { class: "trial" }, say(`held_ends_${ends.default}`, { count: ends.pledges, moment: moment(ends.first_at) }))] : []),
    );
    this.#drawQuickly();
  }

  narrow(more) {
    const [[name, value]] = Object.entries(more);
    return this.context.go({ campaign: this.context.campaign, screen: NARROWED.includes(name) ? "queue" : "search", query: `${name}=${encodeURIComponent(value)}` });
  }

  /** Decisions that are made without asking, once somebody has said so, of one row at a time. */
  get #quick() {
    const { shared, campaign } = this.context;
    if (shared.quick?.campaign !== campaign) shared.quick = { campaign };
    return shared.quick;
  }

  #remember(what, given) {
    this.#quick[what] = given;
    this.#drawQuickly();
  }

  #drawQuickly() {
    const given = ["accept", "remove"].filter((what) => this.#quick[what]);
    const stop = this.button(say("quick_stop"), () => {
      this.context.shared.quick = null;
      this.#drawQuickly();
    });
    this.#quickly.replaceChildren(...(given.length > 0 ? [make("div", { class: "trial quickly" }, make("p", {}, given.map((what) => say(`quick_${what}`, { note: this.#quick[what].note })).join(" ")), stop)] : []));
  }

  accept(ids) {
    const given = ids.length === 1 ? this.#quick.accept : null;
    return given ? acceptNow(this.context, ids, given) : acceptThese(this.context, ids, { remember: (said) => this.#remember("accept", said) });
  }

  remove(ids) {
    const given = ids.length === 1 ? this.#quick.remove : null;
    return given ? removeNow(this.context, ids, given) : removeThese(this.context, ids, { remember: (said) => this.#remember("remove", said) });
  }

  async #clusters() {
    const { clusters, looked_at: looked } = await this.get(ofCampaign(this.context.campaign, "held/clusters"));
    const cards = clusters.map((cluster) => this.#cluster(cluster));
    this.append(make("p", { class: "note" }, say("queue_clusters_told", { count: looked })), make("div", { class: "pages" }, cards.length > 0 ? cards : make("p", { class: "card" }, say("queue_clusters_none"))));
  }

  #cluster(cluster) {
    const on = `${say(`common_${cluster.common}`)} ${valueOf(cluster, this.partners)}`;
    const act = (text, run, kind = "quiet") => this.button(say(text), run, { kind, "aria-label": say("act_on", { act: say(text), on }) });
    return make("article", { class: "card cluster held-cluster", "aria-label": on },
      make("div", { class: "cluster-what" }, titleOf(cluster, this.partners)),
      facts([[say("pledges"), make("strong", {}, number(cluster.pledges))], [say("last_at"), moment(cluster.last_at)]]),
      make("div", { class: "actions" },
        act("preview_removal", () => removeSearch(this.context, cluster.search, this.partners), "main"),
        act("accept_all", () => this.#acceptAll(cluster)),
        make("a", { class: "button quiet", href: this.#to(`${cluster.common}=${encodeURIComponent(cluster.value)}`), "aria-label": say("act_on", { act: say("queue_one_by_one"), on }) }, say("queue_one_by_one")),
      ),
    );
  }

  async #acceptAll({ search }) {
    const { api, campaign, panels, toasts } = this.context;
    // The groups are those of the newest: how many there are in all is asked now.
    const { pledges: count } = await api.post(ofCampaign(campaign, "removals/preview"), search);
    const accepted = await panels.open(say("accept_title", { count }), (close) => {
      const told = make("p", { role: "status" });
      const send = async ({ note }) => close(await acceptAll(api, campaign, search, count, note, (done, left) => (told.textContent = say("accept_progress", { done, left }))));
      return form([make("p", {}, say("accept_told")), noteField(), told], say("accept_now", { count }), send, { close });
    });
    if (accepted === undefined) return;
    toasts.show(say("accepted", { count: accepted }));
    this.refresh();
  }

  async #sampling() {
    const { weeks } = await this.get(ofCampaign(this.context.campaign, "held/sampling"));
    const known = [...new Set(weeks.map(({ week }) => week))];
    const which = select("week", [["", say("weeks_all")], ...known.map((week) => [week, say("week_of", { day: week })])]);
    const place = make("div", {});
    const draw = () => place.replaceChildren(this.#sampled(summed(weeks, which.value)));
    which.addEventListener("change", draw);
    this.append(make("p", { class: "note" }, say("sampling_told")), make("div", { class: "short" }, field(say("week"), which)), place);
    draw();
  }

  #sampled(rows) {
    const heads = ["signal", "wrong", ...COUNTS.slice(1), "waiting"].map((name) => say(`sampled_${name}`));
    const rate = ({ wrong, accepted, removed }) => (wrong === null ? say("sampled_none") : [make("progress", { class: "bar", max: 1, value: wrong, "aria-hidden": "true" }), make("span", { class: "count" }, say("share_of", { share: share(wrong), count: accepted + removed }))]);
    const cells = rows.map((row) => [row.signal ? say(`signal_${row.signal}`) : make("strong", {}, say("sampled_all")), rate(row), ...[...COUNTS.slice(1), "waiting"].map((name) => number(row[name]))]);
    return table(say("queue_sampling"), heads, cells, { empty: say("sampling_none"), class: "console-table numbers" });
  }
}

customElements.define("console-queue", QueueScreen);
