//! What a piece of the filler's work makes of `pledge_search`.

pub mod store;
