// A campaign that confirms by mail, and what came into a supporter's mailbox: development writes mails to files.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { origin } from "./support.mjs";

/** The campaign that `openCampaign` makes: the demo's texts, confirmed by mail. */
export const slug = "confirmed-by-mail";

const varDirectory = path.dirname(process.env.PLEDGES_ADMIN_PASSWORD_FILE ?? "");

/** Adds and opens the campaign at the command line, beside the demo's, whose pledges other tests count. */
export async function openCampaign() {
  const demo = JSON.parse(readFileSync(new URL("../../src/cli/demo/campaign.json", import.meta.url), "utf8"));
  const file = path.join(mkdtempSync(path.join(tmpdir(), "campaign-")), "campaign.json");
  writeFileSync(file, JSON.stringify({ ...demo, slug, confirmation: "email", threshold: 1 }));
  assert(process.env.PLEDGES_PROGRAM, "PLEDGES_PROGRAM is not set; run script/test --only browser");
  execFileSync(process.env.PLEDGES_PROGRAM, ["campaign", "add", file, "--open"], {
    env: { PATH: process.env.PATH, PLEDGES_MODE: "development", PLEDGES_VAR_DIR: varDirectory },
    stdio: ["ignore", "ignore", "inherit"],
  });
  // The service reads settings about each second.
  await until("the campaign is public", async () => (await fetch(`${origin}/c/${slug}/en`)).ok);
}

async function until(what, isSo) {
  for (let attempt = 0; attempt < 150; attempt += 1) {
    const answer = await isSo();
    if (answer) return answer;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${what}: not within 15 s`);
}

/** Pledges as a program does. */
export async function pledge(email, { language = "en", ...rest } = {}) {
  const answer = await fetch(`${origin}/v1/campaigns/${slug}/pledges`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ name: "Amina", email, country: "KE", language, ...rest }),
  });
  assert.equal(answer.status, 202);
}

/** The published total. */
export async function publishedTotal() {
  return (await (await fetch(`${origin}/v1/campaigns/${slug}/totals`)).json()).total;
}

/** Waits until the published total is this. */
export const totalBecomes = (total) => until(`the total is ${total}`, async () => (await publishedTotal()) === total);

function mailsTo(email) {
  const directory = path.join(varDirectory, "mail");
  // It is made when the first mail comes.
  if (!existsSync(directory)) return [];
  const texts = readdirSync(directory, { withFileTypes: true })
    .filter((file) => file.name.endsWith(".eml"))
    .sort((a, b) => a.name.localeCompare(b.name))
    .map((file) => readFileSync(path.join(directory, file.name), "latin1"));
  return texts.filter((text) => text.includes(`\r\nTo: ${email}\r\n`) || text.includes(`\nTo: ${email}\n`));
}

function decoded(body, encoding) {
  if (encoding === "base64") return Buffer.from(body, "base64").toString("utf8");
  if (encoding !== "quoted-printable") return Buffer.from(body, "latin1").toString("utf8");
  const bytes = body.replace(/=\r?\n/g, "").replace(/=([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(parseInt(hex, 16)));
  return Buffer.from(bytes, "latin1").toString("utf8");
}

/** The parts of a mail by their type, and what a supporter takes from it. */
function read(mail) {
  const boundary = mail.match(/boundary="([^"]+)"/)[1];
  const parts = {};
  for (const part of mail.split(`--${boundary}`).slice(1, -1)) {
    const [head, ...rest] = part.trimStart().split(/\r?\n\r?\n/);
    const encoding = head.match(/content-transfer-encoding: *(\S+)/i)?.[1].toLowerCase();
    parts[head.match(/content-type: *text\/(\w+)/i)[1]] = decoded(rest.join("\r\n\r\n"), encoding);
  }
  const link = parts.plain.match(/https?:\/\/\S+/)[0];
  const code = parts.plain.match(/^[0-9A-Z]{6}\s*$/m)?.[0].trim();
  return { ...parts, link, code, language: mail.match(/content-language: *(\S+)/i)[1] };
}

/** Waits for the newest of so many mails to an address. */
export async function mailTo(email, count = 1) {
  const mails = await until(`${count} mails are there`, async () => {
    const found = mailsTo(email);
    return found.length >= count && found;
  });
  assert.equal(mails.length, count);
  return read(mails.at(-1));
}

/** Whether anything came to an address. */
export const hasMail = (email) => mailsTo(email).length > 0;
