//! A search as it is kept while a removal by it is under way, and as it is told in the audit log.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{country::Country, db::DbError, gate::signals::Signals, moderation::search::Search, pledges::State};

/// What is stored. Names, domains and words are tags already.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    state: Option<String>,
    country: Option<Country>,
    partner: Option<Uuid>,
    from: Option<DateTime<Utc>>,
    to: Option<DateTime<Utc>>,
    language: Option<String>,
    score_from: Option<i16>,
    signals: i32,
    source_tag: Option<i64>,
    domain_tags: Vec<i64>,
    name_tags: Vec<i64>,
    shape_tag: Option<i64>,
    removal: Option<Uuid>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    words: Vec<Vec<i64>>,
}

fn bits(search: &Search) -> i32 {
    search.signals.iter().fold(Signals::default(), |all, signal| all.with(signal.bit())).bits()
}

/// As it is stored.
///
/// # Errors
/// [`DbError::Defect`], never.
pub fn kept(search: &Search) -> Result<Value, DbError> {
    let kept = Kept {
        state: search.state.map(|state| state.as_str().to_owned()),
        country: search.country,
        partner: search.partner,
        from: search.from,
        to: search.to,
        language: search.language.clone(),
        score_from: search.score_from,
        signals: bits(search),
        source_tag: search.source_tag,
        domain_tags: search.domain_tags.clone(),
        name_tags: search.name_tags.clone(),
        shape_tag: search.shape_tag,
        removal: search.removal,
        words: search.words.clone(),
    };
    serde_json::to_value(kept).map_err(|_| DbError::Defect("a search can't be written"))
}

/// From what is stored.
///
/// # Errors
/// [`DbError::Defect`]: a newer release has stored it. A condition that isn't understood must not be left out: more would be taken.
pub fn search(campaign: Uuid, stored: Value) -> Result<Search, DbError> {
    const UNREADABLE: DbError = DbError::Defect("the search of a removal can't be read");
    let kept: Kept = serde_json::from_value(stored).map_err(|_| UNREADABLE)?;
    let state = kept.state.map(|state| State::parse(&state).ok_or(UNREADABLE)).transpose()?;
    let search = Search {
        campaign,
        state,
        country: kept.country,
        partner: kept.partner,
        from: kept.from,
        to: kept.to,
        language: kept.language,
        score_from: kept.score_from,
        signals: Signals::from_bits(kept.signals).list().collect(),
        source_tag: kept.source_tag,
        domain_tags: kept.domain_tags,
        name_tags: kept.name_tags,
        shape_tag: kept.shape_tag,
        removal: kept.removal,
        fingerprint: None,
        words: kept.words,
    };
    if bits(&search) == kept.signals { Ok(search) } else { Err(UNREADABLE) }
}

/// For the audit log, which is kept for ever: tags are personal and end with the review copies, so only that there were some is told.
pub fn told(search: &Search) -> Value {
    let all = json!({
        "state": search.state.map(State::as_str),
        "country": search.country,
        "partner": search.partner,
        "from": search.from,
        "to": search.to,
        "language": search.language,
        "score_from": search.score_from,
        "signals": Some(search.signals.iter().map(|signal| signal.name()).collect::<Vec<_>>()).filter(|all| !all.is_empty()),
        "removal": search.removal,
        "source_tag": search.source_tag.is_some().then_some(true),
        "domain": (!search.domain_tags.is_empty()).then_some(true),
        "name": (!search.name_tags.is_empty()).then_some(true),
        "shape_tag": search.shape_tag.is_some().then_some(true),
        "text": (!search.words.is_empty()).then_some(true),
    });
    match all {
        Value::Object(all) => Value::Object(all.into_iter().filter(|(_, value)| !value.is_null()).collect()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::signals::Signal;

    fn whole() -> Search {
        Search {
            campaign: Uuid::from_u128(1),
            state: Some(State::Held),
            country: Some("KE".parse().unwrap()),
            partner: Some(Uuid::from_u128(2)),
            from: Some("2026-10-01T00:00:00.000001Z".parse().unwrap()),
            to: Some("2026-10-02T00:00:00Z".parse().unwrap()),
            language: Some("sw".into()),
            score_from: Some(130),
            signals: vec![Signal::Honeypot, Signal::ManyFromCountry],
            source_tag: Some(-1),
            domain_tags: vec![2, 3],
            name_tags: vec![i64::MIN],
            shape_tag: Some(i64::MAX),
            removal: Some(Uuid::from_u128(3)),
            fingerprint: None,
            words: vec![vec![5, -6]],
        }
    }

    #[test]
    fn a_search_is_read_as_it_was_kept() {
        for one in [whole(), Search { campaign: Uuid::from_u128(1), ..Search::default() }] {
            let stored = kept(&one).unwrap();
            assert_eq!(kept(&search(one.campaign, stored.clone()).unwrap()).unwrap(), stored);
        }
        let read = search(Uuid::from_u128(1), kept(&whole()).unwrap()).unwrap();
        assert_eq!((read.state, read.from, read.name_tags), (Some(State::Held), whole().from, vec![i64::MIN]));
        assert_eq!((read.signals, read.words), (whole().signals, whole().words));
    }

    #[test]
    fn what_cannot_be_read_takes_nothing() {
        let mut stored = kept(&whole()).unwrap();
        stored["state"] = json!("asleep");
        assert!(search(Uuid::nil(), stored).is_err());
        let mut stored = kept(&whole()).unwrap();
        // No signal has this bit.
        stored["signals"] = json!(1 << 17);
        assert!(search(Uuid::nil(), stored).is_err());
    }

    #[test]
    fn the_log_has_no_tags() {
        let text = told(&whole()).to_string();
        for tag in [i64::MIN, i64::MAX] {
            assert!(!text.contains(&tag.to_string()), "{text}");
        }
        assert!(text.contains("\"name\":true") && text.contains("many_from_country"), "{text}");
        assert_eq!(told(&Search::default()), json!({}));
    }
}
