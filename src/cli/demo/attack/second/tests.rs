//! That the second wave is what it says.

#![expect(clippy::print_stdout, reason = "figures to read")]

use std::collections::{BTreeSet, HashMap};

use super::{
    super::{
        Person,
        single_tests::{Field, LIMIT, balanced, hours_of_the_wave, shape},
    },
    BOTS, HONEST, LONG, Who, person, quiet, wave,
};

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
    let past = quiet(1);
    assert!(past.iter().all(|one| one.at < 3_600.0 && !matches!(one.who, Who::Farm | Who::Script)));
    assert!(wave(1).iter().zip(&all).all(|(one, other)| one.email == other.email));
}

/// Learned and tried as with the first wave. How busy a source is, is no field; it is printed beside them.
#[test]
fn no_single_field_of_the_second_wave_gives_the_bots_away() {
    let people: Vec<Person> = hours_of_the_wave(wave(3).iter().map(person).collect());
    let mut busy: HashMap<_, u32> = HashMap::new();
    for one in &people {
        *busy.entry(one.source).or_default() += 1;
    }
    let fields: [(&str, Field); 11] = [
        ("minute", &|one| one.at.format("%H:%M").to_string()),
        ("country", &|one| one.country.to_string()),
        ("name", &|one| one.name.clone().unwrap_or_default()),
        ("shape of the name", &|one| shape(one.name.as_deref().unwrap_or_default())),
        ("shape of the mailbox", &|one| shape(&one.local)),
        ("domain", &|one| one.domain.clone()),
        ("message", &|one| one.message.clone().unwrap_or_default()),
        ("language", &|one| one.language.clone()),
        ("time on the form", &|one| {
            let seconds = one.elapsed.map_or(0.1, |time| time.as_secs_f64());
            format!("{:.0}", seconds.ln() * 4.0)
        }),
        ("proof", &|one| one.script.to_string()),
        ("partner", &|one| format!("{:?}", one.partner)),
    ];
    let mut wrong = Vec::new();
    for (name, field) in fields {
        let right = balanced(&people, field);
        println!("{name}: {:.1} %", right * 100.0);
        if right >= LIMIT {
            wrong.push(format!("{name}: {right:.2}"));
        }
    }
    let right = |field: Field| balanced(&people, field) * 100.0;
    println!("confirming: {:.1} %", right(&|one| one.confirms_after.is_some().to_string()));
    println!("how busy the source is: {:.1} %", right(&|one| busy[&one.source].ilog2().to_string()));
    assert_eq!(wrong, Vec::<String>::new());
}
