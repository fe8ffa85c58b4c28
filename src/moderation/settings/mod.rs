//! What moderators need to know of a campaign's settings to judge what is held, and what organisers change of them.

pub mod routes;
