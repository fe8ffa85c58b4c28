// The console: find a wave, look at it, remove it with a reason, undo it in a click; with the keyboard alone, at 320 px, and
// by two moderators at once.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { addCampaign, until } from "./campaigns.mjs";
import { addAccount, close, fillIn, pledges, signIn } from "./console.mjs";
import { assertAccessible, assertNoSidewaysScroll, boxOf, openPage, origin, photograph, startBrowser, visit, widths } from "./support.mjs";

const slug = `console-${process.pid}`;
const login = `finder-${process.pid}`;
const HONEST = 6;
const WAVE = 12;

let browser, password;
before(async () => {
  browser = await startBrowser();
  await addCampaign(slug, { confirmation: "none", threshold: 1, proof: "off" });
  password = addAccount(login, "organiser", slug);
  await pledges(slug, HONEST, { name: "Amina Okafor", country: "KE" });
  await pledges(slug, WAVE, { name: "Casino Bonus", country: "MC", message: "Play now" });
  await totalBecomes(HONEST + WAVE);
});
after(() => browser?.close());

const total = async () => (await (await fetch(`${origin}/v1/campaigns/${slug}/totals`)).json()).total;
const totalBecomes = (wanted) => until(`the total is ${wanted}`, async () => (await total()) === wanted);

const open = (options) => signIn(browser, login, password, { hash: `#/c/${slug}/search`, ...options });
const rows = (page) => page.locator("table.pledges tbody tr");
const found = (page, count) => page.locator(".found strong", { hasText: new RegExp(`^${count} pledges?$`) }).waitFor();
const toast = (page, text) => page.locator(".toast", { hasText: text });

/** A message goes by itself, but not from under the pointer. */
const hold = (page, text) => toast(page, text).hover();

/** Searches for a country, and waits for what is found: the search is filled just behind the pledges. */
async function searchFor(page, country, count) {
  // On a phone the filters are folded.
  const folded = page.locator(".search-fold:not([open]) > summary");
  if (await folded.isVisible()) await folded.click();
  await until(`${count} from ${country}`, async () => {
    await page.getByRole("textbox", { name: "Country" }).fill(country);
    await page.getByRole("button", { name: "Search", exact: true }).click();
    await page.locator(".rows:not([aria-busy])").waitFor();
    return (await page.locator(".found strong").textContent()).startsWith(`${count} `);
  });
}

async function giveReason(page, reason, note) {
  await page.getByRole("dialog").getByLabel("Reason").selectOption(reason);
  await page.getByRole("dialog").getByLabel("Note").fill(note);
}

test("names and addresses are masked, the message isn't", async () => {
  const visitor = await open();
  const { page } = visitor;
  await searchFor(page, "MC", WAVE);
  assert.equal(await rows(page).count(), WAVE);
  const text = await rows(page).first().textContent();
  assert.match(text, /C•+ B•+/);
  assert.match(text, /b•••@example\.org/);
  assert.match(text, /Play now/);
  assert.ok(!(await page.content()).includes("Casino Bonus"));
  await close(visitor);
});

test("a wave is found, previewed and removed with a reason; the public total falls, and rises with the undo", async () => {
  const visitor = await open();
  const { page } = visitor;
  await searchFor(page, "MC", WAVE);
  await page.getByRole("button", { name: "Preview removing all that fit" }).click();
  const panel = page.getByRole("dialog", { name: "Preview of a removal" });
  await panel.getByText(`${WAVE} pledges would be removed`).waitFor();
  await assertAccessible(page, "the preview");
  await photograph(page, "console-preview-1440");
  await panel.getByText(`${WAVE} of them count in the public total now.`).waitFor();
  const remove = panel.getByRole("button", { name: "Remove all of these" });
  const inSight = (node) => node.evaluate((element) => {
    const { top, bottom } = element.getBoundingClientRect();
    return top >= 0 && bottom <= innerHeight;
  });
  assert.ok(await inSight(remove), "the button is in sight without scrolling");
  await giveReason(page, "bot", "One name, one country, one minute");
  // As if others had come meanwhile: what the service says then stands where the new count is.
  page.expectedFailures = [`${origin}/v1/moderation/campaigns/${slug}/removals`];
  await page.route("**/removals", (route) => route.fulfill({ status: 409, contentType: "application/problem+json", json: { code: "preview_outdated" } }), { times: 1 });
  await remove.click();
  const refusal = panel.getByRole("alert").filter({ hasText: `${WAVE} fit now; ${WAVE} when you looked.` });
  await refusal.waitFor();
  assert.ok(await refusal.evaluate((node) => node === document.activeElement));
  assert.ok((await inSight(refusal)) && (await inSight(panel.locator(".exact"))));
  await assertAccessible(page, "a preview that has aged");
  await remove.click();
  await hold(page, /removed/);
  await page.locator("article.removal .badge.done").waitFor();
  await toast(page, `${WAVE} pledges were removed.`).waitFor();
  await totalBecomes(HONEST);
  await toast(page, /removed/).getByRole("button", { name: "Undo" }).click();
  await page.locator("article.removal .badge.undone").waitFor();
  await totalBecomes(HONEST + WAVE);
  await page.getByRole("link", { name: "Log", exact: true }).click();
  await page.locator(".log-entry", { hasText: "Removed pledges" }).first().waitFor();
  assert.match(await page.locator(".log-entry", { hasText: "One name, one country, one minute" }).first().textContent(), new RegExp(login));
  await close(visitor);
});

test("with the keyboard alone: down, tick, remove, undo", async () => {
  const visitor = await open();
  const { page } = visitor;
  await searchFor(page, "MC", WAVE);
  await page.evaluate(() => document.activeElement.blur());
  await page.keyboard.press("j");
  await page.keyboard.press("x");
  await page.keyboard.press("j");
  await page.keyboard.press("x");
  await page.locator(".bulk", { hasText: "2 ticked" }).waitFor();
  await page.keyboard.press("r");
  await page.getByRole("dialog", { name: "Remove 2 pledges" }).waitFor();
  await giveReason(page, "spam", "By keyboard");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await toast(page, "2 pledges were removed.").waitFor();
  await totalBecomes(HONEST + WAVE - 2);
  // The keyboard is where it was: on a row.
  await until("a row has the focus", () => page.evaluate(() => document.activeElement.closest("tbody tr") !== null));
  await page.keyboard.press("u");
  await toast(page, "2 pledges are back.").waitFor();
  await totalBecomes(HONEST + WAVE);
  await page.keyboard.press("?");
  await page.getByRole("dialog", { name: "Keys" }).waitFor();
  await page.keyboard.press("Escape");
  assert.equal(await page.getByRole("dialog").count(), 0);
  await page.keyboard.press("/");
  assert.equal(await page.evaluate(() => document.activeElement.name), "state");
  await page.keyboard.press("x");
  await page.locator(".bulk", { hasText: "None ticked" }).waitFor();
  await close(visitor);
});

test("a message covers nothing that one presses, goes by itself, and leaves its undo under Removals", async () => {
  const visitor = await open({ width: 320 });
  const { page } = visitor;
  await searchFor(page, "MC", WAVE);
  await rows(page).first().getByRole("checkbox").check();
  await page.getByRole("button", { name: "Remove", exact: true }).click();
  await giveReason(page, "test", "Of the messages");
  await page.getByRole("dialog").getByRole("button", { name: "Remove 1 pledge" }).click();
  const message = toast(page, "1 pledge was removed.");
  await page.locator(".rows:not([aria-busy]) .badge.removed").first().waitFor();
  await rows(page).first().getByRole("checkbox").check();
  const [above, below] = [await boxOf(message), await boxOf(page.locator(".bulk"))];
  assert.ok(above.y + above.height <= below.y, `${JSON.stringify(above)} ${JSON.stringify(below)}`);
  await assertAccessible(page, "a message");
  await message.getByRole("link", { name: "Undo it later under Removals" }).click();
  const card = page.locator("article.removal", { hasText: "Of the messages" });
  await card.getByRole("button", { name: "Undo" }).waitFor();
  await page.mouse.move(0, 0);
  await message.waitFor({ state: "detached", timeout: 60_000 });
  await card.getByRole("button", { name: "Undo" }).click();
  await page.getByRole("dialog").getByLabel("Note").fill("Of the messages");
  await page.getByRole("dialog").getByRole("button", { name: "Undo" }).click();
  await card.locator(".badge.undone").waitFor();
  await totalBecomes(HONEST + WAVE);
  await close(visitor);
});

test("names are revealed for a reason only, and are gone with the panel", async () => {
  const visitor = await open();
  const { page } = visitor;
  await searchFor(page, "KE", HONEST);
  await rows(page).first().getByRole("checkbox").check();
  await page.getByRole("button", { name: "Reveal", exact: true }).click();
  await page.getByRole("dialog").getByLabel("Why do you need to see them?").fill("Is it one person?");
  await page.getByRole("dialog").getByRole("button", { name: "Reveal", exact: true }).click();
  await page.getByRole("dialog").getByText("Amina Okafor").waitFor();
  await page.keyboard.press("Escape");
  assert.ok(!(await page.content()).includes("Amina Okafor"));
  await close(visitor);
});

test("what is held is accepted from its queue by keys, the second without asking, and counts then; a wrong one is taken back by a key", async () => {
  const visitor = await open();
  const { page } = visitor;
  await page.getByRole("link", { name: "Switches", exact: true }).click();
  await page.getByLabel("Note").fill("Rehearsal of the queue");
  await page.getByRole("button", { name: "Switch on", exact: true }).click();
  await page.getByRole("button", { name: "Switch off: Hold everything" }).waitFor();
  // A switch is in force everywhere within five seconds.
  await page.waitForTimeout(5_500);
  await pledges(slug, 2, { name: "Held Back", country: "FR" });
  await page.getByRole("button", { name: "Switch off: Hold everything" }).click();
  await page.getByRole("link", { name: "Review queue" }).click();
  await page.locator(".found strong", { hasText: "2 pledges are held" }).waitFor();
  await assertAccessible(page, "the queue");
  await photograph(page, "console-queue-1440");
  await page.getByRole("link", { name: "In groups" }).click();
  await page.getByRole("article", { name: /^Country France/ }).waitFor();
  await assertAccessible(page, "groups of the queue");
  await page.getByRole("link", { name: "Wrong signals" }).click();
  await page.getByLabel("Stored in").waitFor();
  await assertAccessible(page, "the measure of signals");
  await page.getByRole("link", { name: "One by one" }).click();
  await rows(page).first().waitFor();
  await page.keyboard.press("j");
  await page.keyboard.press("a");
  const panel = page.getByRole("dialog", { name: "Accept 1 pledge" });
  await panel.getByLabel("Note").fill("A person");
  await panel.getByRole("checkbox", { name: "Do the same with the next ones without asking" }).check();
  await panel.getByRole("button", { name: "Accept 1 pledge" }).click();
  await page.locator(".found strong", { hasText: "1 pledge is held" }).waitFor();
  await until("a row has the focus", () => page.evaluate(() => document.activeElement.closest("tbody tr") !== null));
  await page.keyboard.press("a");
  await page.locator(".found strong", { hasText: "0 pledges are held" }).waitFor();
  await totalBecomes(HONEST + WAVE + 2);
  await page.keyboard.press("u");
  await toast(page, "1 pledge is held again.").waitFor();
  await page.locator(".found strong", { hasText: "1 pledge is held" }).waitFor();
  await totalBecomes(HONEST + WAVE + 1);
  await page.getByRole("link", { name: "Removals", exact: true }).click();
  await page.getByRole("link", { name: "Accepted", exact: true }).click();
  const acceptances = page.locator("article.removal", { hasText: "A person" });
  await acceptances.nth(1).waitFor();
  assert.deepEqual([await acceptances.count(), await acceptances.locator(".badge.undone").count()], [2, 1]);
  await assertAccessible(page, "acceptances");
  await photograph(page, "console-acceptances-1440");
  await page.getByRole("link", { name: "Review queue" }).click();
  await rows(page).first().waitFor();
  await page.keyboard.press("a");
  await page.locator(".found strong", { hasText: "0 pledges are held" }).waitFor();
  await totalBecomes(HONEST + WAVE + 2);
  // The other tests count without them.
  await page.getByRole("link", { name: "Search", exact: true }).click();
  await searchFor(page, "FR", 2);
  await page.getByRole("checkbox", { name: "All on this page" }).check();
  await page.getByRole("button", { name: "Remove", exact: true }).click();
  await giveReason(page, "test", "Of the rehearsal");
  await page.getByRole("dialog").getByRole("button", { name: "Remove 2 pledges" }).click();
  await totalBecomes(HONEST + WAVE);
  await close(visitor);
});

/** What stands out, as the service would tell it of the wave; what a wave is its own tests know. */
const standing = { as_of: "2026-11-23T12:00:00Z", since: "2026-11-22T12:00:00Z", compared: HONEST + WAVE, clusters: [
  { common: "country", value: "MC", pledges: WAVE, compared: WAVE, confirmed: 0, confirmed_share: 0, likely: WAVE, first_at: "2026-11-23T11:00:00Z", last_at: "2026-11-23T12:00:00Z", trend: [...Array(23).fill(0), WAVE], score: 1000,
    reasons: [{ why: "many_from_country", points: 1000, seen: WAVE, usual: 10 }, { why: "wave", points: 300, seen: WAVE, usual: null }], search: { country: "MC" }, link: `/moderation/#/c/${slug}/search?country=MC` },
  { common: "source_tag", value: "00c5f16d0e7c3a9b", pledges: WAVE, compared: WAVE, confirmed: 2, confirmed_share: 2 / WAVE, likely: 5, first_at: null, last_at: null, trend: Array.from({ length: 24 }, (_, hour) => hour), score: 240,
    reasons: [{ why: "unconfirmed", points: 100, seen: 2, usual: 9 }, { why: "more_than_usual", points: 140, seen: 9, usual: 1 }], search: { source_tag: "00c5f16d0e7c3a9b" }, link: "" },
] };

test("what stands out is where one lands, leads to the preview, and away with it in a minute", async () => {
  const visitor = await openPage(browser, {});
  const { page } = visitor;
  await page.route("**/clusters", (route) => route.fulfill({ json: standing }));
  const began = Date.now();
  await visit(page, "/moderation/");
  await fillIn(page, login, password);
  const card = page.getByRole("article", { name: "Country Monaco (MC)" });
  await card.getByText("12 from 10 people").waitFor();
  assert.ok(page.url().endsWith(`#/c/${slug}/clusters`));
  await assertAccessible(page, "what stands out");
  await photograph(page, "console-clusters-1440");
  await card.getByRole("button", { name: "Preview removal: Country Monaco (MC)" }).click();
  await page.getByRole("dialog").getByText(`${WAVE} pledges would be removed`).waitFor();
  await giveReason(page, "bot", "Stands out");
  await page.getByRole("button", { name: "Remove all of these" }).click();
  await hold(page, /removed/);
  await toast(page, `${WAVE} pledges were removed.`).waitFor();
  await totalBecomes(HONEST);
  assert.ok(Date.now() - began < 60_000);
  // The look is still the one from before.
  const look = () => page.getByRole("link", { name: /^What stands out/ }).click();
  await look();
  await card.getByText("Removed just now.").waitFor();
  assert.equal(await card.locator(".button.main").count(), 0);
  assert.equal(await page.locator(".nav-lists .badge").textContent(), "1");
  await assertAccessible(page, "a group that was removed");
  await photograph(page, "console-clusters-removed-1440");
  const removals = () => page.getByRole("link", { name: "Removals", exact: true }).click();
  await removals();
  await page.unroute("**/clusters");
  await page.route("**/clusters", (route) => route.fulfill({ json: { ...standing, as_of: new Date(Date.now() + 3_600_000).toISOString() } }));
  await look();
  await card.locator(".button.main").waitFor();
  assert.equal(await card.getByText("Removed just now.").count(), 0);
  await removals();
  await page.locator("article.removal", { hasText: "Stands out" }).getByRole("button", { name: "Undo" }).click();
  await page.getByRole("dialog").getByLabel("Note").fill("Of the rehearsal");
  await page.getByRole("dialog").getByRole("button", { name: "Undo" }).click();
  await totalBecomes(HONEST + WAVE);
  await close(visitor);
});

test("a search is kept for new pledges, told in words among the rules, and ended", async () => {
  const visitor = await open();
  const { page } = visitor;
  await searchFor(page, "MC", WAVE);
  await page.getByRole("button", { name: "Make it a rule for new pledges" }).click();
  const panel = page.getByRole("dialog", { name: "Make it a rule for new pledges" });
  await panel.getByText(`${WAVE} pledges that are there already fit.`).waitFor();
  await assertAccessible(page, "keeping a search");
  await photograph(page, "console-keep-1440");
  await giveReason(page, "bot", "More of the same");
  await panel.getByRole("button", { name: "Make the rule" }).click();
  await toast(page, /^The rule is in force until/).waitFor();
  await page.getByRole("link", { name: "Rules", exact: true }).click();
  await page.locator("tr", { hasText: "Country: Monaco (MC)" }).getByText("hold", { exact: true }).waitFor();
  await assertAccessible(page, "a rule that searches");
  await page.getByRole("button", { name: "End: Country: Monaco (MC)" }).click();
  await page.getByText("There are none.").waitFor();
  await close(visitor);
});

test("the log is filtered by the service, and taken along", async () => {
  const visitor = await open();
  const { page } = visitor;
  await page.getByRole("link", { name: "Log", exact: true }).click();
  await page.locator(".log-entry").first().waitFor();
  await page.getByLabel("What was done").selectOption({ label: "Added a rule" });
  await page.getByRole("button", { name: "Show", exact: true }).click();
  await until("only rules are left", async () => (await page.locator(".log-entry").count()) === 1);
  assert.match(page.url(), /action=rule\.add/);
  const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Download what is asked for" }).click()]);
  const lines = readFileSync(await file.path(), "utf8").trim().split("\n").map((line) => JSON.parse(line));
  assert.deepEqual(lines.map(({ action }) => action), ["rule.add"]);
  await toast(page, "1 entry is downloaded.").waitFor();
  await close(visitor);
});

test("on the wall goes what was read and approved by a key; nothing is read before somebody asks", async () => {
  const visitor = await open();
  const { page } = visitor;
  const asked = [];
  const id = (number) => `0197c5f1-6d0e-7c3a-9b1e-2f4a5d6c7b8${number}`;
  const entries = ["Amina Okafor", "Buy Now", "Nia Otieno"].map((name, number) => ({ id: id(number), name, message: number === 1 ? "casino.example" : null, language: "en", created_at: "2026-11-23T10:00:00Z", has_link: number === 1 }));
  // Its service is in the hands of other tests.
  await page.route("**/wall/**", (route) => {
    const what = new URL(route.request().url()).pathname.split("/").pop();
    const body = route.request().postDataJSON();
    asked.push([what, body]);
    return route.fulfill({ json: { waiting: { wall: true, entries, next_cursor: null }, approvals: { approved: body?.ids }, declines: { declined: body?.ids }, entries: { entries: [], next_cursor: null } }[what] });
  });
  await page.getByRole("link", { name: "Wall", exact: true }).click();
  const read = page.getByRole("button", { name: "Read the next 20" });
  await read.waitFor();
  assert.deepEqual(asked, []);
  await read.click();
  await rows(page).first().waitFor();
  await assertAccessible(page, "the wall");
  await photograph(page, "console-wall-1440");
  await page.keyboard.press("a");
  await toast(page, "1 entry is on the wall.").waitFor();
  await page.keyboard.press("d");
  await page.getByRole("dialog", { name: "Decline 1 entry" }).getByLabel("Reason").selectOption("spam");
  await page.getByRole("dialog").getByRole("button", { name: "Decline" }).click();
  await toast(page, "1 entry is declined.").waitFor();
  assert.deepEqual(asked, [["waiting", null], ["approvals", { ids: [id(0)] }], ["declines", { ids: [id(1)], reason: "spam" }]]);
  assert.equal(await rows(page).count(), 1);
  await page.getByRole("link", { name: "Reported" }).click();
  await page.getByText("Nothing is reported.").waitFor();
  await close(visitor);
});

test("news are said quietly and taken on demand; until then no row moves", async () => {
  const visitor = await open();
  const { page } = visitor;
  await searchFor(page, "KE", HONEST);
  const place = async () => (await boxOf(rows(page).first())).y;
  const before = await place();
  await pledges(slug, 1, { name: "Nia Otieno", country: "KE" });
  const news = page.getByRole("button", { name: "1 new pledge. Show it" });
  await news.waitFor({ timeout: 40_000 });
  assert.equal(await rows(page).count(), HONEST);
  assert.equal(await place(), before);
  await news.click();
  await found(page, HONEST + 1);
  await rows(page).first().getByRole("checkbox").check();
  await page.getByRole("button", { name: "Remove", exact: true }).click();
  await giveReason(page, "test", "Of the rehearsal");
  await page.getByRole("dialog").getByRole("button", { name: "Remove 1 pledge" }).click();
  await totalBecomes(HONEST + WAVE);
  await close(visitor);
});

test("a name that is searched for never stands in the address", async () => {
  const visitor = await open();
  const { page } = visitor;
  await page.getByText("More filters").click();
  await page.getByLabel("Exact name").fill("amina  okafor");
  await page.getByRole("button", { name: "Search", exact: true }).click();
  await found(page, HONEST);
  assert.ok(!/amina/i.test(page.url()));
  await page.getByRole("button", { name: "Clear", exact: true }).click();
  await found(page, HONEST + WAVE + 3);
  await close(visitor);
});

test("two moderators at once: who comes second is told, and nothing happens twice", async () => {
  const [one, other] = [await open(), await open()];
  for (const { page } of [one, other]) {
    await searchFor(page, "MC", WAVE);
    await page.getByRole("checkbox", { name: "All on this page" }).check();
    await page.getByRole("button", { name: "Remove", exact: true }).click();
    await giveReason(page, "bot", "At once");
  }
  const remove = (page) => page.getByRole("dialog").getByRole("button", { name: `Remove ${WAVE} pledges` }).click();
  await remove(one.page);
  await toast(one.page, `${WAVE} pledges were removed.`).waitFor();
  await hold(one.page, /removed/);
  other.page.expectedFailures = [`${origin}/v1/moderation/campaigns/${slug}/removals`];
  await remove(other.page);
  await other.page.getByRole("alert").filter({ hasText: "All of these are removed already." }).waitFor();
  await totalBecomes(HONEST);
  await toast(one.page, "removed").getByRole("button", { name: "Undo" }).click();
  await totalBecomes(HONEST + WAVE);
  await close(one);
  await close(other);
});

/** What stands on a screen once its answer has come; a picture or a look before it shows nothing. */
const shown = { clusters: "console-clusters article", queue: ".rows > *", search: ".rows tbody tr", wall: "console-wall .actions button", removals: "article.removal, console-removals .note", rules: "console-rules div > section", log: ".log-entry" };

for (const width of widths) {
  for (const colorScheme of ["light", "dark"]) {
    test(`every screen fits ${width} px and is accessible, ${colorScheme}`, async () => {
      const visitor = await open({ width, colorScheme });
      const { page } = visitor;
      await searchFor(page, "MC", WAVE);
      await page.route("**/clusters", (route) => route.fulfill({ json: standing }));
      for (const screen of ["clusters", "queue", "wall", "search", "removals", "totals", "rules", "switches", "partners", "settings", "log"]) {
        await page.evaluate((hash) => (location.hash = hash), `#/c/${slug}/${screen}`);
        await page.locator(`console-${screen} h2`).first().waitFor();
        await page.locator(shown[screen] ?? `console-${screen} section`).first().waitFor();
        await assertNoSidewaysScroll(page, `${screen} at ${width}`);
        await assertAccessible(page, `${screen} at ${width}, ${colorScheme}`);
        if ([320, 390, 1440].includes(width)) await photograph(page, `console-${screen}-${width}-${colorScheme}`);
      }
      await close(visitor);
    });
  }
}
