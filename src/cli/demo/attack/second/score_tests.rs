//! How the gate fares with the second wave: most of its bots held, hardly anybody honest, nobody who confirmed.

#![expect(clippy::print_stdout, reason = "the tables are what is asked for")]

use super::super::{Person, judge};
use super::{person, quiet, wave};

/// Nobody had looked at the scores of these when the engine was last changed; those from 21001 to 21006, 22000 to 22009 and 23001 to 23005 were
/// looked at.
const UNSEEN: [u64; 2] = [24_001, 24_002];
/// How many more: `PLEDGES_ATTACK_SEEDS=20 cargo test --lib second -- --nocapture`.
const MORE: &str = "PLEDGES_ATTACK_SEEDS";

/// Six quiet days, then the wave; judged ten minutes after its end.
#[test]
#[expect(clippy::disallowed_methods, reason = "how thorough a test is, is no setting of the program")]
fn the_second_wave_is_held_and_no_group_of_people_is() {
    let more = std::env::var(MORE).ok().and_then(|count| count.parse().ok()).unwrap_or(0u64);
    let mut wrong = Vec::new();
    for seed in UNSEEN.into_iter().chain((0..more).map(|seed| 24_003 + seed)) {
        let all: Vec<Person> = quiet(seed).iter().chain(&wave(seed)).map(person).collect();
        let table = judge(&all);
        println!("second wave {seed}\n{table}");
        if table.bots().held_share() < 0.85 {
            wrong.push(format!("{seed}: {:.3} of the bots", table.bots().held_share()));
        }
        for (group, line) in table.honest() {
            if line.held_share() > 0.02 || line.held_confirmed > 0 {
                wrong.push(format!("{seed}: {group:?} {line:?}"));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}
