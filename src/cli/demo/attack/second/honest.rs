//! Honest people: how they come, from where, in what time, and whether they confirm.
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::people::{DATA, Place, ascii, chosen, pick, place, words};
use super::roll::Roll;
use super::{LONG, Pledge, Who};

/// A shared address: where it stands, how busy it is, and the mail domain if it is a campus.
struct Gate {
    address: IpAddr,
    place: &'static Place,
    busy: f64,
    campus: Option<&'static str>,
}

/// The same 20 in the quiet days and in the wave: twelve campuses, eight carriers.
fn gates() -> Vec<Gate> {
    let homes = [0, 0, 1, 4, 7, 8, 14, 9, 10, 6, 2, 11];
    let carriers = [0, 0, 4, 8, 9, 10, 12, 15];
    let mut roll = Roll::new(20);
    let campus =
        homes.iter().zip(&DATA.campuses).enumerate().map(|(at, (home, domain))| (at, *home, Some(domain.as_str())));
    let carrier = carriers.iter().enumerate().map(|(at, home)| (at + 12, *home, None));
    campus
        .chain(carrier)
        .map(|(at, home, campus)| Gate {
            address: IpAddr::V4(Ipv4Addr::new(
                if campus.is_some() { 131 } else { 46 },
                20 + u8::try_from(at).unwrap_or(0) * 7,
                9,
                1 + u8::try_from(roll.below(250)).unwrap_or(0),
            )),
            place: &DATA.places[home],
            busy: roll.around(1.0, 0.8),
            campus,
        })
        .collect()
}

/// An address at home: of version 6 for four in ten.
fn home(roll: &mut Roll) -> IpAddr {
    if roll.chance(0.4) {
        let part = |roll: &mut Roll| u16::try_from(roll.below(65_536)).unwrap_or(0);
        return IpAddr::V6(Ipv6Addr::new(
            0x2003 + u16::try_from(roll.below(6)).unwrap_or(0) * 0x11,
            part(roll),
            part(roll),
            part(roll),
            0,
            0,
            0,
            1,
        ));
    }
    let part = |roll: &mut Roll| u8::try_from(1 + roll.below(254)).unwrap_or(1);
    IpAddr::V4(Ipv4Addr::new(
        [77, 79, 80, 84, 87, 88, 91, 93, 178, 188, 217][roll.below(11)],
        part(roll),
        part(roll),
        part(roll),
    ))
}

/// One of about 45 exits, some much busier.
fn exit(roll: &mut Roll) -> IpAddr {
    let exits: Vec<u8> = (1..46).collect();
    let at = *roll.early(&exits);
    IpAddr::V4(Ipv4Addr::new(185, 220, 100 + at % 3, at * 5))
}

/// How long a person takes: quick by autofill, or reading first, or with the page open over lunch.
fn patience(roll: &mut Roll, wrote: bool) -> f64 {
    let base = match roll.weighted([20.0, 70.0, 6.0, 4.0].into_iter()) {
        0 => roll.around(13.0, 0.35),
        1 => roll.around(48.0, 0.6),
        2 => roll.around(240.0, 0.7),
        _ => roll.around(1_800.0, 0.8),
    };
    (if wrote { base + roll.around(45.0, 0.6) } else { base }).clamp(4.0, 20_000.0)
}

/// When a mailbox is opened, if at all: soon by most, in the evening by some.
fn confirm(roll: &mut Roll, share: f64) -> Option<f64> {
    roll.chance(share).then(|| if roll.chance(0.8) { roll.around(150.0, 1.1) } else { roll.around(4.0 * 3_600.0, 1.0) })
}

/// What somebody of this place types: the name as they write it, the address they have.
fn person(roll: &mut Roll, place: &Place, campus: Option<&str>) -> (String, String) {
    // Some live abroad and have a name of elsewhere.
    let roots = if roll.chance(0.12) { &DATA.places[roll.below(DATA.places.len())].language } else { &place.language };
    let names = &DATA.tongues[roots];
    let (first, last) = (roll.early(&names.first), roll.early(&names.last));
    let german = place.language == "de";
    let (plain_first, plain_last) = (ascii(first, german), ascii(last, german));
    let tongue = &DATA.tongues[&place.language];
    let email = match roll.weighted([78.0, 10.0, 12.0].into_iter()) {
        _ if campus.is_some() && roll.chance(0.45) => format!(
            "{plain_first}.{plain_last}{}@{}",
            if roll.chance(0.3) { (1 + roll.below(9)).to_string() } else { String::new() },
            campus.unwrap_or_default()
        ),
        1 => format!(
            "{}@{plain_last}{}.{}",
            [plain_first.as_str(), "mail", "kontakt", "info"][roll.weighted([6.0, 2.0, 1.0, 1.0].into_iter())],
            ["", "-net", "-online", "-family"][roll.weighted([6.0, 1.0, 1.0, 1.0].into_iter())],
            tongue.work
        ),
        2 => format!(
            "{}.{plain_last}@{}{}.{}",
            if roll.chance(0.5) { &plain_first[..1] } else { &plain_first },
            roll.of(&DATA.nick),
            ascii(roll.of(&names.last).as_str(), german),
            tongue.work
        ),
        _ => format!("{}@{}", chosen(roll, &plain_first, &plain_last), pick(roll, &tongue.mail)),
    };
    let name = match roll.weighted([78.0, 7.0, 5.0, 2.0, 5.0, 3.0].into_iter()) {
        1 => format!("{first} {last}").to_lowercase(),
        2 => format!("{}. {last}", first.chars().next().unwrap_or('A')),
        3 => format!("{first} {last}").to_uppercase(),
        4 => format!("{first} {}. {last}", roll.early(&names.first).chars().next().unwrap_or('M')),
        5 => format!("{first} {last}-{}", roll.early(&names.last)),
        _ => format!("{first} {last}"),
    };
    (name, email)
}

fn pledge(roll: &mut Roll, place: &'static Place, source: IpAddr, at: f64, who: Who, campus: Option<&str>) -> Pledge {
    let (name, email) = person(roll, place, campus);
    let message = roll.chance(if who == Who::Tor { 0.1 } else { 0.16 }).then(|| words(roll, &place.language));
    let language = if roll.chance(0.05) { "en" } else { place.language.as_str() };
    Pledge {
        at,
        name,
        email,
        country: &place.country,
        language,
        site: roll.chance(0.3).then(|| roll.weighted([5.0, 2.0, 1.0].into_iter())),
        source,
        plain: match who {
            Who::Plain => true,
            Who::Tor => roll.chance(0.5),
            _ => false,
        },
        seconds: patience(roll, message.is_some()),
        message,
        confirmed: confirm(
            roll,
            match who {
                Who::Tor => 0.68,
                Who::Plain => 0.76,
                _ => 0.82,
            },
        ),
        who,
    }
}

/// As many as asked, at times that `when` gives: a third shared, 3 % by Tor, 5 % without a script, the rest at home, some households together.
fn people(roll: &mut Roll, count: usize, when: impl Fn(&mut Roll) -> f64) -> Vec<Pledge> {
    let gates = gates();
    let mut all: Vec<Pledge> = Vec::with_capacity(count);
    while all.len() < count {
        let at = when(roll);
        let place = place(roll, 0);
        match roll.weighted([36.5, 3.3, 5.5, 54.0].into_iter()) {
            0 => {
                let gate = &gates[roll.weighted(gates.iter().map(|gate| gate.busy))];
                let place = if roll.chance(0.9) { gate.place } else { place };
                all.push(pledge(roll, place, gate.address, at, Who::Shared, gate.campus));
            }
            1 => {
                let source = exit(roll);
                all.push(pledge(roll, place, source, at, Who::Tor, None));
            }
            2 => {
                let source = home(roll);
                all.push(pledge(roll, place, source, at, Who::Plain, None));
            }
            _ => {
                let source = home(roll);
                let household = 1 + roll.weighted([85.0, 12.0, 2.0, 1.0].into_iter());
                let mut at = at;
                for _ in 0..household.min(count - all.len()) {
                    all.push(pledge(roll, place, source, at, Who::Home, None));
                    at += roll.around(150.0, 0.6);
                }
            }
        }
    }
    all
}

/// Those of the wave's hours: half by a newsletter that is opened over two hours, half as talk spreads.
pub fn surge(roll: &mut Roll, count: usize) -> Vec<Pledge> {
    people(roll, count, |roll| {
        loop {
            let at = if roll.chance(0.5) { 1_200.0 + roll.wait(3_200.0) } else { roll.between(0.0, LONG) };
            if at < LONG {
                return at;
            }
        }
    })
}

/// Those of the quiet days: more by day than by night.
pub fn days(roll: &mut Roll, days: usize, each: usize) -> Vec<Pledge> {
    people(roll, days * each, |roll| {
        loop {
            #[expect(clippy::cast_precision_loss, reason = "a few days")]
            let at = -roll.between(0.0, days as f64 * 86_400.0);
            let hour = (at / 3_600.0).rem_euclid(24.0);
            if roll.chance(0.15 + 0.85 * (1.0 + (std::f64::consts::TAU * (hour - 3.0) / 24.0).cos()) / 2.0) {
                return at;
            }
        }
    })
}
