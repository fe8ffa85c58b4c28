//! Mails about what stands out: to those whom the operator has named, from the score on that each wants, about the same cluster once an hour
//! at the most, and never more than one mail in five minutes: what comes meanwhile waits for the next. They say that something is,
//! and not what: mail is read on its way.

pub mod store;

use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    db::{Database, DbError},
    logged,
    mail::Outbox,
};

/// Score from which on somebody is told who hasn't said otherwise.
pub const USUAL_SCORE: i16 = 500;

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// A look that takes longer is given up.
const PATIENCE: Duration = Duration::from_secs(20);

/// The job.
pub struct Alerts {
    database: Database,
    outbox: Outbox,
    told_closed: bool,
    told_failing: bool,
}

impl Alerts {
    /// Of all campaigns.
    pub fn new(database: Database, outbox: Outbox) -> Self {
        Self { database, outbox, told_closed: false, told_failing: false }
    }

    /// Writes again and again until `stop` is cancelled.
    pub async fn run(mut self, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            match self.work().await {
                Ok(_) => self.told_failing = false,
                // The publisher of the totals says it when the database is away.
                Err(DbError::Unavailable | DbError::Conflict) => {}
                Err(error) => {
                    if !self.told_failing {
                        tracing::error!(error = %logged::cause(error), "alerts can't be written");
                    }
                    self.told_failing = true;
                }
            }
        }
    }

    /// Writes what is due, unless another instance is at it. How many mails.
    ///
    /// # Errors
    /// Those of the database; then none was written.
    pub async fn work(&mut self) -> Result<usize, DbError> {
        let (deadline, outbox) = (Instant::now() + PATIENCE, &self.outbox);
        let written =
            self.database.run_until(deadline, async |connection| store::write(connection, outbox).await).await?;
        if written.mails > 0 {
            self.outbox.changed();
        }
        if written.closed > 0 && !self.told_closed {
            tracing::error!(
                count = written.closed,
                "addresses for alerts do not open: sealed under a root secret that isn't listed, or damaged; nobody is written to there"
            );
        }
        self.told_closed = written.closed > 0;
        Ok(written.mails)
    }
}
