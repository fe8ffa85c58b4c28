// Campaigns and partners of a test's own, added at the command line beside the demo's, whose pledges other tests count.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { origin } from "./support.mjs";

/** Runs the program as an operator would, and gives what it says. */
export function run(...words) {
  assert(process.env.PLEDGES_PROGRAM, "PLEDGES_PROGRAM is not set; run script/test --only browser");
  return execFileSync(process.env.PLEDGES_PROGRAM, words, {
    env: {
      PATH: process.env.PATH,
      PLEDGES_MODE: "development",
      PLEDGES_VAR_DIR: path.dirname(process.env.PLEDGES_ADMIN_PASSWORD_FILE ?? ""),
    },
    stdio: ["ignore", "pipe", "inherit"],
    encoding: "utf8",
  });
}

/** Asks again and again until the answer is a good one. */
export async function until(what, isSo) {
  for (let attempt = 0; attempt < 150; attempt += 1) {
    const answer = await isSo();
    if (answer) return answer;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${what}: not within 15 s`);
}

/** Adds and opens a campaign with the demo's texts, and waits until the public sees it: settings are read about each second. */
export async function addCampaign(slug, settings) {
  const demo = JSON.parse(readFileSync(new URL("../../src/cli/demo/campaign.json", import.meta.url), "utf8"));
  const file = path.join(mkdtempSync(path.join(tmpdir(), "campaign-")), "campaign.json");
  writeFileSync(file, JSON.stringify({ ...demo, slug, ...settings }));
  run("campaign", "add", file, "--open");
  await until("the campaign is public", async () => (await fetch(`${origin}/c/${slug}/en`)).ok);
}

/** Adds a partner with pages at an origin; gives its site key and the one for trials once they work. */
export async function addKeys(slug, site) {
  const said = run("partner", "add", slug, "Human Rights House", "--origin", site);
  const siteKey = said.match(/^site key\s+(\S+)/m)[1];
  const frame = `${origin}/embed/${slug}/en?site_key=${siteKey}`;
  const policy = async () => (await fetch(frame)).headers.get("content-security-policy");
  await until("the site key is known", async () => (await policy()).includes(site));
  return { siteKey, testKey: said.match(/^test site key\s+(\S+)/m)[1] };
}

/** The same; gives the site key alone. */
export const addPartner = async (slug, site) => (await addKeys(slug, site)).siteKey;
