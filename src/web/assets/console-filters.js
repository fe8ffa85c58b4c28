// What is searched for: the filter as the form has it, as the API takes it, and as the address of the page says it. Names, domains
// and texts never stand in an address: they would stay in the browser's history.

/** Every filter of a search, in the order of the form. */
export const FILTERS = ["state", "country", "from", "to", "language", "score_from", "signals", "partner", "name", "domain", "text", "source_tag", "domain_tag", "shape_tag", "name_tag", "removal"];

/** What must not stand in an address. */
const PRIVATE = ["name", "domain", "text"];

export const STATES = ["counted", "held", "awaiting", "removed", "withdrawn"];

/** Every signal that a row can have (src/gate/signals/bits.rs). */
export const SIGNALS = [
  "link_in_name", "honeypot", "gibberish_name", "too_fast", "many_from_country", "mixed_scripts", "disposable_mailbox", "link_in_message", "flooding_source",
  "name_is_mailbox", "no_proof", "busy_source", "name_repeats_itself", "switch", "unreviewed", "under_20_seconds", "under_40_seconds", "over_80_seconds", "with_message",
  "wave_shape", "wave_pace", "wave_name", "wave_unconfirmed", "wave_source", "wave_domain", "wave_country", "wave_time", "wave_partner", "allowed", "blocked", "accepted",
];

export const REASONS = ["spam", "bot", "duplicate", "abuse", "test", "other"];

/** A moment in UTC as `<input type=datetime-local>` has it, and back. */
export const toInput = (moment) => (moment ? moment.slice(0, 16) : "");
export const fromInput = (value) => (value ? `${value.length === 16 ? `${value}:00` : value}Z` : "");

/** The filter without what is empty; signals as a list. */
export function tidy(filter) {
  const tidied = {};
  for (const name of FILTERS) {
    const value = filter[name];
    if (name === "signals") {
      const signals = (Array.isArray(value) ? value : `${value ?? ""}`.split(",")).map((signal) => signal.trim()).filter(Boolean);
      if (signals.length > 0) tidied.signals = signals;
    } else if (name === "score_from") {
      const score = Number.parseInt(value, 10);
      if (score > 0) tidied.score_from = score;
    } else {
      const text = `${value ?? ""}`.trim();
      if (text) tidied[name] = name === "country" ? text.toUpperCase() : text;
    }
  }
  return tidied;
}

/** Whether anything at all is asked; a removal of everything is nobody's wish. */
export const isEmpty = (filter) => Object.keys(tidy(filter)).length === 0;

/** Whether a search finds all that another does: it is the same, of no less time. */
export function covers(search, other) {
  const [{ from, to, ...rest }, { from: first, to: last, ...others }] = [tidy(search), tidy(other)];
  return JSON.stringify(rest) === JSON.stringify(others) && (!from || Date.parse(from) <= Date.parse(first)) && (!to || Date.parse(to) >= Date.parse(last));
}

/** A search with more to it. What one looks for is either a name or a tag of one, and so with domains: the newer one stays. */
export function narrower(filter, more) {
  const { name, domain, ...rest } = tidy(filter);
  return { ...rest, ...(name && !more.name_tag ? { name } : {}), ...(domain && !more.domain_tag ? { domain } : {}), ...more };
}

/** The body that asks for a page of a search. */
export const question = (filter, { limit = 50, cursor = null } = {}) => ({ ...tidy(filter), limit, ...(cursor ? { cursor } : {}) });

/** The filter as a part of an address. */
export function toQuery(filter) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(tidy(filter))) if (!PRIVATE.includes(name)) query.set(name, Array.isArray(value) ? value.join(",") : value);
  return query.toString();
}

/** And back; what is no filter is left out. */
export const fromQuery = (query) => tidy(Object.fromEntries([...new URLSearchParams(query)].filter(([name]) => FILTERS.includes(name) && !PRIVATE.includes(name))));

/** Where in the console an address leads: `#/c/{campaign}/{screen}?…`, `#/{screen}`, or `#invite=…` for a one-time link. */
export function readHash(hash) {
  const text = hash.replace(/^#/, "");
  if (text.startsWith("invite=")) return { invite: text.slice("invite=".length) };
  const [path, query = ""] = text.split("?");
  const parts = path.split("/").filter(Boolean).map((part) => {
    try {
      return decodeURIComponent(part);
    } catch {
      return "";
    }
  });
  if (parts[0] === "c") return { campaign: parts[1] ?? "", screen: parts[2] ?? "search", query };
  return { screen: parts[0] ?? "", query };
}

export const hashOf = ({ campaign, screen, query = "" }) => `#/${campaign ? `c/${encodeURIComponent(campaign)}/` : ""}${screen}${query ? `?${query}` : ""}`;
