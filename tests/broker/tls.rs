//! An embedded broker that speaks TLS.

use super::PATIENCE;
use crate::support::kafka_tools::tool;
use crate::support::{Broker, Eda, eda, excused, wire};
use openssl::asn1::Asn1Time;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::PKey;
use openssl::x509::extension::{BasicConstraints, SubjectAlternativeName};
use openssl::x509::{X509, X509NameBuilder};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

/// A certificate for the loopback address that signs itself, and its key.
fn certificate(folder: &Path, name: &str) -> (PathBuf, PathBuf) {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
    let mut subject = X509NameBuilder::new().unwrap();
    subject.append_entry_by_text("CN", name).unwrap();
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
    let names = names
        .ip("127.0.0.1")
        .build(&builder.x509v3_context(None, None));
    builder.append_extension(names.unwrap()).unwrap();
    builder.sign(&key, MessageDigest::sha256()).unwrap();
    let paths = (
        folder.join(format!("{name}.crt")),
        folder.join(format!("{name}.key")),
    );
    std::fs::write(&paths.0, builder.build().to_pem().unwrap()).unwrap();
    std::fs::write(&paths.1, key.private_key_to_pem_pkcs8().unwrap()).unwrap();
    paths
}

fn with_tls(arguments: &[&str], authority: &Path) -> Eda {
    let authority = format!("ssl.ca.location={}", authority.display());
    let flags = [
        "-X",
        "security.protocol=SSL",
        "-X",
        &authority,
        "--timeout",
        "5s",
    ];
    eda(arguments).args(flags)
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn records_go_both_ways_within_tls() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate_file, key) = certificate(folder.path(), "broker");
    let (other, other_key) = certificate(folder.path(), "other");
    let files = [
        "--tls-cert",
        text(&certificate_file),
        "--tls-key",
        text(&key),
    ];
    let broker = Broker::embedded(&[&files[..], &["--topics", "orders:2"]].concat());
    let lines: String = (0..5000)
        .map(|n| format!("{n} {}\n", "x".repeat(300)))
        .collect();
    let produce = with_tls(&["produce", "orders", "--raw"], &certificate_file);
    produce.on(&broker).stdin(lines).run().succeeds();
    let consume = ["consume", "orders", "-o", ":end", "-f", "%v\\n"];
    let consumed = with_tls(&consume, &certificate_file)
        .on(&broker)
        .run()
        .succeeds();
    assert_eq!(consumed.stdout.lines().count(), 5000);
    assert!(consumed.stdout.lines().all(|line| line.len() > 300));
    // A follower's long poll is answered, whenever it begins.
    let follow = ["consume", "orders", "-o", "end", "-n", "1"];
    let follow = with_tls(&follow, &certificate_file).on(&broker).spawn();
    let late = folder.path().join("late");
    std::fs::write(&late, "late\n".repeat(3000)).unwrap();
    let produce = ["produce", "orders", "--raw", "--rate", "50", text(&late)];
    let produce = with_tls(&produce, &certificate_file).on(&broker).spawn();
    follow.wait(PATIENCE).succeeds();
    produce.interrupt();
    produce.wait(PATIENCE).status(130);

    with_tls(&["topic", "list"], &other)
        .on(&broker)
        .run()
        .status(3);
    eda(&["topic", "list", "--timeout", "2s"])
        .on(&broker)
        .run()
        .status(3);
    // Garbage ends its own connection.
    let mut stream = wire::connect(broker.address()).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let list = with_tls(&["topic", "list"], &certificate_file);
    list.on(&broker).run().succeeds().stdout_has("orders");

    let mismatched = [
        "broker",
        "--listen",
        "127.0.0.1:0",
        "--tls-cert",
        text(&certificate_file),
    ];
    let refused = eda(&mismatched).args(["--tls-key", text(&other_key)]).run();
    refused.status(2).stderr_has("other.key");
    eda(&mismatched).run().status(2).stderr_has("--tls-key");
}

#[test]
fn javas_client_speaks_tls_and_sasl() {
    if excused("javas_client_speaks_tls_and_sasl") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = certificate(folder.path(), "broker");
    let password = folder.path().join("alice");
    std::fs::write(&password, "secret\n").unwrap();
    let user = format!("alice:{}", password.display());
    let files = ["--tls-cert", text(&certificate), "--tls-key", text(&key)];
    let more = ["--sasl-user", &user, "--topics", "orders"];
    let broker = Broker::embedded(&[&files[..], &more].concat());
    let file = folder.path().join("client.properties");
    let properties = format!(
        "security.protocol=SASL_SSL\nsasl.mechanism=SCRAM-SHA-512\n\
         ssl.truststore.type=PEM\nssl.truststore.location={}\n\
         sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required username=\"alice\" password=\"secret\";\n",
        certificate.display()
    );
    std::fs::write(&file, properties).unwrap();
    let arguments = ["--command-config", text(&file), "--list"];
    let listed = tool(
        "org.apache.kafka.tools.TopicCommand",
        &broker,
        &arguments,
        "",
    );
    assert!(listed.contains("orders"), "{listed}");
}
