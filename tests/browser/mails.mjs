// A campaign that confirms by mail, and what came into a supporter's mailbox: development writes mails to files.

import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import path from "node:path";
import { addCampaign, until } from "./campaigns.mjs";
import { origin } from "./support.mjs";

/** The campaign that `openCampaign` makes: the demo's texts, confirmed by mail. */
export const slug = `confirmed-by-mail-${process.pid}`;

const varDirectory = path.dirname(process.env.PLEDGES_ADMIN_PASSWORD_FILE ?? "");

/** Adds and opens the campaign. */
export const openCampaign = () => addCampaign(slug, { confirmation: "email", threshold: 1 });

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
