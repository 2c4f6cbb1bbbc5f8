//! What a service on the network does that a device does not: TLS, HTTP/2, who the client is behind a proxy, and a limit
//! for each address.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderMap;
use governor::clock::MonotonicClock;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};
use ipnet::IpNet;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::either::Either;
use usher_wire::{Code, Error};

use crate::peers::{Listener, Peer, Peers};
use crate::tls::Tls;

/// How long a client may take to agree on TLS.
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(10);

/// How clients on the network are treated.
pub struct Network {
    proxies: Vec<IpNet>,
    limiter: Option<Limiter>,
}

type Limiter = RateLimiter<IpAddr, HashMapStateStore<IpAddr>, MonotonicClock>;

impl Network {
    /// Believes what `proxies` say of who their client is, and takes so many requests a second from one address, with a
    /// burst of ten times that; none is no limit.
    pub fn new(proxies: Vec<IpNet>, requests_per_second: Option<NonZeroU32>) -> Self {
        let limiter = requests_per_second.map(|rate| {
            let burst = rate.saturating_mul(NonZeroU32::MIN.saturating_add(9));
            RateLimiter::new(
                Quota::per_second(rate).allow_burst(burst),
                HashMapStateStore::default(),
                MonotonicClock,
            )
        });
        Self { proxies, limiter }
    }

    /// Counts a request of the client, and refuses it when there were too many.
    pub(crate) fn count(&self, peer: Option<IpAddr>, headers: &HeaderMap) -> Result<(), Error> {
        let (Some(limiter), Some(peer)) = (&self.limiter, peer) else { return Ok(()) };
        limiter.check_key(&whole(self.client(peer, headers))).map_err(|_| {
            Error::new(
                Code::TooManyRequests,
                "too many requests from this address: wait a second and try again",
            )
        })
    }

    /// Forgets addresses that were silent for a while.
    pub fn forget(&self) {
        self.limiter.iter().for_each(RateLimiter::retain_recent);
    }

    /// The last address in the chain that no trusted proxy has: whoever stands before it could have written anything.
    fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let is_trusted = |address: &IpAddr| self.proxies.iter().any(|proxy| proxy.contains(address));
        let peer = peer.to_canonical();
        if !is_trusted(&peer) {
            return peer;
        }
        let chain = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
        let chain: Vec<&str> = chain.flat_map(|value| value.split(',')).collect();
        let mut client = peer;
        for hop in chain.iter().rev() {
            let Ok(address) = hop.trim().parse::<IpAddr>() else { break };
            client = address.to_canonical();
            if !is_trusted(&client) {
                break;
            }
        }
        client
    }
}

/// A client of IPv6 has a whole network of 2^64 addresses to itself.
fn whole(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() >> 64 << 64).into()),
        IpAddr::V4(_) => address,
    }
}

/// A listener for clients on the network, with TLS or without.
pub struct Public {
    tcp: TcpListener,
    tls: Option<Arc<Tls>>,
}

impl Public {
    /// Clients come to `tcp`.
    pub fn new(tcp: TcpListener, tls: Option<Arc<Tls>>) -> Self {
        Self { tcp, tls }
    }
}

impl Listener for Public {
    type Accepted = (std::net::TcpStream, SocketAddr, Option<TlsAcceptor>);
    type Stream = Either<TcpStream, tokio_rustls::server::TlsStream<TcpStream>>;
    const HTTP2: bool = true;

    fn moved(self) -> io::Result<Self> {
        Ok(Self { tcp: TcpListener::from_std(self.tcp.into_std()?)?, tls: self.tls })
    }

    async fn next(&self, _: &Peers) -> io::Result<(Self::Accepted, Peer)> {
        let (stream, address) = self.tcp.accept().await?;
        drop(stream.set_nodelay(true));
        let acceptor = self.tls.as_ref().map(|tls| tls.acceptor());
        Ok(((stream.into_std()?, address, acceptor), Peer::Own))
    }

    async fn open((stream, _, acceptor): Self::Accepted) -> io::Result<Self::Stream> {
        let stream = TcpStream::from_std(stream)?;
        match acceptor {
            None => Ok(Either::Left(stream)),
            Some(acceptor) => {
                let handshake = tokio::time::timeout(HANDSHAKE_WITHIN, acceptor.accept(stream));
                handshake.await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())).map(Either::Right)
            }
        }
    }

    fn address((_, address, _): &Self::Accepted) -> Option<IpAddr> {
        Some(address.ip())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(proxies: &[&str], peer: &str, chain: &[&str]) -> String {
        let network = Network::new(proxies.iter().map(|proxy| proxy.parse().unwrap()).collect(), None);
        let mut headers = HeaderMap::new();
        for value in chain {
            headers.append("x-forwarded-for", value.parse().unwrap());
        }
        network.client(peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn only_a_trusted_proxy_says_who_its_client_is() {
        let own = &["10.0.0.0/8", "::1/128"][..];
        assert_eq!(client(&[], "10.0.0.1", &["203.0.113.9"]), "10.0.0.1");
        assert_eq!(client(own, "203.0.113.7", &["203.0.113.9"]), "203.0.113.7");
        assert_eq!(client(own, "10.0.0.1", &["203.0.113.9"]), "203.0.113.9");
        assert_eq!(client(own, "10.0.0.1", &["198.51.100.1, 203.0.113.9", "10.0.0.2"]), "203.0.113.9");
        assert_eq!(client(own, "::ffff:10.0.0.1", &["203.0.113.9"]), "203.0.113.9");
        assert_eq!(client(own, "10.0.0.1", &["203.0.113.9, nonsense"]), "10.0.0.1");
        assert_eq!(client(own, "10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn one_address_is_limited_and_others_are_not() {
        let network = Network::new(Vec::new(), NonZeroU32::new(1));
        let count = |peer: &str| network.count(Some(peer.parse().unwrap()), &HeaderMap::new());
        let outcomes: Vec<bool> = (0..12).map(|_| count("2001:db8::1").is_ok()).collect();
        assert_eq!(outcomes.iter().filter(|is_let_in| **is_let_in).count(), 10);
        assert!(count("2001:db8::2").is_err(), "the same network");
        assert!(count("2001:db8:1::1").is_ok());
    }
}
