//! What the organiser settles about a campaign, with its limits. `campaign add` reads it from a JSON file.

use std::collections::BTreeMap;

use oxilangtag::LanguageTag;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::{Validate, ValidationError, ValidationErrors};

use super::held_default::HeldDefault;
use crate::mail::letters::{self, Overrides};

/// The texts of a campaign in one language.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
pub struct Texts {
    /// What one pledges, in one line.
    #[validate(length(min = 1, max = 120))]
    #[schema(example = "I stand with human rights defenders")]
    pub title: String,
    /// One or two sentences.
    #[validate(length(min = 1, max = 500))]
    pub summary: String,
    /// Paragraphs.
    #[validate(length(max = 20))]
    pub body: Vec<String>,
    /// What is offered for sharing.
    #[validate(length(min = 1, max = 280))]
    pub share: String,
    /// What happens to the data, in plain words.
    #[validate(length(min = 1, max = 5000))]
    pub privacy_notice: String,
}

/// Whether a form asks for something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Ask {
    /// Must be given.
    Required,
    /// May be given.
    Optional,
    /// Isn't asked, and refused when it comes.
    Off,
}

impl Ask {
    /// As it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::Optional => "optional",
            Self::Off => "off",
        }
    }

    /// From what is stored.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Required, Self::Optional, Self::Off].into_iter().find(|ask| ask.as_str() == text)
    }
}

/// Which fields the form shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Fields {
    /// The supporter's name.
    pub name: Ask,
    /// The supporter's e-mail address.
    pub email: Ask,
    /// A few words.
    pub message: Ask,
}

/// What a supporter may agree to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Purpose {
    /// The organiser may write.
    Updates,
    /// The partner may write.
    Partner,
    /// Name and message may be shown publicly.
    Public,
}

impl Purpose {
    /// As it stands in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Updates => "updates",
            Self::Partner => "partner",
            Self::Public => "public",
        }
    }
}

/// One version of a consent text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
pub struct Consent {
    /// What it is for.
    pub purpose: Purpose,
    /// Grows when the text changes.
    #[validate(range(min = 1))]
    #[schema(minimum = 1, example = 1)]
    pub version: i16,
    /// The text by language.
    #[validate(length(min = 1))]
    pub texts: BTreeMap<String, String>,
}

/// Who answers for the data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
pub struct Controller {
    /// The organisation.
    #[validate(length(min = 1, max = 200))]
    #[schema(example = "Together We Defend")]
    pub name: String,
    /// How to reach it: an address for mail or a page.
    #[validate(length(min = 1, max = 200))]
    #[schema(example = "privacy@together-we-defend.example")]
    pub contact: String,
}

/// What becomes of the count when the organiser erases somebody.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Erasure {
    /// The pledge goes on counting, without the person.
    Keep,
    /// The pledge is withdrawn and no longer counted.
    #[default]
    Withdraw,
}

impl Erasure {
    /// As it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Withdraw => "withdraw",
        }
    }

    /// From what is stored.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Keep, Self::Withdraw].into_iter().find(|erasure| erasure.as_str() == text)
    }
}

/// Whether a pledge counts at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Confirmation {
    /// Once its mailbox has confirmed it.
    #[default]
    Email,
    /// At once. The public total then tells an observer whether an address was new (rule 4).
    None,
}

impl Confirmation {
    /// As it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::None => "none",
        }
    }

    /// From what is stored.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Email, Self::None].into_iter().find(|confirmation| confirmation.as_str() == text)
    }

    /// Whether a form can do with it.
    ///
    /// # Errors
    /// What it needs.
    pub fn fits(self, fields: &Fields) -> Result<(), &'static str> {
        if self == Self::Email && fields.email != Ask::Required {
            return Err(
                "pledges are confirmed by mail, so the form must require an e-mail address (fields.email), or \
                        confirmation must be none",
            );
        }
        Ok(())
    }
}

/// Whether a pledge needs a proof of work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ProofRule {
    /// No.
    Off,
    /// Yes, always of the same price.
    On,
    /// Yes, dearer for busy sources and in busy times.
    #[default]
    Adaptive,
}

impl ProofRule {
    /// As it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::On => "on",
            Self::Adaptive => "adaptive",
        }
    }

    /// From what is stored.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Off, Self::On, Self::Adaptive].into_iter().find(|rule| rule.as_str() == text)
    }
}

/// How long what is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Days after which a review copy is cleared.
    pub review_days: i32,
    /// Days after closing at which all that is personal is cleared.
    pub record_days: i32,
    /// What becomes of the count when somebody is erased.
    pub erasure: Erasure,
    /// What becomes of a pledge that is still held when its review copy is cleared.
    pub held_default: HeldDefault,
}

fn usual_hold_at() -> i16 {
    crate::gate::signals::HOLD_AT
}

/// A new campaign.
#[derive(Clone, Debug, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
pub struct NewCampaign {
    /// Its name in addresses.
    #[validate(custom(function = "is_slug"))]
    pub slug: String,
    /// BCP 47.
    pub default_language: String,
    /// How many pledges it hopes for.
    #[validate(range(min = 1))]
    #[serde(default)]
    pub goal: Option<i64>,
    /// Small numbers are published rounded down to a multiple of this; 1: exactly.
    #[validate(range(min = 1, max = 1000))]
    #[serde(default = "default_threshold")]
    pub threshold: i32,
    /// Milliseconds between two published totals, at the least: 10 to an hour.
    #[validate(range(min = 10, max = 3_600_000))]
    #[serde(default = "default_publish_every_ms")]
    pub publish_every_ms: i32,
    /// Days after which the review copy of a pledge is cleared.
    #[validate(range(min = 1, max = 3650))]
    #[serde(default = "default_days")]
    pub review_days: i32,
    /// Days after closing at which everything personal is cleared.
    #[validate(range(min = 1, max = 3650))]
    #[serde(default = "default_days")]
    pub record_days: i32,
    /// What becomes of the count when somebody is erased.
    #[serde(default)]
    pub erasure: Erasure,
    /// What becomes of a pledge that is still held when its review copy is cleared.
    #[serde(default)]
    pub held_default: HeldDefault,
    /// Whether a pledge counts at once.
    #[serde(default)]
    pub confirmation: Confirmation,
    /// Whether a pledge needs a proof of work.
    #[serde(default)]
    pub proof: ProofRule,
    /// From this score on a pledge is held (docs/signals.md).
    #[serde(default = "usual_hold_at")]
    #[validate(range(min = 1, max = 1000))]
    pub hold_at: i16,
    /// What the form asks for.
    pub fields: Fields,
    /// Who answers for the data.
    #[serde(default)]
    pub controller: Option<Controller>,
    /// What supporters may agree to.
    #[serde(default)]
    pub consents: Vec<Consent>,
    /// By language.
    pub texts: BTreeMap<String, Texts>,
    /// Words of its own for the mails.
    #[serde(default)]
    pub mail_texts: Overrides,
    /// Whether everybody may see how many pledges came by which partner, rounded down.
    #[serde(default)]
    pub publish_partners: bool,
    /// Whether approved names and messages are shown to everybody.
    #[serde(default)]
    pub wall: bool,
}

/// Design rule 8.
fn default_threshold() -> i32 {
    5
}

/// A second: as often as a person takes a number in, and rarely enough for every cache in between.
fn default_publish_every_ms() -> i32 {
    1_000
}

/// A month, for review copies and after the end of a campaign (docs/privacy.md).
fn default_days() -> i32 {
    30
}

/// Whether this may be a campaign's name in addresses.
///
/// # Errors
/// What it must be.
pub fn is_slug(slug: &str) -> Result<(), ValidationError> {
    let parts = || slug.split('-');
    let fits = (2..=63).contains(&slug.len())
        && parts().all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()));
    if fits { Ok(()) } else { Err(ValidationError::new("lower-case letters, digits and single hyphens, 2 to 63")) }
}

impl NewCampaign {
    /// Every mistake, in words, with its place.
    pub fn mistakes(&self) -> Vec<String> {
        let mut mistakes = told("", &self.validate());
        let mut tags: Vec<&str> = self.texts.keys().map(String::as_str).collect();
        tags.push(&self.default_language);
        for (language, texts) in &self.texts {
            mistakes.extend(told(&format!("texts.{language}."), &texts.validate()));
        }
        mistakes.extend(self.confirmation.fits(&self.fields).err().map(str::to_owned));
        if !self.texts.contains_key(&self.default_language) {
            mistakes.push("texts: the default language is missing".into());
        }
        if let Some(controller) = &self.controller {
            mistakes.extend(told("controller.", &controller.validate()));
        }
        for (index, consent) in self.consents.iter().enumerate() {
            let place = format!("consents[{index}]");
            tags.extend(consent.texts.keys().map(String::as_str));
            mistakes.extend(told(&format!("{place}."), &consent.validate()));
            if !consent.texts.contains_key(&self.default_language) {
                mistakes.push(format!("{place}.texts: the default language is missing"));
            }
            let earlier = self.consents.iter().take(index);
            if earlier.filter(|other| (other.purpose, other.version) == (consent.purpose, consent.version)).count() > 0
            {
                mistakes.push(format!("{place}: this version of this purpose stands there already"));
            }
        }
        let odd = tags.into_iter().filter(|tag| !is_language(tag));
        mistakes.extend(odd.map(|tag| format!("{tag}: a language is a BCP 47 tag, such as en or pt-BR")));
        mistakes.extend(letters::check(&self.mail_texts).into_iter().map(|mistake| format!("mail_texts.{mistake}")));
        mistakes
    }
}

/// What validator found, in words.
pub fn told(place: &str, validated: &Result<(), ValidationErrors>) -> Vec<String> {
    let Err(errors) = validated else { return Vec::new() };
    let sentence = |field: &str, error: &ValidationError| {
        let bound = |name: &str| error.params.get(name).map(|value| format!("{name} {value}"));
        let bounds: Vec<String> = [bound("min"), bound("max")].into_iter().flatten().collect();
        match error.code.as_ref() {
            "length" => format!("{place}{field}: the length is not right ({})", bounds.join(", ")),
            "range" => format!("{place}{field}: the number is not right ({})", bounds.join(", ")),
            other => format!("{place}{field}: {other}"),
        }
    };
    let fields = errors.field_errors();
    let mut told: Vec<String> =
        fields.iter().flat_map(|(field, errors)| errors.iter().map(move |error| sentence(field, error))).collect();
    told.sort();
    told
}

/// Whether this is a BCP 47 tag.
pub fn is_language(tag: &str) -> bool {
    tag.len() <= 35 && LanguageTag::parse(tag).is_ok()
}
