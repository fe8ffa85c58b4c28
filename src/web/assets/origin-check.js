// The self-check of the partners' page: what is wrong with an origin or a key, in words, and what to do about it. What can be
// told without asking is told here; whether it is registered, only the service knows.

/** What each problem means. The codes of the service that aren't here are told in the service's own words. */
export const ADVICE = {
  no_origin: "Enter the address of your page, for example https://www.example.org.",
  not_an_origin: "This is not the address of a website. An origin looks like https://www.example.org: scheme, host, and the port if it is an unusual one.",
  null_origin: "“null” is the origin of a page in a sandboxed frame (many page builders and previews use one), of a file on disk, or of a plain form on a page with “Referrer-Policy: no-referrer”. It can’t be registered. Put the form on the page itself, give the frame sandbox=\"allow-scripts allow-same-origin allow-forms allow-popups allow-popups-to-escape-sandbox\", or use “Referrer-Policy: strict-origin-when-cross-origin”.",
  insecure_origin: "Pages over http can be changed on the way, so they can’t be partners. Serve the page over https, and register that origin.",
  wildcard_origin: "You check one page, so leave out the asterisk and enter the host the page really has. In the registration, https://*.example.org stands for all subdomains, but not for https://example.org itself.",
  with_path: "An origin ends with the host (or port). Paths don’t belong to it; every page of the host has the same origin.",
  trailing_slash: "An origin has no slash at the end.",
  with_login: "An origin holds no user name and password.",
  default_port: "The usual port is left out: browsers don’t send it either.",
  no_key: "Enter your site key. It begins with pk_.",
  secret_key: "This is a secret key. It must never stand in a page: whoever sees it can pledge in your name. Ask the organiser for a new one now (rotate-key), and use the site key, which begins with pk_.",
  not_a_key: "A site key begins with pk_ (or pk_test_ for trials) and has no spaces.",
  test_key: "This is a key for trials. Everything works as in earnest, but nothing is counted, and it is gone after a day. Change to the real key before you publish.",
  local_origin: "This is a page on your own machine. While the service runs in development, every such page may embed every form, registered or not. In production only registered https origins may: check the address your page will have.",
  foreign_origin: "This origin isn’t registered for this site key. Ask the organiser of the campaign to add it, written exactly as here. www.example.org and example.org are two different origins.",
  unknown_key: "The campaign has no such site key. Look for a letter that got lost, or a key of another campaign.",
  partner_disabled: "The organiser has switched your forms off. Only they can switch them on again.",
  partner_paused: "The organiser takes nothing from your forms for some hours. Nothing is wrong with your page; ask them when it ends.",
};

/** What is wrong with an origin as it was typed, and how it should be written (null when that can't be told). */
export function readOrigin(typed) {
  const text = typed.trim();
  if (!text) return { origin: null, problems: ["no_origin"] };
  if (text.toLowerCase() === "null") return { origin: null, problems: ["null_origin"] };
  if (text.includes("*")) return { origin: null, problems: ["wildcard_origin"] };
  let url;
  try {
    url = new URL(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `https://${text}`);
  } catch {
    return { origin: null, problems: ["not_an_origin"] };
  }
  if (!/^https?:$/.test(url.protocol) || /\s/.test(text)) return { origin: null, problems: ["not_an_origin"] };
  const problems = [];
  const local = /^(localhost|127\.0\.0\.1|\[::1\])$/.test(url.hostname);
  if (local) problems.push("local_origin");
  if (url.protocol === "http:" && !local) problems.push("insecure_origin");
  if (url.username || url.password) problems.push("with_login");
  if (url.pathname !== "/" || url.search || url.hash) problems.push("with_path");
  else if (text.endsWith("/")) problems.push("trailing_slash");
  if (/:(443|80)(\/|$)/.test(text) && !url.port) problems.push("default_port");
  return { origin: url.origin, problems };
}

/** What is wrong with a site key as it was typed. `askable` says whether it may be sent to the service. */
export function readKey(typed) {
  const key = typed.trim();
  if (!key) return { key, problems: ["no_key"], askable: false };
  if (key.startsWith("sk_")) return { key: "", problems: ["secret_key"], askable: false };
  if (!/^pk_[\w-]+$/.test(key)) return { key, problems: ["not_a_key"], askable: false };
  return { key, problems: key.startsWith("pk_test_") ? ["test_key"] : [], askable: true };
}

/** Problems that don't stop a form from working once they are heeded as written. */
const HARMLESS = new Set(["trailing_slash", "with_path", "default_port", "test_key", "with_login", "local_origin"]);

/** Everything about a page: local problems and the service's answer (null when it wasn't or couldn't be asked). */
export function verdict(origin, key, answer) {
  const told = (code) => ({ code, text: ADVICE[code] });
  const local = [...origin.problems, ...key.problems].map(told);
  const known = new Set(local.map(({ code }) => code));
  const remote = (answer?.problems ?? []).filter(({ code }) => !known.has(code)).map(({ code, text }) => ({ code, text: ADVICE[code] ?? text }));
  const stopped = local.some(({ code }) => !HARMLESS.has(code));
  return { may: Boolean(answer?.may_embed) && !stopped, asked: Boolean(answer), problems: [...local, ...remote], origin: origin.origin };
}
