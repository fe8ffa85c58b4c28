// What the tests of the console share: accounts, codes of the second factor, pledges to look through, and a console signed in.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { run } from "./campaigns.mjs";
import { newAddress, openPage, origin, visit } from "./support.mjs";

/** Adds an account at the command line; gives its password. */
export function addAccount(login, role, ...campaigns) {
  const said = run("moderator", "add", login, "--role", role, ...campaigns.flatMap((slug) => ["--campaign", slug]));
  return said.match(/the password is (\S+) and/)[1];
}

/** What stands behind `#invite=` in a new one-time link. */
export function invite(login, role, ...campaigns) {
  return run("moderator", "invite", login, "--role", role, ...campaigns.flatMap((slug) => ["--campaign", slug])).match(/#invite=(\S+)/)[1];
}

/** The code of a secret as a program shows it `steps` from now (RFC 6238). */
export function codeOf(secret, steps = 0) {
  const bits = [...secret.replace(/\s/g, "")].map((letter) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(letter).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + steps));
  const mac = createHmac("sha1", key).update(counter).digest();
  return `${(mac.readUInt32BE(mac[19] & 15) & 0x7fffffff) % 1_000_000}`.padStart(6, "0");
}

/** Pledges as a program does, `count` times. */
export async function pledges(slug, count, more = {}) {
  for (let index = 0; index < count; index += 1) {
    const body = JSON.stringify({ name: "Amina Okafor", email: newAddress(), country: "KE", language: "en", ...more });
    const answer = await fetch(`${origin}/v1/campaigns/${slug}/pledges`, { method: "POST", headers: { "content-type": "application/json" }, body });
    assert.equal(answer.status, 201);
  }
}

/** Opens the console and signs in; `prepare` has the page before. */
export async function signIn(browser, login, password, { prepare = null, ...options } = {}) {
  const visitor = await openPage(browser, options);
  await prepare?.(visitor.page);
  await visit(visitor.page, `/moderation/${options.hash ?? ""}`);
  await fillIn(visitor.page, login, password);
  await visitor.page.getByRole("navigation", { name: "Screens" }).waitFor();
  return visitor;
}

/** Fills in login and password, and sends them. */
export async function fillIn(page, login, password) {
  await page.getByLabel("Login").fill(login);
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
}

/** An answer that is no success and that the test wants. */
export function expectFailure(page, path) {
  page.expectedFailures = [...(page.expectedFailures ?? []), new URL(path, origin).href];
}

/** Closes the profile and fails when something went wrong in it. The console does keep a cookie: the one of the session. */
export async function close({ context, troubles }) {
  const cookies = await context.cookies();
  await context.close();
  assert.deepEqual(troubles, []);
  for (const cookie of cookies) assert.deepEqual([cookie.name, cookie.httpOnly, cookie.secure, cookie.sameSite], ["__Host-pledges_refresh", true, true, "Strict"]);
}
