//! The form and its thanks in another site's page: the same as on ours, without what stands around it.

use std::ops::Deref;

use askama::Template;

use super::{After, FormPage, ThanksPage};

/// The form at `/embed/{slug}/{lang}`.
#[derive(Template)]
#[template(path = "frame.html")]
pub struct FramePage<'a>(pub FormPage<'a>);

impl<'a> Deref for FramePage<'a> {
    type Target = FormPage<'a>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

/// Thanks at `/embed/{slug}/{lang}/thanks`, for those without JavaScript.
#[derive(Template)]
#[template(path = "frame_thanks.html")]
pub struct FrameThanksPage<'a>(pub ThanksPage<'a>);

impl<'a> Deref for FrameThanksPage<'a> {
    type Target = ThanksPage<'a>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}
