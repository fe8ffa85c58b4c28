//! The fields of a filter, from a query and from a body, and the search that they make.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;
use validator::Validate;

use super::{Search, words};
use crate::{
    country::Country,
    gate::{signals::Signal, source_tags},
    http::{
        FieldCode, Problem,
        body::coded,
        optional_time,
        page::{Cursor, DEFAULT_LIMIT, MAX_LIMIT},
    },
    pledges::{
        State,
        eye::TagKeys,
        fields::{Language, Name},
        mailbox::ascii_domain,
    },
};

/// Which pledges: those to which all of it applies.
#[derive(Deserialize, IntoParams, Validate)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PledgeFilter {
    /// In this state; withdrawn: the person was erased, and no longer counts.
    #[serde(default, deserialize_with = "state")]
    #[param(value_type = Option<String>, pattern = "^(awaiting|held|counted|removed|withdrawn)$", example = "counted")]
    state: Option<State>,
    /// From this country.
    country: Option<Country>,
    /// Stored at or after this time (RFC 3339).
    #[serde(default, deserialize_with = "optional_time")]
    #[param(value_type = Option<DateTime<Utc>>, example = "2026-11-01T00:00:00Z")]
    from: Option<DateTime<Utc>>,
    /// Stored before this time (RFC 3339).
    #[serde(default, deserialize_with = "optional_time")]
    #[param(value_type = Option<DateTime<Utc>>, example = "2027-01-01T00:00:00Z")]
    to: Option<DateTime<Utc>>,
    /// Made in this language.
    #[serde(default, deserialize_with = "language")]
    #[param(value_type = Option<Language>)]
    language: Option<String>,
    /// Taken out by this removal.
    removal: Option<Uuid>,
    /// With this signal, perhaps among others (docs/signals.md); with any of several, with commas between them.
    #[serde(default, deserialize_with = "signals")]
    #[param(value_type = Option<String>, pattern = "^[a-z0-9_]+(,[a-z0-9_]+)*$", example = "wave_shape,wave_name")]
    signal: Vec<Signal>,
    /// With this score or a higher one.
    #[validate(range(min = 0, max = 1000, code = "out_of_range"))]
    #[param(minimum = 0, maximum = 1000, example = 100)]
    score_from: Option<i16>,
    /// From the source with this tag.
    #[serde(default, deserialize_with = "tag")]
    #[param(value_type = Option<String>, pattern = "^[0-9a-f]{16}$", example = "00c5f16d0e7c3a9b")]
    source_tag: Option<i64>,
    /// With a mailbox of the domain with this tag.
    #[serde(default, deserialize_with = "tag")]
    #[param(value_type = Option<String>, pattern = "^[0-9a-f]{16}$", example = "00c5f16d0e7c3a9b")]
    domain_tag: Option<i64>,
    /// With the name with this tag.
    #[serde(default, deserialize_with = "tag")]
    #[param(value_type = Option<String>, pattern = "^[0-9a-f]{16}$", example = "00c5f16d0e7c3a9b")]
    name_tag: Option<i64>,
    /// With name and mailbox made as this tag tells.
    #[serde(default, deserialize_with = "tag")]
    #[param(value_type = Option<String>, pattern = "^[0-9a-f]{16}$", example = "00c5f16d0e7c3a9b")]
    shape_tag: Option<i64>,
    /// By this partner's page or server.
    partner: Option<Uuid>,
    /// Pledges a page.
    #[validate(range(min = 1, max = MAX_LIMIT, code = "out_of_range"))]
    #[param(minimum = 1, maximum = 200, example = 50)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor<Uuid>>,
}

/// Which pledges: those to which all of it applies. What is left out or null may be anything.
#[derive(Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
pub struct PledgeSearch {
    /// With exactly this name, however its letters, spaces and marks are written. Only as long as there is a review copy.
    #[schema(min_length = 1, max_length = 100, example = "Amina Okafor")]
    name: Option<String>,
    /// With a mailbox of exactly this domain. Only as long as there is a review copy.
    #[schema(max_length = 253, example = "example.org")]
    domain: Option<String>,
    /// On the public wall, with all of these words in its name and message, twenty at the most: whole words in any case; in languages
    /// without spaces each pair of neighbouring letters is one.
    #[schema(min_length = 1, max_length = 200, example = "cheap watches")]
    text: Option<String>,
    /// In this state.
    #[serde(default, deserialize_with = "optional_state")]
    #[schema(value_type = Option<String>, pattern = "^(awaiting|held|counted|removed|withdrawn)$", example = "counted")]
    state: Option<State>,
    /// From this country.
    #[schema(value_type = Option<Country>)]
    country: Option<Country>,
    /// Stored at or after this time (RFC 3339).
    #[serde(default, deserialize_with = "perhaps_time")]
    #[schema(value_type = Option<DateTime<Utc>>, example = "2026-11-01T00:00:00Z")]
    from: Option<DateTime<Utc>>,
    /// Stored before this time (RFC 3339).
    #[serde(default, deserialize_with = "perhaps_time")]
    #[schema(value_type = Option<DateTime<Utc>>, example = "2027-01-01T00:00:00Z")]
    to: Option<DateTime<Utc>>,
    /// Made in this language.
    #[serde(default, deserialize_with = "optional_language")]
    #[schema(value_type = Option<Language>)]
    language: Option<String>,
    /// Taken out by this removal.
    removal: Option<Uuid>,
    /// With any of these signals (docs/signals.md); none named: whatever they are.
    #[serde(default, deserialize_with = "signal_list")]
    #[schema(value_type = Vec<String>, max_items = 32, example = json!(["wave_shape", "wave_name"]))]
    signals: Vec<Signal>,
    /// With this score or a higher one.
    #[validate(range(min = 0, max = 1000, code = "out_of_range"))]
    #[schema(minimum = 0, maximum = 1000, example = 100)]
    score_from: Option<i16>,
    /// From the source with this tag.
    #[serde(default, deserialize_with = "optional_tag")]
    #[schema(value_type = Option<String>, pattern = "^[0-9a-f]{16}$", example = "00c5f16d0e7c3a9b")]
    source_tag: Option<i64>,
    /// With a mailbox of the domain with this tag; not together with `domain`.
    #[serde(default, deserialize_with = "optional_tag")]
    #[schema(value_type = Option<String>, pattern = "^[0-9a-f]{16}$", example = "00c5f16d0e7c3a9b")]
    domain_tag: Option<i64>,
    /// With the name with this tag; not together with `name`.
    #[serde(default, deserialize_with = "optional_tag")]
    #[schema(value_type = Option<String>, pattern = "^[0-9a-f]{16}$", example = "00c5f16d0e7c3a9b")]
    name_tag: Option<i64>,
    /// With name and mailbox made as this tag tells.
    #[serde(default, deserialize_with = "optional_tag")]
    #[schema(value_type = Option<String>, pattern = "^[0-9a-f]{16}$", example = "00c5f16d0e7c3a9b")]
    shape_tag: Option<i64>,
    /// By this partner's page or server.
    partner: Option<Uuid>,
    /// Pledges a page; 50 when left out.
    #[validate(range(min = 1, max = MAX_LIMIT, code = "out_of_range"))]
    #[schema(minimum = 1, maximum = 200, example = 50)]
    limit: Option<u32>,
    /// `next_cursor` of the page before, of the same search.
    #[schema(value_type = Option<String>)]
    cursor: Option<Cursor<Uuid>>,
}

/// Characters of a text that is looked for.
const LONGEST_TEXT: usize = 200;

/// Words of it: each costs a look for each hit.
const MOST_WORDS: usize = 20;

fn words_of(text: &str) -> Result<Vec<String>, FieldCode> {
    if text.chars().count() > LONGEST_TEXT {
        return Err(FieldCode::TooLong);
    }
    let words = words::sought(text);
    match words.len() {
        0 => Err(FieldCode::InvalidText),
        1..=MOST_WORDS => Ok(words),
        _ => Err(FieldCode::TooMany),
    }
}

/// Name and domain of a search, as they were written.
#[derive(Default)]
pub struct Written {
    /// Of the person.
    pub name: Option<String>,
    /// Of the mailbox.
    pub domain: Option<String>,
}

/// A part of what is found.
pub struct Part {
    /// Pledges a page.
    pub limit: u32,
    /// Those with smaller ids than this.
    pub before: Option<Uuid>,
}

impl Part {
    fn new(limit: Option<u32>, cursor: Option<Cursor<Uuid>>) -> Self {
        Self { limit: limit.unwrap_or(DEFAULT_LIMIT), before: cursor.map(|cursor| cursor.0) }
    }
}

impl PledgeFilter {
    /// What is looked for in a campaign.
    pub fn search(self, campaign: Uuid) -> (Search, Part) {
        let search = Search {
            campaign,
            state: self.state,
            country: self.country,
            partner: self.partner,
            from: self.from,
            to: self.to,
            language: self.language,
            score_from: self.score_from,
            signals: self.signal,
            source_tag: self.source_tag,
            domain_tags: self.domain_tag.into_iter().collect(),
            name_tags: self.name_tag.into_iter().collect(),
            shape_tag: self.shape_tag,
            removal: self.removal,
            fingerprint: None,
            words: Vec::new(),
        };
        (search, Part::new(self.limit, self.cursor))
    }
}

impl PledgeSearch {
    /// Whether somebody's name is looked for.
    pub fn names_somebody(&self) -> bool {
        self.name.is_some()
    }

    /// What of it can't be read any more from the search that it makes.
    pub fn written(&self) -> Written {
        Written { name: self.name.clone(), domain: self.domain.clone() }
    }

    /// What is looked for in a campaign.
    ///
    /// # Errors
    /// When name, domain or text are none, or come with their tags.
    pub fn search(self, campaign: Uuid, keys: &TagKeys) -> Result<(Search, Part), Problem> {
        for (both, pointer) in [
            (self.name.is_some() && self.name_tag.is_some(), "/name_tag"),
            (self.domain.is_some() && self.domain_tag.is_some(), "/domain_tag"),
        ] {
            if both {
                return Err(Problem::field(pointer, FieldCode::NotAllowed));
            }
        }
        let tags = |tag: Option<i64>| tag.into_iter().collect::<Vec<_>>();
        let name = self.name.map(|name| Name::parse(&name)).transpose();
        let name = name.map_err(|code| Problem::field("/name", code))?;
        let domain = self.domain.map(|domain| ascii_domain(&domain).ok_or(FieldCode::InvalidDomain)).transpose();
        let domain = domain.map_err(|code| Problem::field("/domain", code))?;
        let words = self.text.map(|text| words_of(&text)).transpose();
        let words = words.map_err(|code| Problem::field("/text", code))?.unwrap_or_default();
        let words = words.iter().map(|word| keys.of_word(campaign, word)).collect();
        let search = Search {
            campaign,
            state: self.state,
            country: self.country,
            partner: self.partner,
            from: self.from,
            to: self.to,
            language: self.language,
            score_from: self.score_from,
            signals: self.signals,
            source_tag: self.source_tag,
            domain_tags: domain.map_or_else(|| tags(self.domain_tag), |domain| keys.of_domain(campaign, &domain)),
            name_tags: name.map_or_else(|| tags(self.name_tag), |name| keys.of_name(campaign, name.as_str())),
            shape_tag: self.shape_tag,
            removal: self.removal,
            fingerprint: None,
            words,
        };
        Ok((search, Part::new(self.limit, self.cursor)))
    }
}

fn state<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<State>, D::Error> {
    State::parse(&String::deserialize(deserializer)?).map(Some).ok_or_else(|| coded(FieldCode::NotAllowed))
}

fn optional_state<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<State>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
    State::parse(&text).map(Some).ok_or_else(|| coded(FieldCode::NotAllowed))
}

fn perhaps_time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<DateTime<Utc>>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
    optional_time(serde::de::value::StringDeserializer::<D::Error>::new(text))
}

fn language<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let language = Language::parse(&String::deserialize(deserializer)?).map_err(coded)?;
    Ok(Some(language.as_str().to_owned()))
}

fn optional_language<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
    language(serde::de::value::StringDeserializer::<D::Error>::new(text))
}

fn named<'a, E: serde::de::Error>(names: impl Iterator<Item = &'a str>) -> Result<Vec<Signal>, E> {
    let signal = |name: &str| Signal::ALL.iter().copied().find(|signal| signal.name() == name);
    names.map(|name| signal(name).ok_or_else(|| coded(FieldCode::NotAllowed))).collect()
}

pub(in crate::moderation) fn signals<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Signal>, D::Error> {
    named(String::deserialize(deserializer)?.split(','))
}

fn signal_list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Signal>, D::Error> {
    let names = Vec::<String>::deserialize(deserializer)?;
    if names.len() > Signal::ALL.len() {
        return Err(coded(FieldCode::TooMany));
    }
    named(names.iter().map(String::as_str))
}

pub(in crate::moderation) fn tag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    let tag = source_tags::read(&String::deserialize(deserializer)?);
    tag.map(Some).ok_or_else(|| coded(FieldCode::InvalidSourceTag))
}

fn optional_tag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
    tag(serde::de::value::StringDeserializer::<D::Error>::new(text))
}
