//! Each signal alone, and that it leaves real people alone.

use super::*;

fn sent() -> Sent<'static> {
    Sent {
        name: Some("Ana Ruiz"),
        mailbox: Some(("ana.ruiz", "example.org")),
        message: None,
        country: Country::WITHHELD,
        crowd: Crowd::default(),
        elapsed: Some(Duration::from_secs(60)),
        honeypot: false,
        script: true,
        server: false,
        source_recent: 1,
    }
}

fn names(sent: &Sent<'_>) -> Vec<&'static str> {
    judge(sent).signals.list().map(Signal::name).collect()
}

/// Real names in many scripts and lengths, with those that look odd to rules of thumb.
const REAL: [&str; 75] = [
    "Ng",
    "Li",
    "O",
    "Bo",
    "Wu Yi",
    "Xu",
    "Nguyễn Thị Minh Khai",
    "Krzysztof Brzęczyszczykiewicz",
    "Hirschsprung",
    "Eschscholtz",
    "Knightsbridge",
    "Smrž",
    "Vlk",
    "Strč Prst",
    "Grzegorz Szczepański",
    "Zbigniew Wszczoł",
    "Schwarzschild",
    "Nachtschläger",
    "Mxolisi",
    "Nqobile Mkhize",
    "Qwabe",
    "Xhosa Zxwa",
    "Zxcela",
    "Ngcobo",
    "Tshwete",
    "Hlophe",
    "Thandiswa Mqhayi",
    "Gqoba",
    "Nxumalo",
    "Mthwakazi",
    "Llewellyn Gwyn",
    "Brynmwr",
    "Rhys",
    "Gruffydd",
    "Björk Guðmundsdóttir",
    "Aasa",
    "Oeer",
    "Qing Xiang",
    "Qiu Xueqin",
    "Zhong Xizhe",
    "Jiang Zhixiang",
    "Xiang Jun",
    "McDonald",
    "DeShawn LaToya",
    "MacNeil-O'Brien",
    "d'Artagnan",
    "محمد",
    "فاطمة الزهراء",
    "王伟",
    "欧阳娜娜",
    "田中さくら",
    "エリカ",
    "김민준",
    "नरेन्द्र मोदी",
    "சுப்பிரமணியன்",
    "สมชาย",
    "შოთა რუსთაველი",
    "Աննա Հակոբյան",
    "ሰላማዊት ተስፋዬ",
    "Юлия Щербакова",
    "Їжак Ґалина",
    "Νίκος Παπαδόπουλος",
    "אברהם",
    "ລາວ",
    "Thomas Thomas",
    "Ali Ali",
    "José",
    "Øystein",
    "Þórður",
    "Łukasz",
    "Ağaoğlu İlkay",
    "Ștefan Țepeș",
    "Suharto",
    "Karma",
    "ʻAna Latu",
];

#[test]
fn what_nobody_sees_hides_nothing() {
    let names = |name: &str| judge(&Sent { name: Some(name), ..sent() }).signals;
    assert!(names("P\u{200b}\u{430}ul Smith").has(Signal::MixedScripts));
    assert!(names("www.\u{2060}pills.com").has(Signal::LinkInName));
    assert!(names("qwe\u{ad}rtyui").has(Signal::GibberishName));
}

#[test]
fn what_a_row_scored_at_submission_is_told_from_what_is_stored() {
    let crowd = Crowd { of_country: 5_000, of_campaign: 9_000 };
    for sent in [sent(), Sent { honeypot: true, ..sent() }, Sent { country: "VA".parse().unwrap(), crowd, ..sent() }] {
        let Verdict { score, signals } = judge(&sent);
        assert_eq!(at_submission(score, signals), score);
        // A later raise adds no bit that weighs anything.
        let raised = signals.with(Signal::WaveShape.bit());
        assert_eq!(at_submission(score + RAISE_LEAST, raised), signals.weight());
        assert_eq!(at_submission(score + 450, raised), signals.weight());
    }
}

#[test]
fn real_names_of_all_scripts_are_no_gibberish_and_mix_nothing() {
    for name in REAL {
        assert!(!name::is_gibberish(name), "{name}");
        assert!(!name::is_gibberish(&name.to_uppercase()), "{name}");
        assert!(!text::mixes_scripts(name), "{name}");
        assert!(!text::has_link(name), "{name}");
        let verdict = judge(&Sent { name: Some(name), ..sent() });
        assert!(verdict.score <= 5, "{name}: {:?}", verdict.signals);
    }
}

#[test]
fn the_demos_names_are_no_gibberish() {
    let data = include_str!("../../cli/demo/people.json");
    for name in data.split('"').filter(|text| text.chars().any(char::is_alphabetic)) {
        assert!(!name::is_gibberish(name), "{name}");
        assert!(!text::mixes_scripts(name), "{name}");
    }
}

#[test]
fn gibberish_is_seen() {
    for name in ["asdfgh", "Qwerty Uiop", "aaaa", "xqzjqk vqx", "aSdKjWq", "bcdfghkl", "lkjhg", "йцукен", "abc12345"]
    {
        assert!(name::is_gibberish(name), "{name}");
    }
}

#[test]
fn throw_away_mailboxes_are_listed_and_privacy_relays_are_not() {
    for domain in ["mailinator.com", "YOPMAIL.com", "sub.guerrillamail.com", "mailinator.com."] {
        assert!(is_disposable(domain), "{domain}");
    }
    let list = include_str!("disposable.txt");
    assert!(list.lines().is_sorted() && list.lines().all(is_disposable), "each one is found");
    for relay in [
        "duck.com",
        "mozmail.com",
        "relay.firefox.com",
        "privaterelay.appleid.com",
        "icloud.com",
        "simplelogin.com",
        "simplelogin.co",
        "aleeas.com",
        "slmail.me",
        "anonaddy.com",
        "anonaddy.me",
        "addy.io",
        "passmail.net",
        "riseup.net",
        "gmail.com",
        "com",
        "",
    ] {
        assert!(!is_disposable(relay), "{relay}");
    }
}

#[test]
fn links_are_seen_and_abbreviations_are_not() {
    for text in ["see https://a.example", "www.x.yz", "cheap-pills.com", "go to Win.xyz/now!"] {
        assert!(text::has_link(text), "{text}");
    }
    for text in ["St.John", "J.R.R. Tolkien", "a@b.com", "e.g. this", "Dr.No", "I agree.Thanks", "…"] {
        assert!(!text::has_link(text), "{text}");
    }
}

#[test]
fn letters_that_only_look_alike_are_a_mix() {
    assert!(text::mixes_scripts("Аnna"), "Cyrillic A");
    assert!(!text::mixes_scripts("Anna Иванова"));
}

#[test]
fn a_name_that_is_the_mailbox_is_a_machines() {
    assert!(name::is_mailbox("ana.ruiz9", "Ana.Ruiz9"));
    assert!(name::is_mailbox("ana@example.org", "ana"));
    assert!(!name::is_mailbox("Ana", "ana") && !name::is_mailbox("Ana Ruiz", "anaruiz"));
}

#[test]
fn each_sign_is_told_by_its_name() {
    let fast = Some(Duration::from_millis(1500));
    assert_eq!(names(&sent()), Vec::<&str>::new());
    assert_eq!(names(&Sent { honeypot: true, ..sent() }), ["honeypot"]);
    assert_eq!(names(&Sent { mailbox: Some(("a", "yopmail.com")), ..sent() }), ["disposable_mailbox"]);
    assert_eq!(names(&Sent { source_recent: 20, ..sent() }), ["busy_source"]);
    assert_eq!(names(&Sent { source_recent: 200, ..sent() }), ["busy_source", "flooding_source"]);
    assert_eq!(names(&Sent { name: Some("asdfgh"), ..sent() }), ["gibberish_name"]);
    assert_eq!(names(&Sent { name: Some("ana www.a.b"), ..sent() }), ["link_in_name"]);
    assert_eq!(names(&Sent { message: Some("www.a.b"), ..sent() }), ["link_in_message", "with_message"]);
    assert_eq!(names(&Sent { name: Some("Ali Ali"), ..sent() }), ["name_repeats_itself"]);
    assert_eq!(names(&Sent { elapsed: fast, ..sent() }), ["too_fast", "under_20_seconds", "under_40_seconds"]);
    assert_eq!(names(&Sent { script: false, elapsed: None, ..sent() }), ["no_proof"]);
    assert_eq!(names(&Sent { script: false, elapsed: None, server: true, ..sent() }), Vec::<&str>::new());
    let (country, crowd) = ("VA".parse().unwrap(), Crowd { of_country: 501, of_campaign: 9_000 });
    assert_eq!(names(&Sent { country, crowd, ..sent() }), ["many_from_country"]);
    assert_eq!(judge(&Sent { country, crowd, ..sent() }).score, 40);
    let crowd = Crowd { of_country: 2_001, ..crowd };
    assert_eq!(names(&Sent { country, crowd, honeypot: true, ..sent() }), ["honeypot", "many_from_country"]);
    assert_eq!(judge(&Sent { country, crowd, honeypot: true, ..sent() }).score, 190);
}

/// Behind a busy address, by Tor, without JavaScript, with a throw-away mailbox: all at once is still no hold.
#[test]
fn what_honest_people_may_have_together_is_not_held() {
    let unlucky =
        Sent { script: false, elapsed: None, source_recent: 5000, mailbox: Some(("a", "yopmail.com")), ..sent() };
    assert!(judge(&unlucky).score < HOLD_AT, "{:?}", judge(&unlucky));
}

#[test]
fn bits_and_names_are_kept_for_ever() {
    let mut seen = std::collections::HashSet::new();
    for signal in Signal::ALL {
        assert!(seen.insert(signal.name()) && signal.bit().bits().count_ones() == 1);
        assert_eq!(signal.bit().list().collect::<Vec<_>>(), [*signal]);
    }
    let all = Signal::ALL.iter().fold(Signals::default(), |all, signal| all.with(signal.bit()));
    assert_eq!(all.bits().cast_unsigned(), 0xfffd_ffff, "no bit moves");
    assert_eq!(all.weight(), 490);
}

#[test]
fn shapes_say_how_and_not_what() {
    let of = |name, local| shape(Some(name), Some(local));
    assert_eq!(of("Ana Ruiz", "ana.ruiz99"), "Aa Aa|F.L99");
    assert_eq!(of("ana maria ruiz", "ruizana1987"), "a a a|LFY");
    assert_eq!(of("José Ruiz", "jruiz"), "Aa Aa|fL");
    assert_eq!(of("王伟", "sunflower7"), "x|w9");
    assert_eq!(of("Ana", "12345"), "Aa|9999+");
    assert_eq!(shape(None, Some("a+b")), "|w+w");
    assert_eq!(shape(Some("Ana"), None), "Aa|");
}
