//! Personal data that is kept, sealed: the review copies that moderators work with.

mod review;

pub use review::{ReviewCopies, ReviewCopy, mask_name};
