//! The certificate of a service, read from files and read again when they change.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// A certificate and its key.
pub struct Tls {
    certificate: PathBuf,
    key: PathBuf,
    config: RwLock<Arc<ServerConfig>>,
}

/// Why they cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the certificate {certificate} with the key {key} cannot be used: {reason}")]
pub struct TlsError {
    certificate: PathBuf,
    key: PathBuf,
    reason: String,
}

impl Tls {
    /// The certificate chain and the private key in these PEM files.
    pub fn read(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let config = load(certificate, key).map_err(|reason| TlsError {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
            reason,
        })?;
        Ok(Self { certificate: certificate.to_owned(), key: key.to_owned(), config: RwLock::new(config) })
    }

    /// Reads the files again whenever they change, until the future is dropped. Files that cannot be used change nothing.
    pub async fn watch(&self) {
        let mut last = self.modified();
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let modified = self.modified();
            if modified == last {
                continue;
            }
            last = modified;
            match load(&self.certificate, &self.key) {
                Ok(config) => {
                    *self.config.write().unwrap_or_else(PoisonError::into_inner) = config;
                    tracing::info!("the certificate was read again");
                }
                Err(reason) => {
                    tracing::warn!(reason, "the new certificate cannot be used: the old one stays")
                }
            }
        }
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.config.read().unwrap_or_else(PoisonError::into_inner)))
    }

    fn modified(&self) -> [Option<SystemTime>; 2] {
        [&self.certificate, &self.key]
            .map(|path| std::fs::metadata(path).and_then(|file| file.modified()).ok())
    }
}

fn load(certificate: &Path, key: &Path) -> Result<Arc<ServerConfig>, String> {
    let chain: Vec<_> = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect)
        .map_err(|error| format!("the certificate is not readable PEM ({error})"))?;
    if chain.is_empty() {
        return Err("there is no certificate in it".into());
    }
    let key = PrivateKeyDer::from_pem_file(key)
        .map_err(|error| format!("the key is not readable PEM ({error})"))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map_err(|error| error.to_string())?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
