//! Who sees which campaign: everybody who works on campaigns asks here.

use serde_json::json;

use super::{Campaign, store};
use crate::{
    accounts::Who,
    audit::{self, Entry},
    db::{Database, DbError},
    http::{Code, Problem},
};

/// The campaign, drafts too, if this person may see it. Somebody else's campaign is not found, like one that doesn't
/// exist, and the attempt is audited.
///
/// # Errors
/// [`Code::CampaignNotFound`], and those of the database.
pub async fn campaign(database: &Database, who: &Who, slug: &str) -> Result<Campaign, Problem> {
    let found = database.run(async |connection| store::find(connection, slug).await).await;
    let campaign = found.map_err(|error| match error {
        DbError::NotFound => Code::CampaignNotFound.into(),
        other => Problem::from(other),
    })?;
    if who.may_see(campaign.id) {
        return Ok(campaign);
    }
    let entry = Entry {
        moderator: Some(who.id),
        campaign: Some(campaign.id),
        action: "access.denied",
        details: json!({ "session": who.session }),
    };
    database.run(async |connection| audit::store::record(connection, entry).await).await?;
    Err(Code::CampaignNotFound.into())
}

/// The named campaign, or every one that this person may see.
///
/// # Errors
/// As [`campaign`].
pub async fn one_or_all(database: &Database, who: &Who, slug: Option<&str>) -> Result<Vec<Campaign>, Problem> {
    if let Some(slug) = slug {
        return Ok(vec![campaign(database, who, slug).await?]);
    }
    let all = database.run(async |connection| store::list(connection).await).await?;
    Ok(all.into_iter().filter(|campaign| who.may_see(campaign.id)).collect())
}
