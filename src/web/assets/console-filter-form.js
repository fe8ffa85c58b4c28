// The form of a search: every filter that the API has, those that are used most in sight and the rest folded.

import { SIGNALS, STATES, fromInput, tidy, toInput } from "./console-filters.js";
import { button, field, form, input, make, select, tick } from "./console-parts.js";
import { country, say } from "./console-texts.js";

const TAG = "[0-9a-f]{16}";
const FOLDED = ["to", "language", "signals", "partner", "name", "text", "source_tag", "domain_tag", "shape_tag", "name_tag", "removal"];

function controls(partners) {
  const known = make("datalist", { id: "console-partners" }, [...partners].map(([id, name]) => make("option", { value: id }, name)));
  const tag = (name) => field(say(`filter_${name}`), input(name, { pattern: TAG, maxlength: 16, spellcheck: "false", dir: "ltr" }), say("filter_tag_hint"));
  const time = (name) => field(say(`filter_${name}`), input(name, { type: "datetime-local" }));
  return {
    first: [
      field(say("filter_state"), select("state", [["", say("any")], ...STATES.map((state) => [state, say(`state_${state}`)])])),
      field(say("filter_country"), input("country", { pattern: "[A-Za-z]{2}", maxlength: 2, autocapitalize: "characters" }), say("filter_country_hint")),
      time("from"),
      field(say("filter_score_from"), input("score_from", { type: "number", min: 0, max: 1000, step: 1, inputmode: "numeric" })),
      field(say("filter_domain"), input("domain", { maxlength: 253, spellcheck: "false", autocapitalize: "off", dir: "ltr" }), say("filter_domain_hint")),
    ],
    rest: [
      time("to"),
      field(say("filter_language"), input("language", { maxlength: 35, dir: "ltr" }), say("filter_language_hint")),
      field(say("filter_name"), input("name", { maxlength: 100 }), say("filter_name_hint")),
      field(say("filter_text"), input("text", { maxlength: 200 }), say("filter_text_hint")),
      [field(say("filter_partner"), input("partner", { list: known.id, spellcheck: "false", dir: "ltr" }), say("filter_partner_hint")), known],
      tag("source_tag"), tag("domain_tag"), tag("shape_tag"), tag("name_tag"),
      field(say("filter_removal"), input("removal", { spellcheck: "false", dir: "ltr" })),
    ].flat(),
  };
}

/** What the form says, as a filter. */
export function read(typed, signals) {
  return tidy({ ...typed, signals, from: fromInput(typed.from), to: fromInput(typed.to) });
}

/** The filter in words, one for each part: what is searched for must be readable at a glance. */
export function inWords(filter, partners = new Map()) {
  const time = (value) => value.replace("T", " ").replace("Z", "");
  const words = {
    state: (value) => say(`state_${value}`),
    country,
    signals: (value) => value.map((signal) => say(`signal_${signal}`)).join(say("or")),
    partner: (value) => partners.get(value) ?? value,
    from: time,
    to: time,
  };
  return Object.entries(tidy(filter)).map(([name, value]) => [name, say("filter_is", { filter: say(`filter_${name}`), value: words[name] ? words[name](value) : `${value}` })]);
}

/** The form, filled with a filter; `search` gets the filter that was asked for, `clear` is called when none is; `others` stand beside. */
export function filterForm(filter, partners, { search, clear: emptied, others = [] }) {
  const { first, rest } = controls(partners);
  const signals = make("fieldset", { class: "signals" }, make("legend", {}, say("filter_signals")), make("p", { class: "hint" }, say("filter_signals_hint")), SIGNALS.map((signal) => tick("signal", say(`signal_${signal}`), { value: signal })));
  const more = make("details", {}, make("summary", {}, say("filter_more")), make("div", { class: "filters" }, rest), signals);
  const clear = button(say("filter_clear"), () => emptied());
  const chosen = () => [...signals.querySelectorAll("input:checked")].map((box) => box.value);
  const node = form([make("div", { class: "filters first" }, first), more], say("search"), ({ signal: _, ...typed }) => search(read(typed, chosen())), { cancel: [clear, ...others], role: "search", "aria-label": say("search_pledges") });
  const values = tidy(filter);
  for (const [name, value] of Object.entries(values)) {
    const control = node.elements[name];
    if (control && name !== "signals") control.value = ["from", "to"].includes(name) ? toInput(value) : value;
  }
  for (const box of signals.querySelectorAll("input")) box.checked = (values.signals ?? []).includes(box.value);
  more.open = FOLDED.some((name) => name in values);
  return node;
}
