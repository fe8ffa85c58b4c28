//! What must not be logged: nothing that a visitor sends, not by the service at its most talkative, not by PostgreSQL.

use reqwest::Method;
use serde_json::json;

use crate::support::{
    cluster, eventually,
    program::{Running, VarDir},
    rows::{PASSWORD, Rows},
};

/// Nothing else has this in it.
const MARKER: &str = "qzxvmarkerqzxv";

/// PostgreSQL's own log, of the cluster that all tests share.
async fn postgres_log(rows: &Rows) -> String {
    let data = rows.value("SELECT setting FROM pg_settings WHERE name = 'data_directory'").await;
    std::fs::read_to_string(std::path::Path::new(&data).with_file_name("server.log")).unwrap()
}

/// Sends the marker in everything that a visitor can send. Returns how many requests that were.
async fn send_marker_everywhere(service: &Running) -> usize {
    let client = service.client();
    let pledges = "/v1/campaigns/defend/pledges";
    let post = |path: &str| client.request(Method::POST, path);
    let get = |path: &str| client.request(Method::GET, path);
    let good = json!({
        "name": MARKER, "email": format!("{MARKER}@{MARKER}.example"), "country": "DE", "message": MARKER, "source": MARKER,
    });
    let bad =
        json!({"name": format!("{MARKER}\u{0}"), "email": MARKER, "country": MARKER, "language": MARKER, MARKER: 1});
    let form = [("name", MARKER), ("email", MARKER), ("country", MARKER), ("return_to", MARKER)];
    let requests = vec![
        post(pledges).json(&good),
        post(pledges).json(&good).header("idempotency-key", MARKER),
        post(pledges).json(&bad),
        post(pledges).body(format!("{{\"{MARKER}")).header("content-type", "application/json"),
        post(pledges).body(MARKER).header("content-type", format!("text/{MARKER}")),
        post(pledges).form(&form),
        post(pledges).form(&form).header("accept", "text/html"),
        post(pledges).body(format!("--x\r\n{MARKER}")).header("content-type", "multipart/form-data; boundary=x"),
        get(&format!("/v1/campaigns/{MARKER}")),
        get(&format!("/{MARKER}")),
        get(&format!("/v1/campaigns?limit={MARKER}&cursor={MARKER}&{MARKER}=1")),
        get(&format!("/c/{MARKER}/{MARKER}")),
        get(&format!("/c/defend/en?{MARKER}={MARKER}&source={MARKER}")),
        get(&format!("/assets/{MARKER}")),
        get("/v1/campaigns/defend/totals").header("if-none-match", format!("\"{MARKER}\"")),
        get("/v1/campaigns").header("x-forwarded-for", MARKER).header("user-agent", MARKER).header("referer", MARKER),
        get("/").header("accept-language", MARKER).header("cookie", format!("{MARKER}={MARKER}")),
        get("/v1/auth/me").bearer_auth(MARKER),
        post("/v1/auth/login").json(&json!({"login": MARKER, "password": MARKER})),
        post("/v1/auth/refresh").header("cookie", format!("__Host-pledges_refresh={MARKER}")),
    ];
    let count = requests.len();
    for request in requests {
        let answer = request.send().await.unwrap();
        assert!(answer.status().as_u16() < 500, "{answer:?}");
    }
    count
}

/// What a signed-in moderator sends.
async fn moderate_with_marker(service: &Running, login: &str) {
    let mut moderator = service.client();
    moderator.login(login).await;
    let base = "/v1/moderation/campaigns/defend";
    let email = json!({"email": format!("{MARKER}@{MARKER}.example")});
    let found = moderator.post(&format!("{base}/pledges/lookup"), &email).await.expect(200);
    let removal = json!({"ids": [found["pledges"][0]["id"]], "reason": "spam", "note": MARKER});
    let removed = moderator.post(&format!("{base}/removals"), &removal).await.expect(201);
    let undo = format!("{base}/removals/{}/undo", removed["removal"]["id"].as_str().unwrap());
    moderator.post(&undo, &json!({"note": MARKER})).await.expect(200);
    moderator.get(&format!("{base}/pledges?language={MARKER}&country={MARKER}&cursor={MARKER}")).await;
    assert!(moderator.token.as_ref().is_some_and(|token| !service.log().contains(token)));
    assert!(moderator.refresh.as_ref().is_some_and(|token| !service.log().contains(token)));
}

fn clean(log: &str) {
    let hit = log.lines().find(|line| line.to_lowercase().contains(MARKER));
    assert!(hit.is_none(), "{hit:?}");
    // As bytes are printed for debugging.
    let bytes = format!("{:?}", &MARKER.as_bytes()[..6]);
    assert!(!log.contains(bytes.trim_matches(['[', ']'])), "as a list of bytes");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_visitors_send_is_logged_even_at_the_most_talkative() {
    let url = cluster::database().await;
    let (rows, var) = (Rows::new(&url).await, VarDir::new());
    rows.campaign("defend").await;
    let login = rows.moderator(pledges::accounts::Role::Moderator, &["defend"]).await;
    for format in ["text", "json"] {
        let service = Running::on(&url, var.path(), &["--log", "trace", "--log-format", format]).await;
        let sent = send_marker_everywhere(&service).await;
        moderate_with_marker(&service, &login).await;
        eventually("every request has its line", async || service.log().matches("milliseconds").count() >= sent).await;
        let log = service.terminate().await.expect(0).stderr;
        clean(&log);
        assert!(!log.contains(PASSWORD));
        // What is logged instead: method, route and status.
        assert!(log.contains("/v1/campaigns/{slug}/pledges"), "{log}");
        if format == "json" {
            let lines = log.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect(line));
            assert!(lines.filter(|line| line["status"] == 201).count() > 1);
        }
    }
    clean(&postgres_log(&rows).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_fails_is_logged_nowhere_with_its_values() {
    let url = cluster::database().await;
    let (rows, var) = (Rows::new(&url).await, VarDir::new());
    rows.campaign("defend").await;
    let service = Running::on(&url, var.path(), &["--log", "trace"]).await;
    // A constraint that refuses the row: PostgreSQL would quote it.
    rows.execute("ALTER TABLE pledges ADD CONSTRAINT refuses CHECK (source IS NULL)").await;
    let body = json!({"name": MARKER, "email": format!("{MARKER}@example.org"), "country": "DE", "source": MARKER});
    // No operation documents 500: it is always a defect.
    let answer =
        service.client().request(Method::POST, "/v1/campaigns/defend/pledges").json(&body).send().await.unwrap();
    assert_eq!(answer.status(), 500);
    let problem = answer.text().await.unwrap();
    assert!(problem.contains("\"internal\""), "{problem}");
    for cause in ["refuses", "constraint", "pledges_", MARKER] {
        assert!(!problem.contains(cause), "{problem}");
    }
    // The same for statements of others, with the value in the text.
    let mut connection = rows.database.open().await.unwrap();
    for sql in [
        format!("INSERT INTO campaigns (id, slug) VALUES (gen_random_uuid(), '{MARKER}')"),
        format!("SELECT '{MARKER}'::uuid"),
        format!("SELECT {MARKER}"),
        format!("DO $$ BEGIN RAISE WARNING '{MARKER}'; RAISE EXCEPTION '{MARKER}'; END $$"),
    ] {
        diesel_async::RunQueryDsl::execute(diesel::sql_query(sql), &mut connection).await.unwrap_err();
    }
    let log = service.terminate().await.expect(0).stderr;
    clean(&log);
    assert!(log.contains("a request met a defect"), "the operator learns that something is wrong: {log}");
    // The control: with PostgreSQL's usual settings the value would be there.
    let control = MARKER.replace("marker", "control");
    for sql in ["SET log_min_messages = warning", "SET log_min_error_statement = error"] {
        diesel_async::RunQueryDsl::execute(diesel::sql_query(sql), &mut connection).await.unwrap();
    }
    let sql = format!("SELECT '{control}'::uuid");
    diesel_async::RunQueryDsl::execute(diesel::sql_query(sql), &mut connection).await.unwrap_err();
    eventually("PostgreSQL logs the control", async || postgres_log(&rows).await.contains(&control)).await;
    clean(&postgres_log(&rows).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_is_not_trusted_is_warned_of_once() {
    let url = cluster::database().await;
    let (rows, var) = (Rows::new(&url).await, VarDir::new());
    rows.campaign("defend").await;
    let warning = "X-Forwarded-For came from a private address that is not trusted";
    for (proxies, warnings) in
        [(&[][..], 1), (&["--trusted-proxies", "127.0.0.0/8"], 0), (&["--trusted-proxies", "10.0.0.0/8"], 1)]
    {
        let service = Running::on(&url, var.path(), proxies).await;
        for number in 0..10 {
            // Clients of their own, so that every worker has some.
            let client = service.client();
            let request =
                client.request(Method::GET, "/v1/campaigns").header("x-forwarded-for", format!("198.51.100.{number}"));
            client.send(request).await.expect(200);
        }
        let log = service.terminate().await.expect(0).stderr;
        assert_eq!(log.matches(warning).count(), warnings, "{proxies:?}: {log}");
        assert!(!log.contains("198.51.100."), "addresses are not logged: {log}");
        if warnings > 0 {
            assert!(log.contains("PLEDGES_TRUSTED_PROXIES"), "{log}");
        }
    }
}
