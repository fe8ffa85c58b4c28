//! Personal data that is kept, sealed: the records for the organiser, which the service can't open again once their epoch
//! is over, the bundles in which they are given out, and the review copies that moderators work with.

pub mod bundle;
pub mod development;
mod epochs;
pub mod recipients;
pub mod record;
mod review;
mod store;

pub use epochs::{Audience, Epochs, NoEpoch};
pub use review::{ReviewCopies, ReviewCopy, mask_name};
