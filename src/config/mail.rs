//! Settings of the mails that are sent.

use std::{borrow::Cow, net::IpAddr, time::Duration};

use clap::Args;
use lettre::message::Mailbox;
use percent_encoding::percent_decode_str;
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};

use super::{ConfigError, Mode};

/// Settings of the mails that are sent.
#[derive(Args, Clone, Debug)]
pub struct MailSettings {
    /// The mail server that takes our mails, as smtps://user:password@host (TLS) or smtp://host?tls=required (STARTTLS).
    /// Plain smtp://host is for this machine only. A path is the name that the service greets with. Without it
    /// development writes mails to files under the var directory.
    #[arg(long, env = "PLEDGES_SMTP_URL", hide_env_values = true)]
    pub smtp_url: Option<SecretString>,

    /// Whom mails are from: an address, also with a name, as "Pledges <pledges@example.org>".
    #[arg(long, env = "PLEDGES_MAIL_FROM")]
    pub mail_from: Option<String>,

    /// Connections to the mail server, each of which sends one mail at a time.
    #[arg(long, env = "PLEDGES_MAIL_CONNECTIONS", default_value_t = 8,
        value_parser = clap::value_parser!(u16).range(1..=200))]
    pub mail_connections: u16,

    /// Mails a minute that one mail domain is sent by this instance at the most. 0: no limit.
    #[arg(long, env = "PLEDGES_MAIL_PER_DOMAIN_PER_MINUTE", default_value_t = 3_000,
        value_parser = clap::value_parser!(u32).range(0..=600_000))]
    pub mail_per_domain_per_minute: u32,

    /// Milliseconds for which a mail is nobody else's once it was taken. For tests; more than the time for sending one.
    #[arg(long, default_value_t = 120_000, hide = true)]
    pub mail_lease_ms: u64,

    /// Milliseconds for sending one mail, connecting included. For tests.
    #[arg(long, default_value_t = 30_000, hide = true)]
    pub mail_timeout_ms: u64,

    /// Milliseconds until a mail is first tried again. For tests.
    #[arg(long, default_value_t = 30_000, hide = true)]
    pub mail_first_retry_ms: u64,
}

/// How the connection to the mail server is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelayTls {
    /// Not at all.
    None,
    /// By STARTTLS where the server offers it.
    Opportunistic,
    /// By STARTTLS, or nothing is sent.
    Required,
    /// From the first byte.
    Wrapped,
}

/// The mail server that takes our mails.
#[derive(Clone, Debug)]
pub struct Relay {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the way there is protected.
    pub tls: RelayTls,
    /// User and password, if it wants them.
    pub login: Option<(String, SecretString)>,
    /// The name that the service greets with; None: the public host.
    pub hello: Option<String>,
}

const SMTP: &str = "PLEDGES_SMTP_URL";
const FROM: &str = "PLEDGES_MAIL_FROM";

/// Whom mails of development are from when nobody is set.
const FROM_IN_DEVELOPMENT: &str = "Pledges <pledges@localhost>";

impl MailSettings {
    /// The mail server; None: files.
    ///
    /// # Errors
    /// When the address can't be read, in production also when it isn't set or mails would cross a network in clear.
    pub fn relay(&self, mode: Mode) -> Result<Option<Relay>, ConfigError> {
        let bad = |problem| ConfigError::BadMail { name: SMTP, problem };
        let Some(text) = &self.smtp_url else {
            return match mode {
                Mode::Development => Ok(None),
                Mode::Production => Err(bad("is not set, and production mode needs it: pledges are confirmed by mail")),
            };
        };
        let relay = relay(text.expose_secret()).map_err(bad)?;
        let in_clear = matches!(relay.tls, RelayTls::None | RelayTls::Opportunistic);
        if mode == Mode::Production && in_clear && !is_this_machine(&relay.host) {
            return Err(bad("would send addresses in clear over the network: use smtps:// or ?tls=required"));
        }
        Ok(Some(relay))
    }

    /// Whom mails are from.
    ///
    /// # Errors
    /// When it is no address, in production also when it isn't set.
    pub fn from(&self, mode: Mode) -> Result<Mailbox, ConfigError> {
        let bad = |problem| ConfigError::BadMail { name: FROM, problem };
        let text = match (&self.mail_from, mode) {
            (Some(text), _) => text.as_str(),
            (None, Mode::Development) => FROM_IN_DEVELOPMENT,
            (None, Mode::Production) => return Err(bad("is not set, and production mode needs it")),
        };
        if text.contains(char::is_control) {
            return Err(bad("has a line break or another control character in it"));
        }
        text.parse().map_err(|_| bad("is no address, and no address with a name such as Pledges <pledges@example.org>"))
    }

    /// Whether mails can be sent with these settings.
    ///
    /// # Errors
    /// Those of [`Self::relay`] and [`Self::from`].
    pub fn check(&self, mode: Mode) -> Result<(), ConfigError> {
        self.relay(mode)?;
        self.from(mode)?;
        Ok(())
    }

    /// For how long a mail is nobody else's once it was taken.
    pub fn lease(&self) -> Duration {
        Duration::from_millis(self.mail_lease_ms)
    }

    /// How long sending one mail may take.
    pub fn timeout(&self) -> Duration {
        Duration::from_millis(self.mail_timeout_ms)
    }

    /// After how long a mail is first tried again.
    pub fn first_retry(&self) -> Duration {
        Duration::from_millis(self.mail_first_retry_ms)
    }
}

fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

/// The forms are those of the crate `lettre`. No problem repeats anything of the address: a password is in it.
fn relay(text: &str) -> Result<Relay, &'static str> {
    let url = Url::parse(text).map_err(|_| "is not an address such as smtps://user:password@host")?;
    let asked = url.query_pairs().find(|(name, _)| name == "tls").map(|(_, value)| value.into_owned());
    let (tls, port) = match (url.scheme(), asked.as_deref()) {
        ("smtps", None) => (RelayTls::Wrapped, 465),
        ("smtp", None) => (RelayTls::None, 25),
        ("smtp", Some("required")) => (RelayTls::Required, 587),
        ("smtp", Some("opportunistic")) => (RelayTls::Opportunistic, 587),
        ("smtp" | "smtps", Some(_)) => {
            return Err("has a tls that is neither required nor opportunistic (smtps:// has none)");
        }
        _ => return Err("must begin with smtps:// or smtp://"),
    };
    let host = url.host_str().filter(|host| !host.is_empty()).ok_or("names no host")?;
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let decoded = |part: &str| percent_decode_str(part).decode_utf8().map(Cow::into_owned);
    let login = match url.password() {
        Some(password) => {
            let user = decoded(url.username()).map_err(|_| "has a user that is not UTF-8")?;
            let password = decoded(password).map_err(|_| "has a password that is not UTF-8")?;
            Some((user, password.into()))
        }
        None if url.username().is_empty() => None,
        None => return Err("has a user but no password"),
    };
    let hello = url.path().trim_matches('/');
    if !hello.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte)) {
        return Err("has a path that is no name of a host to greet with");
    }
    let hello = (!hello.is_empty()).then(|| hello.to_owned());
    Ok(Relay { host, port: url.port().unwrap_or(port), tls, login, hello })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(url: Option<&str>, from: Option<&str>) -> MailSettings {
        MailSettings {
            smtp_url: url.map(Into::into),
            mail_from: from.map(Into::into),
            mail_connections: 1,
            mail_per_domain_per_minute: 0,
            mail_lease_ms: 1,
            mail_timeout_ms: 1,
            mail_first_retry_ms: 1,
        }
    }

    #[test]
    fn an_address_of_a_mail_server_is_read() {
        for (url, host, port, tls) in [
            ("smtps://a%40b:p%2Fw@mail.example.org", "mail.example.org", 465, RelayTls::Wrapped),
            ("smtp://mail.example.org?tls=required", "mail.example.org", 587, RelayTls::Required),
            ("smtp://localhost:2525", "localhost", 2525, RelayTls::None),
            ("smtp://[::1]/greets.example.org", "::1", 25, RelayTls::None),
        ] {
            let relay = settings(Some(url), None).relay(Mode::Production).unwrap().unwrap();
            assert_eq!((relay.host.as_str(), relay.port, relay.tls), (host, port, tls));
        }
        let relay = settings(Some("smtps://a%40b:p%2Fw@h.example/me.example"), None).relay(Mode::Production).unwrap();
        let relay = relay.unwrap();
        let (user, password) = relay.login.unwrap();
        assert_eq!((user.as_str(), password.expose_secret()), ("a@b", "p/w"));
        assert_eq!(relay.hello.as_deref(), Some("me.example"));
    }

    #[test]
    fn what_would_leak_or_can_not_be_read_is_refused_without_repeating_it() {
        for url in [
            "smtp://word-for-ada:secret@mail.example.org",
            "smtp://word-for-ada:secret@192.0.2.1?tls=opportunistic",
            "http://word-for-ada:secret@mail.example.org",
            "smtps://word-for-ada:secret@mail.example.org?tls=maybe",
            "smtps://word-for-ada@mail.example.org",
            "smtps://word-for-ada:secret@mail.example.org/a%0d%0ab",
            "word-for-ada",
            "",
        ] {
            let refused = settings(Some(url), None).relay(Mode::Production).unwrap_err().to_string();
            assert!(refused.starts_with("PLEDGES_SMTP_URL ") && !refused.contains("word-for-ada"), "{refused}");
        }
        assert!(settings(None, None).relay(Mode::Production).is_err());
        assert!(settings(None, None).relay(Mode::Development).unwrap().is_none());
        assert!(settings(None, None).from(Mode::Production).is_err());
        assert!(settings(None, None).from(Mode::Development).is_ok());
        for from in ["", "nobody", "a@b\r\nBcc: c@d.example", "Ada <ada@example.org>\n"] {
            assert!(settings(None, Some(from)).from(Mode::Development).is_err(), "{from:?}");
        }
        for from in ["pledges@example.org", "Pledges <pledges@example.org>", "\"Défends, Org.\" <pledges@example.org>"]
        {
            assert!(settings(None, Some(from)).from(Mode::Production).is_ok(), "{from}");
        }
    }
}
