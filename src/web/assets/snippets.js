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

/** What supporters read in a snippet, until the service's words in their language are there. */
const ENGLISH = {
  form_title: "Make your pledge",
  total_label: "Pledges so far",
  countries_title: "Where the pledges come from",
  form_name: "Name",
  form_email: "E-mail address",
  form_country: "Country",
  country_unstated: "Prefer not to say",
  form_submit: "I pledge",
};

/** Text for a page, in the words of a language. */
const say = ({ words }, key) => escapeHtml(words?.[key] ?? ENGLISH[key]);

function countryName(language, code) {
  try {
    return new Intl.DisplayNames([language, "en"], { type: "region" }).of(code);
  } catch {
    return countryName("en", code); // it is no language
  }
}

/** What of a look differs from the plain one. */
export function chosenLook(look) {
  const chosen = Object.entries(PLAIN_LOOK).filter(([name, plain]) => look[name] !== undefined && look[name] !== plain && look[name] !== "");
  return chosen.map(([name]) => [name, look[name] === true ? "1" : String(look[name]).replace(/^#/, "")]);
}

/** The address of the hosted form. */
export function pageAddress({ origin, campaign, language, siteKey }) {
  return `${origin}/c/${encodeURIComponent(campaign)}/${encodeURIComponent(language)}?${new URLSearchParams({ site_key: siteKey })}`;
}

/** The address where all numbers are. */
function dashboardAddress({ origin, campaign, language }) {
  return `${origin}/dashboard/${encodeURIComponent(campaign)}?${new URLSearchParams({ lang: language })}`;
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
  const chosen = chosenLook(look);
  const worn = chosen.filter(([name]) => name !== "compact").map(([name, value]) => attribute(name, name === "accent" ? `#${value}` : value)).join("");
  const compact = chosen.some(([name]) => name === "compact") ? " compact" : "";
  // What stands inside is seen where the element can't be.
  const tag = (name, more, address, key) => `<${name}${shared}${more}${worn}${name === "pledge-form" ? compact : ""}>
  <a href="${escapeHtml(address)}">${say(options, key)}</a>
</${name}>`;
  const lines = {
    form: tag("pledge-form", attribute("site-key", siteKey) + spoken, pageAddress(options), "form_title"),
    counter: tag("pledge-counter", spoken, dashboardAddress(options), "total_label"),
    map: tag("pledge-map", spoken, dashboardAddress(options), "countries_title"),
  };
  return [`<script type="module" src="${escapeHtml(origin)}/embed.js"></script>`, ...parts.map((part) => lines[part])].join("\n");
}

/** Around it stands what search engines heed in the page itself. */
function wall(options) {
  const { origin, campaign, language } = options;
  return `<script type="module" src="${escapeHtml(origin)}/wall.js"></script>
<div data-nosnippet>
  <pledge-wall${attribute("campaign", campaign)}${attribute("lang", language)}>
    <a href="${escapeHtml(pageAddress(options))}">${say(options, "form_title")}</a>
  </pledge-wall>
</div>`;
}

function frame(options) {
  return `<iframe src="${escapeHtml(frameAddress(options))}"
  title="${say(options, "form_title")}" width="100%" height="900" frameborder="0" loading="lazy"
  referrerpolicy="origin" allow="web-share; clipboard-write"></iframe>`;
}

function html(options) {
  const { origin, campaign, language, siteKey } = options;
  return `<a href="${escapeHtml(pageAddress(options))}">${say(options, "form_title")}</a>

<form method="post" action="${escapeHtml(`${origin}/v1/campaigns/${encodeURIComponent(campaign)}/pledges`)}">
  <label>${say(options, "form_name")} <input name="name" autocomplete="name" required></label>
  <label>${say(options, "form_email")} <input name="email" type="email" autocomplete="email" required></label>
  <label>${say(options, "form_country")} <select name="country">
    <option value="ZZ">${say(options, "country_unstated")}</option>
    <option value="NG">${escapeHtml(countryName(language, "NG"))}</option>
  </select></label>
  <input type="hidden" name="language"${attribute("value", language)}>
  <input type="hidden" name="site_key"${attribute("value", siteKey)}>
  <button>${say(options, "form_submit")}</button>
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

const WAYS = { element, wall, frame, html, own, server };

/** The snippet of a way: `element`, `frame`, `html`, `own` or `server`; or of the `wall`. */
export function snippet(way, options) {
  return WAYS[way](options);
}
