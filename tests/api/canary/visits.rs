//! What strangers and moderators send: every field, every header, every way to be refused.

use reqwest::{
    Method, RequestBuilder,
    multipart::{Form, Part},
};
use serde_json::{Value, json};

use super::{
    stage::Stage,
    words::{
        AGAIN, AGENT, COOKIE, DOMAIN, FIELD, FORWARDED, HEADER, KEY, LOGIN, MAIL, MESSAGE, METHOD, NAME, NOTE,
        PASSWORD, PATH, QUERY, REFERER, SOURCE, TOKEN, UNDO, WRONG,
    },
};

const PLEDGES: &str = "/v1/campaigns/defend/pledges";

/// A request, the status of its answer, and the words that may come back in it.
type Visit = (RequestBuilder, u16, &'static [&'static str]);

/// The pledge of somebody, new by `number`.
pub fn good(number: &str) -> Value {
    json!({"name": NAME, "email": format!("{MAIL}{number}@{DOMAIN}.example"), "country": "DE", "message": MESSAGE,
        "source": SOURCE, "consents": [{"purpose": "updates", "version": 1}, {"purpose": "public", "version": 1}]})
}

pub fn post(stage: &Stage, path: &str) -> RequestBuilder {
    stage.request(Method::POST, path)
}

fn get(stage: &Stage, path: &str) -> RequestBuilder {
    stage.request(Method::GET, path)
}

/// Pledges that are taken, in every way.
pub async fn pledge(stage: &mut Stage, round: &str) {
    let email = format!("{MAIL}{round}.form@{DOMAIN}.example");
    let form = [("name", NAME), ("email", &email), ("country", "DE"), ("message", MESSAGE), ("source", SOURCE)];
    let parts = form.iter().fold(Form::new(), |all, (name, value)| all.text(*name, (*value).to_owned()));
    let anonymous = |message: &str| json!({"name": NAME, "country": "DE", "message": message, "source": SOURCE});
    let mut shouted = good(round);
    shouted["email"] = format!("{MAIL}{round}@{DOMAIN}.EXAMPLE").to_uppercase().into();
    let key = format!("{KEY}{round}");
    let visits: Vec<Visit> = vec![
        (post(stage, PLEDGES).json(&good(round)).header("idempotency-key", &key), 201, &[KEY]),
        (post(stage, PLEDGES).json(&good(round)).header("idempotency-key", &key), 201, &[KEY]),
        (post(stage, PLEDGES).json(&shouted), 201, &[]),
        (post(stage, PLEDGES).form(&form), 303, &[]),
        (post(stage, PLEDGES).form(&form).header("accept", "text/html"), 303, &[]),
        (post(stage, PLEDGES).multipart(parts), 303, &[]),
        (
            post(stage, "/v1/campaigns/anonymous/pledges").json(&anonymous(MESSAGE)).header("idempotency-key", &key),
            201,
            &[KEY],
        ),
        (
            post(stage, "/v1/campaigns/anonymous/pledges").json(&anonymous(WRONG)).header("idempotency-key", &key),
            422,
            &[],
        ),
    ];
    ask_all(stage, visits).await;
}

/// Pledges that are refused, each for another reason.
pub async fn be_refused(stage: &mut Stage) {
    let wrong = |field: &str, value: Value| {
        let mut body = good("refused");
        body[field] = value;
        body
    };
    let json = |text: String| post(stage, PLEDGES).header("content-type", "application/json").body(text);
    let form = [("name", AGAIN), ("email", AGAIN), ("country", AGAIN), ("message", AGAIN), ("return_to", AGAIN)];
    let file = Part::bytes(WRONG.as_bytes()).file_name(WRONG);
    let mut visits: Vec<Visit> = [
        wrong("name", format!("{WRONG}\u{0}").into()),
        wrong("name", format!("{WRONG}\u{202e}").into()),
        wrong("name", json!([WRONG])),
        wrong("email", WRONG.into()),
        wrong("email", format!("{WRONG}@{WRONG}").into()),
        wrong("email", format!("{WRONG}\r\n@{DOMAIN}.example").into()),
        wrong("country", WRONG.into()),
        wrong("language", format!("{WRONG}-").into()),
        wrong("source", format!("{WRONG}\n").into()),
        wrong("message", format!("{WRONG}{}", "x".repeat(5000)).into()),
        wrong("message", json!({WRONG: WRONG})),
        wrong("consents", json!([{"purpose": WRONG, "version": 1}])),
        wrong("consents", WRONG.into()),
        wrong(FIELD, WRONG.into()),
        wrong("state", WRONG.into()),
    ]
    .iter()
    .map(|body| -> Visit { (post(stage, PLEDGES).json(body), 422, &[FIELD]) })
    .collect();
    visits.extend::<[Visit; 18]>([
        (json(format!("{{\"name\": \"{WRONG}")), 400, &[]),
        (json(format!("{{\"name\": {WRONG}}}")), 400, &[]),
        (json(format!("{{\"{WRONG}\\ud800\": 1}}")), 422, &[]),
        (json(format!("{}\"{WRONG}\"", "[".repeat(500))), 422, &[]),
        (json(format!("{{\"name\": \"{WRONG}{}\"}}", " ".repeat(20_000))), 413, &[]),
        (post(stage, PLEDGES).header("content-type", format!("text/{WRONG}")).body(WRONG), 415, &[]),
        (json(WRONG.to_owned()).header("content-encoding", WRONG), 415, &[]),
        (post(stage, PLEDGES).form(&form), 422, &[]),
        (post(stage, PLEDGES).form(&form).header("accept", "text/html"), 422, &[AGAIN]),
        (post(stage, PLEDGES).form(&[("state", WRONG), (WRONG, WRONG)]), 422, &[]),
        (post(stage, PLEDGES).multipart(Form::new().part("name", file)), 422, &[]),
        (post(stage, PLEDGES).header("content-type", "multipart/form-data; boundary=x").body(WRONG), 400, &[]),
        (post(stage, &format!("/v1/campaigns/{PATH}/pledges")).json(&good("nowhere")), 404, &[]),
        (post(stage, "/v1/campaigns/closed/pledges").json(&good("closed")), 409, &[]),
        (
            post(stage, PLEDGES).json(&good("key")).header("idempotency-key", format!("{WRONG}{}", "x".repeat(300))),
            400,
            &[],
        ),
        (
            post(stage, PLEDGES).json(&good("keys")).header("idempotency-key", WRONG).header("idempotency-key", KEY),
            400,
            &[],
        ),
        (stage.request(Method::PUT, PLEDGES).json(&good("put")), 405, &[]),
        (stage.request(Method::from_bytes(METHOD.as_bytes()).unwrap(), PLEDGES).body(WRONG), 405, &[]),
    ]);
    ask_all(stage, visits).await;
}

/// Addresses and headers.
pub async fn look_around(stage: &mut Stage) {
    let with_headers = |path: &str| {
        let names =
            ["forwarded", "x-real-ip", "accept-language", "accept", "origin", "range", "x-request-id", "via", HEADER];
        let request =
            get(stage, path).header("user-agent", AGENT).header("referer", format!("https://{REFERER}.example/"));
        let request = request.header("x-forwarded-for", FORWARDED).header("cookie", format!("{COOKIE}={COOKIE}"));
        names.iter().fold(request, |request, name| request.header(*name, HEADER))
    };
    let path_and_query = |path: &str| get(stage, &path.replace('*', PATH).replace('?', &format!("?{QUERY}={QUERY}&")));
    let mut visits: Vec<Visit> = Vec::new();
    for path in ["/", "/c/defend/en", "/v1/campaigns", "/v1/campaigns/defend/totals", "/docs", "/healthz", "/nowhere"] {
        visits.push((with_headers(path), if path == "/nowhere" { 404 } else { 200 }, &[]));
    }
    for path in
        ["/*", "/c/*", "/c/defend/*", "/v1/campaigns/*", "/v1/campaigns/*/totals", "/assets/*", "/c/*/en/thanks"]
    {
        visits.push((path_and_query(path), 404, &[]));
    }
    visits.extend::<[Visit; 11]>([
        (path_and_query("/%ff*"), 404, &[]),
        (path_and_query("/v1/campaigns?limit=*"), 422, &[QUERY]),
        (path_and_query("/v1/campaigns?cursor=*"), 422, &[QUERY]),
        (path_and_query("/v1/campaigns/defend/totals/history?interval=*"), 422, &[QUERY]),
        (path_and_query("/c/defend/en?source=*"), 200, &[PATH]),
        (get(stage, "/v1/campaigns/defend/totals").header("if-none-match", format!("\"{HEADER}\"")), 200, &[]),
        (get(stage, "/v1/campaigns/defend/totals/stream").header("last-event-id", HEADER), 200, &[]),
        (stage.request(Method::HEAD, &format!("/{PATH}?{QUERY}")), 404, &[]),
        (
            stage.request(Method::OPTIONS, "/v1/campaigns").header("origin", format!("https://{HEADER}.example")),
            204,
            &[],
        ),
        (get(stage, "/v1/auth/me").bearer_auth(TOKEN), 401, &[]),
        (get(stage, "/v1/auth/me").header("authorization", format!("Basic {TOKEN}")), 401, &[]),
    ]);
    visits.extend::<[Visit; 6]>([
        (post(stage, "/v1/auth/login").json(&json!({"login": LOGIN, "password": PASSWORD})), 401, &[]),
        (post(stage, "/v1/auth/login").json(&json!({"login": stage.moderator, "password": PASSWORD})), 401, &[]),
        (post(stage, "/v1/auth/login").json(&json!({"login": [LOGIN], "password": {PASSWORD: 1}})), 422, &[]),
        (post(stage, "/v1/auth/refresh").header("cookie", format!("__Host-pledges_refresh={TOKEN}")), 401, &[]),
        (
            post(stage, "/v1/auth/refresh")
                .header("cookie", COOKIE)
                .header("origin", format!("https://{HEADER}.example")),
            403,
            &[],
        ),
        (post(stage, "/v1/auth/logout").bearer_auth(TOKEN), 401, &[]),
    ]);
    ask_all(stage, visits).await;
    for (what, bytes) in [
        ("a request line that isn't one", format!("{METHOD} {PATH}\r\n\r\n")),
        ("a version that there isn't", format!("GET /{PATH} HTTP/{WRONG}\r\n{HEADER}: {HEADER}\r\n\r\n")),
        ("a header without an end", format!("GET / HTTP/1.1\r\nHost: {HEADER}\r\n{HEADER}: {}", HEADER.repeat(10_000))),
        ("a header that can't be", format!("GET / HTTP/1.1\r\nHost: a\r\n{HEADER} {HEADER}\x01: {HEADER}\r\n\r\n")),
        (
            "two lengths",
            format!(
                "POST {PLEDGES} HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: {WRONG}\r\n\r\n{WRONG}"
            ),
        ),
        (
            "half a body",
            format!(
                "POST {PLEDGES} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n{{\"name\": \"{NAME}"
            ),
        ),
        (
            "a chunk that can't be",
            format!(
                "POST {PLEDGES} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n{WRONG}\r\n"
            ),
        ),
    ] {
        stage.send_raw(what, bytes.as_bytes()).await;
    }
}

/// What moderators do with a pledge that [`pledge`] has sent. What they see of it they may.
pub async fn moderate(stage: &mut Stage, round: &str) {
    const SEEN: &[&str] = &[DOMAIN, MESSAGE, SOURCE];
    let (moderator, organiser) = (stage.signed_in(&stage.moderator).await, stage.signed_in(&stage.organiser).await);
    let base = "/v1/moderation/campaigns/defend";
    let post = |path: &str| moderator.request(Method::POST, &format!("{base}{path}"));
    let get = |path: &str| moderator.request(Method::GET, &format!("{base}{path}"));
    let email = format!("{MAIL}{round}@{DOMAIN}.example");
    let found = stage.ask(post("/pledges/lookup").json(&json!({"email": email})), 200, SEEN).await;
    let removal = json!({"ids": [found["pledges"][0]["id"]], "reason": "spam", "note": NOTE});
    let removed = stage.ask(post("/removals").json(&removal), 201, &[NOTE]).await;
    let undo = format!("/removals/{}/undo", removed["removal"]["id"].as_str().unwrap());
    let visits: Vec<Visit> = vec![
        (post("/pledges/lookup").json(&json!({"email": WRONG})), 422, &[]),
        (post("/pledges/lookup").json(&json!({"email": format!("{WRONG}@{WRONG}.example")})), 200, &[]),
        (post("/removals").json(&removal), 409, &[]),
        (post("/removals").json(&json!({"ids": [WRONG], "reason": WRONG, "note": WRONG, FIELD: 1})), 422, &[FIELD]),
        (get("/removals"), 200, &[NOTE, UNDO]),
        (post(&undo).json(&json!({"note": format!("{WRONG}\u{0}")})), 422, &[]),
        (post(&undo).json(&json!({"note": UNDO})), 200, &[NOTE, UNDO]),
        (post(&undo).json(&json!({"note": WRONG})), 409, &[]),
        (get("/pledges"), 200, SEEN),
        (get(&format!("/pledges?country={WRONG}&language={QUERY}&cursor={QUERY}")), 422, &[]),
        (get("/audit"), 403, &[]),
        (organiser.request(Method::GET, &format!("{base}/audit")), 200, &[NOTE, UNDO]),
        (get("/totals"), 200, &[]),
        (moderator.request(Method::GET, &format!("/v1/moderation/campaigns/{PATH}/pledges")), 404, &[]),
        (moderator.request(Method::POST, "/v1/auth/logout"), 204, &[]),
        (get("/pledges"), 401, &[]),
    ];
    ask_all(stage, visits).await;
}

async fn ask_all(stage: &mut Stage, visits: Vec<Visit>) {
    for (request, status, may_tell) in visits {
        stage.ask(request, status, may_tell).await;
    }
}
