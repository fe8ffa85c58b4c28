// Moderators take pledges out: on an open dashboard the total falls, and marks, list and chart say what happened. And what
// is published of partners stands there.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { addCampaign, addPartner, until } from "./campaigns.mjs";
import { assertAccessible, assertNoSidewaysScroll, leave, newAddress, openPage, origin, photograph, startBrowser, visit, widths } from "./support.mjs";

const slug = `corrected-${process.pid}`;
const path = `/dashboard/${slug}?lang=en&range=hour`;
const site = "https://house.example";

let browser, token;
before(async () => {
  browser = await startBrowser();
  await addCampaign(slug, { threshold: 1, publish_partners: true });
  const siteKey = await addPartner(slug, site);
  for (const country of ["KE", "KE", "FR", "BR", "IN", "IN", "MX"]) await pledge({ country });
  for (const country of ["DE", "DE", "PH"]) await pledge({ country, site_key: siteKey });
  await until("all are published", async () => (await totals()).total === 10);
  // The first reading of a service that has just begun may be too slow for it, and it says 503; then browsers complain.
  for (const part of ["history?interval=minute", "corrections", "partners"]) {
    await until(`${part} is read`, async () => (await fetch(`${origin}/v1/campaigns/${slug}/totals/${part}`)).ok);
  }
  // What was read a moment too early holds for some seconds.
  const partners = async () => (await (await fetch(`${origin}/v1/campaigns/${slug}/totals/partners`)).json()).partners;
  await until("the partner is published", async () => (await partners())[0]?.count === 3);
  const password = readFileSync(process.env.PLEDGES_ADMIN_PASSWORD_FILE, "utf8").trim();
  token = (await post("/v1/auth/login", { login: "admin", password })).access_token;
});
after(() => browser?.close());

const totals = async () => (await fetch(`${origin}/v1/campaigns/${slug}/totals`)).json();

async function post(address, body, headers = {}) {
  const answer = await fetch(origin + address, { method: "POST", headers: { "content-type": "application/json", ...headers }, body: JSON.stringify(body) });
  assert(answer.ok, `${address} answers ${answer.status}`);
  return answer.json();
}

const pledge = (more) => post(`/v1/campaigns/${slug}/pledges`, { name: "Amina", email: newAddress(), language: "en", ...more }, more.site_key ? { origin: site } : {});

/** Takes pledges from a country out, as a moderator does. */
async function remove(country, reason) {
  const [pledges, authorization] = [`/v1/moderation/campaigns/${slug}/pledges?country=${country}&state=counted`, `Bearer ${token}`];
  const found = await (await fetch(origin + pledges, { headers: { authorization } })).json();
  const ids = found.pledges.map(({ id }) => id);
  await post(`/v1/moderation/campaigns/${slug}/removals`, { ids, reason, note: "A test of the dashboard" }, { authorization });
  return ids.length;
}

const listed = (page) => page.locator("[data-corrections-list] tbody tr").evaluateAll((rows) => rows.map((row) => [...row.cells].map((cell) => cell.textContent)));

test("a removal is seen where the dashboard is open: the total falls, the chart has a mark, the list says why", async () => {
  const visitor = await openPage(browser);
  const { page } = visitor;
  await visit(page, path);
  await page.locator(".connection[data-state=live]").waitFor();
  await page.locator('.chart-slider[aria-valuetext$=", 10 in all"]').waitFor({ timeout: 30_000 });
  const card = page.locator("[data-corrections-card]");
  assert.equal(await card.isVisible(), false, "no correction, no list");
  assert.equal(await page.locator(".chart-correction").count(), 0);

  assert.equal((await remove("KE", "bot")) + (await remove("BR", "duplicate")), 3);
  await page.waitForFunction(() => document.querySelector("[data-total]").textContent === "7");
  await card.waitFor({ timeout: 30_000 });
  await until("both are listed", async () => (await listed(page)).length === 2);
  const today = new Intl.DateTimeFormat("en-GB", { dateStyle: "long", timeZone: "UTC" }).format(Date.now());
  assert.deepEqual((await listed(page)).sort(), [[today, "−1", "Same person twice"], [today, "−2", "Sent by programs"]].sort());
  await page.locator(".chart-correction").first().waitFor({ state: "attached" });
  assert.equal(await page.locator(".chart-correction").count(), 1, "one mark for the day");
  await page.locator('.chart-slider[aria-valuetext$=", 7 in all"]').waitFor({ timeout: 30_000 });
  assert.match(await page.locator(".chart-picture").getAttribute("aria-label"), /to 7\.$/);
  const codes = await page.locator(".countries tbody tr:visible th").allInnerTexts();
  assert(!codes.includes("Kenya") && codes.includes("Germany"), codes.join());
  await leave(visitor);
});

test("what is published of partners stands in a table of its own", async () => {
  const visitor = await openPage(browser);
  const { page } = visitor;
  await visit(page, path);
  const rows = () => page.locator("[data-partner-counts] tbody tr").evaluateAll((all) => all.map((row) => [...row.cells].map((cell) => cell.textContent)));
  assert.deepEqual(await rows(), [["Human Rights House", "3"]], "as the service drew it");
  // As it is told later on.
  await page.route("**/totals/partners", (route) => route.fulfill({ json: { partners: [{ name: "<b>House</b>", count: 1234 }, { name: "دار", count: 3 }] } }));
  await page.reload();
  await until("the table is new", async () => (await rows()).length === 2);
  assert.deepEqual(await rows(), [["<b>House</b>", "1,234"], ["دار", "3"]], "names are texts");
  await leave(visitor);
});

for (const { name, address, colorScheme, pictures } of [
  { name: "en-light", address: path, colorScheme: "light", pictures: [390, 1440] },
  { name: "ar-dark", address: path.replace("=en", "=ar"), colorScheme: "dark", pictures: [320, 1440] },
  { name: "wall", address: `${path}&wall`, colorScheme: "dark", pictures: [1440] },
]) {
  test(`corrections and partners are accessible and fit every width (${name})`, async () => {
    const visitor = await openPage(browser, { colorScheme });
    const { page } = visitor;
    await visit(page, address);
    await page.locator("[data-corrections-card]:not([hidden])").waitFor();
    await page.locator(".countries.drawn tbody tr").first().waitFor({ state: "attached" });
    await page.locator(".chart-correction").first().waitFor({ state: "attached" });
    const minus = page.locator("[data-corrections-list] td bdi").first();
    assert.match(await minus.evaluate((number) => getComputedStyle(number).direction + number.textContent), /^ltr−\d$/, "the sign stands before the number");
    for (const width of widths) {
      await page.setViewportSize({ width, height: width < 800 ? 844 : Math.round((width * 9) / 16) });
      await assertNoSidewaysScroll(page, `corrections (${name}) at ${width} px`);
      if (pictures.includes(width)) await photograph(page, `corrections-${name}-${width}`);
    }
    assert.equal(await page.locator(".board-partners").isVisible(), name !== "wall");
    await assertAccessible(page, `corrections (${name})`);
    await leave(visitor);
  });
}
