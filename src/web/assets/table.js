// The table beside the map: every country with its number, sorted and searched as one likes, kept fresh in place.

import { adopt, countsOf, make, newSheet, speaker, write } from "./drawing.js";

const RULES = `
.map-table{position:relative}
.map-table table{width:100%;border-collapse:collapse;overflow-anchor:none}
.map-table :is(th,td){padding:.35em 0;border-bottom:1px solid #8885;text-align:start;vertical-align:baseline;font-weight:inherit}
.map-table tbody tr:hover{background:#8882}
.map-table td,.map-table th+th{text-align:end;font-variant-numeric:tabular-nums;padding-inline-start:1em}
.map-table button{min-height:1.9rem;padding:0;border:0;background:none;color:inherit;font:inherit;font-weight:700;white-space:nowrap;cursor:pointer}
.map-table button::after{content:"↕";content:"↕"/"";margin-inline-start:.4em;opacity:.6}
.map-table [aria-sort=ascending] button::after{content:"↑";content:"↑"/"";opacity:1}
.map-table [aria-sort=descending] button::after{content:"↓";content:"↓"/"";opacity:1}
.map-table small{display:block;max-width:34em}
.map-table input{display:block;width:100%;min-height:2.75rem;margin:.2em 0 .4em;padding:.4em .7em;box-sizing:border-box;border:1px solid #767676;border-radius:8px;background:transparent;color:inherit;font:inherit;font-weight:400}
.map-fold{margin-top:.6em}
.map-fold summary{width:fit-content;padding:.4em 0;font-weight:600;cursor:pointer}
.map-table caption,.map-hidden{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}`;

/** The style sheet of the table; drawing adopts it. */
export const sheet = newSheet(RULES);

/** For searching: without accents and capitals. */
const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

/** Two heads that sort; `sorted()` is called after a press, `compare` orders rows as they say now. */
function drawHeads(say, sorted) {
  const collator = new Intl.Collator(say.locale);
  let by = "count", falling = true;
  const heads = [["name", "countries_country"], ["count", "countries_count"]].map(([key, text]) => {
    const button = make("button", { type: "button" }, say.text(text));
    const head = make("th", { scope: "col" }, button);
    button.addEventListener("click", () => {
      [falling, by] = [by === key ? !falling : key === "count", key];
      mark();
      sorted();
    });
    return [key, head];
  });
  function mark() {
    for (const [key, head] of heads) {
      if (key === by) head.setAttribute("aria-sort", falling ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    }
  }
  function compare(one, other) {
    const names = collator.compare(one.name, other.name);
    const order = by === "name" ? names : one.count - other.count;
    return (falling ? -order : order) || names;
  }
  mark();
  return { row: make("tr", {}, ...heads.map(([, head]) => head)), compare };
}

/** A field that asks for a part of a name; `filter(text)` gives how many it found. */
function drawSearch(say, filter) {
  const found = make("p", { role: "status", class: "map-hidden" });
  const input = make("input", { type: "search", autocomplete: "off", spellcheck: "false" });
  input.addEventListener("input", () => {
    const text = plain(input.value.trim());
    const count = filter(text);
    write(found, text === "" ? "" : say.text("table_found", { count: say.number(count) }));
  });
  return [make("label", {}, say.text("table_search"), input), found];
}

/** The last row: what no country shows, and why. */
function drawElsewhere(say) {
  const why = make("small");
  const cell = make("td");
  const row = make("tr", {}, make("th", { scope: "row" }, say.text("countries_elsewhere"), why), cell);
  function show(totals) {
    row.hidden = !(totals?.elsewhere > 0);
    write(cell, say.number(totals?.elsewhere ?? 0));
    write(why, say.elsewhere(totals));
  }
  return { row, show };
}

/**
 * Draws the table into `host`; `show(totals)` fills it. Options besides those of the map: `world` for its names,
 * `search`, `folded` until somebody wants to see it, `onPoint(code or null)` for a row under the pointer.
 */
export function drawTable(host, options) {
  adopt(host, sheet, RULES);
  const say = speaker(options);
  const rows = new Map();
  let wanted = "";
  const body = make("tbody");
  const heads = drawHeads(say, arrange);
  const elsewhere = drawElsewhere(say);
  const caption = make("caption", {}, say.text("countries_caption"));
  const table = make("table", {}, caption, make("thead", {}, heads.row), body, make("tfoot", {}, elsewhere.row));
  const search = options.search ? drawSearch(say, filter) : [];
  const box = make("div", { class: "map-table", dir: options.direction, lang: say.locale }, ...search, table);
  const spoken = { class: "map-fold", dir: options.direction, lang: say.locale };
  host.replaceChildren(options.folded ? make("details", spoken, make("summary", {}, say.text("countries_more")), box) : box);

  if (options.onPoint) {
    body.addEventListener("pointerover", ({ target }) => options.onPoint(target.closest("tr")?.dataset.code ?? null));
    body.addEventListener("pointerleave", () => options.onPoint(null));
  }

  function filter(text) {
    wanted = text;
    for (const { node, key } of rows.values()) node.hidden = !key.includes(wanted);
    return [...rows.values()].filter(({ node }) => !node.hidden).length;
  }

  // Only rows that stand wrong are moved, so that nothing else jumps.
  function arrange() {
    let next = body.firstChild;
    for (const { node } of [...rows.values()].sort(heads.compare)) {
      if (node === next) next = next.nextSibling;
      else body.insertBefore(node, next);
    }
  }

  function add(code) {
    const name = say.name(code);
    const cell = make("td");
    const node = make("tr", { "data-code": code }, make("th", { scope: "row" }, make("bdi", {}, name)), cell);
    rows.set(code, { node, cell, name, key: plain(`${name} ${code}`), count: 0 });
  }

  function show(totals) {
    const counts = countsOf(totals);
    for (const [code, { node }] of rows) {
      if (counts.has(code)) continue;
      node.remove();
      rows.delete(code);
    }
    for (const [code, count] of counts) {
      if (!rows.has(code)) add(code);
      const row = rows.get(code);
      row.count = count;
      write(row.cell, say.number(count));
    }
    arrange();
    filter(wanted);
    elsewhere.show(totals);
  }

  show(null);
  return { show };
}
