// The chart of the history: the total as a line, what was new as bars below it, both over the same time. A slider under it
// moves through the intervals by keyboard, pointer and touch and says each; the same numbers stand in a table.

import { fill, formats, lastOf, timeFormats } from "./formats.js";
import { areaPath, barsPath, countScale, linePath, position, timeTicks } from "./scales.js";

const SVG = "http://www.w3.org/2000/svg";
const DAY = 86_400_000;
const UNITS = { minute: "minute", hour: "hour", day: "day" };

function shape(name, attributes, text) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (text !== undefined) node.textContent = text;
  return node;
}

function element(name, className, text) {
  const node = document.createElement(name);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

/** How the height is shared, in multiples of the size of the letters; `width` and `height` in pixels. */
function layout(width, height, em, labels) {
  const left = Math.ceil(Math.max(...labels.map((label) => label.length)) * em * 0.62 + em * 0.8);
  const right = width - em * 1.2;
  const top = em * 2.2;
  const bottom = height - em * 1.9;
  const usable = bottom - top - em * 2.6;
  const lineBottom = top + usable * 0.68;
  return { left, right, top, bottom, lineBottom, barTop: lineBottom + em * 2.6, em, width, height };
}

/** Scales and places of everything for one state of the data. */
function plan({ points, now }, size, format) {
  const first = points[0].total - points[0].count;
  const reached = points.map(({ total }) => total);
  // Beginning at zero, a young campaign shows all of its growth and an hour of an old one a flat line.
  const least = Math.min(first, ...reached);
  const most = Math.max(first, ...reached);
  const total = countScale(least, most, { count: 4, fromZero: least < most * 0.6 });
  const fresh = countScale(Math.min(0, ...points.map(({ count }) => count)), Math.max(1, ...points.map(({ count }) => count)), { count: 2 });
  const labels = [total, fresh].flatMap(({ ticks, step }) => ticks.map((tick) => format.axis(tick, step)));
  const place = layout(size.width, size.height, size.em, labels);
  const last = lastOf(points);
  const end = last.at + last.length;
  return {
    ...place,
    total,
    fresh,
    from: points[0].at,
    to: end,
    x: position({ low: points[0].at, high: end }, place.left, place.right),
    yTotal: position(total, place.lineBottom, place.top),
    yFresh: position(fresh, place.bottom, place.barTop),
    first,
    endOf: ({ at, length }) => Math.min(at + length, Math.max(now, at)),
  };
}

/** A label that reads from right to left in a picture that doesn't. */
const isolated = (text, rightToLeft) => (rightToLeft ? `\u2067${text}\u2069` : text);

function grid(plan, scale, y, format) {
  return scale.ticks.flatMap((tick) => [
    shape("path", { class: "chart-grid", d: `M${plan.left} ${y(tick)}H${plan.right}` }),
    shape("text", { class: "chart-text", x: plan.left - plan.em * 0.5, y: y(tick) + plan.em * 0.35, "text-anchor": "end" }, isolated(format.axis(tick, scale.step), plan.rightToLeft)),
  ]);
}

function timeAxis(plan, times) {
  const { at, unit } = timeTicks(plan.from, plan.to, Math.max(2, Math.floor((plan.right - plan.left) / (plan.em * (plan.width < 450 ? 5.5 : 7)))), times.offsetAt);
  return at.flatMap((time) => {
    const x = plan.x(time);
    const tick = shape("path", { class: "chart-tick", d: `M${x} ${plan.bottom}v${plan.em * 0.4}` });
    if (x > plan.right - plan.em * 1.5) return [tick]; // its label would be cut off
    const label = times.tick(time, unit === "time" && times.isMidnight(time) ? "day" : unit);
    return [tick, shape("text", { class: "chart-text", x, y: plan.bottom + plan.em * 1.6, "text-anchor": "middle" }, isolated(label, plan.rightToLeft))];
  });
}

/** Above a pane: the first of the texts that has room. */
function heading(plan, y, texts, rightToLeft) {
  const text = texts.find((candidate) => candidate.length * plan.em * 0.64 < plan.width) ?? lastOf(texts);
  const x = rightToLeft ? plan.width : 0;
  return shape("text", { class: "chart-heading", x, y, direction: rightToLeft ? "rtl" : "ltr" }, text);
}

/** Nobody is told at what time of a day pledges were taken out: the mark is of the whole day, as far as it is shown. */
function correctionMarks(plan, corrections) {
  const days = [...new Set(corrections.map(({ at }) => at))].filter((at) => at + DAY > plan.from && at < plan.to);
  return days.flatMap((at) => {
    const [start, end] = [plan.x(Math.max(plan.from, at)), plan.x(Math.min(plan.to, at + DAY))];
    const size = plan.em * 0.45;
    const base = plan.lineBottom + size; // below the line of a campaign that begins
    return [
      shape("path", { class: "chart-correction-day", d: `M${start} ${base}H${end}` }),
      shape("path", { class: "chart-correction", d: `M${(start + end) / 2} ${base - size * 1.6}l${size} ${size * 1.6}h${-2 * size}z` }),
    ];
  });
}

function curves(plan, points) {
  const line = [[plan.x(plan.from), plan.yTotal(plan.first)], ...points.map((point) => [plan.x(plan.endOf(point)), plan.yTotal(point.total)])];
  const gap = Math.min(2, (plan.x(points[0].at + points[0].length) - plan.left) * 0.15);
  const zero = plan.yFresh(0);
  const bars = points.map(({ at, length, count }) => [plan.x(at) + gap / 2, plan.x(at + length) - gap / 2, plan.yFresh(count)]);
  const [x, y] = lastOf(line);
  return [
    shape("path", { class: "chart-area", d: areaPath(line, plan.lineBottom) }),
    shape("path", { class: "chart-line", d: linePath(line) }),
    shape("path", { class: "chart-bar", d: barsPath(bars, zero) }),
    shape("circle", { class: "chart-now", cx: x, cy: y, r: plan.em * 0.3 }),
  ];
}

/** Marks an interval: its bar, and the total that it ended with. */
function crosshair(plan, point) {
  const x = plan.x(plan.endOf(point));
  return [
    shape("path", { class: "chart-bar chosen", d: barsPath([[plan.x(point.at), plan.x(point.at + point.length), plan.yFresh(point.count)]], plan.yFresh(0)) }),
    shape("path", { class: "chart-cross", d: `M${x} ${plan.top}V${plan.bottom}` }),
    shape("circle", { class: "chart-dot", cx: x, cy: plan.yTotal(point.total), r: plan.em * 0.35 }),
  ];
}

/** The table behind the chart, filled when somebody opens it, newest first. */
class Table {
  constructor(texts) {
    this.node = element("details", "chart-table");
    this.node.append(element("summary", "", texts.dash_chart_table));
    this.scroll = element("div", "scroll");
    Object.assign(this.scroll, { tabIndex: 0 });
    this.scroll.setAttribute("role", "region");
    this.scroll.setAttribute("aria-label", texts.dash_chart_table);
    const table = element("table", "numbers");
    const head = table.createTHead().insertRow();
    for (const key of ["dash_chart_time", "dash_chart_new", "dash_chart_total"]) {
      const cell = element("th", "", texts[key]);
      cell.scope = "col";
      head.append(cell);
    }
    this.body = table.createTBody();
    this.scroll.append(table);
    this.node.append(this.scroll);
    this.node.addEventListener("toggle", () => this.#draw());
  }

  show(points, times, format) {
    const isSame = ({ at, length }, index) => at === this.points[index].at && length === this.points[index].length;
    const areSame = this.body.rows.length === points.length && points.every(isSame);
    Object.assign(this, { points, times, format });
    if (!areSame) this.#draw();
    // Any of them: a correction changes what is long past.
    else if (this.node.open) [...points].reverse().forEach((point, index) => this.#fill(this.body.rows[index], point));
  }

  #fill(row, { count, total }) {
    for (const [cell, value] of [[row.cells[1], count], [row.cells[2], total]]) {
      const text = this.format.number(value);
      if (cell.textContent !== text) cell.textContent = text;
    }
  }

  #draw() {
    if (!this.node.open || !this.points) return;
    const rows = [...this.points].reverse();
    this.body.replaceChildren(
      ...rows.map((point) => {
        const row = element("tr");
        const time = element("th", "", this.times.interval(point));
        time.scope = "row";
        row.append(time, element("td"), element("td"));
        this.#fill(row, point);
        return row;
      }),
    );
  }
}

class Chart {
  #chosen = null; // index of the interval that is pointed at; null: the newest

  constructor(host, { language, direction, texts }) {
    Object.assign(this, { host, texts, rightToLeft: direction === "rtl", format: formats(language) });
    this.svg = shape("svg", { class: "chart-picture", role: "img", focusable: "false" });
    this.point = element("p", "chart-point");
    this.point.setAttribute("aria-hidden", "true"); // the slider says it
    this.slider = element("input", "chart-slider");
    Object.assign(this.slider, { type: "range", min: 0, step: 1, dir: "ltr" });
    this.slider.setAttribute("aria-label", texts.dash_chart_pick);
    this.table = new Table(texts);
    host.replaceChildren(this.point, this.svg, this.slider, this.table.node);
    this.slider.addEventListener("input", () => this.#choose(Number(this.slider.value)));
    this.slider.addEventListener("blur", () => this.#choose(null));
    this.svg.addEventListener("pointermove", (event) => this.#pointAt(event));
    this.svg.addEventListener("pointerdown", (event) => this.#pointAt(event));
    this.svg.addEventListener("pointerleave", () => this.#choose(null));
    new ResizeObserver(() => this.#draw()).observe(this.svg);
  }

  /** Shows points of {@link import("./history.js")}; `size` of the service's intervals are one of them. */
  show(data) {
    const fresh = this.data?.points[0]?.at !== data.points[0]?.at || this.data?.points.length !== data.points.length;
    this.data = data;
    if (fresh) this.#chosen = null;
    this.times = timeFormats(this.format.locale, data.interval);
    this.#draw();
    if (data.points.length) this.table.show(data.points, this.times, this.format);
    // Not while somebody stands on it, who would be told every second.
    if (fresh || document.activeElement !== this.slider) this.#say();
  }

  #pointAt(event) {
    if (!this.plan) return;
    const { left } = this.svg.getBoundingClientRect();
    const time = position({ low: this.plan.left, high: this.plan.right }, this.plan.from, this.plan.to)(event.clientX - left);
    const later = this.data.points.findIndex(({ at }) => at > time);
    this.#choose(later < 0 ? Infinity : Math.max(0, later - 1));
  }

  #choose(index) {
    const last = (this.data?.points.length ?? 0) - 1;
    this.#chosen = index === null || index >= last ? null : index;
    this.#draw();
    this.#say();
  }

  #say() {
    const point = this.data?.points[this.#chosen ?? this.data.points.length - 1];
    if (point) this.slider.setAttribute("aria-valuetext", this.#words(point));
  }

  #words(point) {
    const { number } = this.format;
    return fill(this.texts.dash_chart_point, { time: this.times.interval(point), total: number(point.total), count: number(point.count) });
  }

  #draw() {
    const { width, height } = this.svg.getBoundingClientRect();
    const { points, interval, size, corrections = [] } = this.data ?? { points: [] };
    this.host.classList.toggle("empty", !points.length);
    if (!points.length || !width || !height) return;
    const em = parseFloat(getComputedStyle(this.svg).fontSize);
    this.plan = { ...plan(this.data, { width, height, em }, this.format), rightToLeft: this.rightToLeft };
    const steps = fill(this.texts.dash_chart_steps, { step: this.format.length(size, UNITS[interval]) });
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.svg.setAttribute("aria-label", this.#summary(points));
    this.svg.replaceChildren(
      ...grid(this.plan, this.plan.total, this.plan.yTotal, this.format),
      ...grid(this.plan, this.plan.fresh, this.plan.yFresh, this.format),
      ...timeAxis(this.plan, this.times),
      heading(this.plan, em * 1.2, [this.texts.dash_chart_total], this.rightToLeft),
      heading(this.plan, this.plan.barTop - em, [steps, this.texts.dash_chart_new], this.rightToLeft),
      ...curves(this.plan, points),
      ...correctionMarks(this.plan, corrections),
      ...(this.#chosen === null ? [] : crosshair(this.plan, points[this.#chosen])),
    );
    this.slider.max = points.length - 1;
    if (document.activeElement !== this.slider) this.slider.value = this.#chosen ?? points.length - 1;
    this.point.textContent = this.#words(points[this.#chosen ?? points.length - 1]);
    this.host.classList.toggle("cut", this.plan.total.low > 0);
  }

  #summary(points) {
    const { number } = this.format;
    const [first, last] = [points[0], lastOf(points)];
    return fill(this.texts.dash_chart_summary, {
      from: this.times.interval(first),
      to: this.times.interval(last),
      first: number(first.total - first.count),
      last: number(last.total),
    });
  }
}

/** Makes `host` a chart with `show({ points, interval, size, corrections, now })`. */
export function drawChart(host, options) {
  return new Chart(host, options);
}
