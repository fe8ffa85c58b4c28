// A pledge that is confirmed by mail, as its supporter sees it: the thanks, the mail, its link and its code, one's own
// pledge and every way out of it. Each page is accessible in light and dark, whole on the smallest phone, and talks to nobody.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { hasMail, mailTo, openCampaign, pledge, publishedTotal, slug, totalBecomes } from "./mails.mjs";
import {
  assertAccessible,
  assertNoSidewaysScroll,
  languages,
  leave,
  newAddress,
  openPage,
  origin,
  photograph,
  startBrowser,
  visit,
} from "./support.mjs";

let browser;
before(async () => {
  browser = await startBrowser();
  await openCampaign();
});
after(() => browser?.close());

const ticked = (page) => Promise.all(["updates", "public"].map((purpose) => page.locator(`#consent_${purpose}`).isChecked()));
const submit = (page, action) => page.locator(`form[action="${action}"] button[type=submit]`).click();
const pathOf = (link) => new URL(link).pathname;

/** The page as it is now: whole at every width, accessible (colours are the same in every language), on no search engine's list. */
async function examine(page, language, name) {
  assert.equal(await page.locator("html").getAttribute("lang"), language, `${name} speaks ${language}`);
  assert.equal(await page.locator("html").getAttribute("dir"), language === "ar" ? "rtl" : "ltr");
  assert.equal(await page.locator("h1").count(), 1);
  assert.match(await page.locator("meta[name=robots]").getAttribute("content"), /noindex/);
  for (const colorScheme of language === "ar" ? ["light"] : ["light", "dark"]) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    const width = colorScheme === "dark" ? 1440 : 320;
    await page.setViewportSize({ width, height: 844 });
    await assertNoSidewaysScroll(page, `${name} at ${width} px`);
    await photograph(page, `mail-${name}-${language}-${width}-${colorScheme}`);
    await page.setViewportSize({ width: 390, height: 844 });
    await assertAccessible(page, `${name} in ${language} (${colorScheme})`);
  }
}

for (const { language, javaScript, name } of [
  { language: "en", javaScript: false, name: "Amina Odhiambo" },
  { language: "ar", javaScript: true, name: "أمينة منصور" },
]) {
  test(`somebody pledges in ${language} and confirms by the link, ${javaScript ? "with" : "without"} JavaScript`, async () => {
    const visitor = await openPage(browser, { width: 320, locale: language, javaScript });
    const { page } = visitor;
    const email = newAddress();
    await visit(page, `/c/${slug}/${language}`);
    await page.locator("#name").fill(name);
    await page.locator("#email").fill(email);
    await page.locator("#country").selectOption("KE");
    await page.locator("#consent_public").check();
    await page.locator("form button[type=submit]").click();
    // With scripts the thanks take the form's place.
    if (!javaScript) {
      await page.waitForURL(`${origin}/c/${slug}/${language}/thanks`);
      assert.equal(await page.locator("[data-total]").count(), 0, "nothing is said to count");
    }
    await page.locator("#code").waitFor();
    await assertNoSidewaysScroll(page, "the thanks");

    const mail = await mailTo(email);
    assert.equal(mail.language, language);
    assert(mail.link.startsWith(`${origin}/confirm/`) && mail.html.includes(mail.link));
    const before = await publishedTotal();
    await visit(page, mail.link);
    assert.equal(await page.locator("html").getAttribute("lang"), language);
    assert((await page.locator("main").innerText()).includes(name), "what everybody will read is shown");
    await assertNoSidewaysScroll(page, "the page that confirms");
    await visit(page, mail.link);
    await submit(page, pathOf(mail.link));
    await page.locator("[data-total]").waitFor();
    assert.equal(page.url(), mail.link, "a browser may load it again");
    await totalBecomes(before + 1);
    await visit(page, mail.link);
    assert.equal(Number(await page.locator("[data-total]").getAttribute("data-total")), before + 1);
    await assertNoSidewaysScroll(page, "the thanks of a confirmed pledge");
    // Nothing that leads away from here carries the secret but what is the supporter's own.
    const secret = mail.link.split("/").at(-1);
    for (const link of await page.locator("a").all()) {
      const href = await link.getAttribute("href");
      assert(!href.includes(secret) || href === `/my-pledge/${secret}`, href);
    }
    await leave(visitor);
  });
}

test("in every language the thanks have the form for the code, and say nothing of counting", async () => {
  const visitor = await openPage(browser, { width: 320 });
  const { page } = visitor;
  const titles = new Set();
  for (const language of languages) {
    await visit(page, `/c/${slug}/${language}/thanks`);
    assert.equal(await page.locator("html").getAttribute("lang"), language);
    assert(await page.locator(`form[action="/c/${slug}/${language}/code"] #code`).isVisible());
    assert.equal(await page.locator("[data-total], #share-message").count(), 0);
    titles.add(await page.title());
    await assertNoSidewaysScroll(page, `the thanks in ${language}`);
  }
  assert.equal(titles.size, languages.length);
  await leave(visitor);
});

for (const language of ["en", "ar"]) {
  test(`the code of the mail confirms as well (${language})`, async () => {
    const visitor = await openPage(browser, { width: 390, locale: language });
    const { page } = visitor;
    const email = newAddress();
    await pledge(email, { language });
    const { code } = await mailTo(email);
    await visit(page, `/c/${slug}/${language}/thanks`);
    await examine(page, language, "thanks");
    const action = `/c/${slug}/${language}/code`;
    page.expectedFailures = [`${origin}${action}`];
    await page.locator("#email").fill(email);
    await page.locator("#code").fill(code === "AAAAAA" ? "BBBBBB" : "AAAAAA");
    await submit(page, action);
    await page.locator("#errors").waitFor();
    assert.equal(await page.locator("#email").inputValue(), email, "what was typed is kept");
    await examine(page, language, "wrong-code");
    // As people type it.
    await page.locator("#code").fill(`${code.slice(0, 3).toLowerCase()} ${code.slice(3)}`);
    await submit(page, action);
    await page.locator("[data-total]").waitFor();
    assert(!(await page.locator("main").innerText()).includes(email), "the address is not shown");
    await examine(page, language, "confirmed");
    await leave(visitor);
  });

  test(`one's own pledge is seen, changed, withdrawn and erased (${language})`, async () => {
    const visitor = await openPage(browser, { width: 390, locale: language });
    const { page } = visitor;
    const email = newAddress();
    const consents = ["updates", "public"].map((purpose) => ({ purpose, version: 1 }));
    await pledge(email, { language, consents, message: "We stand with them.\nAlways." });
    const { link } = await mailTo(email);
    await visit(page, link);
    await examine(page, language, "confirm");
    await submit(page, pathOf(link));
    await page.locator("[data-total]").waitFor();

    const own = pathOf(link).replace("/confirm/", "/my-pledge/");
    await page.locator(`a[href="${own}"]`).click();
    await page.waitForURL(`${origin}${own}`);
    await examine(page, language, "own");
    // No switcher of languages, and nothing else, carries the secret away from here.
    for (const link of await page.locator("a").all()) {
      const href = await link.getAttribute("href");
      assert(!href.includes(own.split("/").at(-1)) || href.startsWith(`${own}/`), href);
    }
    // A browser that opens its pages again asks for what was only posted.
    await visit(page, `${own}/consents`);
    assert.equal(page.url(), `${origin}${own}`);
    const text = await page.locator("main").innerText();
    assert(text.includes("b•••@example.org") && !text.includes(email), "the address is masked");
    assert.deepEqual(await ticked(page), [true, true]);
    await page.locator("#consent_updates").uncheck();
    await submit(page, `${own}/consents`);
    await page.waitForURL(`${origin}${own}/consents`);
    await examine(page, language, "saved");
    await visit(page, own);
    assert.deepEqual(await ticked(page), [false, true]);
    await submit(page, `${own}/hide`);
    await page.waitForURL(`${origin}${own}/hide`);
    await visit(page, own);
    assert.deepEqual(await ticked(page), [false, false], "what is no longer shown is no longer agreed to");
    assert.equal(await page.locator(`form[action="${own}/hide"]`).count(), 0);

    await page.locator(`a[href="${own}/withdraw"]`).click();
    await page.waitForURL(`${origin}${own}/withdraw`);
    await examine(page, language, "sure");
    await page.locator(`a[href="${own}"]`).click();
    await page.waitForURL(`${origin}${own}`);
    await page.locator(`a[href="${own}/withdraw"]`).click();
    await submit(page, `${own}/withdraw`);
    await examine(page, language, "withdrawn");
    await visit(page, own);
    assert.equal(await page.locator(`a[href="${own}/withdraw"], #shown-title`).count(), 0);
    await visit(page, link, 410);
    await examine(page, language, "gone");
    await visit(page, `${own}/erase`);
    await submit(page, `${own}/erase`);
    assert.equal(await page.locator(`a[href="${own}"]`).count(), 0, "nothing is left to go to");
    await examine(page, language, "erased");
    await leave(visitor);
  });

  test(`whoever didn't pledge says so, and whoever lost the link asks for it (${language})`, async () => {
    const visitor = await openPage(browser, { width: 390, locale: language });
    const { page } = visitor;
    const [other, mine, nobody] = [newAddress(), newAddress(), newAddress()];
    await Promise.all([pledge(other, { language }), pledge(mine, { language })]);
    const { link } = await mailTo(other);
    const notMe = pathOf(link).replace("/confirm/", "/my-pledge/") + "/not-me";
    await visit(page, link);
    await page.locator(`a[href="${notMe}"]`).click();
    await submit(page, notMe);
    await examine(page, language, "not-me");

    const first = await mailTo(mine);
    const ask = `/c/${slug}/${language}/my-pledge`;
    await visit(page, `/c/${slug}/${language}`);
    await page.locator(`a[href="${ask}"]`).click();
    await page.waitForURL(`${origin}${ask}`);
    await examine(page, language, "ask");
    const answers = [];
    for (const email of [nobody, other, mine]) {
      await visit(page, ask);
      await page.locator("#email").fill(email);
      await submit(page, ask);
      await page.locator("main form").waitFor({ state: "detached" });
      answers.push(await page.content());
    }
    await examine(page, language, "asked");
    assert.equal(new Set(answers).size, 1, "everybody is told the same");
    const second = await mailTo(mine, 2);
    assert.notEqual(second.link, first.link);
    await visit(page, second.link);
    assert.equal(await page.locator("html").getAttribute("lang"), language);
    assert(!hasMail(nobody));
    await mailTo(other);
    await leave(visitor);
  });

  test(`a link that is unknown or cut off says what to do (${language})`, async () => {
    const visitor = await openPage(browser, { width: 390, locale: language });
    const { page } = visitor;
    for (const address of ["/confirm/cut", "/my-pledge/cut", `/my-pledge/${"A".repeat(64)}`]) {
      await visit(page, address, 404);
      assert((await page.locator("main a").count()) > 0, "there is somewhere to go");
    }
    await examine(page, language, "unknown");
    await leave(visitor);
  });
}
