//! The broker's certificate.

use std::path::{Path, PathBuf};

use openssl::ssl::{SslAcceptor, SslContextRef, SslFiletype, SslMethod};

use crate::error::{Error, Result};

/// Where a certificate and its key are, as PEM.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// The certificate, and those that sign it, in their order.
    pub certificate: PathBuf,
    /// The certificate's private key, without a password.
    pub key: PathBuf,
}

/// What is needed to shake hands: TLS 1.2 and 1.3, with the ciphers Mozilla calls intermediate.
pub(crate) struct Tls(SslAcceptor);

impl std::fmt::Debug for Tls {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Tls")
    }
}

impl Tls {
    /// Fails where a file cannot be read, or the key is not the certificate's.
    pub(crate) fn new(files: &TlsFiles) -> Result<Tls> {
        let wrong = |path: &Path, error: openssl::error::ErrorStack| {
            let text = format!("cannot use `{}`", path.display());
            Error::usage(text).caused_by(error)
        };
        let certificate = |error| wrong(&files.certificate, error);
        let key = |error| wrong(&files.key, error);
        let mut acceptor =
            SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).map_err(certificate)?;
        acceptor
            .set_certificate_chain_file(&files.certificate)
            .map_err(certificate)?;
        acceptor
            .set_private_key_file(&files.key, SslFiletype::PEM)
            .and_then(|()| acceptor.check_private_key())
            .map_err(key)?;
        Ok(Tls(acceptor.build()))
    }

    pub(crate) fn context(&self) -> &SslContextRef {
        self.0.context()
    }
}
