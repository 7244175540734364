//! An embedded broker that asks who one is.

use crate::support::kafka_tools::tool;
use crate::support::{Broker, eda, excused};
use std::path::Path;

const MECHANISMS: [&str; 3] = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"];

/// A broker that lets in `alice`, whose password is `se,c=ret`, and `bob`.
fn guarded(folder: &Path) -> Broker {
    let (alice, bob) = (folder.join("alice"), folder.join("bob"));
    std::fs::write(&alice, "se,c=ret\n").unwrap();
    std::fs::write(&bob, "other").unwrap();
    let user = |name: &str, file: &Path| format!("{name}:{}", file.display());
    let (alice, bob) = (user("alice", &alice), user("bob", &bob));
    let arguments = ["--sasl-user", &alice, "--sasl-user", &bob];
    Broker::embedded(&[&arguments[..], &["--topics", "orders:2"]].concat())
}

#[test]
fn who_knows_the_password_is_let_in_by_every_mechanism() {
    let folder = tempfile::tempdir().unwrap();
    let broker = guarded(folder.path());
    let list = |mechanism: &str, user: &str, password: &str| {
        eda(&["topic", "list", "--timeout", "5s"])
            .args(["-X", "security.protocol=SASL_PLAINTEXT"])
            .args(["-X".to_owned(), format!("sasl.mechanism={mechanism}")])
            .args(["-X".to_owned(), format!("sasl.username={user}")])
            .env("EDA_X_SASL_PASSWORD", password)
            .on(&broker)
            .run()
    };
    for mechanism in MECHANISMS {
        list(mechanism, "alice", "se,c=ret")
            .succeeds()
            .stdout_has("orders");
        list(mechanism, "bob", "other")
            .succeeds()
            .stdout_has("orders");
        for (user, password) in [
            ("alice", "other"),
            ("carol", "se,c=ret"),
            ("alice", "se,c=ret "),
        ] {
            let refused = list(mechanism, user, password).status(3);
            assert!(!refused.stdout.contains("orders"), "{}", refused.snapshot());
            assert!(!refused.stderr.contains(password), "{}", refused.snapshot());
        }
    }
    let stranger = eda(&["topic", "list", "--timeout", "2s"]).on(&broker).run();
    assert!(!stranger.status(3).stdout.contains("orders"));
}

#[test]
fn a_file_without_a_password_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty");
    std::fs::write(&empty, "\n").unwrap();
    let user = format!("alice:{}", empty.display());
    let missing = format!("alice:{}", folder.path().join("none").display());
    for (arguments, said) in [
        (vec!["--sasl-user", &user], "holds no password"),
        (vec!["--sasl-user", &missing], "cannot read"),
        (vec!["--sasl-user", "alice"], "NAME:PASSWORD-FILE"),
    ] {
        let broker = eda(&["broker", "--listen", "127.0.0.1:0"]).args(arguments);
        broker.run().status(2).stderr_has(said);
    }
}

#[test]
fn javas_client_is_let_in() {
    if excused("javas_client_is_let_in") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let broker = guarded(folder.path());
    for mechanism in MECHANISMS {
        let module = match mechanism {
            "PLAIN" => "plain.PlainLoginModule",
            _ => "scram.ScramLoginModule",
        };
        let file = folder.path().join("client.properties");
        let properties = format!(
            "security.protocol=SASL_PLAINTEXT\nsasl.mechanism={mechanism}\n\
             sasl.jaas.config=org.apache.kafka.common.security.{module} required username=\"alice\" password=\"se,c=ret\";\n"
        );
        std::fs::write(&file, properties).unwrap();
        let config = file.display().to_string();
        let arguments = ["--command-config", &config, "--list"];
        let listed = tool(
            "org.apache.kafka.tools.TopicCommand",
            &broker,
            &arguments,
            "",
        );
        assert!(listed.contains("orders"), "{mechanism}: {listed}");
    }
}
