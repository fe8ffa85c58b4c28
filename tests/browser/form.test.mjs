// The form with its script, wherever it stands: on the hosted page, and in a partner's page. By keyboard, without JavaScript,
// with a bad network, with mistakes; every state is accessible and whole at every width.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { addCampaign, addPartner } from "./campaigns.mjs";
import { examine, frameIn, startSite, visitForm } from "./sites.mjs";
import {
  assertAccessible,
  assertNoSidewaysScroll,
  expectTrouble,
  leave,
  newAddress,
  openPage,
  origin,
  photograph,
  startBrowser,
  visit,
} from "./support.mjs";

const slug = `embedded-form-${process.pid}`;
const posted = `${origin}/v1/campaigns/${slug}/pledges`;

let browser, site, siteKey;
before(async () => {
  site = await startSite("partner");
  browser = await startBrowser({ sites: [site.origin] });
  await addCampaign(slug, { proof: "on", threshold: 1 });
  siteKey = await addPartner(slug, site.origin);
});
after(() => {
  site?.stop();
  return browser?.close();
});

/** Where the form stands: `open` goes there and gives the frame that it is in. */
const places = [
  {
    where: "on the hosted page",
    name: "hosted",
    async open(page, { language = "en" } = {}) {
      await visit(page, `/c/${slug}/${language}?site_key=${siteKey}`);
      return page.mainFrame();
    },
  },
  {
    where: "in a partner's page",
    name: "framed",
    open: (page, options) => visitForm(page, site.embed("element", { campaign: slug, siteKey, ...options })),
  },
];

const newVisitor = (options) => openPage(browser, { width: 390, sites: [site.origin], ...options });
const button = (form) => form.locator("form button[type=submit]");
const focusedId = (form) => form.evaluate(() => document.activeElement?.id);
const typed = (form) => form.evaluate(() => Object.fromEntries(new FormData(document.querySelector("form[data-pledge]"))));

async function total() {
  return (await (await fetch(`${origin}/v1/campaigns/${slug}/totals`)).json()).total;
}

/** Waits until the total has risen by one, and no more. */
async function assertCountedOnce(before) {
  for (let attempt = 0; attempt < 75 && (await total()) === before; attempt += 1) {
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  assert.equal(await total(), before + 1, "the pledge counts once");
}

async function fillIn(form, { name = "Amina Odhiambo", email = newAddress(), country = "KE" } = {}) {
  await form.locator("#name").fill(name);
  await form.locator("#email").fill(email);
  await form.locator("#country").selectOption(country);
  return email;
}

/** The thanks stand where the form was, and have the focus. */
async function assertThanked(form) {
  await form.locator(".done h2").waitFor();
  assert.equal(await focusedId(form), "pledge-title", "the thanks have the focus");
  assert.equal(await form.locator("form[data-pledge]").count(), 0);
}

/** Presses Tab until the field with this id has the focus. */
async function tabTo(page, form, id) {
  for (let presses = 0; presses < 40; presses += 1) {
    if ((await focusedId(form)) === id) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`#${id} was not reached with 40 Tabs`);
}

for (const { where, name: place, open } of places) {
  test(`somebody pledges by keyboard alone, ${where}`, async () => {
    const visitor = await newVisitor();
    const { page } = visitor;
    const form = await open(page);
    const before = await total();
    const challenged = page.waitForRequest((request) => request.url().includes(`/${slug}/challenge`));
    await tabTo(page, form, "name");
    await page.keyboard.type("Amina Odhiambo");
    await challenged; // the proof is made while people type
    await tabTo(page, form, "email");
    await page.keyboard.type(newAddress());
    await tabTo(page, form, "country");
    await page.keyboard.type("Ken");
    assert.equal((await typed(form)).country, "KE");
    await tabTo(page, form, "consent_updates");
    await page.keyboard.press("Space");
    while (!(await button(form).evaluate((element) => element === document.activeElement))) await page.keyboard.press("Tab");
    assert.equal((await typed(form)).consent_updates, "on");
    await page.setViewportSize({ width: 390, height: 1600 }); // what lies outside of the window is not always drawn
    await photograph(page, `form-${place}-filled`);
    await page.keyboard.press("Enter");
    await assertThanked(form);
    await assertCountedOnce(before);
    await examine(page, form, `form-${place}-thanks`);
    await leave(visitor);
  });

  test(`mistakes stand beside their fields and in a summary that takes the focus, ${where}`, async () => {
    const visitor = await newVisitor();
    const { page } = visitor;
    const form = await open(page);
    const before = await total();
    // What the page itself can see,
    await button(form).click();
    await form.locator(".errors").waitFor();
    assert(await form.locator(".errors").evaluate((element) => element === document.activeElement), "the summary has the focus");
    assert.equal(await form.locator(".errors").getAttribute("role"), "group");
    assert.match(await form.locator("#errors-title").innerText(), /not been sent/);
    for (const field of ["name", "email"]) {
      assert.equal(await form.locator(`#${field}`).getAttribute("aria-invalid"), "true");
      const described = (await form.locator(`#${field}`).getAttribute("aria-describedby")).split(" ");
      assert(described.includes(`${field}-error`), `the ${field} is described by its error`);
      assert((await form.locator(`#${field}-error`).innerText()).length > 10);
    }
    // and what the service says.
    page.expectedFailures = [posted];
    await fillIn(form, { name: "See http://spam.example/now" });
    assert.equal(await form.locator("[aria-invalid]").count(), 0, "what was mended isn't wrong any more");
    await button(form).click();
    await form.locator("#name-error").waitFor();
    assert.match(await form.locator("#name-error").innerText(), /web addresses/);
    assert.equal(await form.locator(".errors li").count(), 1);
    await examine(page, form, `form-${place}-mistakes`);
    await form.locator(".errors").focus();
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    assert.equal(await focusedId(form), "name", "the summary leads to the field");
    assert.equal((await typed(form)).country, "KE", "what was typed is kept");
    await form.locator("#name").fill("Amina");
    await button(form).click();
    await assertThanked(form);
    await assertCountedOnce(before);
    await leave(visitor);
  });

  test(`without a network the form waits, keeps what was typed, and sends it once, ${where}`, async () => {
    const visitor = await newVisitor();
    const { page, context } = visitor;
    const form = await open(page);
    const before = await total();
    const email = await fillIn(form);
    await context.setOffline(true);
    await button(form).click();
    await form.getByText("Waiting for the network…").first().waitFor();
    assert.equal(await button(form).getAttribute("aria-disabled"), "true");
    assert.equal(await form.locator("form [role=status]").last().innerText(), "Waiting for the network…", "it is announced");
    await button(form).click({ force: true }); // once more, as people do
    assert.equal((await typed(form)).email, email);
    await assertAccessible(form, `waiting ${where}`);
    await page.setViewportSize({ width: 390, height: 1600 });
    await photograph(page, `form-${place}-waiting`);
    const keys = [];
    page.on("request", (request) => request.url() === posted && keys.push(request.headers()["idempotency-key"]));
    await context.setOffline(false);
    await assertThanked(form);
    await assertCountedOnce(before);
    assert.equal(new Set(keys).size, 1);
    expectTrouble(visitor, /ERR_INTERNET_DISCONNECTED/);
    await leave(visitor);
  });

  test(`an answer that is lost, a busy service and too many pledges are tried again, and count once, ${where}`, async () => {
    const visitor = await newVisitor();
    const { page } = visitor;
    const form = await open(page);
    const before = await total();
    const sent = [];
    await page.route(posted, async (route) => {
      sent.push({ key: route.request().headers()["idempotency-key"], body: route.request().postData() });
      const refuse = (status, code, wait) =>
        route.fulfill({ status, headers: { "retry-after": wait }, contentType: "application/problem+json", body: JSON.stringify({ code }) });
      if (sent.length === 2) return refuse(503, "unavailable", "1");
      if (sent.length === 3) return refuse(429, "too_many_requests", "0");
      if (sent.length > 3) return route.continue();
      await route.fetch(); // it arrives, and the way back is cut
      return route.abort("connectionreset");
    });
    await fillIn(form);
    await button(form).click();
    await form.getByText("Sending again…").first().waitFor();
    await assertThanked(form);
    assert.equal(sent.length, 4);
    assert.equal(new Set(sent.map(({ key, body }) => key + body)).size, 1, "the same pledge under the same key");
    await assertCountedOnce(before);
    expectTrouble(visitor, /status of (503|429)|ERR_CONNECTION_RESET/);
    await leave(visitor);
  });

  test(`on a line that hangs mistakes are told at once, in the form's language, and a pledge looks sent at once, ${where}`, async () => {
    const visitor = await newVisitor({ locale: "ar" });
    const { page } = visitor;
    let asked = 0;
    await page.route("**/embed/texts/*", () => (asked += 1)); // and never an answer
    const form = await open(page, { language: "ar" });
    await page.route("**/challenge*", () => {});
    for (const time of [1, 2]) {
      const begun = performance.now();
      await button(form).click();
      await form.locator(".errors").waitFor();
      const took = performance.now() - begun;
      assert(took < 3000, `${took} ms for the mistakes, time ${time}`);
      for (const field of ["name", "email"]) assert.match(await form.locator(`#${field}-error`).innerText(), /^[^a-z]*$/i, "not a word of English");
    }
    assert.match(await form.locator(".errors").innerText(), /[\u0600-\u06ff]{3}/);
    await fillIn(form, { name: "أمينة" });
    const label = await button(form).innerText();
    await button(form).click();
    await form.locator("form button[aria-disabled=true]").waitFor({ timeout: 300 });
    assert.notEqual(await button(form).innerText(), label);
    assert(asked <= 2, `page and form asked ${asked} times`);
    await leave(visitor);
  });

  test(`a mistyped mail domain is offered, and changed only when that is wanted, ${where}`, async () => {
    const visitor = await newVisitor();
    const { page } = visitor;
    const form = await open(page);
    await form.locator("#email").fill("amina@gmial.com");
    const offer = form.locator("button.suggestion");
    await offer.waitFor();
    assert.equal(await offer.innerText(), "Did you mean amina@gmail.com?");
    assert.equal(await offer.locator("xpath=..").getAttribute("role"), "status", "it is announced");
    assert.equal((await typed(form)).email, "amina@gmial.com", "nothing changes by itself");
    await assertAccessible(form, `the suggestion ${where}`);
    await photograph(page, `form-${place}-suggestion`);
    await offer.focus();
    await page.keyboard.press("Enter");
    assert.equal((await typed(form)).email, "amina@gmail.com");
    assert.equal(await focusedId(form), "email");
    await offer.waitFor({ state: "detached" });
    await leave(visitor);
  });

  test(`the country is the one that the browser's language names, or none, ${where}`, async () => {
    for (const [locale, country] of [["fr-SN", "SN"], ["en-US", ""], ["es", ""]]) {
      const visitor = await newVisitor({ locale });
      const form = await open(visitor.page);
      // What guesses comes a moment after the form.
      const chosen = async () => (await typed(form)).country;
      for (let waited = 0; waited < 50 && !(await chosen()) && (country || waited < 10); waited += 1) await visitor.page.waitForTimeout(100);
      assert.equal(await chosen(), country, locale);
      await leave(visitor);
    }
  });

  test(`somebody pledges in Arabic on 320 px, ${where}`, async () => {
    const visitor = await newVisitor({ width: 320, locale: "ar" });
    const { page } = visitor;
    const form = await open(page, { language: "ar" });
    assert.equal(await form.evaluate(() => document.documentElement.dir), "rtl");
    await button(form).click();
    await form.locator(".errors").waitFor();
    assert.match(await form.locator("#email-error").innerText(), /[\u0600-\u06ff]{3}/);
    await examine(page, form, `form-${place}-mistakes-ar`);
    await fillIn(form, { name: "أمينة منصور", country: "TN" });
    await button(form).click();
    await assertThanked(form);
    assert.match(await form.locator("#pledge-title").innerText(), /[\u0600-\u06ff]{3}/);
    await examine(page, form, `form-${place}-thanks-ar`);
    await leave(visitor);
  });
}

test("the hosted page's number isn't shown as live while it can't be renewed", async () => {
  const visitor = await newVisitor();
  const { page } = visitor;
  await page.clock.install();
  await page.route("**/totals", (route) => route.abort());
  await visit(page, `/c/${slug}/en`);
  const dot = page.locator("[data-live]");
  await dot.waitFor();
  assert.equal(await page.locator("[data-live].paused").count(), 0);
  await page.clock.runFor(7_000);
  await page.locator("[data-live].paused").waitFor();
  assert.equal(await dot.innerText(), "Pause live updates", "it goes on trying");
  await page.unroute("**/totals");
  await page.clock.runFor(13_000);
  await page.locator("[data-live]:not(.paused)").waitFor();
  expectTrouble(visitor, /ERR_FAILED/);
  await leave(visitor);
});

test("a partner's look is worn, and moved until it can be read", async () => {
  for (const [look, colorScheme, wanted] of [
    ['accent="#ffee55" background="#6b6b6b" text="#808080" radius="0" font="serif"', "light", /Georgia/],
    ['theme="dark" accent="#223355" compact', "light", /system-ui/],
  ]) {
    const visitor = await newVisitor({ colorScheme });
    const { page } = visitor;
    const body = `<script type="module" src="${origin}/embed.js"></script><pledge-form campaign="${slug}" site-key="${siteKey}" ${look}></pledge-form>`;
    const form = await visitForm(page, site.embed("element", { body }));
    assert.match(await form.evaluate(() => getComputedStyle(document.documentElement).fontFamily), wanted);
    await button(form).click();
    await form.locator(".errors").waitFor();
    await assertAccessible(form, look);
    await page.setViewportSize({ width: 390, height: 1900 });
    await photograph(page, `form-framed-look-${wanted.source}`);
    await leave(visitor);
  }
});

test("without JavaScript the form posts plainly inside the frame, comes back with its mistakes, and ends with thanks", async () => {
  const visitor = await newVisitor({ javaScript: false });
  const { page } = visitor;
  const before = await total();
  const address = site.embed("frame", { campaign: slug, siteKey, language: "en" });
  await visit(page, address);
  let form = await frameIn(page);
  await fillIn(form, { name: "See http://spam.example/now" });
  page.expectedFailures = [posted];
  await button(form).click();
  form = await frameIn(page);
  await form.locator("#name-error").waitFor();
  assert.equal(await form.locator("body.frame").count(), 1, "it is the frame's form");
  assert.equal(await form.locator("#name").inputValue(), "See http://spam.example/now");
  await assertNoSidewaysScroll(form, "the frame with mistakes");
  await photograph(page, "form-framed-mistakes-without-javascript");
  await form.locator("#name").fill("Amina");
  await button(form).click();
  await form.waitForURL(`${origin}/embed/${slug}/en/thanks?site_key=${siteKey}`);
  assert.match(await form.locator("#pledge-title").innerText(), /Thank you/);
  assert.equal(await form.locator("body.frame").count(), 1);
  assert.equal(page.url(), address, "the page around stays");
  await photograph(page, "form-framed-thanks-without-javascript");
  await assertCountedOnce(before);
  // The snippet names a permission that this browser doesn't know, and the summary is read out instead of focused.
  expectTrouble(visitor, /'web-share'|Blocked autofocusing/);
  await leave(visitor);
});
