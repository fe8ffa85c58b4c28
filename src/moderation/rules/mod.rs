//! Blocks and allows, as moderators work on them. What they mean stands in [`crate::gate::rules`], how they are kept in
//! [`crate::pledges::rules`].

pub mod routes;
