// The log: filtered by the service, in words that it knows, and taken along whole or to a bound that is told.

import "./dom.mjs";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Api } from "../../src/web/assets/console-api.js";
import { texts } from "../../src/web/assets/console-en.js";
import { actions } from "../../src/web/assets/console-texts.js";

const { action, everything, filterOf, flat } = await import("../../src/web/assets/console-log.js");

test("what is asked for is what the API's document has, and only what has a value", () => {
  const document = readFileSync(new URL("../../openapi.yaml", import.meta.url), "utf8");
  const log = document.match(/\n {6}operationId: getAuditLog\n([\s\S]*?)\n {6}responses:/)[1];
  const known = [...log.matchAll(/^ {6}- name: (\w+)$/gm)].map(([, name]) => name).filter((name) => !["slug", "limit", "cursor"].includes(name));
  const all = Object.fromEntries(known.map((name) => [name, "x"]));
  assert.deepEqual(filterOf({ ...all, evil: "x" }), all);
  assert.deepEqual(filterOf({ login: " ada ", action: "", from: "2026-11-23T12:00:00Z" }), { login: "ada", from: "2026-11-23T12:00:00Z" });
});

test("each action that can be chosen is told in words, and each area has a name", () => {
  assert.ok(actions().length >= 50);
  for (const name of actions()) {
    assert.match(name, /^[a-z]+\.[a-z_]+$/);
    assert.notEqual(action(name), name);
    assert.ok(`area_${name.split(".")[0]}` in texts, name);
  }
  assert.equal(action("something.new"), "something.new");
});

const paged = (pages) => async (cursor) => ({ entries: pages[cursor ?? 0], next_cursor: (cursor ?? 0) + 1 < pages.length ? (cursor ?? 0) + 1 : null });

test("a download has all pages, or says that it is cut", async () => {
  assert.deepEqual(await everything(paged([[1, 2], [3]])), { entries: [1, 2, 3], isAll: true });
  assert.deepEqual(await everything(paged([[1, 2], [3, 4], [5]]), 4), { entries: [1, 2, 3, 4], isAll: false });
  assert.deepEqual(await everything(paged([[]])), { entries: [], isAll: true });
});

test("a file is given as it is", async () => {
  const answers = { "/v1/auth/login": JSON.stringify({ access_token: "one", moderator: {} }), "/v1/admin/audit/export": '{"number":1}\n{"number":2}\n' };
  const api = new Api({ locks: null, fetch: async (path) => new Response(answers[path]) });
  await api.signIn("ada", "secret");
  const blob = await api.get("/v1/admin/audit/export", { as: "blob" });
  assert.equal(await blob.text(), answers["/v1/admin/audit/export"]);
});

test("details are pairs, and lists of ids only how many", () => {
  assert.deepEqual(flat({ pledges: 3, search: { country: "MC" }, ids: [1, 2, 3, 4, 5, 6], none: null }), [["pledges", "3"], ["search.country", "MC"], ["ids", "6 entries"]]);
});
