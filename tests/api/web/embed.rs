//! What other sites load, and who may frame what.

use pledges::sealing::recipients::Identity;
use reqwest::Method;
use serde_json::{Value, json};

use super::{get_with, page};
use crate::{
    partners::partner,
    support::{PRODUCTION, TestApp, client::Answer},
};

/// The sources of `frame-ancestors`, and whether an older browser is told anything else.
fn framers(answer: &Answer) -> (Vec<String>, String) {
    let policy = answer.header("content-security-policy");
    let ancestors = policy.split("frame-ancestors ").nth(1).unwrap_or_default().split(';').next().unwrap();
    (ancestors.split(' ').map(str::to_owned).collect(), answer.header("x-frame-options").to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_s_pages_may_frame_its_form_and_nobody_else_s() {
    let app = TestApp::with(PRODUCTION).await;
    app.rows.recipient("defend", &Identity::generate()).await;
    app.service.handles.campaigns.renew().await.unwrap();
    let site = partner(&app, &["https://www.example.net", "https://*.example.com"]).await;
    let client = app.client();
    let path = |key: &str| format!("/embed/defend/en?site_key={key}");
    let own = vec!["'self'".to_owned()];
    let all = ["'self'", "https://www.example.net", "https://*.example.com"].map(str::to_owned).to_vec();
    for key in [&site.site_key, &site.test_site_key] {
        assert_eq!(framers(&client.get(&path(key)).await), (all.clone(), String::new()));
        let thanks = client.get(&format!("/embed/defend/en/thanks?site_key={key}")).await;
        assert_eq!(framers(&thanks), (all.clone(), String::new()));
    }
    for path in [path("pk_wrong"), path(&site.secret), "/embed/defend/en".into()] {
        assert_eq!(framers(&client.get(&path).await), (own.clone(), String::new()), "{path}");
    }
    for path in ["/c/defend/en", "/partners", "/dashboard/defend", "/embed/nothing/en", "/v1/campaigns/defend/totals"] {
        assert_eq!(framers(&client.get(path).await), (vec!["'none'".into()], "DENY".into()), "{path}");
    }
    app.rows.execute("UPDATE partners SET disabled_at = now()").await;
    app.service.handles.partners.renew().await.unwrap();
    assert_eq!(framers(&client.get(&path(&site.site_key)).await), (own, String::new()));
    app.stop().await;
}

/// Without JavaScript the form in the frame stays in the frame, with its mistakes and to its end.
#[tokio::test(flavor = "multi_thread")]
async fn a_plain_post_stays_in_the_frame() {
    let app = TestApp::start().await;
    let site = partner(&app, &["https://www.example.net"]).await;
    let client = app.client();
    let form = page(&client, &format!("/embed/defend/en?site_key={}", site.site_key)).await;
    let hidden = |name: &str| {
        let input = form.split("<input ").find(|input| input.contains(&format!("name=\"{name}\""))).unwrap();
        input.split("value=\"").nth(1).unwrap().split('"').next().unwrap().replace("&#38;", "&")
    };
    let to = hidden("return_to");
    assert_eq!(to, format!("/embed/defend/en/thanks?site_key={}", site.site_key));
    let hidden: Vec<(&str, String)> =
        ["site_key", "form_token", "return_to", "language"].map(|name| (name, hidden(name))).to_vec();
    let with = |more: [(&'static str, &str); 3]| {
        let more = more.map(|(name, value)| (name, value.to_owned()));
        hidden.iter().cloned().chain(more).collect::<Vec<_>>()
    };
    let post = async |fields: Vec<(&str, String)>| {
        let request = client.request(Method::POST, "/v1/campaigns/defend/pledges").header("accept", "text/html");
        client.send(request.form(&fields)).await
    };
    let again = post(with([("name", "Ann"), ("email", "ann"), ("country", "DE")])).await;
    assert_eq!(again.status, 422);
    assert!(framers(&again).0.contains(&"https://www.example.net".into()) && framers(&again).1.is_empty());
    let text = again.text();
    assert!(text.contains("<body class=\"frame\">") && text.contains("value=\"ann\"") && text.contains(&site.site_key));
    let done = post(with([("name", "Ann"), ("email", "ann@example.org"), ("country", "DE")])).await;
    assert_eq!((done.status.as_u16(), done.header("location")), (303, &*format!("{}{to}", client.base)));
    let thanks = page(&client, &to).await;
    assert!(thanks.contains("<body class=\"frame\">") && !thanks.contains("<form"));
    // On our own page nothing of that.
    let posted = [("name", "Ann"), ("email", "ann"), ("country", "DE")];
    assert_eq!(framers(&client.pledge_form(&posted).await), (vec!["'none'".into()], "DENY".into()));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_around_says_its_language_and_gets_the_nearest() {
    let app = TestApp::start().await;
    let client = app.client();
    for (asked, language) in [("en-GB", "en"), ("fr", "fr"), ("FR-ca", "fr"), ("xx", "en"), ("ar", "ar")] {
        let form = page(&client, &format!("/embed/defend/{asked}")).await;
        assert!(form.contains(&format!("<html lang=\"{language}\"")), "{asked}");
    }
    let sent_on = get_with(&client, "/embed/defend?theme=dark", &[("accept-language", "ar")]).await;
    assert_eq!((sent_on.status.as_u16(), sent_on.header("location")), (302, "/embed/defend/ar?theme=dark"));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_other_sites_load_may_be_read_by_all_and_stays_where_it_is() {
    let app = TestApp::start().await;
    let client = app.client();
    for (path, kind) in [
        ("/embed.js", "text/javascript; charset=utf-8"),
        ("/pledge.js", "text/javascript; charset=utf-8"),
        ("/wall.js", "text/javascript; charset=utf-8"),
        ("/embed/world.json", "application/json"),
        ("/embed/texts/en.json", "application/json"),
    ] {
        let answer = get_with(&client, path, &[("origin", "https://anywhere.example")]).await;
        assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, kind), "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), "*", "{path}");
        assert_eq!(answer.header("cross-origin-resource-policy"), "cross-origin", "{path}");
        assert!(answer.header("cache-control").starts_with("public, max-age=300"), "{path}");
        let etag = answer.header("etag").to_owned();
        assert_eq!(get_with(&client, path, &[("if-none-match", &etag)]).await.status, 304, "{path}");
    }
    let script = client.get("/embed.js").await.text();
    let feed = script.split('"').find(|text| text.starts_with("/assets/feed.")).expect("loaded by its hash");
    let loaded = get_with(&client, feed, &[("origin", "https://anywhere.example")]).await;
    assert_eq!((loaded.status.as_u16(), loaded.header("access-control-allow-origin")), (200, "*"));
    let words: Value = serde_json::from_str(&client.get("/embed/texts/fr.json").await.text()).unwrap();
    let english: Value = serde_json::from_str(&client.get("/embed/texts/tlh.json").await.text()).unwrap();
    assert_ne!(words["form_sending"], english["form_sending"]);
    assert!(
        words["error_required"].is_string() && words.get("dash_title").is_none() && words.get("own_title").is_none()
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn web_people_are_told_beforehand_whether_their_page_may_embed() {
    let app = TestApp::with(PRODUCTION).await;
    app.rows.recipient("defend", &Identity::generate()).await;
    app.service.handles.campaigns.renew().await.unwrap();
    let site = partner(&app, &["https://www.example.net", "https://*.example.com"]).await;
    let client = app.client();
    let check = async |key: &str, origin: &str| {
        let query = [("campaign", "defend"), ("site_key", key), ("origin", origin)];
        let query = serde_urlencoded::to_string(query).unwrap();
        let body = client.get(&format!("/v1/partner/check?{query}")).await.expect(200);
        let codes: Vec<_> =
            body["problems"].as_array().unwrap().iter().map(|problem| problem["code"].clone()).collect();
        assert!(
            body["problems"].as_array().unwrap().iter().all(|problem| problem["text"].as_str().unwrap().len() > 20)
        );
        (body["may_embed"].as_bool().unwrap(), json!(codes))
    };
    let good = "https://www.example.net";
    for (key, origin, expected) in [
        (&*site.site_key, good, (true, json!([]))),
        (&site.site_key, "https://a.example.com", (true, json!([]))),
        (&site.test_site_key, good, (true, json!(["test_key"]))),
        (&site.site_key, "https://example.net", (false, json!(["foreign_origin"]))),
        (&site.site_key, "http://www.example.net", (false, json!(["insecure_origin"]))),
        (&site.site_key, "https://www.example.net/", (false, json!(["not_an_origin"]))),
        (&site.site_key, "https://www.example.net/page", (false, json!(["not_an_origin"]))),
        (&site.site_key, "https://*.example.com", (false, json!(["not_an_origin"]))),
        (&site.site_key, "null", (false, json!(["null_origin"]))),
        ("pk_nothing", good, (false, json!(["unknown_key"]))),
        (&site.secret, good, (false, json!(["unknown_key"]))),
        ("pk_nothing", "null", (false, json!(["null_origin", "unknown_key"]))),
    ] {
        assert_eq!(check(key, origin).await, expected, "{key} {origin}");
    }
    app.rows.execute("UPDATE partners SET disabled_at = now()").await;
    app.service.handles.partners.renew().await.unwrap();
    assert_eq!(check(&site.site_key, good).await, (false, json!(["partner_disabled"])));
    let nowhere = client.get("/v1/partner/check?campaign=nothing&site_key=pk_x&origin=https://example.org").await;
    nowhere.problem(404, "campaign_not_found");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dashboard_is_whole_without_its_script() {
    let app = TestApp::start().await;
    let client = app.client();
    for number in 0..3 {
        client.pledge(&crate::support::client::pledge(&format!("p{number}@example.org"))).await.expect(201);
    }
    app.publish().await;
    let board = page(&client, "/dashboard/defend?lang=fr").await;
    assert!(board.contains("<html lang=\"fr\"") && board.contains("data-total=\"3\""), "{board}");
    assert!(board.contains("/dashboard/defend?lang=ar"));
    assert!(page(&client, "/dashboard/defend?wall").await.contains("dashboard wall"));
    assert_eq!(client.get("/dashboard/nothing").await.status, 404);
    let partners = page(&client, "/partners").await;
    let policy = client.get("/partners").await.header("content-security-policy").to_owned();
    assert!(policy.ends_with("frame-ancestors 'none'; frame-src 'self'"), "{policy}");
    let script = partners.split(&client.base).find(|part| part.starts_with("/assets/embed.")).expect("a fixed version");
    let (path, rest) =
        script.split_once("\" integrity=\"").unwrap_or_else(|| script.split_once("&#34; integrity=&#34;").unwrap());
    let integrity = rest.split(['"', '&']).next().unwrap();
    assert_eq!(integrity, pledges::crypto::integrity(&client.get(path).await.body));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn web_people_are_offered_the_wall_of_a_campaign_that_has_one() {
    let app = TestApp::start().await;
    let client = app.client();
    assert!(!page(&client, "/partners").await.contains("pledge-wall"));
    app.rows.campaign_with("walled", json!({"wall": true})).await;
    app.service.handles.campaigns.renew().await.unwrap();
    let partners = page(&client, "/partners").await;
    let choice = |slug: &str| {
        let choice = partners.split("<option ").find(|choice| choice.contains(&format!("value=\"{slug}\"")));
        choice.unwrap().split('>').next().unwrap().to_owned()
    };
    assert!(choice("walled").ends_with(" data-has-wall") && !choice("defend").contains("data-has-wall"));
    // Without JavaScript nothing is chosen: it is the one that has a wall.
    assert!(partners.contains("&lt;pledge-wall campaign=\"walled\" lang=\"en\"&gt;"));
    assert!(partners.contains(&format!("src=\"{}/wall.js\"&gt;", client.base)));
    app.stop().await;
}

/// What a page's scripts import is asked for at once; what only some need, only where it is needed.
#[tokio::test(flavor = "multi_thread")]
async fn pages_ask_at_once_for_what_their_scripts_import() {
    let app = TestApp::start().await;
    let client = app.client();
    let preloads = async |path: &str| {
        let page = page(&client, path).await;
        let links = page.split("<link rel=\"modulepreload\" href=\"/assets/").skip(1);
        links.map(|link| link.split('.').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let form = ["notes", "pledge", "solve"].map(str::to_owned).to_vec();
    assert_eq!(preloads("/embed/defend/en").await, form);
    assert_eq!(preloads("/embed/defend/en?accent=&theme=dark").await, form);
    for look in ["accent=0b6e4f", "radius=4", "font=serif"] {
        let with_look: Vec<_> = std::iter::once("look".to_owned()).chain(form.clone()).collect();
        assert_eq!(preloads(&format!("/embed/defend/en?{look}")).await, with_look);
    }
    let dashboard = preloads("/dashboard/defend").await;
    assert!(["chart", "feed", "map", "series"].iter().all(|name| dashboard.contains(&(*name).to_owned())));
    app.stop().await;
}

/// The form says that it is for trials, and so does what follows a plain post.
#[tokio::test(flavor = "multi_thread")]
async fn a_form_for_trials_says_so() {
    let app = TestApp::start().await;
    let site = partner(&app, &["https://www.example.net"]).await;
    let client = app.client();
    for path in ["/c/defend/en", "/embed/defend/en"] {
        let form = page(&client, &format!("{path}?site_key={}", site.test_site_key)).await;
        assert!(form.contains("data-trial"), "{path}");
        let to = format!("{path}/thanks?site_key={}", site.test_site_key);
        assert!(form.contains(&format!("name=\"return_to\" value=\"{to}\"")), "{path}");
        let note = "class=\"trial\"";
        assert!(page(&client, &to).await.contains(note), "{path}");
        let form = page(&client, &format!("{path}?site_key={}", site.site_key)).await;
        assert!(!form.contains("data-trial"), "{path}");
        assert!(!page(&client, &format!("{path}/thanks?site_key={}", site.site_key)).await.contains(note), "{path}");
    }
    app.stop().await;
}
