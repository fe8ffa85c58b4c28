// What a partner's developer writes first, against the client generated from openapi.yaml: read a campaign,
// pledge, watch the totals rise. script/test type-checks it and then runs it against a real service.
//
//     node generated/pledge-and-totals.js http://127.0.0.1:8080

import assert from "node:assert/strict";
import createClient from "openapi-fetch";
import type { components, paths } from "./generated/api.js";

type Problem = components["schemas"]["Problem"];

const baseUrl = process.argv[2];
assert(baseUrl, "usage: pledge-and-totals.js BASE_URL");

const client = createClient<paths>({ baseUrl });

/** The problem document of an error; only a plain form's answer could be a page instead. */
function problem(error: Problem | string): Problem {
  assert(typeof error !== "string", "JSON is answered with JSON");
  return error;
}

async function campaigns() {
  const { data, error } = await client.GET("/v1/campaigns", { params: { query: { limit: 10 } } });
  if (error) throw new Error(`campaigns: ${error.code}`);
  return data.campaigns;
}

async function totals(slug: string) {
  const { data, error, response } = await client.GET("/v1/campaigns/{slug}/totals", {
    params: { path: { slug } },
  });
  if (error) throw new Error(`totals: ${error.code}`);
  assert(data, "totals were asked for without If-None-Match, so there is a document");
  return { document: data, etag: response.headers.get("etag") };
}

async function pledge(slug: string, email: string, consents: { purpose: "updates" | "partner" | "public"; version: number }[]) {
  return client.POST("/v1/campaigns/{slug}/pledges", {
    params: { path: { slug }, header: { "Idempotency-Key": crypto.randomUUID() } },
    body: { name: "Amina Odhiambo", email, country: "KE", language: "en", source: "client-test", consents },
  });
}

/** The published totals once there are more than `before`, or an error after ten seconds. */
async function totalsAbove(slug: string, before: number) {
  for (let attempt = 0; attempt < 50; attempt += 1) {
    const now = await totals(slug);
    if (now.document.total > before) return now;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error(`the total did not rise above ${before} within ten seconds`);
}

const [campaign] = (await campaigns()).filter((each) => each.state === "open");
assert(campaign, "the demo has an open campaign");
const slug = campaign.slug;
const title = campaign.texts[campaign.default_language]?.title;
assert(title, "a campaign has a title in its default language");

const before = await totals(slug);
const updates = campaign.consents.filter((consent) => consent.purpose === "updates");
const accepted = await pledge(
  slug,
  `client.test.${Date.now()}@example.org`,
  updates.map(({ purpose, version }) => ({ purpose, version })),
);
if (accepted.error) throw new Error(`pledge: ${problem(accepted.error).code}`);
assert.equal(accepted.response.status, 201);
assert(accepted.data?.id, "the receipt has an id");
assert.equal(accepted.data.totals.campaign, slug);

const after = await totalsAbove(slug, before.document.total);
assert.notEqual(after.etag, before.etag, "another document has another ETag");
assert(after.document.version > before.document.version, "versions rise");
const inCountries = after.document.countries.reduce((sum, each) => sum + each.count, 0);
assert.equal(inCountries + after.document.elsewhere, after.document.total, "countries and elsewhere add up to the total");

const unchanged = await fetch(`${baseUrl}/v1/campaigns/${slug}/totals`, {
  headers: { "If-None-Match": after.etag ?? "" },
});
assert(unchanged.status === 304 || unchanged.headers.get("etag") !== after.etag, "the same document is not sent twice");

// A refused pledge is typed as well: which field, and what is wrong with it.
const refused = await pledge(slug, "not an address", []);
assert(refused.error, "an invalid address is refused");
assert.equal(refused.response.status, 422);
assert.equal(problem(refused.error).code, "invalid_fields");
assert.deepEqual(problem(refused.error).errors, [{ pointer: "/email", code: "invalid_email" }]);

console.log(`${title}: ${before.document.total} pledges, then ${after.document.total}`);
