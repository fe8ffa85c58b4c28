//! Mails: words, the outbox that keeps them until they are sent, and the machine that sends them.
//!
//! Whoever wants a mail sent writes a row to the outbox in the transaction of what it is about ([`outbox::NewMail`]), and says
//! [`Outbox::changed`] after the commit. The worker ([`worker::Worker`]) takes rows that are due, opens the address, has a
//! [`Composer`] write the letter, hands it to the mail server, and deletes the row once the server has accepted it.
//!
//! Nothing is lost: a row that was taken is taken again when its lease is over, unless it was deleted. And little is repeated:
//! each connection sends one mail at a time, and takes the next one only when the row of the last one is deleted. So after a
//! crash, or when a connection breaks after the last byte and before the answer, at most one mail a connection is in doubt, and
//! it is sent again, with the same Message-ID.

mod failure;
mod files;
pub mod letters;
mod message;
mod outbox;
mod pacing;
mod seal;
mod smtp;
pub mod store;
pub mod worker;

use std::{
    fmt,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use lettre::message::Mailbox;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{clock::Clock, config::mail::Relay, crypto::KeyRing};

pub use failure::{Failure, SendError};
pub use outbox::{Composed, Composer, Due, Kind, NewMail, Outbox};
pub use seal::Seal;

use files::Files;
use message::Stamp;
use smtp::Smtp;

/// Connections to the database that sending mails needs. They are its own, so that a burst takes none from those who pledge or look.
pub const DATABASE_CONNECTIONS: u32 = 2;

/// What isn't an address that mail can be sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no address that mail can be sent to")]
pub struct BadAddress;

/// An address that mail can be sent to: printable ASCII, at most 254 bytes, nothing that could end a header or command. Wiped
/// when dropped, never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Address(Zeroizing<String>);

impl Address {
    /// Longest address in bytes (RFC 5321 section 4.5.3.1.3).
    pub const MAX_BYTES: usize = 254;

    /// Takes an address as it is, without blanks around it.
    ///
    /// # Errors
    /// [`BadAddress`].
    pub fn parse(text: &str) -> Result<Self, BadAddress> {
        let plain = |byte: u8| byte.is_ascii_graphic() && !b"<>()[]\\,;:\"".contains(&byte);
        let (local, domain) = text.rsplit_once('@').ok_or(BadAddress)?;
        let proper = !local.is_empty() && !domain.is_empty() && !local.contains('@') && text.bytes().all(plain);
        if !proper || text.len() > Self::MAX_BYTES || text.parse::<lettre::Address>().is_err() {
            return Err(BadAddress);
        }
        Ok(Self(Zeroizing::new(text.to_owned())))
    }

    /// The whole address.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The mail domain, in lower case.
    pub fn domain(&self) -> String {
        self.0.rsplit_once('@').map(|(_, domain)| domain.to_ascii_lowercase()).unwrap_or_default()
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Address(hidden)")
    }
}

/// A mail to one person. Whatever is in it, its headers stay those that [`message`] makes.
#[derive(Clone)]
pub struct Letter {
    /// To whom.
    pub to: Address,
    /// The subject, of our own words only: nothing that somebody submitted. Control characters become spaces.
    pub subject: String,
    /// The text, for programs that show no HTML.
    pub text: String,
    /// The same as HTML.
    pub html: String,
    /// The language of both (BCP 47).
    pub language: String,
}

impl fmt::Debug for Letter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Letter(hidden)")
    }
}

/// A mail that was handed over in memory, for tests.
#[derive(Clone)]
pub struct Handed {
    /// Its id.
    pub id: Uuid,
    /// To whom.
    pub to: Address,
    /// The message as it would have been sent.
    pub message: Vec<u8>,
}

/// Mails that were handed over in memory, for tests. Clones share them.
#[derive(Clone, Default)]
pub struct Memory(Arc<Mutex<Vec<Handed>>>);

impl Memory {
    /// All so far.
    pub fn sent(&self) -> Vec<Handed> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

enum Way {
    Smtp(Box<Smtp>),
    Files(Files),
    Memory(Memory),
}

/// Hands letters over. Clones share its connections.
#[derive(Clone)]
pub struct Mailer(Arc<Parts>);

struct Parts {
    stamp: Stamp,
    way: Way,
}

impl Mailer {
    fn by(stamp: Stamp, way: Way) -> Self {
        Self(Arc::new(Parts { stamp, way }))
    }

    /// To a mail server, each letter within `timeout`. Message-IDs are made at the host of `origin` (scheme, host and port), under
    /// the root secret.
    ///
    /// # Errors
    /// [`SendError::Unreachable`] when the certificates of this machine can't be used for TLS.
    pub fn smtp(
        relay: &Relay,
        from: Mailbox,
        origin: &str,
        clock: Clock,
        ring: &KeyRing,
        timeout: Duration,
    ) -> Result<Self, SendError> {
        let stamp = Stamp::new(from, origin, clock, ring);
        let smtp = Smtp::new(relay, stamp.host(), timeout)?;
        Ok(Self::by(stamp, Way::Smtp(Box::new(smtp))))
    }

    /// To files `mail/ID.eml` under the var directory, for development.
    pub fn files(var_dir: &Path, from: Mailbox, origin: &str, clock: Clock, ring: &KeyRing) -> Self {
        Self::by(Stamp::new(from, origin, clock, ring), Way::Files(Files::new(&var_dir.join("mail"))))
    }

    /// To memory, for tests.
    pub fn memory(from: Mailbox, origin: &str, clock: Clock, ring: &KeyRing) -> (Self, Memory) {
        let memory = Memory::default();
        (Self::by(Stamp::new(from, origin, clock, ring), Way::Memory(memory.clone())), memory)
    }

    /// Hands a letter over. With Ok it was accepted, and the receiver's side answers for it. The same `id` makes the same
    /// Message-ID.
    ///
    /// # Errors
    /// See [`SendError`]. After [`SendError::Temporary`] by a timeout or broken connection it may have been accepted all the
    /// same.
    pub async fn send(&self, id: Uuid, letter: &Letter) -> Result<(), SendError> {
        let to = letter.to.as_str().parse().map_err(|_| SendError::BadAddress)?;
        let message = self.0.stamp.message(id, letter)?;
        match &self.0.way {
            Way::Smtp(smtp) => smtp.send(self.0.stamp.sender(), to, &message).await,
            Way::Files(files) => files.write(id, &message).await,
            Way::Memory(memory) => {
                let handed = Handed { id, to: letter.to.clone(), message };
                memory.0.lock().unwrap_or_else(PoisonError::into_inner).push(handed);
                Ok(())
            }
        }
    }

    /// Says good-bye on connections that lie idle, within a second.
    pub async fn close(&self) {
        if let Way::Smtp(smtp) = &self.0.way {
            smtp.close().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_holds_nothing_that_ends_a_header_or_a_command() {
        for good in ["ada@example.org", "Ada.O'Neil+tag@Example.ORG", "a@xn--bcher-kva.example"] {
            assert_eq!(Address::parse(good).unwrap().as_str(), good);
        }
        for bad in [
            "ada@example.org\r\nBcc: eve@example.net",
            "ada@example.org\n",
            "ada\r\n@example.org",
            "ada@exam\rple.org",
            "ada@example.org>",
            "<ada@example.org>",
            "a b@example.org",
            "ada@eve@example.org",
            "\"a b\"@example.org",
            "ädä@example.org",
            "ada@[127.0.0.1]",
            "ada",
            "@example.org",
            "ada@",
            "",
        ] {
            assert_eq!(Address::parse(bad), Err(BadAddress), "{bad:?}");
        }
        assert_eq!(Address::parse(&format!("a@{}.org", "b".repeat(260))), Err(BadAddress));
        assert_eq!(Address::parse("Ada@Example.ORG").unwrap().domain(), "example.org");
        assert!(!format!("{:?}", Address::parse("ada@example.org").unwrap()).contains("ada"));
    }
}
