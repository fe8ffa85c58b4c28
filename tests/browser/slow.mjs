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

/** Runs in every document: tells when it has drawn, where the field is, and when something was typed into it. Small: what measures counts too. */
const WATCH = `(() => {
  const tell = (what) => watched(JSON.stringify(what));
  const drawn = () => {
    const field = document.getElementById("name");
    if (!field) return;
    const { x, y, width, height } = field.getBoundingClientRect();
    tell({ what: "drawn", isFramed: parent !== window, x: x + width / 2, y: y + height / 2 });
  };
  new PerformanceObserver((list) => list.getEntriesByName("first-contentful-paint").length && drawn()).observe({ type: "paint", buffered: true });
  addEventListener("input", ({ target }) => target.id === "name" && tell({ what: "typed" }), { once: true });
})()`;

/** A page of an empty profile on a slow phone. */
async function slowPage() {
  const context = await browser.newContext({ viewport: { width: 390, height: 844 } });
  const page = await context.newPage();
  const session = await context.newCDPSession(page);
  await session.send("Network.enable");
  await session.send("Runtime.enable");
  await session.send("Runtime.addBinding", { name: "watched" });
  await session.send("Page.enable");
  await session.send("Page.addScriptToEvaluateOnNewDocument", { source: WATCH });
  await session.send("Network.emulateNetworkConditions", SLOW_4G);
  await session.send("Emulation.setCPUThrottlingRate", { rate: SLOWER });
  return { page, context, session };
}

/** Where the frame begins in the page around it. */
async function frameOffset(session) {
  const expression = `(({ x, y }) => ({ x, y }))(document.querySelector("pledge-form, iframe").getBoundingClientRect())`;
  const { result } = await session.send("Runtime.evaluate", { expression, returnByValue: true });
  return result.value;
}

/** Clicks into the field as soon as it is drawn, and types; resolves when the field has heard of it. */
function typed(session) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("nothing could be typed within a minute")), 60_000);
    session.on("Runtime.bindingCalled", async ({ payload }) => {
      const { what, isFramed, x, y } = JSON.parse(payload);
      if (what === "typed") {
        clearTimeout(timer);
        resolve();
        return;
      }
      const offset = isFramed ? await frameOffset(session) : { x: 0, y: 0 };
      const mouse = { x: x + offset.x, y: y + offset.y, button: "left", clickCount: 1 };
      await session.send("Input.dispatchMouseEvent", { type: "mousePressed", ...mouse });
      await session.send("Input.dispatchMouseEvent", { type: "mouseReleased", ...mouse });
      await session.send("Input.insertText", { text: "A" });
    });
  });
}

/** Opens an address until somebody can type a name, then pledges; gives when that was, when scripts helped, and how long the thanks took after the click. */
async function once(address, isFramed) {
  const { page, context, session } = await slowPage();
  const began = performance.now();
  const canType = typed(session);
  await page.goto(address, { waitUntil: "commit" });
  await canType;
  const usable = performance.now() - began;
  const form = isFramed ? page.frameLocator("iframe") : page;
  // A click before this posts the plain form, which is good too.
  await form.locator("form[data-pledge][novalidate]").waitFor({ timeout: 60_000 });
  const helped = performance.now() - began;
  await form.locator("#name").fill("Amina Odhiambo");
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
