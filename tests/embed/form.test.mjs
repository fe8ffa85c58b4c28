// What the form and the elements decide without a browser: suggestions, colours, messages, changes of the totals; and sizes.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { brotliCompressSync, constants } from "node:zlib";
import { contentOf, newsOf } from "../../src/web/assets/form.js";
import { ramp } from "../../src/web/assets/dress.js";
import { changed } from "../../src/web/assets/feed.js";
import { contrast, lookOf, mended, onColour, parse } from "../../src/web/assets/look.js";
import { countryOf, distance, suggestion } from "../../src/web/assets/suggest.js";

globalThis.HTMLElement ??= class {};
globalThis.customElements ??= { get: () => true };
const { heard } = await import("../../src/web/assets/embed.js");

test("mistyped domains of mailboxes are noticed", () => {
  for (const [typed, meant] of [
    ["ann@gmial.com", "ann@gmail.com"],
    ["Ann.O@GMAIL.CON", "Ann.O@gmail.com"],
    ["ann@gmail.co", "ann@gmail.com"],
    ["ann@hotmial.com", "ann@hotmail.com"],
    ["ann@yaho.com", "ann@yahoo.com"],
    ["ann@outlok.com", "ann@outlook.com"],
    ["ann@iclould.com", "ann@icloud.com"],
    ["ann@protonmial.com", "ann@protonmail.com"],
    ["ann@amnesty.ogr", "ann@amnesty.org"],
    ["ann@example.con", "ann@example.com"],
  ]) assert.equal(suggestion(typed), meant);
});

test("addresses that may well be meant are left alone", () => {
  for (const domain of ["gmail.com", "mail.com", "ymail.com", "gmx.de", "gmx.ch", "web.de", "mail.ru", "me.com", "example.org", "un.org", "hotmail.fr", "live.se", "yahoo.fr", "amnesty.org", "posteo.net", "email.cz", "mail.de", "constructor.toString"]) {
    assert.equal(suggestion(`ann@${domain}`), null, domain);
  }
  for (const odd of ["", "ann", "ann@", "@gmial.com", "ann@gmial", "a@b@gmial.com", "ann smith@gmial.com"]) assert.equal(suggestion(odd), null, odd);
});

test("a swap is one mistake", () => {
  assert.deepEqual([distance("gmial", "gmail", 2), distance("abc", "abc", 2), distance("a", "abcd", 2), distance("kitten", "sitting", 3)], [1, 0, 3, 3]);
});

test("the country is that of the browser's languages, when they name one", () => {
  assert.equal(countryOf(["de-AT", "en"]), "AT");
  assert.equal(countryOf(["zh-Hant-TW"]), "TW");
  assert.equal(countryOf(["en-US", "en", "es-mx"]), "MX");
  for (const silent of [["en-US", "en"], ["fr"], ["es-419"], [], undefined]) assert.equal(countryOf(silent), null);
});

test("a form's fields become what the API takes", () => {
  const entries = [["name", "Noor"], ["email", ""], ["country", "JO"], ["form_token", "t"], ["return_to", "/x"], ["consent_updates_version", "3"], ["consent_updates", "on"], ["consent_public_version", "2"]];
  assert.deepEqual(contentOf(entries), { name: "Noor", country: "JO", form_token: "t", consents: [{ purpose: "updates", version: 3 }] });
});

test("a trial is told as one, and of a pledge nothing but its status", () => {
  const receipt = { status: "counted", id: "key", totals: { total: 7, countries: [] } };
  assert.deepEqual(newsOf(receipt, {}), { status: "counted", total: 7 });
  assert.deepEqual(newsOf(receipt, { trial: "" }), { status: "counted", total: 7, trial: true });
  assert.deepEqual(newsOf({ status: "awaiting" }, { trial: "" }), { status: "awaiting", total: undefined, trial: true });
});

test("whatever colours are asked for, everything can be read", () => {
  const random = () => `#${Math.floor(Math.random() * 0x1000000).toString(16).padStart(6, "0")}`;
  const chosen = ["#fff", "#000", "#ffee55", "#777777", "#ff0000", "0a6", "nonsense", ""];
  for (let time = 0; time < 2000; time += 1) {
    const pick = () => (Math.random() < 0.5 ? random() : chosen[Math.floor(Math.random() * chosen.length)]);
    const asked = new URLSearchParams({ accent: pick(), background: pick(), text: pick() });
    const scheme = Math.random() < 0.5 ? "light" : "dark";
    const { look } = lookOf(asked, scheme);
    const colour = (name) => parse(look[`--${name}`]);
    const surface = colour("surface") ?? (scheme === "dark" ? [35, 21, 30] : [255, 255, 255]);
    const least = { ink: 4.5, quiet: 4.5, link: 4.5, bad: 4.5, edge: 3, focus: 3, "action-edge": 3 };
    for (const [name, ratio] of Object.entries(least)) {
      if (colour(name)) assert(contrast(colour(name), surface) >= ratio, `${name} of ${asked}`);
    }
    if (colour("action")) assert(contrast(colour("on-action"), colour("action")) >= 4.5, `the button of ${asked}`);
    for (const name of ["ink", "quiet", "link"]) {
      if (colour("sunk") && colour(name)) assert(contrast(colour(name), colour("sunk")) >= 4.5, `${name} on the sunk ground of ${asked}`);
    }
  }
});

test("colours that pass stay as they are, and nothing but a colour, a number or a known font is taken", () => {
  assert.deepEqual(mended([10, 10, 10], [[255, 255, 255]], 4.5), [10, 10, 10]);
  assert.deepEqual(onColour([255, 238, 85]), [0, 0, 0]);
  assert(Math.abs(contrast([255, 255, 255], [0, 0, 0]) - 21) < 1e-9);
  const nasty = new URLSearchParams({ accent: "red;}", background: "url(x)", radius: "99", font: "constructor" });
  assert.deepEqual(Object.keys(lookOf(nasty, "light").look), []);
  assert.equal(lookOf(new URLSearchParams({ radius: "0" }), "light").look["--radius"], "0px");
});

test("a map in any colour on any ground has six steps that are told apart", () => {
  const random = () => Array.from({ length: 3 }, () => Math.floor(Math.random() * 256));
  const extremes = [[0, 0, 0], [255, 255, 255], [119, 119, 119], [255, 238, 85]];
  for (let time = 0; time < 1000; time += 1) {
    const pick = () => (Math.random() < 0.5 ? random() : extremes[Math.floor(Math.random() * extremes.length)]);
    const [accent, ground] = [pick(), pick()];
    const steps = ramp(accent, ground, onColour(ground));
    assert.equal(steps.length, 6);
    for (let step = 1; step < 6; step += 1) {
      assert(contrast(steps[step], steps[step - 1]) >= 1.18, `step ${step} of ${accent} on ${ground}: ${steps.join(" / ")}`);
      assert(contrast(steps[step], steps[0]) > contrast(steps[step - 1], steps[0]));
    }
  }
});

test("only the service's own frame is heard, and only what a frame may say", () => {
  const contentWindow = {}, frame = { contentWindow }, home = "https://pledges.test";
  const say = (data, more = {}) => heard({ data, origin: home, source: contentWindow, ...more }, frame, home);
  assert.deepEqual(say({ pledges: 1, type: "size", height: 700 }), { type: "size", height: 700 });
  assert.deepEqual(say({ pledges: 1, type: "done", status: "counted", email: "x" }), { type: "done", detail: { status: "counted" } });
  for (const [trial, told] of [[true, { trial: true }], [false, {}], ["<b>", {}], [1, {}]]) {
    assert.deepEqual(say({ pledges: 1, type: "done", status: "awaiting", trial }).detail, { status: "awaiting", ...told });
  }
  assert.deepEqual(say({ pledges: 1, type: "error", code: "invalid_fields" }), { type: "error", detail: { code: "invalid_fields" } });
  const done = { pledges: 1, type: "done", status: "counted" };
  for (const more of [{ origin: "https://host.test" }, { origin: "null" }, { source: {} }, { source: null }]) assert.equal(say(done, more), null);
  for (const data of [null, "done", {}, { type: "done" }, { ...done, status: "<b>" }, { pledges: 1, type: "size", height: "1e9" }, { pledges: 1, type: "size", height: 1e9 }, { pledges: 1, type: "ready" }, { pledges: 1, type: "error", code: "a@example.org" }, { pledges: 1, type: "go" }]) {
    assert.equal(say(data), null, JSON.stringify(data));
  }
});

test("a change of the totals is applied to those that it is of, and to no others", () => {
  const totals = { campaign: "c", total: 10, goal: 100, version: 3, elsewhere: 1, countries: [{ country: "FR", count: 5 }, { country: "NG", count: 4 }] };
  const change = { version: 4, previous_version: 3, total: 11, elsewhere: 2, countries: [{ country: "BR", count: 5 }, { country: "NG", count: 0 }] };
  const now = changed(totals, change);
  assert.deepEqual(now, { campaign: "c", total: 11, goal: 100, version: 4, elsewhere: 2, countries: [{ country: "BR", count: 5 }, { country: "FR", count: 5 }] });
  assert.equal(changed(now, change), null);
  assert.equal(changed(null, change), null);
});

test("everything is small", () => {
  const read = (file) => readFileSync(new URL(`../../src/web/${file}`, import.meta.url));
  const size = (file) => brotliCompressSync(read(file), { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }).length;
  const sum = (...files) => files.reduce((all, file) => all + size(file.includes("/") ? file : `assets/${file}`), 0);
  const texts = Math.max(...["en", "fr", "es", "ar", "zh", "ru"].map((language) => size(`lang/${language}.json`)));
  const script = sum("form.js", "notes.js", "suggest.js", "pledge.js", "solve.js", "frame.js", "look.js");
  const sizes = {
    "embed.js and feed.js": [sum("embed.js", "feed.js"), 6 * 1024],
    "wall.js": [sum("wall.js"), 3 * 1024],
    "pledge.js and solve.js": [sum("pledge.js", "solve.js"), 5 * 1024],
    // The page itself, with its list of countries, is measured in tests/browser.
    "the frame's scripts, styles and texts": [script + sum("site.css", "favicon.svg") + texts, 26 * 1024],
  };
  for (const [what, [bytes, most]] of Object.entries(sizes)) {
    console.log(`${what}: ${bytes} bytes of ${most} in brotli`);
    assert(bytes <= most, `${what}: ${bytes} bytes`);
  }
});
