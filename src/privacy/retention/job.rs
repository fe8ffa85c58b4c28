//! The job: looks every few minutes, and at a start, for what is past its limit.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{Order, run};
use crate::{db::Database, logged};

/// Runs again and again until it is told to stop; what is under way then is rolled back and done by the next one.
pub async fn repeat(database: Database, every: Duration, stop: CancellationToken) {
    let mut failing = false;
    loop {
        let ran = tokio::select! {
            () = stop.cancelled() => return,
            ran = run(&database, Order::default()) => ran,
        };
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
