//! The two operators: a farm of browsers behind rented home connections, and scripts on rented servers.
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::people::{DATA, ascii, chosen, pick, place, spin, words};
use super::roll::Roll;
use super::{LONG, Pledge, Who};

/// The rented home connections.
pub const CONNECTIONS: usize = 120;
/// The rented servers.
pub const SERVERS: usize = 80;

fn byte(roll: &mut Roll) -> u8 {
    u8::try_from(1 + roll.below(254)).unwrap_or(1)
}

/// An address as the farm's program makes it: of the name by one of nine patterns, with numbers so that few collide.
fn made(roll: &mut Roll, first: &str, last: &str, domain: &str) -> String {
    let local = match roll.weighted([20.0, 14.0, 12.0, 10.0, 12.0, 10.0, 8.0, 8.0, 6.0].into_iter()) {
        0 => format!("{first}.{last}"),
        1 => format!("{first}.{last}{}", 1 + roll.below(99)),
        2 => format!("{first}{last}{}", 60 + roll.below(40)),
        3 => format!("{}{last}{}", &first[..1], roll.below(1_000)),
        4 => format!("{last}.{first}"),
        5 => format!("{first}_{last}"),
        6 => format!("{first}{}", 1_955 + roll.below(50)),
        7 => format!("{first}{}{}", &last[..1], roll.below(10_000)),
        _ => format!("{}.{last}", &first[..1]),
    };
    format!("{local}@{domain}")
}

/// The shifts of one connection: on for half an hour or so, off for a while, more of them as the hours go.
fn shifts(roll: &mut Roll) -> Vec<(f64, f64)> {
    let mut at = (roll.unit().sqrt() * 0.75 * LONG - 1_500.0).max(0.0);
    let mut all = Vec::new();
    while at < LONG {
        let long = roll.around(1_900.0, 0.5);
        all.push((at, (at + long).min(LONG)));
        at += long + roll.around(1_300.0, 0.6);
    }
    all
}

/// The farm: its browsers run scripts, wait as people do, and one in nine writes a line out of a template.
pub fn farm(roll: &mut Roll, count: usize) -> Vec<Pledge> {
    let connections: Vec<_> = (0..CONNECTIONS)
        .map(|_| {
            let address = IpAddr::V4(Ipv4Addr::new(
                [77, 79, 80, 84, 87, 88, 91, 93, 178, 188, 217][roll.below(11)],
                byte(roll),
                byte(roll),
                byte(roll),
            ));
            let shifts = shifts(roll);
            let open: f64 = shifts.iter().map(|(from, to)| to - from).sum();
            (address, shifts, open * roll.around(1.0, 0.5))
        })
        .collect();
    (0..count)
        .map(|_| {
            let (address, shifts, _) = &connections[roll.weighted(connections.iter().map(|one| one.2))];
            let (from, to) = shifts[roll.weighted(shifts.iter().map(|(from, to)| to - from))];
            let at = roll.between(from, to);
            let place = place(roll, 1);
            let tongue = &DATA.tongues[&place.language];
            let (first, last) = (roll.of(&tongue.first), roll.of(&tongue.last));
            let domain = pick(roll, &tongue.farm_mail);
            let german = place.language == "de";
            let email = made(roll, &ascii(first, german), &ascii(last, german), domain);
            let message = (!tongue.spintax.is_empty() && roll.chance(0.11)).then(|| {
                let template = roll.of(&tongue.spintax);
                spin(roll, template)
            });
            Pledge {
                at,
                name: format!("{first} {last}"),
                email,
                country: &place.country,
                language: &place.language,
                seconds: 7.0 + roll.around(34.0, 0.65) + if message.is_some() { roll.around(30.0, 0.4) } else { 0.0 },
                message,
                site: roll.chance(0.22).then(|| roll.weighted([5.0, 2.0, 1.0].into_iter())),
                source: *address,
                plain: false,
                // The operator owns a few of the mailboxes.
                confirmed: roll.chance(0.004).then(|| roll.around(300.0, 1.0)),
                who: Who::Farm,
            }
        })
        .collect()
}

/// The scripts: the plain form, addresses of real people out of leaked lists — now and then one of them follows the link in the mail, out of wonder.
pub fn scripts(roll: &mut Roll, count: usize) -> Vec<Pledge> {
    // Three hosters: two with addresses of version 4 in a few networks, one with networks of version 6.
    let servers: Vec<(IpAddr, f64)> = (0..SERVERS)
        .map(|at| {
            let address = match at % 4 {
                0 | 1 => IpAddr::V4(Ipv4Addr::new(45, 90, 60 + u8::try_from(at % 8).unwrap_or(0), byte(roll))),
                2 => IpAddr::V4(Ipv4Addr::new(193, 42, byte(roll) % 16, byte(roll))),
                _ => {
                    IpAddr::V6(Ipv6Addr::new(0x2a0e, 0x97c0, u16::from(byte(roll)), u16::from(byte(roll)), 0, 0, 0, 2))
                }
            };
            (address, roll.around(1.0, 0.3))
        })
        .collect();
    (0..count)
        .map(|_| {
            let place = place(roll, 2);
            let tongue = &DATA.tongues[&place.language];
            let (first, last) = (roll.early(&tongue.first), roll.early(&tongue.last));
            let german = place.language == "de";
            let local = chosen(roll, &ascii(first, german), &ascii(last, german));
            // The lists are years old and of all sorts of people: a tenth at work or at a domain of their own.
            let domain = if roll.chance(0.1) {
                format!("{}{}.{}", roll.of(&DATA.nick), ascii(roll.of(&tongue.last).as_str(), german), tongue.work)
            } else {
                pick(roll, &tongue.mail).to_owned()
            };
            // For four in ten the list has no name, so the script makes one.
            let name = if roll.chance(0.6) {
                format!("{first} {last}")
            } else {
                format!("{} {}", roll.of(&tongue.first), roll.of(&tongue.last))
            };
            let message = roll.chance(0.07).then(|| words(roll, &place.language));
            Pledge {
                at: 2_400.0 + roll.unit() * (LONG - 2_400.0),
                name,
                email: format!("{local}@{domain}"),
                country: &place.country,
                language: &place.language,
                message,
                site: None,
                source: servers[roll.weighted(servers.iter().map(|one| one.1))].0,
                plain: true,
                seconds: roll.between(9.0, 110.0),
                confirmed: roll.chance(0.006).then(|| roll.around(5_000.0, 1.2)),
                who: Who::Script,
            }
        })
        .collect()
}
