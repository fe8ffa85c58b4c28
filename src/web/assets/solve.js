// Solves a challenge (ALTCHA version 2, SHA-256). As a module worker this file works by itself; elsewhere a worker is made
// of the text of `solver`, so that must need nothing outside it. One hash at a time through crypto.subtle costs ten times
// as much as hashing here, and plain http doesn't have it.

/** Gives `solve(challenge, milliseconds)`: the solution, or null when the time is over and it is to be called again. */
export function solver() {
  const isPrime = (number) => {
    for (let factor = 2; factor * factor <= number; factor += 1) if (number % factor === 0) return false;
    return true;
  };
  // The constants are the first 32 bits of the fractions of roots of primes (FIPS 180-4).
  const fraction = (root) => ((root - Math.floor(root)) * 0x100000000) | 0;
  const primes = [];
  for (let number = 2; primes.length < 64; number += 1) if (isPrime(number)) primes.push(number);
  const first = Int32Array.from(primes.slice(0, 8), (prime) => fraction(Math.sqrt(prime)));
  const rounds = Int32Array.from(primes, (prime) => fraction(Math.cbrt(prime)));
  const words = new Int32Array(64);
  const state = new Int32Array(8);

  // One block, which is all that 55 bytes need.
  function hashBlock() {
    for (let i = 16; i < 64; i += 1) {
      const x = words[i - 15], y = words[i - 2];
      const low = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
      const high = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
      words[i] = (words[i - 16] + low + words[i - 7] + high) | 0;
    }
    let [a, b, c, d, e, f, g, h] = first;
    for (let i = 0; i < 64; i += 1) {
      const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
      const t1 = (h + s1 + ((e & f) ^ (~e & g)) + rounds[i] + words[i]) | 0;
      const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
      const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g; g = f; f = e; e = (d + t1) | 0; d = c; c = b; b = a; a = (t1 + t2) | 0;
    }
    state[0] = first[0] + a; state[1] = first[1] + b; state[2] = first[2] + c; state[3] = first[3] + d;
    state[4] = first[4] + e; state[5] = first[5] + f; state[6] = first[6] + g; state[7] = first[7] + h;
  }

  const hex = () => Array.from(state, (word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
  let known, counter, began, rested;

  return function solve(challenge, milliseconds) {
    const { algorithm, cost, keyLength, keyPrefix, nonce, salt } = challenge.parameters;
    const start = salt + nonce;
    if (algorithm !== "SHA-256" || start.length !== 64 || keyLength !== 32 || keyPrefix.length > 8) throw new Error("unknown challenge");
    const head = Array.from({ length: 8 }, (_, i) => parseInt(start.slice(8 * i, 8 * i + 8), 16));
    const wanted = keyPrefix ? parseInt(keyPrefix, 16) : 0;
    const shift = 32 - 4 * keyPrefix.length;
    if (known !== nonce) [known, counter, began] = [nonce, 0, Date.now()];
    const until = Date.now() + milliseconds;
    for (; ; counter += 1) {
      if ((counter * cost) % 256 < cost && !rested && Date.now() > until) {
        rested = true;
        return null;
      }
      rested = false;
      words.set(head);
      words[8] = counter;
      words[9] = 0x80000000 | 0;
      words.fill(0, 10, 15);
      words[15] = 36 * 8;
      hashBlock();
      for (let i = 1; i < cost; i += 1) {
        words.set(state);
        words[8] = 0x80000000 | 0;
        words.fill(0, 9, 15);
        words[15] = 32 * 8;
        hashBlock();
      }
      if (shift === 32 || state[0] >>> shift === wanted) return { counter, derivedKey: hex(), time: Date.now() - began };
    }
  };
}

if (typeof WorkerGlobalScope !== "undefined") {
  onmessage = ({ data }) => postMessage(solver()(data, Infinity));
}
