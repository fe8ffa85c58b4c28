//! Which mail is written for which pledge.

use chrono::{DateTime, TimeDelta};
use uuid::Uuid;

use super::*;

fn due(kind: Kind) -> Due {
    Due {
        id: Uuid::from_u128(1),
        campaign: Uuid::from_u128(2),
        fingerprint: Uuid::from_u128(3),
        kind,
        language: None,
        created_at: DateTime::UNIX_EPOCH,
    }
}

fn facts(state: State) -> Facts {
    let counted_at = (state == State::Counted).then_some(DateTime::UNIX_EPOCH - TimeDelta::hours(1));
    Facts {
        pledge: Uuid::from_u128(4),
        state,
        counted_at,
        erased: false,
        suppressed: false,
        mails: 0,
        campaign_mails: 0,
    }
}

#[test]
fn what_is_sent_depends_on_the_pledge() {
    for (state, kind, expected) in [
        (State::Awaiting, Kind::Pledge, Some(Content::Confirm)),
        (State::Awaiting, Kind::Access, Some(Content::Confirm)),
        (State::Counted, Kind::Pledge, Some(Content::AlreadyPledged)),
        (State::Counted, Kind::Access, Some(Content::Access)),
        (State::Withdrawn, Kind::Pledge, None),
        (State::Withdrawn, Kind::Access, Some(Content::Access)),
    ] {
        assert_eq!(content(&due(kind), &facts(state), false), expected, "{state:?} {kind:?}");
        assert_eq!(content(&due(kind), &Facts { suppressed: true, ..facts(state) }, false), None);
        assert_eq!(content(&due(kind), &Facts { mails: 5, ..facts(state) }, false), None);
        assert_eq!(content(&due(kind), &Facts { mails: 4, ..facts(state) }, false), expected, "the campaign's first");
        assert_eq!(content(&due(kind), &Facts { mails: 4, campaign_mails: 1, ..facts(state) }, false), None);
        assert_eq!(content(&due(kind), &Facts { mails: 3, campaign_mails: 3, ..facts(state) }, false), expected);
    }
}

#[test]
fn what_another_mail_has_confirmed_meanwhile_is_no_news() {
    let counted_at = Some(DateTime::UNIX_EPOCH + TimeDelta::seconds(1));
    let facts = Facts { counted_at, ..facts(State::Counted) };
    assert_eq!(content(&due(Kind::Pledge), &facts, false), None);
    assert_eq!(content(&due(Kind::Access), &facts, false), Some(Content::Access));
}

#[test]
fn of_an_erased_pledge_nothing_is_left_to_see() {
    assert_eq!(content(&due(Kind::Access), &Facts { erased: true, ..facts(State::Withdrawn) }, false), None);
}

#[test]
fn trials_write_far_more_often_to_the_one_address_that_agreed_but_not_without_end() {
    let facts = |mails| Facts { mails, campaign_mails: mails, ..facts(State::Awaiting) };
    assert_eq!(content(&due(Kind::Pledge), &facts(199), true), Some(Content::Confirm));
    assert_eq!(content(&due(Kind::Pledge), &facts(200), true), None);
}
