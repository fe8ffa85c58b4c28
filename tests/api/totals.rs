//! The published totals as dashboards read them: small, cacheable, never more than may be known.

mod by_partner;
mod corrections;
mod folding;
mod history;
mod instances;
mod model;
mod small;
mod stream;

use std::io::Read;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    TestApp,
    client::{Answer, Client, pledge},
};

const PATH: &str = "/v1/campaigns/defend/totals";

/// Counted pledges from these countries, as ingest would store them: rows and deltas in one statement.
pub async fn count(app: &TestApp, countries: &[(&str, i64)]) {
    for (country, amount) in countries {
        let sql = format!(
            "WITH counted AS (INSERT INTO pledges (id, campaign_id, country, state, fingerprint, counted_at) \
               SELECT gen_random_uuid(), campaigns.id, '{country}', 'counted', \
                 gen_random_uuid(), now() \
               FROM campaigns, generate_series(1, {amount}) WHERE slug = 'defend' RETURNING campaign_id, country) \
             INSERT INTO count_deltas (campaign_id, countries, amounts) \
             SELECT campaign_id, ARRAY[country], ARRAY[count(*)] FROM counted GROUP BY campaign_id, country"
        );
        app.rows.execute(&sql).await;
    }
}

/// The published document.
async fn document(client: &Client) -> Value {
    client.get(PATH).await.expect(200)
}

/// The countries of a document with their counts.
fn countries(document: &Value) -> Vec<(&str, i64)> {
    let rows = document["countries"].as_array().unwrap();
    rows.iter().map(|row| (row["country"].as_str().unwrap(), row["count"].as_i64().unwrap())).collect()
}

/// Fails unless countries and elsewhere add up to the total, in the order of the codes, with nothing below one.
#[track_caller]
fn adds_up(document: &Value) {
    let shown = countries(document);
    let sum: i64 = shown.iter().map(|(_, count)| count).sum();
    let elsewhere = document["elsewhere"].as_i64().unwrap();
    assert_eq!(document["total"].as_i64().unwrap(), sum + elsewhere, "{document}");
    assert!(elsewhere >= 0 && shown.iter().all(|(country, count)| *count > 0 && *country != "ZZ"), "{document}");
    assert!(shown.is_sorted_by(|a, b| a.0 < b.0), "{document}");
}

async fn get_with(client: &Client, path: &str, headers: &[(&str, &str)]) -> Answer {
    let request = client.request(Method::GET, path);
    client.send(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))).await
}

fn decoded(answer: &Answer) -> Vec<u8> {
    let mut plain = Vec::new();
    match answer.header("content-encoding") {
        "gzip" => flate2::read::GzDecoder::new(&*answer.body).read_to_end(&mut plain).unwrap(),
        "br" => brotli::Decompressor::new(&*answer.body, 4096).read_to_end(&mut plain).unwrap(),
        "" => (&*answer.body).read_to_end(&mut plain).unwrap(),
        other => panic!("unknown coding {other}"),
    };
    plain
}

#[tokio::test(flavor = "multi_thread")]
async fn countries_and_elsewhere_add_up_to_the_total() {
    let app = TestApp::with(&["--look-every-ms", "60000"]).await;
    let client = app.client();
    let empty = document(&client).await;
    assert_eq!((&empty["total"], &empty["countries"], &empty["elsewhere"]), (&json!(0), &json!([]), &json!(0)));
    assert_eq!((&empty["campaign"], &empty["goal"], &empty["threshold"]), (&json!("defend"), &Value::Null, &json!(5)));
    count(&app, &[("VA", 3), ("FR", 104), ("DE", 250), ("ZZ", 40), ("XK", 17), ("TV", 5)]).await;
    app.reread().await;
    let full = document(&client).await;
    adds_up(&full);
    assert_eq!(countries(&full), [("DE", 250), ("FR", 104), ("TV", 5), ("XK", 15)]);
    assert_eq!((&full["total"], &full["elsewhere"]), (&json!(419), &json!(45)));
    assert!(full["version"].as_i64() > empty["version"].as_i64());
    let as_of = app.rows.value("SELECT to_json(changed_at AT TIME ZONE 'UTC') FROM campaign_totals").await;
    let seconds = |text: &str| text.trim_matches('"')[..19].to_owned();
    assert_eq!(seconds(full["as_of"].as_str().unwrap()), seconds(&as_of));
    assert!(full["as_of"].as_str().unwrap().ends_with('Z'));
    assert_eq!(app.differences().await, [""; 0]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unchanged_document_is_not_sent_again() {
    let app = TestApp::with(&["--look-every-ms", "60000"]).await;
    let client = app.client();
    for path in [PATH, "/v1/campaigns/defend/totals.csv"] {
        let first = client.get(path).await;
        let etag = first.header("etag").to_owned();
        assert!(etag.starts_with('"') && etag.ends_with('"') && etag.len() > 2, "a strong one: {etag}");
        for known in [
            etag.clone(),
            format!("W/{etag}"),
            format!("\"other\", {etag}"),
            format!("\"a,b\",W/{etag} , \"c\""),
            "*".into(),
        ] {
            let again = get_with(&client, path, &[("if-none-match", &known)]).await;
            assert_eq!((again.status.as_u16(), again.body.len()), (304, 0), "{known}");
            for name in ["etag", "cache-control", "vary", "access-control-allow-origin"] {
                assert_eq!(again.header(name), first.header(name), "{name} of a 304");
            }
        }
        for unknown in ["\"other\"", "", etag.trim_matches('"'), "\"\"", "\"1\"", "nonsense\"", "**"] {
            let again = get_with(&client, path, &[("if-none-match", unknown)]).await;
            assert_eq!((again.status.as_u16(), &again.body), (200, &first.body), "{unknown}");
        }
        // Another coding is another representation.
        let gzip = get_with(&client, path, &[("if-none-match", &etag), ("accept-encoding", "gzip")]).await;
        assert_eq!(gzip.status, 200);
        assert_ne!(gzip.header("etag"), etag);
        let known = gzip.header("etag").to_owned();
        let again = get_with(&client, path, &[("if-none-match", &known), ("accept-encoding", "gzip")]).await;
        assert_eq!((again.status.as_u16(), again.header("content-encoding")), (304, ""));
        // What has changed is sent.
        client.pledge(&pledge(&format!("{}@example.org", path.len()))).await.expect(201);
        app.publish().await;
        let changed = get_with(&client, path, &[("if-none-match", &etag)]).await;
        assert_eq!(changed.status, 200);
        assert_ne!(changed.body, first.body);
        assert_ne!(changed.header("etag"), etag);
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_coding_decodes_to_the_same_bytes() {
    let app = TestApp::with(&["--look-every-ms", "60000"]).await;
    let client = app.client();
    count(&app, &[("DE", 120), ("FR", 7), ("VA", 2)]).await;
    app.reread().await;
    for path in [PATH, "/v1/campaigns/defend/totals.csv", "/openapi.yaml", "/openapi.json"] {
        let plain = client.get(path).await;
        assert_eq!((plain.header("content-encoding"), plain.header("vary")), ("", "Accept-Encoding"), "{path}");
        let mut etags = vec![plain.header("etag").to_owned()];
        for (accepted, coding) in [
            ("gzip", "gzip"),
            ("br", "br"),
            ("gzip, deflate, br, zstd", "br"),
            ("GZIP", "gzip"),
            ("br;q=0, gzip;q=0.1", "gzip"),
            ("gzip;q=0", ""),
            ("gzip;q=0.000, br;q=0.0", ""),
            ("deflate, zstd", ""),
            ("identity", ""),
            ("", ""),
            (";;;", ""),
        ] {
            let answer = get_with(&client, path, &[("accept-encoding", accepted)]).await;
            assert_eq!(answer.header("content-encoding"), coding, "{path} for {accepted:?}");
            assert_eq!(decoded(&answer), plain.body, "{path} for {accepted:?}");
            assert_eq!(answer.header("content-type"), plain.header("content-type"));
            assert_eq!(answer.header("vary"), "Accept-Encoding");
            assert_eq!(answer.header("content-length"), answer.body.len().to_string());
            etags.push(answer.header("etag").to_owned());
        }
        etags.sort();
        etags.dedup();
        assert_eq!(etags.len(), 3, "one ETag for each coding: {etags:?}");
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_site_may_read_and_none_may_write() {
    let app = TestApp::start().await;
    let client = app.client();
    for path in [PATH, "/v1/campaigns/defend/totals.csv", "/v1/campaigns", "/v1/campaigns/defend"] {
        let answer = get_with(&client, path, &[("origin", "https://dashboard.example")]).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        let exposed = "Age, Date, ETag, Retry-After, RateLimit, RateLimit-Policy";
        assert_eq!(answer.header("access-control-expose-headers"), exposed);
        assert_eq!(answer.header("cross-origin-resource-policy"), "cross-origin");
        assert_eq!(answer.header("access-control-allow-credentials"), "");
        assert_eq!(answer.header("set-cookie"), "");
    }
    let preflight = async |path: &str, method: &str| {
        let request = client.request(Method::OPTIONS, path).header("origin", "https://dashboard.example");
        client.send(request.header("access-control-request-method", method)).await
    };
    for (path, method) in [(PATH, "GET"), (PATH, "POST"), (PATH, "DELETE")] {
        let answer = preflight(path, method).await;
        assert_eq!((answer.status.as_u16(), answer.body.len()), (204, 0));
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        assert_eq!(answer.header("access-control-allow-methods"), "GET, HEAD", "{path} {method}");
        assert_eq!(answer.header("access-control-allow-headers"), "If-None-Match, Last-Event-ID");
        assert_eq!(answer.header("access-control-allow-credentials"), "");
    }
    // Anything else is nobody's business.
    for path in ["/v1/auth/login", "/v1/auth/refresh", "/v1/moderation/campaigns/defend/pledges", "/", "/v1/campaignsx"]
    {
        let answer = preflight(path, "GET").await;
        assert_eq!(answer.header("access-control-allow-origin"), "", "{path}");
        let answer = get_with(&client, path, &[("origin", "https://dashboard.example")]).await;
        assert_eq!(answer.header("access-control-allow-origin"), "", "{path}");
        assert_eq!(answer.header("cross-origin-resource-policy"), "same-origin");
    }
    // Nobody pledges from the pages of sites that aren't a partner's; and a problem can where the totals can.
    let request = client.request(Method::POST, "/v1/campaigns/defend/pledges").header("origin", "https://evil.example");
    let answer = client.send(request.json(&pledge("ann@example.org"))).await;
    assert_eq!((answer.status.as_u16(), answer.header("access-control-allow-origin")), (403, ""));
    assert_eq!(client.get("/v1/campaigns/nothing/totals").await.header("access-control-allow-origin"), "*");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn caches_may_keep_the_totals_for_a_moment() {
    let app = TestApp::with(&["--look-every-ms", "60000"]).await;
    let client = app.client();
    for path in [PATH, "/v1/campaigns/defend/totals.csv"] {
        let answer = client.get(path).await;
        let caching = answer.header("cache-control");
        assert_eq!(caching, "public, max-age=1, stale-while-revalidate=5, stale-if-error=3600");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        let head = client.send(client.request(Method::HEAD, path)).await;
        assert_eq!((head.status.as_u16(), head.body.len()), (200, 0));
        for name in ["etag", "cache-control", "vary", "content-type", "content-length", "access-control-allow-origin"] {
            assert_eq!(head.header(name), answer.header(name), "{name} of a HEAD");
        }
    }
    for path in ["/v1/campaigns/nothing/totals", "/v1/campaigns/nothing/totals.csv", "/v1/campaigns/DEFEND/totals"] {
        let answer = client.get(path).await;
        answer.problem(404, "campaign_not_found");
        assert_eq!(answer.header("cache-control"), "no-store");
    }
    app.rows.campaign_with("planned", json!({})).await;
    app.rows.execute("UPDATE campaigns SET state = 'draft' WHERE slug = 'planned'").await;
    app.publish().await;
    client.get("/v1/campaigns/planned/totals").await.problem(404, "campaign_not_found");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_table_says_the_same_as_the_document() {
    let app = TestApp::with(&["--look-every-ms", "60000"]).await;
    let client = app.client();
    let csv = async || client.get("/v1/campaigns/defend/totals.csv").await;
    assert_eq!(csv().await.text(), "country,count\r\nelsewhere,0\r\ntotal,0\r\n");
    count(&app, &[("DE", 130), ("FR", 7), ("ZZ", 1), ("VA", 4)]).await;
    app.reread().await;
    let table = csv().await;
    assert_eq!(table.header("content-type"), "text/csv; charset=utf-8");
    assert_eq!(table.text(), "country,count\r\nDE,130\r\nFR,5\r\nelsewhere,7\r\ntotal,142\r\n");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_campaign_still_shows_its_totals_and_a_goal() {
    let app = TestApp::start().await;
    app.rows.campaign_with("ended", json!({"goal": 10_000, "threshold": 1})).await;
    app.rows.execute("UPDATE campaigns SET state = 'closed' WHERE slug = 'ended'").await;
    app.publish().await;
    let ended = app.client().get("/v1/campaigns/ended/totals").await.expect(200);
    assert_eq!((&ended["goal"], &ended["threshold"], &ended["total"]), (&json!(10_000), &json!(1), &json!(0)));
    app.stop().await;
}
