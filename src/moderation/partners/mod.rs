//! Partners, as organisers work on them.

pub mod routes;

use crate::{
    http::FieldCode,
    partners::Partner,
    pledges::text::{Lines, clean_text, within},
};

/// A partner's name as it is kept.
///
/// # Errors
/// What is wrong with it.
pub fn name(text: &str) -> Result<String, FieldCode> {
    clean_text(text, Lines::One).and_then(|text| within(text, Partner::NAME_CHARS))
}
