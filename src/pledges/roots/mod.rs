//! Which root secrets are needed, and whether they are listed. A campaign keeps the one that its fingerprints come from;
//! a review copy, the address of a mail that waits, a moderator's rule and a second factor the one that sealed it. What is missing is told before anything is taken: under another root secret a
//! mailbox that has pledged would count again.

mod store;

use std::collections::BTreeMap;

use super::rules::Rules;
use crate::{
    accounts::second_factor,
    campaigns::{self, Campaign},
    crypto::{KeyId, KeyRing, RootSecret},
    db::{Connection, Database, DbError},
    mail::{self, Seal},
    sealing::ReviewCopies,
};

/// Why the service can't work with the root secrets that are listed.
#[derive(Debug, thiserror::Error)]
pub enum RootsError {
    /// Campaigns need others.
    #[error("{}. Put them back into PLEDGES_ROOT_SECRET or its file, below the first line (docs/operations.md, Keys)", sentences(.0))]
    Missing(Vec<Missing>),
    /// The database.
    #[error(transparent)]
    Database(#[from] DbError),
}

/// A campaign whose root secret isn't listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// The campaign.
    pub slug: String,
    /// The root secret; None: it has no id yet, but none that is listed opens the campaign's review copies.
    pub root: Option<KeyId>,
}

impl std::fmt::Display for Missing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.root {
            Some(root) => write!(f, "campaign {} needs the root secret {root}, which is not listed", self.slug),
            None => write!(f, "campaign {} needs the root secret that it began with, which is not listed", self.slug),
        }
    }
}

fn sentences(missing: &[Missing]) -> String {
    missing.iter().map(Missing::to_string).collect::<Vec<_>>().join("; ")
}

/// Gives campaigns from before there were ids the root secret that they began with, and makes sure that every campaign's is
/// listed.
///
/// # Errors
/// [`RootsError::Missing`]: nothing may be taken then. And those of the database.
pub async fn settle(database: &Database, ring: &KeyRing) -> Result<(), RootsError> {
    let missing = database.run(async |connection| settled(connection, ring).await).await?;
    if missing.is_empty() { Ok(()) } else { Err(RootsError::Missing(missing)) }
}

/// The same, but what is missing is left for [`needs`] to tell.
///
/// # Errors
/// Those of the database.
pub async fn settle_what_is_listed(database: &Database, ring: &KeyRing) -> Result<(), DbError> {
    database.run(async |connection| settled(connection, ring).await).await.map(|_| ())
}

async fn settled(connection: &mut Connection, ring: &KeyRing) -> Result<Vec<Missing>, DbError> {
    let mut missing = Vec::new();
    for campaign in needing(connection).await? {
        match campaign.fingerprint_key {
            Some(root) if ring.root(root).is_some() => {}
            None => match beginning(connection, ring, &campaign).await? {
                Some(root) => campaigns::store::set_fingerprint_key(connection, campaign.id, root).await?,
                None => missing.push(Missing { slug: campaign.slug, root: None }),
            },
            root => missing.push(Missing { slug: campaign.slug, root }),
        }
    }
    Ok(missing)
}

/// The campaigns that need their root secret: all but those whose salt was destroyed at the end of their retention. Without it
/// their fingerprints can't be made with the secret either.
async fn needing(connection: &mut Connection) -> Result<Vec<Campaign>, DbError> {
    let mut campaigns = campaigns::store::with_trials(connection).await?;
    campaigns.retain(|campaign| campaign.salt.is_some());
    Ok(campaigns)
}

/// The root secret that a campaign without an id began with. There was one then, and it sealed the review copies too, so
/// the oldest copy tells; where none is left, it is the oldest one that is listed.
async fn beginning(connection: &mut Connection, ring: &KeyRing, campaign: &Campaign) -> Result<Option<KeyId>, DbError> {
    let sealed = store::oldest_copy(connection, campaign.id).await?;
    let root = match &sealed {
        Some(id) => ring.roots().find(|root| ReviewCopies::key_id(root).as_bytes() == id.as_slice()),
        None => ring.roots().next_back(),
    };
    Ok(root.map(RootSecret::id))
}

/// Campaigns whose root secret isn't listed.
///
/// # Errors
/// Those of the database.
pub async fn missing(connection: &mut Connection, ring: &KeyRing) -> Result<Vec<Missing>, DbError> {
    let unlisted = needing(connection)
        .await?
        .into_iter()
        .filter(|campaign| campaign.fingerprint_key.is_some_and(|root| ring.root(root).is_none()));
    Ok(unlisted.map(|campaign| Missing { slug: campaign.slug, root: campaign.fingerprint_key }).collect())
}

/// What needs a root secret.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Need {
    /// Slugs of the campaigns whose fingerprints come from it.
    pub campaigns: Vec<String>,
    /// Review copies that are sealed under it.
    pub copies: i64,
    /// Addresses of mails that wait, sealed under it.
    pub mails: i64,
    /// Blocks and allows that are sealed under it.
    pub rules: i64,
    /// Second factors of people who sign in, sealed under it until they sign in again.
    pub second_factors: i64,
}

impl Need {
    /// Whether nothing does.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// What needs which root secret, listed or not.
#[derive(Clone, Debug, Default)]
pub struct Needs {
    /// By the id of the root secret.
    pub roots: BTreeMap<KeyId, Need>,
    /// Review copies that none of the listed ones opens.
    pub lost_copies: i64,
    /// Addresses of mails that none of the listed ones opens.
    pub lost_mails: i64,
    /// Blocks and allows that none of the listed ones opens.
    pub lost_rules: i64,
    /// Second factors that none of the listed ones opens.
    pub lost_second_factors: i64,
}

/// Looks at every campaign, every review copy, every mail, every rule and every second factor; takes its time.
///
/// # Errors
/// Those of the database.
pub async fn needs(connection: &mut Connection, ring: &KeyRing) -> Result<Needs, DbError> {
    let mut needs = Needs::default();
    for campaign in needing(connection).await? {
        if let Some(root) = campaign.fingerprint_key {
            needs.roots.entry(root).or_default().campaigns.push(campaign.slug);
        }
    }
    for (id, copies) in store::copies_by_key(connection).await? {
        match ring.roots().find(|root| ReviewCopies::key_id(root).as_bytes() == id.as_slice()) {
            Some(root) => needs.roots.entry(root.id()).or_default().copies += copies,
            None => needs.lost_copies += copies,
        }
    }
    for (id, mails) in mail::store::addresses_by_key(connection).await? {
        match ring.roots().find(|root| Seal::key_id(root).as_bytes() == id.as_slice()) {
            Some(root) => needs.roots.entry(root.id()).or_default().mails += mails,
            None => needs.lost_mails += mails,
        }
    }
    for (id, rules) in super::rules::store::rules_by_key(connection).await? {
        match ring.roots().find(|root| Rules::key_id(root).as_bytes() == id.as_slice()) {
            Some(root) => needs.roots.entry(root.id()).or_default().rules += rules,
            None => needs.lost_rules += rules,
        }
    }
    for (id, factors) in second_factor::store::factors_by_key(connection).await? {
        match ring.roots().find(|root| second_factor::key_id(root).as_bytes() == id.as_slice()) {
            Some(root) => needs.roots.entry(root.id()).or_default().second_factors += factors,
            None => needs.lost_second_factors += factors,
        }
    }
    Ok(needs)
}
