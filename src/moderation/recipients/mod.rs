//! Who can open what supporters give, as organisers see it, and what admins are told when that changes. The keys themselves
//! are changed at the command line only: a stolen session can't add one.

pub mod routes;
