// The map of the world: shows a totals document, again and again, in a page or a shadow root. A host chooses colours
// by --map-0 (no number) to --map-5 (most), --map-sea, --map-line and --map-ink; the defaults grow lighter or darker
// step by step, so that they are told apart without telling hues apart.

import { adopt, countsOf, make, newSheet, speaker } from "./drawing.js";

export { drawTable } from "./table.js";

const COLOURS = {
  0: ["#e6e0dd", "#413440"],
  1: ["#fbbe91", "#7d3c69"],
  2: ["#f5936f", "#b04272"],
  3: ["#d9526f", "#e0647a"],
  4: ["#9e2367", "#f6a27c"],
  5: ["#4d123f", "#ffe3b3"],
  sea: ["#f3f6f9", "#1a1319"],
  line: ["#fff", "#1a1319"],
  ink: ["#24121d", "#fff"],
};
const colours = (write) => Object.entries(COLOURS).map(([name, pair]) => `--own-${name}:${write(...pair)};`).join("");
const colour = (name) => `var(--map-${name},var(--own-${name}))`;

const RULES = `
.map{${colours((light) => light)}position:relative;font:inherit;line-height:1.4}
@media(prefers-color-scheme:dark){.map{${colours((_, dark) => dark)}}}
@supports(color:light-dark(red,red)){.map{${colours((light, dark) => `light-dark(${light},${dark})`)}}}
${[0, 1, 2, 3, 4, 5].map((step) => `.map [data-step="${step}"]{color:${colour(step)}}`).join("")}
.map-frame{position:relative;container-type:inline-size}
.map svg{display:block;width:100%;height:auto;background:${colour("sea")};border-radius:8px;forced-color-adjust:none}
.map path{fill:currentColor;stroke:${colour("line")};stroke-width:.5px;stroke-width:clamp(.4px,.05cqi,2px);stroke-linejoin:round;stroke-linecap:round;vector-effect:non-scaling-stroke}
.map .map-dot{stroke:currentColor;stroke-width:4px;stroke-width:clamp(3.5px,.6cqi,18px)}
.map .map-dot[data-step="0"]{stroke-width:2px}
.map .map-halo{stroke-width:6px;stroke-width:calc(clamp(3.5px,.6cqi,18px) + 2px)}
.map .map-dotted{fill:none;stroke:${colour("ink")};stroke-width:1px;stroke-dasharray:.1px 2.5px;stroke-width:clamp(.9px,.1cqi,3px);stroke-dasharray:.1px clamp(2.2px,.22cqi,7px)}
.map :is(.map-halo,.map-dotted,.map-on){pointer-events:none}
.map .map-on{fill:none;stroke:${colour("ink")};stroke-width:1.5px;stroke-width:clamp(1.3px,.13cqi,4px)}
.map .map-on.at-dot{stroke-width:calc(clamp(3.5px,.6cqi,18px) + 5px)}
.map-tip{position:absolute;max-width:min(18em,100%);padding:.3em .7em;border-radius:6px;background:CanvasText;color:Canvas;font-size:.9rem;pointer-events:none;width:max-content;border:1px solid Canvas;box-sizing:border-box}
.map-tip small{display:block}
.map ul{display:flex;flex-wrap:wrap;gap:.2em 1.1em;margin:.6em 0 0;padding:0;list-style:none;font-size:.875rem}
.map li{display:flex;align-items:center;gap:.45em;margin:0}
.map i{width:1.1em;height:1.1em;border-radius:3px;background:currentColor;border:1px solid #8886;box-sizing:border-box;forced-color-adjust:none}
.map i.map-dots{width:1.7em;background:none;height:0;border:0;border-top:3px dotted ${colour("ink")};border-radius:0}
.map-note{margin:.6em 0 0;font-size:.8125rem}
@media(prefers-reduced-motion:no-preference){.map path{transition:color .6s}}`;

/** The style sheet of the map; drawing adopts it. */
export const sheet = newSheet(RULES);

/**
 * The lowest numbers of at most five classes. Each lies halfway (by size) between a fifth of the countries and a
 * fifth of the way from smallest to largest, rounded to 1, 2 or 5 and zeros: one giant empties no class, and no
 * class mixes tens with millions. Classes without a country are left out.
 */
export function classBounds(counts) {
  const sorted = [...counts].filter((count) => count > 0).sort((one, other) => one - other);
  if (sorted.length === 0) return [];
  const [least, most] = [sorted[0], sorted[sorted.length - 1]];
  const bounds = [round(least, least)];
  for (const fifth of [1, 2, 3, 4]) {
    const share = sorted[Math.floor((fifth * sorted.length) / 5)];
    bounds.push(round(Math.sqrt(share * least * (most / least) ** (fifth / 5)), most));
  }
  const rising = bounds.filter((bound, place) => place === 0 || bound > Math.max(...bounds.slice(0, place)));
  return rising.filter((bound, place) => sorted.some((count) => count >= bound && !(count >= rising[place + 1])));
}

// The nearest 1, 2 or 5 with zeros that is not above `limit`.
function round(value, limit) {
  const ten = 10 ** Math.floor(Math.log10(value));
  const choices = [1, 2, 5, 10].map((digit) => digit * ten).filter((choice) => choice <= limit);
  const far = (choice) => Math.abs(Math.log(choice / value));
  return choices.reduce((best, choice) => (far(choice) < far(best) ? choice : best));
}

/** Which colour, 0 to 5, a count has: few classes still reach from the lightest to the darkest. */
export function stepOf(count, bounds) {
  const place = bounds.filter((bound) => count >= bound).length - 1;
  if (!(count > 0) || place < 0) return 0;
  return bounds.length === 1 ? 4 : Math.round(1 + (place * 4) / (bounds.length - 1));
}

const dot = ([x, y]) => `M${x} ${y}h0`;

function drawShapes(world) {
  const parts = new Map();
  const place = (code, attributes) => {
    const path = make("path", { ...attributes, "data-code": code, "data-step": 0 });
    parts.set(code, [...(parts.get(code) ?? []), path]);
    return path;
  };
  const halo = make("path", { class: "map-halo" });
  const mark = make("path", { class: "map-on" });
  const svg = make(
    "svg",
    { viewBox: `0 0 ${world.width} ${world.height}`, "aria-hidden": "true" },
    ...Object.entries(world.shapes).map(([code, d]) => place(code, { d })),
    make("path", { d: world.neutral, "data-step": 0 }),
    make("path", { d: world.dotted, class: "map-dotted" }),
    halo,
    mark,
    ...Object.entries(world.dots).map(([code, point]) => place(code, { d: dot(point), class: "map-dot" })),
  );
  return { svg, parts, halo, mark };
}

/** Marks a place and says its name and number beside it; `words(code)` is what is said. */
function pointer(world, { svg, parts, mark }, tip, words) {
  let pointed = null;

  function point(code, x, y) {
    pointed = parts.has(code) ? code : null;
    tip.hidden = pointed === null;
    document.removeEventListener("keydown", dismiss);
    if (pointed === null) return mark.setAttribute("d", "");
    document.addEventListener("keydown", dismiss);
    describe();
    const outline = parts.get(code)[0].getAttribute("d");
    if (x === undefined) [x, y] = middle(outline);
    mark.setAttribute("d", outline);
    mark.classList.toggle("at-dot", !world.shapes[code]);
    const left = Math.min(x - tip.offsetWidth / 2, svg.clientWidth - tip.offsetWidth);
    const above = y - tip.offsetHeight - 12;
    tip.style.left = `${Math.max(0, left)}px`;
    tip.style.top = `${above < 0 ? y + 16 : above}px`;
  }

  // Of the largest part, which stands first: islands may lie at the other edge of the map.
  function middle(outline) {
    mark.setAttribute("d", outline.split("z")[0]);
    const { x, y, width, height } = mark.getBBox();
    const scale = svg.clientWidth / world.width;
    return [(x + width / 2) * scale, (y + height / 2) * scale];
  }

  function describe() {
    if (pointed === null) return;
    const [line, note] = words(pointed);
    if (tip.dataset.says !== line) tip.replaceChildren(line, ...(note ? [make("small", {}, note)] : []));
    tip.dataset.says = line;
  }

  function dismiss(event) {
    if (event.key === "Escape") point(null);
  }

  // Dots are smaller than a finger: the nearest one within reach is meant.
  function follow(event) {
    const box = svg.getBoundingClientRect();
    const scale = box.width / world.width;
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    let code = event.target.dataset?.code;
    let reach = code ? 7 : 14;
    for (const [near, [dotX, dotY]] of Object.entries(world.dots)) {
      const distance = Math.hypot(dotX * scale - x, dotY * scale - y);
      if (distance < reach) [code, reach] = [near, distance];
    }
    point(code, x, y);
  }

  return { point, describe, follow, pointed: () => pointed };
}

/** Lets fingers, mice and keys choose a place; keys go from most to fewest. */
function listen(frame, { point, follow, pointed }, ranked) {
  frame.addEventListener("pointermove", follow);
  frame.addEventListener("pointerdown", follow);
  frame.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && point(null));
  frame.addEventListener("focus", () => frame.matches(":focus-visible") && point(ranked()[0]));
  frame.addEventListener("blur", () => point(null));
  frame.addEventListener("keydown", (event) => {
    const codes = ranked();
    const at = codes.indexOf(pointed());
    const next = { ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0, End: -1 }[event.key];
    if (next === undefined || codes.length === 0) return;
    event.preventDefault();
    point(codes[(next + codes.length) % codes.length]);
  });
}

function explain(legend, bounds, say) {
  if (legend.dataset.bounds === bounds.join()) return;
  legend.dataset.bounds = bounds.join();
  const items = bounds.map((from, place) => {
    const last = bounds[place + 1] - 1;
    const key = Number.isNaN(last) ? "map_from" : "map_range";
    const text = last === from ? say.number(from) : say.text(key, { from: say.number(from), to: say.number(last) });
    return make("li", {}, make("i", { "data-step": stepOf(from, bounds) }), text);
  });
  const none = make("li", {}, make("i", { "data-step": 0 }), say.text("map_none"));
  const dotted = make("li", {}, make("i", { class: "map-dots" }), say.text("map_dotted"));
  legend.replaceChildren(none, ...items, dotted);
}

/**
 * Draws the map into `host`; `show(totals)` colours it, `point(code)` marks a place, or none. `world` is world.json;
 * `language` a BCP 47 tag, `direction` ltr or rtl, `texts` are those of lang/; `alone` where no table stands beside it, `notes` stand before that about borders.
 */
export function drawMap(host, world, options) {
  adopt(host, sheet, RULES);
  const say = speaker({ ...options, world });
  const drawn = drawShapes(world);
  const { direction } = options;
  const tip = make("div", { class: "map-tip", dir: direction });
  const frame = make("div", { class: "map-frame", role: "img", tabindex: "0", dir: "ltr" }, drawn.svg, tip);
  const legend = make("ul", { "aria-label": say.text("map_legend") });
  const note = make("p", { class: "map-note" }, say.text("map_note"));
  host.replaceChildren(make("div", { class: "map", dir: direction, lang: say.locale }, frame, legend, ...(options.notes ?? []), note));

  let counts = new Map();
  const byCount = () => [...counts].sort(([, one], [, other]) => other - one);
  const words = (code) => [say.place(code, counts.get(code)), say.note(code)];
  const hand = pointer(world, drawn, tip, words);
  listen(frame, hand, () => byCount().map(([code]) => code).filter((code) => drawn.parts.has(code)));

  function show(totals) {
    counts = countsOf(totals);
    const bounds = classBounds([...counts].filter(([code]) => drawn.parts.has(code)).map(([, count]) => count));
    for (const [code, paths] of drawn.parts) {
      const step = String(stepOf(counts.get(code), bounds));
      for (const path of paths) if (path.dataset.step !== step) path.dataset.step = step;
    }
    const full = Object.entries(world.dots).filter(([code]) => counts.has(code));
    drawn.halo.setAttribute("d", full.map(([, point]) => dot(point)).join(""));
    explain(legend, bounds, say);
    const first = byCount().slice(0, 3).map(([code, count]) => say.place(code, count));
    const label = say.text(first.length > 0 ? "map_label" : "map_label_empty", { top: say.list(first) });
    const isInTable = first.length > 0 && !options.alone;
    frame.setAttribute("aria-label", isInTable ? `${label} ${say.text("map_label_table")}` : label);
    hand.describe();
  }

  hand.point(null);
  show(null);
  return { show, point: hand.point };
}
