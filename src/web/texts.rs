//! The interface's words in each language, read once from `lang/*.json` and `countries/*.json`:
//! strings, text direction, numbers and country names. Campaigns bring their own texts; these are ours.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::LazyLock;

use chrono::{Datelike, NaiveDate};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

/// The language that is complete by definition; every other one falls back to it, string by string.
pub const ENGLISH: &str = "en";

/// The code of "prefer not to say", which is no country and so in no country file.
pub const UNSTATED: &str = "ZZ";

/// Fields whose missing value has a message of its own (`error_required_{field}`).
const FIELDS_WITH_OWN_REQUIRED: [&str; 5] = ["name", "email", "country", "message", "code"];

macro_rules! language_files {
    ($($lang:literal),+) => {
        &[$(($lang, include_str!(concat!("lang/", $lang, ".json")), include_str!(concat!("countries/", $lang, ".json")))),+]
    };
}

/// Language, its strings, its country names. English first: the others borrow from it.
const FILES: &[(&str, &str, &str)] = language_files!("en", "fr", "es", "ar", "zh", "ru");

static ALL: LazyLock<Vec<Texts>> =
    LazyLock::new(|| FILES.iter().map(|(lang, strings, countries)| Texts::read(lang, strings, countries)).collect());

/// Only reached if the list of languages were empty; keeps [`Texts::of`] total.
static NOTHING: LazyLock<Texts> = LazyLock::new(|| Texts::read(ENGLISH, "{}", "{}"));

/// One language of the interface.
#[derive(Debug)]
pub struct Texts {
    lang: &'static str,
    strings: BTreeMap<String, String>,
    countries: Vec<(String, String)>,
}

impl Texts {
    /// The texts for a BCP 47 tag, matched by its primary subtag (`fr-CA` gets `fr`); English when we have none.
    pub fn of(tag: &str) -> &'static Texts {
        let all: &'static Vec<Texts> = &ALL;
        Self::spoken(tag).or_else(|| all.first()).unwrap_or(&NOTHING)
    }

    /// Every language's.
    pub fn all() -> &'static [Texts] {
        let all: &'static Vec<Texts> = &ALL;
        all
    }

    /// The texts in a language by its primary subtag, if there are any.
    pub fn spoken(tag: &str) -> Option<&'static Texts> {
        let all: &'static Vec<Texts> = &ALL;
        let wanted = primary(tag);
        all.iter().find(|texts| texts.lang.eq_ignore_ascii_case(wanted))
    }

    /// The language these texts are written in, which differs from the one asked for after a fallback.
    pub fn lang(&self) -> &'static str {
        self.lang
    }

    /// The string of a key: in this language, else in English, else the key itself.
    pub fn text<'a>(&'a self, key: &'a str) -> &'a str {
        let own = self.strings.get(key);
        own.or_else(|| Texts::of(ENGLISH).strings.get(key)).map_or(key, String::as_str)
    }

    /// The strings whose keys begin with one of these, as [`Self::text`] says them.
    pub fn chosen<'a>(&'a self, beginnings: &[&str]) -> BTreeMap<&'a str, &'a str> {
        let keys = Texts::of(ENGLISH).strings.keys();
        let chosen = keys.filter(|key| beginnings.iter().any(|beginning| key.starts_with(beginning)));
        chosen.map(|key| (key.as_str(), self.text(key))).collect()
    }

    /// A string with its `{placeholders}` replaced.
    pub fn fill(&self, key: &str, values: &[(&str, &str)]) -> String {
        values.iter().fold(self.text(key).to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
    }

    /// The separator between groups of three digits.
    pub fn group_separator(&self) -> &str {
        self.text("group_separator")
    }

    /// The number of digits from which groups are separated (Spanish writes 1234, but 12.345).
    pub fn group_from_digits(&self) -> usize {
        self.text("group_from_digits").parse().unwrap_or(4)
    }

    /// A whole number as this language writes it, in ASCII digits.
    pub fn number(&self, value: i64) -> String {
        let digits = value.unsigned_abs().to_string();
        let sign = if value < 0 { "-" } else { "" };
        if digits.len() < self.group_from_digits() {
            return format!("{sign}{digits}");
        }
        let mut grouped = String::from(sign);
        for (place, digit) in digits.chars().enumerate() {
            if place > 0 && (digits.len() - place).is_multiple_of(3) {
                grouped.push_str(self.group_separator());
            }
            grouped.push(digit);
        }
        grouped
    }

    /// A day as this language writes it, in ASCII digits; the months are parted by bars.
    pub fn date(&self, day: NaiveDate) -> String {
        let month = self.text("date_months").split('|').nth(day.month0() as usize).unwrap_or_default();
        let (date, year) = (day.day().to_string(), day.year().to_string());
        self.fill("date_text", &[("day", &date), ("month", month), ("year", &year)])
    }

    /// The name of a country, "prefer not to say" for [`UNSTATED`], else the code itself.
    pub fn country<'a>(&'a self, code: &'a str) -> &'a str {
        if code == UNSTATED {
            return self.text("country_unstated");
        }
        let named =
            |texts: &'a Texts| texts.countries.iter().find(|(known, _)| known == code).map(|(_, name)| name.as_str());
        named(self).or_else(|| named(Texts::of(ENGLISH))).unwrap_or(code)
    }

    /// Code and name of every country in this language's own alphabetical order, without [`UNSTATED`].
    ///
    /// The order is that of the file, which is written in the locale's collation (pinyin for Chinese): the
    /// service carries no collation tables.
    pub fn countries(&self) -> &[(String, String)] {
        if self.countries.is_empty() && self.lang != ENGLISH { Texts::of(ENGLISH).countries() } else { &self.countries }
    }

    /// What to tell a person about a field code of the API.
    pub fn field_error(&self, field: &str, code: &str) -> &str {
        let consent = field.starts_with("consent");
        let key = match code {
            "required" if consent => "error_required_consent".to_owned(),
            "required" if FIELDS_WITH_OWN_REQUIRED.contains(&field) => format!("error_required_{field}"),
            _ => format!("error_{code}"),
        };
        let known = self.strings.get(&key).or_else(|| Texts::of(ENGLISH).strings.get(&key));
        known.map_or_else(|| self.text("error_other"), String::as_str)
    }

    fn read(lang: &'static str, strings: &str, countries: &str) -> Texts {
        // The files are part of the binary and a test reads them all; an unreadable one means English, not a crash.
        let strings = serde_json::from_str(strings).unwrap_or_default();
        let InFileOrder(countries) = serde_json::from_str(countries).unwrap_or_default();
        Texts { lang, strings, countries }
    }
}

/// `rtl` or `ltr` for any language tag, also for those the interface does not speak.
pub fn direction(tag: &str) -> &'static str {
    const RIGHT_TO_LEFT: [&str; 11] = ["ar", "arc", "ckb", "dv", "fa", "he", "ps", "sd", "ug", "ur", "yi"];
    if RIGHT_TO_LEFT.iter().any(|lang| lang.eq_ignore_ascii_case(primary(tag))) { "rtl" } else { "ltr" }
}

/// A language's own name ("Français"), or its tag when we have no texts in it.
pub fn language_name(tag: &str) -> &str {
    let texts = Texts::of(tag);
    if texts.lang.eq_ignore_ascii_case(primary(tag)) { texts.text("language_name") } else { tag }
}

fn primary(tag: &str) -> &str {
    tag.split(['-', '_']).next().unwrap_or(tag)
}

/// A JSON object of strings in the order of its file, which a map would lose.
#[derive(Default)]
struct InFileOrder(Vec<(String, String)>);

impl<'de> Deserialize<'de> for InFileOrder {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = InFileOrder;
            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("an object of strings")
            }
            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<InFileOrder, M::Error> {
                let mut entries = Vec::with_capacity(256);
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(InFileOrder(entries))
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn strings_of(lang: &str) -> BTreeMap<String, String> {
        let (_, strings, _) = FILES.iter().find(|(known, ..)| *known == lang).unwrap();
        serde_json::from_str(strings).unwrap()
    }

    fn placeholders(text: &str) -> BTreeSet<&str> {
        text.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name).collect()
    }

    #[test]
    fn every_language_has_every_string_with_the_same_placeholders() {
        let english = strings_of(ENGLISH);
        for (lang, ..) in FILES {
            let own = strings_of(lang);
            assert_eq!(own.keys().collect::<Vec<_>>(), english.keys().collect::<Vec<_>>(), "keys of {lang}");
            for (key, text) in &own {
                assert!(!text.is_empty(), "{lang}: {key} is empty");
                assert_eq!(placeholders(text), placeholders(&english[key]), "{lang}: placeholders of {key}");
            }
            assert_eq!(own["direction"], direction(lang), "direction of {lang}");
        }
    }

    #[test]
    fn every_language_names_the_same_countries_each_once() {
        let codes =
            |lang: &str| Texts::of(lang).countries.iter().map(|(code, _)| code.clone()).collect::<BTreeSet<_>>();
        let english = codes(ENGLISH);
        assert!(english.len() > 240 && english.contains("XK") && !english.contains(UNSTATED));
        for (lang, ..) in FILES {
            assert_eq!(codes(lang), english, "countries of {lang}");
            assert_eq!(Texts::of(lang).countries.len(), english.len(), "a country twice in {lang}");
        }
    }

    #[test]
    fn numbers_are_grouped_as_the_language_does() {
        assert_eq!(Texts::of("en").number(0), "0");
        assert_eq!(Texts::of("en").number(999), "999");
        assert_eq!(Texts::of("en").number(1_234_567), "1,234,567");
        assert_eq!(Texts::of("es").number(1_234), "1234");
        assert_eq!(Texts::of("es").number(12_345), "12.345");
        assert_eq!(Texts::of("fr").number(i64::MIN).chars().filter(char::is_ascii_digit).count(), 19);
    }

    #[test]
    fn a_day_is_written_as_the_language_does() {
        let day = NaiveDate::from_ymd_opt(2026, 3, 8).unwrap();
        assert_eq!(Texts::of("en").date(day), "8 March 2026");
        assert_eq!(Texts::of("es").date(day), "8 de marzo de 2026");
        assert_eq!(Texts::of("zh").date(day), "2026年3月8日");
        for (lang, ..) in FILES {
            assert_eq!(Texts::of(lang).text("date_months").split('|').count(), 12, "months of {lang}");
        }
    }

    #[test]
    fn an_unknown_language_or_key_falls_back() {
        assert_eq!(Texts::of("fr-CA").lang(), "fr");
        assert_eq!(Texts::of("tlh").lang(), ENGLISH);
        assert_eq!(Texts::of("").lang(), ENGLISH);
        assert_eq!(Texts::of("ru").text("no_such_key"), "no_such_key");
        assert_eq!(language_name("tlh"), "tlh");
        assert_eq!(direction("ar-EG"), "rtl");
    }

    #[test]
    fn an_unknown_field_code_still_says_something() {
        let english = Texts::of(ENGLISH);
        assert_eq!(english.field_error("name", "brand_new_code"), english.text("error_other"));
        assert_ne!(english.field_error("name", "required"), english.field_error("email", "required"));
    }
}
