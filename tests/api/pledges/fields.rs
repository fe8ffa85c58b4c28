//! What each field takes and refuses: kept exactly, or told with a pointer and a code, and never repeated.

use pledges::accounts::Role;
use serde_json::{Value, json};

use super::{copies, post, stored, with};
use crate::support::{TestApp, client::pledge};

/// Text that means something to somebody else's program.
const ODD: [&str; 20] = [
    "=cmd()",
    "+1",
    "-x",
    "@SUM(A1)",
    "<img src=x onerror=alert(1)>",
    "'; DROP TABLE pledges; --",
    "100%_\\",
    "a;b\"c`d",
    "{{7*7}}${x}%s%n",
    "..\\..\\etc",
    "%00%0d%0a",
    "\\u0000",
    "null",
    "𝒜𝓶𝓲𝓷𝓪 👩🏽‍🤝‍👩🏻 🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}",
    "می‌خواهم \u{200f}דוד\u{200e}",
    "q\u{323}\u{307}\u{301}", // Combining characters that don't compose, in canonical order.
    "李小龙",
    "क्षत्रिय",
    "Z\u{351}\u{36b}\u{36a}",
    "a\u{200b}b",
];

/// A pledge with one field of its own.
fn with_field(field: &str, value: &str) -> Value {
    with(&json!({ field: value }))
}

/// An address of this many bytes.
fn address(bytes: usize) -> String {
    let labels = [["b".repeat(63), "c".repeat(63), "d".repeat(63)].join("."), "e".repeat(63)].join(".");
    let domain: String = labels.chars().take(bytes - 64 - 1 - 4).collect();
    format!("{}@{domain}.org", "a".repeat(64))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_field_takes_its_longest_value_and_refuses_one_more() {
    let app = TestApp::start().await;
    let client = app.client();
    let tag = |chars: usize| format!("de-x-{}", "abcdefgh-abcdefgh-abcdefgh-abcdefgh".split_at(chars - 5).0);
    let (four_bytes, composed) = ("𝒜".repeat(100), "e\u{301}".repeat(100));
    let cases: Vec<(&str, String, Option<&str>)> = vec![
        ("name", String::new(), Some("required")),
        ("name", " \u{3000}\t".into(), Some("required")),
        ("name", "\u{200b}\u{2060}".into(), Some("too_short")),
        ("name", "x".into(), None),
        ("name", "李".into(), None),
        ("name", "n".repeat(100), None),
        ("name", format!("  {}  ", "n".repeat(100)), None),
        ("name", "n".repeat(101), Some("too_long")),
        ("name", four_bytes.clone(), None),
        ("name", format!("{four_bytes}𝒜"), Some("too_long")),
        ("name", composed.clone(), None),
        ("name", format!("{composed}e"), Some("too_long")),
        ("email", String::new(), Some("required")),
        ("email", "a@b.io".into(), None),
        ("email", address(254), None),
        ("email", address(255), Some("too_long")),
        ("email", format!("{}@example.org", "a".repeat(65)), Some("invalid_email")),
        ("country", String::new(), Some("required")),
        ("country", "D".into(), Some("invalid_country")),
        ("country", "DEU".into(), Some("invalid_country")),
        ("message", String::new(), None),
        ("message", "m".into(), None),
        ("message", "m".repeat(500), None),
        ("message", "m".repeat(501), Some("too_long")),
        ("message", "𝒜".repeat(500), None),
        ("message", format!("{}m", "m\r\n".repeat(249)), None),
        ("message", format!("{}mm", "m\n".repeat(250)), Some("too_long")),
        ("language", String::new(), Some("required")),
        ("language", "d".into(), Some("invalid_language")),
        ("language", "de".into(), None),
        ("language", tag(35), None),
        ("language", tag(36), Some("too_long")),
        ("source", String::new(), Some("required")),
        ("source", "s".into(), None),
        ("source", "s".repeat(64), None),
        ("source", "s".repeat(65), Some("too_long")),
        ("source", "𝒜".repeat(64), None),
    ];
    let mut recorded = 0;
    for (index, (field, value, code)) in cases.iter().enumerate() {
        let mut body = pledge(&format!("supporter{index}@example.org"));
        body[*field] = json!(value);
        let answer = client.pledge(&body).await;
        if let Some(code) = code {
            answer.fields(&[(&format!("/{field}"), code)]);
        } else {
            assert_eq!(answer.status, 201, "{field} of {}: {}", value.chars().count(), answer.text());
            recorded += 1;
        }
        assert_eq!(stored(&app).await, recorded, "{field} of {}", value.chars().count());
    }
    assert_eq!(app.differences().await, [""; 0]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_taken_is_kept_and_shown_to_moderators_exactly() {
    let app = TestApp::start().await;
    let client = app.client();
    for (index, text) in ODD.iter().enumerate() {
        let mut body = pledge(&format!("supporter{index}@example.org"));
        for field in ["name", "message", "source"] {
            body[field] = json!(text);
        }
        assert_eq!(client.pledge(&body).await.status, 201, "{text:?}");
    }
    // What blanks, line breaks and composition become.
    let mut tidied = pledge("tidied@example.org");
    tidied["name"] = json!("\u{3000}\t Jose\u{301} \u{a0}");
    tidied["message"] = json!(" \n a\r\n\tb\n\n");
    tidied["language"] = json!("ZH-hant-tw");
    client.pledge(&tidied).await.expect(201);
    let kept = copies(&app).await;
    for (copy, text) in kept.iter().zip(ODD) {
        assert_eq!((copy.name.as_deref(), copy.message.as_deref()), (Some(text), Some(text)));
    }
    let last = kept.last().unwrap();
    assert_eq!((last.name.as_deref(), last.message.as_deref()), (Some("José"), Some("a\n\tb")));
    assert_eq!(last.email.as_deref(), Some("t•••@example.org"));

    let moderator = app.signed_in(Role::Moderator).await;
    let page = moderator.get("/v1/moderation/campaigns/defend/pledges?limit=200").await.expect(200);
    let mut shown: Vec<&Value> = page["pledges"].as_array().unwrap().iter().collect();
    shown.reverse();
    assert_eq!(shown.len(), ODD.len() + 1);
    for (pledge, text) in shown.iter().zip(ODD) {
        assert_eq!((&pledge["review"]["message"], &pledge["source"]), (&json!(text), &json!(text)));
        let name = pledge["review"]["name"].as_str().unwrap();
        assert!(text.len() < 4 || name != text, "{name} is not masked");
        assert_eq!(name.chars().next(), text.chars().next());
        assert_eq!(pledge["review"]["email"], "s•••@example.org");
    }
    assert_eq!(shown.last().unwrap()["language"], "zh-Hant-TW");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn characters_without_a_place_in_text_are_refused_with_a_pointer() {
    let app = TestApp::start().await;
    let client = app.client();
    let (text, bidi) = ("invalid_text", "bidi_override");
    for (value, code) in [
        ("a\0b", text),
        ("\0", text),
        ("a\u{1}b", text),
        ("a\u{1b}[31m", text),
        ("a\u{7f}b", text),
        ("a\u{85}b", text),
        ("a\u{2028}b", text),
        ("a\u{e000}b", text),
        ("a\u{ffff}b", text),
        ("a\u{e0041}b", text),
        ("a\u{202e}b", bidi),
        ("\u{202a}a", bidi),
        ("a\u{2066}b\u{2069}", bidi),
    ] {
        client.pledge(&with_field("name", value)).await.fields(&[("/name", code)]);
        client.pledge(&with_field("message", value)).await.fields(&[("/message", code)]);
        client.pledge(&with_field("source", value)).await.fields(&[("/source", "invalid_source")]);
        client.pledge(&with_field("language", value)).await.fields(&[("/language", "invalid_language")]);
        client.pledge(&with_field("country", value)).await.fields(&[("/country", "invalid_country")]);
        let email = format!("{value}@example.org");
        client.pledge(&with_field("email", &email)).await.fields(&[("/email", "invalid_email")]);
    }
    // A line break would make a second header of a mail, a second line of a log; a message may have some.
    for line in ["a\nb", "a\r\nBcc: x", "a\rb", "\na", "a\r\n"] {
        client.pledge(&with_field("name", line)).await.fields(&[("/name", text)]);
        client.pledge(&with_field("source", line)).await.fields(&[("/source", "invalid_source")]);
        let email = format!("{line}@example.org");
        client.pledge(&with_field("email", &email)).await.fields(&[("/email", "invalid_email")]);
        let email = format!("ann@example.org{line}");
        client.pledge(&with_field("email", &email)).await.fields(&[("/email", "invalid_email")]);
    }
    client.pledge(&with_field("message", "a\rb")).await.fields(&[("/message", text)]);
    assert_eq!(stored(&app).await, 0);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_string_that_is_no_text_is_refused_with_a_pointer() {
    let app = TestApp::start().await;
    let client = app.client();
    let rest = r#""email":"ann@example.org","country":"DE""#;
    for escapes in
        [r"\u0000", r"a\u0000b", r"\ud800", r"\udc00", r"\udc00\ud800", r"\ud83d", r"\ud83dx", r"\ud83d\u0041"]
    {
        for field in ["name", "message"] {
            let name = if field == "name" { "" } else { r#""name":"Ann","# };
            let body = format!(r#"{{{name}"{field}":"{escapes}",{rest}}}"#);
            post(&client, "application/json", body).await.fields(&[(&format!("/{field}"), "invalid_text")]);
        }
    }
    for bytes in [&b"\xff"[..], b"\xc3", b"\xed\xa0\x80", b"\xc0\x80", b"\xf5\x80\x80\x80"] {
        let body = [br#"{"name":""#, bytes, br#"","#, rest.as_bytes(), b"}"].concat();
        post(&client, "application/json", body).await.fields(&[("/name", "invalid_text")]);
    }
    assert_eq!(stored(&app).await, 0);
    // A pair of surrogates is one character.
    let body = format!(r#"{{"name":"\ud83d\ude00 \u0041nn",{rest}}}"#);
    post(&client, "application/json", body).await.expect(201);
    assert_eq!(copies(&app).await[0].name.as_deref(), Some("😀 Ann"));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_carries_no_link_and_an_address_can_be_written_to() {
    let app = TestApp::start().await;
    let client = app.client();
    for link in ["https://evil.example", "Ann http://x", "www.evil.example", "evil.com/buy", "//evil", "ｈｔｔｐ://x"]
    {
        client.pledge(&with_field("name", link)).await.fields(&[("/name", "contains_link")]);
    }
    for email in [
        "ann",
        "@example.org",
        "ann@",
        "ann@localhost",
        "ann@[127.0.0.1]",
        "ann@127.0.0.1",
        "ann@example.org.",
        "a b@example.org",
        "\"a b\"@example.org",
        "Ann <ann@example.org>",
        "ann@example.org, bob@example.org",
        "ünn@example.org",
        "ann@exa_mple.org",
        ".ann@example.org",
        "a..b@example.org",
    ] {
        client.pledge(&with_field("email", email)).await.fields(&[("/email", "invalid_email")]);
    }
    for country in ["XX", "UK", "EU", "AA", " DE", "DE ", "germany", "ß", "D\u{0}"] {
        client.pledge(&with_field("country", country)).await.fields(&[("/country", "invalid_country")]);
    }
    assert_eq!(stored(&app).await, 0);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_mistake_is_told_at_once() {
    let app = TestApp::start().await;
    let body = json!({"name": "", "email": "ann", "country": "XX", "message": "\u{202e}", "language": "?", "source": "\n",
        "consents": [{"purpose": "partner", "version": 1}, {"purpose": "updates", "version": 1},
            {"purpose": "updates", "version": 1}]});
    app.client().pledge(&body).await.fields(&[
        ("/name", "required"),
        ("/email", "invalid_email"),
        ("/country", "invalid_country"),
        ("/message", "bidi_override"),
        ("/language", "invalid_language"),
        ("/source", "invalid_source"),
        ("/consents/0", "unknown_consent"),
        ("/consents/2", "duplicate_field"),
    ]);
    let nothing = app.client().pledge(&json!({})).await;
    nothing.fields(&[("/name", "required"), ("/email", "required"), ("/country", "required")]);
    assert_eq!(stored(&app).await, 0);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_wrong_is_never_repeated() {
    const MARKER: &str = "zq7Marker";
    let app = TestApp::start().await;
    let client = app.client();
    let all = json!({"name": format!("http://{MARKER}"), "email": MARKER, "country": MARKER,
        "message": format!("{MARKER}\0"), "language": format!("{MARKER}!"), "source": format!("{MARKER}\n")});
    let mut answers = vec![client.pledge(&all).await];
    for (field, value) in [
        ("name", json!({MARKER: MARKER})),
        ("name", json!([MARKER])),
        ("state", json!(MARKER)),
        ("consents", json!(MARKER)),
        ("consents", json!([{"purpose": MARKER, "version": 1}])),
        ("consents", json!([{"purpose": "updates", "version": MARKER}])),
        ("consents", json!([{"purpose": "updates", "version": 1, "x": MARKER}])),
    ] {
        answers.push(client.pledge(&with(&json!({ field: value }))).await);
    }
    for body in [
        MARKER.to_owned(),
        format!("\"{MARKER}\""),
        format!("{{\"name\":\"{MARKER}\""),
        format!("{{\"name\":\"{MARKER}\\ud800\"}}"),
        format!("{{\"name\":\"{MARKER}\",\"name\":\"{MARKER}\"}}"),
        format!("{{\"name\":\"{MARKER}\"}} {MARKER}"),
    ] {
        answers.push(post(&client, "application/json", body).await);
    }
    answers.push(post(&client, MARKER, "{}").await);
    answers.push(post(&client, "multipart/form-data; boundary=x", MARKER).await);
    answers.push(super::post_with_key(&client, "defend", format!("{MARKER} x"), &pledge("ann@example.org")).await);
    answers.push(client.post(&format!("/v1/campaigns/{MARKER}/pledges"), &pledge("ann@example.org")).await);
    answers.push(client.get(&format!("/v1/campaigns/{MARKER}/totals")).await);
    for answer in answers {
        assert!(answer.status.is_client_error(), "{}", answer.status);
        let all = format!("{:?}{}", answer.headers, answer.text()).to_lowercase();
        assert!(!all.contains(&MARKER.to_lowercase()), "{} repeats the value: {all}", answer.status);
    }
    assert_eq!(stored(&app).await, 0);
    app.stop().await;
}
