// Web sites of other people, as browsers see them: each has an origin of its own, a strict policy, and pages that embed a
// form as /partners tells. What happens on such a page to the form's events and messages is kept in `heard`.

import { createServer } from "node:http";
import { mergePolicy, neededSources } from "../../src/web/assets/policy.js";
import { snippet } from "../../src/web/assets/snippets.js";
import { origin, visit } from "./support.mjs";

/** As strict as a site's own policy can be: what a form needs comes on top of it. */
const STRICT = "default-src 'none'; script-src 'self'; base-uri 'none'; form-action 'none'";

/** The same with what a way of embedding needs, as /partners says it; `more` is added to its directives. */
export function policyFor(way, { form = true, more = {} } = {}) {
  return mergePolicy(mergePolicy(STRICT, neededSources(way, origin, { form })), more);
}

/** The site's own script: remembers what it is told. */
const LISTENER = `
  globalThis.heard = [];
  for (const name of ["ready", "done", "error"]) {
    addEventListener("pledge:" + name, ({ type, detail, target }) => heard.push({ type, detail, by: target.id }));
  }
  globalThis.messages = [];
  addEventListener("message", ({ origin, data }) => messages.push({ origin, data }));`;

/** Starts a site at `http://NAME.example`, with a port of its own. */
export async function startSite(name) {
  const files = new Map([["/listener.js", { type: "text/javascript", body: LISTENER }]]);
  const server = createServer((request, response) => {
    const { type = "text/html; charset=utf-8", body, policy } = files.get(new URL(request.url, "http://a").pathname) ?? {};
    response.writeHead(body ? 200 : 204, { "content-type": type, ...(policy && { "content-security-policy": policy }) });
    response.end(body);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const site = `http://${name}.example:${server.address().port}`;
  const put = (path, file) => {
    files.set(path, file);
    return site + path;
  };
  /** Adds a page that embeds something in one of the ways that /partners knows; gives its address. */
  function embed(way, { language = "en", body, script = "", type, policy, parts = ["form"], look = {}, ...rest } = {}) {
    const allowed = policy ?? policyFor(way, { form: parts.includes("form") });
    const number = files.size;
    put(`/${number}.js`, { type: "text/javascript", body: script || " " });
    const content = body ?? snippet(way, { origin, language, parts, look, ...rest });
    const page = `<!doctype html>
<html lang="${language}" dir="${language === "ar" ? "rtl" : "ltr"}"><head><meta charset="utf-8"><title>Human Rights House</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">
<script src="/listener.js"></script><script ${type ? `type="${type}" ` : ""}src="/${number}.js"></script></head>
<body><header><a href="#content">Human Rights House</a></header>
<main id="content"><h1>Stand with us</h1>
${content}
</main></body></html>`;
    return put(`/${number}`, { body: page, policy: allowed });
  }
  const stop = () => {
    server.close();
    server.closeAllConnections();
  };
  return { origin: site, embed, stop };
}

/** The frame that an element or an `<iframe>` of a page shows. */
export async function frameIn(page, selector = "iframe") {
  const frame = await (await page.locator(selector).elementHandle()).contentFrame();
  await frame.waitForLoadState("load");
  return frame;
}

/** Opens a page of a site and waits until its form is ready; gives the form's frame. */
export async function visitForm(page, address) {
  await visit(page, address);
  await page.waitForFunction(() => heard.some(({ type }) => type === "pledge:ready"));
  return frameIn(page, "pledge-form iframe");
}
