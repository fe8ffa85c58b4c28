// Brings a campaign's dashboard to life: figures, chart, map and table follow the live totals, drawn once a second at most.
// The page is complete without it; what fails here leaves the server's numbers where they are.

import { drawChart } from "./chart.js";
import { follow } from "./feed.js";
import { Announcer, RunningNumber, showGoal, showPace, showState } from "./figures.js";
import { formats } from "./formats.js";
import { RANGES, Watch, readCorrections } from "./history.js";
import { Series } from "./series.js";

const FRAME_MS = 1000;
const SILENCE_MS = 45_000;
/** How often what changes rarely is asked for again: a wall screen hangs for weeks. */
const SELDOM_MS = 300_000;

/** A row of a table; `first` is the element of its first cell. */
function tableRow(cells, first) {
  const row = document.createElement("tr");
  row.append(...cells.map((content, i) => {
    const cell = document.createElement(i === 0 ? first : "td");
    if (i === 0 && first === "th") cell.scope = "row";
    cell.append(content);
    return cell;
  }));
  return row;
}

class Dashboard {
  #newest = null; // what the feed said last
  #drawnAt = 0;
  #timer = null;
  #paused = false;
  #views = []; // map and table

  constructor(root) {
    const { language = document.documentElement.lang } = root.dataset;
    Object.assign(this, { root, texts: JSON.parse(root.dataset.texts), format: formats(language), language });
    this.direction = document.documentElement.dir;
    const number = this.#part("total");
    this.total = new RunningNumber(number, this.format.number, Number(number.dataset.total));
    this.announcer = new Announcer(this.#part("said"));
    this.watch = new Watch();
    this.series = new Series(root.dataset.api, () => this.#soon());
    this.range = this.#firstRange();
  }

  #part(name) {
    return this.root.querySelector(`[data-${name}]`);
  }

  #firstRange() {
    const wanted = new URLSearchParams(location.search).get("range");
    return Object.keys(RANGES).includes(wanted) ? wanted : "day";
  }

  start() {
    this.#startChart();
    this.#startPause();
    this.#seldom(this.root.dataset.corrections, (document) => this.#showCorrections(document));
    const partners = this.#part("partner-counts");
    if (partners) this.#seldom(partners.dataset.partnerCounts, (document) => this.#showPartners(partners, document));
    if (this.root.dataset.open !== undefined) {
      follow(location.origin, this.root.dataset.campaign, (news) => this.#take(news));
    } else {
      this.#part("connection").hidden = true; // a closed campaign stands still
      fetch(this.root.dataset.api, { credentials: "omit" }).then((answer) => answer.json()).then((totals) => this.#take({ totals, state: "live", at: Date.now() }), () => {});
    }
    this.#startPlaces();
    document.addEventListener("visibilitychange", () => this.#soon());
    setInterval(() => this.#soon(), 5000); // time goes by, too: the pace falls, the next interval begins
  }

  #take({ totals = this.#newest?.totals, state, at }) {
    if (state !== "live") this.watch.forget();
    this.#newest = { totals, state, at };
    if (totals) {
      this.watch.note(totals.total, Date.now());
      this.series.note(totals.total);
    }
    this.#soon();
  }

  /** Draws now, or when a second has passed since the last time; never while nobody can see it. */
  #soon() {
    if (this.#timer || document.hidden) return;
    const wait = Math.max(0, this.#drawnAt + FRAME_MS - Date.now());
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#drawnAt = Date.now();
      this.#draw();
    }, wait);
  }

  #draw() {
    if (this.#paused) return;
    const { totals, state, at } = this.#newest ?? {};
    if (totals) {
      this.total.show(totals.total);
      showGoal(this.root, totals.total);
      this.#drawTime(totals.as_of);
      for (const view of this.#views) view.show(totals);
      this.announcer.say(`${this.texts.total_label}: ${this.format.number(totals.total)}`);
      showPace(this.root, this.#pace(), this.format.number);
    }
    if (state && state !== "waiting") this.#drawState(state, Number(new Date(at || totals?.as_of || Date.now())));
    this.#drawChart();
  }

  #pace() {
    const pace = this.root.dataset.open === undefined ? null : this.series.pace();
    return pace && { ...pace, minute: this.watch.lastMinute(Date.now()) ?? pace.minute };
  }

  #drawTime(as_of) {
    const node = this.#part("as-of");
    if (node.dateTime === as_of) return;
    node.dateTime = as_of;
    node.textContent = this.format.moment(Date.parse(as_of));
  }

  #drawState(state, at) {
    // A stream that says it is open but has been silent for three heartbeats knows no more than we do.
    const honest = state === "live" && Date.now() - at > SILENCE_MS && this.root.dataset.open !== undefined ? "stale" : state;
    showState(this.#part("connection"), { state: honest, at }, this.texts, this.format);
  }

  // The chart

  #startChart() {
    const card = this.#part("chart");
    this.chart = drawChart(this.#part("chart-host"), this);
    card.hidden = false;
    for (const input of card.querySelectorAll("[name=range]")) {
      input.checked = input.value === this.range;
      input.addEventListener("change", () => this.#choose(input.value));
    }
    this.#choose(this.range);
  }

  #choose(range) {
    this.range = range;
    this.series.load(range).then(() => this.#drawChart());
    this.#drawChart();
  }

  #drawChart() {
    const most = this.#part("chart-host").clientWidth < 600 ? 100 : 150;
    const data = this.series.show(this.range, most);
    const note = this.#part("chart-note");
    const waits = !data && !this.series.failed;
    this.#part("chart-host").classList.toggle("waits", waits);
    note.hidden = waits || Boolean(data?.points.length);
    note.textContent = this.series.failed ? this.texts.dash_chart_failed : this.texts.dash_chart_none;
    if (data) this.chart.show({ ...data, corrections: this.corrections });
    this.#part("chart-days").hidden = data?.interval !== "day";
    this.#part("chart-cut").hidden = !this.#part("chart-host").classList.contains("cut");
  }

  /** Asks now and every few minutes; what can't be had leaves what stands there. */
  #seldom(address, show) {
    const ask = () =>
      fetch(address, { credentials: "omit" })
        .then((answer) => (answer.ok ? answer.json().then(show) : undefined))
        .catch(() => {});
    ask();
    setInterval(() => document.hidden || ask(), SELDOM_MS);
  }

  #showCorrections(document) {
    this.corrections = readCorrections(document);
    const day = new Intl.DateTimeFormat(this.format.locale, { dateStyle: "long", timeZone: "UTC" });
    const reason = (name) => this.texts[`dash_reason_${name}`] ?? this.texts.dash_reason_other;
    const rows = this.corrections.slice(0, 50).map((one) => [day.format(one.at), this.format.number(-one.count), reason(one.reason)]);
    this.#part("corrections-list").tBodies[0].replaceChildren(...rows.map((cells) => tableRow(cells, "td")));
    this.#part("corrections-card").hidden = !this.corrections.length;
    this.#soon();
  }

  #showPartners(card, { partners }) {
    const rows = partners.map(({ name, count }) => {
      const organisation = Object.assign(document.createElement("bdi"), { textContent: name });
      return tableRow([organisation, this.format.number(count)], "th");
    });
    card.querySelector("tbody").replaceChildren(...rows);
  }

  // Map and table, which are fetched after what stands above them

  async #startPlaces() {
    try {
      const [{ drawMap, drawTable }, world] = await Promise.all([
        import("./map.js"),
        fetch(this.root.dataset.world, { credentials: "omit" }).then((answer) => answer.json()),
      ]);
      const { language, direction, texts } = this;
      this.#part("map").hidden = false;
      const map = drawMap(this.#part("map-host"), world, { language, direction, texts });
      const table = this.#startTable(drawTable, { world, onPoint: (code) => map.point?.(code) });
      this.#views.push(map, table);
    } catch {
      // The server's table stays, and the map gives its room back.
      this.#part("map").classList.toggle("failed", this.#part("map").hidden);
    }
    this.#soon();
  }

  #startTable(drawTable, more) {
    const { language, direction, texts } = this;
    const card = this.root.querySelector(".countries");
    const host = document.createElement("div");
    host.className = "table-host";
    const view = drawTable(host, { language, direction, texts, search: true, ...more });
    // Only now, so that a table that can't be drawn leaves the server's.
    card.querySelectorAll("table, details, h2 + p").forEach((node) => node.remove());
    card.querySelector("h2").after(host);
    card.classList.add("drawn");
    return view;
  }

  // Whoever wants to read in peace stops it

  #startPause() {
    const button = this.#part("live");
    if (!button) return;
    const label = () => {
      button.textContent = this.#paused ? button.dataset.resume : button.dataset.pause;
      button.classList.toggle("paused", this.#paused);
      if (this.#paused) this.#drawState("paused", Date.now());
    };
    button.addEventListener("click", () => {
      this.#paused = !this.#paused;
      label();
      this.#soon();
    });
    label();
    button.hidden = false;
  }
}

const root = document.querySelector("[data-dashboard]");
if (root) new Dashboard(root).start();
