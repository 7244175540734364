//! `eda broker --data`: what outlives it, who may use the directory, and what a disk does that takes no more.

use super::{PATIENCE, create};
use crate::support::running::Running;
use crate::support::{Broker, eda, wait_until, wire};
use std::path::Path;
use std::process::Command;

/// A broker and its address, with what it says.
fn talking_broker_in(folder: &Path) -> (Running, String) {
    let broker = eda(&["broker", "--listen", "127.0.0.1:0", "--data"])
        .arg(folder)
        .spawn();
    broker.wait_for_line("127.0.0.1:", PATIENCE);
    let address = broker.stdout().trim().to_owned();
    (broker, address)
}

#[track_caller]
fn produce(broker: &Broker, topic: &str, numbers: std::ops::Range<u32>) {
    let lines: String = numbers.map(|number| format!("{number}\n")).collect();
    eda(&["produce", topic, "-f", "%v\n"])
        .on(broker)
        .stdin(lines)
        .run()
        .succeeds();
}

#[track_caller]
fn consumed(broker: &Broker, arguments: &[&str]) -> Vec<u32> {
    let consume = eda(&["consume", "-f", "%v\n"]).args(arguments).on(broker);
    let output = consume.run().succeeds().stdout;
    output.lines().map(|line| line.parse().unwrap()).collect()
}

#[test]
fn everything_outlives_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let broker = Broker::embedded_in(folder.path());
    create(&broker, "orders", 1);
    eda(&[
        "topic",
        "create",
        "payments",
        "-p",
        "2",
        "-c",
        "retention.ms=7000000",
    ])
    .on(&broker)
    .run()
    .succeeds();
    create(&broker, "gone", 1);
    produce(&broker, "gone", 0..10);
    eda(&["topic", "delete", "gone", "--yes"])
        .on(&broker)
        .run()
        .succeeds();
    produce(&broker, "orders", 0..1000);
    let first = consumed(&broker, &["orders", "--group", "shipping", "-n", "400"]);
    assert_eq!(first, Vec::from_iter(0..400));
    eda(&["topic", "purge", "orders", "--before", "100", "--yes"])
        .on(&broker)
        .run()
        .succeeds();
    let described = |broker: &Broker, what: &[&str]| {
        let output = eda(what).args(["--json"]).on(broker).run().succeeds();
        output.json()
    };
    let questions: [&[&str]; 4] = [
        &["topic", "list", "--long"],
        &["topic", "describe", "payments"],
        &["lag", "--group", "shipping"],
        &["offsets", "show", "shipping"],
    ];
    let before = questions.map(|question| described(&broker, question));
    broker.kill();
    let broker = Broker::embedded_at(
        broker.address(),
        &[
            "--data",
            folder.path().to_str().unwrap(),
            "--topics",
            "orders:1,new:2",
        ],
    );
    let after = questions.map(|question| described(&broker, question));
    assert_eq!(before[1..], after[1..]);
    let names = |list: &serde_json::Value| {
        let rows = list.as_array().unwrap().iter();
        rows.map(|row| row["name"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&before[0]), ["orders", "payments"]);
    assert_eq!(names(&after[0]), ["new", "orders", "payments"]);
    let rest = consumed(&broker, &["orders", "--group", "shipping", "-n", "600"]);
    assert_eq!(rest, Vec::from_iter(400..1000));
    produce(&broker, "orders", 1000..1001);
    assert_eq!(
        consumed(&broker, &["orders", "-o", "-1", "-n", "1"]),
        [1000]
    );
}

#[test]
fn consumers_go_on_when_the_broker_is_back() {
    let folder = tempfile::tempdir().unwrap();
    let broker = Broker::embedded_in(folder.path());
    create(&broker, "orders", 4);
    let consume = eda(&["consume", "orders", "--group", "shipping", "-f", "%v\n"])
        .args(["-X", "reconnect.backoff.max.ms=100"])
        .on(&broker)
        .spawn();
    produce(&broker, "orders", 0..100);
    let lines = |running: &Running| running.stdout().lines().count();
    consume.wait_until("the first records", PATIENCE, |running| {
        lines(running) == 100
    });
    broker.kill();
    let data = ["--data", folder.path().to_str().unwrap()];
    let broker = Broker::embedded_at(broker.address(), &data);
    produce(&broker, "orders", 100..200);
    consume.wait_until("the other records", PATIENCE, |running| {
        lines(running) >= 200
    });
    let mut read: Vec<u32> = consume
        .stdout()
        .lines()
        .map(|line| line.parse().unwrap())
        .collect();
    read.sort_unstable();
    read.dedup();
    assert_eq!(read, Vec::from_iter(0..200));
    wait_until("all to be committed", PATIENCE, || {
        let lag = eda(&["lag", "--group", "shipping", "--total", "--json"]);
        lag.on(&broker).run().succeeds().json()[0]["lag"] == 0
    });
}

#[test]
fn one_broker_uses_a_directory_and_only_one_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let broker = Broker::embedded_in(folder.path());
    let start = |folder: &Path| {
        let second = eda(&["broker", "--listen", "127.0.0.1:0", "--data"]).arg(folder);
        second.run()
    };
    start(folder.path())
        .status(1)
        .stderr_has("another broker uses");
    create(&broker, "orders", 1);
    broker.kill();
    drop(broker);
    let meta = folder.path().join("meta.properties");
    let good = std::fs::read_to_string(&meta).unwrap();
    std::fs::write(&meta, good.replace("eda.format=1", "eda.format=2")).unwrap();
    start(folder.path())
        .status(1)
        .stderr_has("was written by a newer eda: its format is 2");
    // Kafka's own.
    std::fs::write(&meta, "version=1\ncluster.id=x\nnode.id=1\n").unwrap();
    start(folder.path())
        .status(1)
        .stderr_has("is not an embedded broker's");
    std::fs::write(&meta, good).unwrap();
    let other = tempfile::tempdir().unwrap();
    std::fs::write(other.path().join("thesis.txt"), "words").unwrap();
    start(other.path())
        .status(2)
        .stderr_has("holds something that is not a broker's");
    assert_eq!(std::fs::read_dir(other.path()).unwrap().count(), 1);
    let broker = Broker::embedded_in(folder.path());
    assert_eq!(wire::brokers_known(broker.address()), Ok(1));
}

#[test]
fn a_torn_end_is_cut_off_and_said_and_damage_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let broker = Broker::embedded_in(folder.path());
    create(&broker, "orders", 1);
    produce(&broker, "orders", 0..10);
    produce(&broker, "orders", 10..20);
    broker.kill();
    drop(broker);
    let segment = folder
        .path()
        .join("topics/orders/0/00000000000000000000.log");
    let whole = std::fs::read(&segment).unwrap();
    std::fs::write(&segment, &whole[..whole.len() - 3]).unwrap();
    let (broker, address) = talking_broker_in(folder.path());
    let said = broker.stderr();
    assert!(
        said.contains("an unfinished write was cut off the end of orders/0"),
        "{said}"
    );
    let read = eda(&[
        "consume",
        "orders",
        "-o",
        ":end",
        "-f",
        "%v\n",
        "--brokers",
        &address,
    ])
    .run()
    .succeeds();
    assert_eq!(read.stdout.lines().count(), 10);
    broker.interrupt();
    broker.wait(PATIENCE).succeeds();
    let mut damaged = whole;
    damaged[70] ^= 1;
    std::fs::write(&segment, &damaged).unwrap();
    let refused = eda(&["broker", "--listen", "127.0.0.1:0", "--data"])
        .arg(folder.path())
        .run()
        .status(1);
    let refused = refused.stderr_has("is damaged: what begins at byte 0 ");
    refused.stderr_has("truncate -s 0 ");
    assert_eq!(std::fs::read(&segment).unwrap(), damaged);
}

#[test]
fn a_disk_that_takes_no_more_refuses_producers_and_serves_readers() {
    let folder = tempfile::tempdir().unwrap();
    let ready = folder.path().join("ready");
    let data = folder.path().join("data");
    let said = folder.path().join("said");
    // A limit of the size of files is as good as a full disk: the write comes back short. 512-byte blocks, 256 KiB.
    let mut limited = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 512; exec \"$@\"", "sh"])
        .arg(crate::support::eda::program())
        .args(["broker", "--listen", "127.0.0.1:0", "--ready-file"])
        .arg(&ready)
        .arg("--data")
        .arg(&data)
        .stdout(std::process::Stdio::null())
        .stderr(std::fs::File::create(&said).unwrap())
        .spawn()
        .unwrap();
    wait_until("the broker", PATIENCE, || ready.exists());
    let address = std::fs::read_to_string(&ready).unwrap().trim().to_owned();
    let on = |arguments: &[&str]| eda(arguments).args(["--brokers", &address]);
    on(&["topic", "create", "orders", "-p", "1"])
        .run()
        .succeeds();
    let line = format!("{}\n", "x".repeat(10_000));
    let produced = on(&[
        "produce",
        "orders",
        "-f",
        "%v\n",
        "-X",
        "message.timeout.ms=2000",
    ])
    .args(["-X", "batch.num.messages=1"])
    .stdin(line.repeat(60))
    .run();
    assert_ne!(produced.status, 0, "{}", produced.snapshot());
    let count = |address: &str| {
        let read = eda(&[
            "consume",
            "orders",
            "-o",
            ":end",
            "-f",
            "%v\n",
            "--brokers",
            address,
        ]);
        read.run().succeeds().stdout.lines().count()
    };
    let kept = count(&address);
    assert!((20..30).contains(&kept), "{kept}");
    let said = std::fs::read_to_string(said).unwrap();
    let warnings = said.matches("cannot write to `").count();
    assert_eq!(warnings, 1, "{said}");
    // Another partition's file has room.
    on(&["topic", "create", "payments", "-p", "1"])
        .run()
        .succeeds();
    on(&["produce", "payments", "-f", "%v\n"])
        .stdin("1\n")
        .run()
        .succeeds();
    limited.kill().unwrap();
    limited.wait().unwrap();
    let (broker, address) = talking_broker_in(&data);
    assert!(!broker.stderr().contains("cut off"), "{}", broker.stderr());
    assert_eq!(count(&address), kept);
    eda(&["produce", "orders", "-f", "%v\n", "--brokers", &address])
        .stdin(line)
        .run()
        .succeeds();
    assert_eq!(count(&address), kept + 1);
}

#[test]
fn what_is_gone_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let (broker, address) = talking_broker_in(&data);
    let on = |arguments: &[&str]| eda(arguments).args(["--brokers", &address]);
    on(&["topic", "create", "orders", "-p", "1"])
        .run()
        .succeeds();
    on(&["topic", "create", "gone", "-p", "1"]).run().succeeds();
    // Moved away under it: what it would acknowledge now would be lost.
    let moved = folder.path().join("moved");
    std::fs::rename(&data, &moved).unwrap();
    broker.wait_until("it to notice", PATIENCE, |broker| {
        broker.stderr().contains("is not there any more")
    });
    let refused = on(&["produce", "orders", "n=1", "-X", "message.timeout.ms=1000"]).run();
    assert_ne!(refused.status, 0, "{}", refused.snapshot());
    broker.interrupt();
    broker.wait(PATIENCE).succeeds();
    std::fs::remove_dir_all(moved.join("topics/gone")).unwrap();
    let again = eda(&[
        "broker",
        "--listen",
        "127.0.0.1:0",
        "--topics",
        "orders:2",
        "--data",
    ])
    .arg(&moved)
    .spawn();
    again.wait_for_line("127.0.0.1:", PATIENCE);
    let said = again.stderr();
    assert!(
        said.contains("the folder of topic `gone` is gone"),
        "{said}"
    );
    assert!(
        said.contains("topic `orders` stays as it is: it has 1 partitions"),
        "{said}"
    );
    again.interrupt();
    again.wait(PATIENCE).succeeds();
    std::fs::remove_file(moved.join("journal")).unwrap();
    let refused = eda(&["broker", "--listen", "127.0.0.1:0", "--data"])
        .arg(&moved)
        .run();
    refused.status(1).stderr_has("is missing");
}

#[test]
fn with_fsync_nothing_changes_but_the_waiting() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["--data", folder.path().to_str().unwrap(), "--fsync"];
    let broker = Broker::embedded(&arguments);
    create(&broker, "orders", 2);
    produce(&broker, "orders", 0..500);
    let read = consumed(&broker, &["orders", "--group", "shipping", "-n", "500"]);
    assert_eq!(read.len(), 500);
    broker.kill();
    let broker = Broker::embedded(&arguments);
    let mut read = consumed(&broker, &["orders", "-o", ":end"]);
    read.sort_unstable();
    assert_eq!(read, Vec::from_iter(0..500));
    let refused = eda(&["broker", "--fsync"]).run().status(2);
    refused.stderr_has("--data");
}
