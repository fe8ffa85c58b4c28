// The wall on partners' pages, without a browser: strangers' words are text, what is gone goes, reports say what is meant.

import assert from "node:assert/strict";
import { test } from "node:test";
import { newHost } from "../map/dom.mjs";

// What an element must be able to do for the wall to be drawn.
globalThis.HTMLElement ??= class {
  isConnected = true;
  attachShadow() {
    return (this.shadowRoot = newHost({ shadow: true }));
  }
  getAttribute() {
    return "en";
  }
  dispatchEvent() {}
};
Object.defineProperty(Object.getPrototypeOf(document), "isConnected", { value: true });
let PledgeWall;
globalThis.customElements ??= { get: () => PledgeWall, define: (_, element) => (PledgeWall = element) };
const { drawWall, patience, read, within } = await import("../../src/web/assets/wall.js");

const words = { wall_report: "Report", wall_reported: "Thank you.", wall_report_failed: "Later.", wall_reason_spam: "Advertising" };
const entry = (entry, name, message, day = "2026-12-07") => ({ entry, name, message, day });

function wall({ send = async () => true, more = () => {} } = {}) {
  const box = newHost({ shadow: true });
  const show = drawWall(box, words, "en", { send, more });
  const names = () => box.find(({ tag, parent }) => tag === "bdi" && parent.className === "by").map(({ textContent }) => textContent);
  return { box, show, names };
}

test("what strangers wrote is text in its own direction, which search engines leave out", () => {
  const { box, show } = wall();
  const nasty = "<img src=x onerror=alert(1)>\n\u202Bمعًا";
  show([entry("a", "<b>Amina</b>", nasty)], false);
  const strange = box.find(({ tag }) => tag === "bdi");
  assert.deepEqual(strange.map(({ textContent }) => textContent), [nasty, "<b>Amina</b>"]);
  assert(strange.every(({ dir }) => dir === "auto"));
  assert.equal(box.find(({ tag }) => ["img", "b"].includes(tag)).length, 0);
  const [item] = box.find(({ tag }) => tag === "li");
  assert.match(item.textContent, /Dec 7, 2026/);
  // Of other elements, such as entries of lists, search engines don't heed it.
  const around = (node) => (node ? [node, ...around(node.parent)] : []);
  const heeded = (node) => around(node).some((one) => ["div", "section", "span"].includes(one.tag) && one.getAttribute("data-nosnippet") === "");
  assert(strange.every(heeded));
});

test("what is gone goes, what is new comes, and what stands there is not touched", () => {
  const { box, show, names } = wall();
  show([entry("a", "Amina"), entry("b", "Bakari"), entry("c", "Chen")], true);
  const [first, , third] = box.find(({ tag }) => tag === "li");
  show([entry("d", "Dana"), entry("a", "Amina"), entry("c", "Chen")], false);
  assert.deepEqual(names(), ["Dana", "Amina", "Chen"]);
  assert.deepEqual(box.find(({ tag }) => tag === "li").slice(1), [first, third]);
  const [empty] = box.find(({ className }) => className === "empty");
  assert.equal(empty.hidden, true);
  show([], false);
  assert.deepEqual([names(), empty.hidden], [[], false]);
});

test("a report says which entry and why, and whether it went", async () => {
  const sent = [];
  let goes = false;
  const { box, show } = wall({ send: async (report) => sent.push(report) && goes });
  show([entry("a", "Amina", "Buy this")], false);
  const [, spam] = box.find(({ tag, parent }) => tag === "button" && parent.tag === "details");
  const [told] = box.find(({ className }) => className === "told");
  assert.equal(spam.textContent, "Advertising");
  await spam.listeners.click();
  assert.equal(told.textContent, "Later.");
  goes = true;
  await spam.listeners.click();
  assert.equal(told.textContent, "Thank you.");
  assert.deepEqual(sent, Array(2).fill({ entry: "a", reason: "spam" }));
  assert.equal(box.find(({ tag }) => tag === "details").length, 0, "once is enough");
});

test("so many pages are read one after the other, and where there is no wall there is none", async () => {
  const pages = { "/wall": [[1, 2], "x+y"], "/wall?cursor=x%2By": [[3], null] };
  const asked = [];
  const ask = async (address, { credentials }) => {
    asked.push(address);
    assert.equal(credentials, "omit");
    const [entries, next_cursor] = pages[address];
    return { ok: true, status: 200, json: async () => ({ entries, next_cursor }) };
  };
  assert.deepEqual(await read("/wall", 1, ask), { entries: [1, 2], hasMore: true });
  assert.deepEqual(await read("/wall", 5, ask), { entries: [1, 2, 3], hasMore: false });
  assert.deepEqual(asked, ["/wall", "/wall", "/wall?cursor=x%2By"]);
  assert.equal(await read("/wall", 1, async () => ({ status: 404 })), null);
  await assert.rejects(read("/wall", 1, async () => ({ ok: false, status: 503 })));
});

test("what can’t be read stays for three minutes and then goes: somebody may have been taken off", () => {
  let time = 1_700_000_000_000;
  const wait = patience(() => time);
  const found = { entries: [1], hasMore: false };
  assert.equal(wait(), null, "nothing was read yet");
  assert.equal(wait(found, time), found);
  time += 179_999;
  assert.deepEqual([wait(), wait(), wait(), wait(), wait(), wait()], Array(6).fill(undefined), "however often it is tried");
  time += 1;
  assert.equal(wait(), null);
  assert.equal(wait(found, time), found);
  const before = time;
  time += 8 * 3_600_000;
  assert.deepEqual([wait(), wait(found, before)], [null, null], "a tab that nobody saw for hours, and what it had asked for before");
  assert.deepEqual([wait(found, time), wait(), wait(null, time)], [found, undefined, null]);
  wait(found, time);
  time -= 3_600_000;
  assert.equal(wait(), null, "a clock that was put back makes nothing younger");
});

test("what takes too long is given up, after ten seconds", async (test) => {
  const signal = within(1);
  await new Promise((resolve) => signal.addEventListener("abort", resolve));
  test.mock.timers.enable({ apis: ["setTimeout"] });
  let asked;
  await read("/wall", 1, async (_, { signal: given }) => ((asked = given), { status: 404 }));
  test.mock.timers.tick(9_999);
  assert.equal(asked.aborted, false);
  test.mock.timers.tick(1);
  assert.equal(asked.aborted, true);
});

test("who comes back to a tab after long sees no name before the service has answered", async (test) => {
  test.mock.timers.enable({ apis: ["setTimeout", "Date"], now: 1_700_000_000_000 });
  const asked = [];
  let answer = async (address) => ({ ok: true, json: async () => (address.endsWith(".json") ? { lang: "en" } : { entries: [entry("a", "Amina")], next_cursor: null }) });
  test.mock.method(globalThis, "fetch", (address) => (asked.push(address), answer(address)));
  const element = new PledgeWall();
  element.draw("defend");
  const settled = () => new Promise((resolve) => setImmediate(resolve));
  await settled();
  const look = async (hidden, minutes) => {
    test.mock.timers.tick(minutes * 60_000);
    document.hidden = hidden;
    document.listeners.visibilitychange();
    await settled();
    return [element.box.hidden, element.fallback.hidden];
  };
  answer = () => new Promise(() => {});
  assert.deepEqual(await look(true, 0), [false, true]);
  assert.deepEqual(await look(false, 2), [false, true], "not yet long");
  assert.deepEqual(await look(true, 0), [false, true]);
  assert.deepEqual(await look(false, 2), [true, false]);
  assert.equal(asked.length, 4);
  element.end();
});
