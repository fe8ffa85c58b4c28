//! What is held about one person (GDPR article 15), in a form that machines read (article 20), for the organiser to hand
//! over. The service finds it by the address's fingerprint. The sealed record it can't open: the organiser does that, offline.

pub mod store;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::{Privacy, PrivacyError};
use crate::{
    accounts::Who,
    campaigns::{Campaign, settings::Purpose},
    pledges::mailbox::Email,
    sealing::ReviewCopy,
};

use store::{Found, OnWall, Row};

/// What is held about a person in one campaign.
pub struct Held<'a> {
    /// The campaign.
    pub campaign: &'a Campaign,
    /// The row.
    pub row: Row,
    /// What moderators may see, while it is kept.
    pub review: Option<ReviewCopy>,
    /// What was decided about showing it publicly; None: nothing.
    pub on_wall: Option<OnWall>,
}

impl Held<'_> {
    /// When the review copy goes.
    pub fn review_until(&self) -> DateTime<Utc> {
        self.row.created_at + TimeDelta::days(self.campaign.retention.review_days.into())
    }

    /// When everything goes; None while the campaign isn't closed.
    pub fn all_until(&self) -> Option<DateTime<Utc>> {
        self.campaign.closed_at.map(|closed| closed + TimeDelta::days(self.campaign.retention.record_days.into()))
    }

    /// The versions of the consent texts that were agreed to, by purpose.
    pub fn consents(&self) -> impl Iterator<Item = (Purpose, i16)> {
        let row = &self.row;
        let versions = [
            (Purpose::Updates, row.consent_updates),
            (Purpose::Partner, row.consent_partner),
            (Purpose::Public, row.consent_public),
        ];
        versions.into_iter().filter_map(|(purpose, version)| version.map(|version| (purpose, version)))
    }
}

impl Privacy {
    /// What is held about the person of an address in these campaigns. That it was asked goes on record first: who can't
    /// be recorded is not answered.
    ///
    /// # Errors
    /// See [`PrivacyError`].
    pub async fn held<'a>(
        &self,
        who: Option<&Who>,
        campaigns: &'a [Campaign],
        email: &Email,
    ) -> Result<Vec<Held<'a>>, PrivacyError> {
        let places = self.places(campaigns, email)?;
        let find = async |connection: &mut _| store::find(connection, who, campaigns, &places).await;
        let rows = self.database.run(find).await?;
        let mut held: Vec<_> = rows.into_iter().map(|(campaign, found)| self.opened(campaign, found)).collect();
        held.sort_by(|a, b| a.campaign.slug.cmp(&b.campaign.slug));
        Ok(held)
    }

    fn opened<'a>(&self, campaign: &'a Campaign, (row, on_wall): Found) -> Held<'a> {
        let open = |sealed: &Vec<u8>| {
            let opened = self.copies.open(campaign.id, row.id, sealed);
            opened.inspect_err(|_| tracing::error!("a review copy does not open")).ok()
        };
        let review = row.sealed_review.as_ref().and_then(open);
        Held { campaign, row, review, on_wall }
    }
}

/// A pledge's id in words, for the statement about the sealed record.
pub fn where_to_look(pledge: Uuid) -> String {
    format!(
        "Only the organiser can open it, offline, with the secret age key: it is the record of the pledge {pledge} in \
         the opened list."
    )
}
