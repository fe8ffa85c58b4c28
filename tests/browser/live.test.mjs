// Counter and map on a partner's page, and an open dashboard: they move with a pledge that is made there, also where the
// stream is refused; what is read out is rare.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { contrast } from "../../src/web/assets/look.js";
import { addCampaign, addPartner, until } from "./campaigns.mjs";
import { startSite, visitForm } from "./sites.mjs";
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
  widths,
} from "./support.mjs";

const slug = `live-${process.pid}`;

let browser, site, siteKey;
before(async () => {
  site = await startSite("partner");
  browser = await startBrowser({ sites: [site.origin] });
  await addCampaign(slug, { proof: "off", threshold: 1, goal: 20 });
  siteKey = await addPartner(slug, site.origin);
  await Promise.all(["KE", "KE", "FR"].map((country) => pledge(country)));
  const totals = async () => (await fetch(`${origin}/v1/campaigns/${slug}/totals`)).json();
  await until("they are published", async () => (await totals()).total === 3);
});
after(() => {
  site?.stop();
  return browser?.close();
});

const newVisitor = (options) => openPage(browser, { width: 390, sites: [site.origin], ...options });

async function pledge(country) {
  const answer = await fetch(`${origin}/v1/campaigns/${slug}/pledges`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ name: "Amina", email: newAddress(), country, language: "en" }),
  });
  assert.equal(answer.status, 201);
}

/** What stands in the shadow of an element. */
const shown = (page, element, selector) =>
  page.evaluate(([name, inside]) => document.querySelector(name)?.shadowRoot.querySelector(inside)?.textContent, [element, selector]);

const becomes = (page, element, selector, text, timeout = 10_000) =>
  page.waitForFunction(
    ([name, inside, wanted]) => document.querySelector(name).shadowRoot.querySelector(inside)?.textContent === wanted,
    [element, selector, String(text)],
    { timeout },
  );

/** Waits until counter and map are drawn; gives the total that they show. */
async function drawn(page) {
  await page.locator("pledge-map .map-frame").waitFor();
  await becomes(page, "pledge-counter", ".state", "Live");
  return Number(await shown(page, "pledge-counter", ".number"));
}

const embed = (options) => site.embed("element", { campaign: slug, siteKey, parts: ["counter", "form", "map"], ...options });

test("a pledge moves counter, map and an open dashboard within two seconds", async () => {
  const [visitor, watcher] = [await newVisitor(), await openPage(browser)];
  const { page } = visitor;
  const form = await visitForm(page, embed());
  const before = await drawn(page);
  await visit(watcher.page, `/dashboard/${slug}`);
  const onDashboard = watcher.page.locator("[data-dashboard] [data-total]");
  await watcher.page.waitForFunction((total) => document.querySelector("[data-total]").textContent === total, String(before));
  await watcher.page.waitForFunction(() => /live/i.test(document.querySelector("[data-connection]").textContent));
  await form.locator("#name").fill("Amina Odhiambo");
  await form.locator("#email").fill(newAddress());
  await form.locator("#country").selectOption("NG");
  const posted = page.waitForResponse((answer) => answer.request().method() === "POST");
  await form.locator("form button[type=submit]").click();
  const stored = await posted.then(() => performance.now());
  const since = async (movement) => movement.then(() => Math.round(performance.now() - stored));
  const took = await Promise.all([
    since(becomes(page, "pledge-counter", ".number", before + 1)),
    since(page.locator("pledge-map .map-frame[aria-label*=Nigeria]").waitFor()),
    since(watcher.page.waitForFunction((total) => document.querySelector("[data-total]").textContent === total, String(before + 1))),
  ]);
  console.log(`after the answer, counter, map and dashboard moved within ${took.join(", ")} ms`);
  for (const milliseconds of took) assert(milliseconds < 2000, `${took}`);
  assert.equal(await onDashboard.innerText(), String(before + 1));
  await leave(visitor);
  await leave(watcher);
});

for (const { language, colorScheme } of [
  { language: "en", colorScheme: "light" },
  { language: "ar", colorScheme: "dark" },
]) {
  test(`form, counter and map on one page are accessible and whole at every width (${language}, ${colorScheme})`, async () => {
    const visitor = await newVisitor({ colorScheme });
    const { page } = visitor;
    await visitForm(page, embed({ language }));
    await page.locator("pledge-map .map-frame").waitFor();
    assert.equal(await page.locator("pledge-counter [part=box]").getAttribute("dir"), language === "ar" ? "rtl" : "ltr");
    for (const width of widths) {
      await page.setViewportSize({ width, height: 844 });
      await assertNoSidewaysScroll(page, `the page at ${width} px`);
    }
    await page.setViewportSize({ width: 390, height: 2600 });
    await assertAccessible(page, "counter and map");
    await photograph(page, `live-390-${language}-${colorScheme}`);
    await leave(visitor);
  });
}

test("counter and map take the form's look, and are read on whatever page they stand", async () => {
  const looks = [
    { more: 'accent="#ffee55"' },
    { more: 'accent="#112"' },
    { more: 'theme="dark" accent="#111144"', ground: [35, 21, 30] },
    { more: 'theme="light" accent="#ffee55" radius="0" font="serif"', ground: [255, 255, 255] },
    { more: 'background="#777" accent="#26f" text="#777"', ground: [119, 119, 119] },
    { more: 'theme="nonsense" accent="red;}"' },
  ];
  const elements = looks.map(({ more }) => `<pledge-counter campaign="${slug}" ${more}></pledge-counter><pledge-map campaign="${slug}" ${more}></pledge-map>`);
  const body = `<script type="module" src="${origin}/embed.js"></script>${elements.join("")}`;
  for (const [colorScheme, around] of [["light", [255, 253, 245]], ["dark", [16, 20, 26]]]) {
    const visitor = await newVisitor({ colorScheme });
    const { page } = visitor;
    await visit(page, site.embed("element", { body }));
    const count = (selector) => page.waitForFunction(([name, all]) => [...document.querySelectorAll(name)].filter(({ shadowRoot }) => shadowRoot.querySelector(".number, .map-frame")).length === all, [selector, looks.length]);
    await count("pledge-counter");
    await count("pledge-map");
    const seen = await page.evaluate(() => {
      const colour = (node, name = "color") => getComputedStyle(node)[name].match(/[\d.]+/g).map(Number).slice(0, 3);
      const counters = [...document.querySelectorAll("pledge-counter")].map(({ shadowRoot }) => shadowRoot);
      const maps = [...document.querySelectorAll("pledge-map")].map(({ shadowRoot }) => shadowRoot);
      return counters.map((root, place) => ({
        number: colour(root.querySelector(".number")),
        label: colour(root.querySelector(".label")),
        bar: colour(root.querySelector(".bar"), "backgroundColor"),
        note: colour(maps[place].querySelector(".map-note")),
        few: colour(maps[place].querySelector("li:nth-child(2) i")),
        none: colour(maps[place].querySelector("li:nth-child(1) i")),
      }));
    });
    looks.forEach(({ more, ground = around }, place) => {
      const least = { number: 4.5, label: 4.5, note: 4.5, bar: 3 };
      for (const [what, ratio] of Object.entries(least)) {
        const found = contrast(seen[place][what], ground);
        assert(found >= ratio, `${what} of ${more} on ${ground}: ${found.toFixed(2)}`);
      }
      assert(contrast(seen[place].few, seen[place].none) >= 1.2, `the map's first step of ${more}`);
    });
    assert.notDeepEqual(seen[0].number, seen[5].number, "an accent that is a colour is taken");
    await assertAccessible(page, "counter and map in many looks");
    await page.setViewportSize({ width: 390, height: 6000 });
    await photograph(page, `live-looks-${colorScheme}`);
    await leave(visitor);
  }
});

test("where the stream is refused, the counter asks now and then, and says so", async () => {
  const visitor = await newVisitor();
  const { page } = visitor;
  await page.route("**/totals/stream", (route) => route.fulfill({ status: 503, body: "" }));
  await visitForm(page, embed({ parts: ["form", "counter"] }));
  await becomes(page, "pledge-counter", ".state", "Updated every few seconds");
  const before = Number(await shown(page, "pledge-counter", ".number"));
  await pledge("KE");
  await becomes(page, "pledge-counter", ".number", before + 1, 15_000);
  expectTrouble(visitor, /status of 503/);
  await leave(visitor);
});

test("while the service is away, the counter says how old its number is, and it goes on afterwards", async () => {
  const visitor = await newVisitor();
  const { page, context } = visitor;
  await visitForm(page, embed());
  const before = await drawn(page);
  await context.setOffline(true);
  await page.route("**/v1/**", (route) => route.abort());
  await page.evaluate(() => document.dispatchEvent(new CustomEvent("pledge:done"))); // asks at once
  await page.waitForFunction(() => /^No connection\. Last known at /.test(document.querySelector("pledge-counter").shadowRoot.querySelector(".state").textContent));
  await pledge("FR");
  assert.equal(Number(await shown(page, "pledge-counter", ".number")), before);
  await page.unroute("**/v1/**");
  await context.setOffline(false);
  await becomes(page, "pledge-counter", ".number", before + 1);
  expectTrouble(visitor, /ERR_INTERNET_DISCONNECTED|ERR_FAILED/);
  await leave(visitor);
});

test("a new total is read out, politely and at most every half minute", async () => {
  const visitor = await newVisitor();
  const { page } = visitor;
  await page.clock.install();
  await visitForm(page, embed());
  const before = await drawn(page);
  await page.evaluate(() => {
    const status = document.querySelector("pledge-counter").shadowRoot.querySelector("[role=status]");
    globalThis.said = [];
    new MutationObserver(() => said.push(status.textContent)).observe(status, { childList: true });
  });
  await pledge("KE");
  await becomes(page, "pledge-counter", ".number", before + 1);
  assert.deepEqual(await page.evaluate(() => said), [], "nothing is said in the first half minute");
  await page.clock.fastForward(31_000);
  await pledge("KE");
  await becomes(page, "pledge-counter", ".number", before + 2);
  await pledge("KE");
  await becomes(page, "pledge-counter", ".number", before + 3);
  assert.deepEqual(await page.evaluate(() => said), [`Pledges so far: ${before + 2}`]);
  await leave(visitor);
});

test("elements that are taken away, put back and changed draw themselves anew, twice on a page as well", async () => {
  const visitor = await newVisitor();
  const { page } = visitor;
  await visitForm(page, embed());
  const total = await drawn(page);
  await page.evaluate(() => {
    const counter = document.querySelector("pledge-counter");
    counter.after(counter.cloneNode(true));
    counter.remove();
    document.querySelector("main").prepend(counter);
    counter.setAttribute("lang", "fr");
  });
  await becomes(page, "pledge-counter[lang=fr]", ".state", "En direct");
  await becomes(page, "pledge-counter[lang=en]", ".number", total);
  assert.equal(await page.locator("pledge-counter[lang=fr] [part=box]").count(), 1);
  await leave(visitor);
});

test("a form takes another look without losing what is typed in it; another language is another form", async () => {
  const visitor = await newVisitor();
  const { page } = visitor;
  const form = await visitForm(page, embed({ parts: ["form"] }));
  const wear = (looks) => page.evaluate((attributes) => {
    for (const [name, value] of Object.entries(attributes)) document.querySelector("pledge-form").toggleAttribute(name, value !== null), value && document.querySelector("pledge-form").setAttribute(name, value);
  }, looks);
  const style = (selector, name) => form.locator(selector).first().evaluate((node, property) => getComputedStyle(node)[property], name);
  const plain = await Promise.all([style(".card", "backgroundColor"), style(".button", "backgroundColor"), style("html", "colorScheme")]);
  await form.locator("#name").fill("Amina Odhiambo");
  await wear({ theme: "dark", accent: "#00aa66", radius: "3", font: "serif", compact: "" });
  await until("it is dark, green and compact", async () => (await style(".button", "backgroundColor")) === "rgb(0, 170, 102)" && (await form.locator("html.compact").count()) === 1);
  assert.deepEqual([await style(".card", "backgroundColor"), await style("html", "colorScheme")], ["rgb(35, 21, 30)", "dark"]);
  assert.match(await style("html", "fontFamily"), /Charter/);
  assert(await form.locator(".reassurance").isVisible(), "what is said about privacy stays");
  assert.equal(await page.locator("pledge-form iframe").evaluate((frame) => frame.style.colorScheme), "dark");
  await photograph(page, "live-form-another-look");
  await wear({ theme: "nonsense", accent: "red;}", radius: "99", font: null, compact: null });
  await until("it looks as before", async () => (await style(".button", "backgroundColor")) === plain[1] && (await style(".card", "backgroundColor")) === plain[0]);
  assert.equal(await style("html", "colorScheme"), plain[2]);
  await page.emulateMedia({ colorScheme: "dark" });
  await until("it follows the system again", async () => (await style(".card", "backgroundColor")) === "rgb(35, 21, 30)");
  assert.equal(await form.locator("#name").inputValue(), "Amina Odhiambo", "what was typed is still there");
  assert.equal((await page.evaluate(() => heard)).length, 1, "it is the form that was ready before");
  await page.evaluate(() => document.querySelector("pledge-form").setAttribute("lang", "fr"));
  await page.waitForFunction(() => heard.filter(({ type }) => type === "pledge:ready").length === 2);
  const french = await (await page.locator("pledge-form iframe").elementHandle()).contentFrame();
  assert.equal(await french.locator("html").getAttribute("lang"), "fr");
  await leave(visitor);
});

test("numbers are written in the language of the words, also where another was asked for", async () => {
  const visitor = await newVisitor();
  const { page } = visitor;
  await page.route("**/v1/campaigns/*/totals", async (route) => {
    const answer = await route.fetch();
    await route.fulfill({ response: answer, json: { ...(await answer.json()), total: 3012, goal: 20_000 } });
  });
  await page.route("**/totals/stream", (route) => route.fulfill({ status: 503, body: "" }));
  for (const [language, number, spoken] of [["de", "3,012", "en"], ["en-IN", "3,012", "en"], ["fr-CA", "3 012", "fr"], ["ru", "3 012", "ru"], ["ar", "3,012", "ar"]]) {
    await visit(page, embed({ language, parts: ["counter", "map"] }));
    await page.locator("pledge-map .map-frame").waitFor();
    await becomes(page, "pledge-counter", ".number", number.replace(" ", language === "fr-CA" || language === "ru" ? "\u00a0" : " "));
    for (const name of ["counter", "map"]) assert.equal(await page.locator(`pledge-${name} [part=box]`).getAttribute("lang"), spoken, language);
  }
  expectTrouble(visitor, /status of 503/);
  await leave(visitor);
});

test("where there is nothing to show, the page's own content stands alone, and the page is told", async () => {
  const told = (page) => page.evaluate(() => heard.map(({ type, detail }) => `${type} ${detail.code}`).sort());
  const own = (page) => page.locator(":is(pledge-counter, pledge-map) > a").filter({ visible: true }).count();
  const boxes = (page) => page.locator(":is(pledge-counter, pledge-map) [part=box]").filter({ visible: true }).count();
  const missed = ["pledge:error counter_unavailable", "pledge:error map_unavailable"];
  const parts = ["counter", "map"];
  // No such campaign; numbers that are refused; numbers that never come.
  for (const [campaign, away] of [["nope", null], [slug, (route) => route.abort()], [slug, () => {}]]) {
    const visitor = await newVisitor();
    const { page } = visitor;
    const isHung = away?.length === 0;
    if (isHung) await page.clock.install();
    if (away) await page.route("**/v1/**", away);
    await visit(page, embed({ campaign, parts }));
    if (isHung) {
      await page.waitForRequest(/totals/);
      await page.clock.runFor(11_000);
    }
    await until("it is told", async () => (await told(page)).length >= 2);
    assert.deepEqual(await told(page), missed);
    assert.deepEqual([await own(page), await boxes(page)], [2, 0], "the own content, and nothing beside it");
    if (!isHung) expectTrouble(visitor, /404|ERR_FAILED|MIME|aborted/);
    await leave(visitor);
  }
  // What was shown goes away again with another campaign, and comes back.
  const visitor = await newVisitor();
  const { page } = visitor;
  await visit(page, embed({ parts }));
  await drawn(page);
  assert.deepEqual([await own(page), await boxes(page)], [0, 2]);
  const turn = (campaign) => page.evaluate((name) => document.querySelectorAll("pledge-counter, pledge-map").forEach((each) => each.setAttribute("campaign", name)), campaign);
  await turn("nope");
  await until("it is told", async () => (await told(page)).length === 2);
  assert.deepEqual([await own(page), await boxes(page)], [2, 0]);
  await turn(slug);
  await drawn(page);
  assert.deepEqual([await own(page), await boxes(page)], [0, 2]);
  expectTrouble(visitor, /404|MIME|aborted/);
  await leave(visitor);
});

test("where style sheets can't be made and the policy refuses style elements, the elements look as they do elsewhere", async () => {
  const looks = async (isOld) => {
    const visitor = await newVisitor();
    const { page } = visitor;
    if (isOld) {
      await page.addInitScript(() => {
        delete CSSStyleSheet.prototype.replaceSync;
        delete Document.prototype.adoptedStyleSheets;
        delete ShadowRoot.prototype.adoptedStyleSheets;
      });
    }
    await visitForm(page, embed());
    await drawn(page);
    await page.locator("pledge-map details summary").click();
    await page.evaluate(() => new Promise((done) => setTimeout(done, 300)));
    await page.setViewportSize({ width: 390, height: 3000 });
    if (isOld) await photograph(page, "live-390-old-browser");
    const found = await page.evaluate(() => {
      const wanted = {
        "pledge-form": { ":host": "display", iframe: "width borderTopWidth position visibility display" },
        "pledge-counter": { ":host": "display", ".number": "fontSize fontWeight", ".track": "height borderTopWidth overflow", ".bar": "height width", p: "margin", ".sr": "position width" },
        "pledge-map": { ":host": "display", svg: "width backgroundColor", "path[data-code=KE]": "color fill", "path[data-code=BR]": "color", ul: "display listStyleType", i: "width backgroundColor", "i.map-dots": "height borderTopStyle borderTopWidth borderLeftWidth", ".map-note": "fontSize marginTop", table: "borderCollapse", td: "textAlign", caption: "position", ".map-tip": "display position" },
      };
      const seen = {};
      for (const [name, parts] of Object.entries(wanted)) {
        const host = document.querySelector(name);
        for (const [selector, properties] of Object.entries(parts)) {
          const style = getComputedStyle(selector === ":host" ? host : host.shadowRoot.querySelector(selector));
          for (const property of properties.split(" ")) seen[`${name} ${selector} ${property}`] = style[property];
        }
      }
      return seen;
    });
    if (isOld) expectTrouble(visitor, /Content Security Policy/);
    await leave(visitor);
    return found;
  };
  assert.deepEqual(await looks(true), await looks(false));
});
