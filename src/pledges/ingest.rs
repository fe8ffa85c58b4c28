//! From checked fields to a committed row. The answer leaves only after the commit, and is the same for a new and a
//! repeated mailbox.

use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use super::{
    NewPledge,
    fields::IdempotencyKey,
    mailbox::{MailboxRules, canonical},
    store,
    submission::Checked,
};
use crate::{
    campaigns::Campaign,
    crypto::{self, CryptoError, Key, RootSecret},
    db::{Database, DbError, retrying},
    sealing::{ReviewCopies, ReviewCopy},
    totals::Totals,
};

/// A pledge is stored within this time or refused (issue: 503 within two seconds).
const DEADLINE: Duration = Duration::from_millis(1_800);

/// Why a pledge was not recorded.
#[derive(Debug, thiserror::Error)]
pub enum PledgeError {
    /// The key was used for another pledge.
    #[error("the idempotency key was used for another pledge")]
    IdempotencyMismatch,
    /// The database. With [`DbError::Unavailable`] the pledge may be stored all the same; sent again, it counts once.
    #[error(transparent)]
    Database(#[from] DbError),
    /// The pledge can't be sealed or fingerprinted.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
}

/// The handle. Clones share everything.
#[derive(Clone)]
pub struct Pledges {
    database: Database,
    totals: Totals,
    root: RootSecret,
    copies: ReviewCopies,
}

impl Pledges {
    /// Pledges that are stored in `database` and counted in `totals`.
    pub fn new(database: Database, totals: Totals, root: RootSecret) -> Self {
        let copies = ReviewCopies::new(&root);
        Self { database, totals, root, copies }
    }

    /// Records a pledge. When this returns Ok, it is committed; or its mailbox had pledged before.
    ///
    /// # Errors
    /// See [`PledgeError`]. After an error, sending the same again is safe.
    pub async fn record(
        &self,
        campaign: &Campaign,
        checked: &Checked,
        key: Option<&IdempotencyKey>,
    ) -> Result<(), PledgeError> {
        let pledge = self.prepare(Uuid::now_v7(), campaign, checked, key)?;
        let deadline = Instant::now() + DEADLINE;
        let insert = async |connection: &mut _| store::insert(connection, &pledge).await;
        let same_request = retrying(async || self.database.run_until(deadline, insert).await).await?;
        self.totals.changed();
        if same_request { Ok(()) } else { Err(PledgeError::IdempotencyMismatch) }
    }

    /// The fingerprint that a mailbox has in a campaign.
    ///
    /// # Errors
    /// When the campaign's rules are unknown to this version of the service.
    pub fn fingerprint(&self, campaign: &Campaign, email: &super::mailbox::Email) -> Result<[u8; 32], CryptoError> {
        let rules = MailboxRules::from_number(campaign.mailbox_rules).ok_or(CryptoError::DoesNotOpen)?;
        let mailbox = canonical(email, rules);
        Ok(self.fingerprint_key(campaign).hash(&[b"mailbox", mailbox.as_bytes()]))
    }

    fn fingerprint_key(&self, campaign: &Campaign) -> Key {
        self.root.derive("fingerprint v1", &campaign.salt)
    }

    /// The row of a pledge: fingerprinted and sealed.
    ///
    /// # Errors
    /// When it can't be: then it must not be stored (rule 7).
    pub fn prepare(
        &self,
        id: Uuid,
        campaign: &Campaign,
        checked: &Checked,
        key: Option<&IdempotencyKey>,
    ) -> Result<NewPledge, CryptoError> {
        let fingerprint = match (&checked.email, key) {
            (Some(email), _) => self.fingerprint(campaign, email)?,
            (None, Some(key)) => self.fingerprint_key(campaign).hash(&[b"idempotency key", key.as_str().as_bytes()]),
            (None, None) => crypto::random_bytes()?,
        };
        // With a mailbox a mismatch is not told: it would tell whether the mailbox had pledged before.
        let tells_mismatch = checked.email.is_none() && key.is_some();
        let request_digest = tells_mismatch.then(|| self.digest(campaign, checked));
        let copy = ReviewCopy {
            name: checked.name.as_ref().map(|name| name.as_str().to_owned()),
            email: checked.email.as_ref().map(super::mailbox::Email::masked),
            message: checked.message.as_ref().map(|message| message.as_str().to_owned()),
        };
        Ok(NewPledge {
            id,
            campaign: campaign.id,
            country: checked.country,
            fingerprint,
            request_digest,
            consents: checked.consents,
            sealed_review: self.copies.seal(campaign.id, id, &copy)?,
            language: checked.language.as_ref().map(|language| language.as_str().to_owned()),
            source: checked.source.as_ref().map(|source| source.as_str().to_owned()),
        })
    }

    fn digest(&self, campaign: &Campaign, checked: &Checked) -> [u8; 32] {
        let text = |value: Option<&str>| value.unwrap_or("").to_owned();
        let fields = [
            text(checked.name.as_ref().map(super::fields::Name::as_str)),
            text(checked.message.as_ref().map(super::fields::Message::as_str)),
            checked.country.to_string(),
            text(checked.language.as_ref().map(super::fields::Language::as_str)),
            text(checked.source.as_ref().map(super::fields::Source::as_str)),
            [checked.consents.updates, checked.consents.partner, checked.consents.public]
                .map(|version| version.unwrap_or(0).to_string())
                .join(","),
        ];
        let parts: Vec<&[u8]> = fields.iter().map(String::as_bytes).collect();
        self.root.derive("request digest v1", &campaign.salt).hash(&parts)
    }
}
