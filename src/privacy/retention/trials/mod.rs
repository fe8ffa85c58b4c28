//! Trials of partners: a day after it was made (again), a pledge with a key for trials is gone as if it had never been.

pub mod store;
