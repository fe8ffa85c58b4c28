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
/// exist, and the attempt is audited. In one that they may see they need the role that the operation asks for.
///
/// # Errors
/// [`Code::CampaignNotFound`], [`Code::Forbidden`], and those of the database.
pub async fn campaign(database: &Database, who: &Who, slug: &str) -> Result<Campaign, Problem> {
    let found = database.run(async |connection| store::find(connection, slug).await).await;
    let campaign = found.map_err(|error| match error {
        DbError::NotFound => Code::CampaignNotFound.into(),
        other => Problem::from(other),
    })?;
    if let Some(role) = who.role_in(campaign.id) {
        return if role < who.asked { Err(Code::Forbidden.into()) } else { Ok(campaign) };
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

/// The named campaign, or every one in which this person has the role that the operation asks for.
///
/// # Errors
/// As [`campaign`].
pub async fn one_or_all(database: &Database, who: &Who, slug: Option<&str>) -> Result<Vec<Campaign>, Problem> {
    if let Some(slug) = slug {
        return Ok(vec![campaign(database, who, slug).await?]);
    }
    let all = database.run(async |connection| store::list(connection).await).await?;
    Ok(all.into_iter().filter(|campaign| who.role_in(campaign.id).is_some_and(|role| role >= who.asked)).collect())
}
