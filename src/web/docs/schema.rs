//! JSON Schema (OpenAPI 3.1) as rows a person can read, and an example made from it.

use serde_json::{Map, Value};

use super::prose::{self, Block};

/// How deep nested objects are followed. Schemas may contain themselves.
const DEEPEST: usize = 6;

/// One property, or one of several forms a value may have.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) depth: usize,
    pub(super) name: String,
    pub(super) required: bool,
    pub(super) kind: String,
    pub(super) limits: Vec<String>,
    pub(super) text: Vec<Block>,
}

/// The document that `$ref`s point into.
#[derive(Clone, Copy)]
pub(super) struct Schemas<'a>(pub(super) &'a Value);

impl<'a> Schemas<'a> {
    /// Follows `$ref`s, also behind "this or null".
    pub(super) fn resolve(self, schema: &'a Value) -> &'a Value {
        let mut schema = schema;
        for _ in 0..DEEPEST {
            let target = schema.get("$ref").and_then(Value::as_str).and_then(|address| address.strip_prefix('#'));
            match target.and_then(|pointer| self.0.pointer(pointer)) {
                Some(found) => schema = found,
                None => match choices(schema).as_slice() {
                    [only] => schema = only,
                    _ => break,
                },
            }
        }
        schema
    }

    /// The rows of a body: its properties, those of its items, or those of its forms.
    pub(super) fn rows(self, schema: &'a Value) -> Vec<Row> {
        let mut rows = Vec::new();
        self.add_rows(schema, 0, &mut rows);
        rows
    }

    fn add_rows(self, schema: &'a Value, depth: usize, rows: &mut Vec<Row>) {
        if depth > DEEPEST {
            return;
        }
        let schema = self.resolve(schema);
        let forms = choices(schema);
        if forms.len() > 1 && forms.iter().any(|form| self.resolve(form).get("properties").is_some()) {
            for (place, form) in forms.into_iter().enumerate() {
                let name = if place == 0 { "either" } else { "or" };
                rows.push(self.row(name, form, true, depth));
                self.add_rows(form, depth + 1, rows);
            }
            return;
        }
        for part in schema.get("allOf").and_then(Value::as_array).into_iter().flatten() {
            self.add_rows(part, depth, rows);
        }
        for inner in [schema.get("items"), schema.get("additionalProperties")].into_iter().flatten() {
            self.add_rows(inner, depth, rows);
        }
        let required: Vec<&str> =
            schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        // What must be there comes first; otherwise the order of the document stays.
        for must in [true, false] {
            for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
                if required.contains(&name.as_str()) == must {
                    rows.push(self.row(name, property, must, depth));
                    self.add_rows(property, depth + 1, rows);
                }
            }
        }
    }

    fn row(self, name: &str, schema: &'a Value, required: bool, depth: usize) -> Row {
        Row {
            depth,
            name: name.to_owned(),
            required,
            kind: self.kind(schema),
            limits: self.limits(schema),
            text: self.text(schema),
        }
    }

    /// The description: the property's own, else that of the type it refers to.
    pub(super) fn text(self, schema: &'a Value) -> Vec<Block> {
        let own = schema.get("description").or_else(|| self.resolve(schema).get("description"));
        own.and_then(Value::as_str).map(prose::read).unwrap_or_default()
    }

    /// The type in words: "string (uuid) or null", "list of object".
    pub(super) fn kind(self, schema: &'a Value) -> String {
        self.kind_within(schema, 0)
    }

    fn kind_within(self, schema: &'a Value, depth: usize) -> String {
        if depth > DEEPEST {
            return "value".to_owned();
        }
        let nullable = if is_nullable(schema) { " or null" } else { "" };
        let inner = self.resolve(schema);
        let forms = choices(inner);
        if forms.len() > 1 {
            let mut kinds: Vec<String> = forms.into_iter().map(|form| self.kind_within(form, depth + 1)).collect();
            kinds.dedup();
            return kinds.join(" or ") + nullable;
        }
        let base = match type_name(inner) {
            Some("array") => {
                let items =
                    inner.get("items").map_or_else(|| "value".to_owned(), |items| self.kind_within(items, depth + 1));
                format!("list of {items}")
            }
            Some("object") => match inner.get("additionalProperties").filter(|more| more.is_object()) {
                Some(more) => format!("object: name → {}", self.kind_within(more, depth + 1)),
                None => "object".to_owned(),
            },
            Some(other) => other.to_owned(),
            None if inner.get("properties").is_some() || inner.get("allOf").is_some() => "object".to_owned(),
            None => "value".to_owned(),
        };
        let format =
            inner.get("format").and_then(Value::as_str).map(|format| format!(" ({format})")).unwrap_or_default();
        let nullable = if is_nullable(inner) { " or null" } else { nullable };
        base + &format + nullable
    }

    /// Lengths, ranges, choices and defaults in words.
    pub(super) fn limits(self, schema: &'a Value) -> Vec<String> {
        let inner = self.resolve(schema);
        let inner = if type_name(inner) == Some("array") && inner.get("enum").is_none() {
            inner.get("items").map_or(inner, |items| {
                if self.resolve(items).get("enum").is_some() { self.resolve(items) } else { inner }
            })
        } else {
            inner
        };
        let mut limits = Vec::new();
        if let Some(values) = inner.get("enum").and_then(Value::as_array) {
            limits.push(format!("one of {}", values.iter().map(plain).collect::<Vec<_>>().join(", ")));
        }
        if let Some(value) = inner.get("const") {
            limits.push(format!("always {}", plain(value)));
        }
        for (least, most, unit) in
            [("minLength", "maxLength", " characters"), ("minItems", "maxItems", " items"), ("minimum", "maximum", "")]
        {
            match (inner.get(least).map(plain), inner.get(most).map(plain)) {
                (Some(least), Some(most)) if least == most => limits.push(format!("{least}{unit}")),
                (Some(least), Some(most)) => limits.push(format!("{least} to {most}{unit}")),
                (Some(least), None) => limits.push(format!("at least {least}{unit}")),
                (None, Some(most)) => limits.push(format!("at most {most}{unit}")),
                (None, None) => {}
            }
        }
        if let Some(pattern) = inner.get("pattern").and_then(Value::as_str) {
            limits.push(format!("matches {pattern}"));
        }
        if let Some(default) = schema.get("default").or_else(|| inner.get("default")) {
            limits.push(format!("{} when left out", plain(default)));
        }
        limits
    }

    /// An example: the schema's own, else one put together from those of its properties.
    pub(super) fn example(self, schema: &'a Value) -> Value {
        self.example_within(schema, 0)
    }

    fn example_within(self, schema: &'a Value, depth: usize) -> Value {
        let inner = self.resolve(schema);
        if let Some(given) = given_example(schema).or_else(|| given_example(inner)) {
            return given.clone();
        }
        if let Some(value) = inner.get("const").or_else(|| inner.get("enum").and_then(|values| values.get(0))) {
            return value.clone();
        }
        if depth > DEEPEST {
            return Value::Null;
        }
        if let Some(first) = choices(inner).first() {
            return self.example_within(first, depth + 1);
        }
        match type_name(inner) {
            Some("array") => Value::Array(
                inner.get("items").map(|items| self.example_within(items, depth + 1)).into_iter().collect(),
            ),
            Some("string") => Value::from(sample_text(inner.get("format").and_then(Value::as_str))),
            Some("integer" | "number") => inner.get("minimum").cloned().unwrap_or_else(|| Value::from(0)),
            Some("boolean") => Value::from(true),
            _ => Value::Object(self.example_object(inner, depth)),
        }
    }

    fn example_object(self, schema: &'a Value, depth: usize) -> Map<String, Value> {
        let mut object = Map::new();
        for part in schema.get("allOf").and_then(Value::as_array).into_iter().flatten() {
            if let Value::Object(more) = self.example_within(part, depth + 1) {
                object.extend(more);
            }
        }
        for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            object.insert(name.clone(), self.example_within(property, depth + 1));
        }
        object
    }
}

/// The first example that stands in the schema, in the old or the new spelling.
fn given_example(schema: &Value) -> Option<&Value> {
    schema.get("example").or_else(|| schema.get("examples").and_then(|all| all.get(0)))
}

/// What `oneOf` or `anyOf` offer besides null.
fn choices(schema: &Value) -> Vec<&Value> {
    let forms = schema.get("oneOf").or_else(|| schema.get("anyOf")).and_then(Value::as_array);
    forms.into_iter().flatten().filter(|form| type_name(form) != Some("null")).collect()
}

fn is_nullable(schema: &Value) -> bool {
    let says_null = |value: &Value| value.as_str() == Some("null");
    let listed = schema.get("type").and_then(Value::as_array).is_some_and(|kinds| kinds.iter().any(says_null));
    let forms = schema.get("oneOf").or_else(|| schema.get("anyOf")).and_then(Value::as_array);
    listed || forms.is_some_and(|forms| forms.iter().any(|form| form.get("type").is_some_and(says_null)))
}

/// The type, without null where there is another.
fn type_name(schema: &Value) -> Option<&str> {
    match schema.get("type")? {
        Value::String(name) => Some(name),
        Value::Array(names) => names.iter().filter_map(Value::as_str).find(|name| *name != "null").or(Some("null")),
        _ => None,
    }
}

fn sample_text(format: Option<&str>) -> &'static str {
    match format {
        Some("uuid") => "018f4a5c-9d1e-7c3a-8b52-3f6d0a1c2e4b",
        Some("date-time") => "2018-12-09T12:00:00Z",
        Some("date") => "2018-12-09",
        Some("email") => "name@example.org",
        Some("uri") => "https://example.org/",
        _ => "text",
    }
}

/// A value without the quotes of JSON.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn references_nullables_and_lists_are_told_in_words() {
        let document = json!({"components": {"schemas": {
            "Node": {"type": "object", "required": ["id"], "properties": {
                "id": {"type": "string", "format": "uuid"},
                "next": {"oneOf": [{"type": "null"}, {"$ref": "#/components/schemas/Node"}]},
                "tags": {"type": ["array", "null"], "items": {"type": "string", "enum": ["a", "b"]}, "maxItems": 3}}}}}});
        let schemas = Schemas(&document);
        let reference = json!({"$ref": "#/components/schemas/Node"});
        let rows = schemas.rows(&reference);
        assert!(rows.iter().all(|row| row.depth <= DEEPEST), "a schema that contains itself ends");
        assert_eq!((rows[0].name.as_str(), rows[0].kind.as_str(), rows[0].required), ("id", "string (uuid)", true));
        assert_eq!(rows[1].kind, "object or null");
        let tags = rows.iter().find(|row| row.name == "tags" && row.depth == 0).unwrap();
        assert_eq!((tags.kind.as_str(), tags.limits[0].as_str()), ("list of string or null", "one of a, b"));
        assert!(schemas.example(&reference)["id"].is_string());
    }

    #[test]
    fn a_circle_of_references_ends() {
        let document = json!({"a": {"$ref": "#/b"}, "b": {"$ref": "#/a"}});
        let start = json!({"$ref": "#/a"});
        assert!(Schemas(&document).rows(&start).is_empty());
    }
}
