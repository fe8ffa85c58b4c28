// The log: what was done, by whom and why, in a campaign or, for admins, everywhere.

import { ofCampaign, withQuery } from "./console-api.js";
import { facts, make, select, field } from "./console-parts.js";
import { Screen } from "./console-screen.js";
import { moment, number, say, says } from "./console-texts.js";

const PAGE = 100;

/** An entry's details as pairs of a name and a short text; lists of ids only as how many they are. */
export function flat(details, before = "") {
  if (details === null || typeof details !== "object") return [[before || "value", `${details}`]];
  if (Array.isArray(details)) return [[before, details.length > 5 ? say("log_many", { count: details.length }) : details.map((one) => (typeof one === "object" ? JSON.stringify(one) : one)).join(", ")]];
  return Object.entries(details).filter(([, value]) => value !== null).flatMap(([name, value]) => flat(value, before ? `${before}.${name}` : name));
}

/** What was done, in words where there are some. */
export const action = (name) => {
  const key = `log_${name.replace(/\./g, "_")}`;
  return says(key) ? say(key) : name;
};

class LogScreen extends Screen {
  #place = make("div", {});
  #areas = new Set();

  async show() {
    const { campaign } = this.context;
    const areas = select("area", [["", say("any")]]);
    areas.addEventListener("change", () => this.#narrow(areas.value));
    this.append(make("h2", { tabindex: "-1" }, say(campaign ? "log" : "log_everywhere")), field(say("log_area"), areas), this.#place);
    const path = campaign ? ofCampaign(campaign, "audit") : "/v1/admin/audit";
    this.#place.replaceChildren(await this.pages(async (cursor) => {
      const page = await this.get(withQuery(path, { limit: PAGE, cursor }));
      const nodes = page.entries.map((entry) => this.#entry(entry, areas.value));
      for (const entry of page.entries) this.#known(areas, entry.action.split(".")[0]);
      return { nodes, next: page.next_cursor };
    }));
  }

  refresh() {
    this.#areas.clear();
    this.replaceChildren();
    this.run(() => this.show());
  }

  #known(areas, area) {
    if (this.#areas.has(area)) return;
    this.#areas.add(area);
    areas.append(make("option", { value: area }, area));
  }

  #narrow(area) {
    for (const node of this.querySelectorAll("article")) node.hidden = Boolean(area) && node.dataset.area !== area;
  }

  #entry(entry, wanted) {
    const { note, ...rest } = entry.details ?? {};
    const area = entry.action.split(".")[0];
    return make("article", { class: "log-entry", "data-area": area, hidden: Boolean(wanted) && area !== wanted, "aria-label": `${action(entry.action)}, ${moment(entry.at)}` },
      make("p", {}, make("strong", {}, action(entry.action)), " ", make("span", { class: "under" }, say("log_by", { who: entry.login ?? say("log_by_nobody"), moment: moment(entry.at), number: number(entry.id) })), entry.campaign && !this.context.campaign ? ` ${entry.campaign}` : ""),
      note ? make("p", { class: "said", dir: "auto" }, note) : null,
      Object.keys(rest).length > 0 ? make("details", {}, make("summary", {}, make("span", {}, say("details")), make("span", { class: "sr" }, say("details_of", { name: action(entry.action) }))), facts(flat(rest))) : null,
    );
  }
}

customElements.define("console-log", LogScreen);
