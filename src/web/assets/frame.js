// The form inside a partner's page: wears the partner's look, and tells the page around it how tall it is and what
// happened, in words that say nothing of the supporter. It listens to nobody: no message can change what is sent.

import { lookOf } from "./look.js";

const root = document.documentElement;
const asked = new URLSearchParams(location.search);

/** Makes the style sheets' dark part hold always or never. */
function force(theme) {
  for (const sheet of document.styleSheets) {
    for (const rule of sheet.cssRules) {
      if (rule.media?.mediaText.includes("prefers-color-scheme: dark")) rule.media.mediaText = theme === "dark" ? "all" : "not all";
    }
  }
}

const system = matchMedia("(prefers-color-scheme: dark)");

function wear() {
  const theme = ["light", "dark"].find((known) => known === asked.get("theme"));
  const { look, kind } = lookOf(asked, theme ?? (system.matches ? "dark" : "light"));
  if (theme || kind !== (system.matches ? "dark" : "light")) {
    force(kind);
    root.style.colorScheme = kind;
  }
  for (const [name, value] of Object.entries(look)) root.style.setProperty(name, value);
  root.classList.toggle("compact", asked.get("compact") === "1");
}

// To whatever page is around: these say nothing that it may not know.
const say = (message) => parent.postMessage({ pledges: 1, ...message }, "*");
const height = () => Math.ceil(document.body.getBoundingClientRect().height);

wear();
system.addEventListener("change", wear);
if (parent !== window) {
  say({ type: "ready", height: height() });
  let last = height();
  new ResizeObserver(() => {
    if (height() !== last) say({ type: "size", height: (last = height()) });
  }).observe(document.body);
  document.addEventListener("pledge:done", ({ detail }) => say({ type: "done", status: detail.status }));
  document.addEventListener("pledge:error", ({ detail }) => say({ type: "error", code: detail.code }));
}
