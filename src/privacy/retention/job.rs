//! The job: looks every few minutes, and at a start, for what is past its limit, and keeps months of the audit log ready.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{Order, run};
use crate::{
    audit::months::{self, DropError},
    db::Database,
    logged,
};

/// Runs again and again until it is told to stop; what is under way then is rolled back and done by the next one.
pub async fn repeat(database: Database, every: Duration, audit_months: i32, stop: CancellationToken) {
    let mut failing = false;
    loop {
        let ran = tokio::select! {
            () = stop.cancelled() => return,
            ran = run(&database, Order::default()) => ran,
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = look_after_the_log(&database, audit_months) => {}
        }
        match ran {
            Ok(_) if failing => {
                tracing::info!("retention is looked after again");
                failing = false;
            }
            Ok(_) => {}
            Err(error) => {
                if !failing {
                    tracing::warn!(error = %logged::cause(error), "what is past its limit can't be cleared now; it will be tried again");
                }
                failing = true;
            }
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(every) => {}
        }
    }
}

/// Nothing fails when it can't be done now: there are months ahead, and a part for everything else.
async fn look_after_the_log(database: &Database, months: i32) {
    match months::look_after(database, months).await {
        Ok(dropped) => {
            for month in dropped {
                tracing::info!(count = month.entries, "a month of the audit log was dropped after its time");
            }
        }
        Err(DropError::Wrong(_)) => {
            tracing::error!(
                "the audit log is not what was written; run pledges audit verify. No month of it is dropped"
            );
        }
        Err(DropError::Database(error)) => {
            tracing::warn!(error = %logged::cause(error), "months of the audit log can't be looked after now; it will be tried again");
        }
    }
}
