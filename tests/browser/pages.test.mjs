// Every page in every state: accessible in light and dark, whole at every width, quiet on the console,
// talking to nobody else. Leaves a picture of each in screenshots/.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  assertAccessible,
  assertNoSidewaysScroll,
  languages,
  leave,
  openPage,
  photograph,
  slug,
  startBrowser,
  visit,
  widths,
} from "./support.mjs";

const pages = [
  { name: "start", address: "/" },
  { name: "form-en", address: `/c/${slug}/en` },
  { name: "form-ar", address: `/c/${slug}/ar` },
  { name: "thanks-en", address: `/c/${slug}/en/thanks` },
  { name: "docs", address: "/docs" },
  { name: "problems", address: "/docs/problems" },
  { name: "not-found", address: `/c/there-is-no-such-campaign/en`, status: 404 },
];

let browser;
before(async () => {
  browser = await startBrowser();
});
after(() => browser?.close());

/** Opens everything that can be folded out, so that it is looked at as well. */
const unfold = (page) =>
  page.evaluate(() => {
    for (const details of document.querySelectorAll("main details")) details.open = true;
  });

for (const { name, address, status } of pages) {
  for (const colorScheme of ["light", "dark"]) {
    test(`${name} is accessible and whole at every width (${colorScheme})`, async () => {
      const visitor = await openPage(browser, { colorScheme });
      const { page } = visitor;
      await visit(page, address, status);
      assert.equal(await page.locator("h1").count(), 1, "a page has one main heading");
      for (const width of widths) {
        await page.setViewportSize({ width, height: width < 800 ? 844 : Math.round((width * 9) / 16) });
        await assertNoSidewaysScroll(page, `${name} at ${width} px`);
        await photograph(page, `${name}-${width}-${colorScheme}`);
      }
      await page.setViewportSize({ width: 390, height: 844 });
      await assertAccessible(page, `${name} on a phone`);
      await unfold(page);
      await assertNoSidewaysScroll(page, `${name} folded out, at 390 px`);
      await page.setViewportSize({ width: 1440, height: 810 });
      await assertAccessible(page, `${name} folded out, on a laptop`);
      await leave(visitor);
    });
  }
}

for (const language of languages) {
  test(`the form in ${language} is whole on the smallest phone, and leads to the other languages`, async () => {
    const visitor = await openPage(browser, { width: 320, locale: language });
    const { page } = visitor;
    await visit(page, `/c/${slug}/${language}`);
    assert.equal(await page.locator("html").getAttribute("lang"), language);
    assert.equal(await page.locator("html").getAttribute("dir"), language === "ar" ? "rtl" : "ltr");
    for (const other of languages) {
      assert((await page.locator(`a[href="/c/${slug}/${other}"]`).count()) > 0, `there is a link to ${other}`);
    }
    await unfold(page);
    await assertNoSidewaysScroll(page, `the form in ${language}`);
    await photograph(page, `form-${language}-320-folded-out`);
    await visit(page, `/c/${slug}/${language}/thanks`);
    await assertNoSidewaysScroll(page, `the thanks in ${language}`);
    await photograph(page, `thanks-${language}-320`);
    await leave(visitor);
  });
}

test("without a language in its address, a campaign opens in the visitor's", async () => {
  const visitor = await openPage(browser, { locale: "fr-FR" });
  await visit(visitor.page, `/c/${slug}`);
  assert.equal(new URL(visitor.page.url()).pathname, `/c/${slug}/fr`);
  await leave(visitor);
});
