//! Why a mail was not sent, in words of the service's own: what a mail server writes can repeat the address.

use std::fmt;

/// A class of failure, stable: it is stored, counted and shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The mail server answered with this status code (RFC 5321 section 4.2.3).
    Status(u16),
    /// It kept silent for too long.
    Timeout,
    /// It can't be reached, or the connection broke.
    Connection,
    /// No protected connection: a wrong certificate, for instance.
    Tls,
    /// It doesn't offer what the settings ask for (STARTTLS, a way to log in).
    Handshake,
    /// The address is none.
    Address,
    /// The address can't be opened: not sealed for this row, or damaged.
    Sealed,
    /// The root secret that the address was sealed with isn't listed.
    KeyMissing,
    /// The letter could not be written: a defect of the service or its database.
    Letter,
    /// The file could not be written.
    File,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(code) => write!(f, "smtp_{code}"),
            Self::Timeout => f.write_str("timeout"),
            Self::Connection => f.write_str("connection"),
            Self::Tls => f.write_str("tls"),
            Self::Handshake => f.write_str("handshake"),
            Self::Address => f.write_str("address"),
            Self::Sealed => f.write_str("sealed"),
            Self::KeyMissing => f.write_str("key_missing"),
            Self::Letter => f.write_str("letter"),
            Self::File => f.write_str("file"),
        }
    }
}

/// Why a letter was not handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The mail server as a whole: it can't be reached, or takes no mail of ours. It has learned nothing of this mail.
    #[error("the mail server can't be used: {0}")]
    Unreachable(Failure),
    /// This mail, for now: a status 4xx, a log-in that is wanted, or no answer. Without an answer it may have been accepted.
    #[error("the mail was not accepted for now: {0}")]
    Temporary(Failure),
    /// This mail, for good: a status 5xx on the recipient or the message.
    #[error("the mail was refused: {0}")]
    Permanent(Failure),
    /// The address is none that mail can be sent to.
    #[error("the address is none")]
    BadAddress,
}

impl SendError {
    /// The class of failure.
    pub fn failure(self) -> Failure {
        match self {
            Self::Unreachable(failure) | Self::Temporary(failure) | Self::Permanent(failure) => failure,
            Self::BadAddress => Failure::Address,
        }
    }

    /// One of four words, for figures.
    pub fn class(self) -> &'static str {
        match self {
            Self::Unreachable(_) => "unreachable",
            Self::Temporary(_) => "temporary",
            Self::Permanent(_) => "permanent",
            Self::BadAddress => "bad_address",
        }
    }
}
