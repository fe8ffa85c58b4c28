// What the browser tests share: a Chromium with a fresh profile that talks to nobody but our service,
// pages that remember everything that went wrong on them, accessibility checks and screenshots.

import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

/** The address of the service under test. */
export const origin = process.env.PLEDGES_URL;
assert(origin, "PLEDGES_URL is not set; run script/test --only browser");

/** The campaign that `pledges serve --demo` makes, and its languages. */
export const slug = "together-we-defend";
export const languages = ["en", "fr", "es", "ar", "ru", "zh"];

/** Widths, in CSS pixels, that every page must fit: a small phone, a phone, a laptop, a wall. */
export const widths = [320, 390, 1440, 3840];

const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const screenshots = path.join(path.dirname(fileURLToPath(import.meta.url)), "screenshots");

/**
 * Starts the browser; each start has a new, empty profile below the temporary directory. `sites` are origins of our own
 * making, as `http://partner.example:8081`: they are found at 127.0.0.1, and have what `https` would give them.
 */
export async function startBrowser({ sites = [], more = [] } = {}) {
  // Chromium's sandbox refuses to run as root, and many containers have none. We only show it our own pages.
  if (process.getuid?.() === 0) return launch({ sandbox: false, sites, more });
  try {
    return await launch({ sandbox: true, sites, more });
  } catch (error) {
    if (!/sandbox/i.test(error.message)) throw error;
    console.log("Chromium has no sandbox here; going on without");
    return launch({ sandbox: false, sites, more });
  }
}

function launch({ sandbox, sites, more }) {
  const found = sites.map((site) => `MAP ${new URL(site).hostname} 127.0.0.1, `).join("");
  return chromium.launch({
    executablePath: process.env.CHROMIUM,
    chromiumSandbox: sandbox,
    args: [
      ...(sandbox ? [] : ["--no-sandbox"]),
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-domain-reliability",
      "--disable-quic",
      "--disable-sync",
      "--no-first-run",
      ...more,
      "--no-proxy-server",
      // Even if something asked for another host, it would not be found.
      `--host-resolver-rules=${found}MAP * ~NOTFOUND, EXCLUDE 127.0.0.1`,
      ...(sites.length > 0 ? [`--unsafely-treat-insecure-origin-as-secure=${sites.join(",")}`] : []),
    ],
  });
}

/**
 * Opens a page of its own profile. `troubles` collects console errors (refusals by the content security
 * policy among them), uncaught exceptions and requests to anybody else but us and `sites`.
 */
export async function openPage(
  browser,
  { width = 1440, colorScheme = "light", locale = "en-GB", javaScript = true, sites = [] } = {},
) {
  const context = await browser.newContext({
    viewport: { width, height: width < 800 ? 844 : Math.round((width * 9) / 16) },
    colorScheme,
    locale,
    javaScriptEnabled: javaScript,
    reducedMotion: "reduce",
  });
  context.setDefaultTimeout(10_000);
  const troubles = [];
  context.on("request", (request) => {
    const address = new URL(request.url());
    if (![origin, ...sites].includes(address.origin) && !["data:", "blob:"].includes(address.protocol)) troubles.push(`request to ${address.origin}`);
  });
  const page = await context.newPage();
  page.on("console", (message) => {
    // Chromium reports every answer of 400 and above; a test that expects one says so by its address.
    const isExpected = message.text().startsWith("Failed to load resource") && page.expectedFailures?.includes(message.location().url);
    if (["error", "warning"].includes(message.type()) && !isExpected) troubles.push(`console: ${message.text()} (${message.location().url})`);
  });
  page.on("pageerror", (error) => troubles.push(`exception: ${error.message}`));
  page.on("requestfailed", (request) => {
    const reason = request.failure()?.errorText ?? "";
    // A page that is left cancels what it was still loading; without scripts, none is loaded beforehand either.
    if (reason !== "net::ERR_ABORTED" && (javaScript || reason !== "csp")) troubles.push(`failed: ${request.url()} ${reason}`);
  });
  return { page, context, troubles };
}

/** Goes to a path of the service; `status` other than 200 when an error page is wanted. */
export async function visit(page, address, status = 200) {
  const url = new URL(address, origin).href;
  if (status >= 400) page.expectedFailures = [...(page.expectedFailures ?? []), url];
  const response = await page.goto(url, { waitUntil: "load" });
  assert.equal(response.status(), status, `${address} answers ${status}`);
  return response;
}

/** Takes out of the troubles those that a test wants to see, and fails when there were none. */
export function expectTrouble({ troubles }, pattern) {
  const others = troubles.filter((trouble) => !pattern.test(trouble));
  assert(others.length < troubles.length, `no trouble is like ${pattern}`);
  troubles.splice(0, Infinity, ...others);
}

/** Closes the page's profile and fails when something went wrong on it, or when it left a cookie. */
export async function leave({ context, troubles }) {
  const cookies = await context.cookies();
  await context.close();
  assert.deepEqual(troubles, []);
  assert.deepEqual(cookies.map((cookie) => cookie.name), [], "supporters' pages set no cookies");
}

/** Asserts that nothing sticks out sideways, and names what does. */
export async function assertNoSidewaysScroll(page, what) {
  const found = await page.evaluate(() => {
    const root = document.documentElement;
    const limit = root.clientWidth;
    if (root.scrollWidth <= limit) return null;
    const culprits = [...document.querySelectorAll("body *")]
      .filter((element) => {
        const box = element.getBoundingClientRect();
        return box.width > 0 && (box.right > limit + 1 || box.left < -1);
      })
      .slice(0, 5)
      .map((element) => `${element.tagName.toLowerCase()}.${element.getAttribute("class") ?? ""}`);
    return `${root.scrollWidth} px in ${limit} px: ${culprits.join(", ")}`;
  });
  assert.equal(found, null, `${what} scrolls sideways`);
}

/** Asserts that axe-core finds nothing, with all of its rules. */
export async function assertAccessible(page, what) {
  // Evaluated by the debugger, not added as a script: the page's own policy stays as it is.
  await page.evaluate(axeSource);
  const violations = await page.evaluate(async () => {
    const results = await globalThis.axe.run(document, { resultTypes: ["violations"] });
    return results.violations.map((violation) => ({
      rule: violation.id,
      help: violation.help,
      where: violation.nodes.slice(0, 5).map((node) => `${node.target.join(" ")}: ${node.failureSummary}`),
    }));
  });
  assert.deepEqual(violations, [], `${what} is accessible`);
}

/** Pictures of longer pages show so many pixels of them: the reference has sixty thousand, and each picture took half a minute. */
const LONGEST_PICTURE = 8_000;

/** Keeps a picture of the whole page for people to look at. */
export async function photograph(page, name) {
  mkdirSync(screenshots, { recursive: true });
  const picture = { path: path.join(screenshots, `${name}.png`), animations: "disabled", timeout: 60_000 };
  const usual = page.viewportSize();
  if ((await page.evaluate(() => document.documentElement.scrollHeight)) <= LONGEST_PICTURE) {
    await page.screenshot({ ...picture, fullPage: true });
    return;
  }
  await page.setViewportSize({ ...usual, height: LONGEST_PICTURE });
  await page.screenshot(picture);
  await page.setViewportSize(usual);
}

/** The published total, as the API says it. */
export async function publishedTotal() {
  const answer = await fetch(`${origin}/v1/campaigns/${slug}/totals`);
  assert.equal(answer.status, 200);
  return (await answer.json()).total;
}

/** Waits until the published total is above `before`; pledges are published once a second. */
export async function totalAbove(before) {
  for (let attempt = 0; attempt < 75; attempt += 1) {
    const now = await publishedTotal();
    if (now > before) return now;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error(`the total did not rise above ${before} within 15 s`);
}

/** Where a part is seen. It may just be drawn anew: then it is looked for again. */
export async function boxOf(locator) {
  for (let attempt = 0; attempt < 50; attempt += 1) {
    const box = await locator.boundingBox();
    if (box) return box;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`not seen within 5 s: ${locator}`);
}

let addresses = 0;

/** An e-mail address that nobody has pledged with yet. */
export function newAddress() {
  addresses += 1;
  return `browser.${process.pid}.${Date.now()}.${addresses}@example.org`;
}
