//! What moderators ask for, made up from what there is.

use std::{collections::BTreeSet, fmt};

use anyhow::{Context, ensure};
use chrono::{DateTime, SecondsFormat};
use pledges::{
    gate::{
        signals::{Signal, Signals},
        source_tags,
    },
    http::page::Cursor,
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::super::varied;
use crate::{
    http::Client,
    lab::{CAMPAIGN, Stage},
    people::{self, Spread},
    pledges::Requests,
};

/// One thing that pledges are looked for by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    State,
    Country,
    Partner,
    Time,
    Language,
    Score,
    Signal,
    Signals,
    Removal,
    Source,
    Domain,
    Name,
    Shape,
    /// The name as it is written.
    ExactName,
    /// The domain as it is written.
    ExactDomain,
    /// The whole address.
    Address,
    /// One or two words on the public wall.
    Words,
}

use Kind::{
    Address, Country, Domain, ExactDomain, ExactName, Language, Name, Partner, Removal, Score, Shape,
    Signal as OneSignal, Signals as AnySignal, Source, State, Time, Words,
};

/// A kind of question.
#[derive(Debug)]
pub struct Case {
    /// For people.
    pub name: &'static str,
    /// What is asked for, all of it together.
    kinds: &'static [Kind],
    /// Whether its time is wanted; the others are told.
    pub is_wanted: bool,
}

const fn wanted(name: &'static str, kinds: &'static [Kind]) -> Case {
    Case { name, kinds, is_wanted: true }
}

const fn told(name: &'static str, kinds: &'static [Kind]) -> Case {
    Case { name, kinds, is_wanted: false }
}

/// Every filter alone, the ten likeliest pairs, and some that no index was made for.
pub const CASES: &[Case] = &[
    wanted("all", &[]),
    wanted("state", &[State]),
    wanted("country", &[Country]),
    wanted("partner", &[Partner]),
    wanted("time", &[Time]),
    wanted("language", &[Language]),
    wanted("score", &[Score]),
    wanted("signal", &[OneSignal]),
    wanted("any of three signals", &[AnySignal]),
    wanted("removal", &[Removal]),
    wanted("source", &[Source]),
    wanted("domain", &[Domain]),
    wanted("name", &[Name]),
    wanted("shape", &[Shape]),
    wanted("name as written", &[ExactName]),
    wanted("domain as written", &[ExactDomain]),
    wanted("address", &[Address]),
    wanted("public text", &[Words]),
    wanted("source, time", &[Source, Time]),
    wanted("domain, time", &[Domain, Time]),
    wanted("country, score", &[Country, Score]),
    wanted("signal, state", &[OneSignal, State]),
    wanted("partner, state", &[Partner, State]),
    wanted("country, state", &[Country, State]),
    wanted("country, language", &[Country, Language]),
    wanted("state, time", &[State, Time]),
    wanted("name, country", &[Name, Country]),
    wanted("partner, country", &[Partner, Country]),
    told("language, state", &[Language, State]),
    told("language, partner", &[Language, Partner]),
    told("domain, country", &[Domain, Country]),
    told("country, time", &[Country, Time]),
    told("country, state, language", &[Country, State, Language]),
];

/// A request.
pub enum Question {
    /// A path with its query.
    Get(String),
    /// A path and a body.
    Post(&'static str, Value),
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Get(path) => f.write_str(path),
            Self::Post(path, body) => write!(f, "{path} {body}"),
        }
    }
}

/// A small random generator (SplitMix64) that begins alike in each run.
#[derive(Default)]
pub struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        let size = u64::try_from(from.len()).unwrap_or(1).max(1);
        from.get(usize::try_from(self.next() % size).unwrap_or(0))
    }

    fn half(&mut self) -> bool {
        self.next().is_multiple_of(2)
    }
}

/// Supporters whose names and addresses are known, because they pledged just now.
pub struct People {
    names: Vec<String>,
    addresses: Vec<String>,
}

/// How many.
const PEOPLE: usize = 500;

impl People {
    /// Lets them pledge.
    pub async fn arrive(stage: &Stage<'_>) -> anyhow::Result<Self> {
        let (people, address) = (people::People::new(Spread::Even)?, stage.service.address);
        let (requests, mut client) = (Requests::new(address, CAMPAIGN, None), Client::new(address));
        let (mut body, mut request) = (String::new(), String::new());
        let mut known = Self { names: Vec::new(), addresses: Vec::new() };
        for _ in 0..PEOPLE {
            let number = people.next();
            requests.write(&people, number, &mut body, &mut request);
            let status = client.exchange(request.as_bytes()).await?.status;
            ensure!(status == 201, "a pledge was answered with status {status}");
            let submission = people.submission(number);
            known.names.extend(submission.name);
            known.addresses.extend(submission.email);
        }
        Ok(known)
    }
}

/// A pledge that there is, as far as it is asked for.
struct Sample {
    id: Uuid,
    at: i64,
    state: String,
    country: String,
    language: Option<String>,
    partner: Option<String>,
    removal: Option<String>,
    signals: i32,
    /// Source, domain, name, shape.
    tags: [Option<i64>; 4],
}

/// What there is.
pub struct Pool {
    samples: Vec<Sample>,
    people: People,
    /// Each value that a sample has, once.
    values: Vec<(Kind, Vec<String>)>,
}

/// Rows that are drawn.
const DRAWN: usize = 20_000;

/// Kinds whose values are names of something.
const NAMED: [Kind; 10] = [State, Country, Partner, Language, OneSignal, Removal, Source, Domain, Name, Shape];

/// Scores that are asked for: steps, which are terms, and others.
const SCORES: [i16; 7] = [1, 20, 50, 100, 130, 200, 300];

/// Seconds of a time that is asked for: an hour, a day, a week.
const SPANS: [i64; 3] = [3_600, 86_400, 604_800];

impl Pool {
    /// Draws rows from all over.
    pub async fn draw(stage: &Stage<'_>, rows: usize, people: People) -> anyhow::Result<Self> {
        let percent = (DRAWN * 100).div_ceil(rows.max(1)).clamp(1, 100);
        // A share of all pages, and of their rows so many that all pages have a part.
        let sql = format!(
            "SELECT id::text, extract(epoch FROM created_at)::bigint, state, country, language, partner_id::text, \
               removal_id::text, signals, source_tag, domain_tag, name_tag, shape_tag FROM pledges TABLESAMPLE SYSTEM ({percent}) \
             WHERE campaign_id = (SELECT id FROM campaigns WHERE slug = $1) ORDER BY random() LIMIT {DRAWN}"
        );
        let mut samples = Vec::new();
        for row in stage.postgres.query(&sql, &[&CAMPAIGN]).await? {
            samples.push(Sample {
                id: row.get::<_, String>(0).parse()?,
                at: row.get(1),
                state: row.get(2),
                country: row.get(3),
                language: row.get(4),
                partner: row.get(5),
                removal: row.get(6),
                signals: row.get(7),
                tags: [row.get(8), row.get(9), row.get(10), row.get(11)],
            });
        }
        let all = |kind: Kind| {
            let values: BTreeSet<String> = samples.iter().flat_map(|sample| sample.values(kind)).collect();
            (kind, values.into_iter().collect())
        };
        let values = NAMED.into_iter().map(all).collect();
        Ok(Self { samples, people, values })
    }

    /// The id of a row.
    pub fn id(&self, dice: &mut Dice) -> Option<String> {
        dice.pick(&self.samples).map(|sample| sample.id.to_string())
    }

    /// A question of this kind; deep: for what is older than some pledge.
    pub fn ask(&self, case: &Case, is_deep: bool, dice: &mut Dice) -> anyhow::Result<Question> {
        let cursor = dice.pick(&self.samples).filter(|_| is_deep).map(|sample| Cursor(sample.id).encode());
        match case.kinds {
            [Address] => {
                let email = dice.pick(&self.people.addresses).context("nobody has pledged")?;
                return Ok(Question::Post("pledges/lookup", json!({ "email": email })));
            }
            [ExactName] => {
                let name = dice.pick(&self.people.names).context("nobody has pledged")?;
                return Ok(Question::Post("pledges/search", json!({ "name": name, "cursor": cursor })));
            }
            [ExactDomain] => {
                let email = dice.pick(&self.people.addresses).context("nobody has pledged")?;
                let domain = email.split_once('@').map(|(_, domain)| domain);
                return Ok(Question::Post("pledges/search", json!({ "domain": domain, "cursor": cursor })));
            }
            [Words] => {
                // The first of so many, so that common, middling and rare ones are asked for.
                let mut words = Vec::new();
                for _ in 0..=dice.next() % 2 {
                    let first = *dice.pick(&[5, 50, 500, varied::WORDS]).context("no words")?;
                    words.push(varied::word(dice.next() % first));
                }
                return Ok(Question::Post("pledges/search", json!({ "text": words.join(" "), "cursor": cursor })));
            }
            _ => {}
        }
        // All of it from one pledge, so that it meets at least there; or each by itself, and it may never meet.
        let together = dice.half();
        let has_all = |sample: &&Sample| case.kinds.iter().all(|kind| sample.has(*kind));
        let mut tries = (0..1_000).filter_map(|_| dice.pick(&self.samples));
        let one = if together { tries.find(has_all) } else { None };
        let mut asked: Vec<String> = Vec::new();
        for kind in case.kinds {
            asked.push(self.part(*kind, one, dice).with_context(|| format!("no pledge has a {kind:?}"))?);
        }
        asked.extend(cursor.map(|cursor| format!("cursor={cursor}")));
        Ok(Question::Get(format!("pledges?{}", asked.join("&"))))
    }

    /// A part of a query.
    fn part(&self, kind: Kind, one: Option<&Sample>, dice: &mut Dice) -> Option<String> {
        let value = |kind: Kind, dice: &mut Dice| -> Option<String> {
            let of_one = one.map(|sample| sample.values(kind)).unwrap_or_default();
            let every = self.values.iter().find(|(its, _)| *its == kind).map(|(_, values)| values.as_slice());
            dice.pick(&of_one).or_else(|| dice.pick(every.unwrap_or_default())).cloned()
        };
        Some(match kind {
            State => format!("state={}", value(kind, dice)?),
            Country => format!("country={}", value(kind, dice)?),
            Partner => format!("partner={}", value(kind, dice)?),
            Language => format!("language={}", value(kind, dice)?),
            OneSignal => format!("signal={}", value(kind, dice)?),
            AnySignal => {
                let [first, second, third] = [(); 3].map(|()| value(OneSignal, dice));
                format!("signal={},{},{}", first?, second?, third?)
            }
            Removal => format!("removal={}", value(kind, dice)?),
            Source => format!("source_tag={}", value(kind, dice)?),
            Domain => format!("domain_tag={}", value(kind, dice)?),
            Name => format!("name_tag={}", value(kind, dice)?),
            Shape => format!("shape_tag={}", value(kind, dice)?),
            Score => format!("score_from={}", dice.pick(&SCORES)?),
            Time => {
                let at = one.or(dice.pick(&self.samples))?.at;
                let span = *dice.pick(&SPANS)?;
                let from = at - i64::try_from(dice.next() % 1_000).ok()? * span / 1_000;
                format!("from={}&to={}", moment(from)?, moment(from + span)?)
            }
            ExactName | ExactDomain | Address | Words => return None,
        })
    }
}

impl Sample {
    fn has(&self, kind: Kind) -> bool {
        !NAMED.contains(&kind) || !self.values(kind).is_empty()
    }

    fn values(&self, kind: Kind) -> Vec<String> {
        let [source, domain, name, shape] = self.tags.map(|tag| tag.map(source_tags::text));
        match kind {
            State => vec![self.state.clone()],
            Country => vec![self.country.clone()],
            Partner => self.partner.iter().cloned().collect(),
            Language => self.language.iter().cloned().collect(),
            OneSignal => {
                Signals::from_bits(self.signals).list().map(|signal: Signal| signal.name().to_owned()).collect()
            }
            Removal => self.removal.iter().cloned().collect(),
            Source => source.into_iter().collect(),
            Domain => domain.into_iter().collect(),
            Name => name.into_iter().collect(),
            Shape => shape.into_iter().collect(),
            _ => Vec::new(),
        }
    }
}

/// As it stands in a query.
fn moment(seconds: i64) -> Option<String> {
    DateTime::from_timestamp(seconds, 0).map(|at| at.to_rfc3339_opts(SecondsFormat::Secs, true))
}
