//! From checked fields to a row in which nothing is readable that could name somebody: the mailbox becomes a fingerprint,
//! what moderators may see is sealed.

use std::sync::Arc;

use uuid::Uuid;

use super::{
    NewPledge, SealedMail, Seen,
    fields::{IdempotencyKey, Language, Message, Name, Source},
    mailbox::{Email, MailboxRules, canonical},
    submission::Checked,
};
use crate::{
    campaigns::{Campaign, settings::Confirmation},
    crypto::{self, CryptoError, KeyRing, RootSecret},
    mail::Seal,
    sealing::{
        Audience, Epochs, NoEpoch, ReviewCopies, ReviewCopy,
        record::{Epoch, Record},
    },
};

/// A build for a measurement: where sealed values belong it stores as many zeros as their text has bytes. It refuses production.
pub const UNSEALED: bool = cfg!(feature = "unsealed");

/// As long as the text would be that is not sealed.
fn zeros(text: &impl serde::Serialize) -> Result<Vec<u8>, CryptoError> {
    serde_json::to_vec(text).map(|text| vec![0; text.len()]).map_err(|_| CryptoError::DoesNotSeal)
}

/// Whom the records of a pledge are sealed for, and under which keys.
pub struct Keys {
    organiser: Arc<Epoch>,
    partner: Option<(Uuid, Option<Arc<Epoch>>)>,
}

impl Keys {
    /// Those of this hour. A partner without a recipient gets no records of its own.
    ///
    /// # Errors
    /// See [`NoEpoch`]: the pledge must then be refused (rule 7).
    pub async fn current(epochs: &Epochs, campaign: &Campaign, partner: Option<Uuid>) -> Result<Self, NoEpoch> {
        let audience = |partner| Audience { campaign: campaign.id, partner };
        let organiser = epochs.current(audience(None), &campaign.recipients_of(audience(None))).await?;
        let mut keys = Self::of(organiser);
        if let Some(id) = partner {
            let recipients = campaign.recipients_of(audience(partner));
            let epoch = match recipients.as_slice() {
                [] => None,
                recipients => Some(epochs.current(audience(partner), recipients).await?),
            };
            keys.partner = Some((id, epoch));
        }
        Ok(keys)
    }

    /// For the organiser alone, in this epoch.
    pub fn of(organiser: Arc<Epoch>) -> Self {
        Self { organiser, partner: None }
    }
}

/// Makes rows. Clones share the keys.
#[derive(Clone)]
pub struct Sealing {
    ring: KeyRing,
    copies: ReviewCopies,
    addresses: Seal,
}

impl Sealing {
    /// Under keys that come from the root secrets of `ring`.
    pub fn new(ring: KeyRing) -> Self {
        let (copies, addresses) = (ReviewCopies::new(&ring), Seal::new(&ring));
        Self { ring, copies, addresses }
    }

    /// The fingerprint that a mailbox has in a campaign: the first 128 bits of an HMAC-SHA-256 under the campaign's key, so it
    /// differs from campaign to campaign, and two of a thousand million mailboxes are alike once in 10^20 campaigns. It is
    /// kept as a uuid, PostgreSQL's one type of 16 bytes: the unique index is the largest and the only random one, and
    /// with 20 million pledges its size decides how fast one more is stored (docs/performance.md).
    ///
    /// # Errors
    /// When the campaign's rules are unknown to this version of the service, or its root secret isn't listed; and
    /// [`CryptoError::Destroyed`] when its retention has ended: then nobody can tell any more who had pledged.
    pub fn fingerprint(&self, campaign: &Campaign, email: &Email) -> Result<Uuid, CryptoError> {
        let rules = MailboxRules::from_number(campaign.mailbox_rules).ok_or(CryptoError::DoesNotOpen)?;
        let mailbox = canonical(email, rules);
        self.keyed(campaign, b"mailbox", mailbox.as_bytes())
    }

    fn keyed(&self, campaign: &Campaign, kind: &[u8], value: &[u8]) -> Result<Uuid, CryptoError> {
        let hash = self.root(campaign)?.derive("fingerprint v1", salt_of(campaign)?).hash(&[kind, value]);
        let (first, _) = hash.split_first_chunk::<16>().unwrap_or((&[0; 16], &[]));
        Ok(Uuid::from_bytes(*first))
    }

    /// The root secret that the campaign began with. Under another one a mailbox that has pledged would look new, so
    /// without it nothing is taken.
    fn root(&self, campaign: &Campaign) -> Result<&RootSecret, CryptoError> {
        campaign.fingerprint_key.and_then(|id| self.ring.root(id)).ok_or(CryptoError::KeyMissing)
    }

    /// The row of a pledge: fingerprinted, and sealed under `keys`.
    ///
    /// # Errors
    /// When it can't be: then it must not be stored (rule 7).
    pub fn prepare(
        &self,
        id: Uuid,
        campaign: &Campaign,
        checked: &Checked,
        key: Option<&IdempotencyKey>,
        keys: &Keys,
    ) -> Result<NewPledge, CryptoError> {
        let fingerprint = match (&checked.email, key) {
            (Some(email), _) => self.fingerprint(campaign, email)?,
            (None, Some(key)) => self.keyed(campaign, b"idempotency key", key.as_str().as_bytes())?,
            (None, None) => Uuid::from_bytes(crypto::random_bytes()?),
        };
        // With a mailbox a mismatch is not told: it would tell whether the mailbox had pledged before.
        let tells_mismatch = checked.email.is_none() && key.is_some();
        let request_digest = tells_mismatch.then(|| self.digest(campaign, checked)).transpose()?;
        let copy = ReviewCopy {
            name: checked.name.as_ref().map(|name| name.as_str().to_owned()),
            email: checked.email.as_ref().map(Email::masked),
            message: checked.message.as_ref().map(|message| message.as_str().to_owned()),
        };
        let mut record = Record::default();
        record.name.clone_from(&copy.name);
        let given = checked.email.as_ref().filter(|_| !campaign.switched.address_for_mail_only);
        record.email = given.map(|email| email.as_str().to_owned());
        record.message.clone_from(&copy.message);
        record.updates = checked.consents.updates;
        record.partner = checked.consents.partner;
        record.public = checked.consents.public;
        let for_partner = keys.partner.as_ref().filter(|_| checked.consents.partner.is_some());
        let for_partner = for_partner.and_then(|(_, epoch)| epoch.as_ref());
        let awaiting = campaign.confirmation == Confirmation::Email;
        let mailed = checked.email.as_ref().filter(|_| awaiting);
        Ok(NewPledge {
            id,
            campaign: campaign.id,
            awaiting,
            country: checked.country,
            partner: keys.partner.as_ref().map(|(id, _)| *id),
            fingerprint,
            request_digest,
            consents: checked.consents,
            sealed_review: if UNSEALED { zeros(&copy)? } else { self.copies.seal(campaign.id, id, &copy)? },
            sealed_record: if UNSEALED { zeros(&record)? } else { keys.organiser.seal(id, &record)? },
            sealed_for_partner: for_partner.map(|epoch| epoch.seal(id, &record)).transpose()?,
            language: checked.language.as_ref().map(|language| language.as_str().to_owned()),
            source: checked.source.as_ref().map(|source| source.as_str().to_owned()),
            mail: mailed.map(|email| self.mail(email)).transpose()?,
            seen: Seen::default(),
            proof: None,
        })
    }

    /// A mail to an address, for the outbox.
    ///
    /// # Errors
    /// When it can't be sealed, or no mail can be sent there: then it must not be stored (rule 7).
    pub fn mail(&self, email: &Email) -> Result<SealedMail, CryptoError> {
        let (id, address) = (Uuid::now_v7(), email.deliverable().ok_or(CryptoError::DoesNotSeal)?);
        Ok(SealedMail { id, sealed: self.addresses.seal(id, &address)? })
    }

    fn digest(&self, campaign: &Campaign, checked: &Checked) -> Result<[u8; 32], CryptoError> {
        let text = |value: Option<&str>| value.unwrap_or("").to_owned();
        let fields = [
            text(checked.name.as_ref().map(Name::as_str)),
            text(checked.message.as_ref().map(Message::as_str)),
            checked.country.to_string(),
            text(checked.language.as_ref().map(Language::as_str)),
            text(checked.source.as_ref().map(Source::as_str)),
            [checked.consents.updates, checked.consents.partner, checked.consents.public]
                .map(|version| version.unwrap_or(0).to_string())
                .join(","),
        ];
        let parts: Vec<&[u8]> = fields.iter().map(String::as_bytes).collect();
        Ok(self.root(campaign)?.derive("request digest v1", salt_of(campaign)?).hash(&parts))
    }
}

fn salt_of(campaign: &Campaign) -> Result<&[u8], CryptoError> {
    campaign.salt.as_deref().ok_or(CryptoError::Destroyed)
}
