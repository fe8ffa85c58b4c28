//! From checked fields to a row in which nothing is readable that could name somebody: the mailbox becomes a fingerprint,
//! what moderators may see is sealed.

use uuid::Uuid;

use super::{
    NewPledge,
    fields::{IdempotencyKey, Language, Message, Name, Source},
    mailbox::{Email, MailboxRules, canonical},
    submission::Checked,
};
use crate::{
    campaigns::Campaign,
    crypto::{self, CryptoError, RootSecret},
    sealing::{ReviewCopies, ReviewCopy},
};

/// Makes rows. Clones share the keys.
#[derive(Clone)]
pub struct Sealing {
    root: RootSecret,
    copies: ReviewCopies,
}

impl Sealing {
    /// Under keys that come from `root`.
    pub fn new(root: RootSecret) -> Self {
        let copies = ReviewCopies::new(&root);
        Self { root, copies }
    }

    /// The fingerprint that a mailbox has in a campaign: the first 128 bits of an HMAC-SHA-256 under the campaign's key, so it
    /// differs from campaign to campaign, and two of a thousand million mailboxes are alike once in 10^20 campaigns. It is
    /// kept as a uuid, PostgreSQL's one type of 16 bytes: the unique index is the largest and the only random one, and
    /// with 20 million pledges its size decides how fast one more is stored (docs/performance.md).
    ///
    /// # Errors
    /// When the campaign's rules are unknown to this version of the service, and [`CryptoError::Destroyed`] when its retention
    /// has ended: then nobody can tell any more who had pledged.
    pub fn fingerprint(&self, campaign: &Campaign, email: &Email) -> Result<Uuid, CryptoError> {
        let rules = MailboxRules::from_number(campaign.mailbox_rules).ok_or(CryptoError::DoesNotOpen)?;
        let mailbox = canonical(email, rules);
        self.keyed(campaign, b"mailbox", mailbox.as_bytes())
    }

    fn keyed(&self, campaign: &Campaign, kind: &[u8], value: &[u8]) -> Result<Uuid, CryptoError> {
        let hash = self.root.derive("fingerprint v1", salt_of(campaign)?).hash(&[kind, value]);
        let (first, _) = hash.split_first_chunk::<16>().unwrap_or((&[0; 16], &[]));
        Ok(Uuid::from_bytes(*first))
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
        Ok(NewPledge {
            id,
            campaign: campaign.id,
            country: checked.country,
            // Partners are not told apart yet: that comes with their keys and origins.
            partner: None,
            fingerprint,
            request_digest,
            consents: checked.consents,
            sealed_review: self.copies.seal(campaign.id, id, &copy)?,
            language: checked.language.as_ref().map(|language| language.as_str().to_owned()),
            source: checked.source.as_ref().map(|source| source.as_str().to_owned()),
        })
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
        Ok(self.root.derive("request digest v1", salt_of(campaign)?).hash(&parts))
    }
}

fn salt_of(campaign: &Campaign) -> Result<&[u8], CryptoError> {
    campaign.salt.as_deref().ok_or(CryptoError::Destroyed)
}
