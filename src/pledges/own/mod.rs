//! One's own pledge, for whoever has the link in a mail: seen, changed and taken back without a log-in, in two steps, because
//! programs that scan mail follow links.

pub mod routes;
pub mod store;

use uuid::Uuid;

use super::{
    Pledges, State,
    batches::Refused,
    confirm::{Confirmation, Confirmed},
    leave::Leave,
    links::{Code, Token},
    mailbox::Email,
    submission::Consents,
};
use crate::{
    campaigns::Campaign,
    crypto::CryptoError,
    db::{Connection, DbError, retrying},
    sealing::ReviewCopy,
};

pub use store::Row;

/// Why something can't be done with one's own pledge.
#[derive(Clone, Copy, Debug, thiserror::Error)]
pub enum OwnError {
    /// It was not stored, or nobody knows. It is safe to be sent again.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The database.
    #[error(transparent)]
    Database(#[from] DbError),
    /// A key is missing.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
    /// Address and code don't belong together, the code is too old, or was tried too often.
    #[error("address and code don't belong together, or the code is no longer good")]
    CodeNotAccepted,
}

impl crate::db::IsConflict for OwnError {
    fn is_conflict(&self) -> bool {
        matches!(self, Self::Database(DbError::Conflict))
    }
}

/// One's own pledge.
pub struct Own {
    /// What the row says.
    pub row: Row,
    /// Where it is; of one that moderators removed, the state before.
    pub state: State,
    /// Name, masked address and message, while they can be read here.
    pub copy: Option<ReviewCopy>,
}

impl Pledges {
    /// Confirms by the link in a mail. When this returns `Yes`, it is committed.
    ///
    /// # Errors
    /// See [`OwnError`].
    pub async fn confirm(&self, token: &Token) -> Result<Confirmed, OwnError> {
        let job = Confirmation { mail: token.mail(), hash: token.hash() };
        Ok(self.confirmations.store(job, tokio::time::Instant::now()).await?)
    }

    /// Confirms by address and code. Each call counts as a try for each of the mailbox's mails.
    ///
    /// # Errors
    /// See [`OwnError`].
    pub async fn confirm_by_code(&self, campaign: &Campaign, email: &Email, code: &Code) -> Result<(), OwnError> {
        let since = tokio::time::Instant::now();
        let fingerprint = self.sealing.fingerprint(campaign, email)?;
        let tried = async |connection: &mut Connection| {
            super::links::store::try_code(connection, campaign.id, fingerprint).await
        };
        let tried = retrying(async || self.database.run(tried).await).await?;
        let found = tried.iter().find(|tried| self.links.is_code(tried.id, code, &tried.code));
        let hash = found.and_then(|tried| <[u8; 32]>::try_from(tried.hash.as_slice()).ok());
        let Some((tried, hash)) = found.zip(hash) else { return Err(OwnError::CodeNotAccepted) };
        match self.confirmations.store(Confirmation { mail: tried.id, hash }, since).await? {
            Confirmed::Yes => Ok(()),
            _ => Err(OwnError::CodeNotAccepted),
        }
    }

    /// Has a mail sent with the link to the pledge of an address, if there is one. The caller learns nothing.
    ///
    /// # Errors
    /// See [`OwnError`].
    pub async fn ask(&self, campaign: &Campaign, email: &Email, language: Option<&str>) -> Result<(), OwnError> {
        let fingerprint = self.sealing.fingerprint(campaign, email)?;
        let mail = self.sealing.mail(email)?;
        let ask =
            async |connection: &mut Connection| store::ask(connection, campaign.id, fingerprint, language, &mail).await;
        self.database.run(ask).await?;
        self.outbox.changed();
        Ok(())
    }

    /// The pledge that a link belongs to; None: there is no such link, or its pledge is gone.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn own(&self, token: &Token) -> Result<Option<Own>, OwnError> {
        let find = async |connection: &mut Connection| store::find(connection, token.mail(), &token.hash()).await;
        let Some(row) = self.database.run(find).await? else { return Ok(None) };
        let state = row.state_before.as_deref().unwrap_or(&row.state);
        let state = State::parse(state).ok_or(DbError::Defect("a pledge has a state that is unknown"))?;
        let sealed = row.sealed_review.as_deref();
        // One that doesn't open (its root secret is not listed any more) is as good as gone.
        let copy = sealed.and_then(|sealed| self.copies.open(row.campaign_id, row.pledge_id, sealed).ok());
        Ok(Some(Own { row, state, copy }))
    }

    /// Whether a link that leads to no pledge was in a mail about this campaign once.
    pub fn was_link_of(&self, campaign: &Campaign, token: &Token) -> bool {
        campaign.salt.is_some() && self.links.is_link_of(campaign.id, token)
    }

    /// Changes what its owner agrees to.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn change_consents(&self, pledge: Uuid, consents: Consents) -> Result<(), OwnError> {
        let change = async |connection: &mut Connection| store::change_consents(connection, pledge, consents).await;
        Ok(retrying(async || self.database.run(change).await).await?)
    }

    /// Takes it back, erases it, or says that it never was.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn leave(&self, campaign: &Campaign, row: &Row, how: Leave) -> Result<(), OwnError> {
        let leave = async |connection: &mut Connection| store::leave(connection, campaign, row, how).await;
        retrying(async || self.database.run(leave).await).await?;
        self.totals.changed();
        Ok(())
    }
}
