//! Blocks and allows that moderators set, by campaign ([`crate::gate::rules`] says what they mean). Each instance holds them in memory and
//! looks about each second whether others were made, ended or deleted. What a rule is held against and why it was made are
//! sealed under the server key, because either may name somebody; the row is deleted when the rule has ended. How often rules
//! decide is counted in memory and written down about each second: after a crash the last second is missing.

pub mod store;

use std::{
    collections::HashMap,
    mem,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    eye::TagKeys,
    mailbox::{Email, ascii_domain},
    text::{Lines, clean_text, within},
};
use crate::{
    crypto::{CryptoError, KeyId, KeyRing, PurposeKeys, RootSecret},
    db::{Database, DbError, Renewal, TASK_PATIENCE},
    gate::{
        rules::{
            Facts, RuleSet, Ruling, Subject, Target,
            pattern::{BadPattern, Pattern},
        },
        source_tags,
    },
    http::FieldCode,
    logged,
};

/// How often rules are renewed: one is in force on every instance after this and a moment.
const RENEW_EVERY: Duration = Duration::from_secs(1);

/// How often rows that are over are deleted.
const FORGET_EVERY: Duration = Duration::from_secs(60);

/// The advisory lock of whoever applies rules that search, or doesn't want them to be applied meanwhile. Any number, the same for every
/// instance: "rules" in ASCII.
pub const APPLYING: i64 = 0x72_75_6c_65_73;

/// Days for which a rule is in force, unless said otherwise.
pub const USUAL_DAYS: i32 = 30;

/// Days for which a rule is in force at the most.
pub const MOST_DAYS: i32 = 366;

/// First byte of what is sealed. Behind it stands the id of its key.
const FORMAT: u8 = 1;

const PURPOSE: &str = "rules v1";

/// What a rule is held against, in one spelling. Without Debug: it may be somebody's name.
#[derive(Clone, PartialEq, Eq)]
pub struct Value(String);

impl Value {
    /// Reads what a moderator wrote. Whether there is such a partner is not asked here.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(subject: Subject, text: &str) -> Result<Self, FieldCode> {
        // Before anything whose cost grows faster than the length.
        let text = clean_text(text, Lines::One).and_then(|text| within(text, Email::MAX_BYTES))?;
        let value = match subject {
            Subject::Domain => ascii_domain(text.strip_prefix('@').unwrap_or(&text)).ok_or(FieldCode::InvalidDomain)?,
            Subject::Source => text.to_ascii_lowercase(),
            Subject::Name => text,
            Subject::Partner => text.parse::<Uuid>().map_err(|_| FieldCode::UnknownPartner)?.to_string(),
        };
        let value = Self(value);
        value.target(subject).map(|_| value)
    }

    /// As it is shown.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The partner, if it is one.
    pub fn partner(&self) -> Option<Uuid> {
        self.0.parse().ok()
    }

    fn target(&self, subject: Subject) -> Result<Target, FieldCode> {
        match subject {
            Subject::Domain => Ok(Target::Domain(self.0.clone())),
            Subject::Source => source_tags::read(&self.0).map(Target::Source).ok_or(FieldCode::InvalidSourceTag),
            Subject::Name => Pattern::parse(&self.0).map(Target::Name).map_err(|bad| match bad {
                BadPattern::TooShort => FieldCode::TooShort,
                BadPattern::TooLong => FieldCode::TooLong,
                BadPattern::TooManyStars => FieldCode::InvalidPattern,
            }),
            Subject::Partner => self.partner().map(Target::Partner).ok_or(FieldCode::UnknownPartner),
        }
    }
}

/// What is sealed of a rule.
#[derive(Serialize, Deserialize)]
struct Content {
    value: String,
    note: String,
}

/// A rule, opened.
pub struct Rule {
    /// What is stored in clear.
    pub row: store::Row,
    /// What it is held against. None: the root secret that sealed it isn't listed, and it isn't in force.
    pub value: Option<String>,
    /// Why it was made; None as well.
    pub note: Option<String>,
}

/// Rules that are in force, and how often each decided since it was last written down.
#[derive(Default)]
struct Known {
    ids: Vec<Uuid>,
    sets: HashMap<Uuid, RuleSet>,
}

/// The handle. Clones share the copy in memory.
#[derive(Clone)]
pub struct Rules {
    database: Database,
    keys: PurposeKeys,
    tag_keys: TagKeys,
    known: Arc<RwLock<Known>>,
    /// One look at the database after the other: an older one must not overwrite what a newer one found.
    renewing: Arc<tokio::sync::Mutex<()>>,
    hits: Arc<Mutex<HashMap<Uuid, i64>>>,
}

impl Rules {
    /// A handle with an empty copy; [`Self::renew`] fills it.
    pub fn new(database: Database, ring: &KeyRing) -> Self {
        Self {
            database,
            keys: ring.keys(PURPOSE),
            tag_keys: TagKeys::new(ring),
            known: Arc::default(),
            renewing: Arc::default(),
            hits: Arc::default(),
        }
    }

    /// The keys by which pledges are tagged, under all root secrets that are listed now.
    pub fn tag_keys(&self) -> &TagKeys {
        &self.tag_keys
    }

    /// The key id that stands in rules sealed under `root`.
    pub fn key_id(root: &RootSecret) -> KeyId {
        root.derive(PURPOSE, b"").id()
    }

    /// What a campaign's rules say about a pledge, from memory. Costs some microseconds, and nothing where there are none.
    pub fn judge(&self, campaign: Uuid, facts: &Facts<'_>) -> Ruling {
        let (ruling, fitting) = {
            let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
            let Some(set) = known.sets.get(&campaign) else { return Ruling::Silent };
            set.judge(facts)
        };
        if !fitting.is_empty() {
            let mut hits = self.hits.lock().unwrap_or_else(PoisonError::into_inner);
            for rule in fitting {
                *hits.entry(rule).or_default() += 1;
            }
        }
        ruling
    }

    /// Seals what a new rule is held against, and why it is made.
    ///
    /// # Errors
    /// Those of [`crate::crypto::Key::seal`]: then it isn't made (rule 7).
    pub fn seal(&self, campaign: Uuid, id: Uuid, value: &Value, note: &str) -> Result<Vec<u8>, CryptoError> {
        self.seal_text(campaign, id, &value.0, note)
    }

    /// The same for a rule that is held against something else than a [`Value`]: what it is stands in `value`.
    ///
    /// # Errors
    /// As [`Self::seal`].
    pub fn seal_text(&self, campaign: Uuid, id: Uuid, value: &str, note: &str) -> Result<Vec<u8>, CryptoError> {
        let content = Content { value: value.to_owned(), note: note.to_owned() };
        let text = serde_json::to_vec(&content).map_err(|_| CryptoError::DoesNotOpen)?;
        self.keys.seal_behind(&[FORMAT], &text, &place(campaign, id))
    }

    fn open(&self, campaign: Uuid, id: Uuid, sealed: &[u8]) -> Result<Content, CryptoError> {
        let (format, sealed) = sealed.split_first().ok_or(CryptoError::DoesNotOpen)?;
        if *format != FORMAT {
            return Err(CryptoError::DoesNotOpen);
        }
        let text = self.keys.open(sealed, &place(campaign, id))?;
        serde_json::from_slice(&text).map_err(|_| CryptoError::DoesNotOpen)
    }

    /// What [`Self::seal_text`] has sealed: value and note. None: the root secret that sealed it isn't listed.
    pub fn open_text(&self, campaign: Uuid, id: Uuid, sealed: &[u8]) -> Option<(String, String)> {
        self.open(campaign, id, sealed).ok().map(|content| (content.value, content.note))
    }

    /// A stored rule with what is sealed of it.
    pub fn opened(&self, row: store::Row) -> Rule {
        let content = self.open(row.campaign, row.id, &row.sealed).ok();
        let (value, note) = content.map(|content| (content.value, content.note)).unzip();
        Rule { row, value, note }
    }

    /// Makes the copy in memory what the database has. Reads rules only when there are others than before: they never change.
    ///
    /// # Errors
    /// Those of the database; the copy stays as it was.
    pub async fn renew(&self) -> Result<(), DbError> {
        let _turn = self.renewing.lock().await;
        let deadline = Instant::now() + TASK_PATIENCE;
        let ids = self.database.run_until(deadline, async |connection| store::ids(connection).await).await?;
        if self.known.read().unwrap_or_else(PoisonError::into_inner).ids == ids {
            return Ok(());
        }
        let rows = self.database.run_until(deadline, async |connection| store::all(connection).await).await?;
        let mut known = Known::default();
        let mut closed = 0;
        for row in rows {
            known.ids.push(row.id);
            let content = self.open(row.campaign, row.id, &row.sealed).ok();
            match content.and_then(|content| Value(content.value).target(row.subject).ok()) {
                Some(target) => known.sets.entry(row.campaign).or_default().add(row.id, row.kind, target),
                None => closed += 1,
            }
        }
        if closed > 0 {
            tracing::error!(
                count = closed,
                "rules do not open: sealed under a root secret that isn't listed, or damaged; they are not in force"
            );
        }
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = known;
        Ok(())
    }

    /// Writes down how often rules decided.
    ///
    /// # Errors
    /// Those of the database; then it is tried again with the next.
    async fn write_down(&self) -> Result<(), DbError> {
        let hits = mem::take(&mut *self.hits.lock().unwrap_or_else(PoisonError::into_inner));
        if hits.is_empty() {
            return Ok(());
        }
        let rows: Vec<_> = hits.into_iter().collect();
        let deadline = Instant::now() + TASK_PATIENCE;
        let written =
            self.database.run_until(deadline, async |connection| store::add_hits(connection, &rows).await).await;
        if written.is_err() {
            let mut waiting = self.hits.lock().unwrap_or_else(PoisonError::into_inner);
            for (rule, amount) in rows {
                *waiting.entry(rule).or_default() += amount;
            }
        }
        written
    }

    /// Renews the copy about each second, writes down what rules decided, and deletes those that are over. Runs until `stop`
    /// is cancelled.
    pub async fn run(self, stop: CancellationToken) {
        let (mut renewal, mut forgot) = (Renewal::default(), None::<Instant>);
        loop {
            let stopped = tokio::select! {
                () = stop.cancelled() => true,
                () = tokio::time::sleep(RENEW_EVERY) => false,
            };
            let mut done = self.write_down().await;
            if stopped {
                return;
            }
            if forgot.is_none_or(|at| at.elapsed() >= FORGET_EVERY) {
                forgot = Some(Instant::now());
                done = done.and(self.database.run(async |connection| store::forget(connection).await).await);
            }
            if let Some(error) = renewal.went(done.and(self.renew().await)) {
                tracing::error!(error = %logged::cause(error), "rules can't be renewed: this instance goes by those that it knew");
            }
        }
    }
}

/// What is sealed opens only in its own row.
fn place(campaign: Uuid, id: Uuid) -> Vec<u8> {
    [b"pledges rule v1".as_slice(), campaign.as_bytes(), id.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(subject: Subject, text: &str) -> Result<String, FieldCode> {
        Value::parse(subject, text).map(|value| value.0)
    }

    #[test]
    fn a_value_is_kept_in_one_spelling() {
        for (subject, text, kept) in [
            (Subject::Domain, " Spam.Example ", "spam.example"),
            (Subject::Domain, "@bücher.example", "xn--bcher-kva.example"),
            (Subject::Source, "00FF00ff00ff00ff", "00ff00ff00ff00ff"),
            (Subject::Source, "ffffffffffffffff", "ffffffffffffffff"),
            (Subject::Name, " *Pills* ", "*Pills*"),
            (Subject::Partner, "0197C5F1-6D0E-7C3A-9B1E-2F4A5D6C7B80", "0197c5f1-6d0e-7c3a-9b1e-2f4a5d6c7b80"),
        ] {
            assert_eq!(read(subject, text).as_deref(), Ok(kept));
        }
    }

    #[test]
    fn what_is_wrong_with_a_value_is_told() {
        for (subject, text, code) in [
            (Subject::Domain, "", FieldCode::Required),
            (Subject::Domain, "localhost", FieldCode::InvalidDomain),
            (Subject::Domain, "*.example.org", FieldCode::InvalidDomain),
            (Subject::Domain, "a@example.org", FieldCode::InvalidDomain),
            (Subject::Domain, "a b.example", FieldCode::InvalidDomain),
            (Subject::Source, "00ff", FieldCode::InvalidSourceTag),
            (Subject::Source, "00ff00ff00ff00ff0", FieldCode::InvalidSourceTag),
            (Subject::Source, "+0ff00ff00ff00ff", FieldCode::InvalidSourceTag),
            (Subject::Name, "**a", FieldCode::TooShort),
            (Subject::Name, "a*b*c*d*e*f*g*h*i*j", FieldCode::InvalidPattern),
            (Subject::Name, "a\u{202e}b", FieldCode::BidiOverride),
            (Subject::Partner, "Human Rights House", FieldCode::UnknownPartner),
        ] {
            assert_eq!(read(subject, text), Err(code), "{text}");
        }
        assert_eq!(read(Subject::Name, &"a".repeat(101)), Err(FieldCode::TooLong));
    }
}
