// The review queue: what is held, one by one with a key each, or by what many of them have in common; and how often signals were
// wrong, by a sample that people judged.

import { ofCampaign } from "./console-api.js";
import { titleOf, valueOf } from "./console-clusters.js";
import { QUEUE_KEYS } from "./console-keys.js";
import { ListScreen } from "./console-list.js";
import { actOn, buttons, facts, field, form, make, noteField, remark, select, table } from "./console-parts.js";
import { acceptNow, acceptThese, announceAccepted, removeNow, removeSearch, removeThese } from "./console-removals.js";
import { moment, number, say, share } from "./console-texts.js";

const VIEWS = ["rows", "clusters", "sampling"];

/** What the queue can be narrowed to: a field of its own each, but signals. */
const NARROWED = ["signal", "source_tag", "domain_tag", "name_tag", "shape_tag", "country", "partner"];

/** What can become of one of the sample, in the order of the columns. */
const COUNTS = ["accepted", "accepted_unseen", "removed", "removed_unseen", "undecided", "waiting"];

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
  // What nobody has looked at says nothing of the signals.
  const wrong = ({ accepted, removed }) => (accepted + removed > 0 ? accepted / (accepted + removed) : null);
  return [...sums.values()].map((sum) => ({ ...sum, wrong: wrong(sum) })).sort((a, b) => (a.signal === null ? -1 : b.signal === null ? 1 : (b.wrong ?? -1) - (a.wrong ?? -1) || b.waiting - a.waiting));
}

/** Accepts all that a search finds, as many at a time as the API does. `far` is how far one is, and kept up: of one acceptance how many are done and left; where somebody `isGone`, it ends. `told` hears of each step. */
export async function acceptAll(api, slug, search, note, far, told = () => {}) {
  while (far.left > 0 && !far.isGone) {
    const { acceptance, accepted, left } = await api.post(ofCampaign(slug, "acceptances"), { search, expected: far.left, note, ...(far.acceptance ? { acceptance: far.acceptance } : {}) });
    Object.assign(far, { acceptance: acceptance ?? far.acceptance, done: far.done + accepted.length, left });
    told();
    // Others decide at the same time: nothing more of it is held.
    if (accepted.length === 0) break;
  }
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
    this.append(this.head("queue"), this.views("queue", this.#ways()));
    this.partners = await this.partnerNames();
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

  #ways() {
    const { view, sample } = this.#asked;
    return [["queue_rows", "", view === "rows" && !sample], ["queue_sample", "sample=true", view === "rows" && sample], ["queue_clusters", "view=clusters", view === "clusters"], ["queue_sampling", "view=sampling", view === "sampling"]];
  }

  read(cursor) {
    const { sample, narrowed } = this.#asked;
    return this.get(this.path("held/queue"), { ...(sample ? { sample } : {}), ...(narrowed ? { [narrowed[0]]: narrowed[1] } : {}), limit: 50, cursor });
  }

  async newerCount() {
    const { held } = await this.get(this.path("held/queue"), { limit: 1 });
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
      ...(only ? [make("p", {}, say("queue_only", { what: say(`common_${only.common}`), value: valueOf(only, this.partners) }), " ", make("a", { href: this.to("queue") }, say("queue_all")))] : []),
      ...(sample ? [remark("queue_sample_told")] : []),
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
    return this.#decide("accept", ids, acceptNow, acceptThese);
  }

  remove(ids) {
    return this.#decide("remove", ids, removeNow, removeThese);
  }

  #decide(what, ids, now, these) {
    const given = ids.length === 1 ? this.#quick[what] : null;
    return given ? now(this.context, ids, given) : these(this.context, ids, { remember: (said) => this.#remember(what, said) });
  }

  async #clusters() {
    const { clusters, looked_at: looked } = await this.get(this.path("held/clusters"));
    const cards = clusters.map((cluster) => this.#cluster(cluster));
    this.append(remark("queue_clusters_told", { count: looked }), make("div", { class: "pages" }, cards.length > 0 ? cards : make("p", { class: "card" }, say("queue_clusters_none"))));
  }

  #cluster(cluster) {
    const on = `${say(`common_${cluster.common}`)} ${valueOf(cluster, this.partners)}`;
    return make("article", { class: "card cluster held-cluster", "aria-label": on },
      make("div", { class: "cluster-what" }, titleOf(cluster, this.partners)),
      facts([[say("pledges"), make("strong", {}, number(cluster.pledges))], [say("last_at"), moment(cluster.last_at)]]),
      buttons(
        this.buttonOn("preview_removal", on, () => removeSearch(this.context, cluster.search, this.partners), { kind: "main" }),
        this.buttonOn("accept_all", on, () => this.#acceptAll(cluster)),
        make("a", { class: "button quiet", href: this.to("queue", `${cluster.common}=${encodeURIComponent(cluster.value)}`), "aria-label": actOn("queue_rows", on) }, say("queue_rows")),
      ),
    );
  }

  async #acceptAll({ search }) {
    const { api, campaign, panels } = this.context;
    // The groups are those of the newest: how many there are in all is asked now.
    const count = async () => (await api.post(this.path("removals/preview"), search)).pledges;
    const far = { acceptance: null, done: 0, left: await count(), isGone: false };
    let work = null;
    await panels.open(say("accept_all"), (close) => {
      const told = make("p", { role: "status" });
      const tell = () => (told.textContent = say("accept_progress", far));
      const send = async ({ note }) => {
        try {
          await (work = acceptAll(api, campaign, search, note, far, tell));
          close();
        } catch (problem) {
          // Others came or were decided meanwhile: the press that goes on is one that has seen the new count.
          if (problem.code === "preview_outdated") far.left = await count();
          tell();
          throw problem;
        }
      };
      tell();
      return form([make("p", {}, say("accept_told")), noteField(), told], say("accept_all"), send, { close });
    });
    // What is on its way when somebody leaves is told with the rest.
    far.isGone = true;
    await work?.catch(() => {});
    if (!work || !api.isSignedIn) return;
    announceAccepted(this.context, far.acceptance, far.done);
    this.context.refresh();
  }

  async #sampling() {
    const { weeks } = await this.get(this.path("held/sampling"));
    const known = [...new Set(weeks.map(({ week }) => week))];
    const which = select("week", [["", say("weeks_all")], ...known.map((week) => [week, say("week_of", { day: week })])]);
    const place = make("div", {});
    const draw = () => place.replaceChildren(this.#sampled(summed(weeks, which.value)));
    which.addEventListener("change", draw);
    this.append(remark("sampling_told"), make("div", { class: "short" }, field(say("week"), which)), place);
    draw();
  }

  #sampled(rows) {
    const rate = ({ wrong, accepted, removed }) => (wrong === null ? say("sampled_none") : [make("progress", { class: "bar", max: 1, value: wrong, "aria-hidden": "true" }), make("span", { class: "count" }, say("share_of", { share: share(wrong), count: accepted + removed }))]);
    const cells = rows.map((row) => [row.signal ? say(`signal_${row.signal}`) : make("strong", {}, say("sampled_all")), rate(row), ...COUNTS.map((name) => number(row[name]))]);
    const heads = ["signal", "wrong", ...COUNTS].map((name) => `sampled_${name}`);
    return table("queue_sampling", heads, cells, { empty: "sampling_none", class: "console-table numbers" });
  }
}

customElements.define("console-queue", QueueScreen);
