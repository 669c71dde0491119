//! TLS at the gateway: PEM files come in, a rustls configuration that follows their renewals goes
//! out.
//!
//! # Why
//! Certificates live for weeks and are renewed by other programs. The files are looked at when a
//! client connects, and read again when they changed; a renewal that can't be read is told once in
//! the log, and the certificate before it goes on serving.
//!
//! # Limits
//! [`PEM_BYTES_MAX`] a file.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

/// Longest PEM file: a chain has a few kilobytes.
const PEM_BYTES_MAX: u64 = 1 << 20;

/// Makes the configuration of a TLS listener.
///
/// # Errors
/// What is wrong with the files, naming the file.
pub(super) fn server_config(certificate: &Path, key: &Path) -> io::Result<Arc<ServerConfig>> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let files = Files {
        certificate: certificate.to_owned(),
        key: key.to_owned(),
    };
    let newest = files.changed()?;
    let served = files.read(&provider)?;
    let resolver = Renewed {
        files,
        provider: Arc::clone(&provider),
        state: Mutex::new(State { newest, served }),
    };
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(resolver));
    Ok(Arc::new(config))
}

/// Where the certificate and its key are.
#[derive(Debug)]
struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

impl Files {
    /// When each was changed last.
    fn changed(&self) -> io::Result<[SystemTime; 2]> {
        Ok([changed(&self.certificate)?, changed(&self.key)?])
    }

    fn read(&self, provider: &CryptoProvider) -> io::Result<Arc<CertifiedKey>> {
        let pem = bytes(&self.certificate)?;
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
        let chain = chain.map_err(|error| named(&self.certificate, error))?;
        if chain.is_empty() {
            return Err(named(&self.certificate, "no certificate in PEM is in it"));
        }
        let pem = bytes(&self.key)?;
        let key = PrivateKeyDer::from_pem_slice(&pem).map_err(|error| named(&self.key, error))?;
        let served = CertifiedKey::from_der(chain, key, provider);
        let unfit = |error| named(&self.key, format!("does not fit the certificate: {error}"));
        Ok(Arc::new(served.map_err(unfit)?))
    }
}

fn changed(path: &Path) -> io::Result<SystemTime> {
    let metadata = std::fs::metadata(path).map_err(|error| named(path, error))?;
    if metadata.len() > PEM_BYTES_MAX {
        return Err(named(path, "longer than 1 MiB, so no PEM file"));
    }
    metadata.modified().map_err(|error| named(path, error))
}

fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    std::fs::read(path).map_err(|error| named(path, error))
}

fn named(path: &Path, what: impl std::fmt::Display) -> io::Error {
    io::Error::other(format!("`{}`: {what}", path.display()))
}

/// Serves the newest certificate that could be read.
#[derive(Debug)]
struct Renewed {
    files: Files,
    provider: Arc<CryptoProvider>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// The change of the files that was looked at last.
    newest: [SystemTime; 2],
    served: Arc<CertifiedKey>,
}

impl Renewed {
    fn look(&self) -> Arc<CertifiedKey> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Ok(newest) = self.files.changed()
            && newest != state.newest
        {
            state.newest = newest;
            match self.files.read(&self.provider) {
                Ok(served) => {
                    tracing::info!("the gateway's certificate was renewed");
                    state.served = served;
                }
                Err(error) => {
                    tracing::error!(%error, "the renewed certificate can't be used: the old one stays");
                }
            }
        }
        Arc::clone(&state.served)
    }
}

impl ResolvesServerCert for Renewed {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.look())
    }
}
