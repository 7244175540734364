//! `eda broker`, whatever the broker under test is: how it starts, what it costs, what it survives, how it ends.

use super::{PATIENCE, create};
use crate::support::{Broker, eda, wait_for, wire};
use std::io::{Read, Write};
use std::time::{Duration, Instant};

#[test]
fn its_first_line_is_its_address_and_ctrl_c_ends_it() {
    let broker = eda(&["broker", "--listen", "127.0.0.1:0"]).spawn();
    broker.wait_for_line("127.0.0.1:", PATIENCE);
    let address = broker.stdout().lines().next().unwrap().to_owned();
    assert_eq!(wire::brokers_known(&address), Ok(1));
    let topics = eda(&["topic", "list", "--brokers", &address])
        .run()
        .succeeds();
    topics.stderr_has("no topics");
    broker.interrupt();
    let output = broker.wait(PATIENCE).succeeds();
    assert_eq!(
        output.stdout,
        format!("{address}\n"),
        "nothing but the address"
    );
    assert!(wire::connect(&address).is_err(), "nobody listens any more");
}

#[test]
fn it_answers_within_50_ms_of_starting() {
    // The best of several: the machine has other work, the program has not.
    let start = || {
        let started = Instant::now();
        let broker = eda(&["broker", "--listen", "127.0.0.1:0"]).spawn();
        broker.wait_for_line("127.0.0.1:", PATIENCE);
        let address = broker.stdout().trim().to_owned();
        assert_eq!(wire::brokers_known(&address), Ok(1));
        started.elapsed()
    };
    let best = (0..10).map(|_| start()).min().unwrap();
    assert!(best < Duration::from_millis(50), "{best:?}");
}

#[test]
fn it_is_small_when_idle() {
    let broker = Broker::embedded(&[]);
    create(&broker, "orders", 6);
    // Beside it are pages of the program's file, ten times as many in a debug build as in one for release. The bench
    // counts these too, and is to stay under 30 MiB.
    let kibibytes = memory(&broker, "RssAnon:");
    assert!(kibibytes < 8 * 1024, "{kibibytes} KiB");
}

/// KiB of memory that the broker has.
#[track_caller]
pub(super) fn resident(broker: &Broker) -> u64 {
    memory(broker, "VmRSS:")
}

#[track_caller]
fn memory(broker: &Broker, which: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", broker.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(which));
    let number = line.unwrap().trim();
    number.trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn a_port_that_is_taken_is_said() {
    let broker = Broker::embedded(&[]);
    let second = eda(&["broker", "--listen", broker.address()]).run();
    assert!([1, 3].contains(&second.status), "{}", second.snapshot());
    second.stderr_has(broker.address());
}

#[test]
fn garbage_ends_its_own_connection_and_nobody_elses() {
    let broker = Broker::embedded(&[]);
    create(&broker, "orders", 1);
    let consume = eda(&["consume", "orders"]).on(&broker).spawn();
    let produce = |n: usize| {
        eda(&["produce", "orders", &format!("n={n}")])
            .on(&broker)
            .run()
            .succeeds()
    };
    produce(1);
    consume.wait_for_records(1, PATIENCE);
    let garbage: [&[u8]; 6] = [
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"\x00\x00\x00\x08\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x7f\xff\xff\xff",
        b"\x80\x00\x00\x00\x00\x00",
        b"\x00\x00\x00\x00",
        // A Metadata request whose array of topics claims two thousand million entries.
        b"\x00\x00\x00\x0e\x00\x03\x00\x01\x00\x00\x00\x07\xff\xff\x7f\xff\xff\xff",
    ];
    for bytes in garbage {
        let mut stream = wire::connect(broker.address()).unwrap();
        stream.write_all(bytes).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = Vec::new();
        // Ended by the broker, or answered with an error and then ended.
        let _ = stream.read_to_end(&mut answer);
        assert!(
            answer.len() < 1024,
            "{bytes:?} was answered with {} bytes",
            answer.len()
        );
        assert_eq!(
            wire::brokers_known(broker.address()),
            Ok(1),
            "after {bytes:?}"
        );
    }
    produce(2);
    consume.wait_for_records(2, PATIENCE);
}

#[test]
fn it_holds_no_more_than_it_may() {
    let broker = Broker::embedded(&["--memory", "1MiB"]);
    create(&broker, "orders", 1);
    let line = format!("{}\n", "x".repeat(1000));
    let produce = eda(&[
        "produce",
        "orders",
        "--raw",
        "-X",
        "message.timeout.ms=3000",
        "--timeout",
        "5s",
    ]);
    let output = produce.on(&broker).stdin(line.repeat(3000)).run();
    assert!([1, 3].contains(&output.status), "{}", output.snapshot());
    eda(&["consume", "orders", "-n", "1"])
        .on(&broker)
        .run()
        .succeeds();
}

#[test]
fn topics_are_there_from_the_start_and_a_file_says_when() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("broker.address");
    let schema = r#"{"title":"StockCounted","x-topic":"stock-counted","type":"object",
        "required":["eventType"],"properties":{"eventType":{"type":"string"}}}"#;
    let events = folder.path().join("events");
    std::fs::create_dir(&events).unwrap();
    std::fs::write(events.join("stock.json"), schema).unwrap();
    // Of one that was killed.
    std::fs::write(&file, "127.0.0.1:1\n").unwrap();
    let broker = eda(&["broker", "--listen", "127.0.0.1:0", "--from-events"])
        .args(["--topics", "order-created:6,payments"])
        .arg("--events")
        .arg(&events)
        .arg("--ready-file")
        .arg(&file)
        .spawn();
    broker.wait_for_line("127.0.0.1:", PATIENCE);
    let ready = wait_for(PATIENCE, || std::fs::read_to_string(&file).ok());
    let ready = ready.expect("the broker is ready in time");
    let address = ready.trim_end();
    let listed = eda(&["topic", "list", "--json", "--brokers", address]);
    let listed = listed.run().succeeds().json();
    let topic = |topic: &serde_json::Value| (topic["name"].clone(), topic["partitions"].clone());
    let topics: Vec<_> = listed.as_array().unwrap().iter().map(topic).collect();
    let expected = [("order-created", 6), ("payments", 3), ("stock-counted", 3)];
    assert_eq!(
        topics,
        expected.map(|(name, count)| (name.into(), count.into()))
    );
    broker.interrupt();
    broker.wait(PATIENCE).succeeds();
    assert!(!file.exists(), "nothing is ready any more");
}

#[test]
fn topics_that_cannot_be_are_refused() {
    for (topics, said) in [
        ("a b", "a b"),
        ("orders:0", "NAME:PARTITIONS"),
        ("orders,orders", "`orders`"),
        ("orders:2000000", "at most 100000 partitions"),
    ] {
        let broker = eda(&["broker", "--listen", "127.0.0.1:0", "--topics", topics]);
        let refused = broker.run().status(2);
        let refused = refused.stderr_has(said);
        assert_eq!(refused.stdout, "");
    }
}
