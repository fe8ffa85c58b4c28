//! The life of the process: background tasks, the signal to stop, and waiting until all have stopped.

use std::{future::Future, time::Duration};

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Starts tasks and stops them together. Clones share one life.
#[derive(Clone, Debug, Default)]
pub struct Tasks {
    stop: CancellationToken,
    tracker: TaskTracker,
}

impl Tasks {
    /// A token that is cancelled when the tasks must stop.
    pub fn stop_token(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Runs `task` on the current runtime. It must end soon after [`Self::stop_token`] is cancelled.
    pub fn start<F>(&self, name: &'static str, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let stop = self.stop.clone();
        self.tracker.spawn(async move {
            task.await;
            if !stop.is_cancelled() {
                tracing::error!(task = name, "a background task ended before its time");
            }
        });
    }

    /// Runs `task`, which has its own way to be stopped and may end at any time.
    pub fn start_unsupervised<F>(&self, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.tracker.spawn(task);
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
