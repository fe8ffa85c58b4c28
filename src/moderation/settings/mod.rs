//! What moderators need to know of a campaign's settings to judge what is held.

pub mod routes;
