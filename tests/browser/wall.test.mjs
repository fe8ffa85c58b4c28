// The wall on a partner's page: strangers' words do nothing there, entries that are taken back go, readers can report, and it fits.
// What is on it is put between browser and service here: who really gets onto it, tests/api/wall.rs shows.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { policyFor, startSite } from "./sites.mjs";
import { assertAccessible, assertNoSidewaysScroll, leave, openPage, origin, photograph, slug, startBrowser, visit, widths } from "./support.mjs";

const address = `${origin}/v1/campaigns/${slug}/wall`;
const body = `<script type="module" src="${origin}/wall.js"></script>
<pledge-wall id="wall" campaign="${slug}"><a href="${origin}/c/${slug}/en">Pledge</a></pledge-wall>`;

let browser, site;
before(async () => {
  site = await startSite("wall");
  browser = await startBrowser({ sites: [site.origin] });
});
after(() => {
  site?.stop();
  return browser?.close();
});

const entry = (number, name, message) => ({ entry: `00000000-0000-4000-8000-00000000000${number}`, name, message, day: "2026-12-07" });
const policy = policyFor("element", { form: false });

/** A page whose wall shows what `pages` gives, by cursor; null: there is no wall. Reports are kept. */
async function open(pages, { width = 390, language = "en" } = {}) {
  const visitor = await openPage(browser, { width, sites: [site.origin] });
  const reports = [];
  await visitor.context.route(`${address}**`, async (route) => {
    const request = route.request();
    const headers = { "access-control-allow-origin": "*", "access-control-allow-headers": "content-type", "access-control-allow-methods": "POST" };
    if (request.url().endsWith("/reports")) {
      if (request.method() === "POST") reports.push(request.postDataJSON());
      return route.fulfill({ status: 204, headers });
    }
    const part = pages()[new URL(request.url()).searchParams.get("cursor") ?? ""];
    return part ? route.fulfill({ headers, json: { campaign: slug, ...part } }) : route.fulfill({ status: 404, headers, json: {} });
  });
  if (!pages()[""]) visitor.page.expectedFailures = [address];
  await visit(visitor.page, site.embed("element", { body, policy, language }));
  return { ...visitor, reports };
}

test("strangers' words are text, in their own direction, and it is accessible and whole at every width", async () => {
  const nasty = `<img src=x onerror="globalThis.hit = 1"> <script>globalThis.hit = 1</script> ${"W".repeat(200)}`;
  const entries = [entry(1, "Amina <b>Odhiambo</b>", nasty), entry(2, "أمينة منصور", "معًا.\nسلام"), entry(3, null, "Together."), entry(4, "Li", null)];
  const visitor = await open(() => ({ "": { entries, next_cursor: "more" } }));
  const { page } = visitor;
  await page.locator("pledge-wall li").nth(3).waitFor();
  assert.equal(await page.evaluate(() => globalThis.hit), undefined);
  assert.deepEqual(await page.locator("pledge-wall .by bdi").allTextContents(), ["Amina <b>Odhiambo</b>", "أمينة منصور", "Li"]);
  assert.equal(await page.locator("pledge-wall > a").isVisible(), false, "the page's own content makes room");
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await assertAccessible(page, `the wall (${colorScheme})`);
  }
  for (const width of widths) {
    await page.setViewportSize({ width, height: 900 });
    await assertNoSidewaysScroll(page, `the wall at ${width} px`);
  }
  await page.setViewportSize({ width: 390, height: 844 });
  await page.locator("pledge-wall summary").first().click();
  await assertAccessible(page, "a report");
  await photograph(page, "wall-390-dark");
  await leave(visitor);
});

test("a reader reports, and sees that it went", async () => {
  const visitor = await open(() => ({ "": { entries: [entry(1, "Amina", "Buy this")], next_cursor: null } }));
  const { page, reports } = visitor;
  await page.getByText("Report", { exact: true }).focus();
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Advertising or nonsense" }).click();
  await page.getByText("A moderator will look at it").waitFor();
  assert.deepEqual(reports, [{ entry: entry(1).entry, reason: "spam" }]);
  await leave(visitor);
});

test("more is shown when it is asked for, and what was taken back goes when somebody looks again", async () => {
  let hidden = false;
  const first = () => [entry(1, "Amina", "Together."), ...(hidden ? [] : [entry(2, "Bakari", "Hidden soon")])];
  const visitor = await open(() => ({ "": { entries: first(), next_cursor: "2" }, 2: { entries: [entry(3, "Chen", "And I")], next_cursor: null } }));
  const { page } = visitor;
  await page.getByRole("button", { name: "Show more" }).click();
  await page.getByText("And I").waitFor();
  assert.equal(await page.getByRole("button", { name: "Show more" }).count(), 0);
  hidden = true;
  await page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
  await page.getByText("Hidden soon").waitFor({ state: "detached" });
  assert.deepEqual(await page.locator("pledge-wall .by bdi").allTextContents(), ["Amina", "Chen"]);
  await leave(visitor);
});

test("where there is no wall the page's own content stays, and the page is told", async () => {
  const visitor = await open(() => ({}), { language: "ar" });
  const { page } = visitor;
  await page.waitForFunction(() => globalThis.heard.length > 0);
  assert.deepEqual(await page.evaluate(() => globalThis.heard), [{ type: "pledge:error", detail: { code: "wall_unavailable" }, by: "wall" }]);
  assert.equal(await page.locator("pledge-wall > a").isVisible(), true);
  await leave(visitor);
});
