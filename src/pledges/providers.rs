//! Which spellings of an address are one mailbox at which provider: the data behind `mailbox::canonical`.
//!
//! Joining two people's mailboxes loses a pledge without anybody noticing, while missing a variant lets one person count
//! twice, which anybody with a domain of their own can do anyway. So the rules hold only what a provider documents
//! or is well known for, and every other domain is only lower-cased. Left out on purpose: Yahoo's `base-keyword`
//! addresses (the base isn't the account's name), subdomain addressing at Fastmail, plus tags elsewhere (some servers
//! take `+` literally), company domains hosted by a provider (only DNS would tell), and joining icloud.com, me.com and
//! mac.com.

/// One provider's way of taking several spellings for one mailbox. All in the table ignore what follows a `+`.
pub(super) struct Provider {
    /// Where its addresses are.
    pub(super) domains: &'static [&'static str],
    /// The one domain that stands for all of them, where a name belongs to the same person on each.
    pub(super) home: Option<&'static str>,
    /// Characters that make no difference.
    pub(super) ignored: &'static [char],
    /// A character that is taken for another one.
    pub(super) same: Option<(char, char)>,
}

/// The table of `MailboxRules::V1`. It never changes: another table gets another version.
pub(super) const PROVIDERS_V1: [Provider; 6] = [
    // support.google.com/mail/answer/7436150.
    Provider { domains: &["gmail.com", "googlemail.com"], home: Some("gmail.com"), ignored: &['.'], same: None },
    // Plus addresses; one name belongs to different people on two of these domains, so they stay apart.
    Provider { domains: &MICROSOFT, home: None, ignored: &[], same: None },
    // Plus addresses.
    Provider { domains: &["icloud.com", "me.com", "mac.com"], home: None, ignored: &[], same: None },
    // proton.me/support/addresses-and-aliases; Proton's own clients drop `.`, `_` and `-` when they compare.
    Provider {
        domains: &["proton.me", "protonmail.com", "protonmail.ch", "pm.me"],
        home: Some("proton.me"),
        ignored: &['.', '_', '-'],
        same: None,
    },
    // yandex.com/support/id/authorization/email.html: a user name is the same person's on all Yandex domains. There `.`
    // and `-` are one character.
    Provider { domains: &YANDEX, home: Some("yandex.ru"), ignored: &[], same: Some(('.', '-')) },
    // fastmail.help/hc/en-us/articles/360060591053.
    Provider { domains: &["fastmail.com", "fastmail.fm"], home: None, ignored: &[], same: None },
];

const MICROSOFT: [&str; 85] = [
    "hotmail.at",
    "hotmail.be",
    "hotmail.ca",
    "hotmail.ch",
    "hotmail.cl",
    "hotmail.co.il",
    "hotmail.co.jp",
    "hotmail.co.nz",
    "hotmail.co.th",
    "hotmail.co.uk",
    "hotmail.com",
    "hotmail.com.ar",
    "hotmail.com.au",
    "hotmail.com.br",
    "hotmail.com.tr",
    "hotmail.cz",
    "hotmail.de",
    "hotmail.dk",
    "hotmail.es",
    "hotmail.fi",
    "hotmail.fr",
    "hotmail.gr",
    "hotmail.hu",
    "hotmail.it",
    "hotmail.my",
    "hotmail.nl",
    "hotmail.no",
    "hotmail.ph",
    "hotmail.se",
    "hotmail.sg",
    "live.at",
    "live.be",
    "live.ca",
    "live.cl",
    "live.co.uk",
    "live.co.za",
    "live.com",
    "live.com.ar",
    "live.com.au",
    "live.com.mx",
    "live.com.pt",
    "live.de",
    "live.dk",
    "live.fr",
    "live.ie",
    "live.in",
    "live.it",
    "live.jp",
    "live.nl",
    "live.no",
    "live.se",
    "msn.com",
    "outlook.at",
    "outlook.be",
    "outlook.cl",
    "outlook.co.id",
    "outlook.co.il",
    "outlook.co.nz",
    "outlook.co.th",
    "outlook.com",
    "outlook.com.ar",
    "outlook.com.au",
    "outlook.com.br",
    "outlook.com.gr",
    "outlook.com.pe",
    "outlook.com.tr",
    "outlook.com.vn",
    "outlook.cz",
    "outlook.de",
    "outlook.dk",
    "outlook.es",
    "outlook.fr",
    "outlook.hu",
    "outlook.ie",
    "outlook.in",
    "outlook.it",
    "outlook.jp",
    "outlook.kr",
    "outlook.lv",
    "outlook.my",
    "outlook.ph",
    "outlook.pt",
    "outlook.sa",
    "outlook.sg",
    "outlook.sk",
];

const YANDEX: [&str; 6] = ["ya.ru", "yandex.by", "yandex.com", "yandex.kz", "yandex.ru", "yandex.ua"];
