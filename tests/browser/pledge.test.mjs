// What a supporter does: find the form, fill it in without a mouse and without JavaScript, correct it,
// and see the number rise.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  assertAccessible,
  assertNoSidewaysScroll,
  leave,
  newAddress,
  openPage,
  origin,
  photograph,
  publishedTotal,
  slug,
  startBrowser,
  totalAbove,
  visit,
} from "./support.mjs";

let browser;
before(async () => {
  browser = await startBrowser();
});
after(() => browser?.close());

const focusedId = (page) => page.locator(":focus").getAttribute("id");

/** Presses Tab until the element with this id has the focus. */
async function tabTo(page, id) {
  for (let presses = 0; presses < 30; presses += 1) {
    await page.keyboard.press("Tab");
    if ((await page.locator(":focus").count()) > 0 && (await focusedId(page)) === id) return;
  }
  throw new Error(`#${id} was not reached with 30 Tabs`);
}

async function shownTotal(page) {
  return Number(await page.locator("[data-total]").first().getAttribute("data-total"));
}

test("the start page leads to the form", async () => {
  const visitor = await openPage(browser);
  const { page } = visitor;
  await visit(page, "/");
  await page.locator(`a[href^="/c/${slug}"]`).first().click();
  await page.waitForURL(`${origin}/c/${slug}/en`);
  assert.equal(await page.locator("html").getAttribute("lang"), "en");
  for (const field of ["name", "email", "country"]) {
    assert(await page.locator(`form [name=${field}]`).isVisible(), `the form asks for the ${field}`);
  }
  await leave(visitor);
});

for (const { language, direction, name } of [
  { language: "en", direction: "ltr", name: "Amina Odhiambo" },
  { language: "ar", direction: "rtl", name: "أمينة منصور" },
]) {
  test(`somebody pledges in ${language} by keyboard, without JavaScript, on 320 px`, async () => {
    const visitor = await openPage(browser, { width: 320, locale: language, javaScript: false });
    const { page } = visitor;
    const totalBefore = await publishedTotal();
    await visit(page, `/c/${slug}/${language}`);
    assert.equal(await page.locator("html").getAttribute("lang"), language);
    assert.equal(await page.locator("html").getAttribute("dir"), direction);
    await assertNoSidewaysScroll(page, `the form in ${language}`);

    // The first Tab offers the way past the header, straight to the form.
    await page.keyboard.press("Tab");
    assert.match(await page.locator(":focus").getAttribute("href"), /^#pledge$/);
    await page.keyboard.press("Enter");
    await tabTo(page, "name");
    await page.keyboard.insertText(name);
    await tabTo(page, "email");
    await page.keyboard.type(newAddress());
    await tabTo(page, "country");
    // Down once is "prefer not to say", down again the first country.
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowDown");
    assert.match(await page.locator("#country").inputValue(), /^[A-Z]{2}$/);
    if ((await page.locator("#message").count()) > 0) {
      await tabTo(page, "message");
      await page.keyboard.insertText(language === "ar" ? "نقف معهم." : "I stand with them.");
    }
    for (const tick of await page.locator("form input[type=checkbox]").all()) {
      assert.equal(await tick.isChecked(), false, "no consent is ticked beforehand");
    }
    if ((await page.locator("#consent_updates").count()) > 0) {
      await tabTo(page, "consent_updates");
      await page.keyboard.press("Space");
      assert.equal(await page.locator("#consent_updates").isChecked(), true);
    }
    await photograph(page, `form-filled-${language}-320-without-javascript`);
    while (!(await page.locator("form button[type=submit]").evaluate((button) => button === document.activeElement))) {
      await page.keyboard.press("Tab");
    }
    await page.keyboard.press("Enter");

    await page.waitForURL(`${origin}/c/${slug}/${language}/thanks`);
    assert.equal(await page.locator("html").getAttribute("lang"), language);
    await assertNoSidewaysScroll(page, `the thanks in ${language}`);
    await photograph(page, `thanks-${language}-320-without-javascript`);
    await totalAbove(totalBefore);
    await visit(page, `/c/${slug}/${language}`);
    assert((await shownTotal(page)) > totalBefore, "the form shows the risen total");
    await leave(visitor);
  });
}

for (const colorScheme of ["light", "dark"]) {
  test(`a form with mistakes that is posted plainly comes back filled and says what to correct (${colorScheme})`, async () => {
    const visitor = await openPage(browser, { width: 390, colorScheme });
    const { page } = visitor;
    const address = newAddress();
    // Past the script, which would say it without leaving the page; axe needs scripts.
    const postPlainly = () => page.locator("form[data-pledge]").evaluate((form) => form.submit());
    await visit(page, `/c/${slug}/en`);
    await page.locator("#name").fill("See http://spam.example/now");
    // The browser lets an address without a dot pass; the service doesn't.
    await page.locator("#email").fill("amina@localhost");
    await page.locator("#country").selectOption("KE");
    const posted = `${origin}/v1/campaigns/${slug}/pledges`;
    page.expectedFailures = [posted];
    const [response] = await Promise.all([
      page.waitForResponse((each) => each.url() === posted),
      postPlainly(),
    ]);
    assert.equal(response.status(), 422);
    await page.waitForLoadState("load");

    assert.equal(await page.locator("#name").inputValue(), "See http://spam.example/now");
    assert.equal(await page.locator("#email").inputValue(), "amina@localhost");
    assert.equal(await page.locator("#country").inputValue(), "KE");
    for (const field of ["name", "email"]) {
      assert.equal(await page.locator(`#${field}`).getAttribute("aria-invalid"), "true");
      const described = await page.locator(`#${field}`).getAttribute("aria-describedby");
      assert(described.split(" ").includes(`${field}-error`), `the ${field} is described by its error`);
      assert(await page.locator(`#${field}-error`).isVisible());
    }
    assert.equal(await page.locator("#country").getAttribute("aria-invalid"), null);

    // The summary takes the focus, and its links lead to the fields.
    const summary = page.locator("#errors");
    await summary.focus();
    assert(await summary.evaluate((element) => element === document.activeElement), "the summary can be focused");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    assert.equal(await focusedId(page), "name");
    for (const width of [320, 390, 1440, 3840]) {
      await page.setViewportSize({ width, height: 900 });
      await assertNoSidewaysScroll(page, `the form with errors at ${width} px`);
      await photograph(page, `form-errors-en-${width}-${colorScheme}`);
    }
    await page.setViewportSize({ width: 390, height: 844 });
    await assertAccessible(page, "the form with errors");

    await page.locator("#name").fill("Amina");
    await page.locator("#email").fill(address);
    await postPlainly();
    await page.waitForURL(`${origin}/c/${slug}/en/thanks`);
    await leave(visitor);
  });
}

test("an open page shows the risen total by itself", async () => {
  const visitor = await openPage(browser);
  const { page } = visitor;
  await visit(page, `/c/${slug}/en`);
  const before = await shownTotal(page);
  const answer = await fetch(`${origin}/v1/campaigns/${slug}/pledges`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ name: "Amina", email: newAddress(), country: "KE", language: "en" }),
  });
  assert.equal(answer.status, 201);
  await page.waitForFunction(
    (number) => Number(document.querySelector("[data-total]").textContent.replace(/\D/g, "")) > number,
    before,
    { timeout: 40_000 },
  );
  await leave(visitor);
});
