//! The endpoint, over real HTTP: friends, strangers, and a broker that goes away.

use super::{PATIENCE, behind};
use crate::support::http::{Client, get};
use crate::support::prometheus::Scrape;
use crate::support::{Broker, Eda, Running, broker, eda, fresh, wait_until};
use std::net::TcpListener;
use std::time::{Duration, Instant};

/// A running exporter, and where it listens.
struct Exporter {
    running: Running,
    address: String,
}

#[track_caller]
fn serve(eda: Eda) -> Exporter {
    let running = eda.spawn();
    let listening = "listening on http://";
    running.wait_until(listening, PATIENCE, |running| {
        running.stderr().contains(listening)
    });
    let stderr = running.stderr();
    let (_, line) = stderr.split_once(listening).unwrap();
    let address = line.split('/').next().unwrap().to_owned();
    Exporter { running, address }
}

#[track_caller]
fn serve_on(broker: &Broker, arguments: &[&str]) -> Exporter {
    serve(eda(&["lag", "--serve", ":0"]).args(arguments).on(broker))
}

impl Exporter {
    #[track_caller]
    fn scrape(&self) -> Scrape {
        let answer = get(&self.address, "/metrics");
        assert_eq!(answer.status, 200);
        Scrape::read(&answer.body)
    }

    #[track_caller]
    fn ends(self) {
        self.running.terminate();
        self.running.wait(PATIENCE).succeeds();
    }
}

#[test]
fn it_is_scraped_over_http_and_ends_with_0_when_it_is_asked_to() {
    let (topic, group) = behind();
    let exporter = serve_on(broker(), &["-g", &group, "-t", &topic]);
    assert!(exporter.address.starts_with("127.0.0.1:"), "loopback alone");
    let mut client = Client::connect(&exporter.address);
    let first = client.request("GET", "/metrics");
    let content_type = "text/plain; version=0.0.4; charset=utf-8";
    assert_eq!(
        (first.status, first.header("content-type")),
        (200, Some(content_type))
    );
    let scrape = Scrape::read(&first.body);
    let of_topic = [("consumergroup", group.as_str()), ("topic", topic.as_str())];
    let lag = |scrape: &Scrape| scrape.value("kafka_consumergroup_current_offset_sum", &of_topic);
    assert_eq!(lag(&scrape), Some(6.0));
    assert_eq!(
        scrape.value("eda_exporter_scrape_errors_total", &[]),
        Some(0.0)
    );
    eda(&["consume", &topic, "--group", &group, "-n", "4"])
        .on(broker())
        .run()
        .succeeds();
    // The same connection, and a new look.
    let second = client.request("GET", "/metrics?from=prometheus");
    assert_eq!(lag(&Scrape::read(&second.body)), Some(10.0));
    assert_eq!(client.request("HEAD", "/metrics").status, 200);
    let front = client.request("GET", "/");
    assert!(front.body.contains("href=\"/metrics\""), "{}", front.body);
    assert_eq!(client.request("GET", "/metric").status, 404);
    assert_eq!(client.request("POST", "/metrics").status, 405);

    let taken = eda(&["lag", "--serve", &exporter.address])
        .on(broker())
        .run();
    taken
        .status(1)
        .stderr_has("cannot listen on")
        .stderr_has("port 0");

    exporter.running.interrupt();
    let output = exporter.running.wait(PATIENCE).succeeds();
    assert_eq!(output.stdout, "");
    assert_eq!(output.stderr.lines().count(), 1, "{}", output.stderr);
}

#[test]
fn hostile_clients_do_not_keep_prometheus_away() {
    let (topic, _) = behind();
    let exporter = serve_on(broker(), &["-t", &topic]);
    let mut hostile = Vec::new();
    for round in 0..100 {
        let mut client = Client::connect(&exporter.address);
        match round % 4 {
            0 => client.send(b"\0\x01\x02garbage\r\n\r\n\xff"),
            1 => client.send(b"GET /metrics HTTP/1.1\r\nHo"),
            2 => client.send(format!("GET / HTTP/1.1\r\nX: {}", "x".repeat(1 << 20)).as_bytes()),
            // Asks, and never reads.
            _ => client.send(&b"GET /metrics HTTP/1.1\r\n\r\n".repeat(10)),
        }
        hostile.push(client);
    }
    let partitions = exporter
        .scrape()
        .value("kafka_topic_partitions", &[("topic", &topic)]);
    assert_eq!(partitions, Some(3.0));
    exporter.ends();
}

#[test]
fn scrapes_at_the_same_time_share_one_look_within_the_time_out() {
    // Accepts, and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap().to_string();
    let exporter = serve(eda(&[
        "lag",
        "--serve",
        ":0",
        "--timeout",
        "2s",
        "-b",
        &address,
    ]));
    let started = Instant::now();
    let scrape = || exporter.scrape();
    let scrapes = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..5).map(|_| scope.spawn(scrape)).collect();
        let joined = threads.into_iter().map(|thread| thread.join().unwrap());
        joined.collect::<Vec<_>>()
    });
    let took = started.elapsed();
    assert!(took < Duration::from_secs(10), "{took:?}");
    for scrape in scrapes {
        assert_eq!(scrape.value("eda_exporter_up", &[]), Some(0.0));
        let errors = scrape.value("eda_exporter_scrape_errors_total", &[]);
        assert_eq!(errors, Some(1.0), "one look for all");
    }
    exporter.ends();
}

#[test]
fn a_broker_that_goes_away_is_told_of_and_so_is_its_coming_back() {
    let start = |listen: &str| {
        let broker = eda(&["broker", "--listen", listen]).spawn();
        broker.wait_for_line("127.0.0.1:", PATIENCE);
        let address = broker.stdout().trim().to_owned();
        (broker, address)
    };
    let (first, address) = start("127.0.0.1:0");
    let exporter = serve(eda(&["lag", "--serve", ":0", "-b", &address]));
    let up = || {
        let scrape = exporter.scrape();
        let kafka = scrape.names().iter().any(|name| name.starts_with("kafka_"));
        let up = scrape.value("eda_exporter_up", &[]) == Some(1.0);
        assert_eq!(up, kafka, "the series end with the cluster");
        up
    };
    assert!(up());
    first.kill();
    wait_until("the outage to be told of", PATIENCE, || !up());
    let warned = |running: &Running| running.stderr().contains("scrapes fail: ");
    exporter.running.wait_until("a warning", PATIENCE, warned);
    let (_second, _) = start(&address);
    wait_until("the recovery to be told of", PATIENCE, up);
    let recovered = |running: &Running| running.stderr().contains("scrapes are whole again");
    exporter
        .running
        .wait_until("good news", PATIENCE, recovered);
    exporter.ends();
}

#[test]
fn a_group_that_is_named_and_missing_is_a_fault_and_no_outage() {
    let (topic, group) = behind();
    let missing = fresh("nobody");
    let exporter = serve_on(broker(), &["-t", &topic, "-g", &group, "-g", &missing]);
    let scrape = exporter.scrape();
    assert_eq!(scrape.value("eda_exporter_up", &[]), Some(1.0));
    assert_eq!(scrape.value("eda_exporter_scrape_faults", &[]), Some(1.0));
    let members = scrape.value("kafka_consumergroup_members", &[("consumergroup", &group)]);
    assert_eq!(members, Some(0.0));
    let warned = |running: &Running| {
        running
            .stderr()
            .contains(&format!("group `{missing}` does not exist"))
    };
    exporter.running.wait_until("a warning", PATIENCE, warned);
    exporter.ends();
}
