//! `eda lag --prometheus` and `--serve`: what Prometheus is told, and that nothing keeps it from being told.

use super::{PATIENCE, send_numbers, topic};
use crate::support::http::{Client, get};
use crate::support::prometheus::Scrape;
use crate::support::{Broker, Eda, Running, broker, eda, excused, fresh, wait_until};
use serde_json::Value;
use std::net::TcpListener;
use std::time::{Duration, Instant};

/// kafka_exporter's, as its source has them.
const KAFKA_EXPORTER: [&str; 15] = [
    "kafka_broker_info",
    "kafka_brokers",
    "kafka_consumergroup_current_offset",
    "kafka_consumergroup_current_offset_sum",
    "kafka_consumergroup_lag",
    "kafka_consumergroup_lag_sum",
    "kafka_consumergroup_members",
    "kafka_topic_partition_current_offset",
    "kafka_topic_partition_in_sync_replica",
    "kafka_topic_partition_leader",
    "kafka_topic_partition_leader_is_preferred",
    "kafka_topic_partition_oldest_offset",
    "kafka_topic_partition_replicas",
    "kafka_topic_partition_under_replicated_partition",
    "kafka_topic_partitions",
];

/// A topic of three partitions with ten records, and a group that has read six of them.
fn behind() -> (String, String) {
    behind_as(&fresh("payment-service"))
}

fn behind_as(group: &str) -> (String, String) {
    let topic = topic("orders", 3);
    send_numbers(&topic, 3, 10);
    eda(&["consume", &topic, "--group", group, "-n", "6"])
        .on(broker())
        .run()
        .succeeds();
    (topic, group.to_owned())
}

#[track_caller]
fn once(arguments: &[&str]) -> Scrape {
    let output = eda(&["lag", "--prometheus"])
        .args(arguments)
        .on(broker())
        .run();
    Scrape::read(&output.succeeds().stdout)
}

#[track_caller]
fn json(words: &[&str]) -> Value {
    let run = eda(words).arg("--json").on(broker()).run();
    run.succeeds().json()
}

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
fn the_series_are_kafka_exporters_and_say_what_the_reports_say() {
    let (topic, group) = behind();
    let scrape = once(&["-g", &group, "-t", &topic]);
    let names = scrape.names();
    let (kafka, own): (Vec<&str>, Vec<&str>) =
        names.iter().partition(|name| name.starts_with("kafka_"));
    assert_eq!(kafka, KAFKA_EXPORTER);
    assert!(own.iter().all(|name| name.starts_with("eda_exporter_")));
    assert_eq!(scrape.value("eda_exporter_up", &[]), Some(1.0));
    assert_eq!(scrape.value("eda_exporter_scrape_faults", &[]), Some(0.0));

    let rows = json(&["lag", "-g", &group]);
    let (mut offsets, mut lags, mut committed) = (0.0, 0.0, 0);
    for row in rows.as_array().unwrap() {
        let partition = row["partition"].to_string();
        let labels = [
            ("consumergroup", group.as_str()),
            ("topic", topic.as_str()),
            ("partition", partition.as_str()),
        ];
        let offset = scrape.value("kafka_consumergroup_current_offset", &labels);
        assert_eq!(offset, row["committed"].as_f64(), "{row}");
        let lag = scrape.value("kafka_consumergroup_lag", &labels);
        assert_eq!(lag, row["lag"].as_f64(), "{row}");
        offsets += offset.unwrap_or_default();
        lags += lag.unwrap_or_default();
        committed += usize::from(offset.is_some());
    }
    assert!(committed > 0 && offsets == 6.0, "{rows}");
    let series = scrape.series("kafka_consumergroup_lag");
    assert_eq!(series.len(), committed, "no commit, no series");
    let of_topic = [("consumergroup", group.as_str()), ("topic", topic.as_str())];
    let sum = |name: &str| scrape.value(name, &of_topic);
    assert_eq!(sum("kafka_consumergroup_current_offset_sum"), Some(offsets));
    assert_eq!(sum("kafka_consumergroup_lag_sum"), Some(lags));

    let described = json(&["topic", "describe", &topic]);
    let rows = described["partitions"].as_array().unwrap();
    assert_eq!(rows.len(), 3);
    for row in rows {
        let partition = row["partition"].to_string();
        let labels = [("topic", topic.as_str()), ("partition", partition.as_str())];
        let value = |name: &str| scrape.value(&format!("kafka_topic_partition_{name}"), &labels);
        let count = |name: &str| Some(row[name].as_array().unwrap().len() as f64);
        assert_eq!(value("current_offset"), row["end"].as_f64());
        assert_eq!(value("oldest_offset"), row["start"].as_f64());
        assert_eq!(value("leader"), row["leader"].as_f64());
        assert_eq!(value("replicas"), count("replicas"));
        assert_eq!(value("in_sync_replica"), count("inSync"));
        let preferred = f64::from(row["leader"] == row["replicas"][0]);
        assert_eq!(value("leader_is_preferred"), Some(preferred));
        let lacking = f64::from(count("inSync") < count("replicas"));
        assert_eq!(value("under_replicated_partition"), Some(lacking));
    }
    let partitions = scrape.value("kafka_topic_partitions", &[("topic", &topic)]);
    assert_eq!(partitions, Some(3.0));
    let brokers = scrape.series("kafka_broker_info");
    assert_eq!(
        scrape.value("kafka_brokers", &[]),
        Some(brokers.len() as f64)
    );
    for (labels, value) in brokers {
        assert_eq!(labels.keys().collect::<Vec<_>>(), ["address", "id"]);
        assert_eq!(value, 1.0);
    }
}

#[test]
fn without_a_filter_every_topic_and_group_is_there() {
    let (topic, group) = behind();
    let unread = super::topic("unread", 1);
    let scrape = once(&[]);
    let partitions = |topic: &str| scrape.value("kafka_topic_partitions", &[("topic", topic)]);
    assert_eq!(partitions(&topic), Some(3.0));
    assert_eq!(partitions(&unread), Some(1.0));
    let members = scrape.value("kafka_consumergroup_members", &[("consumergroup", &group)]);
    assert_eq!(members, Some(0.0), "a group without members has lag too");
    let only = once(&["-t", "unread-*", "-g", "no-such-*"]);
    assert_eq!(
        only.value("kafka_topic_partitions", &[("topic", &topic)]),
        None
    );
    assert!(only.series("kafka_consumergroup_members").is_empty());
}

#[test]
fn members_are_counted_while_they_are_there() {
    let (topic, group) = behind();
    let member = eda(&["consume", &topic, "--group", &group, "--json"])
        .on(broker())
        .spawn();
    member.wait_for_records(4, PATIENCE);
    let of_group = [("consumergroup", group.as_str())];
    let members = once(&["-g", &group]).value("kafka_consumergroup_members", &of_group);
    assert_eq!(members, Some(1.0));
}

#[test]
fn the_members_of_a_kip_848_group_are_counted() {
    if excused("the_members_of_a_kip_848_group_are_counted") {
        return;
    }
    let (topic, group) = (topic("orders", 1), fresh("payment-service"));
    send_numbers(&topic, 1, 1);
    let member = eda(&["consume", &topic, "--group", &group, "--json"])
        .args(["-X", "group.protocol=consumer"])
        .on(broker())
        .spawn();
    member.wait_for_records(1, PATIENCE);
    let of_group = [("consumergroup", group.as_str())];
    let members = once(&["-g", &group]).value("kafka_consumergroup_members", &of_group);
    assert_eq!(members, Some(1.0));
}

#[test]
fn a_group_may_be_called_anything() {
    let name = format!("{} \"quoted\" \\ {{a=\"b\"}}\nü\t", fresh("payment"));
    let (topic, group) = behind_as(&name);
    let scrape = once(&["-t", &topic]);
    let labels = [("consumergroup", group.as_str()), ("topic", topic.as_str())];
    let sum = scrape.value("kafka_consumergroup_current_offset_sum", &labels);
    assert_eq!(sum, Some(6.0));
}

#[test]
fn what_is_named_must_exist_and_a_cluster_must_answer_when_asked_once() {
    let group = fresh("nobody");
    let missing = eda(&["lag", "--prometheus", "-g", &group])
        .on(broker())
        .run();
    let missing = missing.status(1).stderr_has("does not exist");
    assert_eq!(missing.stdout, "");
    let down = eda(&["lag", "--prometheus", "-b", "127.0.0.1:1"]).run();
    assert_eq!(down.status(3).stdout, "");
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
