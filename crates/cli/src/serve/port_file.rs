//! The port file: where clients that do not scan (Raycast, C#) look first. Removed at exit.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long another daemon of this machine may take to accept a connection.
const ANSWERS_WITHIN: Duration = Duration::from_millis(100);

/// The written files; dropping it removes those that still name our port.
pub(super) struct PortFile {
    paths: Vec<PathBuf>,
    port: String,
}

impl PortFile {
    /// Writes the port that clients scan for, which is the last one bound. Failing is worth a notice, not more; a file
    /// that names another daemon's port is left to it.
    pub(super) fn write(addresses: &[SocketAddr]) -> Option<Self> {
        let port = addresses.last()?.port().to_string();
        let mut paths = Vec::new();
        for path in places().into_iter().filter(|path| !names_another(path, &port)) {
            match replace(&path, &port) {
                Ok(()) => paths.push(path),
                Err(error) => tracing::info!("no port file at {} ({error})", path.display()),
            }
        }
        Some(Self { paths, port })
    }
}

/// Clients watch the file, so it changes as a whole.
fn replace(path: &Path, port: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let new = path.with_extension("new");
    std::fs::write(&new, port)?;
    std::fs::rename(&new, path)
}

/// Whether the file names another port than ours on which somebody listens.
fn names_another(path: &Path, own: &str) -> bool {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let port = Some(text.trim()).filter(|text| *text != own).and_then(|text| text.parse().ok());
    port.is_some_and(|port| {
        TcpStream::connect_timeout(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)), ANSWERS_WITHIN).is_ok()
    })
}

impl Drop for PortFile {
    fn drop(&mut self) {
        for path in &self.paths {
            if std::fs::read_to_string(path).is_ok_and(|text| text == self.port) {
                drop(std::fs::remove_file(path));
            }
        }
    }
}

/// The documented places, by system.
fn places() -> Vec<PathBuf> {
    const FILE: &str = "com.pieces.os/production/Config/.port.txt";
    let home = dirs::home_dir();
    let local = dirs::data_local_dir();
    let folders = if cfg!(target_os = "macos") {
        vec![home.map(|home| home.join("Library"))]
    } else if cfg!(windows) {
        vec![
            home.map(|home| home.join("Documents")),
            local.map(|local| local.join("Mesh Intelligent Technologies, Inc.").join("Pieces OS")),
        ]
    } else {
        vec![home.map(|home| home.join("Documents"))]
    };
    folders.into_iter().flatten().map(|folder| folder.join(FILE)).collect()
}
