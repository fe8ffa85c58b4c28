// What moderators do to pledges, each with its reason: remove by ids or by a search after a preview, accept, undo either, reveal. And
// the screen that has what was removed and accepted, how far removals are that go on by themselves, and the undo of each.

import { ofCampaign } from "./console-api.js";
import { inWords } from "./console-filter-form.js";
import { REASONS, hashOf, tidy } from "./console-filters.js";
import { Screen, badge, bars, buttons, closing, facts, field, form, make, noteField, quote, remark, select, table, tick } from "./console-parts.js";
import { country, moment, number, say } from "./console-texts.js";

export const reasonField = (more = {}) => field(say("reason"), select("reason", [["", say("choose")], ...REASONS.map((reason) => [reason, say(`reason_${reason}`)])], { required: true, ...more }));

/** Whether a removal goes on by itself. */
export const isUnderWay = ({ state }) => state === "running" || state === "undoing";

/** How far it is, between 0 and 1; null: it can't be told. */
export function progress({ state, expected, pledges, put_back: back }) {
  if (state === "undoing") return pledges > 0 ? Math.min(1, back / pledges) : null;
  if (state !== "running" && state !== "paused") return 1;
  return expected > 0 ? Math.min(1, pledges / expected) : null;
}

/** Undoes a removal. One that is under way is cancelled first: what it took out is put back then. */
export async function undo(api, slug, id, note) {
  const path = ofCampaign(slug, `removals/${id}`);
  try {
    return await api.post(`${path}/undo`, { note });
  } catch (problem) {
    if (problem.code !== "removal_under_way") throw problem;
    await api.post(`${path}/cancel`);
    return api.post(`${path}/undo`, { note });
  }
}

/** Undoes an acceptance, as many pledges at a time as the API does, and says how far it is. Gives the acceptance. */
export async function undoAcceptance({ api, campaign, toasts }, id, note) {
  let [answer, before, news] = [{ left: Infinity }, Infinity, null];
  do {
    before = answer.left;
    answer = await api.post(ofCampaign(campaign, `acceptances/${id}/undo`), { note });
    const words = say("undo_left", answer);
    if (news) news.tell(words);
    else if (answer.left > 0) news = toasts.show(words);
    // Where nothing more of it can be held, this must end too.
  } while (answer.left > 0 && answer.left < before);
  news?.close();
  return answer.acceptance;
}

/** Says what was done, with its undo a click away, or a key: that undoes what somebody did last. Gives what is kept of it. */
function offered(context, text, { query, run, ...done }) {
  const { api, attempt, campaign, shared, toasts } = context;
  const back = async () => told(context, await run());
  const toast = toasts.show(text, { action: { label: say("undo"), run: () => attempt(back) }, link: make("a", { href: hashOf({ campaign, screen: "removals", query }) }, say("undo_later")) });
  return (shared.last = { ...done, campaign, toast, back, at: api.answeredAt });
}

/** Whether pledges may still be taken out. */
const goesOn = ({ state }) => state === "running" || state === "paused";

/** How many a removal takes out, as far as one knows. */
const sizeOf = (removal) => (goesOn(removal) ? removal.expected ?? removal.pledges : removal.pledges);

const SOON_MS = 1_500;
const SELDOM_MS = 30_000;

/** Says what a removal does, with its undo a click away, and once it has ended what it did; its preview showed `seen`. One by a search is kept in mind: looks from before its end don't know it. */
export async function announce(context, { removal, already_removed: before, not_found: missing }, { seen = null, search = null, wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms)) } = {}) {
  const { api, campaign, shared } = context;
  const { id } = removal;
  const skipped = before.length + missing.length;
  const words = (now) => {
    const count = sizeOf(now);
    const more = seen === null ? 0 : count - seen;
    return [say(goesOn(now) ? "removing" : "removed", { count }), skipped > 0 && say("removed_skipped", { count: skipped }), more !== 0 && say(more > 0 ? "removed_more" : "removed_fewer", { count: Math.abs(more) })].filter(Boolean).join(" ");
  };
  const last = offered(context, words(removal), { what: "removal", id, count: sizeOf(removal), query: `id=${id}`, run: () => undo(api, campaign, id, say("undo_note_quick")) });
  const { toast } = last;
  const kept = { campaign, id, search, until: Infinity };
  if (search) shared.removed.push(kept);
  const isOpen = () => toast.isShown || shared.removed.includes(kept);
  let [now, ms] = [removal, SOON_MS];
  while (goesOn(now) && isOpen()) {
    await wait(ms);
    if (document.visibilityState === "hidden" || !isOpen()) continue;
    // The service is busy or away: ask again.
    now = await api.get(ofCampaign(campaign, `removals/${id}`)).catch(() => now);
    last.count = sizeOf(now);
    ms = now.state === "running" ? SOON_MS : Math.min(ms * 2, SELDOM_MS);
  }
  if (!isOpen()) return;
  kept.until = api.answeredAt;
  if (["undoing", "undone"].includes(now.state)) return told(context, now);
  if (now !== removal) toast.tell(words(now));
}

/** Says how many count now; an acceptance without an id let none count. */
export function announceAccepted(context, id, count) {
  const text = say("accepted", { count });
  if (id) return offered(context, text, { what: "acceptance", id, count, query: "view=acceptances", run: () => undoAcceptance(context, id, say("undo_note_quick")) });
  // What somebody undoes now isn't what was before it.
  context.shared.last = null;
  return context.toasts.show(text);
}

/** Says what an undo did. */
export function told(context, { id, held_again: held, pledges, ...undone }) {
  const { shared, toasts } = context;
  shared.removed = shared.removed.filter((one) => one.id !== id);
  if (shared.last?.id === id) {
    shared.last.toast.close();
    shared.last = null;
  }
  toasts.show(held === undefined ? say(isUnderWay(undone) ? "undoing" : "undone", { count: pledges }) : say("held_again", { count: held }));
  context.refresh();
}

/** More than this, or longer ago, is undone by no slip of a finger. */
const MANY = 100;
const LONG_MS = 180_000;

/** Undoes what was done here last, and asks first where that is much, of a while ago, or elsewhere. */
export async function undoLast(context) {
  const { last } = context.shared;
  if (!last) return context.toasts.show(say("undo_nothing"));
  const { what, campaign, count, at } = last;
  const asks = count > MANY || context.api.answeredAt - at > LONG_MS || campaign !== context.campaign;
  if (asks && !(await context.sure(say("undo"), say(`undo_sure_${what}`, { count, campaign, moment: moment(at) }), say("undo")))) return undefined;
  return last.back();
}

/** Removes these for a reason that was given. Gives that it did. */
export async function removeNow(context, ids, { reason, note }) {
  announce(context, await context.api.post(ofCampaign(context.campaign, "removals"), { ids, reason, note }));
  return true;
}

const again = (remember, count) => (remember && count === 1 ? tick("again", say("again"), { value: "yes" }) : null);

/** What asks for what has to be said, and does it to these. Gives whether it did. `remember` hears what is to hold for the next ones too. */
const asking = (what, act, fields, options) => (context, ids, { remember = null } = {}) => {
  const title = say(`ask_${what}`, { count: ids.length });
  return context.panels.open(title, (close) => {
    const send = async ({ again: more, ...given }) => {
      await act(context, ids, given);
      if (more) remember(given);
      close(true);
    };
    return form([make("p", {}, say(`${what}_told`)), ...fields(), noteField(), again(remember, ids.length)], title, send, { close, ...options });
  });
};

export const removeThese = asking("remove", removeNow, () => [reasonField({ autofocus: true })], { kind: "main grave-action" });

const byPartner = (names) => ({ partner, count }) => [partner ? names.get(partner) ?? partner : say("partner_ours"), count];

/** What a removal by a search would take out: how many, some to look at, and where they are from. */
export function previewed(preview, names = new Map()) {
  const sample = preview.sample.map((pledge) => [
    [pledge.review?.name ?? say("name_gone"), " ", badge(say(`state_${pledge.state}`))],
    pledge.review?.email ?? "",
    country(pledge.country),
    moment(pledge.created_at),
    number(pledge.score),
    pledge.review?.message ?? "",
  ]);
  const counted = preview.states.find(({ state }) => state === "counted")?.count ?? 0;
  return [
    make("p", { class: "exact" }, make("strong", {}, say("preview_count", { count: preview.pledges })), " ", preview.states.map(({ state, count }) => [badge(`${say(`state_${state}`)} ${number(count)}`), " "]).flat()),
    preview.pledges > 0 ? make("p", {}, say(counted > 0 ? "preview_public" : "preview_public_none", { count: counted })) : "",
    make("h3", {}, say("sample")),
    table("sample", ["name", "email", "country_label", "time", "score", "message"], sample, { class: "console-table sample" }),
    make("div", { class: "by" },
      bars("by_country", preview.countries.map((row) => [country(row.country), row.count])),
      bars("by_partner", preview.partners.map(byPartner(names))),
      bars("by_hour", preview.hours.map(({ hour, count }) => [moment(hour), count])),
    ),
  ];
}

/** Previews a search, and removes all that fits it once somebody has looked and said why; `reason` is chosen before. Leads to the removal then. */
export async function removeSearch(context, filter, names, reason = "") {
  const { api, campaign, panels } = context;
  const search = tidy(filter);
  const ask = () => api.post(ofCampaign(campaign, "removals/preview"), search);
  let preview = await ask();
  return panels.open(say("preview"), (close) => {
    const changed = make("p", { class: "error", role: "alert", tabindex: "-1", hidden: true });
    const shown = make("div", { class: "previewed" }, previewed(preview, names));
    const again = async () => {
      const { pledges } = preview;
      preview = await ask();
      shown.replaceChildren(...previewed(preview, names));
      confirm.hidden = preview.pledges === 0;
      changed.hidden = false;
      changed.textContent = say("preview_changed", { count: preview.pledges, before: pledges });
      changed.focus();
    };
    const send = async ({ reason, note }) => {
      changed.hidden = true;
      try {
        const result = await api.post(ofCampaign(campaign, "removals"), { search, expected: preview.pledges, reason, note });
        close();
        announce(context, result, { seen: preview.pledges, search });
        context.go({ campaign, screen: "removals", query: `id=${result.removal.id}` });
      } catch (problem) {
        if (problem.code !== "preview_outdated") throw problem;
        // Others were removed or came meanwhile: look again, then decide again, beside the new count.
        await again();
      }
    };
    const confirm = form([reasonField({ value: reason }), noteField()], say("remove_all"), send, { class: "console-form decide", kind: "main grave-action", close });
    confirm.hidden = preview.pledges === 0;
    // The form of the search may say something else by now: what is asked for stands here.
    const asked = make("p", { class: "chips" }, inWords(search, names).map(([, words]) => badge(words)));
    return [asked, changed, shown, confirm];
  });
}

/** Accepts what of these is held. Gives that it did. */
export async function acceptNow(context, ids, { note }) {
  const { acceptance, accepted } = await context.api.post(ofCampaign(context.campaign, "acceptances"), { ids, note });
  announceAccepted(context, acceptance, accepted.length);
  return true;
}

export const acceptThese = asking("accept", acceptNow, () => []);

/** Shows names in full for a reason. They stand in the panel only, and are gone with it. */
export function revealThese(context, ids) {
  const { api, campaign, panels } = context;
  return panels.open(say("reveal_title", { count: ids.length }), (close) => {
    const place = make("div", {});
    const send = async ({ note }) => {
      const { pledges } = await api.post(ofCampaign(campaign, "pledges/reveal"), { ids, note });
      const rows = pledges.map((pledge) => [pledge.name ?? say("name_gone"), pledge.email ?? "", pledge.message ?? ""]);
      const gone = ids.length - pledges.length;
      place.replaceChildren(table("revealed", ["name", "email", "message"], rows), gone > 0 ? remark("reveal_gone", { count: gone }) : "", buttons(closing(close)));
      place.querySelector("button")?.focus();
    };
    place.append(form([make("p", {}, say("reveal_told")), noteField(say("reveal_why"))], say("reveal"), send, { close }));
    return place;
  });
}

const EVERY_MS = 1_000;

/** Only what was let count can be held again. */
const isAcceptance = ({ held_again: held }) => held !== undefined;

class RemovalsScreen extends Screen {
  #timers = new Set();

  async show() {
    const asked = new URLSearchParams(this.context.query);
    const id = asked.get("id");
    const what = asked.get("view") === "acceptances" ? "acceptances" : "removals";
    this.append(this.head("removals"), this.views("removals", [["sampled_removed", "", what === "removals"], ["sampled_accepted", "view=acceptances", what === "acceptances"]]));
    if (id) this.append(this.#card(await this.get(this.path(`removals/${encodeURIComponent(id)}`))));
    const list = await this.pages(async (cursor) => {
      const page = await this.get(this.path(what), { limit: 20, cursor });
      return { nodes: page[what].filter((one) => one.id !== id).map((one) => this.#card(one)), next: page.next_cursor };
    });
    this.append(list);
    if (!this.querySelector("article")) this.append(remark("nothing"));
  }

  left() {
    for (const timer of this.#timers) clearTimeout(timer);
  }

  /** One of either; a removal draws itself anew while it goes on. */
  #card(done) {
    const node = make("article", { class: "card removal", "aria-label": say(isAcceptance(done) ? "acceptance_of" : "removal_of", { moment: moment(done.created_at) }), "data-removal": done.id });
    this.#draw(node, done);
    return node;
  }

  #title(done) {
    if (!isAcceptance(done)) return [say(`reason_${done.reason}`), " ", badge(say(`removal_${done.state}`), done.state)];
    return [say("sampled_accepted"), done.by_search ? [" ", badge(say("subject_search"))] : [], done.undone_at ? [" ", badge(say("removal_undone"), "undone")] : []].flat();
  }

  #draw(node, done) {
    // Focus stays where it was when the card is drawn anew.
    const focused = node.contains(document.activeElement) ? document.activeElement.dataset.act : null;
    const count = (value) => (value === null || value === undefined ? null : number(value));
    node.replaceChildren(
      make("h3", {}, this.#title(done)),
      quote(done.note),
      ...this.#progress(done),
      facts([
        [say("pledges"), number(done.pledges)],
        [say("expected"), count(done.expected)],
        [say("by"), done.moderator ?? say("by_service")],
        [say("time"), moment(done.created_at)],
        [say("paused_because"), done.paused_because ? say(`paused_${done.paused_because}`) : null],
        [say("undone_by"), done.undone_by],
        [say("undone_at"), moment(done.undone_at)],
        [say("undone_held"), done.undone_at ? count(done.held_again) : null],
        [say("undo_note"), done.undo_note],
      ]),
      buttons(isAcceptance(done) ? this.#undoOf(node, done, done.undone_at && done.held_again >= done.pledges) : this.#acts(node, done)),
    );
    if (focused) (node.querySelector(`[data-act="${focused}"]`) ?? node.querySelector("button"))?.focus();
    if (isUnderWay(done)) this.#later(node, done.id);
  }

  #progress(removal) {
    if (!isUnderWay(removal) && removal.state !== "paused") return [];
    const [done, of] = removal.state === "undoing" ? [removal.put_back, removal.pledges] : [removal.pledges, removal.expected];
    return [make("progress", { class: "bar", max: 1, value: progress(removal), "aria-label": say(`removal_${removal.state}`) }), make("p", {}, say("progress", { done, of: of ?? 0 }))];
  }

  #acts(node, removal) {
    const path = this.path(`removals/${removal.id}`);
    const act = (name) => this.button(say(`removal_act_${name}`), async () => this.#draw(node, await this.api.post(`${path}/${name}`)), { "data-act": name });
    const acts = [];
    if (removal.state === "running") acts.push(act("pause"), act("cancel"));
    if (removal.state === "paused") acts.push(act("resume"), act("cancel"));
    const found = make("a", { class: "button quiet", href: this.to("search", `removal=${removal.id}`) }, say("show_pledges"));
    return [...acts, ...this.#undoOf(node, removal, ["undone", "undoing"].includes(removal.state) || removal.pledges === 0), found];
  }

  #undoOf(node, done, isOver) {
    return isOver ? [] : [this.button(say("undo"), () => this.#undo(node, done), { "data-act": "undo" })];
  }

  #undo(node, done) {
    const { panels, campaign, recount } = this.context;
    const [run, kind] = isAcceptance(done) ? [(note) => undoAcceptance(this.context, done.id, note), "acceptance"] : [(note) => undo(this.api, campaign, done.id, note), "removal"];
    return panels.open(say(`undo_${kind}`), (close) => {
      const send = async ({ note }) => {
        const undone = await run(note);
        close(true);
        told({ ...this.context, refresh: () => (recount(), this.#draw(node, undone)) }, undone);
      };
      return form([make("p", {}, say(`undo_${kind}_told`)), noteField()], say("undo"), send, { close });
    });
  }

  #later(node, id) {
    const timer = setTimeout(async () => {
      this.#timers.delete(timer);
      try {
        const removal = await this.get(this.path(`removals/${id}`));
        if (node.isConnected) this.#draw(node, removal);
      } catch (problem) {
        // The service is busy or away: ask again, unless we are gone.
        if (problem.name !== "AbortError" && node.isConnected && this.api.isSignedIn) this.#later(node, id);
      }
    }, EVERY_MS);
    this.#timers.add(timer);
  }
}

customElements.define("console-removals", RemovalsScreen);
