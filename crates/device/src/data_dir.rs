//! The data directory: private to its owner, and one daemon's at a time.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Why a data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ClaimError {
    /// Another daemon has it.
    #[error("usher is already running on {path}{}: use that one, or choose another --data-dir", at(.addresses))]
    AlreadyRunning {
        /// The directory.
        path: PathBuf,
        /// Where the other one listens, as it wrote it; empty while it is starting.
        addresses: Vec<String>,
    },
    /// Others may read it, or a file in it.
    #[error("{path} is open to other users (mode {mode:o}): run `chmod {right} {}` and start again", shell_word(.path))]
    TooOpen {
        /// The directory or the file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
        /// Those it should have.
        right: &'static str,
    },
    /// It is somebody else's.
    #[error("{path} belongs to another user: choose a directory of your own with --data-dir")]
    NotOwn {
        /// The directory.
        path: PathBuf,
    },
    /// It cannot be made, read or written.
    #[error(
        "{path} cannot be used as data directory: {source}; check that the path exists, is yours and can be written"
    )]
    Unusable {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

fn at(addresses: &[String]) -> String {
    if addresses.is_empty() { String::new() } else { format!(" at {}", addresses.join(" and ")) }
}

/// The path as one word of a shell, whatever is in its name.
pub fn shell_word(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "/._-+,:@%~".contains(character);
    if text.chars().all(is_plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

/// A claimed data directory. Dropping it lets the next daemon in.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    _lock: File,
}

impl DataDir {
    /// Makes the directory if needed, checks that it is private, and takes its lock.
    pub fn claim(path: &Path) -> Result<Self, ClaimError> {
        let unusable = |source| ClaimError::Unusable { path: path.to_owned(), source };
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(path).map_err(unusable)?;
        let path = std::path::absolute(path).map_err(unusable)?;
        check_private(&path)?;
        let lock = private_file(&path.join("lock")).map_err(unusable)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let text = std::fs::read_to_string(path.join("address")).unwrap_or_default();
                let addresses = text.lines().map(str::to_owned).collect();
                return Err(ClaimError::AlreadyRunning { path, addresses });
            }
            Err(TryLockError::Error(source)) => return Err(unusable(source)),
        }
        drop(std::fs::remove_file(path.join("address")));
        check_files(&path)?;
        Ok(Self { path, _lock: lock })
    }

    /// Where it is, absolute.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Tells a second instance where this one listens.
    pub fn write_addresses(&self, addresses: &[String]) -> io::Result<()> {
        let mut file = private_file(&self.path.join("address"))?;
        file.set_len(0)?;
        file.write_all(addresses.join("\n").as_bytes())
    }
}

#[cfg(unix)]
fn check_private(path: &Path) -> Result<(), ClaimError> {
    use std::os::unix::fs::MetadataExt;
    let metadata =
        path.metadata().map_err(|source| ClaimError::Unusable { path: path.to_owned(), source })?;
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err(ClaimError::NotOwn { path: path.to_owned() });
    }
    check_mode(path, &metadata, "700")
}

/// A file that is open to others was put here by a hand or a restore that did not mind; what it holds may be known.
#[cfg(unix)]
fn check_files(path: &Path) -> Result<(), ClaimError> {
    let unusable = |source| ClaimError::Unusable { path: path.to_owned(), source };
    for entry in std::fs::read_dir(path).map_err(unusable)? {
        let entry = entry.map_err(unusable)?;
        // Links are not followed: what they lead to has its own place and its own keeper.
        let metadata = entry.metadata().map_err(unusable)?;
        if metadata.is_file() {
            check_mode(&entry.path(), &metadata, "600")?;
        }
    }
    Ok(())
}

#[cfg(unix)]
fn check_mode(path: &Path, metadata: &std::fs::Metadata, right: &'static str) -> Result<(), ClaimError> {
    let mode = std::os::unix::fs::MetadataExt::mode(metadata) & 0o777;
    if mode & 0o077 == 0 { Ok(()) } else { Err(ClaimError::TooOpen { path: path.to_owned(), mode, right }) }
}

/// Elsewhere a profile folder is private by inheritance.
#[cfg(not(unix))]
fn check_private(_: &Path) -> Result<(), ClaimError> {
    Ok(())
}

#[cfg(not(unix))]
fn check_files(_: &Path) -> Result<(), ClaimError> {
    Ok(())
}

fn private_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
