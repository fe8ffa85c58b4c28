//! What moderators see of the waves: on top within a minute, and nothing where there is none.

#![expect(clippy::print_stdout, reason = "what stands out is to be looked at")]

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::{Person, quiet, second, table::rows, wave};
use crate::gate::{
    signals::Signal,
    source_tags,
    waves::{Cluster, Common, Row, Waves},
};

/// When a look is, at the latest, after the newest pledge that it sees (src/pledges/waves).
const BEHIND: TimeDelta = TimeDelta::seconds(30);

/// Twelve times as fast as they came: the hour's bots within five minutes, as `pledges demo --attack` plays them by default within ten.
const FASTER: i32 = 12;

fn is_in(row: &Row, cluster: &Cluster) -> bool {
    let within = cluster.from.is_none_or(|from| row.at >= from) && cluster.to.is_none_or(|to| row.at < to);
    let tag = |tag: Option<i64>| tag.map(source_tags::text);
    let value = match cluster.common {
        Common::SourceTag => tag(row.source),
        Common::DomainTag => tag(row.domain),
        Common::NameTag => tag(row.name),
        Common::ShapeTag => tag(row.shape),
        Common::Country => Some(row.country.to_string()),
        Common::Partner => row.partner.map(|partner| partner.to_string()),
        Common::Signal => row.signals.list().map(Signal::name).find(|name| *name == cluster.value).map(str::to_owned),
        Common::Minute => return within,
    };
    within && value.as_deref() == Some(cluster.value.as_str())
}

/// What stands out at this time, with how many of each cluster are honest, and how many there are.
fn standing(rows: &[(Row, &Person)], now: DateTime<Utc>) -> Vec<(Cluster, usize, usize)> {
    let come: Vec<_> = rows.iter().filter(|(row, _)| row.at <= now - BEHIND).collect();
    let mut waves = Waves::default();
    for (row, person) in &come {
        let confirmed = person.confirms_after.is_some_and(|after| row.at + after <= now);
        waves.push(&Row { confirmed, ..row.clone() });
    }
    let clusters = waves.clusters(now, &BTreeMap::new());
    let count = |cluster: Cluster| {
        let of = || come.iter().filter(|(row, _)| is_in(row, &cluster));
        let (all, honest) = (of().count(), of().filter(|(_, person)| person.honest).count());
        (cluster, honest, all)
    };
    clusters.into_iter().map(count).collect()
}

fn tell(what: &str, standing: &[(Cluster, usize, usize)]) {
    println!("{what}: {} clusters", standing.len());
    for (cluster, honest, all) in standing.iter().take(8) {
        let reasons: Vec<String> =
            cluster.reasons.iter().map(|reason| format!("{:?} {}", reason.why, reason.points)).collect();
        println!(
            "  {} {:?} {} {all}, {honest} honest: {}",
            cluster.score,
            cluster.common,
            cluster.value,
            reasons.join(", ")
        );
    }
}

/// The wave as a rehearsal plays it: its past as it was, and from the first bot on faster.
fn rehearsed(seed: u64) -> (Vec<Person>, DateTime<Utc>) {
    let mut people = wave(seed).unwrap();
    let first = people.iter().filter(|person| !person.honest).map(|person| person.at).min().unwrap();
    for person in &mut people {
        if person.at > first {
            person.at = first + (person.at - first) / FASTER;
        }
    }
    (people, first)
}

#[test]
fn clusters_of_a_rehearsed_wave_are_on_top_within_a_minute() {
    let mut wrong = Vec::new();
    for seed in [41_001, 41_002, 41_003] {
        let (people, first) = rehearsed(seed);
        let rows = rows(&people);
        for minutes in [1, 2, 5] {
            let standing = standing(&rows, first + TimeDelta::minutes(minutes));
            tell(&format!("wave {seed} after {minutes} minutes"), &standing);
            if standing.len() < 3 {
                wrong.push(format!("{seed} after {minutes}: {} clusters", standing.len()));
            }
            for (cluster, honest, all) in standing.iter().take(3) {
                assert_eq!(usize::try_from(cluster.pledges).unwrap(), *all, "its search finds it: {cluster:?}");
                if honest * 10 > *all {
                    wrong.push(format!("{seed} after {minutes}: {honest} of {all} are honest in {cluster:?}"));
                }
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn clusters_of_a_slow_wave_by_another_hand_are_on_top_after_an_hour() {
    let people: Vec<Person> = second::quiet(51).iter().chain(&second::wave(51)).map(second::person).collect();
    let begin = people.iter().filter(|person| !person.honest).map(|person| person.at).min().unwrap();
    let rows = rows(&people);
    let standing = standing(&rows, begin + TimeDelta::hours(1));
    tell("second wave", &standing);
    assert!(standing.len() >= 3);
    for (cluster, honest, all) in standing.iter().take(3) {
        assert!(honest * 10 <= *all, "{honest} of {all} are honest in {cluster:?}");
    }
}

#[test]
fn clusters_are_not_seen_on_quiet_days_or_on_a_day_of_fame() {
    for seed in [42_001, 42_002, 42_003] {
        let people = quiet(seed).unwrap();
        let end = people.last().unwrap().at;
        let rows = rows(&people);
        for hours in [0, 3, 9] {
            let standing = standing(&rows, end - TimeDelta::hours(hours));
            tell(&format!("quiet day {seed}"), &standing);
            assert!(standing.is_empty(), "{:?}", standing.first());
        }
    }
    // Everybody of four other days within twenty minutes, most of them from one country.
    let mut people = quiet(42_004).unwrap();
    let shown = people.last().unwrap().at;
    for seed in 42_010..42_014 {
        for (index, mut person) in quiet(seed).unwrap().into_iter().enumerate() {
            if index % 3 > 0 || person.country.as_str() == "DE" {
                person.at = shown + TimeDelta::milliseconds(i64::try_from(index * 1_200_000 / 6_000).unwrap());
                people.push(person);
            }
        }
    }
    let rows = rows(&people);
    for minutes in [5, 15, 25] {
        let standing = standing(&rows, shown + TimeDelta::minutes(minutes));
        tell(&format!("a day of fame after {minutes} minutes"), &standing);
        assert!(standing.is_empty(), "{:?}", standing.first());
    }
}
