//! Who is at the other end of a connection: the user of this machine that owns its socket. A Unix socket tells by itself;
//! for TCP, Linux answers from its socket table.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};

/// The users of this machine that may call: the daemon's own, root, and those the settings name.
pub struct Peers {
    /// Whether it is a service on the network, which tells callers apart by their tokens.
    everybody: bool,
    #[cfg(unix)]
    allowed: Vec<u32>,
    #[cfg(target_os = "linux")]
    table: Option<std::sync::Mutex<table::SocketTable>>,
}

/// What is known of a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// It may call.
    Own,
    /// It is somebody else, or nobody can say who.
    Stranger,
}

impl Peers {
    /// The usual users and `extra` uids. Tries out on loopback whether this system tells who owns a TCP connection.
    pub fn new(extra: &[u32]) -> Self {
        #[cfg(not(unix))]
        let _ = extra;
        Self {
            everybody: false,
            #[cfg(unix)]
            allowed: [rustix::process::geteuid().as_raw(), 0]
                .into_iter()
                .chain(extra.iter().copied())
                .collect(),
            #[cfg(target_os = "linux")]
            table: table::SocketTable::tried_out().map(std::sync::Mutex::new),
        }
    }

    /// Whoever comes, from wherever.
    pub fn everybody() -> Self {
        Self {
            everybody: true,
            #[cfg(unix)]
            allowed: Vec::new(),
            #[cfg(target_os = "linux")]
            table: None,
        }
    }

    /// Whether users are told apart on TCP.
    pub fn are_checked(&self) -> bool {
        #[cfg(target_os = "linux")]
        return self.table.is_some();
        #[cfg(not(target_os = "linux"))]
        false
    }

    /// Who is at `peer` of a TCP connection accepted at `own`. Where the system cannot say, everybody is let in.
    #[cfg_attr(not(target_os = "linux"), expect(unused_variables, reason = "nothing tells here"))]
    fn of_tcp(&self, own: io::Result<SocketAddr>, peer: SocketAddr) -> Peer {
        #[cfg(target_os = "linux")]
        if let Some(table) = &self.table {
            let mut table = table.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let owner = own.and_then(|own| table.owner(peer, own));
            return owner.map_or(Peer::Stranger, |uid| self.judge(uid));
        }
        Peer::Own
    }

    /// Who is at the other end of a Unix socket.
    #[cfg(unix)]
    fn of_socket(&self, stream: &tokio::net::UnixStream) -> Peer {
        stream.peer_cred().map_or(Peer::Stranger, |peer| self.judge(peer.uid()))
    }

    #[cfg(unix)]
    fn judge(&self, uid: u32) -> Peer {
        if self.everybody || self.allowed.contains(&uid) { Peer::Own } else { Peer::Stranger }
    }
}

/// Where connections come in. They are accepted on one thread and served on another.
pub trait Listener: Sized + Send + Sync + 'static {
    /// A connection on its way between the threads.
    type Accepted: Send + 'static;
    /// A connection where it is served.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;
    /// Whether its connections may speak HTTP/2.
    const HTTP2: bool = false;

    /// The same, waiting on the thread that calls this.
    fn moved(self) -> io::Result<Self>;
    /// The next connection, and who is at its other end.
    fn next(&self, peers: &Peers) -> impl Future<Output = io::Result<(Self::Accepted, Peer)>> + Send;
    /// The connection, served on the thread that calls this.
    fn open(accepted: Self::Accepted) -> impl Future<Output = io::Result<Self::Stream>> + Send;
    /// Where it comes from, if that matters.
    fn address(_: &Self::Accepted) -> Option<IpAddr> {
        None
    }
}

impl Listener for TcpListener {
    type Accepted = std::net::TcpStream;
    type Stream = TcpStream;

    fn moved(self) -> io::Result<Self> {
        Self::from_std(self.into_std()?)
    }

    async fn next(&self, peers: &Peers) -> io::Result<(Self::Accepted, Peer)> {
        let (stream, address) = self.accept().await?;
        // Frames and answers are small and must not wait for each other.
        drop(stream.set_nodelay(true));
        let peer = peers.of_tcp(stream.local_addr(), address);
        Ok((stream.into_std()?, peer))
    }

    async fn open(accepted: Self::Accepted) -> io::Result<TcpStream> {
        TcpStream::from_std(accepted)
    }
}

#[cfg(unix)]
impl Listener for tokio::net::UnixListener {
    type Accepted = std::os::unix::net::UnixStream;
    type Stream = tokio::net::UnixStream;

    fn moved(self) -> io::Result<Self> {
        Self::from_std(self.into_std()?)
    }

    async fn next(&self, peers: &Peers) -> io::Result<(Self::Accepted, Peer)> {
        let (stream, _) = self.accept().await?;
        let peer = peers.of_socket(&stream);
        Ok((stream.into_std()?, peer))
    }

    async fn open(accepted: Self::Accepted) -> io::Result<Self::Stream> {
        tokio::net::UnixStream::from_std(accepted)
    }
}

#[cfg(target_os = "linux")]
mod table {
    //! The socket table of the kernel (`sock_diag(7)`), asked for one connection at a time: constant work, however many
    //! sockets there are.

    use std::io;
    use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};

    use netlink_packet_core::{NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload};
    use netlink_packet_sock_diag::SockDiagMessage;
    use netlink_packet_sock_diag::constants::{AF_INET, AF_INET6, IPPROTO_TCP, TCP_LISTEN};
    use netlink_packet_sock_diag::inet::{ExtensionFlags, InetRequest, InetResponse, SocketId, StateFlags};
    use netlink_sys::{Socket, SocketAddr as NetlinkAddr, protocols::NETLINK_SOCK_DIAG};

    /// A question to the kernel at a time.
    pub(super) struct SocketTable {
        kernel: Socket,
        asked: u32,
    }

    impl SocketTable {
        /// The table, if it finds a connection this very process makes.
        pub(super) fn tried_out() -> Option<Self> {
            let try_out = || -> io::Result<Self> {
                let mut table = Self::open()?;
                let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
                let caller = TcpStream::connect(listener.local_addr()?)?;
                let owner = table.owner(caller.local_addr()?, listener.local_addr()?)?;
                let own = rustix::process::geteuid().as_raw();
                if owner == own { Ok(table) } else { Err(io::ErrorKind::NotFound.into()) }
            };
            try_out().inspect_err(|error| tracing::debug!(%error, "no socket table")).ok()
        }

        fn open() -> io::Result<Self> {
            let mut kernel = Socket::new(NETLINK_SOCK_DIAG)?;
            kernel.bind_auto()?;
            kernel.connect(&NetlinkAddr::new(0, 0))?;
            // The kernel answers within the call that asks, so nothing is ever waited for.
            kernel.set_non_blocking(true)?;
            Ok(Self { kernel, asked: 0 })
        }

        /// The user that owns the socket at `peer` which is connected to `own`.
        pub(super) fn owner(&mut self, peer: SocketAddr, own: SocketAddr) -> io::Result<u32> {
            self.asked = self.asked.wrapping_add(1);
            self.ask(peer, own)?;
            loop {
                let (bytes, _) = self.kernel.recv_from_full()?;
                let answer =
                    NetlinkMessage::<SockDiagMessage>::deserialize(&bytes).map_err(io::Error::other)?;
                // What is left of an earlier question is none of this one.
                if answer.header.sequence_number != self.asked {
                    continue;
                }
                return match answer.payload {
                    NetlinkPayload::InnerMessage(SockDiagMessage::InetResponse(found)) => {
                        owner_of(&found, peer, own).ok_or_else(|| io::ErrorKind::NotFound.into())
                    }
                    _ => Err(io::ErrorKind::NotFound.into()),
                };
            }
        }

        fn ask(&self, peer: SocketAddr, own: SocketAddr) -> io::Result<()> {
            let mut header = NetlinkHeader::default();
            (header.flags, header.sequence_number) = (NLM_F_REQUEST, self.asked);
            let request = InetRequest {
                family: if peer.is_ipv4() { AF_INET } else { AF_INET6 },
                protocol: IPPROTO_TCP,
                extensions: ExtensionFlags::empty(),
                states: StateFlags::all(),
                socket_id: SocketId {
                    source_port: peer.port(),
                    destination_port: own.port(),
                    source_address: peer.ip(),
                    destination_address: own.ip(),
                    interface_id: 0,
                    // "Whichever": INET_DIAG_NOCOOKIE.
                    cookie: [0xff; 8],
                },
            };
            let mut message = NetlinkMessage::new(header, SockDiagMessage::InetRequest(request).into());
            message.finalize();
            let mut bytes = vec![0; message.buffer_len()];
            message.serialize(&mut bytes);
            self.kernel.send(&bytes, 0).map(drop)
        }
    }

    /// The owner, unless the socket has none any more: a closed one belongs to nobody, and the kernel says 0 for that,
    /// which is root. Where the connection is gone, the kernel answers with a listener of the same port instead.
    fn owner_of(found: &InetResponse, peer: SocketAddr, own: SocketAddr) -> Option<u32> {
        let (header, id) = (&found.header, &found.header.socket_id);
        let is_the_one = id.source_port == peer.port() && id.destination_port == own.port();
        (is_the_one && header.state != TCP_LISTEN && header.inode != 0).then_some(header.uid)
    }

    #[cfg(test)]
    mod tests {
        use std::io::Write;
        use std::net::{Ipv6Addr, Shutdown};

        use super::*;

        /// The owner as seen from an accepted connection.
        fn seen(table: &mut SocketTable, accepted: &TcpStream) -> io::Result<u32> {
            table.owner(accepted.peer_addr()?, accepted.local_addr()?)
        }

        fn accept(listener: &TcpListener, to: SocketAddr) -> (TcpStream, TcpStream) {
            let caller = TcpStream::connect(to).unwrap();
            (caller, listener.accept().unwrap().0)
        }

        #[test]
        fn a_connection_has_its_owner_in_either_family() {
            let own = rustix::process::geteuid().as_raw();
            let mut table = SocketTable::tried_out().unwrap();
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            let address = listener.local_addr().unwrap();
            // A socket of the other family can be connected as well.
            let mapped = SocketAddr::from((Ipv4Addr::LOCALHOST.to_ipv6_mapped(), address.port()));
            for to in [address, mapped] {
                let (_caller, accepted) = accept(&listener, to);
                assert_eq!(seen(&mut table, &accepted).unwrap(), own, "{to}");
            }
            let listener = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).unwrap();
            let (_caller, accepted) = accept(&listener, listener.local_addr().unwrap());
            assert_eq!(seen(&mut table, &accepted).unwrap(), own);
        }

        #[test]
        fn a_socket_that_was_closed_belongs_to_nobody() {
            let mut table = SocketTable::tried_out().unwrap();
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            let (mut caller, accepted) = accept(&listener, listener.local_addr().unwrap());
            caller.write_all(b"POST /user/clear").unwrap();
            caller.shutdown(Shutdown::Write).unwrap();
            assert!(seen(&mut table, &accepted).is_ok(), "half closed, its owner still waits for the answer");
            drop(caller);
            assert!(seen(&mut table, &accepted).is_err(), "else it would count as root's");
        }

        #[test]
        fn a_listener_on_the_port_of_a_connection_that_is_gone_is_not_its_owner() {
            let mut table = SocketTable::tried_out().unwrap();
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            let other = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            let (never, own) = (other.local_addr().unwrap(), listener.local_addr().unwrap());
            assert!(table.owner(never, own).is_err());
        }
    }
}
