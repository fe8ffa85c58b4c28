//! The shelf of that: which they are is a matter of retention, what becomes of them one of pledges ([`held`]).

use diesel_async::AsyncConnection;
use uuid::Uuid;

use crate::{
    audit,
    campaigns::held_default::HeldDefault,
    db::{Connection, DbError},
    pledges::held::{self, store::Which},
    privacy::retention::{
        Limit,
        store::{Plan, Step, note},
    },
};

/// Pledges that one transaction settles: who pledges doesn't wait, moderators do for some ten milliseconds.
const ROWS_AT_ONCE: i64 = 1_000;

/// Those whose review copy is due; of a campaign that ends all.
fn which(plan: &Plan) -> Which {
    if plan.ends || plan.ended { Which::All } else { Which::Before(plan.review_before, plan.review_bound) }
}

/// Settles some held pledges of a campaign.
///
/// # Errors
/// Those of the database; after [`DbError::Conflict`] the next run does it.
pub async fn settle(connection: &mut Connection, plan: &Plan, run: Uuid) -> Result<Step, DbError> {
    let default = HeldDefault::parse(&plan.held_default);
    let default = default.ok_or(DbError::Defect("a campaign's settings can't be read"))?;
    connection
        .transaction(async |connection| {
            let settled = held::store::settle(connection, plan.campaign_id, default, which(plan), ROWS_AT_ONCE).await?;
            let count = settled.as_ref().map_or(0, |(count, _)| *count);
            note(connection, run, Some(plan.campaign_id), Limit::Held, count).await?;
            if let Some((_, entry)) = settled {
                audit::store::record(connection, entry).await?;
            }
            Ok(Step::deleted(count, ROWS_AT_ONCE))
        })
        .await
}

/// How many would be settled.
///
/// # Errors
/// Those of the database.
pub async fn due(connection: &mut Connection, plan: &Plan) -> Result<i64, DbError> {
    held::store::due(connection, plan.campaign_id, which(plan)).await
}
