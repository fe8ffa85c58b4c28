//! The OpenAPI document as the judge of answers.

use std::{
    collections::HashMap,
    sync::{LazyLock, OnceLock},
};

use jsonschema::Validator;
use serde_json::{Value, json};

/// The document, as the code prints it.
pub static DOCUMENT: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(&pledges::app::document_text().unwrap().json).unwrap());

type Schemas = HashMap<(String, String, u16), HashMap<String, Option<Schema>>>;

/// Made into a judge when an answer of its kind comes: each takes a while, and a run of one test needs few.
struct Schema {
    text: Value,
    validator: OnceLock<Validator>,
}

/// By path, method and status: a schema for each content type.
static SCHEMAS: LazyLock<Schemas> = LazyLock::new(|| {
    let mut schemas = Schemas::new();
    for (path, methods) in DOCUMENT["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            for (status, response) in operation["responses"].as_object().unwrap() {
                let content = response["content"].as_object().cloned().unwrap_or_default();
                let schema =
                    |media: &Value| Some(Schema { text: media.get("schema")?.clone(), validator: OnceLock::new() });
                let kinds = content.into_iter().map(|(kind, media)| (kind, schema(&media)));
                schemas.insert((path.clone(), method.to_uppercase(), status.parse().unwrap()), kinds.collect());
            }
        }
    }
    schemas
});

/// The schemas of what an event of a stream may hold, by its kind.
static EVENTS: LazyLock<HashMap<&str, Validator>> = LazyLock::new(|| {
    let kinds = [("totals", "Totals"), ("change", "TotalsChange"), ("heartbeat", "TotalsHeartbeat")];
    kinds
        .map(|(kind, name)| {
            let reference = format!("#/components/schemas/{name}");
            assert!(DOCUMENT.pointer(&reference[1..]).is_some(), "{name}");
            (kind, validator(json!({ "$ref": reference })))
        })
        .into()
});

fn validator(mut schema: Value) -> Validator {
    // References lead to #/components/schemas/…, so the components come along.
    schema["components"] = json!({ "schemas": DOCUMENT["components"]["schemas"] });
    jsonschema::options().should_validate_formats(true).build(&schema).unwrap()
}

/// The documented path that a request path is an instance of.
pub fn template(path: &str) -> Option<&'static str> {
    let asked: Vec<&str> = path.split('/').collect();
    let fits = |template: &&String| {
        let parts: Vec<&str> = template.split('/').collect();
        parts.len() == asked.len()
            && parts.iter().zip(&asked).all(|(part, asked)| part.starts_with('{') || part == asked)
    };
    let found = DOCUMENT["paths"].as_object().unwrap().keys().filter(fits);
    found.min_by_key(|template| template.matches('{').count()).map(String::as_str)
}

/// Fails unless the document has this kind of event, and its data fits.
pub fn check_event(kind: &str, data: &Value) {
    let schema = EVENTS.get(kind).unwrap_or_else(|| panic!("an event {kind}, which the document doesn't have"));
    let errors: Vec<String> = schema.iter_errors(data).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "the event {kind} doesn't fit the document: {errors:?}\n{data:#}");
}

/// Fails unless the document has this answer: status, content type and body. Pages and files are not in it.
pub fn check(method: &str, path: &str, status: u16, kind: Option<&str>, body: &[u8]) {
    let Some(template) = template(path) else { return };
    let method = if method == "HEAD" { "GET" } else { method };
    // What any operation may answer is told once, in the document's head.
    if DOCUMENT["paths"][template].get(method.to_lowercase()).is_none() {
        assert!([404, 405].contains(&status), "{method} {path} is not documented but answered {status}");
        return;
    }
    let kinds = SCHEMAS
        .get(&(template.to_owned(), method.to_owned(), status))
        .unwrap_or_else(|| panic!("{method} {template} answered {status}, which the document doesn't have"));
    let Some(kind) = kind.map(|kind| kind.split(';').next().unwrap().trim()) else {
        assert!(kinds.is_empty(), "{method} {template} {status}: the document promises a body");
        return;
    };
    let schema = kinds
        .get(kind)
        .unwrap_or_else(|| panic!("{method} {template} answered {status} as {kind}, which the document doesn't have"));
    let is_json = kind == "application/json" || kind.ends_with("+json");
    if let (Some(schema), true) = (schema, is_json) {
        let value: Value = serde_json::from_slice(body).unwrap();
        let validator = schema.validator.get_or_init(|| validator(schema.text.clone()));
        let errors: Vec<String> =
            validator.iter_errors(&value).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(errors.is_empty(), "{method} {template} {status} doesn't fit the document: {errors:?}\n{value:#}");
    }
}
