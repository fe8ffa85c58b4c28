//! What a mail carries: a link, whose holder acts for the pledge, and a code that can be typed instead to confirm it. Both come
//! from the root secret and the id of the mail, so that a mail that is sent again says the same; the database has only hashes.
//!
//! A pledge that nobody confirmed is deleted with its links, and nothing of them is kept. That a link was good once can be told all
//! the same: its secret is what the root secret makes of its mail and a campaign.

pub mod store;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use uuid::Uuid;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::mailbox::{Email, MailboxRules, canonical};
use crate::crypto::{KeyRing, RootSecret};

/// For how long a mail confirms (issue: seven days). Its link shows the pledge for as long as there is one.
pub const CONFIRMS_FOR: TimeDelta = TimeDelta::days(7);

/// How often a code may be tried, the right time included. Then only the link is good: 5 of 2^30.
pub const CODE_TRIES: i16 = 5;

/// Mails to one mailbox in seven days, over all campaigns (security: so that nobody is harassed).
pub const MAILS_A_WEEK: i64 = 5;

/// Of these, how many are kept for campaigns that haven't written to the mailbox in the seven days: so one campaign, or whoever
/// provokes its mails, writes four at the most, and can't keep the first mail of another one from being sent.
pub const MAILS_KEPT: i64 = 1;

/// Mails of trials of one partner in seven days: enough to try a form all week, and not enough to harass with its public key.
pub const TRIAL_MAILS_A_WEEK: i64 = 200;

/// Letters and digits of a code: none that is taken for another.
const ALPHABET: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";

const CODE_LETTERS: usize = 6;

const SECRET_BYTES: usize = 32;

/// What stands in a link. Wiped when dropped, never printed.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Token {
    #[zeroize(skip)]
    mail: Uuid,
    secret: [u8; SECRET_BYTES],
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(hidden)")
    }
}

impl Token {
    /// From an address; None when it can't be one.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; 16 + SECRET_BYTES] = URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?;
        let (mail, secret) = bytes.split_first_chunk::<16>()?;
        Some(Self { mail: Uuid::from_bytes(*mail), secret: secret.try_into().ok()? })
    }

    /// As it stands in an address: 64 characters.
    pub fn text(&self) -> String {
        URL_SAFE_NO_PAD.encode([self.mail.as_bytes().as_slice(), &self.secret].concat())
    }

    /// The mail.
    pub fn mail(&self) -> Uuid {
        self.mail
    }

    /// As it is stored.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.secret).into()
    }
}

/// A code as it was typed: in any case, with blanks or hyphens in it, with the digits or the width of a keyboard's script. Never
/// printed.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Code(String);

impl std::fmt::Debug for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Code(hidden)")
    }
}

impl Code {
    /// None when it can't be one.
    pub fn parse(typed: &str) -> Option<Self> {
        let code: String = typed
            .chars()
            .map(plain)
            .filter(|c| !c.is_whitespace() && *c != '-')
            .take(CODE_LETTERS + 1)
            .map(|c| c.to_ascii_uppercase())
            .collect();
        let fits = code.len() == CODE_LETTERS && code.bytes().all(|byte| ALPHABET.contains(&byte));
        fits.then_some(Self(code))
    }

    /// As a mail shows it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Makes and checks them. Clones share the secrets.
#[derive(Clone, Debug)]
pub struct Links {
    ring: KeyRing,
}

impl Links {
    /// Under the current root secret; codes that an older one made, if it is listed, are good too.
    pub fn new(ring: KeyRing) -> Self {
        Self { ring }
    }

    /// The link of a mail about a pledge of this campaign.
    pub fn token(&self, campaign: Uuid, mail: Uuid) -> Token {
        Token { mail, secret: secret(self.ring.current(), campaign, mail) }
    }

    /// Whether a mail of this campaign carried the link, also one that is gone from the database. In constant time.
    pub fn is_link_of(&self, campaign: Uuid, token: &Token) -> bool {
        let made = |root| bool::from(secret(root, campaign, token.mail).ct_eq(&token.secret));
        self.ring.roots().fold(false, |found, root| made(root) | found)
    }

    /// The code of a mail.
    pub fn code(&self, mail: Uuid) -> Code {
        let hash = self.ring.current().derive("mail link v1", b"").hash(&[b"code", mail.as_bytes()]);
        // The alphabet has 32 letters, so each is as probable as the others.
        let letter = |byte: &u8| ALPHABET.get(usize::from(byte % 32)).copied().map_or('2', char::from);
        Code(hash.iter().take(CODE_LETTERS).map(letter).collect())
    }

    /// A code as it is stored.
    pub fn stored_code(&self, mail: Uuid, code: &Code) -> [u8; 16] {
        stored_code(self.ring.current(), mail, code)
    }

    /// Whether this is the code of a mail, in constant time.
    pub fn is_code(&self, mail: Uuid, typed: &Code, stored: &[u8]) -> bool {
        let fits = |root| bool::from(stored_code(root, mail, typed).as_slice().ct_eq(stored));
        self.ring.roots().fold(false, |found, root| fits(root) | found)
    }

    /// What a mailbox is counted by, the same in every campaign; under each root secret that is listed, the current first. What
    /// stands behind a plus sign is left out, wherever the mailbox is: it only makes mails fewer.
    pub fn mailbox_tags(&self, email: &Email) -> Vec<Uuid> {
        self.tags(email, &[b"mailbox"])
    }

    /// What the mails of one campaign to a mailbox are counted by: it tells neither of the two.
    pub fn campaign_tags(&self, email: &Email, campaign: Uuid) -> Vec<Uuid> {
        self.tags(email, &[b"mailbox in campaign", campaign.as_bytes()])
    }

    fn tags(&self, email: &Email, head: &[&[u8]]) -> Vec<Uuid> {
        let mailbox = canonical(email, MailboxRules::CURRENT);
        let bytes = mailbox.as_bytes();
        let end = bytes.iter().rposition(|byte| *byte == b'@').unwrap_or(bytes.len());
        let (local, domain) = bytes.split_at(end);
        let name = local.split(|byte| *byte == b'+').next().filter(|name| !name.is_empty()).unwrap_or(local);
        let parts = [head, &[name, domain]].concat();
        self.ring.roots().map(|root| shortened(root, "mailbox v1", &parts)).collect()
    }

    /// What the note of a mail is kept under: nobody sees by it whose pledge the mail was about.
    pub fn note(&self, mail: Uuid) -> Uuid {
        shortened(self.ring.current(), "mailbox v1", &[b"note", mail.as_bytes()])
    }
}

/// Arabic-Indic and Persian digits, and full-width characters, as ASCII has them.
fn plain(typed: char) -> char {
    let (first, ascii) = match typed {
        '\u{660}'..='\u{669}' => ('\u{660}', '0'),
        '\u{6f0}'..='\u{6f9}' => ('\u{6f0}', '0'),
        '\u{ff01}'..='\u{ff5e}' => ('\u{ff01}', '!'),
        _ => return typed,
    };
    char::from_u32(u32::from(typed) - u32::from(first) + u32::from(ascii)).unwrap_or(typed)
}

fn secret(root: &RootSecret, campaign: Uuid, mail: Uuid) -> [u8; SECRET_BYTES] {
    root.derive("mail link v1", b"").hash(&[b"secret", campaign.as_bytes(), mail.as_bytes()])
}

fn stored_code(root: &RootSecret, mail: Uuid, code: &Code) -> [u8; 16] {
    shortened(root, "mail link v1", &[b"stored code", mail.as_bytes(), code.as_str().as_bytes()]).into_bytes()
}

fn shortened(root: &RootSecret, purpose: &str, parts: &[&[u8]]) -> Uuid {
    let hash = root.derive(purpose, b"").hash(parts);
    let (first, _) = hash.split_first_chunk::<16>().unwrap_or((&[0; 16], &[]));
    Uuid::from_bytes(*first)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "0123456789abcdef0123456789ABCDEFxyz";
    const NEW: &str = "fedcba9876543210FEDCBA9876543210zyx";

    const CAMPAIGN: Uuid = Uuid::from_u128(1);

    fn links(text: &str) -> Links {
        Links::new(KeyRing::parse(text).unwrap())
    }

    #[test]
    fn a_token_survives_its_address_and_nothing_else_is_one() {
        let token = links(OLD).token(CAMPAIGN, Uuid::from_u128(7));
        let text = token.text();
        assert_eq!(text.len(), 64);
        assert_eq!(Token::parse(&text), Some(token.clone()));
        assert_ne!(links(OLD).token(CAMPAIGN, Uuid::from_u128(8)).hash(), token.hash());
        assert_ne!(links(NEW).token(CAMPAIGN, Uuid::from_u128(7)).hash(), token.hash());
        for odd in
            ["", "a", &text[1..], &format!("{text}a"), &format!("{}=", &text[1..]), &text.replace(&text[..1], "+")]
        {
            assert_eq!(Token::parse(odd), None, "{odd}");
        }
        assert_eq!(format!("{token:?}"), "Token(hidden)");
    }

    #[test]
    fn that_a_link_was_good_once_is_told_by_the_root_secret_alone() {
        let token = links(OLD).token(CAMPAIGN, Uuid::from_u128(7));
        let rotated = links(&format!("{NEW}\n{OLD}"));
        assert!(links(OLD).is_link_of(CAMPAIGN, &token) && rotated.is_link_of(CAMPAIGN, &token));
        assert!(!links(OLD).is_link_of(Uuid::from_u128(2), &token) && !links(NEW).is_link_of(CAMPAIGN, &token));
        for odd in [Token { mail: Uuid::from_u128(8), ..token.clone() }, Token { secret: [0; 32], ..token }] {
            assert!(!rotated.is_link_of(CAMPAIGN, &odd));
        }
    }

    #[test]
    fn a_code_is_good_as_people_type_it_and_for_its_mail_only() {
        let (links, mail) = (links(OLD), Uuid::from_u128(7));
        let code = links.code(mail);
        let stored = links.stored_code(mail, &code);
        let (left, right) = code.as_str().split_at(3);
        for typed in [format!("{left}{right}"), format!(" {} - {} ", left.to_lowercase(), right)] {
            assert!(links.is_code(mail, &Code::parse(&typed).unwrap(), &stored), "{typed}");
        }
        assert!(!links.is_code(Uuid::from_u128(8), &code, &stored));
        assert!(!links.is_code(mail, &links.code(Uuid::from_u128(8)), &stored));
        for odd in ["", "ABCDE", "ABCDEFG", "ABCDE0", "ABCDEÉ", &"A".repeat(1_000_000)] {
            assert_eq!(Code::parse(odd), None);
        }
    }

    #[test]
    fn a_code_is_good_in_the_digits_and_the_width_of_other_scripts() {
        for typed in ["a2b-9k3", "A٢b ٩k٣", "A۲B۹K۳", "Ａ２ｂ－９　Ｋ３"] {
            assert_eq!(Code::parse(typed).unwrap().as_str(), "A2B9K3", "{typed}");
        }
        // The digits that no code has, and those of scripts that aren't asked for.
        for odd in ["A٠B٩K٣", "A۱B۹K۳", "Ａ０ｂ９Ｋ３", "A२B९K३"] {
            assert_eq!(Code::parse(odd), None, "{odd}");
        }
    }

    #[test]
    fn after_a_rotation_old_codes_and_counts_are_known() {
        let (mail, email) = (Uuid::from_u128(7), Email::parse("ada@example.org").unwrap());
        let stored = links(OLD).stored_code(mail, &links(OLD).code(mail));
        let both = links(&format!("{NEW}\n{OLD}"));
        assert!(both.is_code(mail, &links(OLD).code(mail), &stored));
        assert_eq!(both.mailbox_tags(&email)[1..], links(OLD).mailbox_tags(&email));
        assert_eq!(both.mailbox_tags(&email), both.mailbox_tags(&Email::parse("ADA@example.org").unwrap()));
        assert_eq!(both.campaign_tags(&email, CAMPAIGN)[1..], links(OLD).campaign_tags(&email, CAMPAIGN));
        let others = [both.mailbox_tags(&email), both.campaign_tags(&email, Uuid::from_u128(2))];
        assert!(others.iter().all(|tags| tags[0] != both.campaign_tags(&email, CAMPAIGN)[0]));
    }

    #[test]
    fn codes_use_every_letter() {
        let links = links(OLD);
        let codes: Vec<String> =
            (0..2_000).map(|number| links.code(Uuid::from_u128(number)).as_str().to_owned()).collect();
        for letter in ALPHABET {
            let share = codes.iter().filter(|code| code.contains(char::from(*letter))).count();
            assert!((200..550).contains(&share), "{}: {share}", char::from(*letter));
        }
    }
}
