//! Mail to supporters.

pub mod letters;
