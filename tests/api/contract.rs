//! Guardian: the document and the code say the same. That every answer fits it, the clients of all tests check.

use std::{collections::HashSet, fs};

use pledges::http::{Code, FieldCode};
use serde_json::Value;

use crate::support::document::DOCUMENT;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.yaml");

fn operations() -> Vec<(String, &'static Value)> {
    let mut operations = Vec::new();
    for (path, methods) in DOCUMENT["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            operations.push((format!("{} {path}", method.to_uppercase()), operation));
        }
    }
    operations
}

/// `cargo run -- openapi > openapi.yaml` writes the file anew.
#[test]
fn openapi_yaml_is_what_the_code_prints() {
    let printed = &pledges::app::document_text().unwrap().yaml;
    assert!(
        fs::read_to_string(FILE).unwrap().trim_end() == printed.trim_end(),
        "openapi.yaml is not current: cargo run -- openapi > openapi.yaml"
    );
}

#[test]
fn every_operation_says_who_may_call_it() {
    for (name, operation) in operations() {
        let security = operation["security"].as_array().unwrap_or_else(|| panic!("{name} has no security"));
        assert_eq!(security.len(), 1, "{name}");
    }
}

#[test]
fn every_operation_has_a_name_a_summary_and_a_tag() {
    let mut ids = HashSet::new();
    for (name, operation) in operations() {
        assert!(ids.insert(operation["operationId"].as_str().unwrap()), "{name}: the operationId is taken");
        assert!(!operation["summary"].as_str().unwrap_or("").is_empty(), "{name} has no summary");
        assert_eq!(operation["tags"].as_array().unwrap().len(), 1, "{name}");
    }
}

/// An example, or the pieces of one: of the body itself, of its schema, or of every property of it.
fn has_example(media: &Value) -> bool {
    if ["example", "examples"].iter().any(|word| media.get(word).is_some()) {
        return true;
    }
    let mut schema = &media["schema"];
    if let Some(reference) = schema["$ref"].as_str() {
        schema = DOCUMENT.pointer(&reference[1..]).unwrap();
    }
    let shows = |schema: &Value| {
        [
            "example",
            "examples",
            "enum",
            "const",
            "$ref",
            "oneOf",
            "items",
            "format",
            "properties",
            "additionalProperties",
        ]
        .iter()
        .any(|word| schema.get(word).is_some())
            || schema["type"] == "integer"
            || schema["type"] == "boolean"
            || schema["type"].as_array().is_some_and(|kinds| kinds.contains(&"null".into()))
    };
    let properties = schema["properties"].as_object();
    shows(schema)
        && (schema.get("example").is_some()
            || properties.is_none_or(|all| all.values().all(|one| shows(one) || one["type"] == "string")))
}

#[test]
fn every_body_has_an_example() {
    for (name, operation) in operations() {
        let bodies = operation["requestBody"]["content"].as_object().into_iter().flatten();
        let answers = operation["responses"].as_object().unwrap().values();
        let answers = answers.filter_map(|answer| answer["content"].as_object()).flatten();
        for (kind, media) in bodies.chain(answers).filter(|(kind, _)| *kind != "text/html") {
            assert!(has_example(media), "{name}: {kind} has no example");
        }
    }
}

#[test]
fn every_operation_names_its_problems() {
    for (name, operation) in operations() {
        let answers = operation["responses"].as_object().unwrap();
        let has = |status: &str| answers.contains_key(status);
        let needs_token = operation["security"][0].get("access_token").is_some();
        assert!(!needs_token || (has("401") && has("503")), "{name}");
        assert!(operation.get("requestBody").is_none() || ["400", "413", "415", "422"].into_iter().all(has), "{name}");
        assert!(name.starts_with("GET") || has("503"), "{name}");
        for (status, answer) in answers.iter().filter(|(status, _)| status.as_str() >= "400") {
            let schema = &answer["content"]["application/problem+json"]["schema"]["$ref"];
            assert_eq!(schema, "#/components/schemas/Problem", "{name} {status}");
        }
    }
}

#[test]
fn codes_are_unique_and_explained() {
    let codes: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    let fields: Vec<&str> = FieldCode::ALL.iter().map(|code| code.as_str()).collect();
    for list in [&codes, &fields] {
        assert_eq!(list.iter().collect::<HashSet<_>>().len(), list.len());
        assert!(list.iter().all(|code| code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')), "{list:?}");
    }
    assert!(Code::ALL.iter().all(|code| code.detail().ends_with('.') && !code.title().is_empty()));
    assert!(FieldCode::ALL.iter().all(|code| code.meaning().ends_with('.')));
}
