//! Who may hold how many streams open: so many for each source, so many in all. Counted exactly.

use std::{
    collections::{HashMap, hash_map::Entry},
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::crypto::{CryptoError, Key};

/// How many places there are.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// For one source.
    pub per_source: u32,
    /// For everybody together.
    pub in_all: u32,
}

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// This source has all that one may have.
    Source,
    /// All are taken.
    All,
}

/// A source, so that no address stands in memory: its HMAC under a key that is made at start and kept nowhere else.
type Source = [u8; 32];

/// The places. Clones share them.
#[derive(Clone, Debug)]
pub struct Places(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    key: Key,
    limits: Limits,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    in_all: u32,
    /// Only sources that hold a place.
    by_source: HashMap<Source, u32>,
}

/// One place, until it is dropped.
#[derive(Debug)]
pub struct Place {
    places: Places,
    source: Source,
}

impl Places {
    /// Empty places.
    ///
    /// # Errors
    /// When there is no randomness for the key.
    pub fn new(limits: Limits) -> Result<Self, CryptoError> {
        Ok(Self(Arc::new(Shared { key: Key::random()?, limits, taken: Mutex::default() })))
    }

    /// Takes a place for `source`.
    ///
    /// # Errors
    /// When there is none.
    pub fn take(&self, source: IpAddr) -> Result<Place, Full> {
        let Limits { per_source, in_all } = self.0.limits;
        let source = self.0.key.hash(&[source.to_string().as_bytes()]);
        let mut taken = self.taken();
        let own = taken.by_source.get(&source).copied().unwrap_or(0);
        if own >= per_source {
            return Err(Full::Source);
        }
        if taken.in_all >= in_all {
            return Err(Full::All);
        }
        taken.by_source.insert(source, own + 1);
        taken.in_all += 1;
        drop(taken);
        Ok(Place { places: self.clone(), source })
    }

    /// How many are taken.
    pub fn in_use(&self) -> u32 {
        self.taken().in_all
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.0.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        taken.in_all -= 1;
        if let Entry::Occupied(mut own) = taken.by_source.entry(self.source) {
            *own.get_mut() -= 1;
            if *own.get() == 0 {
                own.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(per_source: u32, in_all: u32) -> Places {
        Places::new(Limits { per_source, in_all }).unwrap()
    }

    fn ip(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    #[test]
    fn a_source_gets_so_many_and_all_together_so_many() {
        let places = places(2, 3);
        let held = [places.take(ip(1)).unwrap(), places.take(ip(1)).unwrap()];
        assert_eq!(places.take(ip(1)).unwrap_err(), Full::Source);
        let other = places.take(ip(2)).unwrap();
        assert_eq!(places.take(ip(3)).unwrap_err(), Full::All);
        assert_eq!(places.in_use(), 3);
        drop(other);
        let _third = places.take(ip(3)).unwrap();
        drop(held);
        assert_eq!(places.in_use(), 1);
    }

    #[test]
    fn a_place_comes_back_and_a_source_without_one_is_forgotten() {
        let places = places(1, 100);
        for _ in 0..3 {
            let place = places.take(ip(1)).unwrap();
            assert_eq!(places.take(ip(1)).unwrap_err(), Full::Source);
            assert_eq!(places.taken().by_source.len(), 1);
            drop(place);
            assert_eq!(places.in_use(), 0);
            assert_eq!(places.taken().by_source.len(), 0);
        }
    }

    #[test]
    fn every_process_knows_a_source_by_another_name() {
        let (here, elsewhere) = (places(1, 100), places(1, 100));
        let _held = [here.take(ip(1)).unwrap(), elsewhere.take(ip(1)).unwrap()];
        let sources = |places: &Places| places.taken().by_source.keys().copied().collect::<Vec<_>>();
        assert_ne!(sources(&here), sources(&elsewhere));
    }
}
