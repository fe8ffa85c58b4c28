// The look that a partner chooses for counter and map, by attributes as the form has them. They stand on the partner's page and
// not in a frame: what is behind them is looked up, so that they keep their contrast there.

import { BLACK, contrast, hex, lookOf, luminance, mended, mix, parse, SURFACE, WHITE } from "./look.js";

const DARK = "(prefers-color-scheme: dark)";
const ACCENT = [163, 18, 63];

/** No number, and five steps from few to most, on a ground: told apart by their lightness, whatever hue was asked for. */
export function ramp(accent, ground, ink) {
  const zero = mix(ground, ink, 0.14).map(Math.round);
  const strong = mended(accent, [zero], 3);
  const end = luminance(strong) > luminance(zero) ? WHITE : BLACK;
  const most = Math.min(9, contrast(end, zero));
  const at = (way) => (way < 100 ? mix(zero, strong, way / 100) : mix(strong, end, way / 100 - 1)).map(Math.round);
  const steps = [1, 2, 3, 4, 5].map((step) => {
    let way = 0;
    while (way < 200 && contrast(at(way), zero) < most ** (step / 5)) way += 1;
    return at(way);
  });
  return [zero, ...steps];
}

/** What is seen behind an element, as far as style sheets tell: nobody can look at pictures. */
function groundBehind(element) {
  for (let node = element; node; node = node.parentElement ?? node.getRootNode().host) {
    const [, colour, alpha = "1"] = /^rgba?\((\d+, \d+, \d+)(?:, ([\d.]+))?\)$/.exec(getComputedStyle(node).backgroundColor) ?? [];
    if (colour && Number(alpha) > 0.5) return colour.split(", ").map(Number);
  }
  return SURFACE[matchMedia(DARK).matches && /dark/.test(getComputedStyle(element).colorScheme) ? "dark" : "light"];
}

/** Has the `box` of a counter or map wear what the attributes of its `element` ask for, until the end. */
export function dress(element, box, atEnd) {
  const asked = (name) => element.getAttribute(name);
  const system = matchMedia(DARK);
  function wear() {
    const theme = ["light", "dark"].find((known) => known === asked("theme"));
    const chosen = parse(asked("background")) ?? SURFACE[theme];
    const ground = chosen ?? groundBehind(element);
    const { look, kind } = lookOf({ get: (name) => (name === "background" ? hex(ground) : asked(name)) }, "light");
    const accent = parse(asked("accent"));
    const styles = { colorScheme: kind, fontFamily: look["--font"] };
    const properties = { "--pledge-accent": accent && look["--link"], "--pledge-radius": look["--radius"] };
    if (chosen || parse(asked("text"))) styles.color = look["--ink"];
    if (chosen) {
      // A card, as the form is one.
      const card = { background: look["--surface"], boxShadow: `0 0 0 1px ${look["--line"]}`, padding: "clamp(0.9rem, 5vw, 1.75rem)" };
      Object.assign(styles, card, { borderRadius: look["--radius"] ?? "14px" });
    }
    if (accent || parse(asked("background")) || (theme && !CSS.supports("color", "light-dark(red, red)"))) {
      const sea = parse(look["--sunk"]), ink = parse(look["--ink"]);
      ramp(accent ?? ACCENT, sea, ink).forEach((colour, step) => (properties[`--map-${step}`] = hex(colour)));
      Object.assign(properties, { "--map-sea": hex(sea), "--map-line": hex(sea), "--map-ink": hex(ink) });
    }
    Object.assign(box.style, Object.fromEntries(Object.entries(styles).filter(([, value]) => value)));
    for (const [name, value] of Object.entries(properties)) if (value) box.style.setProperty(name, value);
  }
  wear();
  system.addEventListener?.("change", wear);
  atEnd(() => system.removeEventListener?.("change", wear));
}
