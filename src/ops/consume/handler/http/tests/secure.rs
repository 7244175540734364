//! TLS, with certificates that sign themselves.

use super::*;
use openssl::asn1::Asn1Time;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::ssl::{Ssl, SslAcceptor, SslMethod};
use openssl::x509::extension::{BasicConstraints, SubjectAlternativeName};
use openssl::x509::{X509, X509NameBuilder};
use std::pin::Pin;
use tokio_openssl::SslStream;

/// A certificate for an address, and its key.
fn certificate(address: &str) -> (X509, PKey<Private>) {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
    let mut subject = X509NameBuilder::new().unwrap();
    subject.append_entry_by_text("CN", address).unwrap();
    let subject = subject.build();
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    builder.set_subject_name(&subject).unwrap();
    builder.set_issuer_name(&subject).unwrap();
    builder.set_pubkey(&key).unwrap();
    let day = |days| Asn1Time::days_from_now(days).unwrap();
    builder.set_not_before(&day(0)).unwrap();
    builder.set_not_after(&day(1)).unwrap();
    let constraints = BasicConstraints::new().ca().build().unwrap();
    builder.append_extension(constraints).unwrap();
    let mut names = SubjectAlternativeName::new();
    let names = names.ip(address).build(&builder.x509v3_context(None, None));
    builder.append_extension(names.unwrap()).unwrap();
    builder.sign(&key, MessageDigest::sha256()).unwrap();
    (builder.build(), key)
}

/// Listens on 127.0.0.1 with a certificate for this address.
async fn server(address: &str, folder: &std::path::Path) -> (String, PathBuf, JoinHandle<()>) {
    let (certificate, key) = certificate(address);
    let path = folder.join(format!("{address}.pem"));
    std::fs::write(&path, certificate.to_pem().unwrap()).unwrap();
    let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).unwrap();
    acceptor.set_certificate(&certificate).unwrap();
    acceptor.set_private_key(&key).unwrap();
    let acceptor = acceptor.build();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap());
    let task = tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let ssl = Ssl::new(acceptor.context()).unwrap();
            let mut stream = SslStream::new(ssl, stream).unwrap();
            let answer = service_fn(async |_| Ok::<_, Infallible>(status(200, "fine")));
            if Pin::new(&mut stream).accept().await.is_ok() {
                let serving = http1::Builder::new().serve_connection(TokioIo::new(stream), answer);
                tokio::spawn(serving);
            }
        }
    });
    (url, path, task)
}

#[tokio::test]
async fn a_server_must_be_who_it_is_called() {
    let folder = tempfile::tempdir().unwrap();
    let (url, authority, serving) = server("127.0.0.1", folder.path()).await;
    let trusting = bench_with(&url, |options| options.authorities = Some(authority));
    for _ in 0..3 {
        assert_eq!(trusting.post("{}").await, Ok(Handled::default()));
    }
    // Nobody on this machine signed it.
    let failure = bench(&url).failure("{}").await;
    assert_eq!(
        (failure.kind, &*failure.exception),
        (FailureKind::Transient, "tls")
    );
    assert!(failure.message.contains("self-signed"), "{failure}");

    let (other, authority, serving_other) = server("127.0.0.2", folder.path()).await;
    let trusting = bench_with(&other, |options| options.authorities = Some(authority));
    let failure = trusting.failure("{}").await;
    assert_eq!(&*failure.exception, "tls");
    assert!(failure.message.contains("IP address mismatch"), "{failure}");
    serving.abort();
    serving_other.abort();
}

#[tokio::test]
async fn who_does_not_speak_tls_is_none() {
    let plain = super::server(|_| status(200, "")).await;
    let failure = bench(&plain.url.replace("http:", "https:"))
        .failure("{}")
        .await;
    assert_eq!(
        (failure.kind, &*failure.exception),
        (FailureKind::Transient, "tls")
    );
}
