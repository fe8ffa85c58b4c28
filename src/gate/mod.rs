//! The gate: what decides whether a stranger's request may come in, and at what price. It knows no campaign, partner or
//! pledge, and takes plain values.

pub mod form_token;
pub mod limits;
pub mod proof;
pub mod recent;
pub mod source_tags;
