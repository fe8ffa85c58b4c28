// Brings a campaign's dashboard to life: figures, chart, map and table follow the live totals, drawn once a second at most.
// The page is complete without it; what fails here leaves the server's numbers where they are.

import { drawChart } from "./chart.js";
import { follow } from "./feed.js";
import { Announcer, RunningNumber, showGoal, showPace, showState } from "./figures.js";
import { fill, formats } from "./formats.js";
import { RANGES, Watch, readCorrections } from "./history.js";
import { Series } from "./series.js";

const FRAME_MS = 1000;
const SILENCE_MS = 45_000;
/** How often it is said at most that the numbers stand still, or move again: a bad line does so every second. */
const STATE_SAID_MS = 10_000;
const AFTER_CORRECTION_MS = 6_000;
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
  #saidFresh = true; // what screen readers know of the connection
  #seldomAsks = [];
  #lastTotal = 0;
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
    this.#seldom(this.root.dataset.corrections, (answer) => this.#showCorrections(answer));
    const partners = this.#part("partner-counts");
    if (partners) this.#seldom(partners.dataset.partnerCounts, (answer) => this.#showPartners(partners, answer));
    if (this.root.dataset.open !== undefined) {
      follow(location.origin, this.root.dataset.campaign, (news) => this.#take(news));
    } else {
      this.#part("connection").hidden = true; // a closed campaign stands still
      fetch(this.root.dataset.api, { credentials: "omit" }).then((answer) => answer.json()).then((totals) => this.#take({ totals, state: "live", at: Date.now() }), () => {});
    }
    this.#startPlaces();
    document.addEventListener("visibilitychange", () => this.#soon());
    setInterval(() => this.#soon(), 5000); // time goes by, too: the pace falls, the next interval begins
    const still = this.#part("still");
    if (still) still.hidden = true; // it says that no script runs
  }

  #take({ totals = this.#newest?.totals, state, at }) {
    if (state !== "live") this.watch.forget();
    this.#newest = { totals, state, at };
    if (totals) {
      // Why it fell, the service says elsewhere.
      if (totals.total < this.#lastTotal) setTimeout(() => this.#askSeldom(), AFTER_CORRECTION_MS * (1 + Math.random()));
      this.#lastTotal = totals.total;
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
      showPace(this.root, this.#pace(), this.format.number);
    }
    if (state && state !== "waiting") this.#drawState(state);
    this.#say(totals);
    this.#drawChart();
  }

  /** Aloud: first of all that the numbers stand still or move again, else the total. */
  #say(totals) {
    const connection = this.#part("connection");
    const isFresh = !["stale", "offline"].includes(connection.dataset.state);
    if (isFresh !== this.#saidFresh) {
      if (this.announcer.say(connection.textContent, STATE_SAID_MS)) this.#saidFresh = isFresh;
    } else if (totals) this.announcer.say(`${this.texts.total_label}: ${this.format.number(totals.total)}`);
  }

  /** When what is shown was last known to be the newest: as long as nothing came, when the service drew the page. */
  #knownAt() {
    return this.#newest?.at || Date.parse(this.root.dataset.drawn ?? this.#part("as-of").dateTime);
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

  #drawState(state) {
    const at = this.#knownAt();
    // Who has heard nothing for three heartbeats of the stream knows no more than we do.
    const isSilent = ["live", "polling"].includes(state) && Date.now() - at > SILENCE_MS && this.root.dataset.open !== undefined;
    const honest = isSilent ? "stale" : state;
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
    const hasFailed = this.series.hasFailed(this.range);
    const waits = !data && !hasFailed;
    this.#part("chart-host").classList.toggle("waits", waits);
    this.#part("chart-host").classList.toggle("failed", !data && hasFailed); // what stands there is of another range
    note.hidden = waits || Boolean(data?.points.length);
    note.textContent = hasFailed ? this.texts.dash_chart_failed : this.texts.dash_chart_none;
    if (data) this.chart.show({ ...data, corrections: this.corrections });
    this.#part("chart-days").hidden = data?.interval !== "day";
    this.#part("chart-cut").hidden = !this.#part("chart-host").classList.contains("cut");
  }

  /** Asks now and every few minutes; what can't be had leaves what stands there. */
  #seldom(address, show) {
    const ask = (cache = "default") =>
      fetch(address, { credentials: "omit", cache })
        .then((answer) => (answer.ok ? answer.json() : null))
        .then((found) => found && !this.#paused && show(found))
        .catch(() => {});
    this.#seldomAsks.push(ask);
    ask();
    setInterval(() => document.hidden || this.#paused || ask(), SELDOM_MS);
  }

  /** Now, and not what a cache still holds. */
  #askSeldom() {
    if (!this.#paused) for (const ask of this.#seldomAsks) ask("no-cache");
  }

  #showCorrections(answer) {
    this.corrections = readCorrections(answer);
    const day = new Intl.DateTimeFormat(this.format.locale, { dateStyle: "long", timeZone: "UTC" });
    const reason = (name) => this.texts[`dash_reason_${name}`] ?? this.texts.dash_reason_other;
    // With its sign before it, also where one reads from right to left: the locale's own would change sides.
    const taken = (count) => Object.assign(document.createElement("bdi"), { dir: "ltr", textContent: `\u2212${this.format.number(count)}` });
    const rows = this.corrections.slice(0, 50).map((one) => [day.format(one.at), taken(one.count), reason(one.reason)]);
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
      this.#views.push(map);
      if (document.body.classList.contains("wall")) this.#views.push(this.#startMapNote());
      this.#views.push(this.#startTable(drawTable, { world, onPoint: (code) => map.point?.(code) }));
    } catch {
      // The server's table stays, and the map gives its room back.
      if (!this.#views.length) this.#part("map").hidden = true;
      this.#part("map").classList.toggle("failed", this.#part("map").hidden);
    }
    this.#soon();
  }

  /** On a wall there is no table that tells what the map can't show. */
  #startMapNote() {
    const note = Object.assign(document.createElement("p"), { className: "note" });
    this.#part("map-host").before(note);
    const { texts, format } = this;
    const show = ({ elsewhere, threshold }) => {
      const why = fill(texts[threshold > 1 ? "table_elsewhere_why" : "table_elsewhere_unsaid"], { threshold: format.number(threshold) });
      const rest = fill(texts.dash_wall_elsewhere, { elsewhere: texts.countries_elsewhere, count: format.number(elsewhere), why });
      note.textContent = threshold > 1 ? [texts.dash_wall_rounded, rest].join(" ") : rest;
    };
    return { show };
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
      if (this.#paused) this.#drawState("paused");
    };
    button.addEventListener("click", () => {
      this.#paused = !this.#paused;
      label();
      if (this.#paused) this.series.freeze(this.total.target);
      else {
        this.series.thaw();
        this.#askSeldom();
      }
      this.#soon();
    });
    label();
    button.hidden = false;
  }
}

const root = document.querySelector("[data-dashboard]");
if (root) new Dashboard(root).start();
