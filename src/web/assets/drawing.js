// What the map and its table share: making nodes, adopting a style sheet, and saying names and numbers in a language.

/** A style sheet of these rules, for documents and shadow roots; null where browsers have none that can be made. */
export function newSheet(rules) {
  try {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(rules);
    return sheet;
  } catch {
    return null;
  }
}

/** Has the document or shadow root around `host` use the rules. */
export function adopt(host, sheet, rules) {
  const root = host.getRootNode();
  const scope = root.host ? root : document;
  if (sheet && scope.adoptedStyleSheets) {
    if (!scope.adoptedStyleSheets.includes(sheet)) scope.adoptedStyleSheets = [...scope.adoptedStyleSheets, sheet];
    return;
  }
  // Safari before 16.4, Firefox before 101. A page's policy may forbid a style element, but not a rule in a sheet it has.
  const own = [...scope.styleSheets].find(({ href }) => href?.startsWith(location.origin));
  if (own) return void own.insertRule(`@media all{${rules}}`, own.cssRules.length);
  const style = make("style", {}, rules);
  (scope.head ?? scope).append(style);
  if (scope === root && !style.sheet) import("./plain.js").then(({ wearPlainly }) => wearPlainly(root, rules), () => {});
}

export function make(name, attributes = {}, ...children) {
  const svg = name === "svg" || name === "path";
  const node = svg ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) if (value !== undefined) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

/** Writes a text only when it is another one, so that a selection stays. */
export function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** How a language says numbers, names and our texts; a tag that is none is read as English. */
export function speaker({ language, texts = {}, world }) {
  let locale = "en";
  try {
    [locale = "en"] = Intl.getCanonicalLocales(language);
  } catch {}
  const regions = new Intl.DisplayNames(locale, { type: "region" });
  const numbers = new Intl.NumberFormat(locale, { numberingSystem: "latn" });
  const [spoken] = locale.split("-");
  const say = {
    locale,
    number: (value) => numbers.format(value),
    note: (code) => world?.notes?.[spoken]?.[code] ?? "",
    text: (key, values = {}) => (texts[key] ?? key).replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole),
    name(code) {
      try {
        return world?.names?.[spoken]?.[code] ?? regions.of(code);
      } catch {
        return code;
      }
    },
    /** Why some stand in no country. */
    elsewhere(totals) {
      const { threshold = 1 } = totals ?? {};
      return say.text(threshold > 1 ? "table_elsewhere_why" : "table_elsewhere_unsaid", { threshold: say.number(threshold) });
    },
    place: (code, count) => say.text("map_place", { name: say.name(code), count: count ? say.number(count) : say.text("map_none") }),
    list: (items) => new Intl.ListFormat(locale, { type: "unit" }).format(items),
  };
  return say;
}

/** The countries of a totals document that have a number: Map of code → count. */
export const countsOf = (totals) => new Map((totals?.countries ?? []).filter(({ count }) => count > 0).map(({ country, count }) => [country, count]));
