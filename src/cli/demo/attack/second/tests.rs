//! That the second wave is what it says.
use std::collections::{BTreeMap, BTreeSet};

use super::{BOTS, HONEST, LONG, Who, quiet, wave};

/// About 200 sources, 50,000 bots, 5,000 honest, a third of them behind at most 20 addresses; the same for the same seed; quiet days without bots.
#[test]
fn the_second_wave_is_as_large_and_as_mixed_as_it_says() {
    let all = wave(1);
    let of = |who: &[Who]| all.iter().filter(|one| who.contains(&one.who)).collect::<Vec<_>>();
    let bots = of(&[Who::Farm, Who::Script]);
    assert_eq!((bots.len(), all.len() - bots.len()), (BOTS, HONEST));
    let sources = bots.iter().map(|one| one.source).collect::<BTreeSet<_>>().len();
    assert!((190..=200).contains(&sources), "{sources}");
    let shared = of(&[Who::Shared]);
    assert!((1_500..1_850).contains(&shared.len()), "{}", shared.len());
    assert_eq!(shared.iter().map(|one| one.source).collect::<BTreeSet<_>>().len(), 20);
    assert!(all.iter().all(|one| (0.0..LONG + 3_600.0).contains(&one.at) && one.email.contains('@')));
    let mut counts = BTreeMap::new();
    for one in &all {
        *counts.entry(format!("{:?}", one.who)).or_insert(0) += 1;
    }
    println!("{counts:?}");
    let past = quiet(1);
    assert!(past.iter().all(|one| one.at < 3_600.0 && !matches!(one.who, Who::Farm | Who::Script)));
    assert!(wave(1).iter().zip(&all).all(|(one, other)| one.email == other.email));
    for one in all.iter().step_by(2_300) {
        println!(
            "{:?} {} <{}> {} {} {:?} {} {:.0}s",
            one.who, one.name, one.email, one.country, one.language, one.message, one.source, one.seconds
        );
    }
}
