//! The pages people see, as view structs: fill one in, call `render()`, send the HTML.
//! No HTTP, no database and no clock in here; the templates stand in `templates/`.

mod assets;
mod campaign;
mod dashboard;
mod frame;
mod moderation;
mod own;
mod partners;
mod start;
mod trials;

use askama::Template;

use self::campaign::LanguageLink;
pub use self::{
    assets::Assets,
    campaign::{Campaign, Controller, Totals},
    dashboard::DashboardPage,
    frame::{FramePage, FrameThanksPage},
    moderation::ModerationPage,
    own::{GonePage, OwnPledgePage},
    partners::{PartnersCampaign, PartnersPage},
    start::{StartCampaign, StartPage},
    trials::TrialsPage,
};
use super::texts::Texts;
use crate::web::own::CodeForm;

/// Whether the form has a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// Must be filled in.
    Required,
    /// May stay empty.
    Optional,
    /// Not shown.
    Off,
}

impl Ask {
    fn shown(self) -> bool {
        self != Ask::Off
    }
    fn required(self) -> bool {
        self == Ask::Required
    }
}

/// Which fields the form has, with their greatest length in characters.
#[derive(Debug, Clone, Copy)]
pub struct Fields {
    /// Name and its limit.
    pub name: (Ask, u32),
    /// E-mail address and its limit.
    pub email: (Ask, u32),
    /// Message and its limit.
    pub message: (Ask, u32),
    /// Whether a mail asks to confirm the pledge.
    pub by_mail: bool,
}

/// One thing the supporter may agree to.
#[derive(Debug, Clone, Copy)]
pub struct Consent<'a> {
    /// `updates`, `partner` or `public`.
    pub purpose: &'a str,
    /// Version of the text, sent along so that it is on record what was read.
    pub version: i32,
    /// The text in the page's language.
    pub text: &'a str,
    /// Ticked before, when the form is shown again. Never on the first time.
    pub ticked: bool,
}

/// What the supporter had typed, when the form is shown again.
#[derive(Debug, Clone, Copy, Default)]
pub struct Typed<'a> {
    /// As typed.
    pub name: &'a str,
    /// As typed.
    pub email: &'a str,
    /// Code of the chosen country, or empty.
    pub country: &'a str,
    /// As typed.
    pub message: &'a str,
}

/// What is wrong with one field.
#[derive(Debug, Clone)]
pub struct FieldError {
    /// `name`, `email`, `country`, `message`, `consent_{purpose}`; a leading `/` is ignored. Errors of other
    /// fields are told in the summary.
    pub field: String,
    /// A field code of the API, such as `required`.
    pub code: String,
}

/// The hosted form at `/c/{slug}/{lang}`, first time, with errors, or closed.
#[derive(Template)]
#[template(path = "form.html")]
pub struct FormPage<'a> {
    /// The interface in the page's language.
    pub ui: &'static Texts,
    /// Addresses of the static files.
    pub assets: &'a Assets,
    /// Scheme, host and port, without a slash at the end.
    pub public_url: &'a str,
    /// The campaign.
    pub campaign: &'a Campaign<'a>,
    /// Its published totals.
    pub totals: &'a Totals<'a>,
    /// Its fields.
    pub fields: Fields,
    /// Its consents.
    pub consents: &'a [Consent<'a>],
    /// What was typed before.
    pub typed: Typed<'a>,
    /// Where the supporter comes from (`?source=`); empty when unknown.
    pub source: &'a str,
    /// Where to go after success, on our own origin; the thanks page when `None`.
    pub return_to: Option<&'a str>,
    /// The partner's public key, when it is a partner's form.
    pub site_key: Option<&'a str>,
    /// Says of which form it is and since when it is shown.
    pub form_token: Option<&'a str>,
    /// What is wrong with the fields.
    pub errors: &'a [FieldError],
    /// A problem code of the whole form (`unavailable`, `too_many_requests`, `payload_too_large`, …). `invalid_fields`
    /// and `campaign_closed` say nothing of their own here.
    pub problem: Option<&'a str>,
    /// Whether scripts must bring a proof of work: `off`, `on`, `adaptive`.
    pub proof: &'static str,
    /// Where the thanks stand.
    pub thanks: &'a str,
    /// Whether it stands in another site's page.
    pub framed: bool,
    /// Whether a look is asked for, which another script reads.
    pub styled: bool,
    /// Whether it is a partner's for trials: nothing counts.
    pub trial: bool,
    /// Where the code from the mail goes, where one is sent.
    pub code: Option<&'a CodeForm<'a>>,
}

/// A line of the summary of errors; `field` is the id to jump to.
struct ErrorLine<'a> {
    field: &'a str,
    label: &'a str,
    text: &'a str,
}

impl FormPage<'_> {
    /// What the address is for: where a mail asks to confirm, nobody should be surprised by it.
    fn email_hint(&self) -> &str {
        self.ui.text(if self.fields.by_mail { "form_email_hint_mail" } else { "form_email_hint" })
    }

    fn error_of(&self, field: &str) -> Option<&str> {
        let error = self.errors.iter().find(|error| field_of(error) == field)?;
        Some(self.ui.field_error(field, &error.code))
    }

    fn consent_error(&self, consent: &Consent<'_>) -> Option<&str> {
        self.error_of(&format!("consent_{}", consent.purpose))
    }

    fn error_lines(&self) -> Vec<ErrorLine<'_>> {
        let line = |error| {
            let field = field_of(error);
            Some(ErrorLine { field, label: self.label_of(field)?, text: self.ui.field_error(field, &error.code) })
        };
        self.errors.iter().filter_map(line).collect()
    }

    /// The label of a field, or `None` for one that is not on the page.
    fn label_of(&self, field: &str) -> Option<&str> {
        match field {
            "name" if self.fields.name.0.shown() => Some(self.ui.text("form_name")),
            "email" if self.fields.email.0.shown() => Some(self.ui.text("form_email")),
            "country" => Some(self.ui.text("form_country")),
            "message" if self.fields.message.0.shown() => Some(self.ui.text("form_message")),
            _ => {
                let purpose = field.strip_prefix("consent_")?;
                let asked = self.consents.iter().any(|consent| consent.purpose == purpose);
                asked.then(|| self.ui.text("form_consents"))
            }
        }
    }

    /// What is wrong with the pledge as a whole, or with something the supporter can't see.
    fn problem_text(&self) -> Option<&str> {
        let unseen = self.errors.iter().any(|error| self.label_of(field_of(error)).is_none());
        let key = match self.problem.unwrap_or_default() {
            "unavailable" => "error_form_unavailable",
            "too_many_requests" => "error_form_too_many",
            "payload_too_large" => "error_form_too_large",
            "" | "invalid_fields" | "campaign_closed" if !unseen => return None,
            _ => "error_form_other",
        };
        Some(self.ui.text(key))
    }

    fn has_errors(&self) -> bool {
        !self.errors.is_empty() || self.problem_text().is_some()
    }

    fn language_links(&self) -> Vec<LanguageLink<'_>> {
        self.campaign.language_links(self.source)
    }

    fn describedby(&self, field: &str, hint: bool) -> String {
        let ids = [(hint, "hint"), (self.error_of(field).is_some(), "error")];
        let ids: Vec<String> =
            ids.iter().filter(|(here, _)| *here).map(|(_, part)| format!("{field}-{part}")).collect();
        ids.join(" ")
    }
}

fn field_of(error: &FieldError) -> &str {
    error.field.trim_start_matches('/')
}

/// What the thanks are for.
#[derive(Clone, Copy, Default)]
pub enum After<'a> {
    /// A pledge that counts.
    #[default]
    Counted,
    /// One that waits for the code or the link in the mail: nothing is said to count.
    Mail(&'a CodeForm<'a>),
    /// One that was confirmed.
    Confirmed {
        /// The page of the pledge.
        own: &'a str,
    },
}

/// Thanks at `/c/{slug}/{lang}/thanks`: the same page for a new and for a repeated pledge.
#[derive(Template)]
#[template(path = "thanks.html")]
pub struct ThanksPage<'a> {
    /// The interface in the page's language.
    pub ui: &'static Texts,
    /// Addresses of the static files.
    pub assets: &'a Assets,
    /// Scheme, host and port, without a slash at the end.
    pub public_url: &'a str,
    /// The campaign.
    pub campaign: &'a Campaign<'a>,
    /// Its published totals.
    pub totals: &'a Totals<'a>,
    /// What for.
    pub after: After<'a>,
    /// Whether it was a trial: nothing counts.
    pub trial: bool,
}

impl ThanksPage<'_> {
    fn title(&self) -> &str {
        self.ui.text(match self.after {
            After::Counted => "thanks_title",
            After::Mail(_) => "mail_title",
            After::Confirmed { .. } => "confirmed_title",
        })
    }

    fn lead(&self) -> &str {
        self.ui.text(match self.after {
            After::Counted => "thanks_text",
            After::Mail(_) => "mail_text",
            After::Confirmed { .. } => "confirmed_text",
        })
    }

    /// Whether the pledge isn't counted yet.
    fn waits(&self) -> bool {
        matches!(self.after, After::Mail(_))
    }

    fn language_links(&self) -> Vec<LanguageLink<'_>> {
        // Elsewhere nobody would know that it was confirmed.
        if let After::Confirmed { .. } = self.after {
            return Vec::new();
        }
        let mut links = self.campaign.language_links("");
        for link in &mut links {
            link.href.push_str("/thanks");
        }
        links
    }
}

/// A page for browsers that asked for something we don't have or can't do.
#[derive(Debug, Template)]
#[template(path = "error.html")]
pub struct ErrorPage<'a> {
    /// The interface; English where the address names no language.
    pub ui: &'static Texts,
    /// Addresses of the static files.
    pub assets: &'a Assets,
    /// HTTP status: 404, 503, other 4xx and other 5xx have their own words.
    pub status: u16,
    /// The campaign's page to go back to, if the address named a campaign that exists.
    pub back: Option<&'a str>,
}

impl ErrorPage<'_> {
    fn key(&self) -> &'static str {
        match self.status {
            404 | 410 => "not_found",
            429 | 503 => "unavailable",
            500.. => "trouble",
            _ => "refused",
        }
    }

    fn title(&self) -> &str {
        self.ui.text(match self.key() {
            "not_found" => "not_found_title",
            "unavailable" => "unavailable_title",
            "trouble" => "trouble_title",
            _ => "refused_title",
        })
    }

    fn explanation(&self) -> &str {
        self.ui.text(match self.key() {
            "not_found" => "not_found_text",
            "unavailable" => "unavailable_text",
            "trouble" => "trouble_text",
            _ => "refused_text",
        })
    }
}

#[cfg(test)]
mod tests;
