//! JSON and query strings into types, and serde's errors into pointers and codes. No value is ever repeated.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, MapAccess, Visitor, value::MapAccessDeserializer},
};
use serde_json::error::Category;
use serde_path_to_error::{Path, Segment};
use validator::{Validate, ValidationErrors, ValidationErrorsKind};

use super::{Code, FieldCode, FieldProblem, Problem};

/// In front of a serde error that carries one of our field codes; see [`coded`].
const CODED: &str = "code:";

/// A serde error that carries a stable field code, for types whose `Deserialize` is their own parser.
pub fn coded<E: serde::de::Error>(code: FieldCode) -> E {
    E::custom(format_args!("{CODED}{code}"))
}

/// Levels of lists and objects that a body has at the most: the deepest of ours has three.
const LEVELS: usize = 16;

/// Whether lists and objects are nested deeper than any of ours. What is no JSON gets any answer: the parser tells.
fn is_too_deep(bytes: &[u8]) -> bool {
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'[' | b'{' if !quoted => depth += 1,
            b']' | b'}' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > LEVELS {
            return true;
        }
    }
    false
}

/// Parses and validates a JSON body.
pub fn parse<T: DeserializeOwned + Validate>(bytes: &[u8]) -> Result<T, Problem> {
    if is_too_deep(bytes) {
        return Err(Problem::fields(vec![FieldProblem::new("", FieldCode::WrongType)]));
    }
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let parsed: Result<Object<T>, _> = serde_path_to_error::deserialize(&mut deserializer);
    let Object(value) = parsed.map_err(|error| json_problem(&error))?;
    deserializer.end().map_err(|_| Problem::from(Code::MalformedJson))?;
    value.validate().map_err(|errors| Problem::fields(validation_problems(&errors)))?;
    Ok(value)
}

/// A JSON object as `T`, and nothing else: a derived struct also takes a list, by position, and then no name is checked.
pub struct Object<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Object)
    }
}

fn json_problem(error: &serde_path_to_error::Error<serde_json::Error>) -> Problem {
    let message = error.inner().to_string();
    let field = match error.inner().classify() {
        Category::Data => serde_problem(error.path(), &message),
        // A string that is not Unicode text: lone surrogates, or bytes that are not UTF-8.
        Category::Syntax if ["surrogate", "hex escape", "unicode"].iter().any(|word| message.contains(word)) => {
            FieldProblem::new(pointer(error.path(), None), FieldCode::InvalidText)
        }
        _ => return Code::MalformedJson.into(),
    };
    Problem::fields(vec![field])
}

/// What serde says about a value of the wrong kind.
pub(super) fn serde_problem(path: &Path, message: &str) -> FieldProblem {
    let quoted = || message.split('`').nth(1);
    if let Some(code) = message.strip_prefix(CODED) {
        let code: String = code.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
        return FieldProblem::new(pointer(path, None), code);
    }
    let (name, code) = match message.split_once(' ').map_or("", |(first, _)| first) {
        "missing" => (quoted(), FieldCode::Required),
        "duplicate" => (quoted(), FieldCode::DuplicateField),
        "unknown" if message.starts_with("unknown field") => (quoted(), FieldCode::UnknownField),
        "unknown" => (None, FieldCode::NotAllowed),
        "invalid" if message.starts_with("invalid value") => (None, FieldCode::NotAllowed),
        _ => (None, FieldCode::WrongType),
    };
    FieldProblem::new(pointer(path, name), code)
}

/// RFC 6901, cut to a sensible length: the names of unknown fields are the caller's.
fn pointer(path: &Path, last: Option<&str>) -> String {
    let mut pointer = String::new();
    let mut push = |name: &str| {
        pointer.push('/');
        pointer.extend(name.chars().filter(|c| !c.is_control()).take(64).map(|c| match c {
            '~' => "~0".to_owned(),
            '/' => "~1".to_owned(),
            other => other.to_string(),
        }));
    };
    let mut segments: Vec<String> = path
        .iter()
        .filter_map(|segment| match segment {
            Segment::Seq { index } => Some(index.to_string()),
            Segment::Map { key } => Some(key.clone()),
            Segment::Enum { variant } => Some(variant.clone()),
            Segment::Unknown => None,
        })
        .collect();
    if let Some(last) = last
        && segments.last().map(String::as_str) != Some(last)
    {
        segments.push(last.to_owned());
    }
    for segment in &segments {
        push(segment);
    }
    pointer
}

/// validator's errors as pointers and codes: serialising them would repeat the rejected value.
pub(super) fn validation_problems(errors: &ValidationErrors) -> Vec<FieldProblem> {
    let mut problems = Vec::new();
    collect(errors, "", &mut problems);
    problems.sort_by(|a, b| a.pointer.cmp(&b.pointer));
    problems
}

fn collect(errors: &ValidationErrors, at: &str, problems: &mut Vec<FieldProblem>) {
    for (field, kind) in errors.errors() {
        let at = format!("{at}/{field}");
        match kind {
            ValidationErrorsKind::Field(errors) => {
                problems.extend(errors.iter().map(|error| FieldProblem::new(at.clone(), error.code.to_string())));
            }
            ValidationErrorsKind::Struct(errors) => collect(errors, &at, problems),
            ValidationErrorsKind::List(list) => {
                for (index, errors) in list {
                    collect(errors, &format!("{at}/{index}"), problems);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, Validate)]
    #[serde(deny_unknown_fields)]
    struct Body {
        #[validate(length(max = 3, code = "too_long"))]
        name: Option<String>,
        #[serde(default)]
        #[expect(dead_code, reason = "only parsed")]
        list: Vec<Item>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Item {
        #[expect(dead_code, reason = "only parsed")]
        version: u16,
    }

    fn refused(json: &[u8]) -> (Code, Vec<(String, String)>) {
        let problem = parse::<Body>(json).unwrap_err();
        (problem.code, problem.errors.into_iter().map(|field| (field.pointer, field.code)).collect())
    }

    fn one(pointer: &str, code: &str) -> (Code, Vec<(String, String)>) {
        (Code::InvalidFields, vec![(pointer.into(), code.into())])
    }

    #[test]
    fn every_kind_of_bad_json_gets_its_pointer_and_code() {
        assert_eq!(refused(br#"{"name":5}"#), one("/name", "wrong_type"));
        assert_eq!(refused(br#"{"state":"counted"}"#), one("/state", "unknown_field"));
        assert_eq!(refused(br#"{"name":"a","name":"b"}"#), one("/name", "duplicate_field"));
        assert_eq!(refused(br#"{"list":[{"version":1},{}]}"#), one("/list/1/version", "required"));
        assert_eq!(refused(br#"{"list":[{"version":-1}]}"#), one("/list/0/version", "not_allowed"));
        assert_eq!(refused(br#"{"name":"\ud800"}"#), one("/name", "invalid_text"));
        assert_eq!(refused(b"{\"name\":\"\xff\"}"), one("/name", "invalid_text"));
        assert_eq!(refused(br#"{"name":"abcd"}"#), one("/name", "too_long"));
        assert_eq!(refused(br#"{"a/b~c":1}"#), one("/a~1b~0c", "unknown_field"));
        assert_eq!(refused(br#""text""#), one("", "wrong_type"));
        assert_eq!(refused(br#"["a"]"#), one("", "wrong_type"));
        assert_eq!(refused("[".repeat(10_000).as_bytes()).0, Code::InvalidFields);
        for malformed in ["", "{", "{\"name\":", "{}x", "nonsense", "{\"name\":\"a"] {
            assert_eq!(refused(malformed.as_bytes()).0, Code::MalformedJson, "{malformed}");
        }
    }
}
