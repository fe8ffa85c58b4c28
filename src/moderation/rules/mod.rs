//! Rules, as moderators work on them, in one list: blocks and allows, which decide at the door (what they mean stands in
//! [`crate::gate::rules`], how they are kept in [`crate::pledges::rules`]), and searches that are kept alive for new pledges
//! ([`searches`]), which decide just behind it.

pub mod bodies;
pub mod routes;
pub mod searches;
