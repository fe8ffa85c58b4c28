// From the countries of the source to the places of our map: each polygon finds its code, by what
// territories.json and disputed.json of src/web/map say. Everything here is still in degrees.

import { feature } from "topojson-client";

/** The polygons of every place: code (or the source's name where it has none) → list of polygons. */
export function placesOf(source, codes, territories, disputed) {
  const places = new Map();
  for (const geometry of source.objects.countries.geometries) {
    const shape = feature(source, geometry).geometry;
    const polygons = shape.type === "Polygon" ? [shape.coordinates] : shape.coordinates;
    add(places, codeOf(geometry, codes), polygons);
  }
  for (const { code, of, within } of territories.parts) move(places, of, code, within);
  for (const { from, to, within } of disputed.moves) move(places, from, to, within);
  for (const cut of disputed.cuts) divide(places, cut);
  for (const { from, to } of disputed.joins) {
    known(places, from);
    if (to !== null && !codes.has(to)) throw new Error(`${to}, which ${from} should join, is no code`);
  }
  return places;
}

// Unicode knows the numbers of ISO 3166-1 as other names of its codes.
function codeOf({ id, properties }, codes) {
  const code = id === undefined ? undefined : new Intl.Locale(`und-${id}`).region;
  return codes.has(code) ? code : properties.name;
}

function add(places, name, polygons) {
  if (polygons.length > 0) places.set(name, [...(places.get(name) ?? []), ...polygons]);
}

function known(places, name) {
  const polygons = places.get(name);
  if (!polygons) throw new Error(`the source has no ${name}`);
  return polygons;
}

function keep(places, name, polygons) {
  if (polygons.length > 0) places.set(name, polygons);
  else places.delete(name);
}

function move(places, from, to, [west, south, east, north]) {
  const inside = (polygon) => polygon[0].every(([x, y]) => x >= west && x <= east && y >= south && y <= north);
  const polygons = known(places, from);
  const moved = polygons.filter(inside);
  if (moved.length === 0) throw new Error(`nothing of ${from} lies within the box that ${to} should have`);
  keep(places, from, polygons.filter((polygon) => !inside(polygon)));
  add(places, to, moved);
}

function divide(places, { from, to, south_of: south, east_of: east }) {
  const beyond = south === undefined ? ([x]) => x - east : ([, y]) => south - y;
  const polygons = known(places, from);
  const given = polygons.map((polygon) => clip(polygon, beyond)).filter((polygon) => polygon.length > 0);
  if (given.length === 0) throw new Error(`the line does not cut ${from}`);
  keep(places, from, polygons.map((polygon) => clip(polygon, (point) => -beyond(point))).filter((polygon) => polygon.length > 0));
  add(places, to, given);
}

// The part of a polygon where `side` is not negative (Sutherland and Hodgman). Both halves get the same
// points on the line, so their common border stays one.
function clip(polygon, side) {
  const rings = [];
  for (const ring of polygon) {
    const kept = [];
    for (let i = 1; i < ring.length; i += 1) {
      const [one, other] = [ring[i - 1], ring[i]];
      const [a, b] = [side(one), side(other)];
      if (a >= 0) kept.push(one);
      if ((a > 0 && b < 0) || (a < 0 && b > 0)) kept.push(crossing(one, other, a, b));
    }
    if (kept.length >= 3) rings.push([...kept, kept[0]]);
  }
  return rings;
}

function crossing(one, other, a, b) {
  // Always computed from the same end, or the halves would differ in the last digit.
  if (a < 0) return crossing(other, one, b, a);
  const share = a / (a - b);
  return one.map((value, axis) => value + (other[axis] - value) * share);
}
