// The files of the map as the tests read them.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { brotliCompressSync, constants } from "node:zlib";

const web = new URL("../../src/web/", import.meta.url);
export const text = (name) => readFileSync(new URL(name, web), "utf8");
export const json = (name) => JSON.parse(text(name));

export const languages = ["en", "fr", "es", "ar", "zh", "ru"];
export const codes = Object.keys(json("countries/en.json")).sort();
export const world = json("map/world.json");
export const territories = json("map/territories.json");
export const disputed = json("map/disputed.json");
export const source = () => JSON.parse(readFileSync(createRequire(import.meta.url).resolve("world-atlas/countries-50m.json"), "utf8"));

/** Bytes as the service sends them to nearly everybody. */
export function compressed(name) {
  return brotliCompressSync(text(name), { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }).length;
}

/** The rings (or lines) of a path: lists of points. Throws when there is anything but M, l, z and whole numbers. */
export function points(path) {
  if (!/^(M\d+ \d+l(-?\d+(?=[ -])[ ]?-?\d+[ ]?)+z?)*$/.test(path)) throw new Error(`not a path of ours: ${path.slice(0, 80)}`);
  return path.split("M").slice(1).map((part) => {
    const [x, y, ...steps] = part.match(/-?\d+/g).map(Number);
    const found = [[x, y]];
    for (let i = 0; i < steps.length; i += 2) {
      const [lastX, lastY] = found[found.length - 1];
      found.push([lastX + steps[i], lastY + steps[i + 1]]);
    }
    return found;
  });
}
