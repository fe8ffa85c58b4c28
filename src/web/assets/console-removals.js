// Removals: what was taken out, how far those are that go on by themselves, and their undo.

import { ofCampaign, withQuery } from "./console-api.js";
import { badge, facts, form, make, noteField } from "./console-parts.js";
import { Screen } from "./console-screen.js";
import { isUnderWay, progress, told, undo } from "./console-removing.js";
import { moment, number, say } from "./console-texts.js";

const EVERY_MS = 1_000;

class RemovalsScreen extends Screen {
  #timers = new Set();

  async show() {
    const { campaign, query } = this.context;
    this.append(this.head("removals"));
    const id = new URLSearchParams(query).get("id");
    if (id) this.append(this.#card(await this.get(ofCampaign(campaign, `removals/${encodeURIComponent(id)}`))));
    const list = await this.pages(async (cursor) => {
      const page = await this.get(withQuery(ofCampaign(campaign, "removals"), { limit: 20, cursor }));
      return { nodes: page.removals.filter((removal) => removal.id !== id).map((removal) => this.#card(removal)), next: page.next_cursor };
    });
    this.append(list);
    if (!this.querySelector("article")) this.append(make("p", { class: "note" }, say("removals_none")));
  }

  left() {
    for (const timer of this.#timers) clearTimeout(timer);
  }

  /** One removal; it draws itself anew while it goes on. */
  #card(removal) {
    const node = make("article", { class: "card removal", "aria-label": say("removal_of", { moment: moment(removal.created_at) }), "data-removal": removal.id });
    this.#draw(node, removal);
    return node;
  }

  #draw(node, removal) {
    // Focus stays where it was when the card is drawn anew.
    const focused = node.contains(document.activeElement) ? document.activeElement.dataset.act : null;
    node.replaceChildren(
      make("h3", {}, say(`reason_${removal.reason}`), " ", badge(say(`removal_${removal.state}`), removal.state)),
      make("p", { class: "said", dir: "auto" }, removal.note),
      ...this.#progress(removal),
      facts([
        [say("pledges"), number(removal.pledges)],
        [say("expected"), removal.expected === null || removal.expected === undefined ? null : number(removal.expected)],
        [say("by"), removal.moderator ?? say("by_service")],
        [say("time"), moment(removal.created_at)],
        [say("paused_because"), removal.paused_because ? say(`paused_${removal.paused_because}`) : null],
        [say("undone_by"), removal.undone_by],
        [say("undone_at"), moment(removal.undone_at)],
        [say("undo_note"), removal.undo_note],
      ]),
      make("div", { class: "actions" }, this.#acts(node, removal)),
    );
    if (focused) (node.querySelector(`[data-act="${focused}"]`) ?? node.querySelector("button"))?.focus();
    if (isUnderWay(removal)) this.#later(node, removal.id);
  }

  #progress(removal) {
    if (!isUnderWay(removal) && removal.state !== "paused") return [];
    const [done, of] = removal.state === "undoing" ? [removal.put_back, removal.pledges] : [removal.pledges, removal.expected];
    return [make("progress", { class: "bar", max: 1, value: progress(removal), "aria-label": say(`removal_${removal.state}`) }), make("p", {}, say("progress", { done, of: of ?? 0 }))];
  }

  #acts(node, removal) {
    const { campaign } = this.context;
    const path = ofCampaign(campaign, `removals/${removal.id}`);
    const act = (name) => this.button(say(`removal_act_${name}`), async () => this.#draw(node, await this.api.post(`${path}/${name}`)), { "data-act": name });
    const acts = [];
    if (removal.state === "running") acts.push(act("pause"), act("cancel"));
    if (removal.state === "paused") acts.push(act("resume"), act("cancel"));
    if (!["undone", "undoing"].includes(removal.state) && removal.pledges > 0) acts.push(this.button(say("undo"), () => this.#undo(node, removal), { "data-act": "undo" }));
    const found = make("a", { class: "button quiet", href: `#/c/${encodeURIComponent(campaign)}/search?removal=${removal.id}` }, say("removal_pledges"));
    return [...acts, found];
  }

  #undo(node, removal) {
    const { panels, campaign, recount } = this.context;
    return panels.open(say("undo_title", { count: removal.pledges }), (close) => {
      const send = async ({ note }) => {
        const undone = await undo(this.api, campaign, removal.id, note);
        close(true);
        told({ ...this.context, refresh: () => (recount(), this.#draw(node, undone)) }, undone);
      };
      return form([make("p", {}, say("undo_told")), noteField()], say("undo"), send, { close });
    });
  }

  #later(node, id) {
    const timer = setTimeout(async () => {
      this.#timers.delete(timer);
      try {
        const removal = await this.get(ofCampaign(this.context.campaign, `removals/${id}`));
        if (node.isConnected) this.#draw(node, removal);
      } catch (problem) {
        // The service is busy or away: ask again, unless we are gone.
        if (problem.name !== "AbortError" && node.isConnected && this.api.isSignedIn) this.#later(node, id);
      }
    }, EVERY_MS);
    this.#timers.add(timer);
  }
}

customElements.define("console-removals", RemovalsScreen);
