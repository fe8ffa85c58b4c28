//! The shelf of access.

use chrono::{DateTime, NaiveDate, Utc};
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, Queryable, Selectable, SelectableHelper, pg::Pg};
use diesel_async::{AsyncConnection, RunQueryDsl};
use uuid::Uuid;

use crate::{
    accounts::Who,
    audit,
    campaigns::Campaign,
    db::{
        Connection, DbError,
        schema::{pledges, wall_entries},
    },
    privacy::{Place, entry},
};

/// All that stands in the row of a pledge, but the fingerprint and the sealed records themselves.
#[derive(Queryable, Selectable)]
#[diesel(table_name = pledges, check_for_backend(Pg))]
pub struct Row {
    /// The pledge.
    pub id: Uuid,
    /// Its state.
    pub state: String,
    /// Where from.
    pub country: String,
    /// BCP 47.
    pub language: Option<String>,
    /// Which page.
    pub source: Option<String>,
    /// The partner whose site it came from.
    pub partner_id: Option<Uuid>,
    /// When it was stored.
    pub created_at: DateTime<Utc>,
    /// When it was counted first.
    pub counted_at: Option<DateTime<Utc>>,
    /// When its mailbox confirmed it.
    pub confirmed_at: Option<DateTime<Utc>>,
    /// When its owner took it back.
    pub withdrawn_at: Option<DateTime<Utc>>,
    /// When the owner of the mailbox said that somebody else had entered it.
    pub suppressed_at: Option<DateTime<Utc>>,
    /// When the person was erased from it.
    pub erased_at: Option<DateTime<Utc>>,
    /// Version of the text agreed to.
    pub consent_updates: Option<i16>,
    /// Version of the text agreed to.
    pub consent_partner: Option<i16>,
    /// Version of the text agreed to.
    pub consent_public: Option<i16>,
    /// How much it looks like a bot's.
    pub score: i16,
    /// What stood out.
    pub signals: i32,
    /// For moderators.
    pub sealed_review: Option<Vec<u8>>,
    /// For the organiser.
    pub sealed_record: Option<Vec<u8>>,
    /// For the partner.
    pub sealed_for_partner: Option<Vec<u8>>,
}

/// What was decided about showing it publicly.
#[derive(Queryable, Selectable)]
#[diesel(table_name = wall_entries, check_for_backend(Pg))]
pub struct OnWall {
    /// shown, declined or hidden.
    pub state: String,
    /// As it is shown.
    pub name: Option<String>,
    /// As it is shown.
    pub message: Option<String>,
    /// Since which day (UTC).
    pub day: Option<NaiveDate>,
}

/// A row, and what was decided about showing it.
pub type Found = (Row, Option<OnWall>);

/// The rows at these places, with that they were asked for on record for each of the campaigns.
///
/// # Errors
/// Those of the database.
pub async fn find<'a>(
    connection: &mut Connection,
    who: Option<&Who>,
    campaigns: &[Campaign],
    places: &[Place<'a>],
) -> Result<Vec<(&'a Campaign, Found)>, DbError> {
    connection
        .transaction(async |connection| {
            let mut found = Vec::new();
            for place in places {
                let row: Option<Row> = pledges::table
                    .filter(pledges::campaign_id.eq(place.campaign.id))
                    .filter(pledges::fingerprint.eq(place.fingerprint))
                    .select(Row::as_select())
                    .first(connection)
                    .await
                    .optional()?;
                let Some(row) = row else { continue };
                let entry = wall_entries::table.find(row.id).select(OnWall::as_select());
                let on_wall = entry.first(connection).await.optional()?;
                found.push((place.campaign, (row, on_wall)));
            }
            for campaign in campaigns {
                audit::store::record(connection, entry(who, campaign.id, "access")).await?;
            }
            Ok(found)
        })
        .await
}
