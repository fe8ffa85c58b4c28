// Rules that search: told in words, and made of a search without what a new pledge can't have.

import "./dom.mjs";
import assert from "node:assert/strict";
import { test } from "node:test";
import { texts } from "../../src/web/assets/console-en.js";

const { keepSearch, keepable, looksAt, searches } = await import("../../src/web/assets/console-rules.js");

const TAG = "00c5f16d0e7c3a9b";

test("a rule that searches is told as the search is, a block by its value", () => {
  const rule = { kind: "remove", subject: "search", value: null, search: { country: "MC", signals: ["wave_shape"], score_from: 130, name: "Casino Bonus" }, reason: "bot" };
  assert.deepEqual(looksAt(rule), ["Country: Monaco (MC)", "Points from: 130", "Signals: wave: shape", "Exact name: Casino Bonus"]);
  assert.deepEqual(looksAt({ kind: "block", subject: "domain", value: "spam.example" }), ["spam.example"]);
  assert.deepEqual(["hold", "remove", "block", "allow"].filter((kind) => searches({ kind })), ["hold", "remove"]);
});

test("one that can't be opened any more looks at nothing, and says so elsewhere", () => {
  assert.deepEqual(looksAt({ kind: "hold", subject: "search", value: null, search: null }), []);
  assert.deepEqual(looksAt({ kind: "block", subject: "name", value: null }), []);
});

test("what is kept has neither state nor time nor removal: the API refuses them", () => {
  const filter = { state: "counted", from: "2026-11-23T12:00:00Z", to: "2026-11-24T12:00:00Z", removal: "0197c5f1-6d0e-7c3a-9b1e-2f4a5d6c7b80", country: "mc", source_tag: TAG };
  assert.deepEqual(keepable(filter), { country: "MC", source_tag: TAG });
});

test("a search for words on the wall is not kept, nor what else it looks for: the rule would be wider", async () => {
  const api = { post: () => assert.fail("asked") };
  await assert.rejects(keepSearch({ api, campaign: "defend" }, { text: "casino", country: "VA" }), { code: "rule_of_text" });
  assert.ok("problem_rule_of_text" in texts);
});

test("a search of which nothing is left is not kept, and the API isn't asked", async () => {
  const api = { post: () => assert.fail("asked") };
  await assert.rejects(keepSearch({ api, campaign: "defend" }, { state: "held", from: "2026-11-23T12:00:00Z" }), { code: "filter_empty" });
});
