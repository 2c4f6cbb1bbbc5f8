//! Sealing: tokens are written only encrypted, bound to what they are and whose. The one key of this device is in the
//! system's keyring or, where its user chose so, in a file that nobody else can read. It is not the tokens that go into
//! the keyring: some keyrings are too small for them, and a rotated token must be durable in one step with its account.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use tokio::sync::{Mutex, Semaphore};
use usher_domain::ambient::Ambient;
use usher_wire::Secret;
use zeroize::Zeroizing;

use crate::settings::TokenStore;
use usher_issuer::{Kind, Result, Trouble};

/// How long the keyring may take. A locked one may wait for a person who is not there.
const KEYRING_WITHIN: Duration = Duration::from_secs(5);
/// The name of our entries in the keyring.
const SERVICE: &str = "usher";
/// The first byte of everything sealed.
const FORM: u8 = 1;
const NONCE: usize = 24;

/// Keeps the key of this device. In its questions `device` names the installation.
pub(crate) struct Vault {
    pub(crate) store: TokenStore,
    file: PathBuf,
    ambient: Ambient,
    seal: Mutex<Option<Seal>>,
    /// One question to the keyring at a time: one that hangs must not pile up threads.
    keyring: Arc<Semaphore>,
}

impl Vault {
    pub(crate) fn new(store: TokenStore, data_dir: &Path, ambient: Ambient) -> Self {
        let file = data_dir.join("tokens.key");
        Self { store, file, ambient, seal: Mutex::default(), keyring: Arc::new(Semaphore::new(1)) }
    }

    /// The key for what is about to be written.
    pub(crate) async fn key(&self, device: &str) -> Result<Seal> {
        self.seal(device, true).await
    }

    /// The key for what was sealed while it was kept in `key_store`.
    pub(crate) async fn key_in(&self, device: &str, key_store: &str) -> Result<Seal> {
        if key_store != self.store.as_str() {
            let message = format!(
                "the tokens are sealed with a key in the {key_store}, and `token_store` names another place"
            );
            return Err(Trouble::new(Kind::Keyring, message));
        }
        self.seal(device, false).await
    }

    /// The key, asked for once. A missing one is made only for what is about to be sealed.
    async fn seal(&self, device: &str, may_make: bool) -> Result<Seal> {
        let mut kept = self.seal.lock().await;
        if let Some(seal) = kept.as_ref() {
            return Ok(seal.clone());
        }
        let new = may_make.then(|| self.ambient.secret::<32>());
        let key = match self.store {
            TokenStore::Keyring => self.ask_keyring(device.to_owned(), new).await?,
            TokenStore::File => self.read_file(new)?,
        };
        let cipher = Arc::new(XChaCha20Poly1305::new(&Key::from(key)));
        let seal = Seal { cipher, ambient: self.ambient.clone() };
        *kept = Some(seal.clone());
        Ok(seal)
    }

    async fn ask_keyring(&self, device: String, new: Option<[u8; 32]>) -> Result<[u8; 32]> {
        let silent = || Trouble::new(Kind::Keyring, "the keyring of this system does not answer");
        let turn = Arc::clone(&self.keyring).try_acquire_owned().map_err(|_| silent())?;
        let asking = tokio::task::spawn_blocking(move || {
            let key = key_in_keyring(&device, new);
            drop(turn);
            key
        });
        match tokio::time::timeout(KEYRING_WITHIN, asking).await {
            Ok(Ok(key)) => key,
            Ok(Err(_)) | Err(_) => Err(silent()),
        }
    }

    fn read_file(&self, new: Option<[u8; 32]>) -> Result<[u8; 32]> {
        let unusable = |error: io::Error| {
            Trouble::new(
                Kind::Keyring,
                format!("the key file {} cannot be used ({error})", self.file.display()),
            )
        };
        let bytes = match (fs::read(&self.file), new) {
            (Err(error), Some(new)) if error.kind() == io::ErrorKind::NotFound => {
                write_private(&self.file, &new).map_err(unusable)?;
                return Ok(new);
            }
            (read, _) => read.map_err(unusable)?,
        };
        check_private(&self.file).map_err(unusable)?;
        bytes.try_into().map_err(|_| unusable(io::Error::other("it does not hold a key")))
    }
}

/// Whether the keyring answers when it is asked for the key of this device, which need not be there yet.
pub(crate) async fn keyring_answers(device: String) -> Result<()> {
    let (answers, answer) = tokio::sync::oneshot::channel();
    // On a thread nobody waits for: a program that only looks must be able to end.
    std::thread::spawn(move || {
        let read = keyring::Entry::new(SERVICE, &device).and_then(|entry| entry.get_password());
        drop(answers.send(match read.map(Secret::from) {
            Ok(_) | Err(keyring::Error::NoEntry) => Ok(()),
            Err(error) => Err(unusable(&error)),
        }));
    });
    let silent = || Trouble::new(Kind::Keyring, "the keyring of this system does not answer");
    tokio::time::timeout(KEYRING_WITHIN, answer).await.map_err(|_| silent())?.map_err(|_| silent())?
}

/// The key, in hand: seals and opens without waiting, so also inside a transaction.
#[derive(Clone)]
pub(crate) struct Seal {
    cipher: Arc<XChaCha20Poly1305>,
    ambient: Ambient,
}

impl Seal {
    /// Encrypts `plain`, to be opened again only as the tokens of this user.
    pub(crate) fn close(&self, user: &str, plain: &[u8]) -> Result<Vec<u8>> {
        let nonce: [u8; NONCE] = self.ambient.secret();
        let bound = bound(user);
        let sealed = self
            .cipher
            .encrypt(&XNonce::from(nonce), Payload { msg: plain, aad: bound.as_bytes() })
            .map_err(|_| Trouble::new(Kind::Keyring, "the tokens are too long to be sealed"))?;
        Ok([&[FORM], nonce.as_slice(), sealed.as_slice()].concat())
    }

    /// Decrypts the tokens of this user.
    pub(crate) fn open(&self, user: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        let unreadable =
            || Trouble::new(Kind::Keyring, "the tokens were sealed with another key than the present one");
        let (form, rest) = sealed.split_first().ok_or_else(unreadable)?;
        let (nonce, sealed) =
            rest.split_first_chunk::<NONCE>().filter(|_| *form == FORM).ok_or_else(unreadable)?;
        let bound = bound(user);
        let payload = Payload { msg: sealed, aad: bound.as_bytes() };
        self.cipher.decrypt(&XNonce::from(*nonce), payload).map(Zeroizing::new).map_err(|_| unreadable())
    }
}

/// Version, kind and user: what a sealed text is bound to.
fn bound(user: &str) -> String {
    format!("usher|{FORM}|session|{user}")
}

fn unusable(error: &keyring::Error) -> Trouble {
    Trouble::new(Kind::Keyring, format!("the keyring of this system cannot be used ({error})"))
}

fn key_in_keyring(device: &str, new: Option<[u8; 32]>) -> Result<[u8; 32]> {
    let unusable = |error: keyring::Error| unusable(&error);
    let entry = keyring::Entry::new(SERVICE, device).map_err(unusable)?;
    let text = match (entry.get_password(), new) {
        (Err(keyring::Error::NoEntry), Some(new)) => {
            entry.set_password(&STANDARD.encode(new)).map_err(unusable)?;
            return Ok(new);
        }
        (read, _) => Secret::from(read.map_err(unusable)?),
    };
    let key = STANDARD.decode(text.expose()).ok().and_then(|bytes| bytes.try_into().ok());
    key.ok_or_else(|| Trouble::new(Kind::Keyring, "the entry `usher` in the keyring does not hold a key"))
}

/// Writes a new file as a whole, for its owner alone.
fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = path.with_extension("new");
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    // The name is as precious as the content.
    #[cfg(unix)]
    if let Some(folder) = path.parent() {
        fs::File::open(folder)?.sync_all()?;
    }
    Ok(())
}

#[cfg(unix)]
fn check_private(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    if fs::metadata(path)?.permissions().mode() & 0o077 == 0 {
        return Ok(());
    }
    Err(io::Error::other("others may read it: make it private again (chmod 600) and sign in again"))
}

#[cfg(not(unix))]
fn check_private(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vault(folder: &Path) -> Vault {
        Vault::new(TokenStore::File, folder, Ambient::of_this_machine())
    }

    #[tokio::test]
    async fn what_is_sealed_opens_for_the_same_user_only() {
        let folder = tempfile::tempdir().unwrap();
        let sealed = vault(folder.path()).key("d").await.unwrap().close("ada", b"token").unwrap();
        assert!(!sealed.windows(5).any(|window| window == b"token"));
        let again = vault(folder.path());
        let seal = again.key_in("d", "file").await.unwrap();
        assert_eq!(seal.open("ada", &sealed).unwrap().as_slice(), b"token");
        for (user, cut) in [("eve", 0), ("ada", 1), ("ada", sealed.len())] {
            let refused = seal.open(user, &sealed[..sealed.len() - cut]).unwrap_err();
            assert_eq!(refused.kind, Kind::Keyring, "{user} {cut}");
        }
        assert_eq!(again.key_in("d", "keyring").await.err().unwrap().kind, Kind::Keyring);
    }

    #[tokio::test]
    async fn opening_makes_no_key() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(vault(folder.path()).key_in("d", "file").await.err().unwrap().kind, Kind::Keyring);
        assert!(!folder.path().join("tokens.key").exists());
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_key_file_that_others_may_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        vault(folder.path()).key("d").await.unwrap();
        let file = folder.path().join("tokens.key");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(vault(folder.path()).key("d").await.err().unwrap().message.contains("others may read it"));
    }
}
