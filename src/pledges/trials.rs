//! The address that mails of a partner's trials go to: asking its owner, and what the link in that mail leads to.

use uuid::Uuid;

use super::{Pledges, links::Token, mailbox::Email};
use crate::{
    crypto::CryptoError,
    db::DbError,
    http::Problem,
    mail::{Kind, NewMail, Seal},
    partners::trials::store::{self, Asked, NewMailbox},
};

/// What [`store::set_mailbox`] stores for an address.
///
/// # Errors
/// When it can't be sealed, or no mail can be sent there.
pub fn new_mailbox(seal: &Seal, campaign: Uuid, partner: Uuid, email: &Email) -> Result<NewMailbox, CryptoError> {
    let (id, address) = (Uuid::now_v7(), email.deliverable().ok_or(CryptoError::DoesNotSeal)?);
    let asking = NewMail {
        id,
        campaign,
        fingerprint: partner,
        kind: Kind::TrialMailbox,
        language: None,
        sealed: seal.seal(id, &address)?,
    };
    Ok(NewMailbox { sealed: seal.seal(partner, &address)?, asking })
}

impl Pledges {
    /// Sets or (None) forgets where the mails of a partner's trials go. Its owner is asked first.
    ///
    /// # Errors
    /// When there is no such partner, and those of the database.
    pub async fn set_trial_mailbox(
        &self,
        (campaign, partner): (Uuid, Uuid),
        email: Option<&Email>,
        moderator: Uuid,
    ) -> Result<(), Problem> {
        let new = email.map(|email| new_mailbox(self.outbox.seal(), campaign, partner, email)).transpose()?;
        let set = async |connection: &mut _| {
            store::set_mailbox(connection, (campaign, partner), new.as_ref(), Some(moderator)).await
        };
        self.database.run(set).await?;
        self.outbox.changed();
        Ok(())
    }

    /// Whom a link asks. None: it is no such link, or not any more.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn asked_for_trials(&self, token: &Token) -> Result<Option<Asked>, DbError> {
        let asked = self.database.run(async |connection| store::asked(connection, token.mail()).await).await?;
        Ok(asked.filter(|asked| self.links.is_link_of(asked.campaign_id, token)))
    }

    /// The owner of the address agrees. Again, nothing changes.
    ///
    /// # Errors
    /// [`DbError::NotFound`] when it is no such link, or not any more; and those of the database.
    pub async fn agree_to_trials(&self, token: &Token) -> Result<(), DbError> {
        let asked = self.asked_for_trials(token).await?.ok_or(DbError::NotFound)?;
        if asked.trial_mailbox_verified_at.is_some() {
            return Ok(());
        }
        self.database.run(async |connection| store::agree(connection, &asked, token.mail()).await).await
    }
}
