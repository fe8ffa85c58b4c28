// The figures of a dashboard: the total that counts up, the goal, the pace, how fresh it all is, and what of it is said aloud.

import { fill } from "./formats.js";

const COUNT_UP_MS = 900;
const ANNOUNCE_MS = 30_000;
const STILL = matchMedia("(prefers-reduced-motion: reduce)");

/** A number on the page that runs to its new value, unless motion is reduced. */
export class RunningNumber {
  constructor(node, format, value) {
    Object.assign(this, { node, format, shown: value, target: value });
  }

  show(value) {
    if (value === this.target) return;
    this.target = value;
    cancelAnimationFrame(this.frame);
    if (STILL.matches || document.hidden) return this.#write(value);
    const [from, start] = [this.shown, performance.now()];
    const step = (time) => {
      const part = Math.min(1, Math.max(0, time - start) / COUNT_UP_MS);
      this.#write(Math.round(from + (value - from) * (1 - (1 - part) ** 3)));
      if (part < 1) this.frame = requestAnimationFrame(step);
    };
    this.frame = requestAnimationFrame(step);
  }

  #write(value) {
    this.shown = value;
    const text = this.format(value);
    if (this.node.textContent !== text) this.node.textContent = text;
  }
}

/** Says a text to screen readers, politely; a number at most every thirty seconds, and more often only what is more than a number. */
export class Announcer {
  #last = Date.now(); // what is on the page from the beginning is read with the page

  constructor(node) {
    this.node = node;
  }

  /** Whether it was said: not when something else was within `gap` milliseconds. */
  say(text, gap = ANNOUNCE_MS, now = Date.now()) {
    if (now - this.#last < gap || text === this.said) return false;
    this.#last = now;
    this.said = this.node.textContent = text;
    return true;
  }
}

/** The bar and the words about the goal, as the server drew them. */
export function showGoal(root, total) {
  const goal = root.querySelector("[data-goal]");
  const bar = root.querySelector("[data-progress]");
  if (!goal || !bar) return;
  const most = Number(goal.dataset.goal);
  bar.value = Math.min(total, most);
  const text = fill(goal.dataset.pattern, { percent: Math.floor((total * 100) / most) });
  if (goal.textContent !== text) goal.textContent = text;
}

/** Pledges lately; hidden as long as nobody knows. */
export function showPace(root, pace, format) {
  const list = root.querySelector("[data-pace]");
  if (!list) return;
  list.hidden = !pace;
  for (const node of pace ? list.querySelectorAll("[data-span]") : []) {
    const text = format(pace[node.dataset.span]);
    if (node.textContent !== text) node.textContent = text;
  }
}

/** How the numbers arrive, in words, with a mark of the same meaning. `at` is when they were last known to be true. */
export function showState(node, { state, at }, texts, format) {
  const text = fill(texts[`dash_state_${state}`] ?? texts.dash_state_stale, { time: format.moment(at) });
  node.dataset.state = state;
  if (node.textContent !== text) node.textContent = text;
}
