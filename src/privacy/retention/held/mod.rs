//! Pledges that are held until their review window ends: a part of retention, because what somebody could judge them by goes then.

pub mod store;
