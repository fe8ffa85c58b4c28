//! The terms that a search needs. The kinds are those of the SQL function `pledge_terms`.

use super::Search;

/// Steps of the score that are terms: a pledge has those that it reaches.
pub const STEPS: [i16; 10] = [1, 20, 50, 75, 100, 150, 200, 300, 500, 700];

/// A value of a kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Term {
    pub kind: i64,
    pub value: String,
}

const ALL: i64 = 0;
const COUNTRY: i64 = 1;
const STATE: i64 = 2;
const LANGUAGE: i64 = 3;
const PARTNER: i64 = 4;
const REMOVAL: i64 = 5;
const SIGNAL: i64 = 6;
const SCORE: i64 = 7;
const COUNTRY_STATE: i64 = 8;
const COUNTRY_LANGUAGE: i64 = 9;
const COUNTRY_PARTNER: i64 = 10;
const STATE_PARTNER: i64 = 11;
const COUNTRY_SCORE: i64 = 12;
const STATE_SIGNAL: i64 = 13;

/// The term that every pledge has.
pub(super) fn of_all() -> Term {
    Term { kind: ALL, value: String::new() }
}

impl Search {
    /// Groups of terms: a pledge that fits has at least one of each. Pairs stand in place of what they are made of.
    pub(super) fn groups(&self) -> Vec<Vec<Term>> {
        let state = self.state.map(|state| state.as_str().to_owned());
        let country = self.country.map(|country| country.as_str().to_owned());
        let partner = self.partner.map(|partner| partner.to_string());
        let score = self.step().map(|step| step.to_string());
        let removal = self.removal.map(|removal| removal.to_string());
        let signals: Vec<String> = self.signals.iter().map(|signal| bit_number(signal.bit().bits())).collect();
        let mut groups = Vec::new();
        let pairs = [
            (COUNTRY_STATE, &country, &state),
            (COUNTRY_LANGUAGE, &country, &self.language),
            (COUNTRY_PARTNER, &country, &partner),
            (STATE_PARTNER, &state, &partner),
            (COUNTRY_SCORE, &country, &score),
        ];
        for (kind, first, second) in pairs {
            if let (Some(first), Some(second)) = (first, second) {
                groups.push(vec![Term { kind, value: format!("{first}{second}") }]);
            }
        }
        let (in_country, in_state) = (country.is_some(), state.is_some());
        let alone = [
            (COUNTRY, &country, !in_state && partner.is_none() && self.language.is_none() && score.is_none()),
            (STATE, &state, !in_country && partner.is_none() && signals.is_empty()),
            (PARTNER, &partner, !in_country && !in_state),
            (LANGUAGE, &self.language, !in_country),
            (SCORE, &score, !in_country),
            (REMOVAL, &removal, true),
        ];
        for (kind, value, alone) in alone {
            groups.extend(value.clone().filter(|_| alone).map(|value| vec![Term { kind, value }]));
        }
        if !signals.is_empty() {
            let (kind, state) = state.map_or((SIGNAL, String::new()), |state| (STATE_SIGNAL, state));
            groups.push(signals.iter().map(|signal| Term { kind, value: format!("{state}{signal}") }).collect());
        }
        if groups.is_empty() {
            groups.push(vec![of_all()]);
        }
        groups
    }

    /// The highest step that a pledge with the score reaches.
    fn step(&self) -> Option<i16> {
        let score = self.score_from?;
        STEPS.into_iter().rev().find(|step| *step <= score)
    }

    /// The score that the terms don't tell: not a step.
    pub(super) fn exact_score(&self) -> Option<i16> {
        self.score_from.filter(|score| *score > 0 && !STEPS.contains(score))
    }

    /// The same of the step above the score, where it is none itself: all that fit that fit this, and terms tell it.
    pub(super) fn of_step_above(&self) -> Option<Self> {
        let score = self.exact_score()?;
        let above = STEPS.into_iter().find(|step| *step > score)?;
        Some(Self { score_from: Some(above), ..self.clone() })
    }

    /// Whether it has tags, by whose indexes it is found.
    pub(in crate::moderation) fn has_tags(&self) -> bool {
        self.source_tag.is_some()
            || self.shape_tag.is_some()
            || !self.name_tags.is_empty()
            || !self.domain_tags.is_empty()
    }
}

fn bit_number(bits: i32) -> String {
    bits.trailing_zeros().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{gate::signals::Signal, pledges::State};

    fn kinds(search: &Search) -> Vec<i64> {
        search.groups().iter().map(|group| group[0].kind).collect()
    }

    #[test]
    fn pairs_stand_for_what_they_are_made_of() {
        let mut search = Search { state: Some(State::Held), ..Search::default() };
        assert_eq!(kinds(&search), [STATE]);
        search.country = Some("KE".parse().unwrap());
        assert_eq!(search.groups(), [[Term { kind: COUNTRY_STATE, value: "KEheld".into() }]]);
        search.language = Some("sw".into());
        assert_eq!(kinds(&search), [COUNTRY_STATE, COUNTRY_LANGUAGE]);
        search.country = None;
        assert_eq!(kinds(&search), [STATE, LANGUAGE]);
        assert_eq!(kinds(&Search::default()), [ALL]);
    }

    #[test]
    fn any_of_the_signals_is_one_group() {
        let signals = vec![Signal::Honeypot, Signal::ManyFromCountry];
        let search = Search { signals, state: Some(State::Counted), ..Search::default() };
        let values: Vec<_> = search.groups().concat().into_iter().map(|term| term.value).collect();
        assert_eq!(values, ["counted0", "counted31"]);
    }

    #[test]
    fn a_score_between_steps_is_looked_at_beside_the_step_below() {
        let of = |score| Search { score_from: Some(score), ..Search::default() };
        assert_eq!((of(0).step(), of(0).exact_score()), (None, None));
        assert_eq!((of(100).step(), of(100).exact_score()), (Some(100), None));
        assert_eq!((of(130).step(), of(130).exact_score()), (Some(100), Some(130)));
        assert_eq!((of(1000).step(), of(1000).exact_score()), (Some(700), Some(1000)));
        let above = |score| of(score).of_step_above().map(|search| search.score_from);
        assert_eq!([above(0), above(100), above(130), above(1000)], [None, None, Some(Some(150)), None]);
    }
}
