// What an organiser changes of a campaign, in the console; where somebody with several campaigns lands; and that scripts are sent
// without their comments.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { served } from "../served.mjs";
import { addCampaign, until } from "./campaigns.mjs";
import { addAccount, close, signIn } from "./console.mjs";
import { assertAccessible, assertNoSidewaysScroll, origin, photograph, startBrowser } from "./support.mjs";

const [calm, busy] = ["calm", "struck"].map((name) => `${name}-${process.pid}`);
const login = `setter-${process.pid}`;

let browser, password;
before(async () => {
  browser = await startBrowser();
  await addCampaign(calm, { confirmation: "none", goal: 500, threshold: 1 });
  await addCampaign(busy, { confirmation: "none" });
  password = addAccount(login, "organiser", calm, busy);
});
after(() => browser?.close());

const goal = async () => (await (await fetch(`${origin}/v1/campaigns/${calm}`)).json()).goal;

for (const width of [320, 1440]) {
  test(`an organiser changes a setting at ${width} px; the public sees it, and it is on record with what was before`, async () => {
    const wanted = 10_000 + width;
    const visitor = await signIn(browser, login, password, { hash: `#/c/${calm}/settings`, width });
    const { page } = visitor;
    const form = page.getByRole("region", { name: "Change settings" });
    await form.getByLabel("Goal").fill(`${wanted}`);
    await form.getByRole("button", { name: "Save" }).click();
    assert.ok(await form.getByLabel("Note").evaluate((note) => note.validity.valueMissing), "a reason is asked for");
    await assertAccessible(page, `settings at ${width}`);
    await assertNoSidewaysScroll(page, `settings at ${width}`);
    await photograph(page, `console-settings-form-${width}`);
    await form.getByLabel("Note").fill("We grow");
    await form.getByRole("button", { name: "Save" }).click();
    await page.locator(".toast", { hasText: "Saved" }).waitFor();
    await page.locator("dl.facts").getByText(wanted.toLocaleString("en"), { exact: true }).waitFor();
    await until("the public sees it", async () => (await goal()) === wanted);
    await page.evaluate((hash) => (location.hash = hash), `#/c/${calm}/log`);
    const entry = page.locator(".log-entry", { hasText: "Changed the campaign" }).first();
    await entry.locator("summary").click();
    assert.match(await entry.textContent(), new RegExp(`${login}.*We grow.*after\\.goal${wanted}before\\.goal`, "s"));
    await close(visitor);
  });
}

test("partners' counts are published by whoever has read what comes of it", async () => {
  const visitor = await signIn(browser, login, password, { hash: `#/c/${calm}/settings` });
  const { page } = visitor;
  const published = async () => (await (await fetch(`${origin}/v1/campaigns/${calm}`)).json()).publish_partners;
  await page.getByLabel("Partners’ counts are published").check();
  await page.getByLabel("Note").fill("They agree");
  await page.getByRole("button", { name: "Save" }).click();
  const question = page.getByRole("dialog", { name: "Publish partners’ names and counts?" });
  await assertAccessible(page, "the question");
  await question.getByRole("button", { name: "Cancel" }).click();
  await question.waitFor({ state: "hidden" });
  assert.equal(await page.getByLabel("Note").inputValue(), "They agree", "what was typed stays");
  assert.equal(await published(), false);
  await page.getByRole("button", { name: "Save" }).click();
  await question.getByRole("button", { name: "Publish them" }).click();
  await until("everybody sees it", published);
  await close(visitor);
});

test("of several campaigns one lands in that whose group is the first to remove, not the largest", async () => {
  const group = (likely, compared, score = 400) => ({ common: "country", value: "MC", pledges: compared, compared, confirmed: 0, confirmed_share: 0, likely, first_at: null, last_at: "2026-11-23T11:59:00Z", last_likely_at: "2026-11-23T11:58:00Z", trend: Array(24).fill(1), score, reasons: [], search: { country: "MC" }, link: "" });
  const look = (clusters) => ({ as_of: "2026-11-23T12:00:00Z", since: "2026-11-22T12:00:00Z", compared: 90, clusters });
  const land = async (ofCalm, ofBusy, wanted) => {
    const visitor = await signIn(browser, login, password, { prepare: async (page) => {
      await page.route(`**/${calm}/clusters`, (route) => route.fulfill({ json: look(ofCalm) }));
      await page.route(`**/${busy}/clusters`, (route) => route.fulfill({ json: look(ofBusy) }));
    } });
    await visitor.page.waitForURL(`**/#/c/${wanted}`);
    return visitor;
  };
  const visitor = await land([group(400, 20_000)], [group(300, 300)], `${busy}/clusters`);
  await visitor.page.locator(".facts > div", { hasText: "Last like a wave’s" }).waitFor();
  await close(visitor);
  await close(await land([group(300, 300)], [group(0, 50, 1000)], `${busy}/clusters`));
  await close(await land([], [], `${calm}/search`));
});

test("scripts are sent as they are measured: without their comments", async () => {
  const page = await (await fetch(`${origin}/moderation/`)).text();
  const addresses = new Set([...page.matchAll(/\/assets\/console[\w-]*\.[\w-]+\.js/g)].map(([address]) => address));
  assert.ok(addresses.size > 5, `${addresses.size} scripts`);
  for (const address of addresses) {
    const name = address.match(/(console[\w-]*)\./)[1];
    const sent = (await (await fetch(origin + address)).text()).replaceAll(/"\/assets\/([\w-]+)\.[\w-]+\.js"/g, '"./$1.js"');
    assert.equal(sent, served(readFileSync(new URL(`../../src/web/assets/${name}.js`, import.meta.url), "utf8")), name);
  }
});
