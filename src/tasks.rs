//! The life of the process: background tasks, the signal to stop, and waiting until all have stopped.

use std::{future::Future, panic::AssertUnwindSafe, time::Duration};

use futures_util::FutureExt;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Starts tasks and stops them together. Clones share one life.
#[derive(Clone, Debug, Default)]
pub struct Tasks {
    stop: CancellationToken,
    broken: CancellationToken,
    tracker: TaskTracker,
}

impl Tasks {
    /// A token that is cancelled when the tasks must stop.
    pub fn stop_token(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Runs `task` on the current runtime. It must end soon after [`Self::stop_token`] is cancelled, and not before: a
    /// service whose task has ended or panicked only looks alive, so [`Self::broken`] completes and it ends.
    pub fn start<F>(&self, name: &'static str, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (stop, broken) = (self.stop.clone(), self.broken.clone());
        self.tracker.spawn(async move {
            let ended = AssertUnwindSafe(task).catch_unwind().await;
            if ended.is_err() || !stop.is_cancelled() {
                tracing::error!(task = name, "a task ended before its time");
                broken.cancel();
            }
        });
    }

    /// Completes when a task has ended before its time.
    pub async fn broken(&self) {
        self.broken.cancelled().await;
    }

    /// Tells all tasks to stop and waits for them, `patience` at the most. Returns whether all have stopped.
    pub async fn stop(&self, patience: Duration) -> bool {
        self.stop.cancel();
        self.tracker.close();
        tokio::time::timeout(patience, self.tracker.wait()).await.is_ok()
    }
}

/// Completes when the process is asked to stop: SIGINT or SIGTERM.
///
/// # Errors
/// When the signal handlers can't be installed.
pub async fn stop_signal() -> std::io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_that_panics_or_ends_too_early_is_noticed() {
        let panicking = Tasks::default();
        panicking.start("panics", async { panic!("on purpose") });
        panicking.broken().await;
        let ending = Tasks::default();
        ending.start("ends", async {});
        ending.broken().await;
        let sound = Tasks::default();
        sound.start("waits", sound.stop_token().cancelled_owned());
        assert!(sound.stop(Duration::from_secs(5)).await);
        assert!(!sound.broken.is_cancelled());
    }
}
