//! TLS as `sslmode` has it.

use super::address::{Check, Tls};
use crate::error::{Error, Result};
use openssl::ssl::{SslConnector, SslMethod, SslVerifyMode};
use postgres_openssl::MakeTlsConnector;

/// What the driver makes connections with.
///
/// # Errors
/// A usage error when the file of certificates cannot be used.
pub fn connector(tls: &Tls) -> Result<MakeTlsConnector> {
    let failed = |error: openssl::error::ErrorStack| {
        Error::failed("OpenSSL cannot be set up").caused_by(error)
    };
    let mut builder = SslConnector::builder(SslMethod::tls_client()).map_err(failed)?;
    match &tls.roots {
        Some(path) => builder.set_ca_file(path).map_err(|error| {
            Error::usage(format!("`{}` holds no certificates", path.display())).caused_by(error)
        })?,
        None if tls.check != Check::Nothing => {
            let found = openssl_probe::probe();
            if let Some(file) = found.cert_file {
                builder.set_ca_file(file).map_err(failed)?;
            }
        }
        None => {}
    }
    // A file of certificates that is named is meant, as libpq has it: `require` then asks who has signed.
    let check = match tls.check {
        Check::Nothing if tls.roots.is_some() => Check::Authority,
        check => check,
    };
    builder.set_verify(match check {
        Check::Nothing => SslVerifyMode::NONE,
        Check::Authority | Check::Host => SslVerifyMode::PEER,
    });
    let mut connector = MakeTlsConnector::new(builder.build());
    connector.set_callback(move |connection, _| {
        connection.set_verify_hostname(check == Check::Host);
        Ok(())
    });
    Ok(connector)
}
