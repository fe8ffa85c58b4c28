// Challenges as the service gives them out, with a signature that only looks like one.

import { randomBytes } from "node:crypto";

export function challenge({ cost = 4, keyPrefix = "000" } = {}) {
  const random = () => randomBytes(16).toString("hex");
  const data = { campaign: "0197c5f1-6d0e-7c3a-9b1e-2f4a5d6c7b80", partner: null, test: false, issued: Date.now() };
  const expiresAt = Math.floor(Date.now() / 1000) + 1200;
  const parameters = { algorithm: "SHA-256", cost, data, expiresAt, keyLength: 32, keyPrefix, nonce: random(), salt: random() };
  return { parameters, signature: randomBytes(32).toString("hex") };
}
