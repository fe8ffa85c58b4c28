//! What people see: the start page, the hosted form in each language, thanks, documentation, and the files these load.

mod embed;
mod headers;
mod moderation;
mod reference;
mod robots;

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    PRODUCTION, TestApp,
    client::{Answer, Client, pledge},
};

/// What would do harm if it were taken for HTML.
const NASTY: &str = "\"'><img src=x onerror=alert(1)></title><script>alert(1)</script>&amp;{{7*7}}";

/// The page at a path, which must be one.
async fn page(client: &Client, path: &str) -> String {
    let answer = get_with(client, path, &[]).await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "text/html; charset=utf-8"), "{path}");
    answer.text()
}

async fn get_with(client: &Client, path: &str, headers: &[(&str, &str)]) -> Answer {
    let request = client.request(Method::GET, path);
    client.send(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))).await
}

/// Every address of our own that a page links to, loads or posts to, without its fragment.
fn addresses(page: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for attribute in [" href=\"", " src=\"", " action=\""] {
        for (at, _) in page.match_indices(attribute) {
            let value = page[at + attribute.len()..].split('"').next().unwrap();
            let path = value.split('#').next().unwrap().replace("&#38;", "&");
            if path.starts_with('/') {
                found.insert(path);
            }
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn the_start_page_shows_every_public_campaign_with_its_total() {
    let app = TestApp::with(&["--look-every-ms", "60000"]).await;
    let client = app.client();
    app.rows.campaign_with("second", json!({"goal": 4})).await;
    app.rows.campaign_with("planned", json!({})).await;
    app.rows.execute("UPDATE campaigns SET state = 'draft' WHERE slug = 'planned'").await;
    app.service.handles.campaigns.renew().await.unwrap();
    app.publish().await;
    for index in 0..3 {
        client.post("/v1/campaigns/second/pledges", &pledge(&format!("a{index}@example.org"))).await.expect(201);
    }
    app.publish().await;
    let start = page(&client, "/").await;
    assert!(start.contains("href=\"/c/defend/en\"") && start.contains("href=\"/c/second/en\""));
    assert!(!start.contains("planned"), "a draft is not public");
    assert!(start.contains("data-total=\"3\"") && start.contains("data-total=\"0\""));
    assert!(start.contains("<progress data-progress max=\"4\" value=\"3\""));
    for language in ["en", "fr", "ar"] {
        assert!(start.contains(&format!("href=\"/c/defend/{language}\" hreflang=\"{language}\"")));
    }
    // What to try stands there with addresses that work as printed; in production it doesn't.
    assert!(start.contains(&format!("curl -i {}/v1/campaigns/defend/pledges", client.base)));
    app.stop().await;
    let app = TestApp::with(PRODUCTION).await;
    assert!(!page(&app.client(), "/").await.contains("curl"));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_form_speaks_each_language_of_the_campaign() {
    let app = TestApp::start().await;
    let client = app.client();
    for (language, direction, title, country) in [
        ("en", "ltr", "A pledge", "Germany"),
        ("fr", "ltr", "Un engagement", "Allemagne"),
        ("ar", "rtl", "تعهد", "ألمانيا"),
    ] {
        for path in [format!("/c/defend/{language}"), format!("/c/defend/{}", language.to_uppercase())] {
            let form = page(&client, &path).await;
            assert!(form.contains(&format!("<html lang=\"{language}\" dir=\"{direction}\">")), "{path}");
            assert!(
                form.contains(&format!("<title>{title}</title>")) && form.contains(&format!(">{title}</bdi></h1>"))
            );
            assert!(form.contains(&format!("<option value=\"DE\">{country}</option>")));
            assert!(form.contains("<form method=\"post\" action=\"/v1/campaigns/defend/pledges\""));
            assert!(form.contains(&format!("name=\"language\" value=\"{language}\"")));
            for name in ["name", "email", "country", "message", "consent_updates", "consent_public"] {
                assert_eq!(form.matches(&format!(" name=\"{name}\"")).count(), 1, "{name}");
            }
            assert!(form.contains("name=\"consent_updates_version\" value=\"1\""));
            assert!(!form.contains(" checked") && !form.contains(" selected"), "nothing is agreed to beforehand");
            assert!(form.contains("value=\"ZZ\"") && form.contains("value=\"XK\""));
            assert_eq!(form.matches("<option value=\"").count(), 252, "every country, withheld, and none yet");
            assert!(!form.contains("role=\"alert\""));
            for other in ["en", "fr", "ar"] {
                assert!(form.contains(&format!("href=\"/c/defend/{other}\" hreflang=\"{other}\"")));
            }
        }
        let thanks = page(&client, &format!("/c/defend/{language}/thanks")).await;
        assert!(thanks.contains(&format!("<html lang=\"{language}\" dir=\"{direction}\">")) && thanks.contains(title));
        assert!(thanks.contains("<meta name=\"robots\" content=\"noindex\">"));
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_form_shows_the_published_totals_and_where_one_came_from() {
    let app = TestApp::with(&["--look-every-ms", "60000"]).await;
    let client = app.client();
    app.rows.campaign_with("counted", json!({"threshold": 1})).await;
    app.service.handles.campaigns.renew().await.unwrap();
    app.publish().await;
    for (index, country) in ["NG", "NG", "PE", "ZZ"].into_iter().enumerate() {
        let body = json!({"name": "Ann", "email": format!("a{index}@example.org"), "country": country});
        client.post("/v1/campaigns/counted/pledges", &body).await.expect(201);
    }
    assert!(page(&client, "/c/counted/en").await.contains("data-total=\"0\""), "not before it is published");
    app.publish().await;
    for path in ["/c/counted/en", "/c/counted/en?source=partner%20%22x%22"] {
        let form = page(&client, path).await;
        assert!(form.contains("data-total=\"4\""));
        let (first, second) = (form.find("data-country=\"NG\">2<"), form.find("data-country=\"PE\">1<"));
        assert!(first.is_some() && first < second, "the largest country first");
        assert!(form.contains("data-elsewhere>1<"));
        let named = form.contains("name=\"source\" value=\"partner &#34;x&#34;\"");
        assert_eq!(named, path.contains("source"));
    }
    // The languages of the switcher keep it.
    let form = page(&client, "/c/defend/en?source=a%26b").await;
    assert!(addresses(&form).contains("/c/defend/fr?source=a%26b"), "{:?}", addresses(&form));
    // What a form with a source posts is taken.
    let posted = [("name", "Ann"), ("email", "a@example.org"), ("country", "DE"), ("source", "partner \"x\"")];
    assert_eq!(client.pledge_form(&posted).await.status, 303);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_odd_source_keeps_nobody_from_pledging() {
    let app = TestApp::start().await;
    let client = app.client();
    let long = format!("source={}", "x".repeat(65));
    let odd =
        ["source", "source=", "source=%00", "source=a%0Ab", "source=%FF", "source=a&source=b", "utm_source=x&=", &long];
    for (index, query) in odd.into_iter().enumerate() {
        let form = page(&client, &format!("/c/defend/en?{query}")).await;
        let hidden = form.split("name=\"source\" value=\"").nth(1).map(|rest| rest.split('"').next().unwrap());
        let email = format!("supporter{index}@example.org");
        let mut filled = vec![("name", "Ann"), ("email", &*email), ("country", "DE"), ("language", "en")];
        filled.extend(hidden.map(|source| ("source", source)));
        assert_eq!(client.pledge_form(&filled).await.status, 303, "{query} makes a form that can't be sent");
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_without_a_language_leads_to_the_visitors() {
    let app = TestApp::start().await;
    let client = app.client();
    for (accepted, language) in [
        ("fr", "fr"),
        ("fr-CA,en;q=0.9", "fr"),
        ("ar;q=0.5, fr;q=0.8", "fr"),
        ("de, ar;q=0.1", "ar"),
        ("FR", "fr"),
        ("de", "en"),
        ("*", "en"),
        ("", "en"),
        (";;,q=x", "en"),
        ("../../evil", "en"),
    ] {
        let answer = get_with(&client, "/c/defend", &[("accept-language", accepted)]).await;
        assert_eq!(answer.status, 302, "{accepted}");
        assert_eq!(answer.header("location"), format!("/c/defend/{language}"), "{accepted}");
        assert_eq!(answer.header("vary"), "Accept-Language");
    }
    let answer = client.get("/c/defend").await;
    assert_eq!((answer.status.as_u16(), answer.header("location")), (302, "/c/defend/en"));
    // A partner's link says where the supporter came from, also when it names no language.
    let answer = client.get("/c/defend?source=partner%20x").await;
    let location = answer.header("location").replace('+', "%20");
    assert_eq!(location, "/c/defend/en?source=partner%20x");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_of_a_campaign_are_shown_as_text() {
    let app = TestApp::start().await;
    let client = app.client();
    let texts = json!({"title": NASTY, "summary": NASTY, "body": [NASTY], "share": NASTY, "privacy_notice": NASTY});
    let consents = json!([{"purpose": "updates", "version": 1, "texts": {"en": NASTY}}]);
    let controller = json!({"name": NASTY, "contact": "javascript:alert(1)"});
    let changes = json!({"texts": {"en": texts}, "consents": consents, "controller": controller});
    app.rows.campaign_with("nasty", changes).await;
    app.service.handles.campaigns.renew().await.unwrap();
    app.publish().await;
    let query = "?source=%22%27%3E%3Cimg%20src=x%20onerror=alert(1)%3E";
    for path in ["/", "/c/nasty/en", "/c/nasty/en/thanks", &format!("/c/nasty/en{query}")] {
        let page = page(&client, path).await;
        assert!(page.contains("&#60;img src=x onerror=alert(1)&#62;"), "{path} shows the text");
        assert!(
            !page.contains("<img") && !page.contains("<script>") && !page.contains("javascript:alert(1)\""),
            "{path}"
        );
        assert!(page.contains("&#38;amp;{{7*7}}"), "{path}: kept exactly");
    }
    // In the document they are what they are.
    let body = client.get("/v1/campaigns/nasty").await.expect(200);
    assert_eq!(body["texts"]["en"]["title"], NASTY);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_page_leads_nowhere() {
    let app = TestApp::start().await;
    let client = app.client();
    app.rows.campaign_with("ended", json!({})).await;
    app.rows.execute("UPDATE campaigns SET state = 'closed' WHERE slug = 'ended'").await;
    app.service.handles.campaigns.renew().await.unwrap();
    app.publish().await;
    let mut asked: BTreeSet<String> = BTreeSet::new();
    let mut to_ask: Vec<String> = vec!["/".into(), "/c/defend/fr/thanks".into()];
    while let Some(path) = to_ask.pop() {
        if !asked.insert(path.clone()) {
            continue;
        }
        let answer = client.get(&path).await;
        let is_door = path.ends_with("/pledges");
        assert_eq!(answer.status, if is_door { 405 } else { 200 }, "{path}");
        if answer.header("content-type").starts_with("text/html") {
            to_ask.extend(addresses(&answer.text()));
        }
    }
    for expected in ["/docs", "/docs/problems", "/openapi.yaml", "/openapi.json", "/c/ended/ar", "/c/defend/fr"] {
        assert!(asked.contains(expected), "{expected} is linked nowhere: {asked:?}");
    }
    let address = |file: &str| asked.iter().find(|path| path.starts_with(&format!("/assets/{file}.")));
    for file in ["site", "favicon", "live", "form", "pledge", "solve", "notes"] {
        assert!(address(file).is_some(), "{file}: {asked:?}");
    }
    // What the form loads once it stands is named by its script alone.
    let script = client.get(address("form").unwrap()).await.text();
    let later = script.split('"').find(|part| part.starts_with("/assets/suggest.")).unwrap();
    assert_eq!(client.get(later).await.status, 200);
    let closed = page(&client, "/c/ended/en").await;
    assert!(!closed.contains("<form"));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shared_link_shows_a_card_with_absolute_addresses() {
    let app = TestApp::with(&["--public-url", "https://pledges.example.org"]).await;
    let client = app.client();
    let form = page(&client, "/c/defend/fr").await;
    let own = "https://pledges.example.org";
    assert!(form.contains(&format!("<link rel=\"canonical\" href=\"{own}/c/defend/fr\">")));
    assert!(form.contains(&format!("<link rel=\"alternate\" hreflang=\"ar\" href=\"{own}/c/defend/ar\">")));
    assert!(form.contains(&format!("<meta property=\"og:url\" content=\"{own}/c/defend/fr\">")));
    let image = form.split("property=\"og:image\" content=\"").nth(1).unwrap().split('"').next().unwrap();
    let card = client.get(image.strip_prefix(own).unwrap()).await;
    assert_eq!((card.status.as_u16(), card.header("content-type")), (200, "image/png"));
    assert!(card.body.starts_with(b"\x89PNG"));
    assert!(!form.contains("127.0.0.1"), "where it listens is nobody's business");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_there_for_browsers_a_page_for_programs_a_problem() {
    let app = TestApp::start().await;
    let client = app.client();
    let browser = "text/html,application/xhtml+xml,*/*;q=0.8";
    for path in
        ["/nothing", "/c/nothing", "/c/nothing/en", "/c/defend/de", "/c/defend/de/thanks", "/c/defend/en/x", "/docs/x"]
    {
        let answer = get_with(&client, path, &[("accept", browser)]).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("content-type")),
            (404, "text/html; charset=utf-8"),
            "{path}"
        );
        let page = answer.text();
        assert!(page.contains("<p class=\"status\">404</p>") && page.contains("name=\"robots\" content=\"noindex\""));
        // A campaign that is there can be gone back to.
        let back = if path.contains("defend/de") { "/c/defend" } else { "/" };
        assert!(page.contains(&format!("<a class=\"button main\" href=\"{back}\">")), "{path}");
    }
    for path in [
        "/nothing",
        "/v1/nothing",
        "/v1",
        "/c",
        "/assets/site.css",
        "/assets/..%2f..%2fCargo.toml",
        "/.env",
        "//",
        "/%00",
    ] {
        let answer = get_with(&client, path, &[("accept", "application/json")]).await;
        let problem = answer.problem(404, "not_found");
        assert_eq!(problem["type"], "/docs/problems#not_found", "{path}");
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_asked_with_another_method_says_which_it_has() {
    let app = TestApp::start().await;
    let client = app.client();
    for (path, method, allowed) in [
        ("/v1/campaigns/defend/pledges", Method::GET, "POST"),
        ("/v1/campaigns/defend/pledges", Method::PUT, "POST"),
        ("/v1/campaigns/defend/totals", Method::POST, "GET, HEAD"),
        ("/v1/campaigns/defend/totals.csv", Method::DELETE, "GET, HEAD"),
        ("/v1/campaigns", Method::PATCH, "GET, HEAD"),
        ("/v1/auth/login", Method::GET, "POST"),
        ("/v1/moderation/campaigns/defend/removals", Method::DELETE, "GET, HEAD, POST"),
        ("/healthz", Method::POST, "GET, HEAD"),
        ("/v1/campaigns/defend/totals", Method::OPTIONS, "GET, HEAD"),
        ("/v1/campaigns/defend/totals", Method::from_bytes(b"BREW").unwrap(), "GET, HEAD"),
    ] {
        let answer = client.send(client.request(method.clone(), path)).await;
        answer.problem(405, "method_not_allowed");
        assert_eq!(answer.header("allow"), allowed, "{method} {path}");
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_door_to_campaigns_gives_what_a_form_needs() {
    let app = TestApp::start().await;
    let client = app.client();
    let body = client.get("/v1/campaigns/defend").await.expect(200);
    assert_eq!(body["languages"], json!(["ar", "en", "fr"]));
    assert_eq!(body["fields"], json!({"name": "required", "email": "required", "message": "optional"}));
    assert_eq!(body["state"], "open");
    assert_eq!(body["consents"].as_array().unwrap().len(), 2);
    let listed = client.get("/v1/campaigns?limit=1").await.expect(200);
    assert_eq!((&listed["campaigns"][0], &listed["next_cursor"]), (&body, &Value::Null));
    for slug in ["aa", "zz"] {
        app.rows.campaign_with(slug, json!({})).await;
    }
    app.service.handles.campaigns.renew().await.unwrap();
    let mut slugs = Vec::new();
    let mut path = "/v1/campaigns?limit=1".to_owned();
    loop {
        let listed = client.get(&path).await.expect(200);
        slugs.push(listed["campaigns"][0]["slug"].as_str().unwrap().to_owned());
        let Some(cursor) = listed["next_cursor"].as_str() else { break };
        path = format!("/v1/campaigns?limit=1&cursor={cursor}");
    }
    assert_eq!(slugs, ["aa", "defend", "zz"]);
    for (query, pointer, code) in [
        ("limit=0", "/limit", "out_of_range"),
        ("limit=201", "/limit", "out_of_range"),
        ("limit=x", "/limit", "wrong_type"),
        ("cursor=%27%20OR%201=1", "/cursor", "invalid_cursor"),
        ("state=draft", "/state", "unknown_field"),
    ] {
        let problem = client.get(&format!("/v1/campaigns?{query}")).await.problem(422, "invalid_query");
        assert_eq!(problem["errors"], json!([{"pointer": pointer, "code": code}]), "{query}");
    }
    app.stop().await;
}
