//! What supporters and organisers are owed: the list, sealed ([`export`]).

pub mod export;
