// The rehearsal as a moderator plays it: a wave comes, and from opening the console with a second factor to the wave removed it
// takes less than a minute, with next to nobody honest in it. Then the mistake is undone, and the log tells both.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import { until } from "./campaigns.mjs";
import { close, codeOf, fillIn, invite } from "./console.mjs";
import { assertAccessible, openPage, origin, photograph, startBrowser, visit } from "./support.mjs";

const slug = "training";
const login = `rehearses-${process.pid}`;
const PASSWORD = "kestrel walks over seven bridges";
const PLEDGES = 2_000;

/** Which wave: the same each time, so that a failure can be looked at. Others are played by hand. */
const SEED = process.env.WAVE_SEED ?? "1961";

/** What of the wave must go at the least, in one removal: half of it. */
const LEAST = PLEDGES / 2;

let browser;
before(async () => {
  browser = await startBrowser();
});
after(() => browser?.close());

/** Plays a wave; `said` is what it has said so far, `end` stops it and gives its table: groups with how many came and how many are held or removed. */
function wave() {
  const env = { PATH: process.env.PATH, PLEDGES_MODE: "development", PLEDGES_VAR_DIR: path.dirname(process.env.PLEDGES_ADMIN_PASSWORD_FILE) };
  const program = spawn(process.env.PLEDGES_PROGRAM, ["demo", "--attack", "--pledges", `${PLEDGES}`, "--minutes", "1", "--after", "10", "--seed", SEED], { env, stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  for (const stream of [program.stdout, program.stderr]) stream.on("data", (more) => (text += more));
  after(() => program.kill("SIGKILL"));
  const ended = new Promise((resolve) => program.on("close", resolve));
  const end = async () => {
    program.kill("SIGINT");
    await ended;
    return new Map([...text.matchAll(/^(\w+) +(\d+) +(\d+) +[\d.]+%/gm)].map(([, group, came, gone]) => [group, { came: Number(came), gone: Number(gone) }]));
  };
  return { end, said: () => text };
}

const total = async () => (await (await fetch(`${origin}/v1/campaigns/${slug}/totals`)).json()).total;

/** What an operator's script sees: the groups, and how many pledges a search finds. */
async function watcher() {
  const password = readFileSync(process.env.PLEDGES_ADMIN_PASSWORD_FILE, "utf8").trim();
  const json = { "content-type": "application/json" };
  const signed = await fetch(`${origin}/v1/auth/login`, { method: "POST", headers: json, body: JSON.stringify({ login: "admin", password }) });
  const authorization = `Bearer ${(await signed.json()).access_token}`;
  const campaign = `${origin}/v1/moderation/campaigns/${slug}`;
  return {
    groups: async () => (await (await fetch(`${campaign}/clusters`, { headers: { authorization } })).json()).clusters ?? [],
    found: async (search) => (await (await fetch(`${campaign}/pledges/search`, { method: "POST", headers: { ...json, authorization }, body: JSON.stringify(search) })).json()).total,
  };
}

test("from opening the console to the wave removed: less than a minute, and hardly anybody honest", { timeout: 400_000 }, async () => {
  const came = `${new Date().toISOString().slice(0, 19)}Z`;
  const attack = wave();
  await until("the rehearsal has begun", () => attack.said().includes("playing wave"));
  const visitor = await openPage(browser, {});
  const { page } = visitor;
  // A one-time link, with a second factor from the start.
  await visit(page, `/moderation/#invite=${invite(login, "organiser", slug)}`);
  const secret = await page.locator("code.secret").textContent();
  await page.getByLabel("New password", { exact: true }).fill(PASSWORD);
  await page.getByLabel("New password once more").fill(PASSWORD);
  await page.getByLabel("Code (optional)").fill(codeOf(secret));
  await page.getByRole("button", { name: "Make the account" }).click();
  await page.getByRole("button", { name: "I have kept them" }).click();
  await page.getByRole("button", { name: "Sign out" }).click();

  // The wave has come, and the watch has seen it.
  const { groups, found } = await watcher();
  const isSeen = async () => attack.said().includes("all have come") && (await groups()).some(({ likely }) => likely >= LEAST);
  for (let waited = 0; !(await isSeen()); waited += 1) {
    assert.ok(waited < 240, "half of the wave doesn’t stand out within four minutes");
    await new Promise((resolve) => setTimeout(resolve, 1_000));
  }

  const before = await total();
  const began = Date.now();
  page.expectedFailures = [`${origin}/v1/auth/login`];
  await visit(page, "/moderation/");
  await fillIn(page, login, PASSWORD);
  await page.getByLabel("Code").fill(codeOf(secret, 1));
  await page.getByRole("button", { name: "Sign in" }).click();
  const first = page.locator("article.cluster").first();
  await first.waitFor();
  await assertAccessible(page, "what stands out of a rehearsal");
  await photograph(page, "console-attack-clusters-1440");
  await first.getByRole("button", { name: /^Preview removal/ }).click();
  const panel = page.getByRole("dialog", { name: "Preview of a removal" });
  await panel.locator(".exact strong").waitFor();
  const count = Number((await panel.locator(".exact strong").textContent()).replace(/\D/g, ""));
  assert.ok(count >= LEAST, `${count}`);
  await panel.getByLabel("Reason").selectOption("bot");
  await panel.getByLabel("Note").fill("The wave of the rehearsal");
  await panel.getByRole("button", { name: "Remove all of these" }).click();
  // Under the pointer it stays for as long as the rest takes.
  await page.locator(".toast", { hasText: "removed" }).hover();
  await page.locator("article.removal .badge.done").first().waitFor({ timeout: 30_000 });
  const seconds = (Date.now() - began) / 1_000;
  assert.ok(seconds < 60, `${seconds} s`);

  const table = await attack.end();
  const people = [...table].filter(([group]) => group !== "Bot").map(([, counts]) => counts);
  const honest = people.reduce((sum, { gone }) => sum + gone, 0);
  // People of the day before are in the campaign too, and in no table: all that came before the wave are some.
  const earlier = await found({ removal: new URL(page.url()).hash.match(/id=([\w-]+)/)[1], to: came });
  console.log(`${count} of ${PLEDGES} removed in ${seconds} s; of ${people.reduce((sum, { came: all }) => sum + all, 0)} people ${honest} are held or removed, and ${earlier} of the day before are removed`);
  assert.ok(honest + earlier <= count * 0.01, JSON.stringify([...table]));
  const fallen = await total();
  assert.ok(fallen <= before, `${before} before, ${fallen} after`);
  await page.locator(".toast", { hasText: "removed" }).getByRole("button", { name: "Undo" }).click();
  await page.locator("article.removal .badge.undone").first().waitFor({ timeout: 30_000 });
  await page.getByRole("link", { name: "Log", exact: true }).click();
  for (const what of ["Removed pledges", "Undid a removal"]) await page.locator(".log-entry", { hasText: what }).first().waitFor();
  assert.match(await page.locator(".log-entry", { hasText: "The wave of the rehearsal" }).first().textContent(), new RegExp(login));
  await close(visitor);
});
