//! How many connections one source holds open. No address stands in memory: a source is told by its `SipHash` under a key that is
//! made at start.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{TrustedProxies, Visitor};

/// Counts connections by source. Clones share the counts; there are never more than connections.
#[derive(Clone)]
pub struct Connections(Arc<Inner>);

struct Inner {
    most: u32,
    proxies: TrustedProxies,
    hasher: RandomState,
    open: Mutex<HashMap<u64, u32>>,
}

impl Inner {
    fn open(&self) -> MutexGuard<'_, HashMap<u64, u32>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One open connection. It counts until it is dropped.
pub struct Held(Option<(Connections, u64)>);

impl Connections {
    /// So many for one source; as many as there are for a trusted proxy, behind which everybody stands.
    pub fn new(most: u32, proxies: TrustedProxies) -> Self {
        Self(Arc::new(Inner { most, proxies, hasher: RandomState::new(), open: Mutex::default() }))
    }

    /// A connection of `peer`. None: it has too many.
    pub fn open(&self, peer: IpAddr) -> Option<Held> {
        let peer = peer.to_canonical();
        if self.0.proxies.trusts(peer) {
            return Some(Held(None));
        }
        let source = self.0.hasher.hash_one(Visitor(peer).source());
        let mut open = self.0.open();
        let count = open.entry(source).or_insert(0);
        if *count >= self.0.most {
            return None;
        }
        *count += 1;
        Some(Held(Some((self.clone(), source))))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let Some((connections, source)) = &self.0 else { return };
        let mut open = connections.0.open();
        if let Some(count) = open.get_mut(source) {
            *count -= 1;
            if *count == 0 {
                open.remove(source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_has_so_many_and_a_proxy_as_many_as_there_are() {
        let proxies = TrustedProxies::new(&["10.0.0.0/8".parse().unwrap()]);
        let connections = Connections::new(2, proxies);
        let open = |peer: &str| connections.open(peer.parse().unwrap());
        let held = (open("2001:db8::1").unwrap(), open("2001:db8::2").unwrap());
        assert!(open("2001:db8::3").is_none(), "one /64 is one source");
        assert!(open("2001:db8:0:1::1").is_some());
        drop(held);
        assert!(connections.0.open().is_empty(), "nobody is remembered who has gone");
        assert!(open("2001:db8::3").is_some());
        let many: Vec<_> = (0..10).map(|_| open("::ffff:10.0.0.1")).collect();
        assert!(many.iter().all(Option::is_some));
    }
}
