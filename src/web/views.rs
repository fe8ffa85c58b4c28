//! From what is stored to what a page shows.

use super::pages;
use crate::{
    campaigns::{
        Campaign, State,
        settings::{Ask, Confirmation, Consent, Purpose, Texts},
    },
    pledges::{
        fields::{Message, Name},
        mailbox::Email,
        submission::Consents,
    },
    totals::board::Document,
};

/// A campaign in one of its languages.
pub(super) struct CampaignView<'a> {
    campaign: &'a Campaign,
    texts: &'a Texts,
    consents: Vec<&'a Consent>,
    languages: Vec<String>,
    /// The language of the texts.
    pub(super) language: String,
}

impl<'a> CampaignView<'a> {
    /// None when the campaign doesn't speak the language.
    pub(super) fn new(campaign: &'a Campaign, language: &str) -> Option<Self> {
        let (language, texts) = campaign.texts.iter().find(|(tag, _)| tag.eq_ignore_ascii_case(language))?;
        let languages = campaign.texts.keys().cloned().collect();
        Some(Self { campaign, texts, consents: campaign.current_consents(), languages, language: language.clone() })
    }

    pub(super) fn campaign(&self) -> pages::Campaign<'_> {
        let controller = self.campaign.controller.as_ref();
        pages::Campaign {
            slug: &self.campaign.slug,
            language: &self.language,
            languages: &self.languages,
            open: self.campaign.state == State::Open,
            title: &self.texts.title,
            summary: &self.texts.summary,
            body: &self.texts.body,
            share: &self.texts.share,
            privacy_notice: &self.texts.privacy_notice,
            controller: controller
                .map(|controller| pages::Controller { name: &controller.name, contact: &controller.contact }),
        }
    }

    /// The texts of what was agreed to, in the version that stood there.
    pub(super) fn agreed(&self, mut given: Consents) -> Vec<&str> {
        let agreed = self.campaign.consents.iter().filter(|text| *given.of(text.purpose) == Some(text.version));
        agreed.filter_map(|text| self.text_of(text)).collect()
    }

    fn text_of(&self, consent: &'a Consent) -> Option<&'a str> {
        let text = consent.texts.get(&self.language).or_else(|| consent.texts.get(&self.campaign.default_language));
        text.map(String::as_str)
    }

    /// The boxes to tick; `ticked` were ticked before.
    pub(super) fn consents(&self, ticked: &[Purpose]) -> Vec<pages::Consent<'_>> {
        let boxes = self.consents.iter().filter_map(|consent| Some((*consent, self.text_of(consent)?)));
        boxes
            .map(|(consent, text)| pages::Consent {
                purpose: consent.purpose.as_str(),
                version: consent.version.into(),
                text,
                ticked: ticked.contains(&consent.purpose),
            })
            .collect()
    }
}

/// Published totals.
pub(super) struct TotalsView {
    total: i64,
    goal: Option<i64>,
    countries: Vec<(String, i64)>,
    elsewhere: i64,
    rounded: bool,
}

impl TotalsView {
    pub(super) fn new(document: &Document) -> Self {
        Self {
            total: document.total,
            goal: document.goal,
            countries: document.countries.iter().map(|row| (row.country.to_string(), row.count)).collect(),
            elsewhere: document.elsewhere,
            rounded: document.threshold > 1,
        }
    }

    pub(super) fn totals(&self) -> pages::Totals<'_> {
        pages::Totals {
            total: self.total,
            goal: self.goal,
            countries: &self.countries,
            elsewhere: self.elsewhere,
            rounded: self.rounded,
        }
    }
}

/// What was agreed to, in any version.
pub(super) fn ticked(mut given: Consents) -> Vec<Purpose> {
    let purposes = [Purpose::Updates, Purpose::Partner, Purpose::Public].into_iter();
    purposes.filter(|purpose| given.of(*purpose).is_some()).collect()
}

/// Which fields the form shows, and how much goes into each.
pub(super) fn fields(campaign: &Campaign) -> pages::Fields {
    let fields = campaign.fields;
    let ask = |ask| match ask {
        Ask::Required => pages::Ask::Required,
        Ask::Optional => pages::Ask::Optional,
        Ask::Off => pages::Ask::Off,
    };
    let limit = |limit: usize| u32::try_from(limit).unwrap_or(u32::MAX);
    pages::Fields {
        name: (ask(fields.name), limit(Name::MAX_CHARS)),
        email: (ask(fields.email), limit(Email::MAX_BYTES)),
        message: (ask(fields.message), limit(Message::MAX_CHARS)),
        by_mail: campaign.confirmation == Confirmation::Email,
    }
}
