//! What moderators took out of the totals, for everybody: day, amount, category. Without it a total that falls looks like
//! a mistake, or like something to hide. Which pledges, which countries and who removed them is told to nobody.

pub mod routes;
pub mod store;

use std::{sync::Arc, time::Duration};

use chrono::NaiveDate;
use serde::Serialize;
use tokio::time::Instant;
use utoipa::ToSchema;

use super::removals::Reason;
use crate::{
    db::{Database, DbError, copied::Copies},
    http::compressed::{Forms, Kind},
    totals::Totals,
};

/// A copy that is younger is not looked after.
const LOOK_AFTER: Duration = Duration::from_secs(2);

/// How long a load may take.
const LOAD_WITHIN: Duration = Duration::from_millis(1_500);

/// Lines that are told, newest first: years of a campaign that is corrected every day.
pub const MOST: i64 = 1_000;

/// What was taken out on one day for one kind of reason, and is still out.
#[derive(Debug, Serialize, ToSchema)]
pub struct Correction {
    /// The day (UTC) on which it was taken out. The history is corrected at the time at which the pledges were counted.
    #[schema(example = "2026-11-20")]
    day: NaiveDate,
    /// Pledges that were counted until then.
    #[schema(minimum = 1, example = 340)]
    count: i64,
    reason: Reason,
}

/// Corrections, newest first.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Corrections)]
pub struct CorrectionsBody {
    /// The campaign's slug.
    #[schema(example = "together-we-defend")]
    campaign: String,
    #[schema(max_items = 1000)]
    corrections: Vec<Correction>,
}

/// The handle: what is sent, campaign by campaign. Clones share it.
#[derive(Clone, Debug)]
pub struct Corrections {
    database: Database,
    totals: Totals,
    copies: Copies<Forms>,
}

impl Corrections {
    /// No copies yet.
    pub fn new(database: Database, totals: Totals) -> Self {
        Self { database, totals, copies: Copies::default() }
    }

    /// What is sent of a public campaign, at most some seconds old; None: there is no such campaign.
    ///
    /// # Errors
    /// When there is no copy and none can be loaded.
    async fn of(&self, slug: &str) -> Option<Result<Arc<Forms>, DbError>> {
        self.totals.published(slug)?;
        let load = async |_: Option<&Arc<Forms>>| {
            let until = Instant::now() + LOAD_WITHIN;
            let read = async |connection: &mut _| store::list(connection, slug).await;
            let corrections = self.database.run_until(until, read).await?;
            let body = CorrectionsBody { campaign: slug.to_owned(), corrections };
            let json = serde_json::to_vec(&body).map_err(|_| DbError::Defect("corrections can't be written"))?;
            Ok(Arc::new(Forms::new("corrections", KIND, &json)))
        };
        let fresh = |_: &Forms, looked: Instant| looked.elapsed() < LOOK_AFTER;
        Some(self.copies.of(slug).get(fresh, LOAD_WITHIN, load).await)
    }
}

const KIND: Kind =
    Kind { content: "application/json", caching: "public, max-age=10, stale-while-revalidate=60, stale-if-error=3600" };
