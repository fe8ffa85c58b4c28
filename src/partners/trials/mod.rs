//! Trials: what comes with a key for trials goes through everything, in a place of its own (`campaigns::Campaigns::trials_of`), and is
//! gone after a day. Its mails go to one address of the partner's, whose owner agreed to that; without one none are sent.

pub mod store;
