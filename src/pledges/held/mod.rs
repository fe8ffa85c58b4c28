//! The end of being held. Moderators have the review window to judge a held pledge; then what they judge by is cleared, and the
//! campaign's `held_default` applies: the job of retention settles it in the run that clears the review copies, before them, so
//! that no row is left that nobody can judge. Seven days before, whoever runs the campaign is warned: in the list of held pledges,
//! by the doctor, in the log and in the figures.

pub mod store;

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::Pledges;
use crate::{
    campaigns::held_default::HeldDefault,
    db::{Database, DbError},
    logged,
};

/// How often it is looked for what ends soon.
const LOOK_EVERY: Duration = Duration::from_secs(600);

/// How often the log is told of one campaign.
const WARN_EVERY: Duration = Duration::from_secs(24 * 3_600);

/// Held pledges of a campaign that end within seven days.
#[derive(Clone, Debug)]
pub struct Ending {
    /// The campaign.
    pub campaign: Uuid,
    /// Its slug.
    pub slug: String,
    /// What becomes of them.
    pub default: HeldDefault,
    /// How many.
    pub pledges: i64,
    /// When the first of them ends; it may have just passed.
    pub first_at: DateTime<Utc>,
}

impl Ending {
    /// A sentence for operators.
    pub fn told(&self) -> String {
        let becomes = match self.default {
            HeldDefault::Count => "count",
            HeldDefault::Remove => "are removed",
        };
        format!(
            "{}: {} held pledges {becomes} within seven days, the first {}, unless a moderator looks at them before",
            self.slug,
            self.pledges,
            self.first_at.format("%F %R UTC")
        )
    }
}

impl Pledges {
    /// Warns of held pledges that end soon: in the figures, and once a day in the log. Runs until `stop` is cancelled.
    pub async fn watch_held(self, stop: CancellationToken) {
        let mut warned = HashMap::new();
        loop {
            match look(&self.database).await {
                Ok(endings) => {
                    self.held_ending.set(endings.iter().map(|ending| ending.pledges).sum());
                    for ending in &endings {
                        warn(ending, &mut warned);
                    }
                }
                // The publisher of the totals says it when the database is away.
                Err(DbError::Unavailable | DbError::Conflict) => {}
                Err(error) => {
                    tracing::error!(error = %logged::cause(error), "it can't be looked for held pledges that end soon");
                }
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }
}

async fn look(database: &Database) -> Result<Vec<Ending>, DbError> {
    database.run(async |connection| store::ending(connection, None).await).await
}

fn warn(ending: &Ending, warned: &mut HashMap<Uuid, Instant>) {
    if warned.get(&ending.campaign).is_some_and(|at| at.elapsed() < WARN_EVERY) {
        return;
    }
    warned.insert(ending.campaign, Instant::now());
    let (campaign, count) = (ending.slug.as_str(), ending.pledges);
    match ending.default {
        HeldDefault::Count => tracing::warn!(
            campaign,
            count,
            "held pledges count within seven days, unless a moderator looks at them before"
        ),
        HeldDefault::Remove => {
            tracing::warn!(
                campaign,
                count,
                "held pledges are removed within seven days, unless a moderator looks at them before"
            );
        }
    }
}
