//! The API reference and the catalogue of problems, rendered from the OpenAPI document and the table of codes.
//! Made once at start: the document does not change while the service runs.

mod prose;
mod schema;

use askama::Template;
use serde_json::Value;

use self::prose::{Block, Span};
use self::schema::{Row, Schemas};
use super::pages::Assets;
use super::texts::Texts;

const METHODS: [&str; 6] = ["get", "post", "put", "patch", "delete", "head"];

/// An OpenAPI document, read for people.
#[derive(Debug)]
pub struct Reference {
    title: String,
    version: String,
    intro: Vec<Block>,
    schemes: Vec<Scheme>,
    groups: Vec<Group>,
}

#[derive(Debug)]
struct Scheme {
    name: String,
    kind: String,
    text: Vec<Block>,
}

#[derive(Debug)]
struct Group {
    name: String,
    anchor: String,
    intro: Vec<Block>,
    operations: Vec<Operation>,
}

#[derive(Debug)]
struct Operation {
    id: String,
    method: &'static str,
    path: String,
    summary: String,
    text: Vec<Block>,
    security: Vec<String>,
    deprecated: bool,
    parameters: Vec<Parameter>,
    bodies: Vec<Body>,
    responses: Vec<Response>,
}

#[derive(Debug)]
struct Parameter {
    place: String,
    row: Row,
}

#[derive(Debug)]
struct Body {
    media: String,
    kind: String,
    rows: Vec<Row>,
    examples: Vec<Example>,
}

#[derive(Debug)]
struct Example {
    name: String,
    text: String,
}

#[derive(Debug)]
struct Response {
    status: String,
    text: Vec<Block>,
    problem: bool,
    headers: Vec<Parameter>,
    bodies: Vec<Body>,
}

impl Reference {
    /// Reads an OpenAPI 3.1 document. What it doesn't understand it leaves out.
    pub fn read(document: &Value) -> Reference {
        let reader = Reader { document, schemas: Schemas(document) };
        let info = |key: &str| text_of(document.get("info").unwrap_or(&Value::Null), key);
        Reference {
            title: info("title"),
            version: info("version"),
            intro: prose::read(&info("description")),
            schemes: reader.schemes(),
            groups: reader.groups(),
        }
    }
}

struct Reader<'a> {
    document: &'a Value,
    schemas: Schemas<'a>,
}

impl<'a> Reader<'a> {
    fn schemes(&self) -> Vec<Scheme> {
        let read = |(name, scheme): (&String, &Value)| Scheme {
            name: name.clone(),
            kind: match (text_of(scheme, "type").as_str(), text_of(scheme, "in").as_str()) {
                ("http", _) => format!("Authorization: {}", capitalised(&text_of(scheme, "scheme"))),
                ("apiKey", place) => format!("{place}: {}", text_of(scheme, "name")),
                (other, _) => other.to_owned(),
            },
            text: prose::read(&text_of(scheme, "description")),
        };
        self.document.pointer("/components/securitySchemes").map(entries).into_iter().flatten().map(read).collect()
    }

    /// Operations by their first tag: the document's tags in its order, then those it doesn't list.
    fn groups(&self) -> Vec<Group> {
        let listed = self.document.get("tags").and_then(Value::as_array).into_iter().flatten();
        let mut groups: Vec<Group> =
            listed.map(|tag| group(&text_of(tag, "name"), prose::read(&text_of(tag, "description")))).collect();
        for (path, item) in self.document.get("paths").map(entries).into_iter().flatten() {
            for method in METHODS {
                let Some(operation) = item.get(method) else { continue };
                let tag = operation.pointer("/tags/0").and_then(Value::as_str).unwrap_or("Other");
                let operation = self.operation(method, path, item, operation);
                if let Some(group) = groups.iter_mut().find(|group| group.name == tag) {
                    group.operations.push(operation);
                } else {
                    groups.push(Group { operations: vec![operation], ..group(tag, Vec::new()) });
                }
            }
        }
        groups.retain(|group| !group.operations.is_empty());
        groups
    }

    fn operation(&self, method: &'static str, path: &str, item: &'a Value, operation: &'a Value) -> Operation {
        let id = operation.get("operationId").and_then(Value::as_str);
        let parameters = [item.get("parameters"), operation.get("parameters")];
        let parameters = parameters.into_iter().flatten().filter_map(Value::as_array).flatten();
        let security = operation.get("security").or_else(|| self.document.get("security"));
        let names = |needs: &Value| {
            let names: Vec<&str> = entries(needs).map(|(name, _)| name.as_str()).collect();
            if names.is_empty() { "nothing".to_owned() } else { names.join(" and ") }
        };
        let body = operation.get("requestBody").map(|body| self.schemas.resolve(body));
        Operation {
            id: id.map_or_else(|| anchor(&format!("{method}-{path}")), str::to_owned),
            method,
            path: path.to_owned(),
            summary: text_of(operation, "summary"),
            text: prose::read(&text_of(operation, "description")),
            security: security.and_then(Value::as_array).into_iter().flatten().map(names).collect(),
            deprecated: operation.get("deprecated").and_then(Value::as_bool).unwrap_or(false),
            parameters: parameters.map(|parameter| self.parameter(self.schemas.resolve(parameter))).collect(),
            bodies: body.map(|body| self.bodies(body)).unwrap_or_default(),
            responses: operation.get("responses").map(|all| self.responses(all)).unwrap_or_default(),
        }
    }

    fn parameter(&self, parameter: &'a Value) -> Parameter {
        let required = parameter.get("required").and_then(Value::as_bool).unwrap_or(false);
        Parameter {
            place: text_of(parameter, "in"),
            row: self.outer_row(&text_of(parameter, "name"), parameter, required),
        }
    }

    /// The row of a parameter or header, whose description stands beside its schema.
    fn outer_row(&self, name: &str, outer: &'a Value, required: bool) -> Row {
        let schema = outer.get("schema").unwrap_or(&Value::Null);
        let text = prose::read(&text_of(outer, "description"));
        let mut limits = self.schemas.limits(schema);
        if let Some(example) = outer.get("example").or_else(|| schema.get("example")) {
            limits.push(format!("such as {}", example.as_str().map_or_else(|| example.to_string(), str::to_owned)));
        }
        Row {
            depth: 0,
            name: name.to_owned(),
            required,
            kind: self.schemas.kind(schema),
            limits,
            text: if text.is_empty() { self.schemas.text(schema) } else { text },
        }
    }

    fn responses(&self, responses: &'a Value) -> Vec<Response> {
        let read = |(status, response): (&String, &'a Value)| {
            let response = self.schemas.resolve(response);
            let problem = response.pointer("/content/application~1problem+json").is_some();
            let headers = response.get("headers").map(entries).into_iter().flatten();
            let header = |(name, header): (&String, &'a Value)| Parameter {
                place: "header".to_owned(),
                row: self.outer_row(name, self.schemas.resolve(header), false),
            };
            Response {
                status: status.clone(),
                text: prose::read(&text_of(response, "description")),
                problem,
                headers: headers.map(header).collect(),
                bodies: if problem { Vec::new() } else { self.bodies(response) },
            }
        };
        entries(responses).map(read).collect()
    }

    fn bodies(&self, holder: &'a Value) -> Vec<Body> {
        let read = |(media, content): (&String, &'a Value)| {
            let schema = content.get("schema").unwrap_or(&Value::Null);
            Body {
                media: media.clone(),
                kind: self.schemas.kind(schema),
                rows: self.schemas.rows(schema),
                examples: self.examples(media, content),
            }
        };
        holder.get("content").map(entries).into_iter().flatten().map(read).collect()
    }

    fn examples(&self, media: &str, content: &'a Value) -> Vec<Example> {
        if let Some(value) = content.get("example") {
            return vec![example("Example", value)];
        }
        if let Some(named) = content.get("examples") {
            let read = |(name, wrapped): (&String, &'a Value)| {
                let wrapped = self.schemas.resolve(wrapped);
                let summary = text_of(wrapped, "summary");
                example(if summary.is_empty() { name } else { &summary }, wrapped.get("value").unwrap_or(&Value::Null))
            };
            return entries(named).map(read).collect();
        }
        match content.get("schema") {
            Some(schema) if media.ends_with("json") => vec![example("Example", &self.schemas.example(schema))],
            _ => Vec::new(),
        }
    }
}

fn group(name: &str, intro: Vec<Block>) -> Group {
    Group { name: name.to_owned(), anchor: format!("tag-{}", anchor(name)), intro, operations: Vec::new() }
}

fn example(name: &str, value: &Value) -> Example {
    let text = value.as_str().map(str::to_owned).or_else(|| serde_json::to_string_pretty(value).ok());
    Example { name: name.to_owned(), text: text.unwrap_or_default() }
}

fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

fn text_of(value: &Value, key: &str) -> String {
    value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// A name that can stand after `#`.
fn anchor(text: &str) -> String {
    let parts = text.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("-").to_ascii_lowercase()
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + letters.as_str())
}

impl Response {
    fn class(&self) -> &'static str {
        status_class(self.status.starts_with('2') || self.status.starts_with('3'))
    }
}

impl ProblemEntry<'_> {
    fn text(&self) -> Vec<Block> {
        prose::read(self.detail)
    }

    fn class(&self) -> &'static str {
        status_class(self.status < 400)
    }
}

fn status_class(good: bool) -> &'static str {
    if good { "good" } else { "bad" }
}

/// The API reference at `/docs`.
#[derive(Debug, Template)]
#[template(path = "docs.html")]
pub struct DocsPage<'a> {
    /// English.
    pub ui: &'static Texts,
    /// Addresses of the static files.
    pub assets: &'a Assets,
    /// What to show.
    pub reference: &'a Reference,
}

/// One problem the API answers with.
#[derive(Debug, Clone, Copy)]
pub struct ProblemEntry<'a> {
    /// The stable code, also the anchor.
    pub code: &'a str,
    /// HTTP status.
    pub status: u16,
    /// A few words.
    pub title: &'a str,
    /// What it means and what to do.
    pub detail: &'a str,
}

/// One way a field can be wrong.
#[derive(Debug, Clone, Copy)]
pub struct FieldCode<'a> {
    /// The stable code, also the anchor.
    pub code: &'a str,
    /// What is wrong.
    pub meaning: &'a str,
}

/// The catalogue of problems at `/docs/problems`.
#[derive(Debug, Template)]
#[template(path = "problems.html")]
pub struct ProblemsPage<'a> {
    /// English.
    pub ui: &'static Texts,
    /// Addresses of the static files.
    pub assets: &'a Assets,
    /// Every problem code.
    pub problems: &'a [ProblemEntry<'a>],
    /// Every field code.
    pub fields: &'a [FieldCode<'a>],
}

impl ProblemsPage<'_> {
    /// The anchor of a field code: the code, unless a problem of the same name has taken it.
    fn field_anchor(&self, code: &str) -> String {
        let taken = self.problems.iter().any(|problem| problem.code == code);
        if taken { format!("field-{code}") } else { code.to_owned() }
    }
}

#[cfg(test)]
mod tests;
