//! A bundle as a whole: what comes out of it, and what comes out when something was done to it.

use std::collections::BTreeSet;

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use proptest::prelude::*;

use super::{frame::tests::abouts, *};
use crate::sealing::{
    recipients::{Identity, Recipient},
    record::{Epoch, Record},
};

const CAMPAIGN: Uuid = Uuid::from_u128(77);

fn identities() -> &'static [Identity; 2] {
    static IDENTITIES: std::sync::LazyLock<[Identity; 2]> =
        std::sync::LazyLock::new(|| [Identity::generate(), Identity::generate()]);
    &IDENTITIES
}

fn recipients() -> Vec<Recipient> {
    identities().iter().map(Identity::recipient).collect()
}

fn header(bundle: u128) -> Header {
    Header {
        bundle: Uuid::from_u128(bundle),
        campaign: CampaignName { id: CAMPAIGN, slug: "defend".into() },
        partner: None,
        snapshot_at: "2026-11-24T10:00:00.123456Z".parse().unwrap(),
        previous: None,
        gone_since: None,
        recipients: recipients().iter().map(ToString::to_string).collect(),
    }
}

fn record(name: &str) -> Record {
    let mut record = Record::default();
    record.name = Some(name.into());
    record
}

fn about(id: u128) -> About {
    About {
        id: Uuid::from_u128(id),
        country: "FR".parse().unwrap(),
        language: Some("fr".into()),
        source: None,
        created_at: "2026-11-01T00:00:00Z".parse().unwrap(),
        counted_at: "2026-11-01T00:00:01Z".parse().unwrap(),
        consents: Consents { updates: Some(1), ..Consents::default() },
    }
}

fn sealed_epoch(epoch: &Epoch, recipients: &[Recipient]) -> Frame {
    Frame::Epoch(SealedEpoch {
        id: epoch.id,
        recipients: recipients.iter().map(ToString::to_string).collect(),
        wrapped_key: epoch.wrapped(recipients).unwrap(),
    })
}

/// A bundle with pledges of two epochs, by turns, and one that is gone.
fn bundle_of(number: u128, abouts: &[About]) -> String {
    let epochs = [Epoch::begin(CAMPAIGN).unwrap(), Epoch::begin(CAMPAIGN).unwrap()];
    let mut out = String::new();
    let mut writer = Writer::begin(&header(number), &recipients(), &mut out).unwrap();
    for epoch in epochs.iter().chain(&epochs) {
        writer.write(&sealed_epoch(epoch, &recipients()), &mut out).unwrap();
    }
    for (about, epoch) in abouts.iter().zip(epochs.iter().cycle()) {
        let record = epoch.seal(about.id, &record(&about.id.to_string())).unwrap();
        writer.write(&Frame::Pledge(SealedPledge { about: about.clone(), record }), &mut out).unwrap();
    }
    let gone = Gone { id: Uuid::from_u128(5), at: "2026-11-02T00:00:00Z".parse().unwrap(), why: Why::Erased };
    writer.write(&Frame::Gone(gone), &mut out).unwrap();
    writer.end(3, &mut out).unwrap();
    assert_eq!(writer.counts().pledges, abouts.len() as u64);
    out
}

fn bundle(number: u128, pledges: u128) -> String {
    bundle_of(number, &(1..=pledges).map(|id| about(1000 + id)).collect::<Vec<_>>())
}

/// What was opened, and what was wrong.
#[derive(Debug, Default)]
struct Outcome {
    pledges: Vec<About>,
    gone: usize,
    wrong: Vec<Damage>,
}

fn open_with(bundle: &[u8], identities: &[Identity]) -> Result<Outcome, BadBundle> {
    let mut opener = Opener::begin(bundle, identities.to_vec())?;
    let mut outcome = Outcome::default();
    while let Some(found) = opener.find().unwrap() {
        match found {
            Found::Pledge(pledge) => {
                assert_eq!(pledge.record, record(&pledge.about.id.to_string()), "each has its own record");
                outcome.pledges.push(pledge.about);
            }
            Found::Gone(_) => outcome.gone += 1,
            Found::Damage(damage) => outcome.wrong.push(damage),
        }
    }
    let ids: BTreeSet<_> = outcome.pledges.iter().map(|about| about.id).collect();
    assert_eq!(ids.len(), outcome.pledges.len(), "none comes twice");
    Ok(outcome)
}

fn open(bundle: &str) -> Outcome {
    open_with(bundle.as_bytes(), &identities()[..1]).unwrap()
}

fn wrong(outcome: &Outcome) -> Vec<(Option<u64>, What)> {
    outcome.wrong.iter().map(|damage| (damage.line, damage.what.clone())).collect()
}

fn lines(bundle: &str) -> Vec<&str> {
    bundle.lines().collect()
}

/// The line of the first pledge, from 0: two lines of the head, and two epochs twice.
const FIRST: usize = 6;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn what_was_written_comes_out(abouts in proptest::collection::vec(abouts(), 0..20)) {
        let mut abouts = abouts;
        abouts.sort_by_key(|about| about.id);
        abouts.dedup_by_key(|about| about.id);
        let outcome = open(&bundle_of(1, &abouts));
        prop_assert_eq!(outcome.pledges, abouts);
        prop_assert_eq!((outcome.gone, outcome.wrong), (1, vec![]));
    }
}

#[test]
fn each_of_the_recipients_opens_it_and_nobody_else() {
    let bundle = bundle(1, 3);
    for identity in identities() {
        let outcome = open_with(bundle.as_bytes(), std::slice::from_ref(identity)).unwrap();
        assert_eq!((outcome.pledges.len(), outcome.wrong.len()), (3, 0));
    }
    let other = open_with(bundle.as_bytes(), &[Identity::generate()]).unwrap_err();
    assert!(matches!(&other, BadBundle::OtherIdentity(keys) if keys.len() == 2), "{other}");
    assert!(other.to_string().contains(&recipients()[0].to_string()));
}

#[test]
fn a_stolen_bundle_tells_nothing_of_a_pledge() {
    let short = bundle(1, 1);
    let mut long = about(1001);
    long.language = Some("zh-Hant".into());
    long.consents = Consents::default();
    let long = bundle_of(1, &[long]);
    assert_eq!(lines(&short)[FIRST].len(), lines(&long)[FIRST].len(), "lengths tell little");
    // What is searched is long enough never to be there by chance.
    let about = about(0x0197_c5f1_6d0e_7c3a_9b1e_2f4a_5d6c_7b80);
    let id = about.id;
    let mut plain = Vec::new();
    let record = Epoch::begin(CAMPAIGN).unwrap().seal(id, &record("Ada")).unwrap();
    Frame::Pledge(SealedPledge { about: about.clone(), record }).write(&mut plain).unwrap();
    let stolen = bundle_of(1, &[about]);
    let (_, sealed) = lines(&stolen)[FIRST].split_once(' ').unwrap();
    let sealed = STANDARD_NO_PAD.decode(sealed).unwrap();
    let has = |bytes: &[u8]| bytes.windows(16).any(|part| part == id.as_bytes());
    assert_eq!((has(&plain), has(&sealed)), (true, false));
}

/// The heart: whichever byte is damaged, and however, at most one pledge is lost, and it is told.
#[test]
fn a_damaged_byte_costs_one_pledge_at_the_most_and_is_told() {
    let whole = bundle(1, 4);
    let head: usize = lines(&whole)[..2].iter().map(|line| line.len() + 1).sum();
    let ends: Vec<usize> = whole.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at).collect();
    let mut refused = 0;
    for at in 0..whole.len() {
        // Every bit of what is not base64, and one bit of what is.
        let all = ends.iter().any(|end| at.abs_diff(*end) < 4);
        for bit in if all { 0..8 } else { at % 8..at % 8 + 1 } {
            let mut damaged = whole.clone().into_bytes();
            damaged[at] ^= 1 << bit;
            let Ok(outcome) = open_with(&damaged, &identities()[..1]) else {
                refused += 1;
                assert!(at < head, "byte {at} bit {bit}");
                continue;
            };
            assert!(outcome.pledges.len() >= 3, "byte {at} bit {bit}: {:?}", outcome.wrong);
            // Letters of a UUID may be small or capital, and white space in JSON means nothing.
            assert!(!outcome.wrong.is_empty() || at < head || damaged[at] == b'\r', "byte {at} bit {bit}");
        }
    }
    assert!(refused > 50);
}

#[test]
fn a_damaged_line_is_told_with_the_pledge_before_it() {
    let whole = bundle(1, 3);
    let mut damaged = lines(&whole).into_iter().map(str::to_owned).collect::<Vec<_>>();
    damaged[FIRST + 1] = damaged[FIRST + 1].replace('A', "B");
    let outcome = open(&damaged.join("\n"));
    let id = |id| Some(Uuid::from_u128(id));
    let expected = Damage { line: Some(FIRST as u64 + 2), pledge: None, after: id(1001), what: What::Line };
    assert_eq!(outcome.wrong, [expected]);
    let text = outcome.wrong[0].to_string();
    assert!(
        text.starts_with("line 8: does not open") && text.contains("00000000-0000-0000-0000-0000000003e9"),
        "{text}"
    );
    assert_eq!(outcome.pledges.iter().map(|about| Some(about.id)).collect::<Vec<_>>(), [id(1001), id(1003)]);
}

#[test]
fn a_bundle_that_is_cut_off_says_so() {
    let whole = bundle(1, 4);
    let head: usize = lines(&whole)[..2].iter().map(|line| line.len() + 1).sum();
    for length in (head..whole.len() - 1).step_by(7) {
        let outcome = open(&whole[..length]);
        assert_eq!(outcome.wrong.last().map(|damage| damage.what.clone()), Some(What::CutOff), "{length}");
    }
    // The last line's end is not missed, nor what a mailer makes of line ends.
    assert_eq!(wrong(&open(whole.trim_end())), []);
    assert_eq!(wrong(&open(&whole.replace('\n', "\r\n"))), []);
    assert!(matches!(open_with(b"", &identities()[..1]), Err(BadBundle::NoBundle)));
    assert!(matches!(open_with(b"pledges-bundle 1\n", &identities()[..1]), Err(BadBundle::Header)));
}

#[test]
fn lines_that_were_moved_doubled_or_taken_out_are_told() {
    let whole = bundle(1, 5);
    let given = lines(&whole);
    let line = |at: usize| Some(at as u64 + 1);

    let mut moved = given.clone();
    moved.swap(FIRST, FIRST + 2);
    let outcome = open(&moved.join("\n"));
    assert_eq!(outcome.pledges.len(), 5);
    assert_eq!(wrong(&outcome), [(line(FIRST + 1), What::OutOfPlace), (line(FIRST + 2), What::OutOfPlace)]);

    let mut doubled = given.clone();
    doubled.insert(FIRST + 3, given[FIRST]);
    let outcome = open(&doubled.join("\n"));
    assert_eq!((outcome.pledges.len(), wrong(&outcome)), (5, vec![(line(FIRST + 3), What::Twice)]));

    let mut without = given.clone();
    without.drain(FIRST + 1..FIRST + 3);
    let outcome = open(&without.join("\n"));
    assert_eq!((outcome.pledges.len(), wrong(&outcome)), (3, vec![(None, What::Missing(6, 7))]));

    let mut end_first = given.clone();
    let end = end_first.pop().unwrap();
    end_first.insert(FIRST, end);
    let outcome = open(&end_first.join("\n"));
    assert_eq!((outcome.pledges.len(), outcome.wrong.len()), (5, 6));
}

#[test]
fn a_line_of_another_bundle_does_not_open() {
    let (whole, other) = (bundle(1, 3), bundle(2, 3));
    let (mut mixed, foreign) = (lines(&whole), lines(&other));
    mixed.insert(FIRST + 1, foreign[FIRST + 1]);
    let outcome = open(&mixed.join("\n"));
    assert_eq!(outcome.pledges.len(), 3, "the right line comes after it");
    assert_eq!(outcome.wrong[0].what, What::Line);
    // Not with its head either.
    let mut headed = lines(&whole);
    headed[1] = foreign[1];
    let outcome = open(&headed.join("\n"));
    assert_eq!((outcome.pledges.len(), outcome.wrong.len()), (0, 9 + 1));
}

#[test]
fn a_head_that_was_changed_is_refused() {
    let whole = bundle(1, 1);
    for (from, to) in
        [("defend", "attack"), ("\"partner\":null", "\"partner\":\"00000000-0000-0000-0000-000000000001\"")]
    {
        let changed = whole.replacen(from, to, 1);
        assert!(matches!(open_with(changed.as_bytes(), &identities()[..1]), Err(BadBundle::Header)), "{from}");
    }
}

/// Records are as they lie in the database, and somebody may have laid them elsewhere.
#[test]
fn a_record_opens_with_its_own_pledge_and_key_only() {
    let [mine, shut, unknown] = [(); 3].map(|()| Epoch::begin(CAMPAIGN).unwrap());
    let mut out = String::new();
    let mut writer = Writer::begin(&header(1), &recipients(), &mut out).unwrap();
    let stranger = Identity::generate().recipient();
    writer.write(&sealed_epoch(&mine, &recipients()), &mut out).unwrap();
    writer.write(&sealed_epoch(&shut, std::slice::from_ref(&stranger)), &mut out).unwrap();
    let of = |id: u128| Uuid::from_u128(id);
    let own = |epoch: &Epoch, id: u128| epoch.seal(of(id), &record(&of(id).to_string())).unwrap();
    let records = [own(&mine, 1), own(&mine, 1), own(&shut, 3), own(&unknown, 4), b"nonsense".to_vec(), own(&mine, 6)];
    for (id, record) in (1..).zip(records) {
        writer.write(&Frame::Pledge(SealedPledge { about: about(id), record }), &mut out).unwrap();
    }
    writer.end(0, &mut out).unwrap();
    let outcome = open(&out);
    assert_eq!(outcome.pledges.iter().map(|about| about.id).collect::<Vec<_>>(), [of(1), of(6)]);
    let found: Vec<_> = outcome.wrong.iter().map(|damage| (damage.pledge, damage.what.clone())).collect();
    let expected = [
        (Some(of(2)), What::Record),
        (Some(of(3)), What::OtherIdentity(vec![stranger.to_string()])),
        (Some(of(4)), What::NoEpoch),
        (Some(of(5)), What::Record),
    ];
    assert_eq!(found, expected);
}

#[test]
fn lines_without_end_take_no_memory() {
    let whole = bundle(1, 2);
    let mut given = lines(&whole);
    let long = "7".repeat(3 << 20);
    given.insert(FIRST, &long);
    let outcome = open(&given.join("\n"));
    assert_eq!((outcome.pledges.len(), wrong(&outcome)), (2, vec![(Some(7), What::TooLong)]));
    let junk = format!("{}\n{long}", given[..2].join("\n"));
    assert_eq!(open(&junk).pledges.len(), 0);
}
