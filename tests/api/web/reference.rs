//! Documentation and files: complete, the same as the code says, and kept by browsers as long as they may be.

use std::io::Read;

use pledges::http::{Code, FieldCode};
use reqwest::Method;
use serde_json::Value;

use super::{addresses, get_with, page};
use crate::support::{TestApp, document::DOCUMENT};

/// Text as it stands in a page.
fn escaped(text: &str) -> String {
    text.replace('&', "&#38;").replace('<', "&#60;").replace('>', "&#62;").replace('"', "&#34;").replace('\'', "&#39;")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_reference_has_every_operation() {
    let app = TestApp::start().await;
    let docs = page(&app.client(), "/docs").await;
    let mut operations = 0;
    for (path, methods) in DOCUMENT["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            operations += 1;
            let id = operation["operationId"].as_str().unwrap();
            let start = docs.find(&format!("<h3 id=\"{id}\">")).unwrap_or_else(|| panic!("{id} is missing"));
            let article = &docs[start..start + docs[start..].find("</article>").unwrap()];
            assert!(article.contains(&format!("<span class=\"method {method}\">")), "{id}");
            assert!(article.contains(&format!("<code>{path}</code>")), "{id}");
            assert!(article.contains(&escaped(operation["summary"].as_str().unwrap())), "{id}");
            for status in operation["responses"].as_object().unwrap().keys() {
                assert!(article.contains(&format!(">{status}</span>")), "{id}: {status}");
            }
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                assert!(article.contains(&format!("<code>{}</code>", parameter["name"].as_str().unwrap())), "{id}");
            }
            let public = operation["security"] == serde_json::json!([{}]) || operation["security"] == Value::Null;
            let needs_token = operation["security"].to_string().contains("access_token");
            let other = ["refresh", "secret_key"].iter().any(|way| operation["security"].to_string().contains(way));
            assert!(public != needs_token || other, "{id}");
            assert_eq!(article.contains("<strong>access_token</strong>"), needs_token, "{id}");
            assert!(docs.contains(&format!("<li><a href=\"#{id}\">")), "{id} is not in the table of contents");
        }
    }
    assert!(operations >= 19, "{operations} operations");
    assert_eq!(docs.matches("<article").count(), operations);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_catalogue_has_every_code_once() {
    let app = TestApp::start().await;
    let client = app.client();
    let catalogue = page(&client, "/docs/problems").await;
    for code in Code::ALL {
        let name = code.as_str();
        assert_eq!(catalogue.matches(&format!(" id=\"{name}\"")).count(), 1, "{name}");
        let start = catalogue.find(&format!("<article class=\"problem\" id=\"{name}\">")).unwrap();
        let article = &catalogue[start..start + catalogue[start..].find("</article>").unwrap()];
        assert!(article.contains(&format!(">{}</span>", code.status().as_u16())), "{name}");
        assert!(article.contains(&escaped(code.title())), "{name}");
    }
    for code in FieldCode::ALL {
        let name = code.as_str();
        let row = format!("<th scope=\"row\"><code>{name}</code></th><td>{}</td>", escaped(code.meaning()));
        assert_eq!(catalogue.matches(&row).count(), 1, "{name}");
    }
    // A problem's type leads there.
    let problem = client.get("/v1/campaigns/nothing").await.problem(404, "campaign_not_found");
    let (path, anchor) = problem["type"].as_str().unwrap().split_once('#').unwrap();
    assert!(page(&client, path).await.contains(&format!(" id=\"{anchor}\"")));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_is_served_as_the_code_prints_it() {
    let app = TestApp::start().await;
    let client = app.client();
    let text = pledges::app::document_text().unwrap();
    for (path, kind, expected) in [
        ("/openapi.yaml", "application/yaml; charset=utf-8", &text.yaml),
        ("/openapi.json", "application/json; charset=utf-8", &text.json),
    ] {
        let answer = client.get(path).await;
        assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, kind));
        assert_eq!(&answer.text(), expected);
        assert_eq!(answer.header("cache-control"), "public, max-age=300");
        let again = get_with(&client, path, &[("if-none-match", answer.header("etag"))]).await;
        assert_eq!((again.status.as_u16(), again.body.len()), (304, 0));
    }
    let parsed: Value = client.get("/openapi.json").await.json();
    assert_eq!(&parsed, &*DOCUMENT);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_kept_for_good_under_a_name_with_their_hash() {
    let app = TestApp::start().await;
    let client = app.client();
    let form = page(&client, "/c/defend/en").await;
    let card = form.split("property=\"og:image\" content=\"").nth(1).unwrap().split('"').next().unwrap();
    let mut files: Vec<String> = addresses(&form).into_iter().filter(|path| path.starts_with("/assets/")).collect();
    files.push(card.strip_prefix(&client.base).unwrap().to_owned());
    let kinds = [
        ("css", "text/css; charset=utf-8"),
        ("js", "text/javascript; charset=utf-8"),
        ("svg", "image/svg+xml"),
        ("png", "image/png"),
    ];
    for (ending, _) in kinds {
        assert!(files.iter().any(|path| path.ends_with(&format!(".{ending}"))), "{ending}: {files:?}");
    }
    for path in &files {
        let (ending, kind) = kinds.into_iter().find(|(ending, _)| path.ends_with(&format!(".{ending}"))).unwrap();
        let plain = client.get(path).await;
        assert_eq!((plain.status.as_u16(), plain.header("content-type")), (200, kind), "{path}");
        assert_eq!(plain.header("cache-control"), "public, max-age=31536000, immutable");
        assert_eq!(plain.header("vary"), "Accept-Encoding");
        let hash = path.split('.').nth(1).unwrap();
        assert_eq!(hash, pledges::crypto::short_digest(&plain.body), "{path}");
        for coding in ["gzip", "br"] {
            let packed = get_with(&client, path, &[("accept-encoding", coding)]).await;
            assert_eq!(packed.header("content-encoding"), coding);
            let mut unpacked = Vec::new();
            if coding == "gzip" {
                flate2::read::GzDecoder::new(&*packed.body).read_to_end(&mut unpacked).unwrap();
            } else {
                brotli::Decompressor::new(&*packed.body, 4096).read_to_end(&mut unpacked).unwrap();
            }
            assert_eq!(unpacked, plain.body, "{path} as {coding}");
            assert!(ending == "png" || packed.body.len() < plain.body.len(), "{path} as {coding} saves nothing");
            let etag = packed.header("etag");
            assert_ne!(etag, plain.header("etag"));
            let again = get_with(&client, path, &[("accept-encoding", coding), ("if-none-match", etag)]).await;
            assert_eq!((again.status.as_u16(), again.body.len()), (304, 0));
        }
        // A page, or a script in somebody's cache, of another release gets the file of this one, and keeps it for a minute.
        let other = client.get(&path.replace(hash, "000000000000")).await;
        assert_eq!((other.status.as_u16(), &other.body), (200, &plain.body), "{path}");
        assert_eq!(other.header("cache-control"), "public, max-age=60");
        for nothing in
            [path.replace(&format!(".{hash}"), ""), path.replace(hash, "0"), "/assets/x.000000000000.js".into()]
        {
            client.get(&nothing).await.problem(404, "not_found");
        }
        let post = client.send(client.request(Method::POST, path)).await;
        assert!([404, 405].contains(&post.status.as_u16()), "{path}");
    }
    app.stop().await;
}
