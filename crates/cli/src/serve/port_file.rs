//! The port file: where clients that do not scan (Raycast, C#) look first. Removed at exit.

use std::net::SocketAddr;
use std::path::PathBuf;

/// The written files; dropping it removes those that still name our port.
pub(super) struct PortFile {
    paths: Vec<PathBuf>,
    port: String,
}

impl PortFile {
    /// Writes the port that clients scan for, which is the last one bound. Failing is worth a notice, not more.
    pub(super) fn write(addresses: &[SocketAddr]) -> Option<Self> {
        let port = addresses.last()?.port().to_string();
        let mut paths = Vec::new();
        for path in places() {
            let written = path
                .parent()
                .map_or(Ok(()), std::fs::create_dir_all)
                .and_then(|()| std::fs::write(&path, &port));
            match written {
                Ok(()) => paths.push(path),
                Err(error) => tracing::info!("no port file at {} ({error})", path.display()),
            }
        }
        Some(Self { paths, port })
    }
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
