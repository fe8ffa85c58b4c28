// The dashboard while pledges come: it follows a rush, says honestly how fresh it is when the line is cut, and stands still
// for whoever wants to read or can't bear motion.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { after, before, test } from "node:test";
import { addCampaign, until } from "./campaigns.mjs";
import { openLine } from "./relay.mjs";
import { expectTrouble, leave, newAddress, openPage, origin, startBrowser, visit } from "./support.mjs";

/** A campaign of this test's own, so that nobody else's pledges are counted here; published ten times a second, so that it's the page that is slow. */
const slug = `live-${process.pid}`;
const path = `/dashboard/${slug}?lang=en`;

let browser;
before(async () => {
  browser = await startBrowser();
  await addCampaign(slug, { threshold: 1, publish_every_ms: 100 });
  await rush(60, 400);
});
after(() => browser?.close());

const totals = async () => (await fetch(`${origin}/v1/campaigns/${slug}/totals`)).json();

/** Pledges as a program does; gives the total that this makes. */
async function pledge() {
  const { total } = await totals();
  const body = JSON.stringify({ name: "Amina", email: newAddress(), country: "KE", language: "en" });
  const answer = await fetch(`${origin}/v1/campaigns/${slug}/pledges`, { method: "POST", headers: { "content-type": "application/json" }, body });
  assert.equal(answer.status, 201);
  return total + 1;
}

/** The rush of `pledges demo`. */
async function rush(count, rate) {
  const words = ["demo", "--url", origin, "--campaign", slug, "--count", count, "--rate", rate];
  const demo = spawn(process.env.PLEDGES_PROGRAM, words.map(String), { stdio: ["ignore", "ignore", "inherit"], env: { PATH: process.env.PATH } });
  const [status] = await once(demo, "exit");
  assert.equal(status, 0);
}

const shown = (page) => page.locator("[data-total]").evaluate((node) => Number(node.textContent.replace(/\D/g, "")));
const shows = (page, total, timeout = 15_000) =>
  page.waitForFunction((wanted) => Number(document.querySelector("[data-total]").textContent.replace(/\D/g, "")) === wanted, total, { timeout });
const says = (page, state) => page.locator(`.connection[data-state=${state}]`).waitFor({ timeout: 20_000 });

/** Remembers in the page when the number changed, and what was said aloud. */
const watch = (page) =>
  page.evaluate(() => {
    globalThis.seen = { totals: [], said: [], busy: 0 };
    const on = (name, note) => new MutationObserver(note).observe(document.querySelector(`[data-${name}]`), { childList: true, characterData: true, subtree: true });
    on("total", () => seen.totals.push([Math.round(performance.now()), Number(document.querySelector("[data-total]").textContent.replace(/\D/g, ""))]));
    on("said", () => seen.said.push(document.querySelector("[data-said]").textContent));
    new PerformanceObserver((list) => list.getEntries().forEach(({ duration }) => (seen.busy += duration))).observe({ type: "longtask" });
  });

test("it follows fifty pledges a second, draws once a second at most, and ends at the published total", async (context) => {
  const visitor = await openPage(browser);
  const { page } = visitor;
  await visit(page, path);
  await says(page, "live");
  const before = (await totals()).total;
  await watch(page);
  await rush(250, 50);
  const ended = Date.now();
  await shows(page, before + 250);
  const published = await totals();
  assert.equal(published.total, before + 250);
  const { totals: seen, said, busy } = await page.evaluate(() => globalThis.seen);
  context.diagnostic(`drawn ${seen.length} times, whole ${Date.now() - ended} ms after the last pledge, long tasks ${Math.round(busy)} ms in all`);
  assert(seen.length >= 4, "it moves while they come");
  const gaps = seen.slice(1).map(([at], place) => at - seen[place][0]);
  assert(Math.min(...gaps) >= 800, `drawn again after ${Math.min(...gaps)} ms`);
  assert(seen.every(([, total], place) => place === 0 || total > seen[place - 1][1]), "it only rises");
  assert(said.length <= 1, "screen readers hear of it every thirty seconds at most");

  const cells = await page.locator(".countries :is(tbody, tfoot) tr:visible td").allInnerTexts();
  assert.equal(cells.reduce((sum, text) => sum + Number(text.replace(/\D/g, "")), 0), published.total, "the table adds up to the total");
  assert.equal(await page.locator("progress").evaluate((bar) => bar.value), published.total);
  assert.match(await page.locator(".chart-slider").getAttribute("aria-valuetext"), new RegExp(`, ${published.total} in all$`));
  const pace = Object.fromEntries(await page.locator("[data-span]").evaluateAll((nodes) => nodes.map((node) => [node.dataset.span, Number(node.textContent)])));
  assert.deepEqual([pace.hour, pace.day], [published.total, published.total], "all of them came within the hour");
  assert(pace.minute > 0 && pace.minute <= published.total);
  await leave(visitor);
});

test("when the line is cut it says so and keeps the last numbers, and is live again by itself", async (context) => {
  const line = await openLine();
  context.after(line.close);
  const visitor = await openPage(browser, { sites: [line.origin] });
  const { page } = visitor;
  await page.goto(line.origin + path);
  await says(page, "live");
  const before = await shown(page);
  line.cut();
  await says(page, "stale");
  assert.match(await page.locator(".connection").innerText(), /^Last known numbers: .*\d\d:\d\d.* Trying to get newer ones\.$/);
  assert.equal(await shown(page), before, "the numbers stay");
  const risen = await pledge();
  line.mend();
  await says(page, "live");
  await shows(page, risen);
  assert.equal(await page.locator(".connection").innerText(), "Live");
  expectTrouble(visitor, /ERR_|Failed to load resource/);
  await leave(visitor);
});

test("where no stream can be had it asks every few seconds, and says that", async (context) => {
  const line = await openLine();
  context.after(line.close);
  line.refuses = (address) => address.endsWith("/totals/stream");
  const visitor = await openPage(browser, { sites: [line.origin] });
  const { page } = visitor;
  await page.goto(line.origin + path);
  await says(page, "polling");
  assert.equal(await page.locator(".connection").innerText(), "Updated every few seconds");
  await shows(page, await pledge());
  await says(page, "polling");
  expectTrouble(visitor, /Failed to load resource.*503/);
  await leave(visitor);
});

test("offline it says that there is no connection, and goes on when there is one", async () => {
  const visitor = await openPage(browser);
  const { page, context } = visitor;
  await visit(page, path);
  await says(page, "live");
  // Remembered in the page: a word of a stream that is still open may follow at once, and then it is live.
  await page.evaluate(() => {
    const line = document.querySelector(".connection");
    globalThis.told = [];
    const remember = () => line.dataset.state === "offline" && told.push(line.innerText);
    new MutationObserver(remember).observe(line, { attributes: true, childList: true, characterData: true, subtree: true });
  });
  await context.setOffline(true);
  const told = await page.waitForFunction(() => globalThis.told.at(-1), null, { timeout: 20_000 });
  assert.match(await told.jsonValue(), /^No connection\. Last known numbers: .*\d\d:\d\d/);
  const risen = await pledge();
  await context.setOffline(false);
  await shows(page, risen);
  await page.locator(".connection:is([data-state=live], [data-state=polling])").waitFor();
  // Whether anything was under way that failed is chance.
  const others = visitor.troubles.filter((trouble) => !trouble.includes("ERR_INTERNET_DISCONNECTED"));
  await leave({ context, troubles: others });
});

test("whoever reads in peace stops it by keyboard, and it goes on where the others are", async () => {
  const visitor = await openPage(browser);
  const { page } = visitor;
  await visit(page, path);
  await says(page, "live");
  const before = await shown(page);
  const button = page.locator("[data-live]");
  await button.focus();
  await page.keyboard.press("Enter");
  assert.match(await page.locator(".connection[data-state=paused]").innerText(), /^Paused: /);
  assert.equal(await button.innerText(), "Resume live updates");
  const risen = await pledge();
  // Another window has drawn it, so this one has heard of it, too.
  const other = await visitor.context.newPage();
  await visit(other, path);
  await says(other, "live");
  await shows(other, risen);
  assert.equal(await shown(page), before);
  await page.bringToFront();
  await button.focus();
  await page.keyboard.press("Space");
  await shows(page, risen);
  await says(page, "live");
  assert.equal(await button.innerText(), "Pause live updates");
  await leave(visitor);
});

test("while it is paused no range of the chart knows more than the number above it", async () => {
  const visitor = await openPage(browser);
  const { page } = visitor;
  await visit(page, `${path}&range=hour`);
  await says(page, "live");
  const before = await shown(page);
  const newest = () => page.locator(".chart-slider").getAttribute("aria-valuetext");
  await page.locator(`.chart-slider[aria-valuetext$=", ${before} in all"]`).waitFor();
  await page.locator("[data-live]").click();
  const risen = await pledge();
  await until("it is published", async () => (await totals()).total === risen);
  await page.waitForTimeout(1500); // long enough to have heard of it
  for (const range of ["week", "month", "all", "day", "hour"]) {
    await page.locator(`[name=range][value=${range}]`).check({ force: true });
    await page.locator(`.chart-slider[aria-valuetext$=" in all"]`).waitFor();
    await page.waitForTimeout(300);
    assert.match(await newest(), new RegExp(`, ${before} in all$`), range);
  }
  assert.equal(await shown(page), before);
  await page.locator("[data-live]").click();
  await shows(page, risen);
  await page.locator(`.chart-slider[aria-valuetext$=", ${risen} in all"]`).waitFor();
  await leave(visitor);
});

test("the number runs up, unless motion is reduced: then nothing moves by itself", async () => {
  const visitor = await openPage(browser);
  const { page } = visitor;
  for (const { reducedMotion, isMoving } of [{ reducedMotion: "no-preference", isMoving: true }, { reducedMotion: "reduce", isMoving: false }]) {
    await page.emulateMedia({ reducedMotion });
    await visit(page, path);
    await says(page, "live");
    await watch(page);
    const { total } = await totals();
    await rush(40, 400);
    await shows(page, total + 40);
    const { totals: seen } = await page.evaluate(() => globalThis.seen);
    const gaps = seen.slice(1).map(([at], place) => at - seen[place][0]);
    assert.equal(gaps.some((gap) => gap < 300), isMoving, `${reducedMotion}: ${JSON.stringify(seen)}`);
    assert.equal(await page.evaluate(() => document.getAnimations().length > 0), isMoving, `${reducedMotion}: animations`);
  }
  await leave(visitor);
});

test("a hidden window rests, and is up to date when one looks again", async () => {
  const visitor = await openPage(browser);
  const { page } = visitor;
  await visit(page, path);
  await says(page, "live");
  const before = await shown(page);
  const hide = (isHidden) =>
    page.evaluate((hidden) => {
      Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
      document.dispatchEvent(new Event("visibilitychange"));
    }, isHidden);
  const ended = page.waitForEvent("requestfailed", (request) => request.url().endsWith("/totals/stream"));
  await hide(true);
  await ended; // it holds no line that nobody looks at
  const risen = await pledge();
  await until("it is published", async () => (await totals()).total === risen);
  assert.equal(await shown(page), before);
  await hide(false);
  await shows(page, risen);
  await leave(visitor);
});

for (const width of [390, 1440]) {
  test(`nothing jumps while what scripts draw comes, at ${width} px`, async (context) => {
    const visitor = await openPage(browser, { width });
    const { page } = visitor;
    await page.addInitScript(() => {
      globalThis.jumped = 0;
      new PerformanceObserver((list) => list.getEntries().forEach(({ value }) => (jumped += value))).observe({ type: "layout-shift", buffered: true });
    });
    // The scripts come when the page has long been painted, as on a slow line.
    let release;
    const painted = new Promise((resolve) => (release = resolve));
    await page.route("**/assets/*.js", async (route) => {
      await painted;
      await route.continue();
    });
    await page.goto(origin + path, { waitUntil: "commit" });
    await page.waitForFunction(() => performance.getEntriesByType("paint").length > 0);
    release();
    await page.locator(".chart-line").waitFor({ state: "attached" });
    await page.locator(".countries.drawn tbody tr").first().waitFor({ state: "attached" });
    await says(page, "live");
    const jumped = await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => setTimeout(() => resolve(jumped)))));
    context.diagnostic(`cumulative layout shift ${jumped.toFixed(4)}`);
    assert(jumped < 0.05, `${jumped}`);
    await leave(visitor);
  });
}

test("where the map can't be had the server's table stays, and no gap", async () => {
  const visitor = await openPage(browser);
  const { page } = visitor;
  await page.route("**/assets/world.*.json", (route) => route.fulfill({ status: 200, body: "broken" }));
  await visit(page, path);
  await page.locator(".board-map.failed").waitFor({ state: "attached" });
  assert.equal(await page.locator(".board-map").evaluate((card) => getComputedStyle(card).display), "none");
  assert(await page.locator(".countries [data-country]").first().isVisible());
  await says(page, "live");
  await leave(visitor);
});
