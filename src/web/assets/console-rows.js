// The pledges that were found, as rows with a tick each. The keyboard goes from tick to tick, so that a reader of screens
// hears whose it is and whether it is ticked, and a space does what it always does.

import { badge, button, facts, make } from "./console-parts.js";
import { country, moment, number, say } from "./console-texts.js";

const nameOf = (pledge) => pledge.review?.name || say(pledge.review ? "name_none" : "name_gone");

/** Buttons that narrow a search to what is like this one. */
function alike(pledge, narrow) {
  const ways = {
    source_tag: pledge.source_tag,
    domain_tag: pledge.domain_tag,
    shape_tag: pledge.shape_tag,
    name_tag: pledge.name_tag,
    partner: pledge.partner,
    country: pledge.country,
    removal: pledge.removal_id,
  };
  const known = Object.entries(ways).filter(([, value]) => value);
  return make("div", { class: "actions alike" }, known.map(([filter, value]) => button(say(`same_${filter}`), () => narrow({ [filter]: value }))));
}

function details(pledge, partners, narrow) {
  const consents = ["updates", "partner", "public"].filter((purpose) => pledge.consents[purpose]).map((purpose) => say(`consent_${purpose}`)).join(", ");
  return make("details", { class: "row-more" }, make("summary", {}, make("span", {}, say("details")), make("span", { class: "sr" }, say("details_of", { name: nameOf(pledge) }))),
    facts([
      [say("id"), make("code", { dir: "ltr" }, pledge.id)],
      [say("score"), say("score_told", { count: pledge.score })],
      [say("counted_at"), moment(pledge.counted_at)],
      [say("language"), pledge.language],
      [say("partner"), pledge.partner ? partners.get(pledge.partner) ?? pledge.partner : say("partner_ours")],
      [say("page_source"), pledge.source],
      [say("consents"), consents],
      [say("filter_source_tag"), pledge.source_tag],
      [say("filter_shape_tag"), pledge.shape_tag],
      [say("removal"), pledge.removal_id],
    ]),
    alike(pledge, narrow),
  );
}

function cellsOf(pledge, { partners, narrow }) {
  return [
    ["name", [make("span", { class: "masked" }, nameOf(pledge)), make("span", { class: "under", dir: "ltr" }, pledge.review?.email ?? "")]],
    ["state", badge(say(`state_${pledge.state}`), pledge.state)],
    ["country_label", country(pledge.country)],
    ["time", make("time", { datetime: pledge.created_at }, moment(pledge.created_at))],
    ["score", number(pledge.score)],
    ["signals", pledge.signals.map((signal) => [badge(say(`signal_${signal}`)), " "]).flat()],
    ["message", [pledge.review?.message ? make("p", { class: "said", dir: "auto" }, pledge.review.message) : null, details(pledge, partners, narrow)]],
  ];
}

function row(entry, label, cells, { selection, ticked, went }) {
  const box = make("input", { type: "checkbox", "aria-label": label, tabindex: "-1", props: { checked: selection.has(entry.id) } });
  box.addEventListener("click", (event) => ticked(entry.id, box.checked, event.shiftKey));
  box.addEventListener("focus", () => selection.goTo(entry.id));
  const nodes = cells.map(([head, content], index) => make(index === 0 ? "th" : "td", { role: index === 0 ? "rowheader" : "cell", scope: index === 0 ? "row" : null, "data-head": say(head) }, content));
  return make("tr", { role: "row", "data-id": entry.id, on: { click: () => went(entry.id) } }, make("td", { class: "tick-cell", role: "cell" }, box), nodes);
}

/** A table with a tick for each row: `cells(entry)` are pairs of a head and what stands below it, the first of which names the row. */
export function tickTable(caption, entries, { class: kind, cells, label, ...options }) {
  const rows = entries.map((entry) => [entry, cells(entry)]);
  const heads = (rows[0]?.[1] ?? []).map(([name]) => make("th", { scope: "col", role: "columnheader" }, say(name)));
  const all = make("input", { type: "checkbox", "aria-label": say("tick_page"), on: { click: () => options.tickedPage() } });
  const head = make("tr", { role: "row" }, make("th", { scope: "col", role: "columnheader", class: "tick-cell", "data-label": say("tick_page") }, all), heads);
  const body = rows.map(([entry, content]) => row(entry, label(entry), content, options));
  return make("table", { class: `console-table pledges ${kind}`, role: "table" }, make("caption", { class: "sr" }, caption), make("thead", { role: "rowgroup" }, head), make("tbody", { role: "rowgroup" }, body));
}

/** The table of a page. `ticked(id, on, range)` is called for each tick by mouse, space or touch. */
export function rowsTable(pledges, options) {
  const label = (pledge) => say("tick_row", { name: nameOf(pledge), country: country(pledge.country), state: say(`state_${pledge.state}`) });
  return tickTable(say("found_pledges"), pledges, { ...options, class: "found-table", label, cells: (pledge) => cellsOf(pledge, options) });
}

/** Shows in the table what is ticked and where the keyboard is; `focus` takes it there. */
export function mark(tableNode, selection, { focus = false } = {}) {
  for (const node of tableNode.querySelectorAll("tbody tr")) {
    const id = node.dataset.id;
    const box = node.querySelector(".tick-cell input");
    const isCurrent = id === selection.current;
    box.checked = selection.has(id);
    box.tabIndex = isCurrent ? 0 : -1;
    node.classList.toggle("current", isCurrent);
    node.classList.toggle("ticked", box.checked);
    if (isCurrent && focus) box.focus();
  }
  const page = tableNode.querySelector("thead input");
  page.checked = selection.isWholePage;
  page.indeterminate = selection.size > 0 && !page.checked;
}
