// What a dashboard says of itself when the service is away, behind a cache, or takes back what it has said.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { addCampaign, run, until } from "./campaigns.mjs";
import { openLine } from "./relay.mjs";
import { expectTrouble, leave, openPage, origin, startBrowser, visit } from "./support.mjs";

const slug = `fresh-${process.pid}`;
const path = `/dashboard/${slug}?lang=en&range=hour`;
const MINUTE = 60_000;

let browser, published;
before(async () => {
  browser = await startBrowser();
  await addCampaign(slug, { threshold: 1 });
  run("demo", "--url", origin, "--campaign", slug, "--count", "40", "--rate", "400");
  await until("all are published", async () => {
    published = await (await fetch(`${origin}/v1/campaigns/${slug}/totals`)).json();
    return published.total === 40;
  });
});
after(() => browser?.close());

const connection = (page) => page.locator(".connection");
const says = (page, state) => page.locator(`.connection[data-state=${state}]`).waitFor({ timeout: 20_000 });

/** The totals as the test says they are, without a stream. */
async function answerTotals(page, answer) {
  await page.addInitScript(() => delete globalThis.EventSource);
  await page.route(`**/v1/campaigns/${slug}/totals`, (route) => route.fulfill(answer()));
}

test("who never heard anything says when the service drew the page, and never a later time", async () => {
  const visitor = await openPage(browser);
  const { page } = visitor;
  // Two hours later by the clock of the page: a tab that was put away before it could ask.
  await page.addInitScript(() => {
    const { now } = Date;
    Date.now = () => now() + 7_200_000;
  });
  await page.route("**/totals**", (route) => route.abort());
  await visit(page, path);
  await says(page, "stale");
  const drawn = await page.locator("[data-drawn]").getAttribute("data-drawn");
  assert(Math.abs(Date.now() - Date.parse(drawn)) < 60_000);
  const time = await page.evaluate((then) => new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" }).format(new Date(then)), drawn);
  assert.equal(await connection(page).innerText(), `Last known numbers: ${time}. Trying to get newer ones.`);
  await page.waitForTimeout(6_000);
  assert.equal(await connection(page).innerText(), `Last known numbers: ${time}. Trying to get newer ones.`);
  await page.locator("[data-live]").click();
  assert.equal(await connection(page).innerText(), `Paused: ${time}`);
  await page.waitForTimeout(1_000); // what it still asks for fails as well
  expectTrouble(visitor, /ERR_FAILED|Failed to load resource/);
  await leave(visitor);
});

test("what a cache has kept for ten minutes is not called fresh", async () => {
  const visitor = await openPage(browser);
  const { page } = visitor;
  let age = 600;
  await answerTotals(page, () => ({ json: published, headers: { age: String(age) } }));
  await visit(page, path);
  await says(page, "stale");
  const time = await page.evaluate(() => new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" }).format(Date.now() - 600_000 - 2_000));
  assert.match(await connection(page).innerText(), new RegExp(`^Last known numbers: ${time.slice(0, 4)}`));
  age = 3;
  await says(page, "polling");
  await leave(visitor);
});

test("an open table of the chart is right again after a correction of what is long past", async () => {
  const visitor = await openPage(browser);
  const { page } = visitor;
  const first = Math.floor(Date.now() / MINUTE) * MINUTE - 69 * MINUTE;
  let isCorrected = false;
  const counts = () => Array.from({ length: 70 }, (_, minute) => (minute === 40 && isCorrected ? 0 : 2));
  const total = () => counts().reduce((sum, count) => sum + count, 0);
  const points = () => {
    let reached = 0;
    return counts().map((count, minute) => ({ at: new Date(first + minute * MINUTE).toISOString(), count, total: (reached += count) }));
  };
  await answerTotals(page, () => ({ json: { ...published, version: published.version + Number(isCorrected), total: total() } }));
  await page.route("**/totals/history?*", (route) => route.fulfill({ json: { interval: "minute", points: points() } }));
  await visit(page, path);
  await page.locator(".chart-table summary").click();
  const rows = page.locator(".chart-table tbody tr");
  await rows.nth(50).waitFor();
  const numbers = () => rows.evaluateAll((all) => all.map((row) => [...row.cells].slice(1).map((cell) => Number(cell.textContent))));
  const sumsUp = (list) => list.every(([count, reached], place) => place === list.length - 1 || reached - count === list[place + 1][1]);
  assert.equal((await numbers())[0][1], 140);
  assert(sumsUp(await numbers()));
  isCorrected = true;
  await until("the table is corrected", async () => (await numbers()).some(([count]) => count === 0) && (await numbers())[0][1] === 138);
  assert(sumsUp(await numbers()), JSON.stringify(await numbers()));
  await leave(visitor);
});

test("that the numbers stand still, and that they move again, is said aloud, and a bad line is not chattered about", async (context) => {
  const line = await openLine();
  context.after(line.close);
  const visitor = await openPage(browser, { sites: [line.origin] });
  const { page } = visitor;
  await page.goto(line.origin + path);
  await says(page, "live");
  await page.evaluate(() => {
    globalThis.said = [];
    const region = document.querySelector("[data-said]");
    new MutationObserver(() => said.push([performance.now(), region.textContent])).observe(region, { childList: true, characterData: true, subtree: true });
  });
  const said = () => page.evaluate(() => globalThis.said);
  const hears = (pattern) => until(`it says ${pattern}`, async () => (await said()).some(([, text]) => pattern.test(text)));
  assert.equal(await page.locator("[data-said]").getAttribute("role"), "status");
  line.cut();
  await says(page, "stale");
  await hears(/^Last known numbers: .*\d\d:\d\d/);
  line.mend();
  await says(page, "live");
  await hears(/^(Live|Updated every few seconds)$/);
  const all = await said();
  assert(all.every(([at], place) => place === 0 || at - all[place - 1][0] >= 9_000), JSON.stringify(all));
  expectTrouble(visitor, /ERR_|Failed to load resource/);
  await leave(visitor);
});
