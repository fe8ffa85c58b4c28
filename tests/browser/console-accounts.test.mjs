// Who gets into the console and what they find there: one-time links, second factor, sessions that end elsewhere, roles,
// switches, rules, partners.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { addCampaign } from "./campaigns.mjs";
import { addAccount, close, codeOf, expectFailure, fillIn, invite, signIn } from "./console.mjs";
import { assertAccessible, assertNoSidewaysScroll, openPage, photograph, startBrowser, visit } from "./support.mjs";

const slug = `accounts-${process.pid}`;
const name = (who) => `${who}-${process.pid}`;
const NEW_PASSWORD = "kestrel walks over seven bridges";

let browser;
before(async () => {
  browser = await startBrowser();
  await addCampaign(slug, { confirmation: "none", threshold: 1 });
});
after(() => browser?.close());

const screens = (page) => page.getByRole("navigation", { name: "Screens" }).getByRole("link").allTextContents().then((all) => all.map((text) => text.trim()));
const go = async (page, hash) => {
  await page.evaluate((to) => (location.hash = to), hash);
  await page.locator(`console-${hash.split("/").pop()} h2`).first().waitFor();
};

test("a one-time link makes an account with a second factor, and leaves the address", async () => {
  const visitor = await openPage(browser, { width: 320 });
  const { page } = visitor;
  await visit(page, `/moderation/#invite=${invite(name("invited"), "moderator", slug)}`);
  await page.getByText(name("invited")).waitFor();
  assert.ok(!page.url().includes("invite"));
  await assertNoSidewaysScroll(page, "the invitation");
  await assertAccessible(page, "the invitation");
  await photograph(page, "console-invitation-320");
  const secret = await page.locator("code.secret").textContent();
  await page.getByLabel("New password", { exact: true }).fill(NEW_PASSWORD);
  await page.getByLabel("New password once more").fill("another one that differs");
  await page.getByLabel("Code (optional)").fill(codeOf(secret));
  await page.getByRole("button", { name: "Make the account" }).click();
  await page.getByRole("alert").filter({ hasText: "The two passwords are not the same." }).waitFor();
  await page.getByLabel("New password once more").fill(NEW_PASSWORD);
  await page.getByRole("button", { name: "Make the account" }).click();
  await page.locator(".codes li").first().waitFor();
  assert.equal(await page.locator(".codes li").count(), 10);
  await page.getByRole("button", { name: "I have kept them" }).click();
  await page.locator("console-search .rows").waitFor();
  // On a phone the screens are folded.
  await page.getByRole("button", { name: /^Screens: / }).click();
  assert.deepEqual(await screens(page), ["What stands out", "Review queue", "Search", "Removals", "Wall", "Exact counts", "Rules", "Switches", "Settings", "My account"]);
  await page.getByRole("button", { name: "Sign out" }).click();

  // Signing in takes the code now; one that was used is not taken again, so the next one.
  expectFailure(page, "/v1/auth/login");
  await fillIn(page, name("invited"), NEW_PASSWORD);
  await page.getByLabel("Code").fill(codeOf(secret, 1));
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("navigation", { name: "Screens" }).waitFor();
  await close(visitor);
});

test("a link that is not good any more says so", async () => {
  const visitor = await openPage(browser);
  expectFailure(visitor.page, "/v1/auth/invitation");
  await visit(visitor.page, `/moderation/#invite=${"A".repeat(43)}`);
  await visitor.page.getByText("This link is not good any more. Ask for another.").waitFor();
  await close(visitor);
});

test("a wrong password is told where it is heard, and nothing else", async () => {
  const visitor = await openPage(browser);
  const { page } = visitor;
  expectFailure(page, "/v1/auth/login");
  await visit(page, "/moderation/");
  await assertAccessible(page, "the sign-in");
  await fillIn(page, "nobody", "nothing at all");
  await page.getByRole("alert").filter({ hasText: "Login or password is not right." }).waitFor();
  await close(visitor);
});

test("a session that is ended elsewhere logs out within 5 s and leaves nothing on the screen", async () => {
  const password = addAccount(name("ended"), "moderator", slug);
  const one = await signIn(browser, name("ended"), password);
  const other = await signIn(browser, name("ended"), password);
  for (const path of ["/v1/auth/me", "/v1/auth/refresh", `/v1/moderation/campaigns/${slug}/pledges/search`, `/v1/moderation/campaigns/${slug}/clusters`]) expectFailure(one.page, path);
  await go(other.page, "#/account");
  await other.page.getByRole("button", { name: "End all others" }).click();
  const from = Date.now();
  await one.page.getByText("Your session has ended. Sign in again to go on.").waitFor({ timeout: 5_000 });
  assert.ok(Date.now() - from < 5_000);
  assert.equal(await one.page.locator("console-search").count(), 0);
  await close(one);
  await close(other);
});

test("a page that is loaded again goes on with its session; another window signs out with it", async () => {
  const password = addAccount(name("reloads"), "moderator", slug);
  const visitor = await signIn(browser, name("reloads"), password);
  const { page, context } = visitor;
  await page.reload();
  await page.getByRole("navigation", { name: "Screens" }).waitFor();
  const second = await context.newPage();
  await second.goto(page.url());
  await second.getByRole("navigation", { name: "Screens" }).waitFor();
  // A look at the session may be on its way.
  for (const path of ["/v1/auth/me", "/v1/auth/refresh"]) expectFailure(page, path);
  await second.getByRole("button", { name: "Sign out" }).click();
  await page.getByText("You have signed out in another window.").waitFor();
  await close(visitor);
});

test("an admin finds all accounts, invites and closes one; its session ends", async () => {
  const admin = await signIn(browser, "admin", readFileSync(process.env.PLEDGES_ADMIN_PASSWORD_FILE, "utf8").trim());
  const { page } = admin;
  // What admins must hear of comes a moment later.
  await page.waitForLoadState("networkidle");
  const leave = page.getByRole("button", { name: "I have read this" });
  if (await leave.isVisible()) await leave.click();
  const password = addAccount(name("closed"), "moderator", slug);
  const closed = await signIn(browser, name("closed"), password);
  for (const path of ["/v1/auth/me", "/v1/auth/refresh", `/v1/moderation/campaigns/${slug}/pledges/search`, `/v1/moderation/campaigns/${slug}/clusters`]) expectFailure(closed.page, path);
  await go(page, "#/accounts");
  await page.getByRole("button", { name: `Change: ${name("closed")}` }).click();
  await page.getByRole("dialog").getByRole("checkbox").check();
  await page.getByRole("dialog").getByRole("button", { name: "Save" }).click();
  await closed.page.getByText("Your session has ended. Sign in again to go on.").waitFor({ timeout: 5_000 });
  await page.locator("console-accounts form").getByLabel("Login").fill(name("new"));
  await page.locator("console-accounts form").getByLabel("Campaigns").fill(slug);
  await page.getByRole("button", { name: "Invite somebody" }).click();
  assert.match(await page.getByRole("dialog").getByRole("textbox").inputValue(), /#invite=/);
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: `Revoke: ${name("new")}` }).click();
  await page.locator("tr", { hasText: name("new") }).getByText("Revoked").waitFor();
  await assertAccessible(page, "the accounts");
  await photograph(page, "console-accounts-1440");
  await close(closed);
  await close(admin);
});

test("an organiser switches on and off, adds and deletes a rule, and gives a partner a key that is shown once", async () => {
  const password = addAccount(name("organises"), "organiser", slug);
  const visitor = await signIn(browser, name("organises"), password);
  const { page } = visitor;
  await go(page, `#/c/${slug}/switches`);
  await page.getByLabel("Note").fill("Rehearsal");
  await page.getByRole("button", { name: "Switch on", exact: true }).click();
  await page.getByRole("button", { name: "Switch off: Hold everything" }).click();
  await page.getByRole("cell", { name: "Off", exact: true }).first().waitFor();

  await go(page, `#/c/${slug}/rules`);
  await page.getByLabel("Value").fill("spam.example");
  await page.getByLabel("Note").fill("Only bots use it");
  await page.getByRole("button", { name: "Add a block or an allow" }).click();
  await page.getByRole("button", { name: "End: spam.example" }).click();
  await page.getByText("There are none.").waitFor();

  await go(page, `#/c/${slug}/partners`);
  await page.getByLabel("Name", { exact: true }).fill("Human Rights House");
  await page.getByLabel("Origins").fill("https://www.example.org");
  await page.getByRole("button", { name: "Add a partner" }).click();
  await page.getByRole("button", { name: "New secret key: Human Rights House" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "New secret key" }).click();
  assert.match(await page.getByRole("dialog").locator("code.secret").textContent(), /^sk_/);
  await page.getByRole("dialog").getByRole("button", { name: "Close" }).last().click();
  assert.ok(!(await page.content()).includes("sk_"));
  await close(visitor);
});

test("without JavaScript the page says what is needed", async () => {
  const visitor = await openPage(browser, { javaScript: false });
  await visit(visitor.page, "/moderation/");
  await visitor.page.getByText("The console needs JavaScript.").waitFor();
  await close(visitor);
});
