//! What mails leave behind: pledges that nobody confirmed, and the notes of which mailbox had a mail. Both go after seven days.
//! The mails themselves and their addresses go by the outbox's own limits ([`crate::mail`]).

pub mod store;
