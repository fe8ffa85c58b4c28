//! How the gate fares with the second wave: most of its bots held, hardly anybody honest, nobody who confirmed.

#![expect(clippy::print_stdout, reason = "the tables are what is asked for")]

use std::collections::BTreeMap;

use super::super::{Group, Person, judge};
use super::{person, quiet, wave};

/// Nobody had looked at the scores of these when the engine was last changed; those from 21001 to 21006 and from 22000 to 22009 were looked at.
const UNSEEN: [u64; 2] = [23_001, 23_002];
/// How many more: `PLEDGES_ATTACK_SEEDS=20 cargo test --lib second -- --nocapture`.
const MORE: &str = "PLEDGES_ATTACK_SEEDS";

/// Six quiet days, then the wave; judged ten minutes after its end. The shares are of those in the wave alone.
#[test]
#[expect(clippy::disallowed_methods, reason = "how thorough a test is, is no setting of the program")]
fn the_second_wave_is_held_and_no_group_of_people_is() {
    let more = std::env::var(MORE).ok().and_then(|count| count.parse().ok()).unwrap_or(0u64);
    let mut wrong = Vec::new();
    for seed in UNSEEN.into_iter().chain((0..more).map(|seed| 23_003 + seed)) {
        let surge: Vec<Person> = wave(seed).iter().map(person).collect();
        let mut groups: BTreeMap<Group, u32> = BTreeMap::new();
        surge.iter().for_each(|one| *groups.entry(one.group).or_default() += 1);
        let all: Vec<Person> = quiet(seed).iter().map(person).chain(surge).collect();
        let table = judge(&all);
        println!("second wave {seed}\n{table}");
        if table.bots().held_share() < 0.85 {
            wrong.push(format!("{seed}: {:.3} of the bots", table.bots().held_share()));
        }
        for (group, line) in table.honest() {
            if f64::from(line.held) > 0.02 * f64::from(groups[&group]) || line.held_confirmed > 0 {
                wrong.push(format!("{seed}: {group:?} {line:?}"));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}
