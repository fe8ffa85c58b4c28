//! What is kept of a person, for how long, and how it ends: the job that clears what is past its limit ([`retention`]),
//! the erasure of one person ([`erasure`]) and what is held about one ([`access`]), and the record of all that for a data
//! protection officer ([`report`]). docs/privacy.md tells it in plain words.

pub mod retention;
pub mod store;
