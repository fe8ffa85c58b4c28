//! Removals that can't go on by themselves: they are paused, and after a while they end.

pub mod store;
