//! Names, countries, addresses and words, from the lists of data.json.
use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::roll::Roll;

#[derive(Deserialize)]
struct Raw {
    names: BTreeMap<String, RawNames>,
    countries: Vec<(String, String, f64, f64, f64)>,
    mail: BTreeMap<String, String>,
    farm_mail: BTreeMap<String, String>,
    work: BTreeMap<String, String>,
    campuses: String,
    nick: String,
    words: BTreeMap<String, RawWords>,
    spintax: BTreeMap<String, Vec<String>>,
}

#[derive(Deserialize)]
struct RawNames {
    first: String,
    last: String,
}

#[derive(Deserialize)]
struct RawWords {
    open: String,
    mid: String,
    end: String,
}

/// A place: its country, its language and how often the honest, the farm and the scripts name it.
pub struct Place {
    pub country: String,
    pub language: String,
    pub weights: [f64; 3],
}

/// The lists of one language.
pub struct Tongue {
    pub first: Vec<String>,
    pub last: Vec<String>,
    pub mail: Vec<(String, f64)>,
    pub farm_mail: Vec<(String, f64)>,
    pub work: String,
    pub words: [Vec<String>; 3],
    pub spintax: Vec<String>,
}

/// All lists.
pub struct Data {
    pub places: Vec<Place>,
    pub tongues: BTreeMap<String, Tongue>,
    pub campuses: Vec<String>,
    pub nick: Vec<String>,
}

fn list(text: &str) -> Vec<String> {
    text.split(',').map(str::to_owned).collect()
}

fn weighted(text: &str) -> Vec<(String, f64)> {
    text.split(',')
        .map(|one| {
            let (name, weight) = one.split_once(' ').expect("a name and a weight");
            (name.to_owned(), weight.parse().expect("a weight"))
        })
        .collect()
}

/// The lists, read once.
pub static DATA: LazyLock<Data> = LazyLock::new(|| {
    let raw: Raw = serde_json::from_str(include_str!("data.json")).expect("data.json");
    let tongue = |language: &String, names: &RawNames| Tongue {
        first: list(&names.first),
        last: list(&names.last),
        mail: weighted(&raw.mail[language]),
        farm_mail: weighted(&raw.farm_mail[language]),
        work: raw.work[language].clone(),
        words: [&raw.words[language].open, &raw.words[language].mid, &raw.words[language].end].map(|words| list(words)),
        spintax: raw.spintax.get(language).cloned().unwrap_or_default(),
    };
    Data {
        places: raw
            .countries
            .iter()
            .map(|(country, language, a, b, c)| Place {
                country: country.clone(),
                language: language.clone(),
                weights: [*a, *b, *c],
            })
            .collect(),
        tongues: raw.names.iter().map(|(language, names)| (language.clone(), tongue(language, names))).collect(),
        campuses: list(&raw.campuses),
        nick: list(&raw.nick),
    }
});

/// A place as the honest (0), the farm (1) or the scripts (2) name it.
pub fn place(roll: &mut Roll, by: usize) -> &'static Place {
    &DATA.places[roll.weighted(DATA.places.iter().map(|place| place.weights[by]))]
}

/// One of a weighted list.
pub fn pick<'a>(roll: &mut Roll, list: &'a [(String, f64)]) -> &'a str {
    &list[roll.weighted(list.iter().map(|one| one.1))].0
}

/// A name in letters an address may have.
pub fn ascii(name: &str, german: bool) -> String {
    let mut out = String::new();
    for letter in name.to_lowercase().chars() {
        match letter {
            'ä' if german => out.push_str("ae"),
            'ö' if german => out.push_str("oe"),
            'ü' if german => out.push_str("ue"),
            'ß' => out.push_str("ss"),
            'ł' => out.push('l'),
            'ø' => out.push('o'),
            ' ' | '\'' | '’' | '.' => {}
            other => out.extend(
                unicode_normalization::UnicodeNormalization::nfd(std::iter::once(other))
                    .filter(|part| part.is_ascii_alphanumeric() || *part == '-'),
            ),
        }
    }
    out
}

/// The part before the @ that a person chose once: of the name, of a nickname, with a year or without.
pub fn chosen(roll: &mut Roll, first: &str, last: &str) -> String {
    let (first_letter, last_letter) = (&first[..1], &last[..1]);
    let year = 50 + roll.below(58);
    let nick = roll.early(&DATA.nick).clone();
    match roll.weighted([24.0, 5.0, 8.0, 5.0, 4.0, 6.0, 7.0, 7.0, 9.0, 6.0, 4.0, 3.0, 4.0, 3.0, 3.0, 2.0].into_iter()) {
        0 => format!("{first}.{last}"),
        1 => format!("{first}-{last}"),
        2 => format!("{first_letter}.{last}"),
        3 => format!("{first}{last}"),
        4 => format!("{last}.{first}"),
        5 => format!("{first}_{last}{:02}", year % 100),
        6 => format!("{first}.{last}{}", 1 + roll.below(99)),
        7 => format!("{first_letter}{last}{:02}", year % 100),
        8 => format!("{nick}{}", roll.below(2_500)),
        9 => format!("{first}{}", 1_900 + year),
        10 => format!("{nick}.{first}"),
        11 => format!("{}{}", nick, roll.early(&DATA.nick)),
        12 => last.to_owned(),
        13 => format!("{last_letter}{first_letter}{}", roll.below(9_999)),
        14 => format!("{first}.{last_letter}"),
        _ => format!("{first}.{last}+{}", ["aktion", "news", "petition", "info", "sign"][roll.below(5)]),
    }
}

/// A message of a person: an opening, a reason, an end, or less, seldom tidy.
pub fn words(roll: &mut Roll, language: &str) -> String {
    let [open, mid, end] = &DATA.tongues[language].words;
    let text = match roll.below(6) {
        0 => roll.of(open).clone() + ["", "!", "!!", "."][roll.below(4)],
        1 | 2 => format!("{}, {}.", roll.of(open), roll.of(mid)),
        3 => format!("{}, {}. {}", roll.of(open), roll.of(mid), roll.of(end)),
        4 => format!("{} {}", roll.of(open), roll.of(end)),
        _ => format!("{}, {}, {}. {}", roll.of(open), roll.of(mid), roll.of(mid), roll.of(end)),
    };
    if roll.chance(0.12) { text.to_lowercase() } else { text }
}

/// A text out of a template with choices in braces.
pub fn spin(roll: &mut Roll, template: &str) -> String {
    let mut out = String::new();
    for part in template.split_inclusive('}') {
        let (plain, choice) = part.split_once('{').unwrap_or((part, ""));
        out.push_str(plain);
        let choices: Vec<&str> = choice.trim_end_matches('}').split('|').collect();
        let choice = *roll.of(&choices);
        out.push_str(choice);
    }
    out
}
