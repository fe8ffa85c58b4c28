//! What may not be old: kept for moments, loaded by one caller while the others wait, and never served when it can't be renewed.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::{Instant, timeout};

use super::{KEPT_FOR, LOAD_WITHIN};
use crate::db::DbError;

/// A copy that is served for [`KEPT_FOR`] from the beginning of its load: what was changed before that is in it.
pub(super) struct Fresh<T> {
    kept: Mutex<Option<(Instant, Arc<T>)>>,
    loading: tokio::sync::Mutex<()>,
}

impl<T> Default for Fresh<T> {
    fn default() -> Self {
        Self { kept: Mutex::default(), loading: tokio::sync::Mutex::default() }
    }
}

impl<T> Fresh<T> {
    fn at_once(&self) -> Option<Arc<T>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, copy) = kept.as_ref().filter(|(begun, _)| begun.elapsed() < KEPT_FOR)?;
        Some(copy.clone())
    }

    /// The copy, or what `load` gives until the time that it is told.
    ///
    /// # Errors
    /// [`DbError::Unavailable`] after [`LOAD_WITHIN`] of waiting for somebody else's load, and those of the load.
    pub(super) async fn get(&self, load: impl AsyncFnOnce(Instant) -> Result<T, DbError>) -> Result<Arc<T>, DbError> {
        if let Some(copy) = self.at_once() {
            return Ok(copy);
        }
        let waited = timeout(LOAD_WITHIN, self.loading.lock()).await;
        let _loading = waited.map_err(|_| DbError::Unavailable)?;
        if let Some(copy) = self.at_once() {
            return Ok(copy);
        }
        let begun = Instant::now();
        let copy = Arc::new(load(begun + LOAD_WITHIN).await?);
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = Some((begun, copy.clone()));
        Ok(copy)
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, time::Duration};

    use futures_util::future::join_all;

    use super::*;

    #[tokio::test]
    async fn many_wait_for_one_load_and_nothing_is_served_for_longer_than_it_is_kept() {
        let (fresh, loads) = (Fresh::default(), Cell::new(0));
        let ask = async || {
            let load = async |_: Instant| {
                loads.set(loads.get() + 1);
                tokio::task::yield_now().await;
                Ok(loads.get())
            };
            *fresh.get(load).await.unwrap()
        };
        assert_eq!(join_all((0..50).map(|_| ask())).await, [1; 50]);
        tokio::time::sleep(KEPT_FOR).await;
        assert_eq!(ask().await, 2);
    }

    #[tokio::test]
    async fn a_copy_counts_from_the_beginning_of_its_load() {
        let fresh = Fresh::default();
        let slow = async |_: Instant| {
            tokio::time::sleep(KEPT_FOR).await;
            Ok(1)
        };
        assert_eq!(*fresh.get(slow).await.unwrap(), 1);
        assert_eq!(*fresh.get(async |_| Ok(2)).await.unwrap(), 2, "it was too old when it came");
    }

    #[tokio::test]
    async fn what_can_not_be_renewed_is_not_served() {
        let fresh = Fresh::default();
        assert_eq!(*fresh.get(async |_| Ok(1)).await.unwrap(), 1);
        tokio::time::sleep(KEPT_FOR + Duration::from_millis(1)).await;
        assert!(fresh.get(async |_| Err(DbError::Unavailable)).await.is_err());
        assert_eq!(*fresh.get(async |_| Ok(2)).await.unwrap(), 2, "and who asks next tries anew");
    }
}
