// A partner's page around the form: what a hostile script on it can't do, what pages of others can't frame, what is shown when
// there is no form to show, and what all of it weighs.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { snippet } from "../../src/web/assets/snippets.js";
import { addCampaign, addKeys, addPartner, until } from "./campaigns.mjs";
import { mailTo, openCampaign, slug as mailSlug } from "./mails.mjs";
import { examine, frameIn, policyFor, startSite, visitForm } from "./sites.mjs";
import {
  assertAccessible,
  expectTrouble,
  leave,
  newAddress,
  openPage,
  origin,
  photograph,
  startBrowser,
  visit,
} from "./support.mjs";

const slug = `embedded-${process.pid}`;
const posted = `${origin}/v1/campaigns/${slug}/pledges`;

let browser, partner, stranger, sites, siteKey, testKey, mailKey;
before(async () => {
  [partner, stranger] = await Promise.all([startSite("partner"), startSite("stranger")]);
  sites = [partner.origin, stranger.origin];
  browser = await startBrowser({ sites });
  await addCampaign(slug, { proof: "on", threshold: 1 });
  ({ siteKey, testKey } = await addKeys(slug, partner.origin));
  await openCampaign();
  mailKey = await addPartner(mailSlug, partner.origin);
});
after(() => {
  partner?.stop();
  stranger?.stop();
  return browser?.close();
});

const newVisitor = (options) => openPage(browser, { width: 390, sites, ...options });
const button = (form) => form.locator("form button[type=submit]");
const heard = (page) => page.evaluate(() => globalThis.heard);
/** What the page heard, once that is `count` things: messages between windows take their time. */
async function heardOf(page, count) {
  await page.waitForFunction((least) => globalThis.heard.length >= least, count);
  return heard(page);
}
const link = (page) => page.locator("pledge-form > a");
const done = { pledges: 1, type: "done", status: "counted" };

async function fillIn(form, email = newAddress()) {
  await form.locator("#name").fill("Amina Odhiambo");
  await form.locator("#email").fill(email);
  await form.locator("#country").selectOption("KE");
  return email;
}

/** Notes every key and entry that reaches the page, and tries whatever might look into the form's frame. */
const SPY = `
  globalThis.loot = [];
  for (const type of ["keydown", "keypress", "keyup", "beforeinput", "input", "change", "paste", "submit"]) {
    addEventListener(type, (event) => loot.push(type + " " + (event.key ?? event.data ?? "")), true);
  }
  globalThis.pry = () => {
    const frame = document.querySelector("pledge-form").shadowRoot.querySelector("iframe");
    const inside = frame.contentWindow;
    const ways = {
      document: () => inside.document.body.innerHTML,
      contentDocument: () => frame.contentDocument.body.innerHTML,
      getSVGDocument: () => frame.getSVGDocument().documentElement,
      first: () => frames[0].document.body.innerHTML,
      address: () => inside.location.href,
      typed: () => inside.email.value,
      script: () => inside.eval("1"),
      storage: () => inside.localStorage.length,
    };
    return Object.fromEntries(Object.entries(ways).map(([name, look]) => {
      try { return [name, "got " + look()]; } catch (error) { return [name, error.name]; }
    }));
  };
  globalThis.forge = (messages) => {
    const inside = document.querySelector("pledge-form").shadowRoot.querySelector("iframe").contentWindow;
    for (const message of messages) inside.postMessage(message, "*");
  };`;

test("a hostile script on the page can neither read the form nor change what is sent", async () => {
  const visitor = await newVisitor();
  const { page } = visitor;
  const policy = `${policyFor("element")}; require-trusted-types-for 'script'`;
  const form = await visitForm(page, partner.embed("element", { campaign: slug, siteKey, script: SPY, policy }));
  await form.locator("#name").click();
  await page.keyboard.type("Amina Odhiambo");
  const email = newAddress();
  await form.locator("#email").click();
  await page.keyboard.type(email);
  await form.locator("#country").selectOption("KE");
  const pried = await page.evaluate(() => pry());
  for (const [way, came] of Object.entries(pried)) assert.match(came, /^(Security|Type)Error$/, `${way}: ${came}`);
  assert.equal(pried.document, "SecurityError");
  assert.deepEqual(await page.evaluate(() => loot), [], "no key reaches the page");

  const token = await form.locator("[name=form_token]").inputValue();
  const attempts = [
    { ...done, name: "Mallory", email: "mallory@example.org", country: "RU" },
    { pledges: 1, type: "fill", fields: { email: "mallory@example.org" } },
    { pledges: 1, type: "submit" },
    { pledges: 1, type: "size", height: 1 },
    { pledges: 1, look: { theme: "dark", email: "mallory@example.org", site_key: "pk_another", source: "forged", accent: "red;} * { display: none }" } },
    { pledges: 1, look: ["dark"], fields: { name: "Mallory" } },
    { campaign: "another", siteKey: "pk_another", origin: "http://stranger.example" },
    "submit",
  ];
  await page.evaluate((messages) => forge(messages), attempts);
  const [request] = await Promise.all([
    page.waitForRequest((each) => each.url() === posted && each.method() === "POST"),
    button(form).click(),
  ]);
  const { proof, ...sent } = request.postDataJSON();
  assert.deepEqual(sent, { name: "Amina Odhiambo", email, country: "KE", language: "en", site_key: siteKey, form_token: token });
  assert(proof.length > 100);
  await form.locator(".done h2").waitFor();

  // What the page heard says that somebody pledged, and how tall that was.
  assert.deepEqual((await heardOf(page, 2)).map(({ type, detail }) => [type, detail]), [
    ["pledge:ready", {}],
    ["pledge:done", { status: "counted" }],
  ]);
  await page.waitForFunction(() => messages.some(({ data }) => data.type === "size"));
  const messages = await page.evaluate(() => messages);
  for (const { data, origin: from } of messages) {
    assert.equal(from, origin);
    const { pledges, type, ...rest } = data;
    const allowed = { ready: ["height"], size: ["height"], done: ["status"] };
    assert.equal(pledges, 1);
    assert.deepEqual(Object.keys(rest), allowed[type]);
  }
  await leave(visitor);
});

test("nobody but the form's own frame can say that somebody pledged", async () => {
  const visitor = await newVisitor();
  const { page } = visitor;
  const forger = stranger.embed("server", {
    body: "<p>Forger</p>",
    script: `parent.postMessage(${JSON.stringify(done)}, "*"); parent.postMessage({ pledges: 1, type: "size", height: 9 }, "*");`,
  });
  const element = (id) => `<pledge-form id="${id}" campaign="${slug}" site-key="${siteKey}" lang="en"></pledge-form>`;
  const body = `<script type="module" src="${origin}/embed.js"></script>${element("one")}${element("two")}<iframe id="forger" src="${forger}" title="Forger"></iframe>`;
  const policy = policyFor("element", { more: { "frame-src": [stranger.origin] } });
  await visit(page, partner.embed("element", { body, policy }));
  await page.waitForFunction(() => heard.length === 2);
  const height = () => page.locator("#one iframe").evaluate((frame) => frame.style.height);
  const before = await height();
  await page.evaluate((message) => postMessage(message, "*"), done);
  await page.waitForFunction(() => messages.some(({ origin, data }) => origin === location.origin && data.type === "done"));
  await page.waitForFunction((from) => messages.some(({ origin, data }) => origin === from && data.type === "size"), stranger.origin);
  assert.deepEqual((await heard(page)).map(({ type }) => type), ["pledge:ready", "pledge:ready"]);
  assert.equal(await height(), before);
  // A form speaks for itself only, also beside another of the same service.
  await (await frameIn(page, "#two iframe")).evaluate((message) => parent.postMessage(message, "*"), done);
  assert.deepEqual((await heardOf(page, 3)).slice(2).map(({ by }) => by), ["two"]);
  await leave(visitor);
});

test("a trial is told as one, in the thanks and to the page; a pledge in earnest isn't", async () => {
  for (const [key, isTrial] of [[testKey, true], [siteKey, false]]) {
    const visitor = await newVisitor();
    const { page } = visitor;
    const form = await visitForm(page, partner.embed("element", { campaign: slug, siteKey: key }));
    await fillIn(form);
    await button(form).click();
    await form.locator(".done h2").waitFor();
    assert.deepEqual((await heardOf(page, 2))[1].detail, { status: "counted", ...(isTrial && { trial: true }) });
    assert.equal(await form.getByText("This was a trial: nothing was counted.").isVisible(), isTrial);
    assert.equal(await form.getByText("before the published total shows it").isVisible(), !isTrial);
    if (isTrial) await examine(page, form, "embed-trial");
    await leave(visitor);
  }
});

test("pages of others can't frame the form, and show the link instead", async () => {
  for (const [what, asked] of [["without a key", {}], ["with a wrong key", { siteKey: "pk_wrong" }], ["with a partner's key", { siteKey }]]) {
    const visitor = await newVisitor();
    const { page } = visitor;
    await page.clock.install();
    await visit(page, stranger.embed("element", { campaign: slug, siteKey: "", ...asked }));
    const frame = await frameIn(page, "pledge-form iframe");
    assert.equal(await frame.locator("form").count(), 0, `no form ${what}`);
    await page.clock.fastForward(10_000);
    assert.deepEqual((await heardOf(page, 1)).map(({ type, detail }) => [type, detail]), [["pledge:error", { code: "frame_refused" }]]);
    assert(await link(page).isVisible(), "the link to the hosted form stands there");
    assert.equal(await page.locator("pledge-form iframe").isVisible(), false, "and nothing else");
    await assertAccessible(page, `the link ${what}`);
    await photograph(page, "embed-refused");
    expectTrouble(visitor, /frame-ancestors|ERR_BLOCKED_BY_RESPONSE/);
    await leave(visitor);
  }
});

test("the headers say whose pages may frame what", async () => {
  const framers = async (address) => {
    const { headers } = await fetch(origin + address);
    const directives = headers.get("content-security-policy").split(";").map((each) => each.trim());
    return { ancestors: directives.find((each) => each.startsWith("frame-ancestors")), old: headers.get("x-frame-options") };
  };
  const none = { ancestors: "frame-ancestors 'none'", old: "DENY" };
  const self = { ancestors: "frame-ancestors 'self'", old: null };
  for (const path of ["", "/thanks"]) {
    for (const query of ["", "?site_key=pk_wrong", `?site_key=${mailKey}`]) assert.deepEqual(await framers(`/embed/${slug}/en${path}${query}`), self);
    const own = await framers(`/embed/${slug}/en${path}?site_key=${siteKey}`);
    assert(own.ancestors.startsWith(`frame-ancestors 'self' ${partner.origin} `) && own.old === null, own.ancestors);
    assert(!own.ancestors.includes("stranger") && !own.ancestors.includes("*."));
    assert.deepEqual(await framers(`/c/${slug}/en${path}?site_key=${siteKey}`), none);
  }
});

test("while the service, the frame, or the numbers are away, links stand there", async () => {
  const address = partner.embed("element", { campaign: slug, siteKey, parts: ["form", "counter", "map"] });
  const numbers = (page) => page.locator(":is(pledge-counter, pledge-map) > a").filter({ visible: true });
  for (const [away, ...left] of [[`${origin}/**`, "form", "numbers"], [`${origin}/embed/${slug}/**`, "form"], [`${origin}/v1/campaigns/*/totals**`, "numbers"]]) {
    const visitor = await newVisitor();
    await visitor.page.route(away, (route) => route.abort());
    await visit(visitor.page, address);
    if (left.includes("form")) {
      assert(await link(visitor.page).isVisible());
      assert.match(await link(visitor.page).getAttribute("href"), new RegExp(`^${origin}/c/${slug}/en`));
    }
    await until("something is missed", () => visitor.troubles.length > 0);
    if (!left.includes("numbers")) await visitor.page.locator("pledge-map .map-frame").waitFor();
    await until("the links are as they should be", async () => (await numbers(visitor.page).count()) === (left.includes("numbers") ? 2 : 0));
    expectTrouble(visitor, /ERR_FAILED/);
    await leave(visitor);
  }
});

test("a pledge that is confirmed by mail is confirmed in the frame, by the code", async () => {
  const visitor = await newVisitor();
  const { page } = visitor;
  const form = await visitForm(page, partner.embed("element", { campaign: mailSlug, siteKey: mailKey }));
  const email = await fillIn(form);
  await button(form).click();
  await form.locator("form[data-confirm]").waitFor();
  assert.equal(await form.evaluate(() => document.activeElement.id), "pledge-title", "the next step has the focus");
  assert.equal(await form.locator("#email").inputValue(), email, "the address stands there already");
  await examine(page, form, "embed-mail");
  const { code } = await mailTo(email);
  page.expectedFailures = [`${origin}/v1/campaigns/${mailSlug}/confirmations`];
  await form.locator("#code").fill(code === "AAAAAA" ? "BBBBBB" : "AAAAAA");
  await button(form).click();
  await form.locator(".errors").waitFor();
  await examine(page, form, "embed-mail-wrong-code");
  await form.locator("#code").fill(`${code.slice(0, 3).toLowerCase()} ${code.slice(3)}`);
  await page.keyboard.press("Enter");
  await form.locator(".done h2").waitFor();
  await examine(page, form, "embed-mail-confirmed");
  await page.waitForFunction(() => heard.filter(({ type }) => type === "pledge:done").length >= 2);
  const said = (await heard(page)).filter(({ type }) => type === "pledge:done").map(({ detail }) => detail);
  assert.deepEqual(said, [{ status: "awaiting" }, { status: "counted" }]);
  await leave(visitor);
});

/** A partner's own markup. */
const OWN_FORM = `<form id="pledge"><p><label>Name <input name="name"></label></p><p><label>E-mail <input name="email"></label></p>
<p><label>Country <select name="country"><option value="KE">Kenya</option></select></label></p><button>Pledge</button></form><p role="status" id="pledge-says"></p>`;

for (const worker of [true, false]) {
  test(`pledge.js sends the pledge of a form of one's own, ${worker ? "with a worker" : "where workers are refused"}`, async () => {
    const visitor = await newVisitor();
    const { page } = visitor;
    const policy = policyFor("own").replace(worker ? "" : /; worker-src[^;]*/, "");
    const own = snippet("own", { origin, campaign: slug, language: "en", siteKey });
    await page.addInitScript(() => {
      globalThis.kept = new Set();
      const { createObjectURL, revokeObjectURL } = URL;
      URL.createObjectURL = (blob) => (kept.add(createObjectURL.call(URL, blob)), [...kept].pop());
      URL.revokeObjectURL = (address) => (kept.delete(address), revokeObjectURL.call(URL, address));
    });
    let workers = 0;
    page.on("worker", () => (workers += 1));
    await visit(page, partner.embed("own", { body: OWN_FORM, script: own, type: "module", policy }));
    await page.locator("[name=name]").fill("Amina");
    await page.locator("[name=email]").fill("amina@localhost");
    page.expectedFailures = [posted];
    await page.locator("button").click();
    await page.getByText("Please correct the following and send it again: Please enter a complete e-mail address").waitFor();
    await page.locator("[name=email]").fill(newAddress());
    await page.locator("button").click();
    await page.getByText("Thank you!").waitFor();
    if (worker) assert(workers > 0, "a worker did the work");
    else expectTrouble(visitor, /worker/i);
    assert.equal(await page.evaluate(() => kept.size), 0, "its text is let go again");
    await leave(visitor);
  });
}

test("a form of one's own on a page that isn't registered sends nothing that counts", async () => {
  const answer = await fetch(posted, {
    method: "POST",
    headers: { "content-type": "application/json", origin: stranger.origin },
    body: JSON.stringify({ name: "Amina", email: newAddress(), country: "KE", language: "en", site_key: siteKey }),
  });
  assert.equal(answer.status, 403);
  assert.equal((await answer.json()).code, "foreign_origin");
});

test("a form of one's own on a page that isn't registered says so, instead of blaming the network", async () => {
  const visitor = await newVisitor();
  const { page } = visitor;
  // No challenge is asked for here, so the refusal of the pledge itself is the first.
  const [open, key] = [`${slug}-open`, await addCampaign(`${slug}-open`, { proof: "off" }).then(() => addPartner(`${slug}-open`, partner.origin))];
  const own = snippet("own", { origin, campaign: open, language: "en", siteKey: key });
  await visit(page, stranger.embed("own", { body: OWN_FORM, script: own, type: "module" }));
  await page.locator("[name=name]").fill("Amina");
  await page.locator("[name=email]").fill(newAddress());
  await page.locator("button").click();
  await page.getByText("This form cannot take pledges at the moment. Please tell whoever runs this page.").waitFor();
  expectTrouble(visitor, /CORS|ERR_FAILED|status of 403/);
  await leave(visitor);
});

/** How many bytes files weigh on the way, as they are served to a browser that takes brotli. */
async function weigh(addresses) {
  const sizes = addresses.map(async (address) => {
    const answer = await fetch(address, { headers: { "accept-encoding": "br, gzip" } });
    await answer.arrayBuffer();
    return Number(answer.headers.get("content-length"));
  });
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

/** What a page loads, and the page itself, without what it asks the API. */
async function loadedBy(address, use = () => {}) {
  const visitor = await newVisitor();
  const files = new Set();
  visitor.page.on("request", (request) => request.method() === "GET" && files.add(request.url()));
  await visit(visitor.page, address);
  await use(visitor.page);
  await leave(visitor);
  return [...files].filter((file) => file.startsWith(origin) && !file.startsWith(`${origin}/v1/`));
}

test("what the frame waits for is asked for in one go, also by browsers that ask for six files at a time", async () => {
  const page = await browser.newPage();
  await page.goto(`${origin}/embed/${slug}/en?site_key=${siteKey}`);
  const files = await page.locator("link:is([rel=stylesheet], [rel=modulepreload]), script[src]").evaluateAll((all) => all.map(({ href, src }) => href ?? src));
  assert(files.length > 3 && new Set(files).size <= 6, files.join());
  await page.close();
});

test("everything is small on the way", async () => {
  const frame = await loadedBy(`/embed/${slug}/en?site_key=${siteKey}`, async (page) => {
    await fillIn(page);
    await button(page).click();
    await page.locator(".done h2").waitFor();
  });
  for (const part of ["/embed/", "/site.", "/frame.", "/form.", "/notes.", "/pledge.", "/solve.", "/suggest."]) assert(frame.some((file) => file.includes(part)), part);
  const counter = partner.embed("element", { campaign: slug, siteKey, parts: ["counter"] });
  const element = (await loadedBy(counter, (page) => page.locator("pledge-counter .number").waitFor())).filter((file) => file.endsWith(".js"));
  assert.equal(element.length, 2, "embed.js and feed.js");
  const own = await loadedBy(partner.embed("own", { body: " ", script: `import "${origin}/pledge.js";`, type: "module" }));
  assert.equal(own.length, 2, "pledge.js and solve.js");
  const heavy = [];
  for (const [what, files, limit] of [["the element's script", element, 6], ["pledge.js", own, 5], ["the whole frame", frame, 30]]) {
    const bytes = await weigh(files);
    console.log(`${what}: ${bytes} bytes of ${limit * 1024} on the way`);
    if (bytes > limit * 1024) heavy.push(what);
  }
  assert.deepEqual(heavy, []);
});
