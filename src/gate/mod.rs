//! The gate: what decides whether a stranger's request may come in, and at what price. It knows no campaign, partner or
//! pledge, and takes plain values.

pub mod form_token;
pub mod proof;
pub mod recent;
