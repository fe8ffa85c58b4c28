//! What a supporter sent, and its way into domain types: every field is checked here, once, and every mistake is told.

use serde::{Deserialize, Deserializer};
use validator::Validate;

use super::{
    fields::{Language, Message, Name, Source, parse_country},
    mailbox::Email,
};
use crate::{
    campaigns::{
        Campaign,
        settings::{Ask, Purpose},
    },
    country::Country,
    http::{FieldCode, FieldProblem, body::Object},
};

/// The fields as they came, nothing checked but their types.
#[derive(Clone, Default, Deserialize, Validate)]
#[serde(deny_unknown_fields, default)]
pub struct Submission {
    /// The name.
    pub name: Option<String>,
    /// The e-mail address.
    pub email: Option<String>,
    /// The country's code.
    pub country: Option<String>,
    /// The message.
    pub message: Option<String>,
    /// Tag of the form's language.
    pub language: Option<String>,
    /// What was agreed to.
    pub consents: Option<Vec<GivenConsent>>,
    /// Which page.
    pub source: Option<String>,
    /// The partner's public key.
    pub site_key: Option<String>,
    /// A solved challenge.
    pub proof: Option<String>,
    /// Which form it is, and since when it is shown.
    pub form_token: Option<String>,
    /// A field that no person sees.
    pub website: Option<String>,
}

/// Agreement to one version of one text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, utoipa::ToSchema)]
pub struct GivenConsent {
    /// What for.
    pub purpose: Purpose,
    /// Which version of the text was shown.
    #[schema(minimum = 1, maximum = 32767, example = 1)]
    pub version: i16,
}

impl<'de> Deserialize<'de> for GivenConsent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Fields {
            purpose: Purpose,
            version: i16,
        }
        let Object(Fields { purpose, version }) = Object::deserialize(deserializer)?;
        Ok(Self { purpose, version })
    }
}

/// What was agreed to: the version of the text, by purpose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Consents {
    /// The organiser may write.
    pub updates: Option<i16>,
    /// The partner may write.
    pub partner: Option<i16>,
    /// Name and message may be shown.
    pub public: Option<i16>,
}

impl Consents {
    /// The place of a purpose.
    pub fn of(&mut self, purpose: Purpose) -> &mut Option<i16> {
        match purpose {
            Purpose::Updates => &mut self.updates,
            Purpose::Partner => &mut self.partner,
            Purpose::Public => &mut self.public,
        }
    }
}

/// The fields as domain types: what the campaign asks for, within its limits.
#[derive(Debug)]
pub struct Checked {
    /// The name.
    pub name: Option<Name>,
    /// The e-mail address.
    pub email: Option<Email>,
    /// The country.
    pub country: Country,
    /// The message.
    pub message: Option<Message>,
    /// The form's language.
    pub language: Option<Language>,
    /// What was agreed to.
    pub consents: Consents,
    /// Which page.
    pub source: Option<Source>,
}

impl Submission {
    /// Checks every field against the campaign.
    ///
    /// # Errors
    /// Every mistake, in the order of the fields.
    pub fn check(&self, campaign: &Campaign) -> Result<Checked, Vec<FieldProblem>> {
        let mut mistakes = Mistakes(Vec::new());
        let asks = campaign.fields;
        let name = mistakes.asked("/name", asks.name, self.name.as_deref(), Name::parse);
        let email = mistakes.asked("/email", asks.email, self.email.as_deref(), Email::parse);
        let country = mistakes.asked("/country", Ask::Required, self.country.as_deref(), parse_country);
        // A message of blanks is none, unless there must be one.
        let blank = |text: &&str| asks.message != Ask::Required && Message::parse(text) == Err(FieldCode::Required);
        let message = self.message.as_deref().filter(|text| !blank(text));
        let message = mistakes.asked("/message", asks.message, message, Message::parse);
        let language = mistakes.asked("/language", Ask::Optional, self.language.as_deref(), Language::parse);
        let source = mistakes.asked("/source", Ask::Optional, self.source.as_deref(), Source::parse);
        let consents = mistakes.consents(campaign, self.consents.as_deref().unwrap_or_default());
        match (mistakes.0.is_empty(), country) {
            (true, Some(country)) => Ok(Checked { name, email, country, message, language, consents, source }),
            _ => Err(mistakes.0),
        }
    }
}

struct Mistakes(Vec<FieldProblem>);

impl Mistakes {
    fn add(&mut self, pointer: &str, code: FieldCode) {
        self.0.push(FieldProblem::new(pointer, code));
    }

    fn asked<T>(
        &mut self,
        pointer: &str,
        ask: Ask,
        value: Option<&str>,
        parse: impl FnOnce(&str) -> Result<T, FieldCode>,
    ) -> Option<T> {
        let code = match (ask, value) {
            (Ask::Off, Some(_)) => FieldCode::NotAsked,
            (Ask::Required, None) => FieldCode::Required,
            (_, None) => return None,
            (_, Some(text)) => match parse(text) {
                Ok(value) => return Some(value),
                Err(code) => code,
            },
        };
        self.add(pointer, code);
        None
    }

    fn consents(&mut self, campaign: &Campaign, given: &[GivenConsent]) -> Consents {
        let mut consents = Consents::default();
        for (index, consent) in given.iter().enumerate() {
            let place = consents.of(consent.purpose);
            if place.is_some() {
                self.add(&format!("/consents/{index}"), FieldCode::DuplicateField);
            } else if campaign.has_consent(consent.purpose, consent.version) {
                *place = Some(consent.version);
            } else {
                self.add(&format!("/consents/{index}"), FieldCode::UnknownConsent);
            }
        }
        consents
    }
}
