//! HTTP as every feature uses it: errors, bodies, queries, headers, the OpenAPI head. Knows no feature.
//!
//! A request passes, from the outside in: [`headers::secure`] (security headers, CORS for public reads),
//! [`request::watch`] (id, address, HEAD, log line, panics), the look-up of who is signed in, then the handler, whose
//! arguments are the extractors of this module. An error on the way is a [`Problem`].

pub mod allowance;
pub mod body;
pub mod compressed;
pub mod connections;
mod field_code;
pub mod form;
pub mod headers;
mod json;
pub mod openapi;
pub mod page;
mod problem;
mod query;
pub mod request;
pub mod server;
mod visitor;

pub use allowance::{Allowance, allow, announce};
pub use body::Valid;
pub use field_code::FieldCode;
pub use problem::{CATALOGUE, Code, FieldProblem, Problem, ProblemBody};
pub use query::{ValidQuery, optional_time};
pub use visitor::{TrustedProxies, Visitor};

/// Scheme, host and port by which visitors reach the service, without a slash at the end.
#[derive(Clone, Debug)]
pub struct PublicOrigin(pub String);
