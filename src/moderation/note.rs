//! What the bodies of moderators' requests have in common: pledges by id, and why, in their own words.

use serde::{Deserialize, Deserializer};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr, Schema,
        schema::{ObjectBuilder, Type},
    },
};
use uuid::Uuid;
use validator::ValidationError;

use crate::{
    http::{FieldCode, body::coded},
    pledges::{
        fields::SOME_LINES,
        text::{Lines, clean_text, within},
    },
};

/// Fails unless these are some ids, and not more than `most`.
pub(super) fn up_to(most: usize, ids: &[Uuid]) -> Result<(), ValidationError> {
    match ids.len() {
        0 => Err(ValidationError::new(FieldCode::Required.as_str())),
        count if count > most => Err(ValidationError::new(FieldCode::TooMany.as_str())),
        _ => Ok(()),
    }
}

/// Characters of a note.
const NOTE_CHARS: usize = 1_000;

/// A note as it is kept.
///
/// # Errors
/// What is wrong with it.
pub fn note(text: &str) -> Result<String, FieldCode> {
    clean_text(text, Lines::Many).and_then(|text| within(text, NOTE_CHARS))
}

/// A note: what any stranger's text may contain, over several lines, because others will read it.
pub(super) struct Note(String);

impl Note {
    /// The text.
    pub(super) fn into_text(self) -> String {
        self.0
    }
}

impl<'de> Deserialize<'de> for Note {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        note(&String::deserialize(deserializer)?).map(Self).map_err(coded)
    }
}

impl PartialSchema for Note {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .min_length(Some(1))
            .max_length(Some(NOTE_CHARS))
            .pattern(Some(SOME_LINES))
            .into()
    }
}

impl ToSchema for Note {}
