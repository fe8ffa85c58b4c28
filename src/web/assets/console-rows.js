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

function row(pledge, { selection, partners, narrow, ticked }) {
  const label = say("tick_row", { name: nameOf(pledge), country: country(pledge.country), state: say(`state_${pledge.state}`) });
  const box = make("input", { type: "checkbox", "aria-label": label, tabindex: "-1", props: { checked: selection.has(pledge.id) } });
  box.addEventListener("click", (event) => ticked(pledge.id, box.checked, event.shiftKey));
  box.addEventListener("focus", () => selection.goTo(pledge.id));
  const cells = [
    ["name", make("th", { role: "rowheader", scope: "row" }, make("span", { class: "masked" }, nameOf(pledge)), make("span", { class: "under", dir: "ltr" }, pledge.review?.email ?? ""))],
    ["state", make("td", { role: "cell" }, badge(say(`state_${pledge.state}`), pledge.state))],
    ["country_label", make("td", { role: "cell" }, country(pledge.country))],
    ["time", make("td", { role: "cell" }, make("time", { datetime: pledge.created_at }, moment(pledge.created_at)))],
    ["score", make("td", { role: "cell" }, number(pledge.score))],
    ["signals", make("td", { role: "cell" }, pledge.signals.map((signal) => [badge(say(`signal_${signal}`)), " "]).flat())],
    ["message", make("td", { role: "cell" }, pledge.review?.message ? make("p", { class: "said", dir: "auto" }, pledge.review.message) : null, details(pledge, partners, narrow))],
  ];
  for (const [head, cell] of cells) cell.setAttribute("data-head", say(head));
  return make("tr", { role: "row", "data-id": pledge.id }, make("td", { class: "tick-cell", role: "cell" }, box), cells.map(([, cell]) => cell));
}

const HEADS = ["name", "state", "country_label", "time", "score", "signals", "message"];

/** The table of a page. `ticked(id, on, range)` is called for each tick by mouse, space or touch. */
export function rowsTable(pledges, options) {
  const all = make("input", { type: "checkbox", "aria-label": say("tick_page"), on: { click: () => options.tickedPage() } });
  const head = make("tr", { role: "row" }, make("th", { scope: "col", role: "columnheader", class: "tick-cell" }, all), HEADS.map((name) => make("th", { scope: "col", role: "columnheader" }, say(name))));
  return make("table", { class: "console-table pledges", role: "table" }, make("caption", { class: "sr" }, say("found_pledges")), make("thead", { role: "rowgroup" }, head), make("tbody", { role: "rowgroup" }, pledges.map((pledge) => row(pledge, options))));
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
