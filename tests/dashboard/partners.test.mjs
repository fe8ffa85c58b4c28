// What partners copy, whatever they typed; policies; and the self-check.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { ADVICE, readKey, readOrigin, verdict } from "../../src/web/assets/origin-check.js";
import { mergePolicy, neededSources, policyLines, readPolicy } from "../../src/web/assets/policy.js";
import { chosenLook, escapeScript, escapeShell, frameAddress, snippet } from "../../src/web/assets/snippets.js";
import { execFileSync } from "node:child_process";

const ORIGIN = "https://pledges.example";
const OPTIONS = { origin: ORIGIN, campaign: "together-we-defend", language: "en", siteKey: "pk_abc", look: {} };
const EVIL = `x"><script>alert('1')</script>&\\\u2028$(id)\``;

test("the element's snippet is the documented one", () => {
  assert.equal(
    snippet("element", { ...OPTIONS, parts: ["form", "counter"] }),
    `<script type="module" src="${ORIGIN}/embed.js"></script>
<pledge-form campaign="together-we-defend" site-key="pk_abc" lang="en">
  <a href="${ORIGIN}/c/together-we-defend/en?site_key=pk_abc">Make your pledge</a>
</pledge-form>
<pledge-counter campaign="together-we-defend" lang="en">
  <a href="${ORIGIN}/dashboard/together-we-defend?lang=en">Pledges so far</a>
</pledge-counter>`,
  );
});

test("the wall's snippet is the documented one, and search engines find their word outside of the element", () => {
  const code = snippet("wall", { ...OPTIONS, look: { theme: "dark" } });
  assert.equal(
    code,
    `<script type="module" src="${ORIGIN}/wall.js"></script>
<div data-nosnippet>
  <pledge-wall campaign="together-we-defend" lang="en">
    <a href="${ORIGIN}/c/together-we-defend/en?site_key=pk_abc">Make your pledge</a>
  </pledge-wall>
</div>`,
  );
  const documented = readFileSync(new URL("../../docs/partners.md", import.meta.url), "utf8").replaceAll("https://SERVICE", ORIGIN).replaceAll("pk_…", "pk_abc");
  assert(documented.includes(code));
});

test("in every language the snippets speak it, where supporters read them", () => {
  for (const language of ["fr", "es", "ar", "zh", "ru"]) {
    const words = JSON.parse(readFileSync(new URL(`../../src/web/lang/${language}.json`, import.meta.url), "utf8"));
    const options = { ...OPTIONS, language, words, parts: ["form", "counter", "map"] };
    const code = snippet("element", options);
    for (const key of ["form_title", "total_label", "countries_title"]) assert(code.includes(`>${words[key]}</a>`), `${language} ${key}`);
    assert(code.includes(`${ORIGIN}/dashboard/together-we-defend?lang=${language}`));
    const wall = snippet("wall", options);
    assert(wall.includes(`>${words.form_title}</a>`), language);
    const form = snippet("html", options);
    for (const key of ["form_title", "form_name", "form_email", "form_country", "country_unstated", "form_submit"]) assert(form.includes(words[key]), `${language} ${key}`);
    const seen = [code, wall, snippet("frame", options).match(/title="[^"]*"/)[0], form].join(" ").replace(/<[^>]*>/g, " ");
    assert.doesNotMatch(seen, /[Pp]ledge|Name|mail address|Country/);
  }
  assert.match(snippet("html", { ...OPTIONS, language: "no such tag_", words: { form_title: "<b>" } }), />&lt;b&gt;<\/a>/);
});

test("the look is the same for form, counter and map, but for what only a form has", () => {
  const code = snippet("element", { ...OPTIONS, look: { theme: "dark", accent: "#a3123f", radius: "0", compact: true } });
  assert.match(code, /<pledge-form [^>]* lang="en" theme="dark" accent="#a3123f" radius="0" compact>/);
  for (const name of ["counter", "map"]) assert.match(code, new RegExp(`<pledge-${name} [^>]* lang="en" theme="dark" accent="#a3123f" radius="0">`));
});

test("only what differs from the plain look is said", () => {
  assert.deepEqual(chosenLook({ theme: "auto", font: "system", accent: "", radius: "", compact: false }), []);
  const look = { theme: "dark", accent: "#a3123f", radius: "0", font: "serif", compact: true };
  assert.equal(frameAddress({ ...OPTIONS, look }), `${ORIGIN}/embed/together-we-defend/en?site_key=pk_abc&theme=dark&accent=a3123f&radius=0&font=serif&compact=1`);
  assert.match(snippet("element", { ...OPTIONS, look, parts: ["form"] }), / theme="dark" accent="#a3123f" radius="0" font="serif" compact>/);
});

test("nothing typed breaks out of an attribute", () => {
  const options = { ...OPTIONS, campaign: EVIL, language: EVIL, siteKey: EVIL, look: { theme: EVIL, accent: EVIL, radius: EVIL, font: EVIL } };
  for (const way of ["element", "wall", "frame", "html"]) {
    const code = snippet(way, options);
    // Attributes taken away, only the tags of the snippet are left.
    const bare = code.replace(/ [\w-]+="[^"<>]*"/g, "").replace(/\n\s+/g, " ");
    assert.ok(!/alert/.test(bare), `${way}: ${bare}`);
    assert.equal((code.match(/<script/g) ?? []).length, ["element", "wall"].includes(way) ? 1 : 0);
  }
});

test("nothing typed breaks out of a script", () => {
  const code = snippet("own", { ...OPTIONS, campaign: EVIL, siteKey: EVIL });
  assert.ok(!/<\/?script/i.test(code) && !code.includes("\u2028"));
  assert.equal(JSON.parse(escapeScript(EVIL)), EVIL);
});

test("nothing typed is run by a shell", () => {
  const text = `it's $(echo bad) \`id\` "x" \\`;
  assert.equal(execFileSync("sh", ["-c", `printf %s ${escapeShell(text)}`], { encoding: "utf8" }), text);
  assert.match(snippet("server", { ...OPTIONS, language: "e'n" }), /"language":"e'\\''n"/);
});

test("a policy gets what is missing and loses nothing", () => {
  const sources = neededSources("element", ORIGIN);
  assert.equal(mergePolicy("default-src 'self'", sources), `default-src 'self'; script-src 'self' ${ORIGIN}; frame-src 'self' ${ORIGIN}; connect-src 'self' ${ORIGIN}`);
  assert.equal(mergePolicy("default-src 'none'; script-src 'self'", neededSources("frame", ORIGIN)), `default-src 'none'; script-src 'self'; frame-src ${ORIGIN}`);
  assert.equal(mergePolicy("script-src 'self'", neededSources("frame", ORIGIN)), "script-src 'self'", "nothing forbids frames");
  assert.equal(mergePolicy("child-src 'self'; default-src 'none'", neededSources("frame", ORIGIN)), `child-src 'self'; default-src 'none'; frame-src 'self' ${ORIGIN}`);
});

test("where scripts have a directive of their own, they are added to it, too", () => {
  const sources = neededSources("element", ORIGIN);
  assert.match(mergePolicy("default-src 'self'; script-src-elem 'none'", sources), new RegExp(`script-src-elem ${ORIGIN}; script-src 'self' ${ORIGIN};`));
  assert.match(mergePolicy("script-src 'self' 'unsafe-eval'; script-src-elem 'self'", sources), new RegExp(`^script-src 'self' 'unsafe-eval' ${ORIGIN}; script-src-elem 'self' ${ORIGIN}$`));
  assert.equal(mergePolicy("script-src-elem 'self'; style-src-elem 'self'; style-src 'self'", sources), `script-src-elem 'self' ${ORIGIN}; style-src-elem 'self'; style-src 'self'`);
  assert.equal(mergePolicy("script-src-elem https:", sources), "script-src-elem https:");
});

test("what is added is not taken as the model for the next directive", () => {
  assert.match(mergePolicy("default-src 'self'", neededSources("own", ORIGIN)), /worker-src 'self' blob:$/);
});

test("a policy that allows it already stays as it is", () => {
  for (const policy of ["frame-src https:", "frame-src *", `default-src 'none'; frame-src ${ORIGIN}`]) assert.equal(mergePolicy(policy, neededSources("frame", ORIGIN)), policy);
});

test("policies are read as browsers do", () => {
  const read = readPolicy("Content-Security-Policy: Script-Src 'self' ;; script-src evil; img-src  a  b");
  assert.deepEqual([...read], [["script-src", ["'self'"]], ["img-src", ["a", "b"]]]);
});

test("each way needs its own lines, and the server none", () => {
  assert.equal(policyLines(neededSources("html", ORIGIN)), `form-action ${ORIGIN};`);
  assert.equal(policyLines(neededSources("server", ORIGIN)), "");
  for (const way of ["element", "frame", "html", "own"]) assert.ok(!("style-src" in neededSources(way, ORIGIN)));
});

test("origins are read, and what is wrong with them is told", () => {
  const cases = {
    "https://www.example.org": [],
    "www.example.org": [],
    "https://www.example.org/": ["trailing_slash"],
    "https://www.example.org/pledge?x#y": ["with_path"],
    "http://www.example.org": ["insecure_origin"],
    "http://localhost:3000": ["local_origin"],
    "https://127.0.0.1:8443": ["local_origin"],
    "https://www.example.org:443": ["default_port"],
    "https://me:secret@www.example.org": ["with_login"],
    "https://*.example.org": ["wildcard_origin"],
    null: ["null_origin"],
    "": ["no_origin"],
    "ftp://example.org": ["not_an_origin"],
    "javascript:alert(1)": ["not_an_origin"],
    "https://exa mple.org": ["not_an_origin"],
  };
  for (const [typed, problems] of Object.entries(cases)) assert.deepEqual(readOrigin(typed).problems, problems, typed);
  assert.equal(readOrigin("https://WWW.Example.org:8443/a").origin, "https://www.example.org:8443");
});

test("a secret key is never kept to be sent", () => {
  const read = readKey(" sk_live_123 ");
  assert.deepEqual(read, { key: "", problems: ["secret_key"], askable: false });
  assert.equal(readKey("pk_test_1").problems[0], "test_key");
  assert.equal(readKey("pk_1 2").askable, false);
});

test("the verdict needs both our own look and the service's word", () => {
  const good = readOrigin("https://www.example.org/");
  const key = readKey("pk_1");
  assert.equal(verdict(good, key, { may_embed: true, problems: [] }).may, true);
  assert.equal(verdict(good, key, null).may, false);
  assert.equal(verdict(readOrigin("http://www.example.org"), key, { may_embed: true, problems: [] }).may, false);
  const refused = verdict(good, key, { may_embed: false, problems: [{ code: "foreign_origin", text: "x" }, { code: "brand_new", text: "New." }] });
  assert.deepEqual(refused.problems.map(({ text }) => text), [ADVICE.trailing_slash, ADVICE.foreign_origin, "New."]);
});

test("a page on one's own machine may embed in development, and is told that it is only there so", () => {
  const found = (answer) => verdict(readOrigin("http://localhost:3000"), readKey("pk_1"), answer);
  assert.equal(found({ may_embed: true, problems: [] }).may, true);
  assert.match(found({ may_embed: true, problems: [] }).problems[0].text, /development.*production only registered https/);
  assert.equal(found({ may_embed: false, problems: [{ code: "foreign_origin", text: "x" }] }).may, false);
});

test("every problem has its words, and no words are without a problem", () => {
  const typed = ["", "null", "https://*.a.org", "https://", "ftp://a.org", "https://a b.org", "http://localhost", "http://a.org", "https://me@a.org", "https://a.org/b", "https://a.org/", "https://a.org:443", "https://a.org"];
  const keys = ["", "sk_1", "1", "pk_1 2", "pk_test_1", "pk_1"];
  // What GET /v1/partner/check finds; a browser test holds this list against openapi.json.
  const answered = ["foreign_origin", "unknown_key", "partner_disabled", "partner_paused", "test_key", "insecure_origin", "null_origin", "not_an_origin"];
  const codes = [...typed.flatMap((text) => readOrigin(text).problems), ...keys.flatMap((text) => readKey(text).problems), ...answered];
  for (const code of codes) assert.ok(ADVICE[code]?.length > 20, code);
  assert.deepEqual(new Set(codes), new Set(Object.keys(ADVICE)));
});

test("a sandboxed frame is told all that the form needs", () => {
  const page = readFileSync(new URL("../../src/web/templates/partners.html", import.meta.url), "utf8");
  for (const text of [ADVICE.null_origin, page]) assert(text.includes("allow-scripts allow-same-origin allow-forms allow-popups allow-popups-to-escape-sandbox"));
});
