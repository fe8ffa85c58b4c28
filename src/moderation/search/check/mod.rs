//! Whether moderators' search knows the pledges as they are: for `pledges doctor`.

pub mod store;
