// What every screen of the console is: it draws itself when it is shown, and takes back what it asked for when it is left.

import { ofCampaign, roleIn } from "./console-api.js";
import { button, make } from "./console-parts.js";
import { say } from "./console-texts.js";

/** A screen: `context` is set before it is shown; what it asks for is taken back when it is left. */
export class Screen extends HTMLElement {
  context = null;
  #leaving = null;

  connectedCallback() {
    this.#leaving = new AbortController();
    this.run(() => this.show());
  }

  disconnectedCallback() {
    this.#leaving?.abort();
    this.left();
  }

  /** Draws the screen. */
  async show() {}

  /** Stops what would go on. */
  left() {}

  /** Something was done elsewhere in the console: what is shown may be another now. */
  refresh() {
    this.left();
    this.replaceChildren();
    this.run(() => this.show());
  }

  get signal() {
    return this.#leaving.signal;
  }

  get api() {
    return this.context.api;
  }

  /** GET, taken back when the screen is left. */
  get(path) {
    return this.api.get(path, { signal: this.signal });
  }

  /** Does something whose trouble is told in the screen's own words. */
  async run(work) {
    try {
      return await work();
    } catch (error) {
      if (error.name !== "AbortError") this.context.failed(error);
      return null;
    }
  }

  /** The heading, where one is after a change of screen. */
  head(name) {
    return make("h2", { tabindex: "-1" }, say(name));
  }

  /** A button of this screen. */
  button(text, run, options = {}) {
    return button(text, run, { failed: (error) => this.context.failed(error), ...options });
  }

  /** A list that turns pages: `read(cursor)` gives nodes and `next_cursor`. */
  async pages(read) {
    const list = make("div", { class: "pages" });
    const more = this.button(say("more"), () => turn(), { hidden: true });
    let cursor = null;
    const turn = async () => {
      const { nodes, next } = await read(cursor);
      list.append(...nodes);
      cursor = next ?? null;
      more.hidden = cursor === null;
    };
    await turn();
    return make("div", {}, list, make("div", { class: "actions" }, more));
  }
}

/** Names of the partners, for those who may see them; none where they can't be had, which is told. */
export async function partnerNames(screen) {
  if (!screen.api.me || roleIn(screen.api.me, screen.context.campaign) === "moderator") return new Map();
  const found = await screen.run(() => screen.get(ofCampaign(screen.context.campaign, "partners", "admin")));
  return new Map(found?.partners.map(({ partner }) => [partner.id, partner.name]));
}
