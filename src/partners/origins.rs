//! Origins of a partner's pages: exactly those, or every subdomain of one by choice.

use std::fmt;

/// Longest text of an origin: a host name has at most 253 characters.
const MAX_CHARS: usize = 300;

/// One origin, or the subdomains of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginPattern {
    scheme: String,
    /// Without `*.`.
    host: String,
    port: Option<u16>,
    subdomains: bool,
}

impl OriginPattern {
    /// Takes `https://www.example.org`, `https://example.org:8443` or `https://*.example.org`, with a slash at the end if need
    /// be. `http` only where `insecure` is allowed.
    ///
    /// # Errors
    /// A sentence that says what is wrong.
    pub fn parse(text: &str, insecure: bool) -> Result<Self, &'static str> {
        let text = text.trim();
        if text.len() > MAX_CHARS {
            return Err("is too long");
        }
        let (plain, subdomains) = match text.split_once("://*.") {
            Some((scheme, rest)) => (format!("{scheme}://{rest}"), true),
            None => (text.to_owned(), false),
        };
        if plain.contains('*') {
            return Err("may have one *, in place of the whole subdomain: https://*.example.org");
        }
        let url = reqwest::Url::parse(&plain).map_err(|_| "is no origin: https://www.example.org")?;
        match url.scheme() {
            "https" => {}
            "http" if insecure => {}
            _ => return Err("must begin with https://"),
        }
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        if !bare || !url.username().is_empty() || url.password().is_some() {
            return Err("has more than scheme, host and port");
        }
        let host = url.host_str().filter(|host| !host.ends_with('.')).ok_or("has no host")?;
        if subdomains && (url.domain().is_none() || !host.contains('.')) {
            return Err("would let in every site of a whole country or the like");
        }
        Ok(Self { scheme: url.scheme().to_owned(), host: host.to_owned(), port: url.port(), subdomains })
    }

    /// Whether the value of a header Origin is this, or a subdomain of it. Browsers write it in lower case and without the usual
    /// port; what is written otherwise doesn't come from a browser and doesn't fit.
    pub fn fits(&self, origin: &str) -> bool {
        let Some(rest) = origin.strip_prefix(&self.scheme).and_then(|rest| rest.strip_prefix("://")) else {
            return false;
        };
        let host = match self.port {
            Some(port) => rest.strip_suffix(&format!(":{port}")),
            None => Some(rest),
        };
        let Some(host) = host else { return false };
        if !self.subdomains {
            return host == self.host;
        }
        let labels = host.strip_suffix(&self.host).and_then(|rest| rest.strip_suffix('.'));
        labels.is_some_and(|labels| {
            !labels.is_empty()
                && labels.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-' | '_'))
        })
    }
}

impl fmt::Display for OriginPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let star = if self.subdomains { "*." } else { "" };
        write!(f, "{}://{star}{}", self.scheme, self.host)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

/// Whether it is a page on the developer's own machine.
pub fn is_local(origin: &str) -> bool {
    let host = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    let Some(host) = host else { return false };
    ["localhost", "127.0.0.1", "[::1]"].into_iter().any(|name| {
        let port = host.strip_prefix(name);
        port.is_some_and(|rest| {
            rest.is_empty() || rest.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_exact_and_a_wildcard_is_a_whole_subdomain() {
        for (pattern, fits, refuses) in [
            (
                "https://www.example.org/",
                vec!["https://www.example.org"],
                vec![
                    "http://www.example.org",
                    "https://example.org",
                    "https://www.example.org:8443",
                    "https://www.example.org.evil",
                    "https://evilwww.example.org",
                    "https://WWW.example.org",
                    "null",
                    "",
                ],
            ),
            ("https://example.org:8443", vec!["https://example.org:8443"], vec!["https://example.org"]),
            (
                "https://*.Example.org",
                vec!["https://a.example.org", "https://a.b.example.org"],
                vec![
                    "https://example.org",
                    "https://.example.org",
                    "https://evilexample.org",
                    "https://a.example.org.evil",
                    "https://evil.com/.example.org",
                    "https://evil.com#.example.org",
                    "https://evil.com:443@x.example.org",
                ],
            ),
            ("https://bücher.example", vec!["https://xn--bcher-kva.example"], vec!["https://bücher.example"]),
        ] {
            let parsed = OriginPattern::parse(pattern, false).unwrap();
            assert_eq!(OriginPattern::parse(&parsed.to_string(), false).as_ref(), Ok(&parsed), "{pattern}");
            for origin in fits {
                assert!(parsed.fits(origin), "{pattern} {origin}");
            }
            for origin in refuses {
                assert!(!parsed.fits(origin), "{pattern} {origin}");
            }
        }
    }

    #[test]
    fn what_is_no_origin_is_refused() {
        for text in [
            "",
            "example.org",
            "http://example.org",
            "https://example.org/page",
            "https://example.org?x",
            "https://user@example.org",
            "https://*.org",
            "https://*",
            "https://a.*.example.org",
            "https://*.*.example.org",
            "https://*.127.0.0.1",
            "https://example.org.",
            "ftp://example.org",
            "null",
        ] {
            assert!(OriginPattern::parse(text, false).is_err(), "{text}");
        }
        assert!(OriginPattern::parse("http://example.org", true).is_ok());
    }

    #[test]
    fn only_this_machine_is_local() {
        for origin in ["http://localhost", "http://localhost:3000", "https://127.0.0.1:8443", "http://[::1]:5173"] {
            assert!(is_local(origin), "{origin}");
        }
        for origin in
            ["http://localhost.evil", "http://localhost:x", "http://127.0.0.1.evil", "null", "file://localhost"]
        {
            assert!(!is_local(origin), "{origin}");
        }
    }
}
