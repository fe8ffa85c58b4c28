//! How much memory a process has resident, as Linux tells it. Elsewhere it is not measured.

use std::{cell::RefCell, fs, rc::Rc, time::Duration};

use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Resident memory in MB (10^6 bytes).
pub fn resident_mb(pid: Option<u32>) -> Option<f64> {
    let text = fs::read_to_string(format!("/proc/{}/status", pid?)).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024.0 / 1e6)
}

/// Looks at a process again and again, until it is dropped.
pub struct Watch {
    samples: Rc<RefCell<Vec<(Duration, f64)>>>,
    _looking: JoinSet<()>,
}

impl Watch {
    /// Begins to look.
    pub fn begin(pid: Option<u32>) -> Self {
        let samples: Rc<RefCell<Vec<_>>> = Rc::default();
        let (into, began) = (samples.clone(), Instant::now());
        let mut looking = JoinSet::new();
        looking.spawn_local(async move {
            while let Some(resident) = resident_mb(pid) {
                into.borrow_mut().push((began.elapsed(), resident));
                sleep(LOOK_EVERY).await;
            }
        });
        Self { samples, _looking: looking }
    }

    /// The most that was seen between two moments since the beginning.
    pub fn most_between(&self, from: Duration, to: Duration) -> Option<f64> {
        let samples = self.samples.borrow();
        samples.iter().filter(|(at, _)| (from..to).contains(at)).map(|(_, resident)| *resident).max_by(f64::total_cmp)
    }

    /// The most that was seen.
    pub fn most(&self) -> Option<f64> {
        self.most_between(Duration::ZERO, Duration::MAX)
    }
}

/// For people.
pub fn mb(resident: Option<f64>) -> String {
    resident.map_or_else(|| "not measured here".to_owned(), |resident| format!("{resident:.0} MB"))
}
