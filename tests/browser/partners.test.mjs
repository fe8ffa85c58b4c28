// The page for partners' web people: what they choose is what they copy, what they copy works on their own site, and the
// check says in words why a page may not embed the form.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ADVICE } from "../../src/web/assets/origin-check.js";
import { addCampaign, addPartner, run, until } from "./campaigns.mjs";
import { passOn, serve } from "./relay.mjs";
import { startSite } from "./sites.mjs";
import { assertAccessible, assertNoSidewaysScroll, leave, newAddress, openPage, origin, photograph, startBrowser, visit, widths } from "./support.mjs";

const slug = `embedded-${process.pid}`;
const campaign = "#campaign";

let browser, site, siteKey, testKey, partner;
before(async () => {
  site = await startSite("house");
  browser = await startBrowser({ sites: [site.origin] });
  await addCampaign(slug, { threshold: 1 });
  siteKey = await addPartner(slug, "https://www.example.org");
  partner = run("partner", "list", slug).match(/^(\S+)\t.*\t(pk_\S+)\t/m)[1];
  testKey = run("partner", "add", slug, "Trials", "--origin", "https://try.example.org").match(/^test site key\s+(\S+)/m)[1];
});
after(async () => {
  await browser?.close();
  site?.stop();
});

/** Opens the page with the test's own campaign chosen. */
async function openPartners(options = {}) {
  const visitor = await openPage(browser, options);
  await visit(visitor.page, "/partners");
  await visitor.page.locator(campaign).selectOption(slug);
  return visitor;
}

const text = (page, name) => page.locator(`[data-${name}]`).textContent();
const snippet = (page, way) => page.locator(`[data-snippet=${way}]`).textContent();
const choose = (page, way) => page.locator(`[name=way][value=${way}]`).check();
const preview = (page) => page.frameLocator("iframe[data-preview]");
/** Scrolls to the preview that was loaded with `key`: its section, as the frame in it is another one after each change. */
const toPreview = async (page, key) => {
  if (key) await page.locator(`iframe[data-preview][src*="${key}"]`).waitFor();
  await page.locator("section.preview").scrollIntoViewIfNeeded();
};

async function pledge(more = {}) {
  const body = JSON.stringify({ name: "Amina", email: newAddress(), country: "KE", language: "en", ...more });
  const answer = await fetch(`${origin}/v1/campaigns/${slug}/pledges`, { method: "POST", headers: { "content-type": "application/json" }, body });
  assert.equal(answer.status, 201);
}

test("the start page leads there", async () => {
  const visitor = await openPage(browser);
  await visit(visitor.page, "/");
  await visitor.page.locator("nav a[href='/partners']").click();
  await visitor.page.waitForURL(`${origin}/partners`);
  await leave(visitor);
});

test("without JavaScript all five ways stand there to be copied, for the first campaign", async () => {
  const visitor = await openPage(browser, { javaScript: false });
  const { page } = visitor;
  await visit(page, "/partners");
  assert.equal(await page.locator(".steps > li").count(), 5);
  for (const way of ["element", "frame", "html", "own", "server"]) {
    assert(await page.locator(`[data-snippet=${way}]`).isVisible(), `${way} can be read`);
    if (way !== "server") assert.match(await snippet(page, way), /pk_YOUR_KEY/);
  }
  for (const scripted of await page.locator("[data-with-script]").all()) assert.equal(await scripted.isVisible(), false);
  assert.equal(await page.locator("button").filter({ visible: true }).count(), 0, "no button that does nothing");
  for (const width of widths) {
    await page.setViewportSize({ width, height: 900 });
    await assertNoSidewaysScroll(page, `partners without JavaScript at ${width} px`);
  }
  await page.setViewportSize({ width: 1440, height: 900 });
  await photograph(page, "partners-without-javascript-1440");
  await leave(visitor);
});

for (const colorScheme of ["light", "dark"]) {
  test(`the page is accessible and whole at every width, whatever is chosen (${colorScheme})`, async () => {
    const visitor = await openPartners({ colorScheme });
    const { page } = visitor;
    for (const width of widths) {
      await page.setViewportSize({ width, height: width < 800 ? 844 : 900 });
      await assertNoSidewaysScroll(page, `partners at ${width} px`);
      if (width === 1440 || colorScheme === "light") await photograph(page, `partners-${colorScheme}-${width}`);
    }
    await page.evaluate(() => document.querySelectorAll("main details").forEach((details) => (details.open = true)));
    for (const way of ["element", "frame", "html", "own", "server"]) {
      await choose(page, way);
      await page.setViewportSize({ width: 320, height: 844 });
      await assertNoSidewaysScroll(page, `partners with ${way} at 320 px`);
      if (colorScheme === "light" || way === "element") await assertAccessible(page, `partners with ${way}`);
    }
    await leave(visitor);
  });
}

test("what is chosen by keyboard is in preview, lines to copy and policy at once", async () => {
  const visitor = await openPartners();
  const { page } = visitor;
  await page.locator("#site-key").fill(siteKey);
  await page.locator("#language").selectOption("fr");
  await page.locator("#theme").selectOption("dark");
  await page.locator("#accent").fill("#0a6");
  await page.locator("#radius").fill("3");
  await page.locator("[name=parts][value=map]").uncheck();
  await page.locator("[data-snippet=element]", { hasText: "Prenez cet engagement" }).waitFor();
  assert.equal(
    await snippet(page, "element"),
    `<script type="module" src="${origin}/embed.js"></script>
<pledge-form campaign="${slug}" site-key="${siteKey}" lang="fr" theme="dark" accent="#0a6" radius="3">
  <a href="${origin}/c/${slug}/fr?site_key=${siteKey}">Prenez cet engagement</a>
</pledge-form>
<pledge-counter campaign="${slug}" lang="fr" theme="dark" accent="#0a6" radius="3">
  <a href="${origin}/dashboard/${slug}?lang=fr">Engagements à ce jour</a>
</pledge-counter>`,
  );
  const wanted = `/embed/${slug}/fr?site_key=${siteKey}&theme=dark&accent=0a6&radius=3`;
  await page.locator(`iframe[data-preview][src="${wanted}"]`).waitFor();
  assert.equal(await preview(page).locator("html").getAttribute("lang"), "fr");
  await preview(page).locator("#name").waitFor();
  const letters = () => preview(page).locator(".card").evaluate((card) => getComputedStyle(card).color.match(/\d+/g).map(Number));
  await until("light letters on a dark ground", async () => Math.min(...(await letters())) > 150);
  await photograph(page, "partners-chosen-1440");

  await page.locator("[name=way][value=element]").focus();
  for (const { way, policy, part } of [
    { way: "frame", policy: `frame-src ${origin};`, part: `<iframe src="${origin}${wanted.replaceAll("&", "&amp;")}"` },
    { way: "html", policy: `form-action ${origin};`, part: `name="site_key" value="${siteKey}"` },
    { way: "own", policy: `script-src ${origin};\nconnect-src ${origin};\nworker-src blob:;`, part: `siteKey: "${siteKey}", language: "fr"` },
    { way: "server", policy: "(nothing)", part: `"language":"fr"` },
  ]) {
    await page.keyboard.press("ArrowDown");
    assert.deepEqual(await page.locator("section[data-way]:visible").evaluateAll((shown) => shown.map(({ dataset }) => dataset.way)), [way]);
    assert((await snippet(page, way)).includes(part), await snippet(page, way));
    assert.equal(await text(page, "policy"), policy);
  }
  await leave(visitor);
});

test("the wall's lines are offered where the campaign has a wall, and nowhere else", async () => {
  const walled = `walled-${process.pid}`;
  await addCampaign(walled, { confirmation: "email", wall: true });
  const visitor = await openPartners();
  const { page } = visitor;
  assert.equal(await page.locator("[data-snippet=wall]").isVisible(), false);
  await page.locator(campaign).selectOption(walled);
  await page.locator("#site-key").fill(siteKey);
  await page.locator("#language").selectOption("fr");
  await page.locator("[data-snippet=wall]", { hasText: "Prenez cet engagement" }).waitFor();
  const lines = await snippet(page, "wall");
  assert(lines.includes(`<pledge-wall campaign="${walled}" lang="fr">`) && lines.includes(siteKey) && lines.includes(`${origin}/wall.js`), lines);
  await assertAccessible(page, "partners with a wall");
  await page.setViewportSize({ width: 320, height: 844 });
  await assertNoSidewaysScroll(page, "partners with a wall at 320 px");
  await choose(page, "frame");
  assert.equal(await page.locator("[data-snippet=wall]").isVisible(), false);
  await leave(visitor);
});

test("the buttons copy exactly what stands there", async () => {
  const visitor = await openPartners();
  const { page, context } = visitor;
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const boxes = await page.locator(".snippet").filter({ visible: true }).all();
  assert(boxes.length >= 5, "policy, element and three of the relay");
  for (const box of boxes) {
    await box.locator("button").click();
    await box.locator("button", { hasText: "Copied" }).waitFor();
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), await box.locator("code").textContent());
  }
  await page.locator("p[role=status]", { hasText: "Copied" }).waitFor({ state: "attached" });
  await leave(visitor);
});

test("a secret key goes nowhere, wherever it is typed", async () => {
  const visitor = await openPartners();
  const { page } = visitor;
  const asked = [];
  page.on("request", (request) => asked.push(request.url() + (request.postData() ?? "")));
  await page.locator("#site-key").fill("sk_this-is-secret");
  await page.locator("#check-origin").fill("https://www.example.org");
  await page.locator("#check-key").fill("sk_this-is-secret");
  await page.locator("[data-check] button").click();
  await page.locator("[data-verdict][data-may=no]", { hasText: ADVICE.secret_key }).waitFor();
  await page.locator("#theme").selectOption("light"); // so that the preview is fetched again
  await page.locator("iframe[data-preview][src*='theme=light']").waitFor();
  assert.equal(await page.locator("#check-key").inputValue(), "sk_this-is-secret", "only where it was typed");
  assert.deepEqual(asked.filter((address) => address.includes("sk_")), []);
  assert.equal((await page.locator("main").textContent()).includes("sk_this"), false);
  await leave(visitor);
});

test("the check says in words why a page may not embed the form, as the service answers", async () => {
  const visitor = await openPartners({ width: 390 });
  const { page } = visitor;
  const check = async (address, key, may, ...codes) => {
    await page.locator("#check-origin").fill(address);
    await page.locator("#check-key").fill(key);
    await page.locator("#check-key").press("Enter");
    const list = `[data-verdict][data-may=${may}]`;
    for (const code of codes) await page.locator(`${list} li`, { hasText: ADVICE[code] }).waitFor();
    await page.locator(`${list} strong`).waitFor();
    assert.equal(await page.locator(`${list} li`).count(), codes.length, `${address} with ${key}`);
    await page.locator("#check-key").fill(""); // so that the next answer is waited for
  };
  const page1 = "https://www.example.org";
  await check(page1, siteKey, "yes");
  assert.equal(await page.locator("[data-verdict] strong").innerText(), `${page1} may embed the form.`);
  await photograph(page, "partners-check-yes-390");
  await check("https://example.org", siteKey, "no", "foreign_origin");
  await assertAccessible(page, "the check with an answer");
  await photograph(page, "partners-check-no-390");
  await check(page1, "pk_there-is-no-such-key", "no", "unknown_key");
  await check("https://try.example.org", testKey, "yes", "test_key");
  await check("http://localhost:3000", siteKey, "yes", "local_origin");
  await check("http://www.example.org", siteKey, "no", "insecure_origin", "foreign_origin");
  await check("null", siteKey, "no", "null_origin");
  await check("ftp://www.example.org", siteKey, "no", "not_an_origin");
  await check("https://*.example.org", siteKey, "no", "wildcard_origin");
  await check(`${page1}/pledge`, siteKey, "yes", "with_path");

  const answers = async () => (await (await fetch(`${origin}/v1/partner/check?campaign=${slug}&site_key=${siteKey}&origin=${page1}`)).json()).problems[0]?.code;
  run("switch", "on", slug, "pause_partner", "--partner", partner, "--reason", "a test");
  await until("the partner is paused", async () => (await answers()) === "partner_paused");
  await check(page1, siteKey, "no", "partner_paused");
  run("partner", "disable", slug, partner);
  await until("the partner is disabled", async () => (await answers()) === "partner_disabled");
  await check(page1, siteKey, "no", "partner_disabled");
  run("partner", "enable", slug, partner);
  run("switch", "off", slug, "pause_partner", "--partner", partner);
  await until("the partner is as before", async () => (await answers()) === undefined);

  const document = await (await fetch(`${origin}/openapi.json`)).json();
  const codes = document.components.schemas.EmbeddingProblem.properties.code.description.match(/`\w+`/g);
  assert.equal(codes.length, 8);
  for (const code of codes) assert(ADVICE[code.replaceAll("`", "")], `the page knows ${code}`);
  await leave(visitor);
});

test("the preview shows the whole form, and the key that is embedded is the one that is checked", async () => {
  const visitor = await openPartners();
  const { page } = visitor;
  await page.locator("#site-key").fill(siteKey);
  for (const width of [320, 768, 1000, 1440]) {
    await page.setViewportSize({ width, height: 900 });
    await toPreview(page, siteKey);
    await preview(page).locator("#name").waitFor();
    const cut = () => preview(page).locator("html").evaluate((root) => Math.max(root.scrollHeight - innerHeight, root.scrollWidth - innerWidth));
    await until(`nothing is cut off at ${width} px`, async () => (await cut()) <= 0);
    await photograph(page, `partners-preview-${width}`);
  }
  const checked = page.locator("#check-key");
  assert.equal(await checked.inputValue(), siteKey);
  await page.locator("#site-key").fill("sk_secret");
  assert.equal(await checked.inputValue(), "");
  await page.locator("#site-key").fill(testKey);
  assert.equal(await checked.inputValue(), testKey);
  await checked.fill(siteKey);
  await page.locator("#site-key").fill("pk_other");
  assert.equal(await checked.inputValue(), siteKey, "what was typed there stays");
  await page.locator("#check-origin").fill("https://www.example.org");
  await checked.press("Enter");
  await page.locator("[data-verdict][data-may=yes] p", { hasText: "registration only" }).waitFor();
  await leave(visitor);
});

test("the preview pledges nothing in earnest: it sends with a key for trials only", async () => {
  const visitor = await openPartners();
  const { page } = visitor;
  const posts = [];
  page.on("request", (request) => request.method() === "POST" && posts.push(request.postDataJSON()));
  const form = preview(page);
  for (const key of ["", siteKey]) {
    await page.locator("#site-key").fill(key);
    await toPreview(page, key);
    await form.locator("#held", { hasText: "nothing is sent" }).waitFor();
    await form.locator("#name").fill("Amina");
    await form.locator("#email").fill(newAddress());
    await form.locator("#country").selectOption("KE");
    await form.locator("#email").press("Enter");
    await form.locator("button[type=submit]").click();
    await new Promise((resolve) => setTimeout(resolve, 700));
    assert.deepEqual(posts, []);
    assert(await form.locator("#name").isVisible(), "nobody is thanked");
  }
  await photograph(page, "partners-preview-held");
  await page.locator("#site-key").fill(testKey);
  await page.locator(`iframe[data-preview][src*="${testKey}"]`).waitFor();
  await form.locator("form[data-trial] #name").fill("Amina");
  assert.equal(await form.locator("#held").count(), 0);
  await form.locator("#email").fill(newAddress());
  await form.locator("#country").selectOption("KE");
  await form.locator("button[type=submit]").click();
  await form.getByText("This was a trial: nothing was counted.").waitFor();
  assert.equal(posts.length, 1);
  assert.equal(posts[0].site_key, testKey);
  await leave(visitor);
});

test("where the service can't be asked, the check says that and nothing else", async () => {
  const visitor = await openPartners();
  const { page } = visitor;
  await page.route("**/v1/partner/check?*", (route) => route.fulfill({ status: 503, body: "" }));
  page.expectedFailures = [`${origin}/v1/partner/check?campaign=${slug}&site_key=${siteKey}&origin=https%3A%2F%2Fwww.example.org`];
  await page.locator("#check-origin").fill("www.example.org");
  await page.locator("#check-key").fill(siteKey);
  await page.locator("[data-check] button").click();
  await page.locator("[data-verdict][data-may=unknown]", { hasText: "could not be asked just now" }).waitFor();
  await leave(visitor);
});

test("pasted into a strict page of another origin, form, counter and map work with exactly the policy that was given", async () => {
  const visitor = await openPartners();
  const { page } = visitor;
  const key = await addPartner(slug, site.origin);
  await page.locator("#site-key").fill(key);
  const own = "default-src 'none'; script-src 'self'; style-src 'self'; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'";
  await page.locator("#policy").fill(own);
  const [pasted, policy] = [await snippet(page, "element"), await text(page, "merged")];
  assert.equal(policy, `${own.replace("script-src 'self'", `script-src 'self' ${origin}`)}; frame-src ${origin}; connect-src ${origin}`);
  await leave(visitor);

  const guest = await openPage(browser, { sites: [site.origin] });
  await visit(guest.page, site.embed("element", { body: pasted, policy }));
  await guest.page.waitForFunction(() => heard.some(({ type }) => type === "pledge:ready"));
  const number = guest.page.locator("pledge-counter .number");
  await number.filter({ hasText: /^\d+$/ }).waitFor();
  await guest.page.locator("pledge-map svg path[data-code=KE]").first().waitFor();
  const before = Number(await number.innerText());
  const form = guest.page.frameLocator("pledge-form iframe");
  await form.locator("#name").fill("Amina");
  await form.locator("#email").fill(newAddress());
  await form.locator("#country").selectOption("KE");
  await form.locator("button[type=submit]").click();
  await guest.page.waitForFunction(() => heard.some(({ type, detail }) => type === "pledge:done" && detail.status === "counted"));
  await number.filter({ hasText: new RegExp(`^${before + 1}$`) }).waitFor();
  await guest.page.locator("pledge-map .map-frame[aria-label*=Kenya]").waitFor();
  await photograph(guest.page, "partners-pasted-1440");
  await leave(guest); // fails when the policy refused anything

  // Each of the three lines is needed: without it the browser refuses something.
  for (const directive of ["script-src", "frame-src", "connect-src"]) {
    const less = policy.replace(` ${origin}`, directive === "script-src" ? "" : ` ${origin}`).split("; ").filter((part) => directive === "script-src" || !part.startsWith(directive)).join("; ");
    const refused = await openPage(browser, { sites: [site.origin] });
    await visit(refused.page, site.embed("element", { body: pasted, policy: less }));
    await until(`${directive} is missed`, () => refused.troubles.some((trouble) => trouble.includes("Content Security Policy")));
    await refused.context.close();
  }
});

test("a counter through the partner's own server follows the totals, and asks where no stream comes through", async (context) => {
  const visitor = await openPartners();
  const script = await visitor.page.locator("[data-relay=script]").textContent();
  assert(script.includes(`/pledges/v1/campaigns/${slug}/totals`), "for the campaign that is chosen");
  await leave(visitor);

  let hasStream = true;
  const relay = await serve((asked, answer) => {
    const send = (type, body) => answer.writeHead(200, { "content-type": type, "content-security-policy": "default-src 'none'; script-src 'self'; connect-src 'self'" }).end(body);
    if (asked.url === "/") return send("text/html", '<!doctype html><html lang="en"><title>House</title><strong id="pledges"></strong><script type="module" src="/number.js"></script>');
    if (asked.url === "/number.js") return send("text/javascript", script);
    if (!asked.url.startsWith("/pledges/v1/") || (asked.url.endsWith("/stream") && !hasStream)) return answer.writeHead(503).end();
    return passOn(asked, answer, asked.url.replace("/pledges", ""), {});
  });
  context.after(relay.close);
  for (hasStream of [true, false]) {
    const guest = await openPage(browser, { sites: [relay.origin] });
    guest.page.expectedFailures = [`${relay.origin}/favicon.ico`, `${relay.origin}/pledges/v1/campaigns/${slug}/totals/stream`];
    await visit(guest.page, `${relay.origin}/`);
    const number = guest.page.locator("#pledges");
    if (hasStream) await number.filter({ hasText: /^\d+$/ }).waitFor();
    const { total } = await (await fetch(`${origin}/v1/campaigns/${slug}/totals`)).json();
    await pledge();
    await number.filter({ hasText: new RegExp(`^${total + 1}$`) }).waitFor();
    await leave(guest);
  }
});
