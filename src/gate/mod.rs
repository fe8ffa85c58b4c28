//! The gate: what decides whether a stranger's request may come in, at what price, and how a pledge looks. It knows no
//! campaign, partner or pledge, and takes plain values.

pub mod arrivals;
pub mod form_token;
pub mod limits;
pub mod proof;
pub mod recent;
pub mod rules;
pub mod signals;
pub mod source_tags;
pub mod tags;
pub mod waves;

/// A build for a measurement: pledges come in without keys, limits and signals, and nobody looks for waves. It refuses production.
pub const UNGATED: bool = cfg!(feature = "ungated");
