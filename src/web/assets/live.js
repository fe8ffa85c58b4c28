// Keeps the published totals on a page fresh, and lets a text be copied. The pages are complete without it.
// Asks every five seconds (the browser's cache sends If-None-Match), rests in hidden tabs and on request. Not by feed.js: every supporter's
// page would hold a stream for a number that is not what the page is about, and caches in front of the service can't answer streams.

const STEP_MS = 5000;
const SLOWEST_MS = 80000;

function group(value, { separator, groupFrom }) {
  const digits = String(value);
  return digits.length < Number(groupFrom) ? digits : digits.replace(/\B(?=(\d{3})+$)/g, separator);
}

function show(root, totals) {
  const write = (selector, value) => {
    const node = root.querySelector(selector);
    const text = group(value, root.dataset);
    if (node && node.textContent !== text) node.textContent = text;
  };
  write("[data-total]", totals.total);
  write("[data-elsewhere]", totals.elsewhere);
  for (const { country, count } of totals.countries) {
    if (/^[A-Z]{2}$/.test(country)) write(`[data-country="${country}"]`, count);
  }
  const goal = root.querySelector("[data-goal]");
  const bar = root.querySelector("[data-progress]");
  if (!goal || !bar) return;
  const most = Number(goal.dataset.goal);
  bar.value = Math.min(totals.total, most);
  goal.textContent = goal.dataset.pattern.replace("{percent}", Math.floor((totals.total * 100) / most));
}

function follow(root) {
  const button = root.querySelector("[data-live]");
  if (!button) return; // a closed campaign stands still
  let paused = false, isOld = false, timer, wait = STEP_MS, version = -1;

  async function ask() {
    try {
      const answer = await fetch(root.dataset.totals, { credentials: "omit" });
      if (!answer.ok) throw new Error(answer.status);
      const totals = await answer.json();
      if (totals.version >= version && !paused) show(root, totals);
      version = Math.max(version, totals.version);
      [isOld, wait] = [false, STEP_MS];
    } catch {
      [isOld, wait] = [true, Math.min(wait * 2, SLOWEST_MS)];
    }
    label();
    plan();
  }
  function plan() {
    clearTimeout(timer);
    // Up to a second of chance keeps a crowd of tabs from asking all at once.
    if (!paused && !document.hidden) timer = setTimeout(ask, wait + Math.random() * 1000);
  }
  function label() {
    const text = paused ? button.dataset.resume : button.dataset.pause;
    if (button.textContent !== text) button.textContent = text;
    button.classList.toggle("paused", paused || isOld); // what could not be renewed isn't shown as live
  }
  button.addEventListener("click", () => {
    paused = !paused;
    label();
    plan();
  });
  document.addEventListener("visibilitychange", plan);
  // A pledge was made on this page: it is published within about a second.
  document.addEventListener("pledge:done", () => {
    for (const soon of [700, 2000]) setTimeout(() => paused || ask(), soon);
  });
  label();
  button.hidden = false;
  plan();
}

document.querySelectorAll("[data-totals]").forEach(follow);

if (navigator.clipboard) {
  for (const button of document.querySelectorAll("[data-copy]")) {
    const label = button.textContent;
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).value);
      button.textContent = button.nextElementSibling.textContent = button.dataset.copied;
      setTimeout(() => (button.textContent = label), 2500);
    });
  }
}
