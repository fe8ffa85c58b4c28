//! Copies in memory of what strangers ask for: however many ask, one loads, and what fails is not tried again at once.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, timeout};

use super::DbError;

/// How long everybody is served the copy that is there, or refused, after a load that failed.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(2);

/// How long one waits for somebody else's load when there is an older copy.
const WAIT_WITH_A_COPY: Duration = Duration::from_millis(250);

/// A copy for each public campaign that was asked for. Clones share them.
#[derive(Debug)]
pub struct Copies<T>(Arc<Mutex<HashMap<String, Arc<Copied<T>>>>>);

impl<T> Clone for Copies<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Default for Copies<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T> Copies<T> {
    /// The copy of a campaign. Only asked for campaigns that are public: strangers can't fill the memory with names.
    pub fn of(&self, slug: &str) -> Arc<Copied<T>> {
        let mut copies = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(copied) = copies.get(slug) {
            return copied.clone();
        }
        copies.entry(slug.to_owned()).or_default().clone()
    }
}

/// A copy that one caller renews while the others wait for it.
#[derive(Debug)]
pub struct Copied<T> {
    kept: Mutex<Kept<T>>,
    loading: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct Kept<T> {
    copy: Option<Arc<T>>,
    looked: Option<Instant>,
    failed: Option<Instant>,
}

impl<T> Default for Copied<T> {
    fn default() -> Self {
        Self {
            kept: Mutex::new(Kept { copy: None, looked: None, failed: None }),
            loading: tokio::sync::Mutex::default(),
        }
    }
}

impl<T> Copied<T> {
    fn kept(&self) -> MutexGuard<'_, Kept<T>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What can be answered at once: a fresh copy, or whatever there is shortly after a failure.
    fn at_once(&self, fresh: &impl Fn(&T, Instant) -> bool) -> Option<Result<Arc<T>, DbError>> {
        let kept = self.kept();
        let is_fresh = kept.copy.as_deref().zip(kept.looked).is_some_and(|(copy, looked)| fresh(copy, looked));
        let just_failed = kept.failed.is_some_and(|failed| failed.elapsed() < TRY_AGAIN_AFTER);
        (is_fresh || just_failed).then(|| kept.copy.clone().ok_or(DbError::Unavailable))
    }

    /// The copy, renewed by `load` (which takes no longer than `within`) unless it is fresh.
    ///
    /// # Errors
    /// Those of the load, when there is no older copy.
    pub async fn get(
        &self,
        fresh: impl Fn(&T, Instant) -> bool,
        within: Duration,
        load: impl AsyncFnOnce(Option<&Arc<T>>) -> Result<Arc<T>, DbError>,
    ) -> Result<Arc<T>, DbError> {
        if let Some(answer) = self.at_once(&fresh) {
            return answer;
        }
        let old = self.kept().copy.clone();
        let patience = if old.is_some() { WAIT_WITH_A_COPY } else { within };
        let Ok(_loading) = timeout(patience, self.loading.lock()).await else {
            return old.ok_or(DbError::Unavailable);
        };
        // Somebody else may have loaded it meanwhile.
        if let Some(answer) = self.at_once(&fresh) {
            return answer;
        }
        let begun = Instant::now();
        let abandoned = Abandoned(self);
        let loaded = load(old.as_ref()).await;
        drop(abandoned);
        let mut kept = self.kept();
        match loaded {
            Ok(copy) => {
                *kept = Kept { copy: Some(copy.clone()), looked: Some(begun), failed: None };
                Ok(copy)
            }
            Err(error) => {
                kept.failed = Some(Instant::now());
                old.ok_or(error)
            }
        }
    }
}

/// A load that ends with its caller, who hung up, counts as failed once there is a copy: who hangs up again and again
/// doesn't make the database work more than who waits.
struct Abandoned<'a, T>(&'a Copied<T>);

impl<T> Drop for Abandoned<'_, T> {
    fn drop(&mut self) {
        let mut kept = self.0.kept();
        if kept.copy.is_some() {
            kept.failed = Some(Instant::now());
        }
    }
}

#[cfg(test)]
mod tests;
