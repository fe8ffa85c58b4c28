// What is drawn of the world: everything that can be pledged from, within the picture, with one border between two
// neighbours, and what is disputed as disputed.json says.

import assert from "node:assert/strict";
import { test } from "node:test";

import { drawWorld, projection } from "../../script/lib/map/world.mjs";
import { codes, compressed, disputed, json, languages, points, source, territories, world } from "./files.mjs";

const project = projection();

/** The codes whose shape covers a place. */
function at([longitude, latitude], drawn = world) {
  const [x, y] = project([longitude, latitude]);
  return Object.keys(drawn.shapes).filter((code) => {
    let inside = false;
    for (const ring of points(drawn.shapes[code])) {
      for (let i = 0, j = ring.length - 1; i < ring.length; j = i, i += 1) {
        const [[x1, y1], [x2, y2]] = [ring[i], ring[j]];
        if (y1 > y !== y2 > y && x < ((x2 - x1) * (y - y1)) / (y2 - y1) + x1) inside = !inside;
      }
    }
    return inside;
  });
}

test("every country has a shape, a dot or a reason", () => {
  for (const code of codes) {
    const drawn = Boolean(world.shapes[code] || world.dots[code]);
    const reason = world.left_out[code] ?? "";
    assert.notEqual(drawn, reason.length > 20, `${code} is drawn, or left out with a reason`);
  }
  for (const code of [...Object.keys(world.shapes), ...Object.keys(world.dots)]) assert(codes.includes(code), `${code} is a country`);
});

test("small states can be seen by a dot, large ones need none", () => {
  for (const code of ["MT", "TV", "NR", "VA", "SM", "LI", "SG", "BH", "BB", "MV", "GI", "HK", "PS", "KI"]) assert(world.dots[code], code);
  for (const code of ["DE", "CY", "QA", "LB", "JM", "FJ", "SI"]) assert(world.shapes[code] && !world.dots[code], code);
});

test("everything stays within the picture", () => {
  const within = ([x, y], what) => assert(x >= 0 && x <= world.width && y >= 0 && y <= world.height, `${what}: ${x} ${y}`);
  for (const [code, path] of [...Object.entries(world.shapes), ["neutral", world.neutral], ["dotted", world.dotted]]) {
    const parts = points(path);
    assert(parts.length > 0, code);
    for (const point of parts.flat()) within(point, code);
  }
  for (const [code, point] of Object.entries(world.dots)) within(point, code);
});

test("no outline runs across the whole map", () => {
  for (const [code, path] of Object.entries(world.shapes)) {
    for (const ring of points(path)) {
      const xs = ring.map(([x]) => x);
      assert(Math.max(...xs) - Math.min(...xs) < world.width / 2, code);
    }
  }
});

test("neighbours have the same border", () => {
  const edges = (code) =>
    new Set(points(world.shapes[code]).flatMap((ring) => ring.map((point, i) => [point, ring[(i + 1) % ring.length]].map(String).sort().join())));
  const pairs = ["FR ES 5", "DE PL 5", "US CA 20", "RU CN 20", "MA EH 1", "SD SS 15", "RS XK 3", "IN PK 20", "BR GF 2", "EG SD 1", "SO ET 3", "IL SY 1"];
  for (const pair of pairs) {
    const [one, other, least] = pair.split(" ");
    const theirs = edges(other);
    const common = [...edges(one)].filter((edge) => theirs.has(edge)).length;
    assert(common >= Number(least), `${one} and ${other} have ${common} edges in common`);
  }
});

test("places are where people look for them", () => {
  const places = { DE: [10, 51], BR: [-50, -10], AU: [135, -25], KZ: [68, 48], GF: [-53, 4], SJ: [16, 78.5], CD: [23, -3], NZ: [175, -39], FJ: [178, -17.8] };
  for (const [code, place] of Object.entries(places)) assert.deepEqual(at(place), [code]);
});

test("disputed places are drawn as the United Nations do", () => {
  const places = {
    Crimea: [[34.3, 45.2], "UA"],
    "Laayoune, west of the berm": [[-13, 26.8], "EH"],
    "Dakhla's hinterland": [[-15, 23.5], "EH"],
    Marrakesh: [[-8, 31.6], "MA"],
    Hargeisa: [[44.06, 9.56], "SO"],
    "North of Nicosia": [[33.35, 35.25], "CY"],
    Pristina: [[21.1, 42.65], "XK"],
    Quneitra: [[35.82, 33.05], "SY"],
    Galilee: [[35.4, 32.85], "IL"],
    Ramallah: [[35.2, 31.95], "PS"],
    Taichung: [[120.9, 24.1], "TW"],
  };
  for (const [name, [place, code]] of Object.entries(places)) assert.deepEqual(at(place), [code], name);
  const [[first]] = points(world.neutral);
  const [x, y] = project([77.3, 35.4]);
  assert(Math.hypot(first[0] - x, first[1] - y) < 8, "the Siachen glacier belongs to nobody");
});

test("an operator who edits disputed.json gets another map", () => {
  const other = structuredClone(disputed);
  other.moves = other.moves.filter(({ what }) => what !== "Crimea");
  other.joins.find(({ from }) => from === "Kosovo").to = "RS";
  other.dotted = other.dotted.filter(({ what }) => what !== "Kosovo and Serbia");
  const redrawn = drawWorld(source(), codes, territories, other);
  assert.deepEqual(at([34.3, 45.2], redrawn), ["RU"]);
  assert.deepEqual(at([21.1, 42.65], redrawn), ["RS"]);
  assert.equal(redrawn.shapes.XK, undefined);
  other.moves.push({ what: "nothing", from: "FR", to: "DE", within: [0, 0, 1, 1] });
  assert.throws(() => drawWorld(source(), codes, territories, other), /nothing of FR/);
});

test("the committed map is what the files say", () => {
  assert.deepEqual(world, drawWorld(source(), codes, territories, disputed));
});

test("names and notes exist in every language", () => {
  for (const what of ["names", "notes"]) {
    assert.deepEqual(Object.keys(world[what]).sort(), [...languages].sort());
    const expected = Object.keys(world[what].en).sort();
    for (const language of languages) assert.deepEqual(Object.keys(world[what][language]).sort(), expected, `${what} ${language}`);
  }
  for (const language of languages) {
    const keys = Object.keys(json(`lang/${language}.json`));
    assert(keys.includes("map_note"), language);
  }
});

test("nothing is larger than it may be", () => {
  const limits = { "map/world.json": 45_000, "assets/map.js": 4096, "assets/table.js": 4096, "assets/drawing.js": 2048 };
  for (const [name, limit] of Object.entries(limits)) {
    const bytes = compressed(name);
    console.log(`${name}: ${bytes} bytes (brotli), at most ${limit}`);
    assert(bytes <= limit, name);
  }
});
