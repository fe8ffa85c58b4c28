//! What is refused, and with which words.

use serde_json::json;

use super::{PATH, slow};

#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_be_asked_is_refused_by_name() {
    let (app, client) = slow().await;
    // Old enough to have more hours than one answer.
    app.rows.execute("UPDATE campaigns SET created_at = now() - interval '200 days'").await;
    for (query, pointer, code) in [
        ("interval=week", "/interval", "not_allowed"),
        ("interval=Hour", "/interval", "not_allowed"),
        ("interval=", "/interval", "not_allowed"),
        ("interval=day&interval=day", "/interval", "duplicate_field"),
        ("from=yesterday", "/from", "invalid_time"),
        ("from=2026-01-01", "/from", "invalid_time"),
        ("from=", "/from", "invalid_time"),
        ("to=2026-13-01T00:00:00Z", "/to", "invalid_time"),
        ("to=10000-01-01T00:00:00Z", "/to", "invalid_time"),
        ("country=XX", "/country", "invalid_country"),
        ("country=", "/country", "invalid_country"),
        ("country=ZZ", "/country", "not_allowed"),
        ("country=DE&interval=minute", "/country", "not_allowed"),
        ("from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", "/to", "empty_range"),
        ("from=2026-01-01T00:00:00Z&to=2026-01-01T00:00:00Z", "/to", "empty_range"),
        ("from=2000-01-01T00:00:00Z", "/from", "range_too_long"),
        ("interval=hour&from=2000-01-01T00:00:00Z&country=DE", "/from", "range_too_long"),
        ("interval=minute&from=2000-01-01T00:00:00Z&to=2026-01-01T00:00:00Z", "/from", "too_long_ago"),
        ("interval=minute&to=2026-01-01T00:00:00Z", "/from", "too_long_ago"),
        ("limit=5", "/limit", "unknown_field"),
        ("%ff", "", "invalid_text"),
    ] {
        for path in [PATH, "/v1/campaigns/defend/totals/history.csv"] {
            let answer = client.get(&format!("{path}?{query}")).await;
            let problem = answer.problem(422, "invalid_query");
            assert_eq!(problem["errors"], json!([{"pointer": pointer, "code": code}]), "{query}");
            assert_eq!(answer.header("cache-control"), "no-store");
        }
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_that_is_not_public_has_no_history() {
    let (app, client) = slow().await;
    app.rows.campaign("planned").await;
    app.rows.execute("UPDATE campaigns SET state = 'draft' WHERE slug = 'planned'").await;
    app.publish().await;
    for slug in ["planned", "nothing", "DEFEND", "a%00b", "%25"] {
        for ending in ["", ".csv", "?country=DE", "?interval=day&from=2026-01-01T00:00:00Z"] {
            let answer = client.get(&format!("/v1/campaigns/{slug}/totals/history{ending}")).await;
            answer.problem(404, "campaign_not_found");
        }
    }
    app.stop().await;
}
