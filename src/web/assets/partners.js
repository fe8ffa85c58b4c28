// The partners' page: what one chooses goes into preview, snippets and policy at once, and a page can be checked.
// Nothing of it is kept or sent, but the origin and the site key that somebody has checked.

import { mergePolicy, neededSources, policyLines } from "./policy.js";
import { readKey, readOrigin, verdict } from "./origin-check.js";
import { frameAddress, snippet } from "./snippets.js";

const PREVIEW_WAIT_MS = 600;
/** No form is taller; what says so is none. */
const TALLEST_PX = 20_000;
/** What a good registration doesn't say. */
const UNSEEN = "This is about the registration only. If your page is itself shown in frames of other sites, every page above it must be registered, too. Whether your page’s policy lets the form in, shows the page itself: open it with the key for trials and send a pledge.";
/** What stands below the button of a preview that would pledge in earnest. */
const HARMLESS_PREVIEW = "Preview: nothing is sent. With your key for trials you can try it here.";
/** Stands in the snippets until a key is entered. */
const NO_KEY = "pk_YOUR_KEY";
const NAMES = new Intl.DisplayNames("en", { type: "language" });

class PartnersPage {
  constructor(root) {
    this.root = root;
    this.origin = root.dataset.origin;
    this.choices = root.querySelector("[data-choices]");
    this.policy = root.querySelector("#policy");
    this.check = root.querySelector("[data-check]");
    this.words = {};
  }

  start() {
    for (const part of this.root.querySelectorAll("[data-with-script]")) part.hidden = false;
    this.#offerCopies();
    this.#offerLanguages();
    this.choices.addEventListener("input", ({ target }) => {
      if (target.name === "campaign") this.#offerLanguages();
      if (["campaign", "language"].includes(target.name)) this.#learn();
      this.#show();
    });
    this.choices.addEventListener("submit", (event) => event.preventDefault());
    this.policy.addEventListener("input", () => this.#showPolicy());
    addEventListener("message", (event) => this.#fitPreview(event));
    this.#holdPreview(this.root.querySelector("[data-preview]"));
    // Until another one is typed there, the key that is checked is the one that is embedded.
    this.check.elements.siteKey.addEventListener("input", ({ target }) => (target.dataset.typed = target.value));
    this.check.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#checkPage();
    });
    this.#learn();
    this.#show();
  }

  /** Fetches the words that supporters read in the snippets; English ones stand there until then. */
  async #learn() {
    const { value } = this.choices.elements.language;
    if (!value || this.words[value]) return;
    try {
      const answer = await fetch(`/embed/texts/${encodeURIComponent(value)}.json`, { credentials: "omit" });
      if (!answer.ok) return;
      this.words[value] = await answer.json();
      this.#show();
    } catch {} // English ones do
  }

  /** What is chosen now. A secret key is never put anywhere. */
  #chosen() {
    const data = new FormData(this.choices);
    const { key, askable } = readKey(data.get("siteKey"));
    const accent = (data.get("accent") ?? "").trim();
    const radius = Number.parseInt(data.get("radius") || "", 10);
    return {
      origin: this.origin,
      campaign: data.get("campaign") ?? "",
      language: data.get("language") ?? "en",
      words: this.words[data.get("language")],
      siteKey: askable ? key : NO_KEY,
      way: data.get("way"),
      parts: data.getAll("parts"),
      look: {
        theme: data.get("theme"),
        font: data.get("font"),
        accent: /^#?([0-9a-f]{3}|[0-9a-f]{6})$/i.test(accent) ? accent.replace(/^#?/, "#") : "",
        radius: Number.isFinite(radius) ? String(Math.min(32, Math.max(0, radius))) : "",
        compact: data.has("compact"),
      },
    };
  }

  #offerLanguages() {
    const { campaign, language } = this.choices.elements;
    const tags = (campaign.selectedOptions[0]?.dataset.languages ?? "en").split(" ");
    const kept = tags.includes(language.value) ? language.value : tags.includes("en") ? "en" : tags[0];
    language.replaceChildren(...tags.map((tag) => new Option(NAMES.of(tag), tag, false, tag === kept)));
  }

  #show() {
    const chosen = this.#chosen();
    for (const node of this.root.querySelectorAll("[data-way]")) node.hidden = node.dataset.way !== chosen.way;
    for (const node of this.root.querySelectorAll("[data-for]")) node.hidden = !node.dataset.for.split(" ").includes(chosen.way);
    const hasWall = this.choices.elements.campaign.selectedOptions[0]?.dataset.hasWall !== undefined;
    for (const node of this.root.querySelectorAll("[data-wall]")) node.hidden = !hasWall;
    for (const node of this.root.querySelectorAll("[data-snippet]")) node.textContent = snippet(node.dataset.snippet, chosen);
    for (const node of this.root.querySelectorAll("[data-relay]")) {
      node.dataset.model ??= node.textContent.replaceAll(/\/v1\/campaigns\/[^/]+\//g, "/v1/campaigns/\u0000/");
      node.textContent = node.dataset.model.replaceAll("\u0000", encodeURIComponent(chosen.campaign));
    }
    const swatch = this.root.querySelector("[data-swatch]");
    swatch.style.backgroundColor = chosen.look.accent;
    swatch.hidden = !chosen.look.accent; // empty it looks like a box to tick
    this.#showPolicy();
    this.#showPreview(chosen);
    const { siteKey } = this.check.elements;
    if (!siteKey.dataset.typed) siteKey.value = chosen.siteKey === NO_KEY ? "" : chosen.siteKey;
  }

  #showPolicy() {
    const { way, origin, parts } = this.#chosen();
    const sources = neededSources(way, origin, { form: parts.includes("form") });
    this.root.querySelector("[data-policy]").textContent = policyLines(sources) || "(nothing)";
    const typed = this.policy.value.trim() || this.policy.placeholder;
    this.root.querySelector("[data-merged]").textContent = mergePolicy(typed, sources);
  }

  #showPreview(chosen) {
    clearTimeout(this.timer);
    const frame = this.root.querySelector("[data-preview]");
    const shown = { ...chosen, siteKey: chosen.siteKey === NO_KEY ? "" : chosen.siteKey };
    const address = frameAddress(shown);
    if (frame.dataset.address === address || !["element", "frame"].includes(chosen.way)) return;
    // Not with every letter of a key; and in the frame itself, so that "back" leaves this page.
    this.timer = setTimeout(() => {
      frame.dataset.address = address;
      const fresh = frame.cloneNode();
      this.#holdPreview(fresh);
      fresh.src = new URL(address).pathname + new URL(address).search;
      frame.replaceWith(fresh);
    }, frame.src ? PREVIEW_WAIT_MS : 0);
  }

  /** As tall as the form in it says it is, so that none of it is cut off. */
  #fitPreview({ data, origin, source }) {
    const frame = this.root.querySelector("[data-preview]");
    if (origin !== location.origin || source !== frame.contentWindow || data?.pledges !== 1) return;
    if (Number.isInteger(data.height) && data.height > 0 && data.height < TALLEST_PX) frame.style.height = `${data.height}px`;
  }

  /** Whoever looks around here doesn't mean to pledge: only with a key for trials the form is let send. */
  #holdPreview(frame) {
    frame.addEventListener("load", () => {
      const { contentDocument: inside } = frame;
      const button = inside?.querySelector("form[data-pledge] button[type=submit]");
      if (!button || inside.querySelector("form[data-trial]")) return;
      const note = Object.assign(inside.createElement("p"), { className: "note", id: "held", lang: "en", dir: "ltr", textContent: HARMLESS_PREVIEW });
      note.setAttribute("role", "status");
      button.setAttribute("aria-describedby", note.id);
      // Before the form itself hears of it.
      inside.defaultView.addEventListener("submit", (event) => {
        event.preventDefault();
        event.stopImmediatePropagation();
        note.replaceChildren(HARMLESS_PREVIEW); // said once more
      }, true);
      button.after(note);
    });
  }

  async #checkPage() {
    const { origin: originField, siteKey } = this.check.elements;
    const origin = readOrigin(originField.value);
    const key = readKey(siteKey.value || this.choices.elements.siteKey.value);
    let answer = null;
    let failed = false;
    if (origin.origin && key.askable) {
      this.#say("", [], "Asking…");
      const query = new URLSearchParams({ campaign: this.#chosen().campaign, site_key: key.key, origin: origin.origin });
      try {
        const response = await fetch(`/v1/partner/check?${query}`, { credentials: "omit", cache: "no-store" });
        if (!response.ok) throw new Error(response.status);
        answer = await response.json();
      } catch {
        failed = true;
      }
    }
    const found = verdict(origin, key, answer);
    const texts = found.problems.map(({ text }) => text);
    if (failed) return this.#say("unknown", texts, "The service could not be asked just now. Please check again in a moment.");
    if (found.may) return this.#say("yes", texts, `${found.origin} may embed the form.`, UNSEEN);
    return this.#say("no", texts, found.origin && found.asked ? `${found.origin} may not embed the form yet.` : "This can’t work yet.");
  }

  #say(may, texts, line, note) {
    const box = this.root.querySelector("[data-verdict]");
    box.dataset.may = may;
    const list = document.createElement("ul");
    list.append(...texts.map((text) => Object.assign(document.createElement("li"), { textContent: text })));
    const made = (name, textContent) => Object.assign(document.createElement(name), { textContent });
    box.replaceChildren(made("strong", line), ...(texts.length ? [list] : []), ...(note ? [made("p", note)] : []));
  }

  #offerCopies() {
    if (!navigator.clipboard) return;
    const said = this.root.appendChild(Object.assign(document.createElement("p"), { className: "sr" }));
    said.setAttribute("role", "status");
    for (const box of this.root.querySelectorAll(".snippet")) {
      const button = Object.assign(document.createElement("button"), { type: "button", className: "button quiet copy", textContent: "Copy" });
      button.addEventListener("click", async () => {
        await navigator.clipboard.writeText(box.querySelector("code").textContent);
        button.textContent = said.textContent = "Copied";
        setTimeout(() => (button.textContent = "Copy"), 2500);
      });
      box.append(button);
    }
  }
}

const root = document.querySelector("[data-partners]");
if (root) new PartnersPage(root).start();
