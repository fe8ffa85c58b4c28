//! How the totals came about, by minute, hour or day: kept by the server and corrected after removals, because a delta
//! knows the minute of its pledges. The campaign's series is exact ([`points`]); a country's obeys rule 8
//! ([`countries`]). Everything is answered from memory ([`copies`]).

pub mod copies;
pub mod countries;
pub mod points;
pub mod routes;
pub mod store;

pub use copies::History;
