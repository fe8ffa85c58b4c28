//! Every letter in every language, with values that would do harm if they were taken for something else.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    words::{ENGLISH, placeholders},
    *,
};

const NASTY: &str = "\"'><img src=x onerror=alert(1)>{host}{link}\r\nBcc: all@example.org\u{202E}";
const LINK: &str = "https://pledges.example.org/p/token-0123456789";

fn values() -> Values<'static> {
    Values {
        campaign: "I stand with defenders",
        controller: Some("Together We Defend"),
        link: LINK,
        code: Some("K7QM2P"),
        host: "pledges.example.org",
    }
}

fn written(kind: Kind, language: &str, values: &Values<'_>) -> Written {
    write(kind, language, &Overrides::default(), values).unwrap()
}

/// Every kind in every language.
fn each(values: &Values<'_>, mut look: impl FnMut(Kind, &str, Written)) {
    for language in languages() {
        for kind in Kind::ALL {
            look(kind, language, written(kind, language, values));
        }
    }
}

fn strings(language: &str) -> BTreeMap<String, String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/mail/letters/lang");
    serde_json::from_str(&std::fs::read_to_string(format!("{folder}/{language}.json")).unwrap()).unwrap()
}

fn overrides(language: &str, texts: &[(&str, &str)]) -> Overrides {
    let texts = texts.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned())).collect();
    Overrides([(language.to_owned(), texts)].into())
}

#[test]
fn every_language_has_every_text_with_the_same_placeholders() {
    let english = strings(ENGLISH);
    for wanted in ["ar", "en", "es", "fr", "ru", "zh"] {
        assert!(languages().any(|language| language == wanted), "no letters in {wanted}");
    }
    assert_eq!(strings("ar")["direction"], "rtl");
    for language in languages() {
        let own = strings(language);
        assert_eq!(own.keys().collect::<Vec<_>>(), english.keys().collect::<Vec<_>>(), "keys of {language}");
        for (key, text) in &own {
            assert!(!text.trim().is_empty(), "{language}: {key} is empty");
            let holes = |text| placeholders(text).into_iter().map(String::from).collect::<BTreeSet<_>>();
            assert_eq!(holes(text), holes(&english[key]), "{language}: placeholders of {key}");
        }
        assert!(["ltr", "rtl"].contains(&own["direction"].as_str()), "{language}");
    }
}

#[test]
fn every_text_is_used_and_none_is_missing() {
    let mut used: BTreeSet<String> =
        ["direction", "greeting", "link_hint", "code_hint", "keep", "foot_sender", "foot_sender_alone"]
            .map(String::from)
            .into();
    for kind in Kind::ALL {
        used.extend(["subject", "heading", "text", "button", "why"].map(|part| format!("{}_{part}", kind.key())));
        used.extend(kind.notes().iter().map(|key| (*key).to_owned()));
    }
    assert_eq!(strings(ENGLISH).into_keys().collect::<BTreeSet<_>>(), used);
}

#[test]
fn a_letter_has_its_link_and_says_who_writes_and_why() {
    each(&values(), |kind, language, letter| {
        let what = format!("{kind:?} in {language}");
        assert_eq!(letter.language, language);
        for part in [&letter.subject, &letter.text, &letter.html] {
            assert!(!part.contains(['{', '}']) || part == &letter.html, "{what}: {part}");
            assert!(!part.contains("{campaign}") && !part.contains("{host}") && !part.contains("{controller}"));
        }
        assert!(letter.subject.contains("I stand with defenders"), "{what}");
        assert!(letter.text.contains(&format!("\n{LINK}\n")), "{what}: the link has a line of its own");
        let has_code = kind == Kind::Confirm;
        assert_eq!(letter.text.contains("\nK7QM2P\n"), has_code, "{what}");
        assert_eq!(letter.html.contains(">K7QM2P<"), has_code, "{what}");
        for said in ["Together We Defend", "pledges.example.org"] {
            let (_, foot) = letter.text.split_once("\n-- \n").unwrap();
            assert!(foot.contains(said), "{what}: {said}");
        }
        assert!(!letter.text.lines().any(|line| line.chars().any(char::is_control)), "{what}");
        let without = written(kind, language, &Values { controller: None, ..values() });
        assert!(!without.text.contains("Together") && without.text.contains("pledges.example.org"), "{what}");
    });
}

#[test]
fn the_html_loads_nothing_and_leads_to_one_place() {
    each(&values(), |kind, language, letter| {
        let (what, html) = (format!("{kind:?} in {language}"), letter.html);
        assert!(html.starts_with("<!doctype html>"), "{what}");
        let direction = &strings(language)["direction"];
        assert!(html.contains(&format!("<html lang=\"{language}\" dir=\"{direction}\">")), "{what}");
        // Programs that show only what is in the body keep these.
        assert!(html.contains(&format!("<div role=\"article\" lang=\"{language}\" dir=\"{direction}\">")), "{what}");
        for never in ["<img", "<script", "src=", "url(", "@import", "<form", "<input", "background="] {
            assert!(!html.contains(never), "{what} has {never}");
        }
        assert_eq!(html.matches("http").count(), html.matches(LINK).count(), "{what}: no other address");
        assert_eq!(html.matches("href=\"").count(), html.matches(&format!("href=\"{LINK}\"")).count(), "{what}");
        assert_eq!(html.matches("href=\"").count(), 2, "{what}: the button, and the link written out");
        // A mail program would make a link of it.
        assert!(!html.contains("pledges.example.org.") && !html.contains(" pledges.example.org"), "{what}");
    });
}

#[test]
fn values_stay_what_they_are() {
    let nasty = Values { campaign: NASTY, controller: Some(NASTY), ..values() };
    each(&nasty, |kind, language, letter| {
        let what = format!("{kind:?} in {language}");
        assert!(!letter.html.contains("<img") && !letter.html.contains("onerror=alert(1)>"), "{what}");
        assert!(letter.html.contains("&#60;img src=x onerror=alert(1)&#62;"), "{what}: shown as text");
        assert!(letter.subject.contains("<img src=x onerror=alert(1)>{host}{link} Bcc: all@example.org"), "{what}");
        assert!(!letter.subject.chars().any(char::is_control), "{what}: {:?}", letter.subject);
        assert!(!letter.text.lines().any(|line| line.starts_with("Bcc")), "{what}");
        assert!(!letter.text.contains('\u{202E}') && !letter.html.contains('\u{202E}'), "{what}");
        assert_eq!(letter.text.matches(LINK).count(), 1, "{what}: a title can't bring the link");
    });
}

#[test]
fn another_language_is_written_in_english_and_a_regional_one_in_its_own() {
    assert_eq!(written(Kind::Access, "tlh", &values()).language, "en");
    assert_eq!(written(Kind::Access, "", &values()).language, "en");
    assert_eq!(written(Kind::Access, "fr-CA", &values()).language, "fr");
    assert_eq!(written(Kind::Access, "AR", &values()).language, "ar");
}

#[test]
fn a_wrong_link_or_code_is_no_letter() {
    let nothing = Overrides::default();
    for link in ["", "javascript:alert(1)", "/p/token", "https://a.example/ x", "https://a.example/\n", "http"] {
        let values = Values { link, ..values() };
        assert!(matches!(write(Kind::Access, "en", &nothing, &values), Err(LetterError::Link)), "{link}");
    }
    for code in ["", "K7 QM2", "<b>"] {
        let values = Values { code: Some(code), ..values() };
        assert!(matches!(write(Kind::Confirm, "en", &nothing, &values), Err(LetterError::Code)), "{code}");
    }
    let without = written(Kind::Confirm, "en", &Values { code: None, ..values() });
    assert!(!without.text.contains("type this code"));
}

#[test]
fn a_campaign_says_it_in_its_own_words() {
    let own = overrides(
        "fr",
        &[
            ("confirm_subject", "À vous : {campaign}"),
            ("confirm_text", "Merci pour « {campaign} » !\n\nUn <b>dernier</b> pas."),
            ("confirm_button", "J’y vais"),
        ],
    );
    assert_eq!(check(&own), Vec::<String>::new());
    for language in ["fr", "fr-CA", "FR"] {
        let letter = write(Kind::Confirm, language, &own, &values()).unwrap();
        assert_eq!(letter.subject, "À vous : I stand with defenders");
        assert!(letter.text.contains("\n\nMerci pour « I stand with defenders » !\n\nUn <b>dernier</b> pas.\n\n"));
        assert!(letter.text.contains(&format!("J’y vais\n{LINK}")));
        assert!(letter.html.contains("&#60;b&#62;dernier") && letter.html.contains(">J’y vais</a>"));
        assert!(letter.text.contains(strings("fr")["confirm_expires"].as_str()), "what must be said is said");
    }
    // Elsewhere, and in other letters, our words stand.
    assert_eq!(write(Kind::Confirm, "es", &own, &values()).unwrap(), written(Kind::Confirm, "es", &values()));
    assert_eq!(write(Kind::Access, "fr", &own, &values()).unwrap(), written(Kind::Access, "fr", &values()));
    // A regional text goes before that of the whole language, and is used there only.
    let mut both = own.clone();
    both.0.extend(overrides("fr-CA", &[("confirm_subject", "Allô : {campaign}")]).0);
    let subject = |language| write(Kind::Confirm, language, &both, &values()).unwrap().subject;
    assert!(subject("fr-ca").starts_with("Allô") && subject("fr").starts_with("À vous"));
    assert!(write(Kind::Confirm, "fr-CA", &both, &values()).unwrap().text.contains("dernier"));
}

#[test]
fn whatever_a_campaign_wrote_the_subject_is_one_line() {
    let own = overrides("en", &[("access_subject", "Hello\r\nBcc: all@example.org\u{2028}{campaign}")]);
    assert_eq!(check(&own).len(), 1);
    let letter = write(Kind::Access, "en", &own, &values()).unwrap();
    assert_eq!(letter.subject, "Hello Bcc: all@example.org I stand with defenders");
}

#[test]
fn mistakes_in_a_campaigns_texts_are_named() {
    let long = "x".repeat(1_001) + "{campaign}";
    let wrong = [
        ("en", "confirm_sbject", "{campaign}", "no text of this name"),
        ("en", "confirm_expires", "Never", "no text of this name"),
        ("en", "confirm_subject", "Confirm", "{campaign} is missing"),
        ("en", "confirm_text", "{campaign} {link}", "{link} can't be placed"),
        ("en", "confirm_text", "{campaign} {name}", "{name} can't be used"),
        ("en", "confirm_button", "{campaign}", "{campaign} can't be used"),
        ("en", "confirm_text", &long, "longer than 1000 characters"),
        ("en", "confirm_subject", "a\nb {campaign}", "line breaks or control characters"),
        ("en", "confirm_text", "a\u{0} {campaign}", "control characters other than line breaks"),
        ("en", "again_text", "a\u{202E} {campaign}", "control characters"),
        ("en", "again_heading", "  ", "the text is empty"),
        ("en", "access_text", "{campaign} HTTPS://evil.example", "web address"),
        ("tlh", "access_button", "Qapla'", "no letters in this language"),
    ];
    for (language, key, text, mistake) in wrong {
        let found = check(&overrides(language, &[(key, text)]));
        assert_eq!(found.len(), 1, "{key}: {found:?}");
        assert!(found[0].starts_with(language) && found[0].contains(mistake), "{found:?}");
    }
    let fitting = "x".repeat(1_000 - 10) + "{campaign}";
    assert!(check(&overrides("en", &[("confirm_text", &fitting)])).is_empty());
}

#[test]
fn a_letter_shows_nobody_its_link() {
    assert_eq!(format!("{:?}", written(Kind::Access, "en", &values())), "Written(en)");
}
