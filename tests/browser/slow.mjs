// How long a form takes on a slow phone: Chromium's slow 4G (562.5 ms to the first byte, 1.44 Mbit/s) and a sixth of the
// processor's speed. Prints medians; run it on a quiet machine:
//   script/test --only slow-phone

import { performance } from "node:perf_hooks";
import { addCampaign, addPartner } from "./campaigns.mjs";
import { startSite } from "./sites.mjs";
import { newAddress, origin, startBrowser } from "./support.mjs";

const ROUNDS = 9;
const SLOW_4G = { offline: false, latency: 562.5, downloadThroughput: (1.6e6 * 0.9) / 8, uploadThroughput: (0.75e6 * 0.9) / 8 };
const SLOWER = 6;

const slug = `slow-${process.pid}`;
const partner = await startSite("partner");
// Cheap phones have no memory for a process per site: page and frame share one, and its speed.
const browser = await startBrowser({ sites: [partner.origin], more: ["--disable-site-isolation-trials", "--disable-features=IsolateOrigins,site-per-process"] });
await addCampaign(slug, { proof: "on", threshold: 1 });
const siteKey = await addPartner(slug, partner.origin);

const quantile = (values, share) => values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))];
const told = (values) => `median ${(quantile(values, 0.5) / 1000).toFixed(2)} s, slowest ${(Math.max(...values) / 1000).toFixed(2)} s`;

/** A page of an empty profile on a slow phone. */
async function slowPage() {
  const context = await browser.newContext({ viewport: { width: 390, height: 844 } });
  const page = await context.newPage();
  const session = await context.newCDPSession(page);
  await session.send("Network.enable");
  await session.send("Network.emulateNetworkConditions", SLOW_4G);
  await session.send("Emulation.setCPUThrottlingRate", { rate: SLOWER });
  return { page, context };
}

/** Opens an address until somebody can type a name, then pledges; gives when that was, when scripts helped, and how long the thanks took after the click. */
async function once(address, isFramed) {
  const { page, context } = await slowPage();
  const began = performance.now();
  await page.goto(address, { waitUntil: "commit" });
  const form = isFramed ? page.frameLocator("iframe") : page;
  await form.locator("#name").fill("Amina Odhiambo", { timeout: 60_000 });
  const usable = performance.now() - began;
  // A click before this posts the plain form, which is good too.
  await form.locator("form[data-pledge][novalidate]").waitFor({ timeout: 60_000 });
  const helped = performance.now() - began;
  await form.locator("#email").fill(newAddress());
  await form.locator("#country").selectOption("KE");
  const clicked = performance.now();
  await form.locator("form[data-pledge] button[type=submit]").click();
  await form.locator(".done h2").waitFor({ timeout: 60_000 });
  const thanked = performance.now() - clicked;
  await context.close();
  return { usable, helped, thanked };
}

const places = [
  ["the form's own page", `${origin}/c/${slug}/en?site_key=${siteKey}`, false],
  ["the frame alone", `${origin}/embed/${slug}/en?site_key=${siteKey}`, false],
  ["in a partner's page", partner.embed("element", { campaign: slug, siteKey }), true],
  ["in a partner's page, with a look", partner.embed("element", { campaign: slug, siteKey, look: { theme: "dark", accent: "#0b6e4f" } }), true],
  ["an <iframe> in a partner's page", partner.embed("frame", { campaign: slug, siteKey }), true],
];
for (const [name, address, isFramed] of places) {
  const all = [];
  for (let round = 0; round < ROUNDS; round += 1) all.push(await once(address, isFramed));
  const [usable, helped, thanked] = ["usable", "helped", "thanked"].map((what) => told(all.map((times) => times[what])));
  console.log(`${name}: usable ${usable}; with scripts ${helped}; thanks after the click ${thanked}`);
}
await browser.close();
partner.stop();
