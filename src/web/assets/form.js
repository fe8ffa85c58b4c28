// Makes the pledge form quicker and safer to use where scripts run; without them it is a plain form that works too.
// For Safari and iOS 15, Chrome and Android 90, Firefox 91 and newer; older ones can't read this file and post plainly.

import { fieldMessage, PledgeError, Pledges } from "./pledge.js";
import { clear, fieldOf, forget, tell } from "./notes.js";

const BUSY = { proof: "form_preparing", sending: "form_sending", again: "form_sending_again", offline: "form_waiting_network" };
const SUGGEST_AFTER_MS = 700;

/** What a form holds, as the API takes it. */
export function contentOf(entries) {
  const typed = Object.fromEntries(entries);
  const content = {}, consents = [];
  for (const [name, value] of Object.entries(typed)) {
    const purpose = /^consent_([a-z]+)$/.exec(name)?.[1];
    if (purpose) consents.push({ purpose, version: Number(typed[`${name}_version`]) });
    else if (value && !name.startsWith("consent_") && name !== "return_to") content[name] = value;
  }
  if (consents.length > 0) content.consents = consents;
  return content;
}

/** What can be seen to be wrong without asking: `[{field, code}]`. */
function mistakesOf(form) {
  const mistakes = [];
  for (const field of form.elements) {
    if (!field.id || field.type === "hidden") continue;
    const value = field.type === "checkbox" ? field.checked : field.value.trim();
    if (field.required && !value) mistakes.push({ field: field.name, code: "required" });
    else if (field.type === "email" && value && !/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(value)) mistakes.push({ field: field.name, code: "invalid_email" });
  }
  return mistakes;
}

/** Sends a form by `send`, tells what happens, and hands what came of it and what was sent to `done`. */
function deliver(form, pledges, send, done) {
  const button = form.querySelector("button[type=submit]");
  const label = button.textContent;
  const status = document.createElement("span");
  status.className = "sr";
  status.setAttribute("role", "status");
  button.after(status);
  form.noValidate = true; // the browser's own bubbles speak its language, not the page's
  let isBusy = false;

  function show(text, busy) {
    isBusy = busy;
    button.textContent = text;
    button.setAttribute("aria-disabled", String(busy));
    status.textContent = busy ? text : "";
  }

  async function submit() {
    if (isBusy || !form.isConnected) return; // sent already, or something else stands in its place
    const { words } = pledges; // those that the page brings; on a bad line others may never come
    const busy = (state) => show(words[BUSY[state]] ?? label, true);
    busy("proof");
    const mistakes = mistakesOf(form);
    if (mistakes.length > 0) {
      if (!words.errors_text) await pledges.texts();
      for (const mistake of mistakes) mistake.message = fieldMessage(words, mistake.field, mistake.code);
      show(label, false);
      tell(form, { errors: mistakes, message: words.errors_text }, words);
      return;
    }
    clear(form);
    const content = contentOf(new FormData(form));
    try {
      const receipt = await send(content, { onState: busy });
      show(label, false);
      done(receipt, content);
    } catch (error) {
      show(label, false);
      tell(form, error instanceof PledgeError ? error : { message: words.error_form_other }, words);
      form.dispatchEvent(new CustomEvent("pledge:error", { bubbles: true, detail: { code: error.code ?? "other" } }));
      if (error.code === "network") addEventListener("online", submit, { once: true });
    }
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
  });
  // What was mended isn't wrong any more; the summary stays until the next try. While typing, not after: whatever moves
  // when a field loses the focus moves the button away under the finger.
  form.addEventListener("input", ({ target }) => {
    if (target.hasAttribute("aria-invalid") && !mistakesOf(form).some(({ field }) => field === target.name)) forget(target);
  });
}

/** What guesses comes after the form: nobody waits for it. */
const guessing = () => import("./suggest.js").catch(() => null);

/** Offers the address that was probably meant. It stands between field and next one, and changes nothing by itself. */
function offerAddress(email, pledges) {
  const place = document.createElement("div");
  place.setAttribute("role", "status");
  email.after(place);
  let timer;
  async function offer() {
    const { suggestion = () => null } = (await guessing()) ?? {};
    const meant = suggestion(email.value);
    if (!meant) return place.replaceChildren();
    const { form_suggest: pattern = "{address}?" } = pledges.words.form_suggest ? pledges.words : await pledges.texts();
    if (suggestion(email.value) !== meant || place.dataset.meant === meant) return undefined;
    const button = document.createElement("button");
    Object.assign(button, { type: "button", className: "suggestion" });
    const [before, after] = pattern.split("{address}");
    const address = document.createElement("bdi");
    address.textContent = meant;
    button.append(before, address, after ?? "");
    button.addEventListener("mousedown", (event) => event.preventDefault()); // the field keeps the focus until the click
    button.addEventListener("click", () => {
      email.value = meant;
      email.focus();
      email.dispatchEvent(new Event("input", { bubbles: true }));
    });
    place.dataset.meant = meant;
    return place.replaceChildren(button);
  }
  email.addEventListener("input", () => {
    clearTimeout(timer);
    delete place.dataset.meant;
    place.replaceChildren();
    timer = setTimeout(offer, SUGGEST_AFTER_MS);
  });
  email.addEventListener("change", () => setTimeout(offer, SUGGEST_AFTER_MS / 2));
}

/** Chooses what the browser's languages say, when nothing is chosen and the form has it. */
async function preselect(country) {
  const guess = country && (await guessing())?.countryOf(navigator.languages);
  if (guess && !country.value && country.querySelector(`option[value="${guess}"]`)) country.value = guess;
}

/** Lets what can be passed on be copied, or handed to the phone's own sharing. */
function offerSharing(root) {
  for (const button of root.querySelectorAll("[data-copy]")) {
    const label = button.textContent;
    button.hidden = false;
    button.addEventListener("click", async () => {
      const source = document.getElementById(button.dataset.copy);
      try {
        await navigator.clipboard.writeText(source.value);
        button.textContent = button.nextElementSibling.textContent = button.dataset.copied;
        setTimeout(() => (button.textContent = label), 2500);
      } catch {
        source.focus();
        source.select(); // not allowed here: then by hand
      }
    });
  }
  const button = root.querySelector("[data-share]");
  if (!button || !navigator.share) return;
  button.hidden = false;
  button.addEventListener("click", () => {
    const { title, url } = button.dataset;
    const text = document.getElementById(button.dataset.share).value.replace(url, "").trim();
    navigator.share({ title, text, url }).catch(() => {}); // closed without sharing
  });
}

/** What the page is told of a pledge, and no more: not a word of the supporter. */
export function newsOf({ status, totals }, { trial }) {
  return { status, total: totals?.total, ...(trial !== undefined && { trial: true }) };
}

/** Shows what comes after a form in its place; false when the page doesn't have it. */
function replace(area, { status, trial }) {
  const template = document.querySelector(`template[data-done="${status}"]`);
  if (!template || !area) return false;
  area.replaceChildren(template.content.cloneNode(true));
  for (const node of area.querySelectorAll("[data-lane]")) node.hidden = (node.dataset.lane === "trial") !== Boolean(trial);
  offerSharing(area);
  const heading = area.querySelector("h2");
  heading.tabIndex = -1;
  heading.focus();
  area.scrollIntoView?.({ block: "nearest" });
  return true;
}

/** The words that a form needs whatever the line is like: they come with it. */
function wordsOf(form) {
  const words = form.querySelector("template[data-words]")?.content.children ?? [];
  return Object.fromEntries(Array.from(words, ({ dataset, textContent }) => [dataset.word, textContent]));
}

/** Enhances a server-drawn form; see docs/architecture.md for what the template must have. */
export function enhance(form) {
  const { pledge: campaign, language, proof, thanks } = form.dataset;
  const area = form.closest("[data-pledge-area]");
  const pledges = new Pledges({
    campaign,
    siteKey: form.elements.site_key?.value,
    language,
    proof: proof === undefined ? undefined : proof !== "off",
    words: wordsOf(form),
  });
  preselect(form.elements.country);
  if (form.elements.email) offerAddress(form.elements.email, pledges);
  const prepare = () => pledges.prepare();
  form.addEventListener("focusin", prepare);
  form.addEventListener("input", prepare, { once: true });

  const announce = (detail) => document.dispatchEvent(new CustomEvent("pledge:done", { detail }));
  deliver(form, pledges, (content, options) => pledges.send(content, options), (receipt, { email }) => {
    const news = newsOf(receipt, form.dataset);
    announce(news);
    if (!replace(area, news)) location.assign(thanks);
    const code = area?.querySelector("form[data-confirm]");
    if (!code) return;
    fieldOf(code, "email").value = email ?? "";
    deliver(code, pledges, (content, options) => pledges.confirm(content, options), () => {
      const confirmed = newsOf({ status: "counted" }, form.dataset);
      announce(confirmed);
      replace(area, confirmed);
    });
  });
}

if (typeof document !== "undefined") document.querySelectorAll("form[data-pledge]").forEach(enhance);
