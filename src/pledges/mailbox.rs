//! The supporter's e-mail address: `Email` is what mail goes to, `Mailbox` the canonical form that only ever becomes a
//! fingerprint, so that one person's spellings of one address count once.
//!
//! An address is `local@domain`, at most 254 bytes (RFC 5321 section 4.5.3.1.3). The local part is an ASCII dot-atom of
//! at most 64 bytes; no quoted strings, comments or display names. Local parts beyond ASCII (SMTPUTF8) are refused with
//! `invalid_email`: browsers' own e-mail fields refuse them, most relays can't send to them, so the confirmation
//! would silently never come, and nobody has settled when two of them are one mailbox. The domain has a dot and ends
//! in a name, never in a number; it may be typed in any script and is kept in its ASCII form (UTS 46, STD3 rules).
//! No address literals, no final dot.

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use utoipa::openapi::schema::SchemaFormat;
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};
use validator::ValidateEmail;
use zeroize::Zeroizing;

use super::fields::{hides_value, text_schema};
use super::providers::{PROVIDERS_V1, Provider};
use super::text::trim_blanks;
use crate::{http::FieldCode, mail::Address};

/// Longest local part in bytes (RFC 5321 section 4.5.3.1.1).
const LOCAL_MAX_BYTES: usize = 64;

/// An address that mail can be sent to: the local part as typed, the domain in lower-case ASCII form.
#[derive(Clone, PartialEq, Eq)]
pub struct Email(String);

impl Email {
    /// Longest address: characters as typed, and bytes with the domain in ASCII form.
    pub const MAX_BYTES: usize = 254;

    /// Takes an address as typed, with blanks around it.
    pub fn parse(raw: &str) -> Result<Self, FieldCode> {
        let typed = trim_blanks(raw);
        if typed.is_empty() {
            return Err(FieldCode::Required);
        }
        // Before IDNA, whose cost grows faster than the length.
        if typed.chars().count() > Self::MAX_BYTES {
            return Err(FieldCode::TooLong);
        }
        let (local, domain) = typed.rsplit_once('@').ok_or(FieldCode::InvalidEmail)?;
        let domain = ascii_domain(domain).ok_or(FieldCode::InvalidEmail)?;
        let address = format!("{local}@{domain}");
        if !is_dot_atom(local) || local.len() > LOCAL_MAX_BYTES || !address.validate_email() {
            return Err(FieldCode::InvalidEmail);
        }
        if address.len() > Self::MAX_BYTES { Err(FieldCode::TooLong) } else { Ok(Self(address)) }
    }

    /// The whole address, as mail is sent to it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What moderators see: the first character of the local part and the domain, `a•••@example.org`.
    pub fn masked(&self) -> String {
        let (local, domain) = self.parts();
        local.chars().take(1).chain("•••@".chars()).chain(domain.chars()).collect()
    }

    /// What stands before and behind the last `@`.
    pub fn parts(&self) -> (&str, &str) {
        self.0.rsplit_once('@').unwrap_or_default()
    }

    /// The same for the outbox.
    pub fn deliverable(&self) -> Option<Address> {
        Address::parse(&self.0).ok()
    }
}

hides_value!(Email, Mailbox);

impl PartialSchema for Email {
    fn schema() -> RefOr<Schema> {
        let description = "E-mail address, at most 254 bytes: an ASCII local part without quotes, and a domain with a \
                           dot, which may also be written in its own script. Used to count each person once and to \
                           write to those who agreed; never shown.";
        text_schema([6, Self::MAX_BYTES], description, &["amina@example.org"])
            .format(Some(SchemaFormat::Custom("email".to_owned())))
            .into()
    }
}

impl ToSchema for Email {}

/// `atext` of RFC 5322 section 3.2.3, in runs with single dots between them.
fn is_dot_atom(local: &str) -> bool {
    let is_atext = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b);
    local.split('.').all(|run| !run.is_empty() && run.bytes().all(is_atext))
}

/// The domain as DNS knows it, if it can be one: at least two labels, the last of them a name.
pub fn ascii_domain(typed: &str) -> Option<String> {
    // Hyphens in the third and fourth place are allowed (CheckFirstLast): such domains exist.
    let domain = Uts46::new()
        .to_ascii(typed.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast, DnsLength::Verify)
        .ok()?;
    let (_, last) = domain.rsplit_once('.')?;
    let is_name = last.len() >= 2 && (last.starts_with("xn--") || last.bytes().all(|b| b.is_ascii_lowercase()));
    is_name.then(|| domain.into_owned())
}

/// Which rules made a mailbox. Rules never change once a fingerprint was made with them: a new set gets a new name, and
/// old fingerprints are compared under the old one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MailboxRules {
    /// The provider table in `providers`.
    V1,
}

impl MailboxRules {
    /// The rules for new campaigns.
    pub const CURRENT: Self = Self::V1;

    /// The number that is stored beside what was made with these rules.
    pub const fn number(self) -> i16 {
        match self {
            Self::V1 => 1,
        }
    }

    /// The rules of a stored number.
    pub const fn from_number(number: i16) -> Option<Self> {
        match number {
            1 => Some(Self::V1),
            _ => None,
        }
    }

    const fn providers(self) -> &'static [Provider] {
        match self {
            Self::V1 => &PROVIDERS_V1,
        }
    }
}

/// The canonical form of an address: what makes two addresses one person's. Wiped from memory when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Mailbox(Zeroizing<String>);

impl Mailbox {
    /// The bytes the fingerprint is made of.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// The mailbox an address belongs to. Local parts are compared in lower case: the standard leaves their case to each
/// host, but hardly any gives `Ann` and `ann` to two people, and keyboards capitalise as they please.
pub fn canonical(email: &Email, rules: MailboxRules) -> Mailbox {
    let (local, domain) = email.parts();
    Mailbox(canonical_address(local, domain, rules))
}

fn canonical_address(local: &str, domain: &str, rules: MailboxRules) -> Zeroizing<String> {
    let provider = rules.providers().iter().find(|provider| provider.domains.contains(&domain));
    let domain = provider.and_then(|provider| provider.home).unwrap_or(domain);
    // Room for everything at once, because a string that moves leaves its old bytes behind.
    let mut address = Zeroizing::new(String::with_capacity(local.len() + domain.len() + 1));
    if let Some(provider) = provider {
        let name = local.split('+').next().unwrap_or_default();
        address.extend(name.chars().filter(|c| !provider.ignored.contains(c)).map(|c| match provider.same {
            Some((from, to)) if c == from => to,
            _ => c.to_ascii_lowercase(),
        }));
    }
    // No provider of ours, or nothing left ("+tag@"): such addresses only have their case to lose.
    if address.is_empty() {
        address.extend(local.chars().map(|c| c.to_ascii_lowercase()));
    }
    address.push('@');
    address.push_str(domain);
    address
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn email(raw: &str) -> Email {
        Email::parse(raw).unwrap_or_else(|code| panic!("{raw}: {code}"))
    }

    fn mailbox(raw: &str) -> String {
        canonical(&email(raw), MailboxRules::V1).0.to_string()
    }

    #[test]
    fn an_address_is_kept_as_typed_but_for_blanks_and_the_case_of_its_domain() {
        for (raw, kept) in [
            ("\u{3000} Ann.Lee@Example.ORG \t", "Ann.Lee@example.org"),
            ("=cmd+x@example.org", "=cmd+x@example.org"),
            ("-a'b%_{}|~@a.b-c.museum", "-a'b%_{}|~@a.b-c.museum"),
            ("ann@Bücher.example", "ann@xn--bcher-kva.example"),
            ("ann@bu\u{308}cher。example", "ann@xn--bcher-kva.example"),
            ("ann@почта.рф", "ann@xn--80a1acny.xn--p1ai"),
            ("ann@xn--80a1acny.xn--p1ai", "ann@xn--80a1acny.xn--p1ai"),
            ("ann@faß.de", "ann@xn--fa-hia.de"),
            ("a@x.co", "a@x.co"),
            ("ann@r3--x.example", "ann@r3--x.example"),
            ("1@163.com", "1@163.com"),
        ] {
            assert_eq!(email(raw).as_str(), kept);
        }
    }

    #[test]
    fn what_mail_cannot_be_sent_to_is_refused() {
        for raw in [
            "ann",
            "@",
            "ann@",
            "@example.org",
            "a@localhost",
            "a@[192.0.2.1]",
            "a@[IPv6:::1]",
            "a@192.0.2.1",
            "a@1.2",
            "a@example.0x7f",
            "a@example.c",
            "a@example.org.",
            "a@.example.org",
            "a@example..org",
            "a@-x.org",
            "a@x-.org",
            "a@ex_ample.org",
            "a@exa mple.org",
            "a@b@example.org",
            "a b@example.org",
            ".a@example.org",
            "a.@example.org",
            "a..b@example.org",
            "\"a\"@example.org",
            "a(x)@example.org",
            "Ann <a@example.org>",
            "mailto:a@example.org",
            "a,b@example.org",
            "a\\b@example.org",
            "аnn@example.org",
            "josé@example.org",
            "a\u{200b}b@example.org",
            "a@example.org\n",
            "a@example.org\r\nBcc: b@example.org",
            "\na@example.org",
            "a\0@example.org",
            "a@exa\0mple.org",
            "a@exam\u{7f}ple.org",
            "a@\u{202e}gro.elpmaxe",
            "a@xn--a.example",
            "a@example.org%00",
            "a@\u{2066}x\u{2069}.org",
            "a@example.org/x",
            "\u{feff}a@example.org",
        ] {
            assert_eq!(Email::parse(raw), Err(FieldCode::InvalidEmail), "{raw:?}");
        }
        for raw in ["", "  ", "\t\u{a0}"] {
            assert_eq!(Email::parse(raw), Err(FieldCode::Required));
        }
    }

    #[test]
    fn lengths_are_exact() {
        let with = |local: usize, domain: usize| {
            let labels = [["b".repeat(63), "c".repeat(63), "d".repeat(63)].join("."), "e".repeat(63)].join(".");
            let domain = format!("{}.org", labels.chars().take(domain - 4).collect::<String>());
            Email::parse(&format!("{}@{domain}", "a".repeat(local)))
        };
        assert!(with(64, 100).is_ok());
        assert_eq!(with(65, 100), Err(FieldCode::InvalidEmail));
        assert!(with(63, 190).is_ok_and(|e| e.as_str().len() == 254));
        assert_eq!(with(64, 190), Err(FieldCode::TooLong));
        assert_eq!(Email::parse(&format!("a@{}.org", "b".repeat(64))), Err(FieldCode::InvalidEmail));
        // 254 characters as typed, but more bytes in ASCII form.
        let idn = format!("{}@{}.example", "a".repeat(64), vec!["ü"; 60].join("."));
        assert_eq!(Email::parse(&idn), Err(FieldCode::InvalidEmail), "no domain is that long");
        let idn = format!("{}@{}.example", "a".repeat(64), vec!["ü"; 24].join("."));
        assert_eq!(Email::parse(&idn), Err(FieldCode::TooLong));
        assert_eq!(Email::parse(&"ü".repeat(100_000)), Err(FieldCode::TooLong));
    }

    #[test]
    fn a_mask_shows_one_character_and_debug_none() {
        assert_eq!(email("ann.lee@example.org").masked(), "a•••@example.org");
        assert_eq!(email("a@example.org").masked(), "a•••@example.org");
        assert_eq!(email("a@Example.org").parts().1, "example.org");
        assert_eq!(format!("{:?}", email("ann@example.org")), "Email(hidden)");
        assert_eq!(format!("{:?}", canonical(&email("ann@example.org"), MailboxRules::V1)), "Mailbox(hidden)");
    }

    #[test]
    fn spellings_of_one_mailbox_are_one() {
        for (one, other) in [
            ("Ann.Lee+x@GMail.com", "annlee@googlemail.com"),
            ("a.+tag@gmail.com", "a@gmail.com"),
            ("ann+x+y@outlook.com", "Ann@outlook.com"),
            ("ann+x@me.com", "ann@me.com"),
            ("A.n-n_x+y@pm.me", "annx@protonmail.com"),
            ("ann.lee+x@ya.ru", "ann-lee@yandex.kz"),
            ("ann+x@fastmail.com", "ann@fastmail.com"),
            ("Ann@Bücher.example", "ann@xn--bcher-kva.example"),
        ] {
            assert_eq!(mailbox(one), mailbox(other));
        }
    }

    #[test]
    fn different_mailboxes_stay_apart() {
        for (one, other) in [
            ("ann@outlook.com", "ann@hotmail.com"),
            ("ann@icloud.com", "ann@me.com"),
            ("a.b@outlook.com", "ab@outlook.com"),
            ("annlee@yandex.ru", "ann.lee@yandex.ru"),
            ("a-b@gmail.com", "ab@gmail.com"),
            ("ann+x@example.org", "ann@example.org"),
            ("a.b@example.org", "ab@example.org"),
            ("ann-x@yahoo.com", "ann@yahoo.com"),
            ("ann@gmail.com.example.org", "ann@gmail.com"),
            ("+x@gmail.com", "+y@gmail.com"),
            ("-@proton.me", "_@proton.me"),
        ] {
            assert_ne!(mailbox(one), mailbox(other));
        }
    }

    #[test]
    fn a_domain_has_one_provider_and_homes_are_their_own() {
        let all: Vec<_> = PROVIDERS_V1.iter().flat_map(|p| p.domains).collect();
        let distinct: std::collections::HashSet<_> = all.iter().collect();
        assert_eq!(all.len(), distinct.len());
        assert!(PROVIDERS_V1.iter().all(|p| p.home.is_none_or(|home| p.domains.contains(&home))));
        assert!(all.iter().all(|domain| ascii_domain(domain).as_deref() == Some(**domain)));
        assert_eq!(MailboxRules::from_number(MailboxRules::CURRENT.number()), Some(MailboxRules::CURRENT));
    }

    /// Addresses of every provider and of none, spelt in every way.
    fn address() -> impl Strategy<Value = (String, String)> {
        let mut domains: Vec<&str> = PROVIDERS_V1.iter().flat_map(|p| p.domains).copied().collect();
        domains.extend(["example.org", "sub.gmail.com", "xn--bcher-kva.example"]);
        ("[a-zA-Z0-9_=-]{1,9}(\\.[a-zA-Z0-9_-]{1,9}){0,3}(\\+[a-zA-Z0-9.-]{0,9}[a-z])?", prop::sample::select(domains))
            .prop_filter("dot-atoms", |(local, _)| is_dot_atom(local))
            .prop_map(|(local, domain)| (local, domain.to_owned()))
    }

    proptest! {
        #[test]
        fn any_text_is_taken_cleanly_or_refused(raw in any::<String>(), at in "\\PC{0,80}@\\PC{0,80}\\.[a-z]{2,5}") {
            for raw in [raw, at] {
                if let Ok(email) = Email::parse(&raw) {
                    prop_assert!(email.as_str().is_ascii() && email.as_str().len() <= Email::MAX_BYTES);
                    prop_assert!(email.as_str().bytes().all(|b| b.is_ascii_graphic()));
                    prop_assert_eq!(Email::parse(email.as_str()), Ok(email.clone()));
                    prop_assert_eq!(email.masked().chars().count(), email.parts().1.len() + 5);
                    canonical(&email, MailboxRules::V1);
                }
            }
        }

        #[test]
        fn a_canonical_address_is_its_own_canonical_form((local, domain) in address()) {
            let once = canonical_address(&local, &domain, MailboxRules::V1);
            let (local, domain) = once.rsplit_once('@').unwrap();
            prop_assert_eq!(&canonical_address(local, domain, MailboxRules::V1), &once);
        }

        #[test]
        fn case_never_matters((local, domain) in address()) {
            let typed = format!("{local}@{domain}");
            prop_assert_eq!(mailbox(&typed), mailbox(&typed.to_ascii_uppercase()));
        }

        #[test]
        fn gmail_ignores_dots_and_tags(name in "[a-z0-9]{1,20}", dots in any::<u32>(), tag in "[a-z0-9+]{1,9}") {
            let dotted: String = name.chars().enumerate()
                .flat_map(|(i, c)| [(i > 0 && dots >> i & 1 == 1).then_some('.'), Some(c)]).flatten().collect();
            prop_assert_eq!(mailbox(&format!("{dotted}+{tag}@googlemail.com")), format!("{name}@gmail.com"));
        }

        #[test]
        fn only_the_table_joins_domains((local, one) in address(), (_, other) in address()) {
            let home = |domain: &String| PROVIDERS_V1.iter()
                .find(|p| p.domains.contains(&domain.as_str()))
                .and_then(|p| p.home)
                .map_or_else(|| domain.clone(), ToOwned::to_owned);
            let joined = mailbox(&format!("{local}@{one}")) == mailbox(&format!("{local}@{other}"));
            prop_assert_eq!(joined, home(&one) == home(&other));
        }
    }
}
