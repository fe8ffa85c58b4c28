//! All that decides whether a stranger's request may come in, and how a pledge looks. Knows no campaign, no partner and no
//! pledge: it takes plain values.

pub mod signals;
pub mod tags;
pub mod waves;
