//! A pledge is taken back, by its owner or because the organiser erases somebody.

pub mod store;

/// How somebody leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leave {
    /// Takes the pledge back. What was entered stays sealed until the campaign's retention ends.
    Withdraw,
    /// Has everything personal deleted; what becomes of the count, the campaign's setting says. What was never confirmed is
    /// taken back.
    Erase,
    /// Never pledged: everything personal is deleted, the pledge is taken back, and the mailbox gets no mail any more.
    NotMe,
}
