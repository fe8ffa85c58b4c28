// How the console asks: one renewal for all, a session that ended is noticed, and a proof of identity is asked for once.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Api, Problem, ofCampaign, roleIn, withQuery } from "../../src/web/assets/console-api.js";

const ACCOUNT = { login: "ada", role: "moderator", campaigns: ["defend"] };
const json = (status, body, headers = {}) => new Response(body === undefined ? null : JSON.stringify(body), { status, headers });
const problem = (status, code, headers) => json(status, { code, title: code, detail: "" }, headers);
const tokens = (token) => json(200, { access_token: token, token_type: "Bearer", expires_in: 600, moderator: ACCOUNT });

/** An API whose service answers as `answer(path, request)` says; `asked` has what it was asked. */
function served(answer) {
  const asked = [];
  const api = new Api({
    locks: null,
    fetch: async (path, request) => {
      asked.push({ path, method: request.method, token: request.headers.authorization ?? null, body: request.body });
      return answer(path, request, asked.length);
    },
  });
  return { api, asked };
}

const paths = (asked) => asked.map(({ method, path }) => `${method} ${path}`);

test("signing in keeps the token in memory and sends it from then on", async () => {
  const { api, asked } = served((path) => (path === "/v1/auth/login" ? tokens("one") : json(200, ACCOUNT)));
  assert.equal(api.isSignedIn, false);
  assert.deepEqual(await api.signIn("ada", "secret"), ACCOUNT);
  assert.equal(asked[0].token, null);
  assert.deepEqual(JSON.parse(asked[0].body), { login: "ada", password: "secret" });
  await api.get("/v1/auth/me");
  assert.equal(asked[1].token, "Bearer one");
});

test("the service's time is known by its last answer, to the second and never too early; else it is ours", async () => {
  const { api } = served((path) => json(200, {}, path === "/a" ? { date: "Sun, 29 Nov 2026 09:32:20 GMT" } : {}));
  await api.ask("/a");
  assert.equal(api.answeredAt, Date.parse("2026-11-29T09:32:21Z"));
  await api.ask("/b");
  assert.ok(api.answeredAt >= Date.now());
});

test("a wrong login renews nothing", async () => {
  const { api, asked } = served(() => problem(401, "wrong_login"));
  await assert.rejects(api.signIn("ada", "x"), (error) => error instanceof Problem && error.code === "wrong_login" && error.status === 401);
  assert.deepEqual(paths(asked), ["POST /v1/auth/login"]);
});

test("what a token that has ended refuses is asked again with the next one, which is got once for all", async () => {
  let token = "old";
  const { api, asked } = served((path, request) => {
    if (path === "/v1/auth/login") return tokens("old");
    if (path === "/v1/auth/refresh") return tokens((token = "new"));
    if (token === "old") token = "none";
    return request.headers.authorization === "Bearer new" ? json(200, { path }) : problem(401, "unauthorized");
  });
  await api.signIn("ada", "secret");
  const answers = await Promise.all([api.get("/a"), api.get("/b"), api.get("/c")]);
  assert.deepEqual(answers.map(({ path }) => path), ["/a", "/b", "/c"]);
  assert.equal(paths(asked).filter((path) => path.endsWith("/refresh")).length, 1);
});

test("a session that was ended elsewhere is over here too, and said once", async () => {
  const { api } = served((path) => (path === "/v1/auth/login" ? tokens("one") : problem(401, "unauthorized")));
  let ended = 0;
  api.onEnded = () => (ended += 1);
  await api.signIn("ada", "secret");
  await api.check();
  await api.check();
  assert.equal(ended, 1);
  assert.equal(api.isSignedIn, false);
  assert.equal(api.me, null);
});

test("a service that is away ends no session", async () => {
  let away = false;
  const { api } = served((path) => {
    if (away) throw new TypeError("network");
    return path === "/v1/auth/login" ? tokens("one") : problem(503, "unavailable");
  });
  api.onEnded = () => assert.fail("the session is still open");
  await api.signIn("ada", "secret");
  await api.check();
  away = true;
  await api.check();
  assert.equal(api.isSignedIn, true);
  await assert.rejects(api.get("/x"), (error) => error.code === "offline");
});

test("the watch looks again only after the answer, and stops when told", async () => {
  const { api, asked } = served((path) => (path === "/v1/auth/login" ? tokens("one") : json(200, ACCOUNT)));
  await api.signIn("ada", "secret");
  const waiting = [];
  const stop = api.watch({ every: 3_000, later: (run, ms) => waiting.push([run, ms]), never: () => {} });
  assert.deepEqual(waiting.map(([, ms]) => ms), [3_000]);
  await waiting[0][0]();
  assert.equal(paths(asked)[1], "GET /v1/auth/me");
  assert.equal(waiting.length, 2);
  stop();
  await waiting[1][0]();
  assert.equal(waiting.length, 2);
});

test("a moderator may be an organiser of some campaigns, and an admin is one of all", () => {
  const ada = { ...ACCOUNT, campaigns: ["defend", "other"], organises: ["other"] };
  assert.deepEqual(["defend", "other"].map((slug) => roleIn(ada, slug)), ["moderator", "organiser"]);
  assert.equal(roleIn({ ...ada, role: "organiser", organises: ["defend", "other"] }, "defend"), "organiser");
  assert.equal(roleIn({ ...ada, role: "admin", organises: ["other"] }, "other"), "admin");
});

test("another role is told, the same one isn't", async () => {
  let role = "moderator";
  const { api } = served((path) => (path === "/v1/auth/login" ? tokens("one") : json(200, { ...ACCOUNT, role })));
  let changes = 0;
  api.onChanged = () => (changes += 1);
  await api.signIn("ada", "secret");
  await api.check();
  role = "organiser";
  await api.check();
  assert.equal(changes, 1);
  assert.equal(api.me.role, "organiser");
});

test("a call that wants a fresh proof is made again after it, with the same body; without it, it fails", async () => {
  let proved = false;
  const { api, asked } = served((path) => {
    if (path === "/v1/auth/login") return tokens("one");
    return proved ? json(200, { pledges: [] }) : problem(403, "step_up_required");
  });
  await api.signIn("ada", "secret");
  api.onStepUp = async () => false;
  await assert.rejects(api.post("/reveal", { ids: [1] }), (error) => error.code === "step_up_required");
  api.onStepUp = async () => (proved = true);
  assert.deepEqual(await api.post("/reveal", { ids: [1] }), { pledges: [] });
  const sent = asked.filter(({ path }) => path === "/reveal");
  assert.equal(sent.length, 3);
  assert.equal(sent[1].body, sent[2].body);
});

test("signing out forgets the token even when the service doesn't answer", async () => {
  const { api } = served((path) => {
    if (path === "/v1/auth/login") return tokens("one");
    throw new TypeError("network");
  });
  await api.signIn("ada", "secret");
  await assert.rejects(api.signOut());
  assert.equal(api.isSignedIn, false);
});

test("a problem says when to come back, and what isn't JSON is one too", async () => {
  const limited = served(() => problem(429, "too_many_requests", { "retry-after": "17" }));
  await assert.rejects(limited.api.ask("/v1/auth/login", {}), (error) => error.retryAfter === 17);
  const broken = served(() => new Response("<html>", { status: 502 }));
  await assert.rejects(broken.api.ask("/v1/auth/login", {}), (error) => error.status === 502 && error.code === "internal");
});

test("paths carry only what has a value, encoded", () => {
  assert.equal(withQuery("/a", { limit: 20, cursor: null, b: "" }), "/a?limit=20");
  assert.equal(withQuery("/a", { cursor: "x y&z" }), "/a?cursor=x+y%26z");
  assert.equal(ofCampaign("a/b", "rules"), "/v1/moderation/campaigns/a%2Fb/rules");
  assert.equal(ofCampaign("defend", "partners", "admin"), "/v1/admin/campaigns/defend/partners");
});
