//! What mails leave behind: pledges that nobody confirmed, and the notes of which mailbox had a mail. Both go after seven days.
//! Of a pledge that moderators removed before it was confirmed the row stays, without anything personal.
//! The mails themselves and their addresses go by the outbox's own limits ([`crate::mail`]).

pub mod store;
