// What moderators do to pledges, each with its reason: remove by ids or by a search after a preview, undo, accept, reveal.

import { ofCampaign } from "./console-api.js";
import { inWords } from "./console-filter-form.js";
import { REASONS, hashOf, tidy } from "./console-filters.js";
import { badge, bars, button, field, form, make, noteField, select, table, tick } from "./console-parts.js";
import { country, moment, number, say } from "./console-texts.js";

export const reasonField = ({ autofocus = false } = {}) => field(say("reason"), select("reason", [["", say("choose")], ...REASONS.map((reason) => [reason, say(`reason_${reason}`)])], { required: true, autofocus }));

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

/** Where a removal is shown. */
export const placeOf = (campaign, { id }) => ({ campaign, screen: "removals", query: `id=${id}` });

/** Whether pledges may still be taken out. */
const goesOn = ({ state }) => state === "running" || state === "paused";

const SOON_MS = 1_500;
const SELDOM_MS = 30_000;

/** Says what a removal does, with its undo a click away, and once it has ended what it did; its preview showed `seen`. One by a search is kept in mind: looks from before its end don't know it. */
export async function announce(context, { removal, already_removed: before, not_found: missing }, { seen = null, search = null, wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms)) } = {}) {
  const { api, campaign, shared, toasts } = context;
  const skipped = before.length + missing.length;
  const words = (now) => {
    const count = goesOn(now) ? now.expected ?? now.pledges : now.pledges;
    const more = seen === null ? 0 : count - seen;
    return [say(goesOn(now) ? "removing" : "removed", { count }), skipped > 0 && say("removed_skipped", { count: skipped }), more !== 0 && say(more > 0 ? "removed_more" : "removed_fewer", { count: Math.abs(more) })].filter(Boolean).join(" ");
  };
  const run = () => context.attempt(async () => told(context, await undo(api, campaign, removal.id, say("undo_note_quick"))));
  const toast = toasts.show(words(removal), { action: { label: say("undo"), run }, link: make("a", { href: hashOf(placeOf(campaign, removal)) }, say("undo_later")) });
  shared.lastRemoval = { campaign, id: removal.id, toast };
  const kept = { campaign, id: removal.id, search, until: Infinity };
  if (search) shared.removed.push(kept);
  const isOpen = () => toast.isShown || shared.removed.includes(kept);
  let [now, ms] = [removal, SOON_MS];
  while (goesOn(now) && isOpen()) {
    await wait(ms);
    if (document.visibilityState === "hidden" || !isOpen()) continue;
    // The service is busy or away: ask again.
    now = await api.get(ofCampaign(campaign, `removals/${removal.id}`)).catch(() => now);
    ms = now.state === "running" ? SOON_MS : Math.min(ms * 2, SELDOM_MS);
  }
  if (!isOpen()) return;
  kept.until = api.answeredAt;
  if (["undoing", "undone"].includes(now.state)) return told(context, now);
  if (now !== removal) toast.tell(words(now));
}

/** Says what an undo did. */
export function told(context, removal) {
  const { shared, toasts } = context;
  shared.removed = shared.removed.filter(({ id }) => id !== removal.id);
  if (shared.lastRemoval?.id === removal.id) {
    shared.lastRemoval.toast.close();
    shared.lastRemoval = null;
  }
  toasts.show(say(isUnderWay(removal) ? "undoing" : "undone", { count: removal.pledges }));
  context.refresh();
}

/** Undoes what this browser removed last. */
export async function undoLast(context) {
  const last = context.shared.lastRemoval;
  if (!last) return context.toasts.show(say("undo_nothing"));
  return told(context, await undo(context.api, last.campaign, last.id, say("undo_note_quick")));
}

/** Removes these for a reason that was given. Gives that it did. */
export async function removeNow(context, ids, { reason, note }) {
  announce(context, await context.api.post(ofCampaign(context.campaign, "removals"), { ids, reason, note }));
  return true;
}

const again = (remember, count) => (remember && count === 1 ? tick("again", say("again"), { value: "yes" }) : null);

/** Asks for reason and note, and removes these. Gives whether it did. `remember` hears what is to hold for the next ones too. */
export function removeThese(context, ids, { remember = null } = {}) {
  const { panels } = context;
  return panels.open(say("remove_title", { count: ids.length }), (close) => {
    const send = async ({ reason, note, again: more }) => {
      await removeNow(context, ids, { reason, note });
      if (more) remember({ reason, note });
      close(true);
    };
    return form([make("p", {}, say("remove_told")), reasonField({ autofocus: true }), noteField(), again(remember, ids.length)], say("remove_now", { count: ids.length }), send, { kind: "main grave-action", close });
  });
}

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
    table(say("sample"), [say("name"), say("email"), say("country_label"), say("time"), say("score"), say("message")], sample, { class: "console-table sample" }),
    make("div", { class: "by" },
      bars(say("by_country"), preview.countries.map((row) => [country(row.country), row.count]), number),
      bars(say("by_partner"), preview.partners.map(byPartner(names)), number),
      bars(say("by_hour"), preview.hours.map(({ hour, count }) => [moment(hour), count]), number),
    ),
  ];
}

/** Previews a search, and removes all that fits it once somebody has looked and said why. Leads to the removal then. */
export async function removeSearch(context, filter, names) {
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
        context.go(placeOf(campaign, result.removal));
      } catch (problem) {
        if (problem.code !== "preview_outdated") throw problem;
        // Others were removed or came meanwhile: look again, then decide again, beside the new count.
        await again();
      }
    };
    const confirm = form([reasonField(), noteField()], say("remove_all"), send, { class: "console-form decide", kind: "main grave-action", close });
    confirm.hidden = preview.pledges === 0;
    // The form of the search may say something else by now: what is asked for stands here.
    const asked = make("p", { class: "chips" }, inWords(search, names).map(([, words]) => badge(words)));
    return [asked, changed, shown, confirm];
  });
}

/** Accepts what of these is held. Gives that it did. */
export async function acceptNow(context, ids, { note }) {
  const { accepted } = await context.api.post(ofCampaign(context.campaign, "acceptances"), { ids, note });
  context.toasts.show(say("accepted", { count: accepted.length }));
  return true;
}

/** Asks for a note, and accepts what is held. Gives whether it did. */
export function acceptThese(context, ids, { remember = null } = {}) {
  const { panels } = context;
  return panels.open(say("accept_title", { count: ids.length }), (close) => {
    const send = async ({ note, again: more }) => {
      await acceptNow(context, ids, { note });
      if (more) remember({ note });
      close(true);
    };
    return form([make("p", {}, say("accept_told")), noteField(), again(remember, ids.length)], say("accept_now", { count: ids.length }), send, { close });
  });
}

/** Shows names in full for a reason. They stand in the panel only, and are gone with it. */
export function revealThese(context, ids) {
  const { api, campaign, panels } = context;
  return panels.open(say("reveal_title", { count: ids.length }), (close) => {
    const place = make("div", {});
    const send = async ({ note }) => {
      const { pledges } = await api.post(ofCampaign(campaign, "pledges/reveal"), { ids, note });
      const rows = pledges.map((pledge) => [pledge.name ?? say("name_gone"), pledge.email ?? "", pledge.message ?? ""]);
      const gone = ids.length - pledges.length;
      place.replaceChildren(table(say("revealed"), [say("name"), say("email"), say("message")], rows), gone > 0 ? make("p", { class: "note" }, say("reveal_gone", { count: gone })) : "", make("div", { class: "actions" }, button(say("close"), () => close(true), { kind: "main" })));
      place.querySelector("button")?.focus();
    };
    place.append(form([make("p", {}, say("reveal_told")), noteField(say("reveal_why"))], say("reveal_now"), send, { close }));
    return place;
  });
}
