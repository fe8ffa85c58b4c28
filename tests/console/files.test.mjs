// The files of the console: small, short, with nothing in them that a strict policy refuses, and a text for everything they say.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";
import { brotliCompressSync, constants } from "node:zlib";
import { texts } from "../../src/web/assets/console-en.js";
import { REASONS, SIGNALS, STATES } from "../../src/web/assets/console-filters.js";
import { KEYS, QUEUE_KEYS, WALL_KEYS } from "../../src/web/assets/console-keys.js";
import { moment, say, trouble } from "../../src/web/assets/console-texts.js";
import { served } from "../served.mjs";

const read = (path) => readFileSync(new URL(`../../src/web/${path}`, import.meta.url), "utf8");
const names = readdirSync(new URL("../../src/web/assets/", import.meta.url)).filter((name) => /^console(-\w+)*\.(js|css)$/.test(name));
const modules = names.filter((name) => name.endsWith(".js"));

const sent = (name) => (name.endsWith(".js") ? served(read(`assets/${name}`)) : read(`assets/${name}`));

/** What the whole console weighs as it is sent, and a twentieth that it may grow by. It is loaded by few, often over bad lines. */
const MEASURED = 59_053;
const LIMIT = Math.round(MEASURED * 1.05);

test("the console stays small, and each of its files short", (context) => {
  const sizes = names.map((name) => [name, brotliCompressSync(sent(name), { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }).length]);
  const sum = sizes.reduce((before, [, size]) => before + size, 0);
  context.diagnostic(`${sizes.map(([name, size]) => `${name} ${size}`).join(", ")}; in all ${sum} B brotli, ${LIMIT} allowed`);
  assert.ok(sum <= LIMIT, `${sum} B brotli; ${MEASURED} when it was measured last, and ${LIMIT} with the twentieth`);
  for (const name of names) assert.ok(read(`assets/${name}`).split("\n").length <= 400, name);
});

test("nothing inline, nothing written as markup, nothing kept that is personal", () => {
  const template = read("templates/moderation.html");
  assert.ok(!/\sstyle=|\son[a-z]+=|<style|javascript:/i.test(template));
  for (const [, script] of template.matchAll(/<script([^>]*)>/g)) assert.match(script, /src=/);
  for (const name of modules) {
    const source = read(`assets/${name}`);
    assert.ok(!/innerHTML|outerHTML|insertAdjacentHTML|eval\(|new Function|document\.write|\.style\b|cssText/.test(source), name);
    assert.ok(!/sessionStorage|indexedDB|document\.cookie|caches\./.test(source), name);
  }
  const stored = modules.flatMap((name) => [...read(`assets/${name}`).matchAll(/(?:localStorage|storage\??)\.setItem\((\w+)/g)].map(([, key]) => key));
  assert.deepEqual([...new Set(stored)].sort(), ["SIGNED_IN", "SWITCH"]);
});

test("everything that is said has a text, and no text is there for nothing", () => {
  const sources = modules.filter((name) => name !== "console-en.js").map((name) => read(`assets/${name}`)).join("\n");
  const quoted = new Set([...sources.matchAll(/["'`](\w+)["'`]/g)].map(([, word]) => word));
  const said = [...sources.matchAll(/\b(?:says?|remark|actOn|buttonOn|bars|table|views)\("(\w+)"/g)].map(([, key]) => key);
  const heads = [...sources.matchAll(/\btable\("\w+", \[([^\]]*)\]/g)].flatMap(([, list]) => list.match(/\w+/g));
  assert.ok(heads.length > 20, "heads of tables are found");
  for (const key of [...said, ...heads]) assert.ok(key in texts, key);
  const prefixes = [...sources.matchAll(/`(\w+_)\$\{/g)].map(([, prefix]) => prefix);
  const unused = Object.keys(texts).filter((key) => !quoted.has(key) && !prefixes.some((prefix) => key.startsWith(prefix)) && !key.endsWith("_told"));
  assert.deepEqual(unused, [], "texts that nobody shows");
  for (const state of STATES) assert.ok(`state_${state}` in texts, state);
  for (const signal of SIGNALS) assert.ok(`signal_${signal}` in texts, signal);
  for (const reason of REASONS) assert.ok(`reason_${reason}` in texts, reason);
  for (const what of [...Object.values(KEYS), ...Object.values(QUEUE_KEYS), ...Object.values(WALL_KEYS)]) assert.ok(`key_${what}` in texts, what);
});

test("every action that the log can hold has words", () => {
  const sources = new URL("../../src/", import.meta.url);
  const files = readdirSync(sources, { recursive: true }).filter((name) => name.endsWith(".rs")).map((name) => readFileSync(new URL(name, sources), "utf8"));
  // What is recorded is a dotted name in a file that speaks of the log; names of files and of columns are none.
  const schema = readFileSync(new URL("db/schema.rs", sources), "utf8");
  const tables = new Set([...schema.matchAll(/^ {4}(\w+) \(/gm)].map(([, name]) => name));
  const writing = files.filter((source) => /\baudit\b|\bnote_look\(|\brecord(_by)?\(/.test(source));
  const actions = new Set(writing.flatMap((source) => [...source.matchAll(/"([a-z]+\.[a-z_]+)"/g)].map(([, name]) => name)).filter((name) => !/\.(js|css|html|sql|json|example)$/.test(name) && !tables.has(name.split(".")[0])));
  assert.ok(actions.size >= 50 && actions.has("alert.add") && actions.has("audit.drop"), `${actions.size}`);
  for (const name of actions) assert.ok(`log_${name.replace(/\./g, "_")}` in texts, name);
});

test("numbers and plurals are those of the language", () => {
  assert.equal(say("found", { count: 1 }), "1 pledge");
  assert.equal(say("found", { count: 77_000 }), "77,000 pledges");
  assert.equal(say("no such text"), "no such text");
  assert.match(moment("2026-11-23T12:00:00Z"), /23 Nov 2026.*12:00:00 UTC/);
  assert.equal(moment(null), "");
});

test("a problem is told in words, with its fields, and one without words in those of the service", () => {
  assert.equal(trouble({ code: "wrong_login", errors: [] }), texts.problem_wrong_login);
  assert.match(trouble({ code: "too_many_requests", retryAfter: 17 }), /17 seconds/);
  assert.match(trouble({ code: "invalid_fields", errors: [{ pointer: "/note", code: "too_long" }] }), /note: is too long\./);
  const text = (code) => trouble({ code: "invalid_fields", errors: [{ pointer: "/text", code }] });
  assert.match(text("too_many"), /text: has too many\./);
  assert.match(text("invalid_text"), /text: has no word\./);
  assert.match(trouble({ code: "invalid_fields", errors: [{ pointer: "/note", code: "invalid_text" }] }), /note: has a character/);
  assert.equal(trouble({ code: "something_new", detail: "As the service says." }), "As the service says.");
});
