// Screens of a campaign and of accounts: names of partners for all who moderate, what decides what is held, and a quota that nobody
// touched stays as it is.

import { send, settled, shown } from "./dom.mjs";
import assert from "node:assert/strict";
import { test } from "node:test";

globalThis.matchMedia = () => ({ matches: true });
for (const name of ["accounts", "campaign", "search", "switches"]) await import(`../../src/web/assets/console-${name}.js`);

const PARTNER = "0197c5f1-6d0e-7c3a-9b1e-2f4a5d6c7b80";

test("a moderator sees partners by their names, not their ids", async () => {
  const asked = [];
  const answers = { "partners/names": { partners: [{ id: PARTNER, name: "Human Rights House" }] }, switches: { switches: [{ switch: "pause_partner", partner: PARTNER, on: true, reason: "" }] } };
  const get = async (path) => (asked.push(path), Object.entries(answers).find(([end]) => path.endsWith(end))[1]);
  const { screen } = await shown("console-switches", { api: { get } });
  assert.equal(asked[0], "/v1/moderation/campaigns/defend/partners/names");
  assert.match(screen.all("tbody")[0].textContent, /^Pause a partner \(Human Rights House\)/);
});

test("names that can’t be had are told, and the ids stand for them", async () => {
  const failed = [];
  const get = async (path) => {
    if (path.endsWith("names")) throw new Error("away");
    return { switches: [{ switch: "pause_partner", partner: PARTNER, on: true, reason: "" }] };
  };
  const { screen } = await shown("console-switches", { api: { get }, failed: ({ message }) => failed.push(message) });
  assert.deepEqual(failed, ["away"]);
  assert.match(screen.all("tbody")[0].textContent, new RegExp(PARTNER));
});

const campaign = { slug: "defend", texts: {}, languages: ["en"], state: "open", threshold: 10, fields: {}, consents: [] };
const SETTINGS = { hold_at: 130, held_default: "remove", review_days: 30, record_days: 365, confirmation: "none", proof: "on", wall: true, goal: 0, publish_partners: false };

test("settings tell a moderator from how many points on a pledge is held, for how long, and what becomes of it then", async () => {
  const get = async (path) => (path.endsWith("/settings") ? SETTINGS : campaign);
  const { screen } = await shown("console-settings", { api: { get } });
  const facts = Object.fromEntries(screen.all("dl")[0].children.map((pair) => pair.children.map(({ textContent }) => textContent)));
  assert.equal(facts["Points to be held"], "130");
  assert.equal(facts["Days to decide on it"], "30");
  assert.equal(facts["If nobody does"], "it is removed");
  assert.equal(facts.Wall, "On");
  assert.equal(screen.all("form").length, 0, "changing them is for organisers");
});

/** What an organiser's form of settings sends when this is typed over what it shows; `sure`: what they answer when they are asked. */
async function changedSettings(typed, sure = true) {
  const [sent, asked] = [[], []];
  const api = {
    me: { login: "ada", role: "organiser", organises: ["defend"] },
    get: async (path) => (path.endsWith("/settings") ? SETTINGS : path.endsWith("/recipients") ? { recipients: [] } : campaign),
    request: async (...all) => void sent.push(all),
  };
  const { screen, said } = await shown("console-settings", { api, sure: async (title) => (asked.push(title), sure) });
  const shows = { hold_at: "130", proof: "on", goal: "0", note: "They are bots" };
  await send(screen.all("form")[0], { ...shows, ...typed });
  return { sent, asked, said };
}

test("an organiser changes settings: only what was touched is sent, with the reason", async () => {
  const { sent, said, asked } = await changedSettings({ hold_at: "60", goal: "5000" });
  assert.deepEqual(sent, [["PATCH", "/v1/admin/campaigns/defend/settings", { goal: 5_000, hold_at: 60, note: "They are bots" }]]);
  assert.deepEqual([said, asked], [["Saved, and in force within two seconds."], []]);
  assert.deepEqual(await changedSettings({}), { sent: [], asked: [], said: ["Nothing was changed: it is so already."] });
});

test("partners are published only by whoever has read what comes of it", async () => {
  const { sent, asked } = await changedSettings({ publish_partners: "on" }, false);
  assert.deepEqual([sent, asked], [[], ["Publish partners’ names and counts?"]]);
  assert.deepEqual((await changedSettings({ publish_partners: "on" })).sent[0][2], { publish_partners: true, note: "They are bots" });
});

test("a draft has its settings too, and what is typed stays when something is done elsewhere", async () => {
  const get = async (path) => {
    if (path.endsWith("/settings")) return SETTINGS;
    if (path.endsWith("/recipients")) return { recipients: [] };
    throw Object.assign(new Error("not found"), { status: 404 });
  };
  const { screen } = await shown("console-settings", { api: { me: { login: "ada", role: "organiser", organises: ["defend"] }, get } });
  const [form] = screen.all("form");
  assert.match(screen.all("dl")[0].textContent, /Statebeing prepared/);
  form.listeners.input();
  screen.refresh();
  await settled();
  assert.equal(screen.all("form")[0], form);
});

test("a total is called about right, or a least, as the service counted it", async () => {
  const found = async (answer) => {
    const page = { pledges: [], next_cursor: null, held_ends: null, search_lag_seconds: 0, ...answer };
    const { screen } = await shown("console-search", { api: { get: async () => ({ partners: [] }), post: async () => page }, standing: () => [], letters: () => true });
    screen.left();
    return screen.all("strong")[0].textContent;
  };
  assert.equal(await found({ total: 7_000, total_is_exact: true }), "7,000 pledges");
  assert.equal(await found({ total: 7_000, total_is_exact: false }), "7,000 pledges or more");
  assert.equal(await found({ total: 7_000, total_is_exact: false, search_lag_seconds: 2 }), "About 7,000 pledges");
  assert.equal(await found({ total: 25_000, total_is_exact: false }), "About 25,000 pledges");
});

/** What a change of an account sends, where its own or the usual quota is shown and this is typed. */
async function changed(account, removals) {
  const sent = [];
  const accounts = [{ id: "1", login: "bert", role: "moderator", campaigns: [], organises: [], removed_today: 0, disabled_at: null, used_at: null, ...account }];
  const api = { get: async (path) => (path.endsWith("accounts") ? { accounts } : { invitations: [] }), request: async (method, path, body) => sent.push([method, path, body]) };
  const { button, opened } = await shown("console-accounts", { api });
  button("Change").listeners.click();
  const [{ drawn }] = opened;
  const { value, placeholder } = drawn.all("input").find(({ attributes }) => attributes.name === "removals").attributes;
  await send(drawn, { role: "moderator", campaigns: "", organises: "", removals: removals ?? value ?? "" });
  await settled();
  assert.deepEqual(sent[0].slice(0, 2), ["PATCH", "/v1/admin/accounts/1"]);
  return { value, placeholder, body: sent[0][2] };
}

test("the quota of an account is sent only when somebody changed it; emptied, it is the usual one again", async () => {
  const usual = { removals_per_day: 200_000, removals_per_day_is_own: false };
  const own = { removals_per_day: 500, removals_per_day_is_own: true };
  const untouched = await changed(usual);
  assert.deepEqual([untouched.value, untouched.placeholder], [undefined, "200000"]);
  assert.deepEqual(untouched.body, { role: "moderator", campaigns: [], organises: [], disabled: false });
  assert.equal((await changed(usual, "1000")).body.removals_per_day, 1_000);
  assert.ok(!("removals_per_day" in (await changed(own)).body));
  assert.equal((await changed(own, "")).body.removals_per_day, null);
  assert.equal((await changed(own, "0")).body.removals_per_day, 0);
  assert.equal((await changed({ removals_per_day: null, removals_per_day_is_own: false })).placeholder, undefined);
});
