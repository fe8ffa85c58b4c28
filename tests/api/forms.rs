//! Plain HTML forms: the same pledge without JavaScript, and the filled form again when something is not right.

mod again;

use reqwest::{Method, multipart::Form};
use serde_json::json;

use crate::support::{
    TestApp,
    client::{Answer, Client},
};

const PATH: &str = "/v1/campaigns/defend/pledges";

/// What the form of the campaign `defend` needs.
const FILLED: [(&str, &str); 3] = [("name", "Amina Okafor"), ("email", "amina@example.org"), ("country", "NG")];

/// The filled form with more fields, posted by a program: problems come as problems.
async fn post(client: &Client, more: &[(&str, &str)]) -> Answer {
    client.send(client.request(Method::POST, PATH).form(&[&FILLED[..], more].concat())).await
}

/// The filled form with a return address, posted by a browser.
async fn post_returning(client: &Client, to: &str) -> Answer {
    client.pledge_form(&[&FILLED[..], &[("return_to", to)]].concat()).await
}

/// An urlencoded body as it stands.
async fn post_raw(client: &Client, body: impl Into<reqwest::Body>) -> Answer {
    let request = client.request(Method::POST, PATH).header("content-type", "application/x-www-form-urlencoded");
    client.send(request.body(body)).await
}

async fn stored(app: &TestApp) -> i64 {
    app.rows.number("SELECT count(*) FROM pledges").await
}

/// The newest pledge: country, language, source, and the versions of its consents.
async fn newest(app: &TestApp) -> String {
    let columns = "concat_ws('|', country, coalesce(language, ''), coalesce(source, ''), coalesce(consent_updates, 0), \
                   coalesce(consent_partner, 0), coalesce(consent_public, 0))";
    app.rows.value(&format!("SELECT {columns} FROM pledges ORDER BY created_at DESC, id DESC LIMIT 1")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_body_reaches_the_same_code() {
    let app = TestApp::start().await;
    let client = app.client();
    let fields = |email: &'static str| {
        [
            ("name", "José & Ana = 100%"),
            ("email", email),
            ("country", "pt"),
            ("message", "Olá,\r\n+1 & more"),
            ("language", "pt-br"),
            ("source", "home page"),
            ("consent_updates", "on"),
            ("consent_updates_version", "1"),
        ]
    };
    client.send(client.request(Method::POST, PATH).form(&fields("one@example.org"))).await;
    let by_urlencoded = newest(&app).await;
    let form = fields("two@example.org").into_iter().fold(Form::new(), |form, (name, value)| form.text(name, value));
    let answer = client.send(client.request(Method::POST, PATH).multipart(form)).await;
    assert_eq!((answer.status.as_u16(), answer.body.len()), (303, 0));
    let by_multipart = newest(&app).await;
    let json = json!({"name": "José & Ana = 100%", "email": "three@example.org", "country": "pt",
        "message": "Olá,\r\n+1 & more", "language": "pt-br", "source": "home page",
        "consents": [{"purpose": "updates", "version": 1}]});
    client.pledge(&json).await.expect(201);
    let by_json = newest(&app).await;
    assert_eq!(by_json, "PT|pt-BR|home page|1|0|0");
    assert_eq!((by_urlencoded, by_multipart), (by_json.clone(), by_json));
    let copies = crate::pledges::copies(&app).await;
    assert_eq!(copies.len(), 3);
    for copy in &copies {
        assert_eq!(copy.name.as_deref(), Some("José & Ana = 100%"));
        assert_eq!(copy.message.as_deref(), Some("Olá,\n+1 & more"));
    }
    // One mailbox is one mailbox, whatever the door.
    for body in [fields("THREE@example.org"), fields("one@Example.org")] {
        assert_eq!(client.send(client.request(Method::POST, PATH).form(&body)).await.status, 303);
    }
    client.pledge(&json!({"name": "x", "email": "two@EXAMPLE.org", "country": "DE"})).await.expect(201);
    assert_eq!(stored(&app).await, 3);
    assert_eq!(app.differences().await, [""; 0]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn success_leads_to_thanks_in_the_language_of_the_form() {
    let app = TestApp::start().await;
    let client = app.client();
    for (language, spoken) in [
        ("", "en"),
        ("en", "en"),
        ("fr", "fr"),
        ("FR", "fr"),
        ("fr-CA", "fr"),
        ("ar", "ar"),
        ("ar-EG", "ar"),
        ("de", "en"),
        ("zh-Hant", "en"),
    ] {
        let answer = client.pledge_form(&[&FILLED[..], &[("language", language), ("return_to", "")]].concat()).await;
        assert_eq!(answer.status, 303, "{language}");
        assert_eq!(answer.header("location"), format!("/c/defend/{spoken}/thanks"), "{language}");
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(client.get(answer.header("location")).await.status, 200);
    }
    // A language with a region of its own.
    let text = json!({"title": "Um compromisso", "summary": "Resumo.", "body": [], "share": "Partilhar",
        "privacy_notice": "Aviso."});
    let english = json!({"title": "A pledge", "summary": "A summary.", "body": [], "share": "Share",
        "privacy_notice": "A notice."});
    app.rows.campaign_with("lusophone", json!({"texts": {"en": english, "pt-BR": text}})).await;
    app.service.handles.campaigns.renew().await.unwrap();
    app.publish().await;
    let form = [&FILLED[..], &[("language", "pt-BR")]].concat();
    let request = client.request(Method::POST, "/v1/campaigns/lusophone/pledges").header("accept", "text/html");
    let answer = client.send(request.form(&form)).await;
    assert_eq!(answer.header("location"), "/c/lusophone/pt-BR/thanks");
    assert_eq!(client.get("/c/lusophone/pt-BR/thanks").await.status, 200);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn success_leads_to_an_address_of_our_own() {
    let app = TestApp::start().await;
    let client = app.client();
    let own = client.base.clone();
    for (to, location) in [
        ("/c/defend/fr", format!("{own}/c/defend/fr")),
        ("/c/defend/fr?source=x&y=1#pledge", format!("{own}/c/defend/fr?source=x&y=1#pledge")),
        ("/", format!("{own}/")),
        ("c/defend", format!("{own}/c/defend")),
        ("?done", format!("{own}/?done")),
        (&format!("{own}/c/defend/ar"), format!("{own}/c/defend/ar")),
        (&format!("{own}/a b"), format!("{own}/a%20b")),
    ] {
        let answer = post_returning(&client, to).await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (303, &*location), "{to}");
    }
    app.stop().await;
    // Where visitors reach the service is what counts, not where it listens.
    let app = TestApp::with(&["--public-url", "https://pledges.example.org"]).await;
    let client = app.client();
    let answer = post_returning(&client, "/c/defend/fr").await;
    assert_eq!(answer.header("location"), "https://pledges.example.org/c/defend/fr");
    let answer = post_returning(&client, "https://pledges.example.org/x").await;
    assert_eq!(answer.header("location"), "https://pledges.example.org/x");
    for foreign in [format!("{}/x", client.base), "http://pledges.example.org/x".into()] {
        assert_eq!(post_returning(&client, &foreign).await.status, 422, "{foreign}");
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn success_never_leads_to_strangers() {
    let app = TestApp::start().await;
    let client = app.client();
    let (own, port) = (client.base.clone(), app.service.address.port());
    for foreign in [
        "https://evil.example/",
        "//evil.example",
        "///evil.example",
        "////evil.example",
        "\\\\evil.example",
        "/\\evil.example",
        "\\/evil.example",
        "https:evil.example",
        "https:/evil.example",
        "/\t/evil.example",
        "\t//evil.example",
        " //evil.example",
        "ht\ntps://evil.example",
        "javascript:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        &format!("blob:{own}/x"),
        &format!("{own}.evil.example/"),
        &format!("{own}@evil.example/"),
        &format!("https://127.0.0.1:{port}/"),
        &format!("http://localhost:{port}/"),
        &format!("http://127.0.0.1:{}/", port ^ 1),
        "http://127.0.0.1/",
        "http://[::1",
    ] {
        let answer = post_returning(&client, foreign).await;
        assert_eq!(answer.status, 422, "{foreign:?} leads to {}", answer.header("location"));
        assert_eq!(answer.header("location"), "");
        post(&client, &[("return_to", foreign)]).await.fields(&[("/return_to", "not_allowed")]);
    }
    assert_eq!(stored(&app).await, 0);
    // What a URL parser takes for a path of ours is answered as a whole address, so that no browser reads it otherwise.
    for odd in ["/.//evil.example", "/..//evil.example", "/%2F/evil.example", "http:evil.example", "/\r\nx: y"] {
        let answer = post_returning(&client, odd).await;
        let location = answer.header("location");
        let inside = answer.status == 303 && location.starts_with(&format!("{own}/"));
        assert!(inside || answer.status == 422, "{odd:?} leads to {location}");
        assert!(!answer.headers.contains_key("x"));
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ticked_boxes_are_on_true_or_1_and_carry_their_version() {
    let app = TestApp::start().await;
    let client = app.client();
    for (index, (ticked, version)) in
        [("on", 1), ("true", 1), ("1", 1), ("off", 0), ("false", 0), ("0", 0), ("yes", 0), ("ON", 0), ("", 0)]
            .into_iter()
            .enumerate()
    {
        let email = format!("supporter{index}@example.org");
        let answer = client
            .pledge_form(&[
                ("name", "Ann"),
                ("email", &email),
                ("country", "DE"),
                ("consent_public", ticked),
                ("consent_public_version", "1"),
                // A version alone agrees to nothing: the page always sends it.
                ("consent_updates_version", "1"),
            ])
            .await;
        assert_eq!(answer.status, 303, "{ticked}");
        assert_eq!(newest(&app).await, format!("DE|||0|0|{version}"), "{ticked}");
    }
    let before = stored(&app).await;
    let tick = ("consent_updates", "on");
    post(&client, &[tick]).await.fields(&[("/consent_updates_version", "required")]);
    post(&client, &[tick, ("consent_updates_version", "")]).await.fields(&[("/consent_updates_version", "required")]);
    for odd in ["x", "1.0", "99999", " 1"] {
        let answer = post(&client, &[tick, ("consent_updates_version", odd)]).await;
        answer.fields(&[("/consent_updates_version", "wrong_type")]);
    }
    assert_eq!(stored(&app).await, before);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consent_that_was_never_shown_is_told_at_its_box() {
    let app = TestApp::start().await;
    let client = app.client();
    let version = [("consent_updates", "on"), ("consent_updates_version", "9")];
    post(&client, &version).await.fields(&[("/consent_updates", "unknown_consent")]);
    let partner = [("consent_partner", "on"), ("consent_partner_version", "1")];
    post(&client, &partner).await.fields(&[("/consent_partner", "unknown_consent")]);
    assert_eq!(stored(&app).await, 0);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn empty_is_absent_and_unknown_names_are_ignored() {
    let app = TestApp::start().await;
    let client = app.client();
    let more = [
        ("message", ""),
        ("language", ""),
        ("source", ""),
        ("return_to", ""),
        ("state", ""),
        ("utm_campaign", "x\0y"),
        ("csrf", "\u{202e}"),
        ("consent_", "on"),
        ("consent_everything", "on"),
        ("consents", "[1]"),
        ("", "nameless"),
        ("Name", "another"),
    ];
    assert_eq!(post(&client, &more).await.status, 303);
    assert_eq!(newest(&app).await, "NG|||0|0|0");
    assert_eq!(crate::pledges::copies(&app).await[0].message, None);
    let empty =
        client.send(client.request(Method::POST, PATH).form(&[("name", ""), ("email", ""), ("country", "")])).await;
    empty.fields(&[("/name", "required"), ("/email", "required"), ("/country", "required")]);
    post_raw(&client, "").await.fields(&[("/name", "required"), ("/email", "required"), ("/country", "required")]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn protected_names_and_names_that_come_twice_are_refused() {
    let app = TestApp::start().await;
    let client = app.client();
    for name in ["state", "id", "counted_at", "score", "created_at", "removal_id", "fingerprint", "state_before"] {
        post(&client, &[(name, "counted")]).await.fields(&[(&format!("/{name}"), "unknown_field")]);
    }
    for (name, again) in [("name", "Ann"), ("email", "amina@example.org"), ("country", "NG")] {
        post(&client, &[(name, again)]).await.fields(&[(&format!("/{name}"), "duplicate_field")]);
    }
    // Told together with what else is wrong.
    let request = client.request(Method::POST, PATH).form(&[("state", "removed"), ("name", "Ann"), ("country", "XX")]);
    client.send(request).await.fields(&[
        ("/state", "unknown_field"),
        ("/email", "required"),
        ("/country", "invalid_country"),
    ]);
    assert_eq!(stored(&app).await, 0);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_cannot_be_read_is_malformed() {
    let app = TestApp::start().await;
    let client = app.client();
    for body in ["name=%FF&email=a@b.org", "name=%C3", "name=%ED%A0%80", "%FF=x"] {
        post_raw(&client, body).await.problem(400, "malformed_form");
    }
    post_raw(&client, b"name=\xff".to_vec()).await.problem(400, "malformed_form");
    let part = |name: &str, value: &[u8]| {
        let head = format!("--x\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n");
        [head.as_bytes(), value, b"\r\n"].concat()
    };
    let multipart = async |kind: &str, body: Vec<u8>| {
        client.send(client.request(Method::POST, PATH).header("content-type", kind).body(body)).await
    };
    let kind = "multipart/form-data; boundary=x";
    let end = &b"--x--\r\n"[..];
    multipart("multipart/form-data", [&part("name", b"Ann"), end].concat()).await.problem(400, "malformed_form");
    multipart(kind, [&part("name", b"\xff"), end].concat()).await.problem(400, "malformed_form");
    multipart(kind, part("name", b"Ann")).await.problem(400, "malformed_form");
    multipart(kind, b"nonsense".to_vec()).await.problem(400, "malformed_form");
    multipart(kind, Vec::new()).await.problem(400, "malformed_form");
    let nameless = b"--x\r\ncontent-disposition: form-data\r\n\r\nAnn\r\n--x--\r\n".to_vec();
    multipart(kind, nameless).await.problem(400, "malformed_form");
    assert_eq!(stored(&app).await, 0);
    // And one that can.
    let parts = [part("name", "Ænn".as_bytes()), part("email", b"ann@example.org"), part("country", b"DK"), end.into()];
    assert_eq!(multipart(kind, parts.concat()).await.status, 303);
    assert_eq!(crate::pledges::copies(&app).await[0].name.as_deref(), Some("Ænn"));
    // A line break smuggled into a field, and a null.
    for (value, code) in [(&b"Ann\r\nBcc: x"[..], "invalid_text"), (b"Ann\0", "invalid_text")] {
        let parts = [part("name", value), part("email", b"bob@example.org"), part("country", b"DK"), end.into()];
        multipart(kind, parts.concat()).await.fields(&[("/name", code)]);
    }
    post(&client, &[("message", "a\0b")]).await.fields(&[("/message", "invalid_text")]);
    app.stop().await;
}
