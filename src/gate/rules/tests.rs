//! What rules fit, and what they cost.

use std::time::Instant;

use proptest::prelude::*;

use super::{
    pattern::{BadPattern, MOST_CHARS, MOST_STARS},
    *,
};
use crate::gate::tags::normal_name;

fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn name(text: &str) -> Facts<'_> {
    Facts { name: Some(text), ..Facts::default() }
}

fn fits(pattern: &str, text: &str) -> bool {
    Pattern::parse(pattern).is_ok_and(|pattern| pattern.fits(&Name::new(text)))
}

/// A campaign's rules from blocks and allows, with ids from 1.
fn set(rules: impl IntoIterator<Item = (Kind, Target)>) -> RuleSet {
    let mut set = RuleSet::default();
    for (number, (kind, target)) in (1..).zip(rules) {
        set.add(id(number), kind, target);
    }
    set
}

fn domain(text: &str) -> Target {
    Target::Domain(text.into())
}

#[test]
fn a_name_pattern_is_text_with_stars() {
    for (pattern, name) in [
        ("buy*now", "BUY pills Now"),
        ("ab*", "AB"),
        ("*doe", "Jane Doe"),
        ("*ａ*b*", "x a y b"),
        ("jane doe", " Jane  Doe "),
        ("a.b", "a.b"),
        ("a**b", "a b"),
        ("＊pills＊", "cheap pills here"),
        ("*ab*ab*", "abab"),
        ("مريم *", "مريم حسن"),
        ("李明", "李明"),
    ] {
        assert!(fits(pattern, name), "{pattern} {name}");
    }
    for (pattern, name) in [
        ("a.b", "axb"),
        ("ab*ba", "aba"),
        ("jane", "jane doe"),
        ("*b*a*", "ab"),
        ("[a-z]*", "abc"),
        ("*ab*ab*", "aab"),
        ("jane?doe", "jane doe"),
        ("a%b", "a b"),
    ] {
        assert!(!fits(pattern, name), "{pattern} {name}");
    }
}

#[test]
fn a_pattern_that_fits_half_the_world_or_is_no_text_for_people_is_refused() {
    let wrong = |text: &str| Pattern::parse(text).err();
    for text in ["", "*", "***", "* *", "a", "*a*", " a *"] {
        assert_eq!(wrong(text), Some(BadPattern::TooShort), "{text}");
    }
    assert_eq!(wrong(&"ab".repeat(MOST_CHARS / 2)), None);
    assert_eq!(wrong(&"a".repeat(MOST_CHARS + 1)), Some(BadPattern::TooLong));
    // One letter that becomes eighteen.
    assert_eq!(wrong(&"\u{fdfa}".repeat(MOST_CHARS)), Some(BadPattern::TooLong));
    assert_eq!(wrong(&"a*".repeat(MOST_STARS)), None);
    assert_eq!(wrong(&"a*".repeat(MOST_STARS + 1)), Some(BadPattern::TooManyStars));
}

#[test]
fn a_domain_rule_fits_the_domain_and_what_lies_under_it() {
    let rules = set([(Kind::Block, domain("spam.example"))]);
    let ruling = |given| rules.judge(&Facts { domain: Some(given), ..Facts::default() }).0;
    for given in ["spam.example", "a.spam.example", "a.b.c.spam.example"] {
        assert_eq!(ruling(given), Ruling::Blocked, "{given}");
    }
    for given in ["notspam.example", "example", "spam.example.org", "am.example", ""] {
        assert_eq!(ruling(given), Ruling::Silent, "{given}");
    }
}

#[test]
fn every_rule_that_decides_is_named_and_no_other() {
    let pattern = || Target::Name(Pattern::parse("*pills*").unwrap());
    let rules = set([
        (Kind::Block, domain("example")),
        (Kind::Block, domain("spam.example")),
        (Kind::Block, Target::Source(5)),
        (Kind::Block, pattern()),
        (Kind::Block, pattern()),
        (Kind::Block, Target::Partner(id(50))),
        (Kind::Allow, Target::Source(5)),
        (Kind::Allow, Target::Source(6)),
        (Kind::Allow, pattern()),
    ]);
    let judge = |facts| {
        let (ruling, mut ids) = rules.judge(&facts);
        ids.sort();
        (ruling, ids.iter().map(Uuid::as_u128).collect::<Vec<_>>())
    };
    let all = Facts { domain: Some("a.spam.example"), source: Some(5), name: Some("Pills!"), partner: Some(id(50)) };
    assert_eq!(judge(all), (Ruling::Blocked, vec![1, 2, 3, 4, 5, 6]));
    assert_eq!(judge(Facts { source: Some(6), ..all }).0, Ruling::Blocked, "a block goes before an allow");
    assert_eq!(judge(Facts { source: Some(6), ..Facts::default() }), (Ruling::Allowed, vec![8]));
    assert_eq!(judge(Facts { source: Some(7), ..Facts::default() }), (Ruling::Silent, vec![]));
    assert_eq!(judge(Facts::default()), (Ruling::Silent, vec![]));
    let allows = set([(Kind::Allow, pattern())]);
    assert_eq!(allows.judge(&name("pills")).0, Ruling::Allowed);
}

#[test]
fn a_block_holds_an_allow_lets_go_and_both_are_noted() {
    assert!(Ruling::Blocked.holds(false) && Ruling::Blocked.holds(true));
    assert!(!Ruling::Allowed.holds(false) && !Ruling::Allowed.holds(true));
    assert!(!Ruling::Silent.holds(false) && Ruling::Silent.holds(true));
    assert!(Ruling::Blocked.signals().has(Signal::Blocked) && Ruling::Allowed.signals().has(Signal::Allowed));
    assert_eq!(Ruling::Silent.signals(), Signals::default());
    assert!([Ruling::Blocked, Ruling::Allowed].iter().all(|ruling| ruling.signals().weight() == 0));
}

#[test]
fn words_are_read_as_they_are_written() {
    assert!(Kind::ALL.into_iter().all(|kind| Kind::parse(kind.as_str()) == Some(kind)));
    assert!(Subject::ALL.into_iter().all(|subject| Subject::parse(subject.as_str()) == Some(subject)));
    assert_eq!((Kind::parse("Block"), Subject::parse("")), (None, None));
}

/// What stars mean, said as shortly as can be, however long it takes.
fn simply(pattern: &[char], text: &[char]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some(('*', rest)) => (0..=text.len()).any(|skipped| simply(rest, &text[skipped..])),
        Some((c, rest)) => text.first() == Some(c) && simply(rest, &text[1..]),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn a_pattern_fits_what_the_simplest_reading_of_it_fits(pattern in "[abé*]{2,9}", text in "[abé]{0,9}") {
        if let Ok(read) = Pattern::parse(&pattern) {
            let [pattern, text] = [&pattern, &text].map(|text| normal_name(text).chars().collect::<Vec<_>>());
            let name: String = text.iter().collect();
            prop_assert_eq!(read.fits(&Name::new(&name)), simply(&pattern, &text));
        }
    }

    #[test]
    fn any_text_is_read_or_refused(pattern in any::<String>(), text in any::<String>()) {
        fits(&pattern, &text);
    }

    #[test]
    fn a_name_fits_itself_and_its_parts(text in "\\PC{2,40}", from in 0_usize..20, long in 1_usize..20) {
        let text = text.replace(['*', '＊', '﹡'], "x");
        if Pattern::parse(&text).is_ok() {
            prop_assert!(fits(&text, &text));
        }
        // Of the normal form: a part of what was typed may join with its neighbours otherwise.
        let part: String = normal_name(&text).chars().skip(from).take(long).collect();
        let part = format!("*{}*", part.trim());
        if Pattern::parse(&part).is_ok() && normal_name(&part) == part {
            prop_assert!(fits(&part, &text), "{} in {}", part, text);
        }
    }
}

/// As many rules of each kind, and names as people have and as an attacker writes them.
#[test]
fn five_hundred_rules_cost_microseconds() {
    let pattern =
        |number: usize| format!("*{}*{number}*", ["seo", "cheap pills", "casino", "мария", "crypto"][number % 5]);
    let targets = (0..MOST).map(|number| match number % 4 {
        0 => domain(&format!("d{number}.spam.example")),
        1 => Target::Source(i64::try_from(number).unwrap()),
        _ => Target::Name(Pattern::parse(&pattern(number)).unwrap()),
    });
    let rules = set(targets.map(|target| (Kind::Block, target)));
    let worst = "cheap pills casino seo crypto мария 0123456789 ".repeat(4);
    for text in ["Amina Okafor", worst.as_str()] {
        let facts = Facts { domain: Some("mail.a.b.c.example.org"), source: Some(-1), ..name(text) };
        let (began, rounds) = (Instant::now(), 200);
        for _ in 0..rounds {
            std::hint::black_box(rules.judge(std::hint::black_box(&facts)));
        }
        let each = began.elapsed() / rounds;
        // Without optimisation, on a machine that does something else too.
        assert!(each.as_micros() < 5_000, "{each:?}");
        #[expect(clippy::print_stdout, reason = "a figure for whoever runs the tests with --nocapture")]
        {
            println!("{MOST} rules, a name of {} characters: {each:?}", text.chars().count());
        }
    }
}
