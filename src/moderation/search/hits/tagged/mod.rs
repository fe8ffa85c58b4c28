//! Hits by the tags that pledges have in common, along the index of one: where more fit the terms than have the tag.

pub mod store;
