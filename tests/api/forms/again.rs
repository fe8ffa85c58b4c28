//! The form again: filled as it was, every mistake named, nothing of it taken for HTML. Programs get a problem.

use reqwest::Method;
use serde_json::json;

use super::{FILLED, PATH, stored};
use crate::support::{TestApp, client::Answer};

/// The page, if it is one: HTML with the headers of every page, kept by nobody.
#[track_caller]
fn page(answer: &Answer, status: u16) -> String {
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (status, "text/html; charset=utf-8"));
    assert_eq!(answer.header("cache-control"), "no-store", "it holds what the supporter typed");
    assert!(answer.header("content-security-policy").contains("script-src 'self'"));
    let page = answer.text();
    assert!(page.contains("<form method=\"post\"") && page.contains("role=\"alert\""));
    page
}

/// The opening tag of the element with this id.
#[track_caller]
fn tag<'a>(page: &'a str, id: &str) -> &'a str {
    let at = page.find(&format!(" id=\"{id}\"")).unwrap_or_else(|| panic!("no element {id}"));
    let start = page[..at].rfind('<').unwrap();
    &page[start..=start + page[start..].find('>').unwrap()]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mistake_shows_the_form_again_with_everything_that_was_typed() {
    let app = TestApp::start().await;
    let client = app.client();
    let own = format!("{}/c/defend/fr", client.base);
    let answer = client
        .pledge_form(&[
            ("name", "Amina \"Okafor\" & <Söhne>"),
            ("email", "amina@example"),
            ("country", "NG"),
            ("message", "</textarea><script>alert(1)</script>\nSecond line"),
            ("language", "en"),
            ("source", "home\"page"),
            ("consent_public", "on"),
            ("consent_public_version", "1"),
            ("consent_updates_version", "1"),
            ("return_to", &own),
        ])
        .await;
    let page = page(&answer, 422);
    assert!(
        tag(&page, "name").contains("value=\"Amina &#34;Okafor&#34; &#38; &#60;Söhne&#62;\""),
        "{}",
        tag(&page, "name")
    );
    assert!(tag(&page, "email").contains("value=\"amina@example\""));
    assert!(page.contains("<option value=\"NG\" selected>"));
    assert_eq!(page.matches(" selected").count(), 1);
    assert!(page.contains("\n&#60;/textarea&#62;&#60;script&#62;alert(1)&#60;/script&#62;\nSecond line</textarea>"));
    assert!(page.contains("name=\"source\" value=\"home&#34;page\""));
    assert!(page.contains(&format!("name=\"return_to\" value=\"{own}\"")));
    assert!(tag(&page, "consent_public").ends_with(" checked>"));
    assert!(!tag(&page, "consent_updates").contains("checked"));
    assert!(page.contains("name=\"consent_public_version\" value=\"1\""));
    // The mistake is told in the summary and at its field, and only there.
    assert!(page.contains("<a href=\"#email\">") && page.contains("id=\"email-error\""));
    assert!(tag(&page, "email").contains("aria-invalid=\"true\""));
    for right in ["name", "country", "message"] {
        assert!(!page.contains(&format!("id=\"{right}-error\"")) && !page.contains(&format!("href=\"#{right}\"")));
        assert!(!tag(&page, right).contains("aria-invalid"));
    }
    assert!(page.contains("<title>Error: "));
    assert_eq!(stored(&app).await, 0);
    // Mended, it is taken.
    let mended = [("name", "Amina"), ("email", "amina@example.org"), ("country", "NG"), ("return_to", &own)];
    let answer = client.pledge_form(&mended).await;
    assert_eq!((answer.status.as_u16(), answer.header("location")), (303, &*own));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_typed_is_shown_as_text() {
    let app = TestApp::start().await;
    let nasty = "\"'><img src=x onerror=alert(1)><script>x</script>{{7*7}}";
    let fields = ["name", "email", "country", "message", "language", "source", "return_to"].map(|name| (name, nasty));
    let page = page(&app.client().pledge_form(&fields).await, 422);
    assert!(!page.contains("<img") && !page.contains("<script>") && !page.contains("onerror=alert(1)>"));
    assert!(page.contains("&#60;img src=x onerror=alert(1)&#62;") && page.contains("{{7*7}}"));
    // The only scripts are our own file's.
    for (at, _) in page.match_indices("<script") {
        assert!(page[at..].starts_with("<script type=\"module\" src=\"/assets/"));
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_mistake_is_named_in_the_language_of_the_form() {
    let app = TestApp::start().await;
    let client = app.client();
    for (language, lang, direction, words) in [
        ("en", "en", "ltr", ["Please enter a name.", "Please choose a country"]),
        ("fr", "fr", "ltr", ["nom", "pays"]),
        ("ar", "ar", "rtl", ["اسم", "بلد"]),
        ("fr-CA", "fr", "ltr", ["nom", "pays"]),
        ("de", "en", "ltr", ["Please enter a name.", "Please choose a country"]),
    ] {
        let page = page(&client.pledge_form(&[("language", language), ("message", &"m".repeat(501))]).await, 422);
        assert!(page.contains(&format!("<html lang=\"{lang}\" dir=\"{direction}\">")), "{language}");
        for field in ["name", "email", "country", "message"] {
            assert!(page.contains(&format!("<a href=\"#{field}\">")), "{language}: {field} in the summary");
            assert!(page.contains(&format!("id=\"{field}-error\"")), "{language}: {field} at its field");
        }
        let summary = &page[page.find("role=\"alert\"").unwrap()..page.find("<form").unwrap()];
        assert!(words.iter().all(|word| summary.contains(word)), "{language}: {summary}");
        assert!(page.contains(&format!("name=\"language\" value=\"{lang}\"")), "it is posted in the same language");
    }
    assert_eq!(stored(&app).await, 0);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consent_text_that_has_changed_is_told_at_its_box() {
    let app = TestApp::start().await;
    let form = [&FILLED[..], &[("consent_updates", "on"), ("consent_updates_version", "9")]].concat();
    let page = page(&app.client().pledge_form(&form).await, 422);
    assert!(page.contains("<a href=\"#consent_updates\">") && page.contains("id=\"consent_updates-error\""));
    assert!(page.contains("This text has changed in the meantime."));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_gets_a_problem_instead_of_the_form() {
    let app = TestApp::start().await;
    let client = app.client();
    for accept in [None, Some("*/*"), Some("application/json"), Some("application/problem+json, application/json")] {
        let request = client.request(Method::POST, PATH).form(&[("name", "Ann"), ("country", "DE")]);
        let request = accept.into_iter().fold(request, |request, accept| request.header("accept", accept));
        client.send(request).await.fields(&[("/email", "required")]);
    }
    let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    let request = client.request(Method::POST, PATH).form(&[("name", "Ann")]).header("accept", browser);
    page(&client.send(request).await, 422);
    // JSON is answered with JSON, whatever the caller accepts.
    let request = client.request(Method::POST, PATH).json(&json!({})).header("accept", "text/html");
    client.send(request).await.problem(422, "invalid_fields");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_sees_a_page_when_the_campaign_is_closed_or_the_form_too_large() {
    let app = TestApp::start().await;
    let client = app.client();
    let huge = "m".repeat(17_000);
    let answer = client.pledge_form(&[&FILLED[..], &[("message", &huge)]].concat()).await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (413, "text/html; charset=utf-8"));
    assert!(answer.text().contains("What was sent is too large."));
    app.rows.execute("UPDATE campaigns SET state = 'closed' WHERE slug = 'defend'").await;
    app.service.handles.campaigns.renew().await.unwrap();
    let answer = client.pledge_form(&FILLED).await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (409, "text/html; charset=utf-8"));
    assert!(answer.text().contains("id=\"pledge-title\"") && !answer.text().contains("<form"));
    assert_eq!(stored(&app).await, 0);
    app.stop().await;
}
