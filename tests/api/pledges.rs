//! A pledge as partners and supporters make it: recorded once, answered alike, kept sealed.

mod batches;
mod bodies;
mod consents;
mod fields;
mod keys;
mod locks;
mod privacy;
mod proofs;
mod repeats;

use std::collections::BTreeMap;

use pledges::sealing::{ReviewCopies, ReviewCopy};
use reqwest::{Body, Method};
use serde_json::{Value, json};

use crate::support::{
    TestApp,
    client::{Answer, Client, pledge},
    key_ring,
};

/// Adds an open campaign with settings of its own, and has the running service know it.
async fn campaign(app: &TestApp, slug: &str, changes: Value) {
    app.rows.campaign_with(slug, changes).await;
    renew(app).await;
}

/// Has the running service read its campaigns again.
async fn renew(app: &TestApp) {
    app.service.handles.campaigns.renew().await.unwrap();
    app.publish().await;
}

/// How many pledges are stored, whatever their campaign and state.
async fn stored(app: &TestApp) -> i64 {
    app.rows.number("SELECT count(*) FROM pledges").await
}

/// The review copies of all pledges, opened, in the order in which they were stored.
pub(crate) async fn copies(app: &TestApp) -> Vec<ReviewCopy> {
    let sealed = ReviewCopies::new(&key_ring());
    let query =
        "SELECT concat_ws(' ', campaign_id, id, encode(sealed_review, 'hex')) FROM pledges ORDER BY created_at, id";
    let open = |row: &String| {
        let [campaign, id, copy] = row.split(' ').collect::<Vec<_>>().try_into().unwrap();
        sealed.open(campaign.parse().unwrap(), id.parse().unwrap(), &bytes(copy)).unwrap()
    };
    app.rows.list(query).await.iter().map(open).collect()
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

/// A body for the campaign `defend`, as it stands.
async fn post(client: &Client, kind: &str, body: impl Into<Body>) -> Answer {
    let request = client.request(Method::POST, "/v1/campaigns/defend/pledges");
    client.send(request.header("content-type", kind).body(body)).await
}

/// A pledge with an Idempotency-Key.
async fn post_with_key(client: &Client, slug: &str, key: impl AsRef<[u8]>, body: &Value) -> Answer {
    let request = client.request(Method::POST, &format!("/v1/campaigns/{slug}/pledges"));
    client.send(request.header("idempotency-key", key.as_ref()).json(body)).await
}

/// A pledge of `ann@example.org` with some fields changed; null takes one away.
fn with(changes: &Value) -> Value {
    let mut body = pledge("ann@example.org");
    for (name, value) in changes.as_object().unwrap() {
        body[name] = value.clone();
    }
    body.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    body
}

/// All that tells one answer from another, but for what is new each time: status, headers but the date, body but the id.
fn face(answer: &Answer) -> (u16, BTreeMap<String, Vec<String>>, Value) {
    let mut headers: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in answer.headers.iter().filter(|(name, _)| *name != "date" && *name != "x-request-id") {
        headers.entry(name.to_string()).or_default().push(value.to_str().unwrap().to_owned());
    }
    let mut body = answer.json();
    let id = body["id"].take();
    assert_eq!(id.as_str().unwrap().len(), 36, "a receipt looks like any other");
    (answer.status.as_u16(), headers, body)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pledge_is_recorded_and_answered_with_the_totals_published_before() {
    let app = TestApp::with(&["--look-every-ms", "60000"]).await;
    let client = app.client();
    for already in 0..3 {
        let before = client.get("/v1/campaigns/defend/totals").await.expect(200);
        assert_eq!(before["total"], already);
        let answer = client.pledge(&pledge(&format!("supporter{already}@example.org"))).await;
        let body = answer.expect(201);
        assert_eq!(body["totals"], before);
        assert_eq!(body.as_object().unwrap().len(), 2, "{body}");
        assert_eq!((answer.header("content-type"), answer.header("cache-control")), ("application/json", "no-store"));
        // Committed when it is answered, whether published or not.
        assert_eq!(app.rows.number("SELECT count(*) FROM pledges WHERE state = 'counted'").await, already + 1);
        app.publish().await;
    }
    assert_eq!(app.differences().await, [""; 0]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_is_random_and_never_the_row() {
    let app = TestApp::start().await;
    let client = app.client();
    let first = client.pledge(&pledge("ann@example.org")).await.expect(201)["id"].clone();
    let again = client.pledge(&pledge("ann@example.org")).await.expect(201)["id"].clone();
    assert_ne!(first, again);
    for id in [first, again] {
        let id: uuid::Uuid = id.as_str().unwrap().parse().unwrap();
        assert_eq!(id.get_version_num(), 4);
        let found = app.rows.number(&format!("SELECT count(*) FROM pledges WHERE pledges::text LIKE '%{id}%'")).await;
        assert_eq!(found, 0);
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_country_is_taken_in_any_case_and_may_be_withheld() {
    let app = TestApp::start().await;
    let client = app.client();
    for (index, (typed, kept)) in
        [("de", "DE"), ("Fr", "FR"), ("XK", "XK"), ("xk", "XK"), ("ZZ", "ZZ"), ("zz", "ZZ"), ("AQ", "AQ")]
            .into_iter()
            .enumerate()
    {
        let mut body = pledge(&format!("supporter{index}@example.org"));
        body["country"] = json!(typed);
        client.pledge(&body).await.expect(201);
        let newest = app.rows.value("SELECT country FROM pledges ORDER BY created_at DESC, id DESC LIMIT 1").await;
        assert_eq!(newest, kept);
    }
    assert_eq!(app.differences().await, [""; 0]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_an_open_campaign_takes_pledges() {
    let app = TestApp::start().await;
    let client = app.client();
    for slug in ["ended", "planned"] {
        campaign(&app, slug, json!({})).await;
    }
    app.rows.execute("UPDATE campaigns SET state = 'closed' WHERE slug = 'ended'").await;
    app.rows.execute("UPDATE campaigns SET state = 'draft' WHERE slug = 'planned'").await;
    renew(&app).await;
    let at = async |slug: &str| client.post(&format!("/v1/campaigns/{slug}/pledges"), &pledge("a@example.org")).await;
    at("ended").await.problem(409, "campaign_closed");
    let draft = at("planned").await;
    draft.problem(404, "campaign_not_found");
    let unknown = at("never-was").await;
    assert_eq!((draft.status, &draft.body), (unknown.status, &unknown.body), "a draft is as good as nothing");
    for odd in ["DEFEND", "%00", "defend%20", "..%2Fdefend", "%27%20OR%201=1--", "d%25fend", "défend"] {
        at(odd).await.problem(404, "campaign_not_found");
    }
    assert_eq!(stored(&app).await, 0);
    // Opened again, it takes pledges again.
    app.rows.execute("UPDATE campaigns SET state = 'open' WHERE slug = 'ended'").await;
    renew(&app).await;
    at("ended").await.expect(201);
    assert_eq!(stored(&app).await, 1);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_in_which_nothing_is_asked_takes_a_country_alone() {
    let app = TestApp::start().await;
    let off = json!({"fields": {"name": "off", "email": "off", "message": "off"}, "consents": []});
    campaign(&app, "bare", off).await;
    let client = app.client();
    let at = async |body: &Value| client.post("/v1/campaigns/bare/pledges", body).await;
    at(&json!({"country": "DE"})).await.expect(201);
    at(&json!({"country": "DE", "name": null, "email": null, "message": null})).await.expect(201);
    assert_eq!(stored(&app).await, 2, "without a mailbox and a key, each is a pledge of its own");
    at(&json!({"country": "DE", "name": "Ann", "email": "ann@example.org", "message": "Hello"})).await.fields(&[
        ("/name", "not_asked"),
        ("/email", "not_asked"),
        ("/message", "not_asked"),
    ]);
    at(&json!({})).await.fields(&[("/country", "required")]);
    assert_eq!(stored(&app).await, 2);
    assert!(copies(&app).await.iter().all(|copy| *copy == ReviewCopy::default()));
    app.stop().await;
}
