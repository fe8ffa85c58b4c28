// The form inside a partner's page: wears the partner's look, and tells the page around it how tall it is and what
// happened, in words that say nothing of the supporter. All it hears is another look: no message can change what is sent.

const LOOK = ["theme", "accent", "background", "text", "radius", "font", "compact"];
const root = document.documentElement;
const system = matchMedia("(prefers-color-scheme: dark)");
let asked = new URLSearchParams(location.search);
let worn = [];
let scheme = "";
let dark;

/** Makes the style sheets' dark part hold always or never, or as the system says again. */
function force(theme) {
  // Found once: what they ask for is changed.
  dark ??= Array.from(document.styleSheets, ({ cssRules }) => [...cssRules])
    .flat()
    .filter(({ media }) => media?.mediaText.includes("prefers-color-scheme: dark"))
    .map(({ media }) => [media, media.mediaText]);
  for (const [media, usual] of dark) media.mediaText = { dark: "all", light: "not all" }[theme] ?? usual;
}

/** Where nothing is asked for, nothing is loaded for it. */
async function lookFor(scheme) {
  if (!["accent", "background", "text", "radius", "font"].some((name) => asked.get(name))) return { look: {}, kind: scheme };
  const { lookOf } = await import("./look.js");
  return lookOf(asked, scheme);
}

async function wear() {
  const theme = ["light", "dark"].find((known) => known === asked.get("theme"));
  const usual = system.matches ? "dark" : "light";
  root.classList.toggle("compact", asked.get("compact") === "1");
  const { look, kind } = await lookFor(theme ?? usual);
  const forced = theme || kind !== usual ? kind : "";
  // Mostly nothing is asked for, and to say so again would have everything drawn anew.
  if (forced !== scheme) {
    force((scheme = forced));
    root.style.colorScheme = forced;
  }
  for (const name of worn) root.style.removeProperty(name);
  worn = Object.keys(look);
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

/** The look that a message asks for; null of any other message. Values are read as those of the address are. */
export function lookIn({ source, data }, around) {
  if (source !== around || data?.pledges !== 1 || typeof data.look !== "object" || !data.look) return null;
  const told = LOOK.filter((name) => typeof data.look[name] === "string");
  return new URLSearchParams(told.map((name) => [name, data.look[name].slice(0, 40)]));
}

// The form is shown once it looks as it will; a look that can't be had is no reason to show none.
wear().catch(() => {}).then(() => parent !== window && talk());
system.addEventListener("change", wear);
if (parent !== window) {
  addEventListener("message", (event) => {
    const look = lookIn(event, parent);
    if (!look) return;
    asked = look;
    wear().catch(() => {});
  });
  document.addEventListener("pledge:done", ({ detail }) => say({ type: "done", status: detail.status, ...(detail.trial && { trial: true }) }));
  document.addEventListener("pledge:error", ({ detail }) => say({ type: "error", code: detail.code }));
}
