// Sends pledges from a page of one's own: challenge, proof of work while people type, safe retries, errors in words.
// Stores and logs nothing. docs/partners.md tells how to use it.

import { solver } from "./solve.js";

const ATTEMPTS = 6;
const ATTEMPT_MS = 20_000;
/** A pause that is longer is told to the supporter instead of waited for. */
const LONGEST_WAIT_MS = 60_000;
/** A challenge is renewed this long before it expires, to be good when the pledge arrives. */
const RENEW_MS = 60_000;
/** Where there are no workers: short enough that typing stays smooth, with pauses as long. */
const SLICE_MS = 6;

/** Said when there are no texts. */
const ENGLISH = {
  error_other: "Please check this entry.",
  error_form_other: "Your pledge could not be accepted. Please check your entries and send it again.",
  error_form_unavailable: "Your pledge was not stored. Please send it again in a few minutes.",
  form_error_network: "There is no connection. Your pledge was not sent.",
};

/** Problems of the whole pledge, by their texts. */
const PROBLEMS = [
  ["form_error_network", "network"],
  ["errors_text", "invalid_fields"],
  ["error_form_unavailable", "unavailable", "internal"],
  ["error_form_too_many", "too_many_requests"],
  ["error_form_too_large", "payload_too_large"],
  ["closed_text", "campaign_closed"],
  ["form_error_partner", "foreign_origin", "unknown_key", "partner_disabled", "partner_paused", "campaign_not_found"],
  ["form_error_proof", "proof"],
  ["trouble_no_match", "code_not_accepted"],
];

/** Why a pledge was not accepted. Nothing of what was typed is in it. */
export class PledgeError extends Error {
  constructor({ code, status = 0, message = code, errors = [], retryAfter = null }) {
    super(message);
    this.name = "PledgeError";
    Object.assign(this, { code, status, errors, retryAfter });
  }
}

/** Waits, or until the network is back, no longer than `signal` lets it. */
function pause(milliseconds, { signal, untilOnline } = {}) {
  return new Promise((resolve) => {
    if (milliseconds < Infinity) setTimeout(resolve, milliseconds);
    signal?.addEventListener("abort", resolve, { once: true });
    if (untilOnline) globalThis.addEventListener?.("online", resolve, { once: true });
  });
}

/** Milliseconds that an answer asks to wait, or null. */
export function retryAfter(value, now = Date.now()) {
  if (!value) return null;
  const wait = /^\d+$/.test(value) ? value * 1000 : Date.parse(value) - now;
  return Number.isNaN(wait) ? null : Math.max(0, wait);
}

const randomKey = () => crypto.getRandomValues(new Uint32Array(4)).join("-");

/** By the file itself on the service’s own pages, by a copy of the function on others. */
function solveInWorker(challenge, file) {
  return new Promise((resolve, reject) => {
    const text = `onmessage = ({ data }) => postMessage((${solver})()(data, Infinity));`;
    const address = file || URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
    const worker = new Worker(address, { type: file ? "module" : "classic" });
    const end = (settle) => (event) => {
      worker.terminate();
      if (!file) URL.revokeObjectURL(address);
      settle(event.data);
    };
    worker.onmessage = end(resolve);
    worker.onerror = end(reject); // refused by a policy, or too old for modules
    worker.postMessage(challenge);
  });
}

async function solveHere(challenge) {
  const solve = solver();
  for (;;) {
    const solution = solve(challenge, SLICE_MS);
    if (solution) return solution;
    await pause(SLICE_MS);
  }
}

async function solveChallenge(challenge, address) {
  const solution = await solveInWorker(challenge, address).catch(() => solveHere(challenge));
  const { parameters, signature } = challenge;
  return btoa(JSON.stringify({ challenge: { parameters, signature }, solution }));
}

/** What is wrong with a field, in words. */
export const fieldMessage = (words, field, code) =>
  words[`error_${code}_${field.replace(/_.*/, "")}`] ?? words[`error_${code}`] ?? words.error_other;

export class Pledges {
  #options;
  #proof = null;
  #asked = null;
  #last = {};

  /**
   * `campaign` and `siteKey` as the organisers gave them; `language` a BCP 47 tag; `origin` the service's, where this
   * file comes from unless said. `proof: false` when the campaign wants none; `words` that are known.
   */
  constructor({ campaign, siteKey, language = "en", origin, worker, proof, words }) {
    const home = new URL(import.meta.url).origin;
    const isOurPage = globalThis.location?.origin === home;
    worker ??= isOurPage ? new URL("./solve.js", import.meta.url).href : "";
    this.#options = { campaign, siteKey, language, origin: origin ?? home, worker, proof };
    this.words = { ...ENGLISH, ...words };
  }

  get #base() {
    return `${this.#options.origin}/v1/campaigns/${encodeURIComponent(this.#options.campaign)}`;
  }

  /** Begins what takes time: call it when somebody begins to type. Never throws; may be called often. */
  async prepare() {
    this.texts();
    await this.#solved().catch(() => {});
  }

  /** The service's words in the form's language; what is known of them, when they take long. */
  async texts() {
    const address = `${this.#options.origin}/embed/texts/${encodeURIComponent(this.#options.language)}.json`;
    this.#asked ??= this.#ask(address)
      .then((answer) => answer.json())
      .then((texts) => Object.assign(this.words, texts))
      .catch(() => void pause(LONGEST_WAIT_MS).then(() => (this.#asked = null)));
    await Promise.race([this.#asked, pause(1000)]);
    return this.words;
  }

  /**
   * Sends a pledge and gives `{ status: "counted" | "awaiting", id, totals }`. Tries again as long as that may help;
   * `onState` hears of it: "proof", "sending", "again", "offline".
   */
  async send(fields, { signal, onState = () => {} } = {}) {
    const { siteKey, language } = this.#options;
    const content = { language, ...fields, ...(siteKey && { site_key: siteKey }) };
    const digest = JSON.stringify(content);
    // The same content is the same pledge, also when sent once more.
    if (this.#last.digest !== digest) this.#last = { digest, key: randomKey() };
    const headers = { "Content-Type": "application/json", "Idempotency-Key": this.#last.key };
    const post = (proof) => this.#post(`${this.#base}/pledges`, { ...content, ...(proof && { proof }) }, { headers, signal });
    for (let proofs = 0; ; proofs += 1) {
      try {
        onState("proof");
        const proof = await this.#again(() => this.#solved(), { signal, onState });
        const answer = await this.#again(() => post(proof), { signal, onState, first: "sending" });
        this.#proof = null;
        const { id, totals } = await answer.json();
        return { status: answer.status === 202 ? "awaiting" : "counted", id, totals };
      } catch (error) {
        const isProof = error.code === "proof_spent" || (error.errors?.length > 0 && error.errors.every(({ field }) => field === "proof"));
        if (!isProof || proofs === 2) throw await this.#inWords(isProof ? Object.assign(error, { code: "proof" }) : error, fields);
        this.#proof = null;
        this.#options.proof = true; // whatever we thought
      }
    }
  }

  /** Confirms a pledge with the code of the mail. */
  async confirm({ email, code }, { signal, onState = () => {} } = {}) {
    const post = () => this.#post(`${this.#base}/confirmations`, { email, code }, { headers: { "Content-Type": "application/json" }, signal });
    try {
      await this.#again(post, { signal, onState, first: "sending" });
    } catch (error) {
      throw await this.#inWords(error);
    }
  }

  #post(address, body, { headers, signal }) {
    return this.#ask(address, { method: "POST", headers, body: JSON.stringify(body), cache: "no-store", signal });
  }

  async #ask(address, { signal, ...options } = {}) {
    const stop = new AbortController();
    const abort = () => stop.abort();
    signal?.addEventListener("abort", abort);
    const timer = setTimeout(abort, ATTEMPT_MS);
    try {
      const answer = await fetch(address, { credentials: "omit", ...options, signal: stop.signal });
      if (answer.ok) return answer;
      const problem = await answer.json().catch(() => ({}));
      const code = problem.code ?? (answer.status >= 500 ? "unavailable" : "refused");
      const wait = retryAfter(answer.headers.get("Retry-After"));
      const errors = (problem.errors ?? []).map(({ pointer, code }) => ({ field: pointer.replace(/^\//, ""), code }));
      throw new PledgeError({ code, status: answer.status, errors, retryAfter: wait });
    } catch (error) {
      if (signal?.aborted || error instanceof PledgeError) throw error;
      throw new PledgeError({ code: "network" });
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
    }
  }

  /** Does it until it succeeds, or until trying again wouldn't help. */
  async #again(work, { signal, onState, first }) {
    if (first) onState(first);
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await work();
      } catch (error) {
        const { code, status, retryAfter: asked } = error;
        const mayPass = code === "network" || [408, 429, 500, 502, 503, 504].includes(status);
        // Chance, so that not all come back at once.
        const wait = (asked ?? 1000 * 2 ** (attempt - 1)) + Math.random() * 1000;
        if (!mayPass || attempt === ATTEMPTS || wait > LONGEST_WAIT_MS) throw error;
        const isOffline = code === "network" && globalThis.navigator?.onLine === false;
        onState(isOffline ? "offline" : "again");
        if (attempt === 1 && code === "network" && !isOffline) await this.#mayPost();
        await pause(isOffline ? Infinity : wait, { signal, untilOnline: code === "network" });
        if (signal?.aborted) throw error;
        if (isOffline) attempt = 0;
        onState("again");
      }
    }
  }

  /** A proof that is still good, or nothing where the campaign wants none. One at a time. */
  #solved() {
    if (this.#proof && this.#proof.until < Date.now()) this.#proof = null;
    if (!this.#proof) {
      const proof = { until: Infinity };
      proof.work = this.#newProof(proof).catch((error) => {
        if (this.#proof === proof) this.#proof = null;
        throw error;
      });
      this.#proof = proof;
    }
    return this.#proof.work;
  }

  #challenge() {
    const { siteKey } = this.#options;
    const query = siteKey ? `?site_key=${encodeURIComponent(siteKey)}` : "";
    return this.#ask(`${this.#base}/challenge${query}`, { cache: "no-store" });
  }

  /** Browsers say "no network" where a page may not post; of a challenge it may read why. */
  async #mayPost() {
    await this.#challenge().catch((error) => {
      if (error.status === 403) throw error;
    });
  }

  async #newProof(proof) {
    if (this.#options.proof === undefined) {
      const campaign = await (await this.#ask(this.#base)).json();
      this.#options.proof = campaign.proof !== "off";
    }
    if (!this.#options.proof) return "";
    const asked = Date.now();
    const challenge = await (await this.#challenge()).json();
    const { data, expiresAt } = challenge.parameters;
    // By how long it lives: clocks of phones are wrong.
    proof.until = asked + expiresAt * 1000 - data.issued - RENEW_MS;
    return solveChallenge(challenge, this.#options.worker);
  }

  async #inWords(error, { consents = [] } = {}) {
    if (!(error instanceof PledgeError)) return error;
    const texts = await this.texts();
    for (const wrong of error.errors) {
      const consent = consents[/^consents\/(\d+)/.exec(wrong.field)?.[1]];
      if (consent) wrong.field = `consent_${consent.purpose}`;
      wrong.message = fieldMessage(texts, wrong.field, wrong.code);
    }
    const [key] = PROBLEMS.find((words) => words.includes(error.code, 1)) ?? [];
    error.message = texts[key] ?? texts.error_form_other;
    return error;
  }
}
