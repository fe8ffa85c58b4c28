//! Pledges of a partner's server, many at a time. Each stands for itself: what is wrong with one keeps no other out, and what
//! is answered for a valid one tells nothing of it (rule 4).

pub mod routes;
