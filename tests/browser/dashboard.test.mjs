// The dashboard as journalists and walls see it: complete without JavaScript, worked by keyboard alone, in every look.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { addCampaign, run, until } from "./campaigns.mjs";
import { assertAccessible, assertNoSidewaysScroll, boxOf, leave, openPage, origin, photograph, slug as demo, startBrowser, visit, widths } from "./support.mjs";

/** A campaign of this test's own, which stands still while it is looked at; and one that takes no more pledges. */
const still = `stands-still-${process.pid}`;
const closed = `is-closed-${process.pid}`;
const path = `/dashboard/${demo}`;

let browser;
before(async () => {
  browser = await startBrowser();
  for (const slug of [still, closed]) {
    await addCampaign(slug, { threshold: 1 });
    run("demo", "--url", origin, "--campaign", slug, "--count", "120", "--rate", "400");
    await until("all are published", async () => (await totalsOf(slug)).total === 120);
  }
  run("campaign", "close", closed);
  await until("the campaign is closed", async () => !(await (await fetch(`${origin}/dashboard/${closed}`)).text()).includes("data-open"));
});
after(() => browser?.close());

const totalsOf = async (slug) => (await fetch(`${origin}/v1/campaigns/${slug}/totals`)).json();
const numberIn = (text) => Number(text.replace(/\D/g, ""));
const size = (width) => ({ width, height: width < 800 ? 844 : Math.round((width * 9) / 16) });

/** Until everything that a script draws is there: chart, map and table. */
async function drawn(page) {
  for (const part of [".chart-line", ".map-frame path[data-step='1']", ".countries.drawn tbody tr"]) {
    await page.locator(part).first().waitFor({ state: "attached" });
  }
}

/** Opens a dashboard with everything drawn. */
async function openDashboard(address = path, options = {}) {
  const visitor = await openPage(browser, options);
  await visit(visitor.page, address);
  await drawn(visitor.page);
  return visitor;
}

async function tabTo(page, selector) {
  for (let presses = 0; presses < 40; presses += 1) {
    await page.keyboard.press("Tab");
    if (await page.evaluate((wanted) => document.activeElement.matches(wanted), selector)) return;
  }
  throw new Error(`${selector} was not reached with 40 Tabs`);
}

test("without JavaScript the dashboard has every number, and nothing that does nothing", async () => {
  const visitor = await openPage(browser, { javaScript: false, width: 390 });
  const { page } = visitor;
  await visit(page, `/dashboard/${still}?lang=en`);
  const totals = await totalsOf(still);
  assert.equal(numberIn(await page.locator("[data-total]").innerText()), totals.total);
  assert.match(await page.locator(".goal").innerText(), /^1% of our goal: 10,000$/);
  assert(await page.locator("[data-as-of]").isVisible());
  await page.locator("details.more summary").click();
  const shown = await page.locator("[data-country]").evaluateAll((cells) => cells.map((cell) => [cell.dataset.country, Number(cell.textContent)]));
  assert.deepEqual(Object.fromEntries(shown), Object.fromEntries(totals.countries.map(({ country, count }) => [country, count])));
  assert.equal(numberIn((await page.locator("[data-elsewhere]").allInnerTexts()).join()), totals.elsewhere);
  assert.match(await page.locator("[data-still]").innerText(), /^The numbers on this page stand still: they are those of the last change\./);
  for (const script of ["[data-chart]", "[data-map]", "[data-live]", "[data-pace]", ".connection"]) {
    assert.equal(await page.locator(script).isVisible(), false, `${script} needs scripts`);
  }
  for (const width of widths) {
    await page.setViewportSize(size(width));
    await assertNoSidewaysScroll(page, `the dashboard without JavaScript at ${width} px`);
  }
  await page.setViewportSize(size(1440));
  await photograph(page, "dashboard-without-javascript-1440");
  await leave(visitor);
});

test("where its script doesn't come, what stands there is accessible", async () => {
  const visitor = await openPage(browser, { width: 390 });
  const { page } = visitor;
  await page.route("**/assets/dashboard.*.js", (route) => route.fulfill({ contentType: "text/javascript", body: "" }));
  await visit(page, path);
  await assertAccessible(page, "the dashboard without its script");
  const still = page.locator("[data-still]");
  assert.equal(await still.isVisible(), false, "it may yet come");
  await still.waitFor({ timeout: 12_000 });
  for (const width of widths) {
    await page.setViewportSize(size(width));
    for (const card of ["[data-chart]", "[data-map]"]) {
      assert.equal(await page.locator(card).evaluate((empty) => empty.getBoundingClientRect().height), 0, `no empty ${card} at ${width} px`);
    }
    const [board, countries] = await Promise.all([".board", ".countries"].map((part) => boxOf(page.locator(part))));
    assert(Math.abs(board.width - countries.width) < 2, `the table has the room of the map at ${width} px`);
  }
  await page.setViewportSize(size(1440));
  await photograph(page, "dashboard-without-its-script-1440");
  await assertAccessible(page, "the dashboard whose script never came");
  await leave(visitor);
});

test("form, thanks and start page lead to the dashboard, in the language that is spoken there", async () => {
  const visitor = await openPage(browser);
  const { page } = visitor;
  for (const { address, language } of [{ address: `/c/${demo}/fr`, language: "fr" }, { address: `/c/${demo}/ar/thanks`, language: "ar" }, { address: "/", language: "en" }]) {
    await visit(page, address);
    await page.locator(`.counter a[href="${path}?lang=${language}"]`).click();
    await page.waitForURL(`${origin}${path}?lang=${language}`);
    assert.equal(await page.locator("html").getAttribute("lang"), language);
  }
  await leave(visitor);
});

for (const { name, address, colorScheme, pictures } of [
  { name: "en-light", address: path, colorScheme: "light", pictures: widths },
  { name: "en-dark", address: path, colorScheme: "dark", pictures: [390] },
  // axe-core can't tell contrasts of pages from right to left; their colours are those of the English ones.
  { name: "ar-dark", address: `${path}?lang=ar`, colorScheme: "dark", pictures: [320, 1440] },
  { name: "closed", address: `/dashboard/${closed}`, colorScheme: "light", pictures: [1440] },
]) {
  test(`the dashboard is accessible and whole at every width (${name})`, async () => {
    const visitor = await openDashboard(address, { colorScheme });
    const { page } = visitor;
    assert.equal(await page.locator("h1").count(), 1, "a page has one main heading");
    for (const width of widths) {
      await page.setViewportSize(size(width));
      await assertNoSidewaysScroll(page, `the dashboard (${name}) at ${width} px`);
      if (pictures.includes(width)) await photograph(page, `dashboard-${name}-${width}`);
    }
    await page.setViewportSize(size(390));
    await assertAccessible(page, `the dashboard (${name}) on a phone`);
    await page.locator(".chart-table summary").click();
    await page.locator(".chart-table tbody tr").first().waitFor();
    await assertNoSidewaysScroll(page, `the dashboard (${name}), folded out`);
    await page.setViewportSize(size(1440));
    await assertAccessible(page, `the dashboard (${name}), folded out`);
    await leave(visitor);
  });
}

test("it speaks Arabic from right to left, and leads to the other languages", async () => {
  const visitor = await openDashboard(`${path}?lang=ar`, { width: 320, locale: "en-GB" });
  const { page } = visitor;
  assert.deepEqual(await page.locator("html").evaluate(({ lang, dir }) => [lang, dir]), ["ar", "rtl"]);
  await page.locator(".connection", { hasText: "مباشر" }).waitFor();
  assert.match(await page.locator(".countries tbody").innerText(), /كينيا/);
  assert.match(await page.locator("[data-total]").innerText(), /^[\d,]+$/, "in the digits of the whole site");
  await page.locator(".languages summary").click();
  await page.locator(".languages a[hreflang=fr]").click();
  await page.waitForURL(`${origin}${path}?lang=fr`);
  assert.equal(await page.locator("html").getAttribute("lang"), "fr");
  await leave(visitor);
});

test("a closed campaign stands still and says so", async () => {
  const visitor = await openDashboard(`/dashboard/${closed}?lang=en`);
  const { page } = visitor;
  assert.match(await page.locator(".counter-line").innerText(), /^120\s+Pledges in all$/);
  for (const moving of ["[data-live]", "[data-pace]", ".connection", `a[href^="/c/${closed}"]:text("Make your pledge")`]) {
    assert.equal(await page.locator(moving).filter({ visible: true }).count(), 0, `${moving} is not for a closed campaign`);
  }
  await leave(visitor);
});

test("the chart's ranges, its points and its table are reached by keyboard", async () => {
  const visitor = await openDashboard(path);
  const { page } = visitor;
  const summary = () => page.locator(".chart-picture").getAttribute("aria-label");
  const said = () => page.locator(".chart-slider").getAttribute("aria-valuetext");
  await tabTo(page, "[name=range]");
  assert.equal(await page.locator(":focus").inputValue(), "day");
  for (const range of ["week", "month", "all"]) {
    const before = await summary();
    await page.keyboard.press("ArrowRight");
    assert.equal(await page.locator("[name=range]:checked").inputValue(), range);
    // A month that holds the whole campaign looks the same as everything does.
    if (range !== "all") await page.waitForFunction((old) => document.querySelector(".chart-picture").getAttribute("aria-label") !== old, before);
  }
  // From the beginning is from nothing.
  await page.locator(".chart-picture[aria-label*=' the total went from 0 to ']").waitFor();
  await tabTo(page, ".chart-slider");
  const newest = await said();
  await page.keyboard.press("ArrowLeft");
  await page.waitForFunction((old) => document.querySelector(".chart-slider").getAttribute("aria-valuetext") !== old, newest);
  assert.match(await said(), /^.*\d: \d+ new, [\d,]+ in all$/);
  assert.equal(await page.locator(".chart-point").innerText(), await said(), "who sees reads the same");
  assert.equal(await page.locator(".chart-dot").count(), 1);
  await page.keyboard.press("Home");
  const first = await said();
  await tabTo(page, ".chart-table summary");
  await page.keyboard.press("Enter");
  const rows = page.locator(".chart-table tbody tr");
  await rows.first().waitFor();
  assert.equal(await rows.count(), Number(await page.locator(".chart-slider").getAttribute("max")) + 1, "as many rows as points");
  assert.equal(first.split(": ")[0], await rows.last().locator("th").innerText());
  await leave(visitor);
});

test("an address can say which range is shown", async () => {
  const visitor = await openDashboard(`${path}?range=month`);
  assert.equal(await visitor.page.locator("[name=range]:checked").inputValue(), "month");
  assert(await visitor.page.locator("[data-chart-days]").isVisible(), "days begin at midnight UTC, and it says so");
  await leave(visitor);
});

test("the table is searched and sorted by keyboard, and says how it is sorted", async () => {
  const visitor = await openDashboard(path);
  const { page } = visitor;
  const names = () => page.locator(".countries tbody tr:visible th").allInnerTexts();
  const sorts = () => page.locator(".countries thead th").evaluateAll((heads) => heads.map((head) => head.ariaSort));
  assert.deepEqual(await sorts(), [null, "descending"]);
  const all = await names();
  await tabTo(page, ".countries input[type=search]");
  await page.keyboard.type("turk"); // as one types it who has no ü
  await page.locator(".countries [role=status]", { hasText: "Countries found: 1" }).waitFor({ state: "attached" });
  assert.deepEqual(await names(), all.filter((name) => /^T.rk/.test(name)));
  await page.keyboard.press("Control+A");
  await page.keyboard.press("Backspace");
  await tabTo(page, ".countries thead button");
  await page.keyboard.press("Enter");
  assert.deepEqual(await sorts(), ["ascending", null]);
  assert.deepEqual(await names(), all.toSorted(new Intl.Collator("en").compare));
  await page.keyboard.press("Enter");
  assert.deepEqual(await sorts(), ["descending", null]);
  await page.keyboard.press("Tab");
  await page.keyboard.press("Space");
  assert.deepEqual(await sorts(), [null, "descending"]);
  assert.deepEqual((await names()).toSorted(), all.toSorted());
  await leave(visitor);
});

test("the map shows a name while one points at a country, by mouse or keyboard, and hides it again", async () => {
  const visitor = await openDashboard(`/dashboard/${still}?lang=en`);
  const { page } = visitor;
  const tip = page.locator(".map-tip");
  const counts = (await totalsOf(still)).countries.toSorted((one, other) => other.count - one.count);
  const placeOf = ({ country, count }) => `${new Intl.DisplayNames("en", { type: "region" }).of(country)}: ${count}`;
  assert.equal(await tip.isVisible(), false);
  await tabTo(page, ".map-frame");
  assert.equal((await tip.innerText()).split("\n")[0], placeOf(counts[0]), "first the one with most");
  await page.keyboard.press("ArrowRight");
  assert.match(await tip.innerText(), new RegExp(`: ${counts[1].count}\\b`));
  await photograph(page, "dashboard-map-focus");
  await page.keyboard.press("Escape");
  assert.equal(await tip.isVisible(), false);
  await page.keyboard.press("ArrowRight");
  assert(await tip.isVisible());
  await page.keyboard.press("Tab");
  assert.equal(await tip.isVisible(), false, "the focus went on");
  // Somewhere in Brazil, whatever its number.
  const brazil = page.locator('.map-frame path[data-code="BR"]').first();
  await brazil.hover();
  assert.match(await tip.innerText(), /^Brazil/);
  await page.locator("#map-title").hover();
  assert.equal(await tip.isVisible(), false);
  await leave(visitor);
});

test("the numbers can be taken along as CSV, and add up", async () => {
  const visitor = await openDashboard(`/dashboard/${still}?lang=en`);
  const { page } = visitor;
  const download = page.waitForEvent("download");
  await page.locator(".explain a[href$='/totals.csv']").click();
  const lines = readFileSync(await (await download).path(), "utf8").trim().split(/\r?\n/);
  const rows = lines.map((line) => line.split(","));
  assert.deepEqual([rows.shift(), rows.pop()], [["country", "count"], ["total", "120"]]);
  assert.equal(rows.reduce((sum, [, count]) => sum + Number(count), 0), 120);
  await leave(visitor);
});

test("on a wall everything that counts stands in one screen, and nothing else", async () => {
  const visitor = await openDashboard(`${path}?wall`);
  const { page } = visitor;
  for (const viewport of [{ width: 1280, height: 720 }, { width: 1920, height: 1080 }, { width: 3840, height: 2160 }]) {
    await page.setViewportSize(viewport);
    await assertNoSidewaysScroll(page, `the wall at ${viewport.width} px`);
    const fits = await page.evaluate(() => document.documentElement.scrollHeight <= innerHeight);
    assert(fits, `nothing has to be scrolled at ${viewport.width} px`);
    for (const part of [".number", ".pace dd", ".connection", ".chart-picture", ".map-frame svg"]) {
      const box = await boxOf(page.locator(part).first());
      assert(box.width > 0 && box.height > 0 && box.y >= 0 && box.y + box.height <= viewport.height + 1, `${part} is seen at ${viewport.width} px`);
    }
    if (viewport.width > 1280) await photograph(page, `dashboard-wall-${viewport.width}`);
  }
  assert.equal(await page.locator("[data-chart-cut]").innerText(), "The scale of the total does not begin at zero.");
  const totals = await totalsOf(demo);
  assert.match(
    await page.locator("[data-map] h2 + .note").innerText(),
    new RegExp(`^Small numbers are rounded down\\. Elsewhere or not stated: [\\d,]+\\. People who .* fewer than ${totals.threshold} pledges`),
  );
  for (const [line, picture] of [["[data-chart-cut]", ".chart-picture"], ["[data-map] .note", ".map-frame"]]) {
    // At one moment: the board is drawn anew while it is looked at.
    const [text, drawing] = await page.evaluate((parts) => parts.map((part) => document.querySelector(part).getBoundingClientRect().toJSON()), [line, picture]);
    assert(text.bottom <= drawing.top + 1, `${line} stands above what it explains`);
  }
  for (const part of [".top", ".countries", ".explain", ".ranges", ".live"]) assert.equal(await page.locator(part).isVisible(), false, `no ${part} on a wall`);
  await assertAccessible(page, "the wall");
  for (const width of [320, 390]) {
    await page.setViewportSize(size(width));
    await assertNoSidewaysScroll(page, `the wall at ${width} px`);
  }
  await photograph(page, "dashboard-wall-390");
  await leave(visitor);
});

test("on paper it is black on white, with the whole table and no controls", async () => {
  const visitor = await openDashboard(path, { colorScheme: "dark" });
  const { page } = visitor;
  await page.emulateMedia({ media: "print", colorScheme: "dark", reducedMotion: "reduce" });
  await page.setViewportSize({ width: 794, height: 1123 });
  for (const control of [".ranges", ".chart-slider", ".live", ".languages", ".countries input"]) {
    assert.equal(await page.locator(control).isVisible(), false, `no ${control} on paper`);
  }
  assert.equal(await page.locator(".card").first().evaluate((card) => getComputedStyle(card).backgroundColor), "rgb(255, 255, 255)");
  assert.equal(await page.locator(".explain a").first().evaluate((link) => getComputedStyle(link).color), "rgb(127, 12, 48)", "links can be read");
  const cut = await page.locator(".table-host").evaluate((host) => host.scrollHeight - host.clientHeight);
  assert(cut <= 1, `${cut} px of the table are cut off`);
  await photograph(page, "dashboard-print");
  assert((await page.pdf({ format: "A4" })).length > 10_000);
  await leave(visitor);
});
