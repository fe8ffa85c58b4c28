//! Campaigns: what is pledged for, in which words, with which settings. Public reads come from memory, so that they
//! survive the database; the copy is renewed about each second ([`Campaigns::run`]).

pub mod change;
pub mod held_default;
pub mod recipients;
pub mod routes;
pub mod settings;
pub mod store;
pub mod switches;
pub mod visible;

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard},
    time::Duration,
};

use chrono::{DateTime, Utc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    crypto::KeyId,
    db::{Database, DbError, Renewal, TASK_PATIENCE},
    logged,
    mail::letters::Overrides,
    sealing::{Audience, recipients::Recipient},
};

use settings::{Confirmation, Consent, Controller, Fields, ProofRule, Purpose, Retention, Texts};
use switches::Switched;

/// How often the copy in memory is renewed: settings are in force on every instance after this.
const RENEW_EVERY: Duration = Duration::from_secs(1);

/// How often switches that ended long ago are forgotten.
const FORGET_EVERY: Duration = Duration::from_secs(3_600);

/// Where a campaign is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Being prepared; the public doesn't see it.
    Draft,
    /// Takes pledges.
    Open,
    /// Over; still shown.
    Closed,
}

impl State {
    /// As it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Open => "open",
            Self::Closed => "closed",
        }
    }

    /// From what is stored.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Draft, Self::Open, Self::Closed].into_iter().find(|state| state.as_str() == text)
    }
}

/// A campaign as it is stored.
#[derive(Clone)]
pub struct Campaign {
    /// UUIDv7.
    pub id: Uuid,
    /// Its name in addresses.
    pub slug: String,
    /// Where it is in its life.
    pub state: State,
    /// The language shown when the visitor's is not there.
    pub default_language: String,
    /// By language.
    pub texts: BTreeMap<String, Texts>,
    /// How many pledges it hopes for.
    pub goal: Option<i64>,
    /// What the form asks for.
    pub fields: Fields,
    /// Whether a pledge counts at once.
    pub confirmation: Confirmation,
    /// Whether a pledge needs a proof of work.
    pub proof: ProofRule,
    /// From this score on a pledge is held.
    pub hold_at: i16,
    /// Every version of every consent text.
    pub consents: Vec<Consent>,
    /// Who answers for the data.
    pub controller: Option<Controller>,
    /// Small numbers are rounded down to a multiple of this.
    pub threshold: i32,
    /// Milliseconds between two published totals, at the least.
    pub publish_every_ms: i32,
    /// Version of the mailbox canonicalisation.
    pub mailbox_rules: i16,
    /// Enters the key of the fingerprints; None: destroyed, because its retention has ended.
    pub salt: Option<Vec<u8>>,
    /// The root secret that the fingerprints come from. None: from before there were ids, until the service starts.
    pub fingerprint_key: Option<KeyId>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Whom its records are sealed for, and its partners' (only those that were checked).
    pub recipients: Vec<(Audience, Recipient)>,
    /// How long what is kept.
    pub retention: Retention,
    /// When it was closed; None: it isn't.
    pub closed_at: Option<DateTime<Utc>>,
    /// When its retention ended; None: not yet.
    pub salt_destroyed_at: Option<DateTime<Utc>>,
    /// Words of its own for the mails.
    pub mail_texts: Overrides,
    /// The campaign whose partners' trials are here; None: it is no place of trials.
    pub test_of: Option<Uuid>,
    /// Whether everybody may see how many pledges came by which partner, rounded down.
    pub publish_partners: bool,
    /// Whether approved names and messages are shown to everybody.
    pub wall: bool,
    /// What is switched on; only the copy in memory knows.
    pub switched: Switched,
}

impl std::fmt::Debug for Campaign {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Campaign").field("slug", &self.slug).field("state", &self.state).finish_non_exhaustive()
    }
}

impl Campaign {
    /// The language of the campaign that fits a tag: the same, or the same without region.
    pub fn spoken(&self, tag: &str) -> Option<&str> {
        let primary = tag.split('-').next().unwrap_or(tag);
        let fitting = |tag: &str| self.texts.keys().find(|key| key.eq_ignore_ascii_case(tag));
        fitting(tag).or_else(|| fitting(primary)).map(String::as_str)
    }

    /// The consent texts that are asked now: of each purpose the highest version.
    pub fn current_consents(&self) -> Vec<&Consent> {
        let mut current: BTreeMap<Purpose, &Consent> = BTreeMap::new();
        for consent in &self.consents {
            let newest = current.entry(consent.purpose).or_insert(consent);
            if consent.version > newest.version {
                *newest = consent;
            }
        }
        current.into_values().collect()
    }

    /// Whom is sealed for: the organiser, or a partner.
    pub fn recipients_of(&self, audience: Audience) -> Vec<Recipient> {
        let fitting = self.recipients.iter().filter(|(other, _)| *other == audience);
        fitting.map(|(_, recipient)| recipient.clone()).collect()
    }

    /// The place of this campaign's trials, whose row is `place`: the campaign in everything but what its fingerprints are made
    /// from and where its pledges are.
    fn trials(&self, place: Self) -> Self {
        let here = |(audience, recipient): &(Audience, Recipient)| {
            (Audience { campaign: place.id, ..*audience }, recipient.clone())
        };
        Self {
            id: place.id,
            salt: place.salt,
            fingerprint_key: place.fingerprint_key,
            mailbox_rules: place.mailbox_rules,
            test_of: place.test_of,
            recipients: self.recipients.iter().map(here).collect(),
            ..self.clone()
        }
    }

    /// Whether this version of a consent text was ever shown.
    pub fn has_consent(&self, purpose: Purpose, version: i16) -> bool {
        self.consents.iter().any(|consent| consent.purpose == purpose && consent.version == version)
    }
}

/// The handle. Clones share the copy in memory.
#[derive(Clone, Debug)]
pub struct Campaigns {
    database: Database,
    known: Arc<RwLock<Known>>,
}

/// The public campaigns.
#[derive(Debug, Default)]
struct Known {
    by_slug: HashMap<String, Arc<Campaign>>,
    /// The places of their trials, by the campaign.
    trials: HashMap<Uuid, Arc<Campaign>>,
}

impl Known {
    fn of(all: Vec<Campaign>) -> Self {
        let (places, mut all): (Vec<_>, Vec<_>) = all.into_iter().partition(|campaign| campaign.test_of.is_some());
        all.retain(|campaign| campaign.state != State::Draft);
        let trials = places.into_iter().filter_map(|place| {
            let campaign = all.iter().find(|campaign| Some(campaign.id) == place.test_of)?;
            Some((campaign.id, Arc::new(campaign.trials(place))))
        });
        let trials = trials.collect();
        let by_slug = all.into_iter().map(|campaign| (campaign.slug.clone(), Arc::new(campaign))).collect();
        Self { by_slug, trials }
    }
}

impl Campaigns {
    /// A handle with an empty copy; [`Self::renew`] fills it.
    pub fn new(database: Database) -> Self {
        Self { database, known: Arc::default() }
    }

    /// A public campaign, from memory.
    pub fn find(&self, slug: &str) -> Option<Arc<Campaign>> {
        self.known().by_slug.get(slug).cloned()
    }

    /// The same by id, also the place of its trials.
    pub fn by_id(&self, id: Uuid) -> Option<Arc<Campaign>> {
        let known = self.known();
        known.by_slug.values().chain(known.trials.values()).find(|campaign| campaign.id == id).cloned()
    }

    /// The place of a public campaign's trials, from memory.
    pub fn trials_of(&self, campaign: Uuid) -> Option<Arc<Campaign>> {
        self.known().trials.get(&campaign).cloned()
    }

    fn known(&self) -> RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every public campaign by slug, from memory.
    pub fn all(&self) -> Vec<Arc<Campaign>> {
        let mut all: Vec<_> = self.known().by_slug.values().cloned().collect();
        all.sort_by(|a, b| a.slug.cmp(&b.slug));
        all
    }

    /// Renews the copy in memory.
    ///
    /// # Errors
    /// Those of the database; the copy stays as it was.
    pub async fn renew(&self) -> Result<(), DbError> {
        let deadline = Instant::now() + TASK_PATIENCE;
        let read = async |connection: &mut _| {
            Ok::<_, DbError>((store::with_trials(connection).await?, switches::store::in_force(connection).await?))
        };
        let (mut all, on) = self.database.run_until(deadline, read).await?;
        for (id, switch) in on {
            all.iter_mut().filter(|campaign| campaign.id == id).for_each(|campaign| campaign.switch(switch));
        }
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Known::of(all);
        Ok(())
    }

    /// Renews the copy about each second.
    pub async fn run(self, stop: CancellationToken) {
        let (mut renewal, mut forgot) = (Renewal::default(), Instant::now());
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(RENEW_EVERY) => {}
            }
            let mut done = Ok(());
            if forgot.elapsed() >= FORGET_EVERY {
                forgot = Instant::now();
                done = self.database.run(async |connection| switches::store::forget(connection).await).await;
            }
            if let Some(error) = renewal.went(done.and(self.renew().await)) {
                tracing::error!(error = %logged::cause(error), "campaigns can't be renewed: this instance goes by their old settings");
            }
        }
    }
}
