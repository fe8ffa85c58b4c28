//! The body as a whole: its kind, its size, its shape.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use reqwest::Method;
use serde_json::{Value, json};

use super::{post, stored, with};
use crate::support::{TestApp, client::pledge};

const LIMIT: usize = 16 * 1024;

/// A pledge that is this many bytes of JSON, blanks included.
fn padded(bytes: usize) -> String {
    let body = pledge("ann@example.org").to_string();
    format!("{}{}", " ".repeat(bytes - body.len()), body)
}

/// Sends a request as it stands and reads the answer, without waiting for the end of the connection.
async fn raw(address: SocketAddr, request: Vec<u8>) -> String {
    let exchange = move || {
        let mut stream = TcpStream::connect(address).unwrap();
        // The service may answer and close before it has read everything.
        let _ = stream.write_all(&request);
        stream.set_read_timeout(Some(Duration::from_secs(4))).unwrap();
        let (mut answer, mut buffer) = (String::new(), [0; 4096]);
        while !is_whole(&answer) {
            match stream.read(&mut buffer) {
                Ok(0) | Err(_) => break,
                Ok(count) => answer.push_str(std::str::from_utf8(&buffer[..count]).unwrap()),
            }
        }
        answer
    };
    tokio::task::spawn_blocking(exchange).await.unwrap()
}

/// Whether as much of the body is there as the head says.
fn is_whole(answer: &str) -> bool {
    let Some((head, body)) = answer.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    body.len() >= length.parse::<usize>().unwrap()
}

/// The body in chunks of a kilobyte, without its length told beforehand.
fn chunked(body: &str) -> Vec<u8> {
    let head = "POST /v1/campaigns/defend/pledges HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
                transfer-encoding: chunked\r\nconnection: close\r\n\r\n";
    let mut request = head.as_bytes().to_vec();
    for chunk in body.as_bytes().chunks(1024) {
        request.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
        request.extend_from_slice(chunk);
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"0\r\n\r\n");
    request
}

#[tokio::test(flavor = "multi_thread")]
async fn only_json_and_forms_are_read() {
    let app = TestApp::start().await;
    let client = app.client();
    let body = pledge("ann@example.org").to_string();
    for kind in
        ["text/plain", "text/json", "application/xml", "application/jsonp", "application/json-seq", "json", "", ";"]
    {
        post(&client, kind, body.clone()).await.problem(415, "unsupported_media_type");
    }
    let unsaid = client.request(Method::POST, "/v1/campaigns/defend/pledges").body(body.clone());
    client.send(unsaid).await.problem(415, "unsupported_media_type");
    for coding in ["gzip", "br", "deflate", "identity, gzip"] {
        let request = client.request(Method::POST, "/v1/campaigns/defend/pledges").body(body.clone());
        let request = request.header("content-type", "application/json").header("content-encoding", coding);
        client.send(request).await.problem(415, "unsupported_media_type");
    }
    assert_eq!(stored(&app).await, 0);
    for kind in ["application/json", "APPLICATION/JSON", "application/json; charset=utf-8", " application/json ;x=y"] {
        post(&client, kind, body.clone()).await.expect(201);
    }
    let request = client.request(Method::POST, "/v1/campaigns/defend/pledges").body(body);
    let request = request.header("content-type", "application/json").header("content-encoding", "identity");
    client.send(request).await.expect(201);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_may_have_sixteen_kibibytes_and_not_one_more() {
    let app = TestApp::start().await;
    let client = app.client();
    post(&client, "application/json", padded(LIMIT)).await.expect(201);
    post(&client, "application/json", padded(LIMIT + 1)).await.problem(413, "payload_too_large");
    // Without a length told beforehand.
    let answer = raw(app.service.address, chunked(&padded(LIMIT))).await;
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    let answer = raw(app.service.address, chunked(&padded(LIMIT + 1))).await;
    assert!(answer.starts_with("HTTP/1.1 413 ") && answer.contains("payload_too_large"), "{answer}");
    let answer = raw(app.service.address, chunked(&padded(2 * 1024 * 1024))).await;
    // The connection may be reset while the rest is still being sent.
    assert!(answer.starts_with("HTTP/1.1 413 ") || answer.is_empty(), "{answer}");
    // With a length that is too much, nothing of the body need come.
    let head = "POST /v1/campaigns/defend/pledges HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
                content-length: 2097152\r\nconnection: close\r\n\r\n";
    let answer = raw(app.service.address, head.as_bytes().to_vec()).await;
    assert!(answer.starts_with("HTTP/1.1 413 ") && answer.contains("payload_too_large"), "{answer}");
    // A form of that size fares no better.
    let form = format!("name={}", "x".repeat(LIMIT));
    post(&client, "application/x-www-form-urlencoded", form).await.problem(413, "payload_too_large");
    assert_eq!(stored(&app).await, 1);
    client.pledge(&pledge("bob@example.org")).await.expect(201);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nesting_without_end_is_refused_at_once() {
    let app = TestApp::start().await;
    let client = app.client();
    for body in [
        "[".repeat(10_000),
        format!("{{\"name\":{}", "[".repeat(10_000)),
        format!("{{\"consents\":{}{}}}", "[".repeat(5_000), "]".repeat(5_000)),
        format!("{{\"x\":{}1{}}}", "{\"x\":".repeat(2_000), "}".repeat(2_000)),
    ] {
        let answer = post(&client, "application/json", body).await;
        assert!([400, 422].contains(&answer.status.as_u16()), "{}", answer.text());
        assert!(answer.body.len() < 1_000, "{}", answer.text());
    }
    assert_eq!(stored(&app).await, 0);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_json_is_malformed() {
    let app = TestApp::start().await;
    let client = app.client();
    let good = pledge("ann@example.org").to_string();
    for body in [
        "",
        " ",
        "{",
        "nonsense",
        "{\"name\":\"Ann\"",
        "{name:'Ann'}",
        "\u{feff}{}",
        &format!("{good}x"),
        &format!("{good}{good}"),
        "{\"name\":NaN}",
        "{\"name\":\"a\nb\"}",
    ] {
        post(&client, "application/json", body.to_owned()).await.problem(400, "malformed_json");
    }
    assert_eq!(stored(&app).await, 0);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn values_of_another_type_are_refused_with_a_pointer() {
    let app = TestApp::start().await;
    let client = app.client();
    for field in ["name", "email", "country", "message", "language", "source"] {
        for odd in [json!(1), json!(true), json!(["a"]), json!({"a": 1}), json!(1.5)] {
            client.pledge(&with(&json!({ field: odd }))).await.fields(&[(&format!("/{field}"), "wrong_type")]);
        }
    }
    for whole in [json!("text"), json!(1), json!(null), json!(true)] {
        client.pledge(&whole).await.fields(&[("", "wrong_type")]);
    }
    let twice = r#"{"name":"Ann","name":"Bob","email":"ann@example.org","country":"DE"}"#;
    post(&client, "application/json", twice).await.fields(&[("/name", "duplicate_field")]);
    assert_eq!(stored(&app).await, 0);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_not_an_object() {
    let app = TestApp::start().await;
    let client = app.client();
    for list in [json!([]), json!(["Amina Okafor", "ann@example.org", "DE"])] {
        client.pledge(&list).await.fields(&[("", "wrong_type")]);
    }
    client.pledge(&with(&json!({"consents": [["updates", 1]]}))).await.fields(&[("/consents/0", "wrong_type")]);
    assert_eq!(stored(&app).await, 0);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn protected_and_unknown_fields_are_refused_and_nothing_is_stored() {
    let app = TestApp::start().await;
    let client = app.client();
    for field in [
        "state",
        "id",
        "counted_at",
        "score",
        "campaign_id",
        "created_at",
        "fingerprint",
        "removal_id",
        "return_to",
        "consent_updates",
        "Name",
        "__proto__",
        "utm_campaign",
    ] {
        for value in [json!("counted"), Value::Null, json!({"a": [1]})] {
            let mut body = pledge("ann@example.org");
            body[field] = value;
            client.pledge(&body).await.fields(&[(&format!("/{field}"), "unknown_field")]);
        }
    }
    assert_eq!(stored(&app).await, 0);
    app.publish().await;
    assert_eq!(client.get("/v1/campaigns/defend/totals").await.expect(200)["total"], 0);
    app.stop().await;
}
