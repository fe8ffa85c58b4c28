//! The console at `/moderation/`: a frame that console.js fills.

use askama::Template;

use super::Assets;
use crate::web::texts::Texts;

/// What is in it.
#[derive(Template)]
#[template(path = "moderation.html")]
pub struct ModerationPage<'a> {
    /// English.
    pub ui: &'static Texts,
    /// Addresses of the static files.
    pub assets: &'a Assets,
}
