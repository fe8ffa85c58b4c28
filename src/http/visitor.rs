//! Where a request comes from: the peer, or what a trusted proxy says of it.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    net::{IpAddr, Ipv6Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use actix_web::{FromRequest, HttpMessage, HttpRequest, dev::Payload};
use ipnet::IpNet;

/// The address that a request came from. Never logged, never stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Visitor(pub IpAddr);

impl Visitor {
    /// Where a request came from, as [`TrustedProxies`] have it.
    pub fn of(request: &HttpRequest) -> Self {
        request.extensions().get::<Self>().copied().unwrap_or(Self(IpAddr::from([0, 0, 0, 0])))
    }

    /// What limits are counted by: an IPv4 address or an IPv6 /64, which is what one household or server gets.
    pub fn source(self) -> IpAddr {
        match self.0 {
            IpAddr::V4(_) => self.0,
            IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64))),
        }
    }
}

impl FromRequest for Visitor {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self::of(request)))
    }
}

/// The proxies that are believed about X-Forwarded-For. Clones share the one warning.
#[derive(Clone, Debug)]
pub struct TrustedProxies {
    networks: Arc<[IpNet]>,
    warned: Arc<AtomicBool>,
}

impl TrustedProxies {
    /// Believes these networks only.
    pub fn new(networks: &[IpNet]) -> Self {
        Self { networks: networks.into(), warned: Arc::default() }
    }

    /// Where the request comes from: the last address in `forwarded` that is not a trusted proxy's, when the peer is
    /// one; else the peer.
    pub fn visitor(&self, peer: IpAddr, forwarded: Option<&str>) -> Visitor {
        let peer = peer.to_canonical();
        let Some(forwarded) = forwarded else { return Visitor(peer) };
        if !self.trusts(peer) {
            if is_private(peer) && !self.warned.swap(true, Ordering::Relaxed) {
                tracing::warn!(
                    "X-Forwarded-For came from a private address that is not trusted and was ignored: every visitor \
                     looks the same, and limits hit everybody at once. If this is your reverse proxy, set \
                     PLEDGES_TRUSTED_PROXIES to its network"
                );
            }
            return Visitor(peer);
        }
        let mut source = peer;
        for hop in forwarded.rsplit(',').map(str::trim) {
            let Some(address) = address(hop) else { break };
            source = address.to_canonical();
            if !self.trusts(source) {
                break;
            }
        }
        Visitor(source)
    }

    pub(super) fn trusts(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(&address))
    }

    #[cfg(test)]
    fn has_warned(&self) -> bool {
        self.warned.load(Ordering::Relaxed)
    }
}

/// Some proxies add the port: `192.0.2.1:4711`, `[2001:db8::1]:4711`.
fn address(hop: &str) -> Option<IpAddr> {
    let bare = hop.trim_start_matches('[').trim_end_matches(']');
    bare.parse().ok().or_else(|| Some(hop.parse::<SocketAddr>().ok()?.ip()))
}

fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_private() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_source_is_an_ipv4_address_or_half_an_ipv6_address() {
        let source = |text| Visitor(ip(text)).source();
        assert_eq!(source("192.0.2.1"), ip("192.0.2.1"));
        assert_ne!(source("192.0.2.1"), source("192.0.2.2"));
        assert_eq!(source("2001:db8::1"), source("2001:db8::ffff:1:2:3"));
        assert_ne!(source("2001:db8::1"), source("2001:db8:0:1::1"));
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        let proxies = TrustedProxies::new(&["10.0.0.0/8".parse().unwrap()]);
        let from = |peer, forwarded| proxies.visitor(ip(peer), forwarded).0;
        assert_eq!(from("203.0.113.9", None), ip("203.0.113.9"));
        assert_eq!(from("203.0.113.9", Some("198.51.100.1")), ip("203.0.113.9"));
        assert_eq!(from("10.0.0.1", Some("6.6.6.6, 198.51.100.1")), ip("198.51.100.1"));
        assert_eq!(from("10.0.0.1", Some("198.51.100.1, 10.2.3.4")), ip("198.51.100.1"));
        assert_eq!(from("10.0.0.1", Some("nonsense")), ip("10.0.0.1"));
        assert_eq!(from("10.0.0.1", Some("6.6.6.6,198.51.100.1:4711")), ip("198.51.100.1"));
        assert_eq!(from("10.0.0.1", Some("6.6.6.6,[2001:db8::1]:4711")), ip("2001:db8::1"));
        assert_eq!(from("10.0.0.1", Some("6.6.6.6,[2001:db8::1]")), ip("2001:db8::1"));
        assert_eq!(from("::ffff:10.0.0.1", Some("198.51.100.1")), ip("198.51.100.1"));
    }

    #[test]
    fn a_private_address_that_is_not_trusted_warns() {
        let proxies = TrustedProxies::new(&[]);
        proxies.visitor(ip("203.0.113.9"), Some("1.2.3.4"));
        assert!(!proxies.has_warned(), "a stranger's header is no misconfiguration");
        proxies.visitor(ip("192.168.1.1"), Some("1.2.3.4"));
        assert!(proxies.has_warned());
    }
}
