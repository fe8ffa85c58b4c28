//! What a cluster says: who is in it, why, and what is left when moderators have decided. What stands out in waves is tried in
//! cli/demo/attack.

use uuid::Uuid;

use super::{super::*, *};
use crate::gate::{
    signals::{Signal, Signals},
    waves::reasons::Why,
};

fn row(number: u32, minute: i64) -> Row {
    let tag = i64::from(number);
    Row {
        id: Uuid::from_u128(number.into()),
        at: DateTime::from_timestamp(1_000_000 * 60 + minute * 60, 0).unwrap(),
        source: Some(tag),
        domain: Some(1),
        name: Some(tag),
        shape: Some(tag % 9),
        country: "DE".parse().unwrap(),
        partner: None,
        signals: Signals::default(),
        score: 0,
        confirmed: false,
    }
}

/// A hundred minutes of people, then ten in which 40 sources send 25 each, all made alike.
fn attacked() -> (Waves, DateTime<Utc>) {
    let mut waves = Waves::default();
    for number in 0..800 {
        waves.push(&row(number, (number / 8).into()));
    }
    for number in 800..1800 {
        let bot = row(number, i64::from(100 + (number - 800) / 100));
        let signals = Signal::NoProof.bit();
        waves.push(&Row { source: Some(-i64::from(number % 40) - 1), shape: Some(77), signals, ..bot });
    }
    (waves, row(0, 115).at)
}

fn nothing() -> BTreeMap<Country, i64> {
    BTreeMap::new()
}

fn of(clusters: &[Cluster], common: Common) -> Vec<&Cluster> {
    clusters.iter().filter(|cluster| cluster.common == common).collect()
}

fn counted(of: &[(&str, i64)]) -> BTreeMap<Country, i64> {
    of.iter().map(|(code, count)| (code.parse().unwrap(), *count)).collect()
}

#[test]
fn a_wave_stands_out_by_all_that_it_has_in_common() {
    let (mut waves, now) = attacked();
    let clusters = waves.clusters(now, &nothing());
    let shapes = of(&clusters, Common::ShapeTag);
    assert_eq!(shapes.len(), 1, "{clusters:?}");
    let shape = shapes[0];
    assert_eq!((shape.value.as_str(), shape.pledges, shape.confirmed), ("000000000000004d", 1_000, 0));
    assert!(shape.likely > 950 && shape.score > 800, "{shape:?}");
    assert_eq!(shape.first_at, Some(row(0, 100).at));
    assert_eq!(shape.last_at, Some(row(0, 109).at));
    assert!(shape.last_likely_at <= shape.last_at && shape.last_likely_at > shape.first_at, "{shape:?}");
    assert_eq!((shape.trend.len(), shape.trend[TREND - 1]), (TREND, 1_000));
    assert_eq!(
        shape.reasons.iter().map(|reason| i32::from(reason.points)).sum::<i32>().min(950),
        i32::from(shape.score)
    );
    assert_eq!(shape.reasons[0].why, Why::Wave);
    // Each of its sources too, no more than ten of them, behind what has all of it.
    assert_eq!(of(&clusters, Common::SourceTag).len(), MOST);
    assert!(of(&clusters, Common::SourceTag).iter().all(|source| source.score < shape.score && source.pledges == 25));
    let minutes = of(&clusters, Common::Minute);
    assert_eq!((minutes.len(), minutes[0].from, minutes[0].to), (1, Some(row(0, 100).at), Some(row(0, 110).at)));
    assert_eq!(minutes[0].pledges, 1_000);
    assert_eq!(
        of(&clusters, Common::Signal).iter().map(|signal| signal.value.as_str()).collect::<Vec<_>>(),
        ["no_proof"]
    );
    assert!(clusters.is_sorted_by(|one, next| one.score >= next.score));
}

#[test]
fn what_is_gone_or_accepted_stands_out_no_more_and_an_undo_brings_it_back() {
    let (mut waves, now) = attacked();
    let before = waves.clusters(now, &nothing());
    let bots: Vec<Uuid> = (800..1800).map(Uuid::from_u128).collect();
    waves.settle(&bots, &[]);
    assert_eq!(waves.clusters(now, &nothing()), []);
    waves.settle(&bots[..600], &[]);
    assert_eq!(of(&waves.clusters(now, &nothing()), Common::ShapeTag)[0].pledges, 400);
    waves.settle(&[], &bots);
    assert_eq!(of(&waves.clusters(now, &nothing()), Common::ShapeTag), [] as [&Cluster; 0]);
    waves.settle(&[], &[]);
    assert_eq!(waves.clusters(now, &nothing()), before);
}

/// 2016: 77,000 fakes among four million, 39,411 of them from a state of 800 people; here they have nothing else in common.
#[test]
fn more_pledges_than_people_are_on_top_of_everything() {
    let (mut waves, now) = attacked();
    let all = counted(&[("GB", 3_900_000), ("VA", 39_411), ("NR", 2_000), ("IS", 36_000), ("DE", 60_000)]);
    let clusters = waves.clusters(now, &all);
    let top = &clusters[0];
    assert_eq!((top.common, top.value.as_str(), top.score), (Common::Country, "VA", 1000));
    assert_eq!((top.pledges, top.compared, top.from), (39_411, 0, None), "all of them, whenever they came");
    let reason = &top.reasons[0];
    assert_eq!((reason.why, reason.seen), (Why::ManyFromCountry, 39_411));
    assert!(reason.usual.is_some_and(|people| (1..1_000).contains(&people)));
    let mut countries = of(&clusters, Common::Country);
    countries.retain(|country| country.reasons[0].why == Why::ManyFromCountry);
    assert_eq!(countries.iter().map(|country| country.value.as_str()).collect::<Vec<_>>(), ["VA", "IS", "NR"]);
    assert!(countries[1].score < clusters[1].score, "who is only watched stands behind the wave");
    // Of those that wait for their mailbox nobody is counted.
    let mut waiting = Waves::default();
    for number in 0..3_000 {
        waiting.push(&Row { country: "VA".parse().unwrap(), ..row(number, 1) });
    }
    let clusters = waiting.clusters(row(0, 2).at, &nothing());
    assert_eq!((clusters[0].value.as_str(), clusters[0].pledges, clusters[0].score), ("VA", 3_000, 1000));
}

#[test]
fn where_people_answer_their_letters_those_who_do_not_stand_out() {
    let sums = Sums { pledges: 500, asked: 500, ..Sums::default() };
    let all = Sums { pledges: 4_000, asked: 4_000, answered: 2_500, ..Sums::default() };
    let told = reasons::of(&sums, &all, None);
    assert_eq!((told[0].why, told[0].points, told[0].seen, told[0].usual), (Why::Unconfirmed, 150, 0, Some(357)));
    let same = Sums { answered: 350, ..sums };
    assert_eq!(reasons::of(&same, &all, None), []);
}

#[test]
fn much_more_than_usual_counts_and_is_not_enough_alone() {
    let all = Sums { pledges: 2_000, recent: 1_000, ..Sums::default() };
    let sums = Sums { pledges: 500, recent: 500, ..Sums::default() };
    let told = reasons::of(&sums, &all, Some((10.0, 1_000.0)));
    assert_eq!((told[0].why, told[0].seen, told[0].usual, told[0].points), (Why::MoreThanUsual, 500, Some(11), 150));
    assert!(reasons::score(&told) < TOLD_FROM);
    assert_eq!(reasons::of(&sums, &all, Some((300.0, 1_000.0))), [], "a third more is no more");
    assert_eq!(reasons::of(&sums, &all, Some((0.0, 100.0))), [], "a campaign without a past has nothing usual");
}

#[test]
fn an_empty_window_has_no_clusters() {
    assert_eq!(Waves::default().clusters(row(0, 0).at, &nothing()), []);
    assert_eq!(Waves::default().since(), None);
}
