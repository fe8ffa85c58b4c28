//! How many pledges came by which partner, for everybody, where the campaign publishes it. The numbers are rounded down to a
//! multiple of the threshold, the large ones too, and change together with the rounded numbers of countries (rule 8).

pub mod routes;
pub mod store;

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use serde::Serialize;
use tokio::time::Instant;
use utoipa::ToSchema;

use crate::{
    campaigns::Campaigns,
    db::{Database, DbError, copied::Copies},
};

/// A copy that is younger is not looked after.
const LOOK_AFTER: Duration = Duration::from_secs(2);

/// How long a load may take.
const LOAD_WITHIN: Duration = Duration::from_millis(1_500);

/// Partners that are told, the largest first.
pub const MOST: i64 = 500;

/// A partner's number.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PartnerCount {
    /// The organisation.
    #[schema(example = "Human Rights House")]
    pub name: String,
    /// Counted pledges that came by its pages and servers, rounded down to a multiple of `threshold`.
    #[schema(minimum = 1, example = 1_250)]
    pub count: i64,
}

/// Partners' numbers, the largest first. They don't add up to the total: pledges by the campaign's own pages, and what is
/// rounded away, are in none of them.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = PartnerCounts)]
pub struct PartnerCountsBody {
    /// The campaign's slug.
    #[schema(example = "together-we-defend")]
    campaign: String,
    /// Numbers are rounded down to a multiple of this; 1: nothing is rounded.
    #[schema(minimum = 1, example = 5)]
    threshold: i64,
    /// When they were last renewed, all together.
    as_of: DateTime<Utc>,
    /// A partner with less than `threshold` pledges is left out.
    #[schema(max_items = 500)]
    pub partners: Vec<PartnerCount>,
}

/// The handle: a copy for each campaign that publishes them. Clones share it.
#[derive(Clone, Debug)]
pub struct ByPartner {
    database: Database,
    campaigns: Campaigns,
    copies: Copies<PartnerCountsBody>,
}

impl ByPartner {
    /// No copies yet.
    pub fn new(database: Database, campaigns: Campaigns) -> Self {
        Self { database, campaigns, copies: Copies::default() }
    }

    /// What a campaign publishes, at most some seconds old; None: it publishes nothing of partners, or isn't public.
    ///
    /// # Errors
    /// When there is no copy and none can be loaded.
    pub async fn of(&self, slug: &str) -> Result<Option<Arc<PartnerCountsBody>>, DbError> {
        if !self.campaigns.find(slug).is_some_and(|campaign| campaign.publish_partners) {
            return Ok(None);
        }
        let load = async |_: Option<&Arc<PartnerCountsBody>>| {
            let until = Instant::now() + LOAD_WITHIN;
            let read = async |connection: &mut _| store::read(connection, slug).await;
            let (head, partners) = self.database.run_until(until, read).await?;
            let (threshold, as_of) = (head.threshold.into(), head.reread_at);
            Ok(Arc::new(PartnerCountsBody { campaign: slug.to_owned(), threshold, as_of, partners }))
        };
        let fresh = |_: &PartnerCountsBody, looked: Instant| looked.elapsed() < LOOK_AFTER;
        self.copies.of(slug).get(fresh, LOAD_WITHIN, load).await.map(Some)
    }
}
