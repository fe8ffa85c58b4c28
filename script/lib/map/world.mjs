// Draws the world: places in degrees become shapes, dots and dotted lines on a grid of whole numbers,
// projected and simplified here so that a browser has nothing to compute.

import { geoEqualEarth } from "d3-geo";
import { merge, mergeArcs, mesh } from "topojson-client";
import { topology } from "topojson-server";
import { presimplify, simplify } from "topojson-simplify";

import { placesOf } from "./places.mjs";

// Units: one of the grid is half a pixel of a map of 1,600 px.
const GRID = {
  width: 3200,
  // 168.5° W: between Chukotka and Alaska, so that the edge cuts through nobody.
  turn: -11.5,
  north: 84.6,
  south: -57,
  // A corner that changes less area than this (in square units) is left out.
  corner: 1.5,
  // Smaller islands are left out, unless a place has no larger one.
  island: 4,
  // A place that covers less than this is not seen: a dot is drawn.
  seen: 54,
  // Below this the dot is all that is drawn.
  traced: 5,
};

/** The document that browsers get. `codes` are all that can be pledged from. */
export function drawWorld(source, codes, territories, disputed) {
  const places = placesOf(source, new Set(codes), territories, disputed);
  const project = projection();
  for (const [name, polygons] of places) {
    if (territories.left_out[name]) places.delete(name);
    else places.set(name, polygons.flatMap((polygon) => flat(polygon, project)));
  }
  const drawn = simplified(places);
  const owner = ownership(places, disputed);
  const world = { width: GRID.width, height: project.height, shapes: {}, dots: {} };
  const neutral = [];
  for (const name of [...new Set(owner.values())].sort()) {
    const parts = [...owner].filter(([, code]) => code === name).map(([part]) => drawn.objects[part]);
    const polygons = merge(drawn, parts).coordinates;
    if (!codes.includes(name)) neutral.push(path(polygons, GRID.traced));
    else draw(world, name, polygons, project, territories.points[name]);
  }
  for (const [code, point] of Object.entries(territories.points)) world.dots[code] ??= whole(project(point));
  world.dots = Object.fromEntries(Object.entries(world.dots).sort());
  const dotted = disputed.dotted.map((line) => between(drawn, owner, line, project)).join("");
  return { ...world, neutral: neutral.join(""), dotted, left_out: territories.left_out, names: disputed.names, notes: disputed.notes };
}

// Which code each piece of the source is drawn with. Joined pieces keep their own outline until here,
// because dotted lines may run between them.
function ownership(places, { joins }) {
  const joined = new Map(joins.map(({ from, to }) => [from, to ?? "neutral"]));
  return new Map([...places.keys()].map((name) => [name, joined.get(name) ?? name]));
}

/** Turns degrees into units of the grid. */
export function projection() {
  const turned = geoEqualEarth().precision(0).rotate([GRID.turn, 0]).translate([0, 0]).scale(1);
  const [edge] = turned([-GRID.turn + 180 - 1e-9, 0]);
  const scale = GRID.width / (2 * edge);
  const top = turned([-GRID.turn, GRID.north])[1] * scale;
  const bottom = turned([-GRID.turn, GRID.south])[1] * scale;
  const project = (point) => {
    const [x, y] = turned(point);
    return [x * scale + GRID.width / 2, y * scale - top];
  };
  project.height = Math.ceil(bottom - top);
  return project;
}

// A polygon on the plane; one that the edge of the map runs through becomes two. The pieces are cut in
// degrees from the middle of the map, where the edge is a straight line.
function flat(polygon, project) {
  const unrolled = polygon.map((ring) => {
    let last = null;
    return ring.map(([x, y]) => {
      let turned = wrapped(x + GRID.turn);
      if (last !== null) turned += Math.round((last - turned) / 360) * 360;
      last = turned;
      return [turned, y];
    });
  });
  const xs = unrolled[0].map(([x]) => x);
  const pieces = [];
  for (const shift of [-360, 0, 360]) {
    if (Math.max(...xs) + shift <= -180 || Math.min(...xs) + shift >= 180) continue;
    pieces.push(unrolled.map((ring) => ring.map(([x, y]) => project([clamped(x + shift) - GRID.turn, y]).map(exact))));
  }
  return pieces;
}

const wrapped = (degrees) => ((((degrees + 180) % 360) + 360) % 360) - 180;
const clamped = (degrees) => Math.max(-180 + 1e-9, Math.min(180 - 1e-9, degrees));
// The same place comes with 180° and with −180°: rounding makes it one again.
const exact = (value) => Math.round(value * 1e6) / 1e6;
const whole = (point) => point.map(Math.round);

// All places at once, so that neighbours lose the same corners and keep one border.
function simplified(places) {
  const objects = Object.fromEntries(
    [...places].map(([name, coordinates]) => [name, { type: "MultiPolygon", coordinates }]),
  );
  return simplify(presimplify(topology(objects)), GRID.corner);
}

function draw(world, code, polygons, project, point) {
  const sizes = polygons.map(([outer]) => area(outer));
  const covered = sizes.reduce((sum, size) => sum + size, 0);
  const largest = Math.max(...sizes);
  if (covered >= GRID.traced) {
    const text = path(polygons, Math.min(GRID.island, largest));
    if (text !== "") world.shapes[code] = text;
  }
  if (covered >= GRID.seen && !point && world.shapes[code]) return;
  world.dots[code] = whole(point ? project(point) : centre(polygons[sizes.indexOf(largest)][0]));
}

/** Rings of at least `least` square units as the text of an SVG path, the largest one first. */
function path(polygons, least) {
  const seen = polygons.filter(([outer]) => area(outer) >= least).sort(([one], [other]) => area(other) - area(one));
  const rings = seen.flatMap(([outer, ...holes]) => [outer, ...holes.filter((hole) => area(hole) >= GRID.traced)]);
  return rings.map((ring) => trace(ring.map(whole), true)).join("");
}

function trace(points, closed) {
  const steps = [];
  let [x, y] = points[0];
  const start = `M${x} ${y}`;
  for (const [nextX, nextY] of closed ? points.slice(1, -1) : points.slice(1)) {
    if (nextX === x && nextY === y) continue;
    steps.push([nextX - x, nextY - y]);
    [x, y] = [nextX, nextY];
  }
  if (steps.length < (closed ? 2 : 1)) return "";
  const numbers = steps.flat().map((value, place) => (place > 0 && value >= 0 ? ` ${value}` : `${value}`));
  return `${start}l${numbers.join("")}${closed ? "z" : ""}`;
}

function between(drawn, owner, { what, between: pair, within }, project) {
  const geometries = pair.map((name) => {
    const parts = [...owner].filter(([part, code]) => part === name || code === name);
    if (parts.length === 0) throw new Error(`no ${name} for the border of ${what}`);
    return mergeArcs(drawn, parts.map(([part]) => drawn.objects[part]));
  });
  const both = { type: "GeometryCollection", geometries };
  const lines = mesh(drawn, both, (a, b) => a !== b).coordinates;
  const inside = within ? boxed(within, project) : () => true;
  const text = lines.flatMap((line) => runs(line, inside)).map((line) => trace(line.map(whole), false)).join("");
  if (text === "") throw new Error(`nothing of the border for ${what} is left`);
  return text;
}

function boxed([west, south, east, north], project) {
  const corners = [[west, south], [west, north], [east, south], [east, north]].map(project);
  const [xs, ys] = [corners.map(([x]) => x), corners.map(([, y]) => y)];
  return ([x, y]) => x >= Math.min(...xs) && x <= Math.max(...xs) && y >= Math.min(...ys) && y <= Math.max(...ys);
}

function runs(line, inside) {
  const found = [[]];
  for (const point of line.flatMap((point, place) => (place === 0 ? [point] : approach(line[place - 1], point, inside)))) {
    if (inside(point)) found.at(-1).push(point);
    else if (found.at(-1).length > 0) found.push([]);
  }
  return found.filter((run) => run.length > 1);
}

// A straight border may cross the box without a point in it.
function approach(from, to, inside) {
  const steps = inside(from) && inside(to) ? 1 : Math.ceil(Math.hypot(to[0] - from[0], to[1] - from[1]));
  return Array.from({ length: steps }, (_, step) => from.map((value, axis) => value + ((to[axis] - value) * (step + 1)) / steps));
}

function area(ring) {
  let twice = 0;
  for (let i = 1; i < ring.length; i += 1) twice += ring[i - 1][0] * ring[i][1] - ring[i][0] * ring[i - 1][1];
  return Math.abs(twice / 2);
}

function centre(ring) {
  const [xs, ys] = [ring.map(([x]) => x), ring.map(([, y]) => y)];
  return [(Math.min(...xs) + Math.max(...xs)) / 2, (Math.min(...ys) + Math.max(...ys)) / 2];
}
