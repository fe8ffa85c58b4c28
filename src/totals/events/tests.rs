//! Whoever applies what is sent has always exactly the published document.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::totals::{
    board::{Board, Published},
    shown::{Changes, Figures},
};

const COUNTRIES: [&str; 6] = ["BR", "DE", "FR", "TV", "VA", "ZZ"];

#[derive(Clone, Debug)]
enum Step {
    Count(usize, i64),
    Reread,
    /// The settings change.
    Goal(i64),
    Threshold(i64),
    /// A new version.
    Publish,
    /// What a reader is sent now.
    Read,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0..COUNTRIES.len(), -30i64..60).prop_map(|(at, amount)| Step::Count(at, amount)),
        2 => Just(Step::Reread),
        1 => (1i64..4).prop_map(Step::Goal),
        1 => (1i64..6).prop_map(Step::Threshold),
        6 => Just(Step::Publish),
        6 => Just(Step::Read),
    ];
    proptest::collection::vec(step, 1..80)
}

/// Kind, id and data of an event.
fn read(frame: &[u8]) -> (String, Option<i64>, Value) {
    let text = str::from_utf8(frame).unwrap().strip_suffix("\n\n").unwrap();
    let mut event = (String::new(), None, Value::Null);
    for line in text.lines() {
        match line.split_once(": ").unwrap() {
            ("event", kind) => event.0 = kind.to_owned(),
            ("id", id) => event.1 = Some(id.parse().unwrap()),
            ("data", data) => event.2 = serde_json::from_str(data).unwrap(),
            other => panic!("{other:?}"),
        }
    }
    event
}

/// What a client does with a change.
fn apply(document: &mut Value, change: &Value) {
    assert_eq!(document["version"], change["previous_version"]);
    for name in ["version", "as_of", "total", "elsewhere"] {
        document[name] = change[name].clone();
    }
    let pair = |row: &Value| (row["country"].as_str().unwrap().to_owned(), row["count"].as_i64().unwrap());
    let mut counts: BTreeMap<String, i64> = document["countries"].as_array().unwrap().iter().map(pair).collect();
    for (country, count) in change["countries"].as_array().unwrap().iter().map(pair) {
        assert_ne!(counts.insert(country, count), Some(count), "nothing changed");
    }
    let rows = counts.into_iter().filter(|(_, count)| *count > 0);
    document["countries"] = rows.map(|(country, count)| json!({"country": country, "count": count})).collect();
}

/// A campaign's counts, and the board they are published on.
struct Trial {
    figures: Figures,
    goal: Option<i64>,
    version: i64,
    board: Board,
}

impl Trial {
    fn publish(&mut self) {
        self.version += 1;
        let as_of = DateTime::from_timestamp(1_800_000_000 + self.version, 0).unwrap();
        let document = Document::new("defend".into(), self.goal, self.version, as_of, &self.figures);
        self.board.replace(vec![Published::new(document)]);
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Count(at, amount) => {
                let country = COUNTRIES[*at].parse().unwrap();
                let counted = self.figures.countries.get(&country).map_or(0, |figure| figure.counted);
                self.figures.apply(&Changes::from([(country, (*amount).max(-counted))]));
            }
            Step::Reread => self.figures.reread(),
            Step::Goal(goal) => self.goal = Some(*goal),
            Step::Threshold(threshold) => {
                self.figures.threshold = *threshold;
                self.figures.reread();
            }
            Step::Publish => self.publish(),
            Step::Read => {}
        }
    }
}

proptest! {
    // Each makes some dozen documents, compressed as usual.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn changes_applied_give_the_document(steps in steps()) {
        let figures = Figures { threshold: 5, total: 0, confirmed: 0, countries: BTreeMap::new() };
        let mut trial = Trial { figures, goal: None, version: 0, board: Board::default() };
        trial.publish();
        // One looks at everything, one now and then.
        let mut readers = [Value::Null, Value::Null];
        for step in &steps {
            trial.step(step);
            let published = trial.board.get("defend").unwrap();
            let expected: Value = serde_json::from_str(published.raw.get()).unwrap();
            for (at, document) in readers.iter_mut().enumerate() {
                if at == 0 || matches!(step, Step::Read) {
                    let seen = document["version"].as_i64();
                    match published.since(seen).map(|frame| read(&frame)) {
                        None => prop_assert_eq!(seen, Some(published.document.version)),
                        Some((kind, id, data)) => {
                            prop_assert_eq!(id, Some(published.document.version));
                            match kind.as_str() {
                                "totals" => *document = data,
                                "change" => apply(document, &data),
                                other => panic!("{other}"),
                            }
                        }
                    }
                    prop_assert_eq!(&*document, &expected);
                }
            }
        }
    }
}

fn document(version: i64, goal: Option<i64>, counts: &[(&str, i64)]) -> Document {
    let changes: Changes = counts.iter().map(|(country, count)| (country.parse().unwrap(), *count)).collect();
    let mut figures = Figures { threshold: 1, total: 0, confirmed: 0, countries: BTreeMap::new() };
    figures.apply(&changes);
    Document::new("defend".into(), goal, version, DateTime::UNIX_EPOCH, &figures)
}

#[test]
fn a_change_names_what_differs_and_nothing_else() {
    let old = document(4, None, &[("DE", 7), ("FR", 2), ("VA", 1), ("ZZ", 3)]);
    let new = document(6, None, &[("DE", 8), ("FR", 2), ("BR", 1), ("ZZ", 4)]);
    let change = Change::between(&old, &new).unwrap();
    assert_eq!(
        str::from_utf8(&frame("change", Some(change.version), &change)).unwrap(),
        "event: change\nid: 6\ndata: {\"version\":6,\"previous_version\":4,\"as_of\":\"1970-01-01T00:00:00Z\",\
         \"total\":15,\"confirmed\":0,\"elsewhere\":4,\"countries\":[{\"country\":\"BR\",\"count\":1},{\"country\":\"DE\",\"count\":8},\
         {\"country\":\"VA\",\"count\":0}]}\n\n"
    );
}

#[test]
fn other_settings_and_older_versions_are_no_change() {
    let old = document(4, None, &[("DE", 7)]);
    assert_eq!(Change::between(&old, &document(5, Some(10), &[("DE", 8)])), None);
    assert_eq!(Change::between(&old, &Document { threshold: 5, ..document(5, None, &[]) }), None);
    assert_eq!(Change::between(&old, &Document { campaign: "other".into(), ..document(5, None, &[]) }), None);
    assert_eq!(Change::between(&old, &document(4, None, &[("DE", 7)])), None);
    assert_eq!(Change::between(&old, &document(3, None, &[("DE", 6)])), None);
}
