// The form inside a partner's page: wears the partner's look, and tells the page around it how tall it is and what
// happened, in words that say nothing of the supporter. It listens to nobody: no message can change what is sent.

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

/** Where nothing is asked for, nothing is loaded for it. */
async function lookFor(scheme) {
  if (!["accent", "background", "text", "radius", "font"].some((name) => asked.get(name))) return { look: {}, kind: scheme };
  const { lookOf } = await import("./look.js");
  return lookOf(asked, scheme);
}

async function wear() {
  const theme = ["light", "dark"].find((known) => known === asked.get("theme"));
  root.classList.toggle("compact", asked.get("compact") === "1");
  const { look, kind } = await lookFor(theme ?? (system.matches ? "dark" : "light"));
  if (theme || kind !== (system.matches ? "dark" : "light")) {
    force(kind);
    root.style.colorScheme = kind;
  }
  for (const [name, value] of Object.entries(look)) root.style.setProperty(name, value);
}

// To whatever page is around: these say nothing that it may not know.
const say = (message) => parent.postMessage({ pledges: 1, ...message }, "*");
const height = () => Math.ceil(document.body.getBoundingClientRect().height);

function talk() {
  let last = height();
  say({ type: "ready", height: last });
  new ResizeObserver(() => {
    if (height() !== last) say({ type: "size", height: (last = height()) });
  }).observe(document.body);
}

// The form is shown once it looks as it will; a look that can't be had is no reason to show none.
wear().catch(() => {}).then(() => parent !== window && talk());
system.addEventListener("change", wear);
if (parent !== window) {
  document.addEventListener("pledge:done", ({ detail }) => say({ type: "done", status: detail.status, ...(detail.trial && { trial: true }) }));
  document.addEventListener("pledge:error", ({ detail }) => say({ type: "error", code: detail.code }));
}
