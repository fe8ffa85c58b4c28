// The stream of totals in a real browser: the very lines that README.md gives to dashboard developers.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { leave, newAddress, openPage, origin, slug, startBrowser, visit } from "./support.mjs";

const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");

let browser;
before(async () => {
  browser = await startBrowser();
});
after(() => browser?.close());

test("what README.md says about EventSource follows the totals", async () => {
  const [, lines] = readme.match(/```js\n([^`]*?EventSource[^]*?)```/);
  const { page, context, troubles } = await openPage(browser);
  await visit(page, "/");
  // Through the debugger, so that the page's own policy stays as it is.
  await page.evaluate(`(() => {
    ${lines.replaceAll("http://127.0.0.1:8080", origin)}
    globalThis.followed = () => totals;
    globalThis.unfollow = () => feed.close();
  })()`);
  await page.waitForFunction(() => followed().version > 0);
  const first = await page.evaluate(() => followed());
  const body = { name: "Amina Okafor", email: newAddress(), country: "NG" };
  const headers = { "content-type": "application/json" };
  const address = `${origin}/v1/campaigns/${slug}`;
  const answer = await fetch(`${address}/pledges`, { method: "POST", headers, body: JSON.stringify(body) });
  assert.equal(answer.status, 201);
  await page.waitForFunction((version) => followed().version > version, first.version);
  const followed = await page.evaluate(() => followed());
  assert.ok(followed.total > first.total);
  // A change that was applied makes the same document, if that hasn't changed again meanwhile.
  const asked = await (await fetch(`${address}/totals`)).json();
  if (asked.version === followed.version) assert.deepEqual(followed, asked);
  await page.evaluate(() => unfollow());
  await leave({ context, troubles });
});
