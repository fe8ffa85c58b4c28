// What is searched for: as the form has it, as the API takes it, and as the address says it, which names never stand in.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { FILTERS, SIGNALS, fromInput, fromQuery, hashOf, isEmpty, narrower, question, readHash, tidy, toInput, toQuery } from "../../src/web/assets/console-filters.js";

const TAG = "00c5f16d0e7c3a9b";

test("what is empty is left out", () => {
  assert.deepEqual(tidy({ state: "", country: " ke ", signals: [], score_from: "", name: "  ", nothing: "x" }), { country: "KE" });
  assert.deepEqual(tidy({ signals: "wave_shape, wave_name,", score_from: "100" }), { score_from: 100, signals: ["wave_shape", "wave_name"] });
  assert.equal(isEmpty({ state: "", score_from: "0" }), true);
  assert.equal(isEmpty({ score_from: "1" }), false);
});

test("a search is posted, so that names and domains stay out of addresses", () => {
  assert.deepEqual(question({ name: "Amina Okafor", domain: "example.org" }, { cursor: "next" }), { name: "Amina Okafor", domain: "example.org", limit: 50, cursor: "next" });
  assert.deepEqual(question({ name_tag: TAG, state: "held" }), { state: "held", name_tag: TAG, limit: 50 });
});

test("a name and its tag are never searched together, nor a domain and its tag: the API refuses that", () => {
  const filter = { name: "Amina", domain: "example.org", country: "KE" };
  assert.deepEqual(narrower(filter, { name_tag: TAG }), { domain: "example.org", country: "KE", name_tag: TAG });
  assert.deepEqual(narrower(filter, { domain_tag: TAG }), { name: "Amina", country: "KE", domain_tag: TAG });
  assert.deepEqual(narrower(filter, { country: "FR" }), { ...filter, country: "FR" });
});

test("an address says the search, but neither names nor domains, and is read back", () => {
  const filter = { state: "counted", signals: ["wave_shape", "honeypot"], score_from: 40, from: "2026-11-23T12:00:00Z" };
  assert.deepEqual(fromQuery(toQuery({ ...filter, name: "Amina", domain: "example.org", text: "example" })), filter);
  assert.ok(!/Amina|example/.test(toQuery({ ...filter, name: "Amina", domain: "example.org", text: "example" })));
  assert.deepEqual(fromQuery("state=held&name=Amina&domain=a.example&evil=1"), { state: "held" });
});

test("times are in UTC, whatever the clock of the computer says", () => {
  assert.equal(fromInput("2026-11-23T12:00"), "2026-11-23T12:00:00Z");
  assert.equal(fromInput("2026-11-23T12:00:30"), "2026-11-23T12:00:30Z");
  assert.equal(toInput("2026-11-23T12:00:00Z"), "2026-11-23T12:00");
  assert.equal(fromInput("") + toInput(undefined), "");
});

test("an address leads to a screen of a campaign, to one of all, or to an invitation", () => {
  for (const place of [{ campaign: "together-we-defend", screen: "log", query: "" }, { campaign: "a b", screen: "search", query: "state=held" }]) assert.deepEqual(readHash(hashOf(place)), place);
  assert.deepEqual(readHash("#/account"), { screen: "account", query: "" });
  assert.deepEqual(readHash("#invite=q83v-_"), { invite: "q83v-_" });
  assert.deepEqual(readHash(""), { screen: "", query: "" });
  assert.deepEqual(readHash("#/c/%E0%A4%A"), { campaign: "", screen: "search", query: "" });
});

test("the filters are those of the API's document, and the signals those that the service knows", () => {
  const document = readFileSync(new URL("../../openapi.yaml", import.meta.url), "utf8");
  const search = document.match(/\n {4}PledgeSearch:\n([\s\S]*?)\n {6}additionalProperties/)[1];
  const known = [...search.matchAll(/^ {8}(\w+):$/gm)].map(([, name]) => name).filter((name) => !["limit", "cursor"].includes(name));
  assert.deepEqual([...FILTERS].sort(), known.sort());
  const bits = readFileSync(new URL("../../src/gate/signals/bits.rs", import.meta.url), "utf8");
  assert.deepEqual([...SIGNALS].sort(), [...bits.matchAll(/^ +\w+ = \d+, "(\w+)"/gm)].map(([, name]) => name).sort());
});
