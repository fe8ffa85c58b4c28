// How the console talks to the API: the access token lives in memory only, is renewed when it ends, and an answer that asks
// for a fresh proof of identity is asked for again once the proof is given.

/** An answer that is no success; `code` is the stable name of the catalogue, "offline" when there was no answer at all. */
export class Problem extends Error {
  constructor(status, { code = "internal", title = "", detail = "", errors = [] } = {}, retryAfter = null) {
    super(title || code);
    Object.assign(this, { status, code, detail, errors, retryAfter });
  }
}

const JSON_TYPE = { "content-type": "application/json" };

async function problemOf(answer) {
  const body = await answer.json().catch(() => ({}));
  return new Problem(answer.status, body ?? {}, Number(answer.headers.get("retry-after")) || null);
}

export class Api {
  #fetch;
  #locks;
  #token = null;
  #renewal = null;
  /** Who is signed in, as the API says it; null: nobody. */
  me = null;
  /** The service's time at its last answer, which it tells to the second: rounded up. */
  answeredAt = 0;
  /** Called when the session is over without our doing. */
  onEnded = () => {};
  /** Called when role or campaigns have changed meanwhile. */
  onChanged = () => {};
  /** Called when a proof of identity is wanted; gives true once there is one. */
  onStepUp = async () => false;

  constructor({ fetch: send = (...all) => fetch(...all), locks = globalThis.navigator?.locks } = {}) {
    this.#fetch = send;
    this.#locks = locks;
  }

  get isSignedIn() {
    return this.#token !== null;
  }

  async #send(method, path, body, { signal, token = this.#token } = {}) {
    const headers = { accept: "application/json", ...(body === undefined ? {} : JSON_TYPE), ...(token ? { authorization: `Bearer ${token}` } : {}) };
    try {
      const answer = await this.#fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body), signal, cache: "no-store", credentials: "same-origin", redirect: "error" });
      this.answeredAt = (Date.parse(answer.headers.get("date")) || Date.now()) + 1_000;
      return answer;
    } catch (error) {
      // Who took the question back knows why.
      if (error.name === "AbortError") throw error;
      throw new Problem(0, { code: "offline" });
    }
  }

  #take({ access_token: token, moderator }) {
    this.#token = token;
    this.me = moderator;
    return moderator;
  }

  #end() {
    const was = this.#token !== null;
    this.forget();
    if (was) this.onEnded();
  }

  /** Forgets who is signed in; the session itself stays. */
  forget() {
    this.#token = null;
    this.me = null;
  }

  /** An operation that needs no token. */
  async ask(path, body) {
    const answer = await this.#send("POST", path, body, { token: null });
    if (!answer.ok) throw await problemOf(answer);
    return answer.status === 204 ? null : answer.json();
  }

  async signIn(login, password, code) {
    return this.#take(await this.ask("/v1/auth/login", { login, password, ...(code ? { code } : {}) }));
  }

  /** Accepts an invitation; gives the recovery codes. */
  async accept(token, password, code) {
    const accepted = await this.ask("/v1/auth/invitation/accept", { token, password, ...(code ? { code } : {}) });
    this.#take(accepted.signed_in);
    return accepted.recovery_codes;
  }

  async signOut() {
    try {
      if (this.#token) await this.#send("POST", "/v1/auth/logout");
    } finally {
      this.forget();
    }
  }

  /** Renews the token; once for all who ask at the same time. `used` is the token that was refused. */
  async renew(used = this.#token) {
    if (this.#token !== used) return;
    this.#renewal ??= this.#renew().finally(() => (this.#renewal = null));
    await this.#renewal;
  }

  async #renew() {
    // Two tabs share the cookie: one after the other, so that neither exchanges what the other has exchanged.
    const exchange = () => this.#send("POST", "/v1/auth/refresh", undefined, { token: null });
    const answer = await (this.#locks ? this.#locks.request("pledges-refresh", exchange) : exchange());
    if (answer.ok) return void this.#take(await answer.json());
    const problem = await problemOf(answer);
    if (answer.status === 401 || answer.status === 403) this.#end();
    throw problem;
  }

  async #authorised(method, path, body, options) {
    if (!this.#token) await this.renew();
    const used = this.#token;
    const answer = await this.#send(method, path, body, options);
    if (answer.status !== 401) return answer;
    await this.renew(used);
    const again = await this.#send(method, path, body, options);
    if (again.status === 401) this.#end();
    return again;
  }

  /** Asks, and gives what was answered: JSON, null where there is nothing to say, or with `as: "blob"` what it is. */
  async request(method, path, body, options) {
    let answer = await this.#authorised(method, path, body, options);
    if (!answer.ok) {
      let problem = await problemOf(answer);
      if (problem.code === "step_up_required" && (await this.onStepUp())) {
        answer = await this.#authorised(method, path, body, options);
        if (!answer.ok) problem = await problemOf(answer);
      }
      if (!answer.ok) throw problem;
    }
    if (options?.as === "blob") return answer.blob();
    return answer.status === 204 ? null : answer.json();
  }

  get(path, options) {
    return this.request("GET", path, undefined, options);
  }

  post(path, body, options) {
    return this.request("POST", path, body, options);
  }

  /** Looks whether the session is still open; a service that doesn't answer ends nothing. */
  async check() {
    if (!this.#token) return;
    const before = JSON.stringify(this.me);
    try {
      const me = await this.get("/v1/auth/me");
      if (!this.#token || JSON.stringify(me) === before) return;
      this.me = me;
      this.onChanged();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
    }
  }

  /** Looks every so often; gives what stops it. Three seconds and two answers are less than the five that are promised. */
  watch({ every = 3_000, later = setTimeout, never = clearTimeout } = {}) {
    let timer = null;
    let stopped = false;
    const next = () => {
      if (!stopped) timer = later(() => this.check().finally(next), every);
    };
    next();
    return () => {
      stopped = true;
      never(timer);
    };
  }
}

/** A path with those of the parameters that have a value. */
export function withQuery(path, parameters) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) if (value !== null && value !== undefined && value !== "") query.set(name, value);
  const text = query.toString();
  return text ? `${path}?${text}` : path;
}

/** The path of an operation on a campaign. */
export const ofCampaign = (slug, rest, area = "moderation") => `/v1/${area}/campaigns/${encodeURIComponent(slug)}/${rest}`;

/** What somebody may do in a campaign: a moderator may be an organiser of some. */
export const roleIn = ({ role, organises = [] }, campaign) => (role !== "admin" && organises.includes(campaign) ? "organiser" : role);
