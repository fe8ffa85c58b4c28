// Map and table as partners' pages have them, with what the numbers leave out said between the two: no dashboard is
// there to explain it.

import { make, speaker, write } from "./drawing.js";
import { drawMap, drawTable } from "./map.js";

function drawExplanation(options) {
  const say = speaker(options);
  const rounded = make("p", { class: "map-note" }, say.text("countries_note"));
  const count = make("b");
  const why = make("span");
  const elsewhere = make("p", { class: "map-note" }, count, " ", why);
  function show(totals) {
    rounded.hidden = !(totals?.threshold > 1);
    elsewhere.hidden = !(totals?.elsewhere > 0);
    write(count, say.text("map_place", { name: say.text("countries_elsewhere"), count: say.number(totals?.elsewhere ?? 0) }));
    write(why, say.elsewhere(totals));
  }
  return { notes: [rounded, elsewhere], show };
}

/** Options as those of the map; `table` is `null` for one that is folded, "none" for none. */
export function drawAtlas(host, { table, ...options }) {
  const part = (name) => {
    const made = make("div", { part: name });
    host.append(made);
    return made;
  };
  const alone = table === "none";
  const { notes, show } = drawExplanation(options);
  const views = [{ show }, drawMap(part("map"), options.world, { ...options, alone, notes })];
  if (!alone) views.push(drawTable(part("table"), { ...options, folded: table === null }));
  return { show: (totals) => views.forEach((view) => view.show(totals)) };
}
