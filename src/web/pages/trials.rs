//! The page by which the owner of an address agrees to mails of a partner's trials.

use askama::Template;

use super::Assets;
use crate::web::texts::{self, Texts};

/// Asks, or (without `post`) says that it is agreed.
#[derive(Template)]
#[template(path = "trials.html")]
pub struct TrialsPage<'a> {
    /// The interface in the page's language.
    pub ui: &'static Texts,
    /// Addresses of the static files.
    pub assets: &'a Assets,
    /// The partner's name.
    pub partner: &'a str,
    /// Where the button posts; None: it is agreed.
    pub post: Option<&'a str>,
}

impl TrialsPage<'_> {
    fn title(&self) -> &str {
        self.ui.text(if self.post.is_some() { "trials_title" } else { "trials_agreed_title" })
    }

    fn text(&self) -> String {
        let key = if self.post.is_some() { "trials_text" } else { "trials_agreed_text" };
        self.ui.fill(key, &[("partner", self.partner)])
    }

    fn direction(&self) -> &str {
        texts::direction(self.ui.lang())
    }
}
