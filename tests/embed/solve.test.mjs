// Our solver of challenges finds what the library's solver finds, and takes no longer than it may.

import assert from "node:assert/strict";
import { test } from "node:test";
import { sha, solveChallenge } from "altcha/lib";
import { solver } from "../../src/web/assets/solve.js";
import { challenge } from "./challenge.mjs";

for (const [cost, keyPrefix, times] of [[1, "00", 4], [4, "000", 3], [7, "f", 6], [2, "", 1], [128, "0", 3]]) {
  test(`solutions are those of the library: cost ${cost}, prefix "${keyPrefix}"`, async () => {
    for (let time = 0; time < times; time += 1) {
      const given = challenge({ cost, keyPrefix });
      const theirs = await solveChallenge({ challenge: given, deriveKey: sha.deriveKey });
      const ours = solver()(given, Infinity);
      assert.deepEqual([ours.counter, ours.derivedKey], [theirs.counter, theirs.derivedKey]);
    }
  });
}

test("in slices it finds the same as in one go", () => {
  const given = challenge({ cost: 40 });
  const whole = solver()(given, Infinity);
  const solve = solver();
  let solution = null, slices = 0;
  for (; solution === null; slices += 1) solution = solve(given, 0);
  assert.deepEqual([solution.counter, solution.derivedKey], [whole.counter, whole.derivedKey]);
  assert(whole.counter < 128 || slices > 1, "it rested");
});

test("it makes a worker by its text alone, and refuses what it doesn't know", () => {
  const given = challenge();
  const alone = new Function(`return (${solver})()`)();
  assert.deepEqual(alone(given, Infinity).derivedKey, solver()(given, Infinity).derivedKey);
  for (const change of [{ algorithm: "SHA-512" }, { keyLength: 16 }, { salt: "00" }]) {
    assert.throws(() => solver()({ parameters: { ...given.parameters, ...change } }, Infinity), /unknown challenge/);
  }
});

test("a hash costs less than through crypto.subtle", () => {
  const began = performance.now();
  let hashes = 0;
  for (let time = 0; time < 20; time += 1) hashes += (solver()(challenge(), Infinity).counter + 1) * 4;
  const each = ((performance.now() - began) * 1000) / hashes;
  console.log(`${each.toFixed(2)} µs a hash, ${((each * 16384) / 1000).toFixed(0)} ms an average challenge`);
  assert(each < 10, `${each} µs`);
});
