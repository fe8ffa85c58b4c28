//! The message that a letter becomes: multipart/alternative, with headers that are ours alone. Of what somebody submitted only
//! the address stands in them.

use lettre::message::{
    Mailbox, Message, MultiPart,
    header::{HeaderName, HeaderValue},
};
use reqwest::Url;
use uuid::Uuid;

use super::{Failure, Letter, SendError};
use crate::{
    clock::Clock,
    crypto::{Key, KeyRing},
};

/// What stands in every message.
pub(super) struct Stamp {
    from: Mailbox,
    host: String,
    clock: Clock,
    ids: Key,
}

impl Stamp {
    /// From `from`, with ids at the host of `origin`, made under the current root secret of `ring`.
    pub(super) fn new(from: Mailbox, origin: &str, clock: Clock, ring: &KeyRing) -> Self {
        let host = Url::parse(origin).ok().and_then(|url| url.host_str().map(str::to_owned));
        let ids = ring.current().derive("mail message id v1", b"");
        Self { from, host: host.unwrap_or_else(|| "localhost".to_owned()), clock, ids }
    }

    /// The public host.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// Whom the mail server tells when a mail can't be delivered.
    pub(super) fn sender(&self) -> &lettre::Address {
        &self.from.email
    }

    /// The left part of a Message-ID. The database keeps links under the ids of mails, and mail servers log Message-IDs: so it is a
    /// keyed hash, and only who has the root secret can bring the two together.
    fn message_id(&self, id: Uuid) -> Uuid {
        let hash = self.ids.hash(&[id.as_bytes()]);
        Uuid::from_bytes(hash.first_chunk().copied().unwrap_or_default())
    }

    /// The message in bytes, ASCII only. The same `id` makes the same Message-ID.
    pub(super) fn message(&self, id: Uuid, letter: &Letter) -> Result<Vec<u8>, SendError> {
        let to = letter.to.as_str().parse().map_err(|_| SendError::BadAddress)?;
        let mut builder = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(one_line(&letter.subject))
            .date(self.clock.now().into())
            .message_id(Some(format!("<{}@{}>", self.message_id(id).simple(), self.host)))
            // No answer of a machine, please (RFC 3834).
            .raw_header(header("Auto-Submitted", "auto-generated"));
        if is_tag(&letter.language) {
            builder = builder.raw_header(header("Content-Language", &letter.language));
        }
        let parts = MultiPart::alternative_plain_html(letter.text.clone(), letter.html.clone());
        let message = builder.multipart(parts).map_err(|_| SendError::Permanent(Failure::Letter))?;
        Ok(message.formatted())
    }
}

fn header(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

/// Line breaks and other control characters, also those beyond ASCII, become spaces.
fn one_line(text: &str) -> String {
    text.replace(|c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}'), " ")
}

fn is_tag(language: &str) -> bool {
    !language.is_empty() && language.len() <= 35 && language.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::{super::Address, *};

    fn made(secret: &str, id: u128, letter: &Letter) -> String {
        let ring = KeyRing::parse(secret).unwrap();
        let stamp = Stamp::new(
            "Pledges <pledges@example.org>".parse().unwrap(),
            "https://pledges.example:8443",
            Clock::System,
            &ring,
        );
        String::from_utf8(stamp.message(Uuid::from_u128(id), letter).unwrap()).unwrap()
    }

    const SECRET: &str = "0123456789abcdef0123456789ABCDEFxyz";

    fn message(letter: &Letter) -> String {
        made(SECRET, 7, letter)
    }

    fn letter(subject: &str, language: &str) -> Letter {
        let to = Address::parse("ada@example.org").unwrap();
        let (text, html) = ("Häuser\r\nBcc: eve@example.net".to_owned(), "<p>Häuser</p>".to_owned());
        Letter { to, subject: subject.to_owned(), text, html, language: language.to_owned() }
    }

    fn headers(message: &str) -> Vec<&str> {
        let head = message.split("\r\n\r\n").next().unwrap();
        // What begins with a space belongs to the line before.
        head.split("\r\n").filter(|line| !line.starts_with([' ', '\t'])).collect()
    }

    #[test]
    fn a_letter_has_both_forms_and_only_our_headers() {
        let message = message(&letter("Bitte bestätigen", "de"));
        assert!(message.is_ascii());
        let headers = headers(&message);
        let names: Vec<&str> = headers.iter().map(|line| line.split(':').next().unwrap()).collect();
        assert_eq!(
            names,
            [
                "From",
                "To",
                "Subject",
                "Date",
                "Message-ID",
                "Auto-Submitted",
                "Content-Language",
                "MIME-Version",
                "Content-Type"
            ]
        );
        assert!(headers.contains(&"To: ada@example.org"), "{headers:?}");
        assert!(headers.contains(&"Auto-Submitted: auto-generated") && headers.contains(&"Content-Language: de"));
        assert!(headers[8].starts_with("Content-Type: multipart/alternative"), "{headers:?}");
        assert!(
            message.contains("Content-Type: text/plain; charset=utf-8") && message.contains("text/html; charset=utf-8")
        );
    }

    #[test]
    fn a_message_id_is_the_same_in_every_attempt_and_tells_no_mail() {
        let other = "fedcba9876543210FEDCBA9876543210zyx";
        let id_of = |secret, id| {
            let message = made(secret, id, &letter("Hello", "en"));
            let id =
                headers(&message).into_iter().find_map(|line| line.strip_prefix("Message-ID: ")).unwrap().to_owned();
            let left = id.strip_prefix('<').unwrap().strip_suffix("@pledges.example>").unwrap();
            assert!(left.len() == 32 && left.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
            assert!(!message.contains(&Uuid::from_u128(7).simple().to_string()), "{message}");
            assert!(!message.contains(&Uuid::from_u128(7).hyphenated().to_string()), "{message}");
            id
        };
        assert_eq!(id_of(SECRET, 7), id_of(SECRET, 7));
        assert_ne!(id_of(SECRET, 7), id_of(SECRET, 8));
        assert_ne!(id_of(SECRET, 7), id_of(other, 7));
    }

    #[test]
    fn no_line_break_in_a_letter_makes_a_header() {
        for odd in
            ["a\r\nBcc: eve@example.net", "a\nBcc: eve@example.net", "a\rBcc: x@y.example", "ä\u{85}\u{2028}Bcc: b"]
        {
            for (subject, language) in [(odd, "en"), ("Hello", odd)] {
                let message = message(&letter(subject, language));
                let headers = headers(&message);
                assert!(headers.len() <= 9 && !headers.iter().any(|line| line.starts_with("Bcc")), "{headers:?}");
                assert!(!message.replace("\r\n", "").contains(['\r', '\n']), "{message:?}");
            }
        }
    }
}
