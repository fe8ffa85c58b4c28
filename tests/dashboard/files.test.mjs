// The files of dashboard and partners' page: small, in six languages, and nothing in them that a strict policy refuses.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants } from "node:zlib";

const read = (path) => readFileSync(fileURLToPath(new URL(`../../src/web/${path}`, import.meta.url)), "utf8");
const size = (text) => brotliCompressSync(text, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }).length;
const sizeOf = (names) => names.reduce((sum, name) => sum + size(read(`assets/${name}`)), 0);

const PAGES = {
  dashboard: { files: ["dashboard.js", "chart.js", "figures.js", "formats.js", "history.js", "scales.js", "series.js", "dashboard.css"], limit: 19_000 },
  partners: { files: ["partners.js", "snippets.js", "policy.js", "origin-check.js", "partners.css"], limit: 10_000 },
};

for (const [page, { files, limit }] of Object.entries(PAGES)) {
  test(`${page} stays small`, (context) => {
    const sum = sizeOf(files);
    context.diagnostic(`${page}: ${files.map((name) => `${name} ${size(read(`assets/${name}`))}`).join(", ")}; in all ${sum} B brotli, ${limit} allowed`);
    assert.ok(sum <= limit, `${sum} B`);
  });

  test(`the template of ${page} has nothing inline`, () => {
    const template = read(`templates/${page}.html`);
    assert.ok(!/\sstyle=|\son[a-z]+=|<style|javascript:/i.test(template));
    for (const [, script] of template.matchAll(/<script([^>]*)>/g)) assert.match(script, /src=/);
  });

  test(`the modules of ${page} write texts as texts`, () => {
    for (const name of files.filter((file) => file.endsWith(".js"))) assert.ok(!/innerHTML|insertAdjacentHTML|eval\(|new Function|document\.write/.test(read(`assets/${name}`)), name);
  });
}

test("every text of the dashboard is there in six languages, with the same holes", () => {
  const sources = [...PAGES.dashboard.files.map((name) => read(`assets/${name}`)), read("templates/dashboard.html")].join("\n");
  const used = new Set([...sources.matchAll(/["'.](dash_\w+?)["'\s),;\]]/g)].map(([, key]) => key));
  const english = JSON.parse(read("lang/en.json"));
  for (const range of ["hour", "day", "week", "month", "all"]) used.add(`dash_range_${range}`);
  for (const reason of ["spam", "bot", "duplicate", "abuse", "test", "other"]) used.add(`dash_reason_${reason}`);
  const holes = (text) => (text.match(/\{\w+\}/g) ?? []).sort();
  for (const language of ["en", "fr", "es", "ar", "zh", "ru"]) {
    const texts = JSON.parse(read(`lang/${language}.json`));
    for (const key of used) assert.ok(texts[key], `${language}: ${key}`);
    for (const key of Object.keys(english).filter((name) => name.startsWith("dash_"))) assert.deepEqual(holes(texts[key]), holes(english[key]), `${language}: ${key}`);
  }
  const states = ["live", "polling", "stale", "offline", "paused"].map((state) => `dash_state_${state}`);
  const unused = Object.keys(english).filter((key) => key.startsWith("dash_") && !used.has(key) && !states.includes(key) && key !== "dash_explain_rounding");
  assert.deepEqual(unused, [], "texts that nobody shows");
});
