//! What crawlers are asked to leave alone: the names that a wall shows, above all.

use super::get_with;
use crate::support::{TestApp, document::DOCUMENT};

/// Paths that everybody's crawlers may not fetch, as RFC 9309 reads them: `*` is any text, and the rest may follow. There is no `Allow`
/// that a longer one could be.
struct Robots(Vec<String>);

impl Robots {
    fn read(text: &str) -> Self {
        let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
        let mut lines = lines.map(|line| line.split_once(": ").unwrap_or_else(|| panic!("nobody understands {line}")));
        assert_eq!(lines.next(), Some(("User-agent", "*")), "one group, of everybody");
        let forbidden = lines.map(|(name, path)| {
            assert_eq!(name, "Disallow", "{path}");
            path.to_owned()
        });
        Self(forbidden.collect())
    }

    fn forbids(&self, path: &str) -> bool {
        self.0.iter().any(|pattern| {
            let mut parts = pattern.split('*');
            let mut rest = path.strip_prefix(parts.next().unwrap());
            for part in parts {
                rest = rest.and_then(|rest| rest.split_once(part)).map(|(_, rest)| rest);
            }
            rest.is_some()
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn crawlers_are_asked_not_to_fetch_names_and_what_is_for_moderators_and_nothing_else() {
    let app = TestApp::start().await;
    let client = app.client();
    let answer = client.get("/robots.txt").await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "text/plain; charset=utf-8"));
    assert_eq!(answer.header("cache-control"), "public, max-age=300");
    let again = get_with(&client, "/robots.txt", &[("if-none-match", answer.header("etag"))]).await;
    assert_eq!((again.status.as_u16(), again.body.len()), (304, 0));
    let robots = Robots::read(&answer.text());
    let mut walls = 0;
    for path in DOCUMENT["paths"].as_object().unwrap().keys() {
        let (is_wall, path) = (path.contains("/wall"), path.replace("{slug}", "defend"));
        let is_for_moderators = ["/v1/moderation/", "/v1/auth/"].iter().any(|below| path.starts_with(below));
        assert_eq!(robots.forbids(&path), is_wall || is_for_moderators, "{path}");
        walls += usize::from(is_wall && !is_for_moderators);
    }
    assert_eq!(walls, 2, "the wall, and the reports of it");
    for forbidden in ["/v1/campaigns/defend/wall?cursor=x", "/v1/campaigns/wall/wall", "/moderation/"] {
        assert!(robots.forbids(forbidden), "{forbidden}");
    }
    // What is shown in an index, what renders it, and what says `noindex` itself, which only who reads it knows.
    for allowed in [
        "/",
        "/c/defend/en",
        "/c/wall/en",
        "/c/defend/en/thanks",
        "/dashboard/defend?wall",
        "/embed/defend/en",
        "/embed.js",
        "/wall.js",
        "/assets/site.css",
        "/v1/campaigns/wall/totals",
        "/confirm/x",
        "/my-pledge/x",
    ] {
        assert!(!robots.forbids(allowed), "{allowed}");
    }
    app.stop().await;
}
