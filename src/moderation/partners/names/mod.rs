//! Names of partners, for moderators: a pledge has the id of one.

pub mod routes;
