//! Many clients at once, of the embedded broker.

use super::embedded::resident;
use super::{PATIENCE, create};
use crate::support::{Broker, eda, wait_until, wire};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::io::Read;
use std::net::TcpStream;

const CROWD: usize = 2000;
/// KiB of records for the slow reader: far more than a connection's buffers take.
const RECORDS: usize = 32 * 1024;

#[test]
fn two_thousand_idle_connections_and_one_slow_reader_hold_nobody_up() {
    allow_open_files(CROWD as u64 + 500);
    // Fewer than the crowd needs: the broker has to raise it.
    let broker = Broker::embedded_with_open_files(1024);
    create(&broker, "large", 1);
    create(&broker, "orders", 3);
    let line = format!("{}\n", "x".repeat(1023));
    let plain = ["--raw", "-X", "compression.type=none"];
    eda(&["produce", "large"])
        .args(plain)
        .on(&broker)
        .stdin(line.repeat(RECORDS))
        .run()
        .succeeds();
    let before = resident(&broker);

    let mut crowd: Vec<TcpStream> = (0..CROWD)
        .map(|_| wire::connect(broker.address()).unwrap())
        .collect();
    let answered = |crowd: &mut [TcpStream]| {
        for (number, stream) in crowd.iter_mut().enumerate() {
            let known = wire::brokers_known_over(stream);
            assert_eq!(known, Ok(1), "connection {number}");
        }
    };
    answered(&mut crowd);

    let mut reader = wire::connect(broker.address()).unwrap();
    wire::send(&mut reader, &fetch_all("large")).unwrap();
    let mut length = [0; 4];
    reader.read_exact(&mut length).unwrap();
    let mut left = u32::from_be_bytes(length) as usize;
    assert!(left > RECORDS * 1024, "an answer of {left} bytes");
    let mut some = [0; 1024];
    for number in 0..5 {
        reader.read_exact(&mut some).unwrap();
        left -= some.len();
        let produce = eda(&["produce", "orders", &format!("n={number}")]);
        produce.on(&broker).run().succeeds();
        let consume = eda(&[
            "consume", "orders", "--group", "readers", "-n", "1", "--json",
        ]);
        let records = consume.on(&broker).run().succeeds().records();
        assert_eq!(records[0]["value"]["n"], number);
        // What the slow one reads, others read, too.
        let consume = eda(&["consume", "large", "-n", "1", "--json"]);
        consume.on(&broker).run().succeeds();
    }
    // An idle connection costs some KiB, and what is fetched is not copied.
    wait_until("the memory of the crowd", PATIENCE, || {
        resident(&broker) < before + 30 * 1024
    });

    answered(&mut crowd);
    let mut rest = vec![0; left];
    reader.read_exact(&mut rest).unwrap();
    assert_eq!(wire::brokers_known_over(&mut reader), Ok(1));
}

/// A Fetch request, version 4, of all there is in partition 0.
fn fetch_all(topic: &str) -> Vec<u8> {
    let mut request = Vec::new();
    request.extend(1i16.to_be_bytes()); // Fetch
    request.extend(4i16.to_be_bytes()); // version
    request.extend(7i32.to_be_bytes()); // correlation id
    request.extend((-1i16).to_be_bytes()); // no client id
    request.extend((-1i32).to_be_bytes()); // no replica
    request.extend(0i32.to_be_bytes()); // longest wait
    request.extend(1i32.to_be_bytes()); // fewest bytes
    request.extend(i32::MAX.to_be_bytes()); // most bytes
    request.push(0); // read uncommitted
    request.extend(1i32.to_be_bytes()); // topics
    request.extend((topic.len() as i16).to_be_bytes());
    request.extend(topic.as_bytes());
    request.extend(1i32.to_be_bytes()); // partitions
    request.extend(0i32.to_be_bytes()); // partition
    request.extend(0i64.to_be_bytes()); // offset
    request.extend(i32::MAX.to_be_bytes()); // most bytes of it
    request
}

/// Lets the tests themselves hold so many files open.
#[track_caller]
fn allow_open_files(count: u64) {
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|current| current < count) {
        let wanted = Rlimit {
            current: Some(count),
            maximum: limit.maximum,
        };
        setrlimit(Resource::Nofile, wanted).expect("the limit of open files can be raised");
    }
}
