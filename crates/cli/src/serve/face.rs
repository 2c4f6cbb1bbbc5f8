//! How the device meets its callers: the server with its limits, the guard of each listener, the Unix socket.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use usher_device::Device;
use usher_device::data_dir::DataDir;
use usher_http::{Guard, Limits, Mode, Peers, Server};
use usher_wire::GuardStatus;

use crate::config::{self, Settings};

/// The settings of the face, and the device behind it.
pub(super) struct Face {
    device: Arc<Device>,
    mode: Mode,
    hosts: Vec<String>,
    uids: Vec<u32>,
    limits: Limits,
    socket: Option<Socket>,
}

/// A Unix socket, removed when dropped.
struct Socket {
    path: PathBuf,
    #[cfg(unix)]
    listener: std::cell::Cell<Option<tokio::net::UnixListener>>,
}

impl Face {
    /// Binds the socket in the data directory. A machine that cannot have one does without.
    pub(super) fn new(settings: &Settings, device: &Device, data_dir: &DataDir) -> Self {
        let mode = match settings.guard {
            Some(config::Guard::Legacy) => Mode::Legacy,
            Some(config::Guard::Strict) | None => Mode::Strict,
        };
        if mode == Mode::Legacy {
            tracing::warn!("guard is `legacy`: every web page this machine serves may call without approval");
        }
        let socket = Socket::bind(data_dir)
            .inspect_err(|error| tracing::warn!("no Unix socket ({error}): callers use TCP"))
            .ok();
        Self {
            device: Arc::new(device.clone()),
            mode,
            hosts: settings.hosts.clone(),
            uids: settings.allow_uids.clone(),
            limits: settings.limits(),
            socket,
        }
    }

    pub(super) fn server(&self, run_id: u32) -> Server {
        let peers = Peers::new(&self.uids);
        if !peers.are_checked() {
            tracing::warn!("this system does not tell who owns a TCP connection: other users of it may call");
        }
        let status = GuardStatus {
            mode: self.mode.as_str().to_owned(),
            checks_users: peers.are_checked(),
            socket: self.socket.as_ref().map(|socket| socket.path.display().to_string()),
        };
        Server::new(self.device.clone(), run_id, self.limits, peers, Some(status))
    }

    /// The guard of a listener at `address`.
    pub(super) fn guard(&self, address: SocketAddr) -> Guard {
        // Any loopback address can be listened on, so its own spelling counts beside the usual names.
        let names: Vec<String> = self.hosts.iter().cloned().chain([address.to_string()]).collect();
        Guard::new(address.port(), &names, self.device.clone(), self.mode)
    }

    /// Answers on the socket as well, if there is one.
    pub(super) fn listen_on_socket(&self, server: &Server) {
        #[cfg(unix)]
        if let Some(listener) = self.socket.as_ref().and_then(|socket| socket.listener.take()) {
            server.listen(listener, Guard::of_socket(self.device.clone(), self.mode));
        }
        #[cfg(not(unix))]
        let _ = server;
    }
}

impl Socket {
    /// The claim on the directory says that whoever left a socket here is gone.
    #[cfg(unix)]
    fn bind(data_dir: &DataDir) -> std::io::Result<Self> {
        use std::os::unix::fs::PermissionsExt;
        let path = data_dir.path().join("usher.sock");
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = tokio::net::UnixListener::bind(&path)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
        Ok(Self { path, listener: Some(listener).into() })
    }

    #[cfg(not(unix))]
    fn bind(_: &DataDir) -> std::io::Result<Self> {
        Err(std::io::ErrorKind::Unsupported.into())
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        drop(std::fs::remove_file(&self.path));
    }
}
