// Everything the console says, in the reader's language: one file per language, of which English is the first.

import { texts as english } from "./console-en.js";
import { fill, formats } from "./formats.js";

const LANGUAGE = "en";
const texts = english;
const { locale, number } = formats(LANGUAGE);
const plural = new Intl.PluralRules(locale);
const day = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "medium", timeZone: "UTC" });
const countries = Intl.DisplayNames ? new Intl.DisplayNames([locale], { type: "region" }) : null;

const parts = new Intl.NumberFormat(locale, { style: "percent", maximumSignificantDigits: 2 });

export { number };

/** A part of a whole. */
export const share = (part) => parts.format(part);

/** A text with its holes filled; numbers as the language writes them, and `count` chooses the plural. */
export function say(key, values = {}) {
  const found = texts[key];
  if (found === undefined) return key;
  const text = typeof found === "string" ? found : found[plural.select(values.count)] ?? found.other;
  const written = Object.entries(values).map(([name, value]) => [name, typeof value === "number" ? number(value) : value]);
  return fill(text, Object.fromEntries(written));
}

/** Whether there is a text of this name. */
export const says = (key) => Object.prototype.hasOwnProperty.call(texts, key);

/** Every action of the log that has words, by its dotted name, in the order of the texts. */
export const actions = () => Object.keys(texts).filter((key) => key.startsWith("log_")).map((key) => key.replace("log_", "").replace("_", "."));

/** A moment in UTC, which is what the log, the totals and other moderators have. */
export const moment = (text) => (text ? say("moment", { moment: day.format(new Date(text)) }) : "");

/** A country with its code: codes are what one filters by. */
export function country(code) {
  if (code === "ZZ") return say("country_unsaid");
  let name = code;
  try {
    name = countries?.of(code) ?? code;
  } catch {
    // No such region: the code itself is the best name.
  }
  return name === code ? code : say("country", { name, code });
}

/** What went wrong, in words; the fields that are meant come after. */
export function trouble(problem) {
  const key = `problem_${problem.code}`;
  const text = says(key) ? say(key, { seconds: problem.retryAfter ?? 0 }) : problem.detail || problem.message || say("problem_internal");
  const fields = (problem.errors ?? []).map(({ pointer, code }) => {
    const field = pointer.replace(/^\//, "");
    const key = [`field_${field}_${code}`, `field_${code}`].find(says);
    return say("problem_field", { field, code: key ? say(key) : code });
  });
  return [text, ...fields].join(" ");
}
