// What the map and its table do with totals, tried on a stand-in for a browser's DOM.

import assert from "node:assert/strict";
import { test } from "node:test";

import { newHost } from "./dom.mjs";
import { codes, json, languages, world } from "./files.mjs";

const { drawAtlas } = await import("../../src/web/assets/atlas.js");
const { classBounds, drawMap, drawTable, sheet, stepOf } = await import("../../src/web/assets/map.js");

const optionsOf = (language) => ({ language, direction: language === "ar" ? "rtl" : "ltr", texts: json(`lang/${language}.json`), world });
const totalsOf = (counts, rest = {}) => ({
  total: 1000,
  elsewhere: 12,
  threshold: 5,
  countries: Object.entries(counts).map(([country, count]) => ({ country, count })),
  ...rest,
});
const byClass = (host, name) => host.find((node) => node.attributes.class === name)[0];
const stepsOf = (host, code) => host.find((node) => node.dataset.code === code && node.tag === "path").map((node) => node.dataset.step);
const rowsOf = (host) => host.find((node) => node.tag === "tr" && node.dataset.code);
const shownNames = (host) => rowsOf(host).filter((row) => !row.hidden).map((row) => row.children[0].textContent);

test("skewed counts fall into classes that people can read", () => {
  const giant = [1_000_000, ...Array.from({ length: 30 }, (_, place) => 5 + 5 * (place % 10))];
  for (const counts of [giant, Array.from({ length: 250 }, (_, place) => Math.ceil(60_000 / (place + 1) ** 1.7)), [3, 3, 3, 4, 4, 900]]) {
    const bounds = classBounds(counts);
    assert(bounds.length >= 2 && bounds.length <= 5, String(bounds));
    assert.deepEqual(bounds, [...bounds].sort((one, other) => one - other));
    for (const bound of bounds) assert.match(String(bound), /^[125]0*$/);
    const steps = counts.map((count) => stepOf(count, bounds));
    assert(Math.min(...steps) >= 1 && Math.max(...steps) === 5, "from something to the most");
    for (const bound of bounds) assert(counts.some((count) => stepOf(count, bounds) === stepOf(bound, bounds)), "no class is empty");
    const most = Math.max(...bounds.map((bound) => counts.filter((count) => stepOf(count, bounds) === stepOf(bound, bounds)).length));
    if (counts.length > 10) assert(most <= counts.length * 0.7, `not nearly all in one class: ${bounds}`);
  }
});

test("few countries, equal ones and none are no trouble", () => {
  assert.deepEqual(classBounds([]), []);
  assert.deepEqual(classBounds([0, -3, Number.NaN]), []);
  assert.deepEqual(classBounds([7]), [5]);
  assert.deepEqual(classBounds([20, 20, 20]), [20]);
  assert.equal(stepOf(7, [5]), 4);
  for (const [count, bounds] of [[0, [5]], [undefined, [5]], [7, []], [Number.NaN, [5]]]) assert.equal(stepOf(count, bounds), 0);
});

test("colours grow darker (or, at night, lighter) step by step, told apart without hues", () => {
  const light = (hex) => {
    const channels = hex.match(/[0-9a-f]{2}/gi).map((pair) => Number.parseInt(pair, 16) / 255);
    const [red, green, blue] = channels.map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const pairs = [0, 1, 2, 3, 4, 5].map((step) => sheet.rules.match(new RegExp(`--own-${step}:light-dark\\((#\\w{6}),(#\\w{6})\\)`)).slice(1).map(light));
  const contrast = (one, other) => (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
  for (let step = 1; step <= 5; step += 1) {
    assert(pairs[step][0] < pairs[step - 1][0] && pairs[step][1] > pairs[step - 1][1]);
    for (const theme of [0, 1]) assert(contrast(pairs[step][theme], pairs[step - 1][theme]) >= 1.22, `step ${step}, theme ${theme}`);
  }
});

test("the map colours what it knows and bears what it doesn't", () => {
  const host = newHost();
  const map = drawMap(host, world, optionsOf("en"));
  map.show(totalsOf({ DE: 50_000, MT: 20, LU: 300, QQ: 7, "<b>": 9, AQ: 40, FR: 0 }));
  assert.deepEqual(stepsOf(host, "DE"), ["5"]);
  assert.equal(new Set(stepsOf(host, "LU")).size, 1, "shape and dot of one place agree");
  assert.deepEqual(stepsOf(host, "FR"), ["0"]);
  assert.match(byClass(host, "map-frame").attributes["aria-label"], /Germany: 50,000/);
  assert.equal(host.find((node) => node.tag === "li").length, 3 + 2, "a legend of three classes, none, and dotted borders");
  map.show(totalsOf({ FR: 10 }));
  assert.deepEqual(stepsOf(host, "DE"), ["0"]);
  for (const totals of [null, {}, totalsOf({})]) map.show(totals);
  assert.match(byClass(host, "map-frame").attributes["aria-label"], /No country/);
});

test("a place says its name and number, under a pointer, by keys, and no longer after Escape", () => {
  const host = newHost();
  const map = drawMap(host, world, optionsOf("fr"));
  map.show(totalsOf({ DE: 1234, FR: 99, FK: 5 }));
  const [frame, tip] = [byClass(host, "map-frame"), byClass(host, "map-tip")];
  assert.equal(tip.hidden, true);
  frame.fire("focus");
  assert.equal(tip.textContent, "Allemagne\u00a0: 1\u202f234");
  frame.fire("keydown", { key: "ArrowRight" });
  assert.match(tip.textContent, /^France/);
  frame.fire("keydown", { key: "End" });
  assert.match(tip.textContent, /Malvinas.*Royaume-Uni/);
  document.fire("keydown", { key: "Escape" });
  assert.equal(tip.hidden, true);
  const [x, y] = world.dots.MT.map((value) => (value * 1600) / world.width);
  frame.fire("pointermove", { clientX: x + 6, clientY: y });
  assert.match(tip.textContent, /^Malte.*Aucun nombre/);
  map.show(totalsOf({ MT: 15 }));
  assert.match(tip.textContent, /15$/, "the number under the pointer is the newest");
  for (const code of ["QQ", null, undefined, "AQ"]) map.point(code);
  assert.equal(tip.hidden, true);
});

test("a shadow root gets the style sheet once, and the page too", () => {
  const host = newHost({ shadow: true });
  for (const time of [1, 2]) drawMap(host, world, { ...optionsOf("en"), time });
  assert.deepEqual(host.getRootNode().adoptedStyleSheets, [sheet]);
  drawMap(newHost(), world, optionsOf("en"));
  assert.equal(document.adoptedStyleSheets.filter((adopted) => adopted === sheet).length, 1);
});

test("the table sorts by count and by name, in the order of the language", () => {
  const host = newHost();
  const table = drawTable(host, optionsOf("es"));
  table.show(totalsOf({ ES: 10, ÑÑ: 3, DE: 30, ZW: 20, AX: 10 }));
  assert.deepEqual(shownNames(host).slice(0, 3), ["Alemania", "Zimbabue", "España"]);
  const [name, count] = host.find((node) => node.tag === "th" && node.attributes.scope === "col");
  assert.equal(count.attributes["aria-sort"], "descending");
  name.children[0].fire("click");
  assert.equal(name.attributes["aria-sort"], "ascending");
  assert.equal(count.attributes["aria-sort"], undefined);
  assert.equal(shownNames(host)[0], "Alemania");
  name.children[0].fire("click");
  assert.equal(shownNames(host)[0], "ÑÑ".localeCompare("Zimbabue", "es") > 0 ? "ÑÑ" : "Zimbabue");
});

test("the table of every country is kept fresh in place", () => {
  const host = newHost();
  const table = drawTable(host, optionsOf("en"));
  const counts = Object.fromEntries(codes.map((code, place) => [code, 10_000 - 20 * place]));
  table.show(totalsOf(counts));
  const before = rowsOf(host);
  assert.equal(before.length, codes.length);
  for (const row of before) row.moves = 0;
  const parent = before[0].parent;
  parent.moves = 0;
  table.show(totalsOf({ ...counts, [codes[100]]: counts[codes[100]] + 5 }));
  assert.deepEqual(new Set(rowsOf(host)), new Set(before), "the same rows");
  assert.equal(parent.moves, 0, "none of them moved");
  table.show(totalsOf({ ...counts, [codes[100]]: counts[codes[100]] + 30 }));
  assert(parent.moves <= 2, `${parent.moves} rows moved for one overtaking`);
  table.show(totalsOf({ FR: 5 }));
  assert.deepEqual(shownNames(host), ["France"]);
});

test("the table is searched without accents, and says how many it found", () => {
  const host = newHost();
  const table = drawTable(host, { ...optionsOf("fr"), search: true });
  table.show(totalsOf({ CI: 10, AX: 20, DE: 30 }));
  const [input] = host.find((node) => node.tag === "input");
  const status = byClass(host, "map-hidden");
  input.value = " cote ";
  input.fire("input");
  assert.deepEqual(shownNames(host), ["Côte d’Ivoire"]);
  assert.equal(status.textContent, "Pays trouvés\u00a0: 1");
  table.show(totalsOf({ CI: 10, AX: 25, DE: 30, FR: 40 }));
  assert.deepEqual(shownNames(host), ["Côte d’Ivoire"], "newer totals keep the search");
  input.value = "";
  input.fire("input");
  assert.equal(shownNames(host).length, 4);
  assert.equal(status.textContent, "");
});

test("elsewhere stands last and says why", () => {
  const host = newHost();
  const table = drawTable(host, optionsOf("en"));
  table.show(totalsOf({ DE: 30 }));
  const foot = host.find((node) => node.tag === "tfoot")[0];
  assert.match(foot.textContent, /Elsewhere.*fewer than 5 pledges.*12$/);
  table.show(totalsOf({ DE: 30 }, { threshold: 1 }));
  assert.doesNotMatch(foot.textContent, /fewer/);
  table.show(totalsOf({ DE: 30 }, { elsewhere: 0 }));
  assert.equal(foot.children[0].hidden, true);
});

test("a partner's page is told what the numbers leave out, and of a table only where there is one", () => {
  for (const [table, tables, folds] of [[null, 1, 1], ["", 1, 0], ["none", 0, 0]]) {
    const host = newHost();
    const atlas = drawAtlas(host, { ...optionsOf("en"), table });
    atlas.show(totalsOf({ DE: 30 }));
    const many = (tag) => host.find((node) => node.tag === tag).length;
    assert.deepEqual([many("table"), many("details")], [tables, folds], `table: ${table}`);
    assert.equal(byClass(host, "map-frame").attributes["aria-label"].includes("in the table"), tables === 1);
    const said = () => host.find((node) => node.attributes.class === "map-note" && !node.hidden).map((node) => node.textContent).join("|");
    assert.match(said(), /Small numbers are rounded down.*\|Elsewhere or not stated: 12 People.*fewer than 5 pledges/);
    atlas.show(totalsOf({ DE: 30 }, { threshold: 1 }));
    assert.doesNotMatch(said(), /rounded|fewer/);
    atlas.show(totalsOf({ DE: 30 }, { threshold: 1, elsewhere: 0 }));
    assert.doesNotMatch(said(), /Elsewhere/);
    atlas.show(totalsOf({}));
    assert.doesNotMatch(byClass(host, "map-frame").attributes["aria-label"], /in the table/);
  }
});

test("names are the map's, else the browser's", () => {
  const host = newHost();
  const table = drawTable(host, optionsOf("en"));
  table.show(totalsOf({ DE: 30, PS: 20, FR: 10, QQ: 5 }));
  assert.deepEqual(shownNames(host).slice(0, 3), ["Germany", "State of Palestine", "France"]);
  drawTable(newHost(), { ...optionsOf("en"), language: "no such tag_" }).show(totalsOf({ DE: 1 }));
});

test("every language says everything", () => {
  for (const language of languages) {
    const [map, table, atlas] = [newHost(), newHost(), newHost()];
    drawAtlas(atlas, { ...optionsOf(language), table: null }).show(totalsOf({ DE: 30 }));
    drawMap(map, world, optionsOf(language)).show(totalsOf({ DE: 30, FK: 5000, MT: 7 }));
    drawTable(table, { ...optionsOf(language), search: true }).show(totalsOf({ DE: 30 }));
    const said = [map, table, atlas].flatMap((host) => host.find(() => true)).flatMap((node) => [node.text, ...Object.values(node.attributes)]);
    for (const text of said) assert.doesNotMatch(String(text), /(map|table|countries)_|\{/, `${language}: ${text}`);
  }
});
