//! The reference and the catalogue, from documents small enough to read.

use serde_json::json;

use super::*;

fn render(document: &Value) -> String {
    let assets = Assets::new(|name| format!("/assets/{name}"), |_| Vec::new());
    DocsPage { ui: Texts::of("en"), assets: &assets, reference: &Reference::read(document) }.render().unwrap()
}

#[test]
fn an_operation_is_shown_with_all_its_parts() {
    let html = render(&json!({
        "info": {"title": "Test", "version": "1"},
        "tags": [{"name": "Empty"}, {"name": "Last"}],
        "security": [{"bearer": []}],
        "paths": {"/v1/x/{id}": {
            "parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "string"}}],
            "post": {"tags": ["Last"], "operationId": "do_x", "summary": "Do <x>", "deprecated": true,
                "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/X"}}}},
                "responses": {"204": {"description": "Done"},
                    "422": {"description": "No", "content": {"application/problem+json": {"schema": {}}}}}},
            "get": {"security": [], "responses": {}}}},
        "components": {"schemas": {"X": {"type": "object", "required": ["b"],
            "properties": {"a": {"type": "integer", "example": 7}, "b": {"type": "boolean"}}}}}
    }));
    assert!(html.contains("id=\"do_x\"") && html.contains("href=\"#do_x\"") && html.contains("Do &#60;x&#62;"));
    assert!(html.contains("id=\"get-v1-x-id\""), "an operation without id has an anchor too");
    assert!(html.contains("<strong>bearer</strong>") && html.contains("Needs no credentials."));
    assert!(html.contains("&#34;a&#34;: 7") && html.contains("Deprecated"));
    assert!(html.find("<code>b</code>") < html.find("<code>a</code>"), "what is required comes first");
    assert!(!html.contains("Empty") && html.contains("tag-last") && html.contains("tag-other"));
    assert!(!html.contains(" style=") && !html.contains("<script"));
}

#[test]
fn a_document_that_is_not_openapi_gives_an_empty_reference() {
    for document in [json!(null), json!([]), json!({"paths": {"/x": {"get": 1}}, "tags": 3, "info": "x"})] {
        assert!(render(&document).contains("<main"));
    }
}

#[test]
fn every_code_of_the_catalogue_has_its_own_anchor() {
    let assets = Assets::new(|name| format!("/assets/{name}"), |_| Vec::new());
    let problems = [ProblemEntry { code: "not_allowed", status: 403, title: "No", detail: "See `x`." }];
    let fields = [FieldCode { code: "required", meaning: "Missing" }, FieldCode { code: "not_allowed", meaning: "No" }];
    let html =
        ProblemsPage { ui: Texts::of("en"), assets: &assets, problems: &problems, fields: &fields }.render().unwrap();
    for anchor in ["not_allowed", "required", "field-not_allowed"] {
        assert_eq!(html.matches(&format!("id=\"{anchor}\"")).count(), 1, "{anchor}");
    }
    assert!(html.contains("<code>x</code>"));
}
