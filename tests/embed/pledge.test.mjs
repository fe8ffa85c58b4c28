// The module for partners' own forms against a service that fails in every way: what is sent again, when, and with what.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { beforeEach, test } from "node:test";
import { solver } from "../../src/web/assets/solve.js";
import { PledgeError, Pledges, retryAfter } from "../../src/web/assets/pledge.js";
import { challenge } from "./challenge.mjs";

const realTimeout = globalThis.setTimeout;
const fields = { name: "Amina", email: "amina@example.org", country: "NG", consents: [{ purpose: "updates", version: 1 }] };
const totals = { total: 7 };
let waits, posts, asked, answers, proof, texts, refusal;

const json = (status, body, headers = {}) => new Response(JSON.stringify(body), { status, headers });
const problem = (status, code, more = {}, headers = {}) => json(status, { code, status, ...more }, headers);
const counted = () => json(201, { id: "key", totals });

beforeEach(() => {
  refusal = null;
  [waits, posts, asked, answers, proof, texts] = [[], [], [], [], "on", { errors_text: "Correct it:", error_required_name: "A name, please." }];
  globalThis.setTimeout = (call, wait, ...rest) => {
    if (wait > 50 && ![1000, 20_000, 60_000].includes(wait)) waits.push(wait); // those are how long things may take
    return realTimeout(call, wait / 1000, ...rest);
  };
  globalThis.fetch = async (address, { method = "GET", headers = {}, body, credentials } = {}) => {
    assert.equal(credentials, "omit");
    const { pathname, search } = new URL(address);
    asked.push(`${method} ${pathname}${search}`);
    if (pathname.startsWith("/embed/texts/")) return texts === "never" ? new Promise(() => {}) : texts ? json(200, texts) : json(404, {});
    if (pathname.endsWith("/challenge")) return refusal?.() ?? json(200, challenge({ keyPrefix: "0", cost: 1 }));
    if (method === "GET") return json(200, { proof });
    posts.push({ key: headers["Idempotency-Key"], body: JSON.parse(body) });
    const answer = answers.shift() ?? counted;
    return answer();
  };
});

const pledges = (options) => new Pledges({ campaign: "together-we-defend", siteKey: "pk_1", language: "fr", origin: "https://pledges.test", ...options });
const lost = () => {
  throw new TypeError("Failed to fetch");
};

test("a pledge is sent with its proof, site key and language", async () => {
  const receipt = await pledges().send(fields);
  assert.deepEqual(receipt, { status: "counted", id: "key", totals });
  const [{ key, body }] = posts;
  assert.match(key, /^[!-~]{16,255}$/);
  assert.deepEqual([body.site_key, body.language, body.email], ["pk_1", "fr", fields.email]);
  const { challenge: given, solution } = JSON.parse(Buffer.from(body.proof, "base64").toString());
  const { counter, derivedKey } = solver()(given, Infinity);
  assert.deepEqual([solution.counter, solution.derivedKey], [counter, derivedKey]);
  assert(asked.includes("GET /v1/campaigns/together-we-defend/challenge?site_key=pk_1"));
});

test("202 is awaiting, and a campaign without proof is sent none", async () => {
  proof = "off";
  answers = [() => json(202, { id: "key", totals })];
  assert.equal((await pledges().send(fields)).status, "awaiting");
  assert.equal("proof" in posts[0].body, false);
  assert(!asked.some((line) => line.includes("/challenge")));
});

test("after loss of the network, 503 and 429 the same is sent again under the same key", async () => {
  answers = [lost, () => problem(503, "unavailable", {}, { "Retry-After": "7" }), () => problem(429, "too_many_requests", {}, { "Retry-After": "3" })];
  const states = [];
  await pledges().send(fields, { onState: (state) => states.push(state) });
  assert.equal(posts.length, 4);
  assert.equal(new Set(posts.map(({ key, body }) => key + JSON.stringify(body))).size, 1);
  assert(waits[1] >= 7000 && waits[1] <= 8000 && waits[2] >= 3000 && waits[2] <= 4000, `${waits}`);
  assert.deepEqual([states[0], states[1], states[2]], ["proof", "sending", "again"]);
});

test("it gives up after six tries, and at once when it would wait too long", async () => {
  const one = pledges();
  answers = Array(20).fill(lost);
  await assert.rejects(one.send(fields), ({ code, status }) => code === "network" && status === 0);
  assert.equal(posts.length, 6);
  const { key } = posts[0];
  answers = [() => problem(503, "partner_paused", {}, { "Retry-After": "7200" })];
  await assert.rejects(one.send(fields), (error) => error instanceof PledgeError && error.retryAfter === 7_200_000);
  assert.equal(posts.length, 7);
  assert.equal(posts[6].key, key, "the same content has the same key, pressed again too");
  answers = [];
  await one.send({ ...fields, name: "Another" });
  assert.notEqual(posts[7].key, key);
});

test("what browsers hide behind a lost network, a page that may not post, is told as what it is", async () => {
  proof = "off"; // else it isn't hidden: the challenge is asked for first
  texts = { form_error_partner: "Tell whoever runs this page.", form_error_network: "No connection." };
  const challenges = () => asked.filter((line) => line.includes("/challenge?site_key=pk_1")).length;
  for (const code of ["foreign_origin", "unknown_key", "partner_disabled"]) {
    [posts, asked, answers] = [[], [], Array(20).fill(lost)];
    refusal = () => problem(403, code);
    await assert.rejects(pledges().send(fields), { code, message: "Tell whoever runs this page." });
    assert.deepEqual([posts.length, challenges()], [1, 1], "no use in trying again");
  }
  // Where it may, or nobody can say, the network is to blame, and it is asked once.
  for (refusal of [null, lost, () => problem(429, "too_many_requests"), () => problem(503, "unavailable")]) {
    [posts, asked, answers] = [[], [], Array(20).fill(lost)];
    await assert.rejects(pledges().send(fields), { code: "network", message: "No connection." });
    assert.deepEqual([posts.length, challenges()], [6, 1]);
  }
});

test("a spent or expired proof is renewed, others' mistakes are not repeated", async () => {
  const proofError = (code) => () => problem(422, "invalid_fields", { errors: [{ pointer: "/proof", code }] });
  answers = [() => problem(409, "proof_spent"), proofError("expired_proof")];
  await pledges().send(fields);
  assert.equal(new Set(posts.map(({ body }) => body.proof)).size, 3);
  posts = [];
  answers = Array(5).fill(proofError("invalid_proof"));
  await assert.rejects(pledges().send(fields), ({ code }) => code === "proof");
  assert.equal(posts.length, 3);
});

test("a campaign that wants a proof after all is given one", async () => {
  answers = [() => problem(422, "invalid_fields", { errors: [{ pointer: "/proof", code: "required" }] })];
  await pledges({ proof: false }).send(fields);
  assert.deepEqual(posts.map(({ body }) => "proof" in body), [false, true]);
});

test("errors say in words which field is wrong, and never what was typed", async () => {
  answers = [() => problem(422, "invalid_fields", { errors: [{ pointer: "/name", code: "required" }, { pointer: "/consents/0/version", code: "brand_new" }] })];
  const error = await pledges().send({ ...fields, name: undefined }).catch((error) => error);
  assert.equal(error.message, "Correct it:");
  assert.deepEqual(error.errors, [
    { field: "name", code: "required", message: "A name, please." },
    { field: "consent_updates", code: "brand_new", message: "Please check this entry." },
  ]);
  assert(!JSON.stringify(error).includes("amina"));
});

test("without the service's texts it speaks English", async () => {
  texts = null;
  answers = [() => problem(409, "campaign_closed")];
  await assert.rejects(pledges().send(fields), { message: /could not be accepted/ });
});

test("words that never come are waited for a moment, asked for once, and those of the page are said instead", async () => {
  for (texts of ["never", null]) {
    asked = [];
    const one = pledges({ words: { error_required_name: "Le nom, s'il vous plaît." } });
    one.prepare();
    answers = [() => problem(422, "invalid_fields", { errors: [{ pointer: "/name", code: "required" }, { pointer: "/email", code: "invalid_email" }] })];
    const error = await one.send(fields).catch((error) => error);
    assert.deepEqual(error.errors.map(({ message }) => message), ["Le nom, s'il vous plaît.", "Please check this entry."]);
    assert.equal(asked.filter((line) => line.includes("/texts/")).length, 1);
  }
  texts = { error_other: "Vérifiez." };
  const one = pledges({ words: { error_other: "?", error_required: "Hm." } });
  assert.equal(await one.texts(), one.words);
  assert.deepEqual([one.words.error_other, one.words.error_required], ["Vérifiez.", "Hm."]);
});

test("a challenge is solved once while somebody types, and used", async () => {
  const one = pledges();
  await Promise.all([one.prepare(), one.prepare()]);
  await one.send(fields);
  assert.equal(asked.filter((line) => line.includes("/challenge")).length, 1);
  await one.send(fields);
  assert.equal(asked.filter((line) => line.includes("/challenge")).length, 2, "a proof is good once");
});

test("offline it waits for the network, however long, and can be called off", async () => {
  const online = new Set();
  Object.defineProperty(globalThis, "navigator", { value: { onLine: false }, configurable: true });
  globalThis.addEventListener = (type, listener) => online.add(listener);
  globalThis.removeEventListener = () => {};
  answers = [lost];
  const states = [];
  const sent = pledges().send(fields, { onState: (state) => states.push(state) });
  while (online.size === 0) await new Promise((resolve) => realTimeout(resolve, 1));
  assert.equal(states[states.length - 1], "offline");
  for (const listener of online) listener();
  assert.equal((await sent).status, "counted");

  answers = [lost];
  const stop = new AbortController();
  const stopped = pledges().send(fields, { signal: stop.signal });
  setTimeout(() => stop.abort(), 20_000);
  await assert.rejects(stopped);
  Object.defineProperty(globalThis, "navigator", { value: undefined, configurable: true });
});

test("Retry-After is read in both of its forms", () => {
  assert.equal(retryAfter("120"), 120_000);
  assert.equal(retryAfter("Sat, 28 Nov 2026 12:00:30 GMT", Date.parse("2026-11-28T12:00:00Z")), 30_000);
  assert.equal(retryAfter("soon"), null);
  assert.equal(retryAfter(null), null);
});

test("it stores and logs nothing", () => {
  for (const file of ["pledge.js", "solve.js", "form.js", "notes.js", "frame.js", "embed.js", "feed.js", "wall.js"]) {
    const text = readFileSync(new URL(`../../src/web/assets/${file}`, import.meta.url), "utf8");
    assert.doesNotMatch(text, /localStorage|sessionStorage|indexedDB|document\.cookie|console\.|innerHTML|eval\(|sendBeacon/, file);
  }
});
