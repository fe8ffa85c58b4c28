// The solvers that browsers run, of the npm package `altcha`, solve challenges of a running service.
//
//   node tests/altcha/run.mjs URL VERIFIER SECRET_FILE
//
// VERIFIER is the example `proof`. Fails when a solution isn't a proof, or something else is.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { performance } from "node:perf_hooks";
import { sha, solveChallenge, verifySolution } from "altcha/lib";

const [url, verifier, secretFile] = process.argv.slice(2);
const worker = readFileSync(new URL("../../node_modules/altcha/dist/workers/sha.js", import.meta.url), "utf8");

async function challenge() {
  const response = await fetch(`${url}/v1/campaigns/together-we-defend/challenge`);
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("cache-control"), "no-store");
  return await response.json();
}

// The script that the element starts in a worker, as it stands in the package.
function inWorker(challenge, counterStart) {
  return new Promise((resolve) => {
    const self = { postMessage: resolve };
    new Function("self", worker)(self);
    self.onmessage({ data: { type: "work", challenge, counterMode: "uint32", counterStart, counterStep: 1, timeout: 90_000 } });
  });
}

// What the element puts into the form's field.
const payload = ({ parameters, signature }, solution) =>
  btoa(JSON.stringify({ challenge: { parameters, signature }, solution }));

function verify(campaign, payloads) {
  const input = payloads.join("\n");
  return execFileSync(verifier, [secretFile, campaign], { input, encoding: "utf8" }).trim().split("\n");
}

const [first, second] = [await challenge(), await challenge()];
const { nonce, data } = first.parameters;
assert.notEqual(nonce, second.parameters.nonce);
const began = performance.now();
const byLibrary = await solveChallenge({ challenge: first, deriveKey: sha.deriveKey });
const took = performance.now() - began;
const byWorker = await inWorker(first, 0);
assert.equal(byWorker.counter, byLibrary.counter);
const another = await inWorker(first, byWorker.counter + 1);
assert.notEqual(another.counter, byWorker.counter);

const changed = structuredClone(first);
changed.parameters.cost = 1;
const cheap = await solveChallenge({ challenge: changed, deriveKey: sha.deriveKey });
const told = verify(data.campaign, [
  payload(first, byLibrary),
  payload(first, byWorker),
  payload(first, another),
  payload(second, byLibrary),
  payload(changed, cheap),
  payload(first, cheap),
  payload(first, { ...byLibrary, counter: byLibrary.counter + 1 }),
]);
assert.deepEqual(told, [nonce, nonce, nonce, "unsolved", "forged", "unsolved", "unsolved"]);
assert.deepEqual(verify("00000000-0000-0000-0000-000000000001", [payload(first, byLibrary)]), ["other_campaign"]);

// The library's own check knows another key, and says that it isn't its own.
const result = await verifySolution({ challenge: first, solution: byLibrary, deriveKey: sha.deriveKey, hmacSignatureSecret: "another" });
assert.equal(result.invalidSignature, true);

const hashes = (byLibrary.counter + 1) * first.parameters.cost;
console.log(`altcha's solvers solve our challenges: ${hashes} hashes in ${took.toFixed(0)} ms, ${((took * 1000) / hashes).toFixed(1)} µs each`);
