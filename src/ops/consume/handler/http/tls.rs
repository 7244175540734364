//! TLS to the server: verified, by the certificates that this machine trusts.

use crate::error::{Error, Result};
use openssl::ssl::{SslConnector, SslMethod, SslVersion};
use openssl::x509::X509VerifyResult;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use tokio::net::TcpStream;
use tokio_openssl::SslStream;

/// Verifies by `authorities`, a PEM file, or, without one, by what OpenSSL usually finds on this machine: its own places
/// are built into it, and are not this machine's.
///
/// # Errors
/// Usage: the file cannot be used.
pub(super) fn connector(authorities: Option<&Path>) -> Result<SslConnector> {
    let failed = |error| Error::failed("cannot prepare TLS").caused_by(error);
    let mut builder = SslConnector::builder(SslMethod::tls_client()).map_err(failed)?;
    builder
        .set_min_proto_version(Some(SslVersion::TLS1_2))
        .map_err(failed)?;
    match authorities {
        Some(file) => {
            // The library takes no other paths.
            let path = file.to_str().map(PathBuf::from);
            let path =
                path.ok_or_else(|| Error::usage("the path of the certificates is not UTF-8"))?;
            builder.set_ca_file(&path).map_err(|error| {
                let text = format!("cannot read certificates from `{}`", path.display());
                Error::usage(text).caused_by(error)
            })?;
        }
        None => {
            let found = openssl_probe::probe();
            let text = |path: &PathBuf| path.to_str().map(PathBuf::from);
            if let Some(file) = found.cert_file.as_ref().and_then(text)
                && let Err(error) = builder.load_verify_locations(Some(&file), None)
            {
                tracing::warn!(%error, file = %file.display(), "cannot read certificates");
            }
            for folder in found.cert_dir.iter().filter_map(text) {
                // A folder is looked into when a certificate is to be verified.
                let _ = builder.load_verify_locations(None, Some(&folder));
            }
        }
    }
    Ok(builder.build())
}

/// Shakes hands with the server, which must be who it is called.
pub(super) async fn connect(
    connector: &SslConnector,
    host: &str,
    stream: TcpStream,
) -> Result<SslStream<TcpStream>, String> {
    let prepared = connector
        .configure()
        .and_then(|configuration| configuration.into_ssl(host))
        .and_then(|ssl| SslStream::new(ssl, stream));
    let mut stream = prepared.map_err(|error| error.to_string())?;
    match Pin::new(&mut stream).connect().await {
        Ok(()) => Ok(stream),
        Err(error) => Err(match stream.ssl().verify_result() {
            X509VerifyResult::OK => error.to_string(),
            wrong => wrong.error_string().to_owned(),
        }),
    }
}
