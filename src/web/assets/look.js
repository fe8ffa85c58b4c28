// The look that a partner chooses for the form's frame, in its address: read, kept readable (WCAG contrast), and set as
// custom properties. Whatever is asked for, text keeps 4.5:1 and the edges of controls 3:1.

const FONTS = {
  serif: 'Charter, "Bitstream Charter", "Sitka Text", Cambria, Georgia, "Noto Serif", serif',
  mono: 'ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, "Noto Sans Mono", monospace',
  rounded: 'ui-rounded, "Hiragino Maru Gothic ProN", Quicksand, Comfortaa, Manjari, Nunito, system-ui, sans-serif',
  humanist: 'Seravek, "Gill Sans Nova", Ubuntu, Calibri, "DejaVu Sans", source-sans-pro, system-ui, sans-serif',
  geometric: 'Avenir, Montserrat, Corbel, "URW Gothic", source-sans-pro, system-ui, sans-serif',
};

export const SURFACE = { light: [255, 255, 255], dark: [35, 21, 30] };
const INK = { light: [36, 18, 29], dark: [247, 237, 241] };

/** Red, green and blue of `#abc` or `#aabbcc`, the hash may be missing; null of anything else. */
export function parse(text) {
  const digits = /^#?([0-9a-f]{3}|[0-9a-f]{6})$/i.exec(text ?? "")?.[1];
  if (!digits) return null;
  const pairs = digits.length === 3 ? Array.from(digits, (digit) => digit + digit) : digits.match(/../g);
  return pairs.map((pair) => parseInt(pair, 16));
}

export const hex = (colour) => `#${colour.map((part) => Math.round(part).toString(16).padStart(2, "0")).join("")}`;

/** Relative luminance, 0 to 1 (WCAG 2.2). */
export function luminance(colour) {
  const [red, green, blue] = colour.map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** The contrast of two colours, 1 to 21 (WCAG 2.2). */
export function contrast(one, other) {
  const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}

export const mix = (one, other, share) => one.map((part, i) => part + (other[i] - part) * share);
export const BLACK = [0, 0, 0], WHITE = [255, 255, 255];

/** Black or white, whichever is read better on a colour: one of them always has 4.5:1. */
export const onColour = (colour) => (contrast(colour, WHITE) >= contrast(colour, BLACK) ? WHITE : BLACK);

/** A colour moved towards black or white until it has `least` on all `grounds`, and no further. */
export function mended(colour, grounds, least) {
  const passes = (tried) => grounds.every((ground) => contrast(tried.map(Math.round), ground) >= least);
  const target = onColour(grounds[0]);
  for (let step = 0; step < 50; step += 1) {
    const tried = mix(colour, target, step / 50);
    if (passes(tried)) return tried;
  }
  return target;
}

/** The button keeps its colour, and an edge lets it be seen on its ground; links are moved until they can be read. */
function accented(accent, surface, sunk) {
  const on = onColour(accent), edge = hex(mended(accent, [surface], 3));
  return {
    "--action": hex(accent),
    "--action-2": hex(mix(accent, on === WHITE ? BLACK : WHITE, 0.15)),
    "--action-edge": edge,
    "--on-action": hex(on),
    "--link": hex(mended(accent, [surface, sunk], 4.5)),
    "--bar": edge,
  };
}

/** The custom properties of what was asked for; empty where nothing was. `scheme` is what applies without a background. */
export function lookOf(asked, scheme) {
  const background = parse(asked.get("background")), text = parse(asked.get("text")), accent = parse(asked.get("accent"));
  const look = {};
  const surface = background ?? SURFACE[scheme];
  const kind = onColour(surface) === WHITE ? "dark" : "light";
  const tinted = mix(surface, INK[kind], 0.05).map(Math.round);
  // On a ground of middle lightness there is no room for a second one.
  const sunk = contrast(onColour(surface), tinted) >= 5 ? tinted : surface;
  const ink = mended(text ?? INK[kind], [surface, sunk], 4.5);
  if (background || text) {
    Object.assign(look, {
      "--surface": hex(surface),
      "--sunk": hex(sunk),
      "--ink": hex(ink),
      "--quiet": hex(mended(mix(ink, surface, 0.3), [surface, sunk], 4.5)),
      "--line": hex(mix(surface, ink, 0.16)),
      "--edge": hex(mended(mix(surface, ink, 0.5), [surface], 3)),
      "--bad-soft": hex(surface),
      "--bad": hex(mended([179, 20, 15], [surface], 4.5)),
      "--focus": hex(mended([26, 79, 214], [surface], 3)),
    });
  }
  if (accent || background) Object.assign(look, accented(accent ?? mended([163, 18, 63], [surface], 3), surface, sunk));
  const radius = Number(asked.get("radius") || NaN);
  if (radius >= 0 && radius <= 32) Object.assign(look, { "--radius": `${radius}px`, "--radius-control": `${Math.min(radius, 16)}px` });
  const font = asked.get("font");
  if (Object.prototype.hasOwnProperty.call(FONTS, font)) look["--font"] = FONTS[font];
  return { look, kind: background ? kind : scheme };
}
