// Content security policies of partners' pages: which sources a way of embedding needs, and a given policy with them added.

/** Directives that are asked instead when one is missing, in this order. */
const FALLBACKS = {
  "script-src": ["default-src"],
  "connect-src": ["default-src"],
  "frame-src": ["child-src", "default-src"],
  "worker-src": ["child-src", "script-src", "default-src"],
  "form-action": [], // without it, forms may go everywhere
};

/** What has to be added for a way of embedding: directive → sources. Styles need nothing: the elements set them by script. */
export function neededSources(way, origin, { form = true } = {}) {
  switch (way) {
    case "element":
      return { "script-src": [origin], ...(form && { "frame-src": [origin] }), "connect-src": [origin] };
    case "frame":
      return { "frame-src": [origin] };
    case "html":
      return { "form-action": [origin] };
    case "own":
      return { "script-src": [origin], "connect-src": [origin], "worker-src": ["blob:"] };
    default:
      return {};
  }
}

/** The lines to add, as they would stand in a policy. */
export function policyLines(sources) {
  return Object.entries(sources).map(([directive, list]) => `${directive} ${list.join(" ")};`).join("\n");
}

/** A policy as directive → sources; what stands twice counts the first time, as in browsers. */
export function readPolicy(text) {
  const directives = new Map();
  const value = text.replace(/^\s*content-security-policy(-report-only)?\s*:/i, "");
  for (const part of value.split(";")) {
    const [name, ...sources] = part.trim().split(/\s+/);
    if (name && !directives.has(name.toLowerCase())) directives.set(name.toLowerCase(), sources);
  }
  return directives;
}

const allows = (sources, wanted) => sources.includes(wanted) || (wanted.startsWith("https:") && (sources.includes("*") || sources.includes("https:")));

/** The policy with the sources added: nothing that it allowed is lost, nothing else is allowed. */
export function mergePolicy(text, sources) {
  const directives = readPolicy(text);
  // By the policy as it was: what we add must not become the model for the next directive.
  const before = new Map(directives);
  for (const [directive, wanted] of Object.entries(sources)) {
    const model = [directive, ...FALLBACKS[directive]].find((name) => before.has(name));
    // Browsers that know `script-src-elem` ask it alone; the others ask `script-src`.
    for (const [name, from] of [[directive, model], [`${directive}-elem`, `${directive}-elem`]]) {
      const present = before.get(from);
      if (!present) continue; // nothing forbids it
      const missing = wanted.filter((source) => !allows(present, source));
      if (missing.length > 0) directives.set(name, [...present.filter((source) => source.toLowerCase() !== "'none'"), ...missing]);
    }
  }
  return [...directives].map(([name, list]) => [name, ...list].join(" ")).join("; ");
}
