//! Where the daemon listens: the addresses it is told, or the ports its clients look at.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::RangeInclusive;

use anyhow::{Context, bail};
use tokio::net::{TcpListener, TcpSocket};
use usher_device::IssuerSettings;

/// The port of the API's document; privileged on most systems.
const DOCUMENTED: u16 = 1000;
/// The ports clients scan; the first free one is taken.
const SCANNED: RangeInclusive<u16> = 39300..=39333;

/// Connections that may wait to be accepted. A caller that finds the queue full tries again only after a second.
const BACKLOG: u32 = 4096;

/// The listeners: exactly `addresses`, or without any the ports clients look at, on both address families.
pub(super) fn bind(addresses: &[SocketAddr]) -> anyhow::Result<Vec<TcpListener>> {
    if addresses.is_empty() {
        return bind_usual_ports();
    }
    let mut listeners = Vec::new();
    for address in addresses {
        let listener = listen(*address);
        listeners
            .push(listener.with_context(|| format!("cannot listen on {address}: choose another address"))?);
    }
    Ok(listeners)
}

fn bind_usual_ports() -> anyhow::Result<Vec<TcpListener>> {
    let mut listeners = match both_families(DOCUMENTED) {
        Ok(listeners) => listeners,
        Err(error) => {
            tracing::info!(
                "not listening on port {DOCUMENTED} ({error}); clients that scan find the other one"
            );
            Vec::new()
        }
    };
    for port in SCANNED {
        if let Ok(found) = both_families(port) {
            listeners.extend(found);
            return Ok(listeners);
        }
    }
    bail!(
        "no port of {}-{} is free: stop what uses them, or choose one with --listen",
        SCANNED.start(),
        SCANNED.end()
    )
}

/// IPv4 and IPv6 loopback on one port. A machine without IPv6 loopback does with one.
fn both_families(port: u16) -> io::Result<Vec<TcpListener>> {
    let four = listen(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port))?;
    match listen(SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), port)) {
        Ok(six) => Ok(vec![four, six]),
        // Somebody else's listener on the same number would answer clients that try IPv6 first.
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Err(error),
        Err(_) => Ok(vec![four]),
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A daemon that starts again takes its port while old connections still fade away.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Where browsers come back to after a sign-in: the last address bound, as clients scan for it, of IPv4 if there is one.
pub(super) fn usual(addresses: &[SocketAddr]) -> Option<SocketAddr> {
    addresses.iter().rev().find(|address| address.is_ipv4()).or(addresses.last()).copied()
}

/// Listeners on the ports that issuers want redirects on: for each of them the first that is free, unless the daemon
/// listens on one of them as it is.
pub(super) fn bind_redirect_ports(issuers: &[IssuerSettings], own: &[u16]) -> Vec<TcpListener> {
    let mut bound = own.to_vec();
    let mut listeners = Vec::new();
    for issuer in issuers.iter().filter(|issuer| !issuer.redirect_ports.is_empty()) {
        if issuer.redirect_ports.iter().any(|port| bound.contains(port)) {
            continue;
        }
        match first_free(&issuer.redirect_ports) {
            Some((port, listener)) => {
                bound.push(port);
                listeners.push(listener);
            }
            None => tracing::warn!(
                issuer = issuer.id(),
                "another program uses every redirect port of this issuer"
            ),
        }
    }
    listeners
}

fn first_free(ports: &[u16]) -> Option<(u16, TcpListener)> {
    let bound = |port: &u16| {
        listen(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), *port)).map(|listener| (*port, listener))
    };
    ports.iter().find_map(|port| bound(port).ok())
}
