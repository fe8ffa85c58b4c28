// What partners copy into their pages. Everything that somebody typed is escaped for the place it lands in: an attribute, an
// address, a script, a shell.

/** The look of a form where nothing is said. */
export const PLAIN_LOOK = { theme: "auto", accent: "", radius: "", font: "system", compact: false };

const ENTITIES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
export const escapeHtml = (text) => String(text).replace(/[&<>"']/g, (sign) => ENTITIES[sign]);
/** For a script within a page, where `</script>` ends it whatever it stands in. */
export const escapeScript = (value) => JSON.stringify(value).replace(/[<>&\u2028\u2029]/g, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`);
/** For a POSIX shell. */
export const escapeShell = (text) => `'${String(text).replaceAll("'", "'\\''")}'`;

const attribute = (name, value) => ` ${name}="${escapeHtml(value)}"`;

/** What of a look differs from the plain one. */
export function chosenLook(look) {
  const chosen = Object.entries(PLAIN_LOOK).filter(([name, plain]) => look[name] !== undefined && look[name] !== plain && look[name] !== "");
  return chosen.map(([name]) => [name, look[name] === true ? "1" : String(look[name]).replace(/^#/, "")]);
}

/** The address of the hosted form. */
export function pageAddress({ origin, campaign, language, siteKey }) {
  return `${origin}/c/${encodeURIComponent(campaign)}/${encodeURIComponent(language)}?${new URLSearchParams({ site_key: siteKey })}`;
}

/** The address of the form for a frame. */
export function frameAddress({ origin, campaign, language, siteKey, look = {} }) {
  const query = new URLSearchParams([...(siteKey ? [["site_key", siteKey]] : []), ...chosenLook(look)]);
  return `${origin}/embed/${encodeURIComponent(campaign)}/${encodeURIComponent(language)}?${query}`;
}

function element(options) {
  const { origin, campaign, language, siteKey, look = {}, parts = ["form", "counter", "map"] } = options;
  const shared = attribute("campaign", campaign);
  const spoken = attribute("lang", language);
  const styles = chosenLook(look).map(([name, value]) => (name === "compact" ? " compact" : attribute(name, name === "accent" ? `#${value}` : value))).join("");
  const lines = {
    form: `<pledge-form${shared}${attribute("site-key", siteKey)}${spoken}${styles}>
  <a href="${escapeHtml(pageAddress(options))}">Make your pledge</a>
</pledge-form>`,
    counter: `<pledge-counter${shared}${spoken}></pledge-counter>`,
    map: `<pledge-map${shared}${spoken}></pledge-map>`,
  };
  return [`<script type="module" src="${escapeHtml(origin)}/embed.js"></script>`, ...parts.map((part) => lines[part])].join("\n");
}

function frame(options) {
  return `<iframe src="${escapeHtml(frameAddress(options))}"
  title="Pledge form" width="100%" height="900" frameborder="0" loading="lazy"
  referrerpolicy="origin" allow="web-share; clipboard-write"></iframe>`;
}

function html(options) {
  const { origin, campaign, language, siteKey } = options;
  return `<a href="${escapeHtml(pageAddress(options))}">Make your pledge</a>

<form method="post" action="${escapeHtml(`${origin}/v1/campaigns/${encodeURIComponent(campaign)}/pledges`)}">
  <label>Name <input name="name" autocomplete="name" required></label>
  <label>E-mail <input name="email" type="email" autocomplete="email" required></label>
  <label>Country <select name="country">
    <option value="ZZ">Prefer not to say</option>
    <option value="NG">Nigeria</option>
  </select></label>
  <input type="hidden" name="language"${attribute("value", language)}>
  <input type="hidden" name="site_key"${attribute("value", siteKey)}>
  <button>I pledge</button>
</form>`;
}

function own({ origin, campaign, language, siteKey }) {
  const settings = [["campaign", campaign], ["siteKey", siteKey], ["language", language]].map(([name, value]) => `${name}: ${escapeScript(value)}`).join(", ");
  return `// A module file of yours. Your form has the id "pledge" and a <p role="status" id="pledge-says">.
import { Pledges } from ${escapeScript(`${origin}/pledge.js`)};

const pledges = new Pledges({ ${settings} });
const form = document.querySelector("#pledge");
const says = document.querySelector("#pledge-says");

form.addEventListener("focusin", () => pledges.prepare(), { once: true });
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const { name, email, country } = Object.fromEntries(new FormData(form));
  try {
    const { status } = await pledges.send({ name, email, country });
    says.textContent = status === "counted" ? "Thank you!" : "Please look into your mailbox.";
  } catch (error) {
    says.textContent = [error.message, ...(error.errors ?? []).map(({ message }) => message)].join(" ");
  }
});`;
}

function server({ origin, campaign, language }) {
  const body = JSON.stringify({ name: "Amina", email: "amina@example.org", country: "KE", language });
  return `curl ${escapeShell(`${origin}/v1/campaigns/${encodeURIComponent(campaign)}/pledges`)} \\
  -H "authorization: Bearer $PLEDGES_SECRET_KEY" \\
  -H 'content-type: application/json' \\
  -H "idempotency-key: $(uuidgen)" \\
  -d ${escapeShell(body)}`;
}

const WAYS = { element, frame, html, own, server };

/** The snippet of a way: `element`, `frame`, `html`, `own` or `server`. */
export function snippet(way, options) {
  return WAYS[way](options);
}
