//! Who has reported what: so that one source counts once for an entry. In bounded memory of each instance; no address stands there, only
//! a hash under a key that is made at start.

use std::{
    collections::HashSet,
    hash::{BuildHasher, RandomState},
    net::IpAddr,
    sync::{Mutex, PoisonError},
};

use uuid::Uuid;

/// Reports that are remembered, 9 bytes each; then all are forgotten.
const MOST: usize = 100_000;

#[derive(Default)]
pub(super) struct Reported {
    hasher: RandomState,
    hashes: Mutex<HashSet<u64>>,
}

impl Reported {
    /// Whether this source has reported the entry before.
    pub(super) fn by(&self, source: IpAddr, entry: Uuid) -> bool {
        let hash = self.hasher.hash_one((source, entry));
        self.hashes.lock().unwrap_or_else(PoisonError::into_inner).contains(&hash)
    }

    /// It has now.
    pub(super) fn note(&self, source: IpAddr, entry: Uuid) {
        let mut hashes = self.hashes.lock().unwrap_or_else(PoisonError::into_inner);
        if hashes.len() >= MOST {
            hashes.clear();
        }
        hashes.insert(self.hasher.hash_one((source, entry)));
    }
}
