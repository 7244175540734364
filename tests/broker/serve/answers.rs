//! JSON, events and metrics, and how it starts and ends.

use super::super::{PATIENCE, behind_by_four, create, send_numbers};
use super::{Served, row, serve, serve_on};
use crate::support::prometheus::Scrape;
use crate::support::signal::signal;
use crate::support::{Broker, Running, broker, eda, fresh, wait_until, wire};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

#[test]
fn the_state_is_what_lag_and_dlq_say() {
    let (topic, group) = behind_by_four();
    let letters = format!("{topic}.dlq");
    create(broker(), &letters, 1);
    send_numbers(&letters, 1, 3);
    let served = serve_on(broker(), &[]);
    assert!(served.address.starts_with("127.0.0.1:"), "loopback alone");
    let rates = |state: &Value| row(state, "topics", "topic", &topic)["writtenPerSecond"].is_f64();
    wait_until("a second look", PATIENCE, || rates(&served.state()));
    let state = served.state();
    let found = row(&state, "groups", "group", &group);
    assert_eq!(
        (&found["lag"], &found["members"], &found["state"]),
        (&json!(4), &json!(0), &json!("Empty"))
    );
    let severity = match found["status"].as_str() {
        Some("OK") => 0,
        Some("WARN") => 2,
        Some(_) => 3,
        None => 1,
    };
    assert_eq!(found["severity"], severity, "{found}");
    assert!(!found["history"].as_array().unwrap().is_empty());
    // Nobody reads it, and so it does not shrink.
    assert_eq!(
        (&found["catchingUp"], &found["eta"]),
        (&json!(false), &json!("never"))
    );
    let found = row(&state, "topics", "topic", &topic);
    assert_eq!(
        (&found["records"], &found["partitions"]),
        (&json!(10), &json!(2))
    );
    let found = row(&state, "deadLetters", "topic", &letters);
    let expected = (&json!(3), &json!(3), &json!("name"));
    assert_eq!(
        (&found["records"], &found["unreplayed"], &found["found"]),
        expected
    );
    assert_eq!(
        (&state["error"], &state["everyMs"], &state["staleAfterMs"]),
        (&Value::Null, &json!(200), &json!(6000))
    );

    let of_group = served.json(&format!("/api/groups/{group}"));
    assert_eq!(of_group["group"], group.as_str());
    let rows = of_group["partitions"].as_array().unwrap();
    let lags: i64 = rows.iter().map(|row| row["lag"].as_i64().unwrap()).sum();
    assert_eq!((rows.len(), lags), (2, 4));
    for row in rows {
        // A partition that has caught up has no time left.
        let eta = match row["lag"] == 0 {
            true => Value::Null,
            false => json!("never"),
        };
        assert_eq!(row["eta"], eta, "{row}");
    }
    assert_eq!(served.get("/api/groups/nobody").status, 404);
    assert_eq!(served.get("/api/groups/%ff").status, 404);

    served.running.interrupt();
    let output = served.running.wait(PATIENCE).succeeds();
    assert_eq!(output.stdout, "");
}

#[test]
fn a_cluster_that_answers_is_no_news() {
    let broker = Broker::embedded(&[]);
    create(&broker, "orders", 1);
    let served = serve_on(&broker, &[]);
    let rates =
        |state: &Value| row(state, "topics", "topic", "orders")["writtenPerSecond"].is_f64();
    wait_until("a second look", PATIENCE, || rates(&served.state()));
    served.running.interrupt();
    let output = served.running.wait(PATIENCE).succeeds();
    assert!(!output.stderr.contains("no answer"), "{}", output.stderr);
}

#[test]
fn events_tell_of_what_changes() {
    let (topic, group) = behind_by_four();
    let served = serve_on(broker(), &[]);
    let mut client = served.client();
    client.send(format!("GET /events HTTP/1.1\r\nHost: {}\r\n\r\n", served.address).as_bytes());
    let head = client.answer(false).unwrap();
    assert_eq!(
        (head.status, head.header("content-type")),
        (200, Some("text/event-stream"))
    );
    let mut next = || loop {
        let line = client.line().expect("it goes on");
        if let Some(event) = line.strip_prefix("data: ") {
            let state: Value = serde_json::from_str(event).unwrap();
            return row(&state, "groups", "group", &group)["lag"].clone();
        }
    };
    assert_eq!(next(), 4, "the state now comes first");
    send_numbers(&topic, 2, 10);
    while next() != 14 {}
    served.ends();
}

#[test]
fn a_group_that_never_committed_is_there_and_so_are_replays() {
    let (topic, _) = behind_by_four();
    let letters = format!("{topic}.dlq");
    create(broker(), &letters, 1);
    send_numbers(&letters, 1, 3);
    let group = fresh("reader");
    let reader = eda(&["consume", &topic, "--group", &group, "--offset", "latest"])
        .on(broker())
        .spawn();
    let replays = format!("eda-replay.{letters}");
    eda(&["consume", &letters, "--group", &replays, "-n", "2"])
        .on(broker())
        .run()
        .succeeds();
    let served = serve_on(broker(), &[]);
    wait_until("a member", PATIENCE, || {
        row(&served.state(), "groups", "group", &group)["members"] == 1
    });
    let found = row(&served.state(), "deadLetters", "topic", &letters);
    assert_eq!(
        (&found["records"], &found["unreplayed"]),
        (&json!(3), &json!(1))
    );
    drop(reader);
    served.ends();
}

#[test]
fn what_cannot_be_served_is_said() {
    let served = serve_on(broker(), &[]);
    eda(&["serve", &served.address])
        .on(broker())
        .run()
        .status(1)
        .stderr_has(&served.address)
        .stderr_has("port 0");
    let closed = format!("127.0.0.1:{}", wire::free_port());
    eda(&["serve", ":0", "--brokers", &closed])
        .run()
        .status(3)
        .stderr_has("cannot reach Kafka");
    for (wrong, said) in [
        (["serve", "8080"].as_slice(), "expected HOST:PORT"),
        (&["serve", "--every", "1ms"], "at least 100ms"),
        (&["serve", "--allow-host", "a:1"], "without a port"),
        (&["serve", "--handler", "https://a:1"], "handler's metrics"),
        (
            &["serve", "--grafana", "--every", "1s"],
            "cannot be used with",
        ),
        (&["serve", "--json"], "/api/state"),
    ] {
        eda(wrong).on(broker()).run().status(2).stderr_has(said);
    }
    served.ends();
}

#[test]
fn the_broker_may_go_away_and_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let first = Broker::embedded_in(folder.path());
    create(&first, "orders", 1);
    eda(&["produce", "orders", "n=1"])
        .on(&first)
        .run()
        .succeeds();
    let served = serve_on(&first, &["--timeout", "2s"]);
    let seen = served.state()["seen"].clone();
    assert!(seen.is_string());
    first.kill();
    wait_until("the outage", PATIENCE, || {
        served.state()["error"].is_object()
    });
    let state = served.state();
    assert_eq!(state["error"]["kind"], "unreachable", "{state}");
    assert_eq!(
        row(&state, "topics", "topic", "orders")["records"],
        1,
        "what was seen stays"
    );
    let during = Scrape::read(&served.get("/metrics").body);
    assert_eq!(during.value("eda_exporter_up", &[]), Some(0.0));
    let warned = |running: &Running| running.stderr().contains("no answer: ");
    served.running.wait_until("a warning", PATIENCE, warned);
    let data = ["--data", folder.path().to_str().unwrap()];
    let second = Broker::embedded_at(first.address(), &data);
    wait_until("the recovery", PATIENCE, || {
        served.state()["error"].is_null()
    });
    let news = |running: &Running| running.stderr().contains("answers again");
    served.running.wait_until("good news", PATIENCE, news);
    served.ends();
    drop(second);
}

#[test]
fn whoever_scrapes_is_answered_in_time_though_the_broker_hangs() {
    let broker = Broker::embedded(&[]);
    create(&broker, "orders", 1);
    let nobody = format!("127.0.0.1:{}", wire::free_port());
    let served = serve_on(&broker, &["--timeout", "10s", "--handler", &nobody]);
    let up = || Scrape::read(&served.get("/metrics").body).value("eda_exporter_up", &[]);
    assert_eq!(up(), Some(1.0));
    // Its connections are accepted by the system, and stay open: nothing on them is answered.
    signal("STOP", broker.id());
    let asked = Instant::now();
    let answer = served.get("/metrics");
    let took = asked.elapsed();
    assert!(took < Duration::from_secs(10), "{took:?}");
    let scrape = Scrape::read(&answer.body);
    assert_eq!(answer.status, 200);
    assert_eq!(scrape.value("eda_exporter_up", &[]), Some(0.0));
    // What does not come from the broker is there as ever.
    let labels = [("instance", nobody.as_str())];
    assert_eq!(scrape.value("eda_serve_handler_up", &labels), Some(0.0));
    assert!(served.state()["topics"][0]["topic"].is_string());
    signal("CONT", broker.id());
    wait_until("the recovery", PATIENCE, || up() == Some(1.0));
    served.ends();
}

#[test]
fn the_dashboard_shows_only_what_is_exported() {
    let output = eda(&["serve", "--grafana"]).run().succeeds();
    let dashboard = output.json();
    assert!(dashboard["schemaVersion"].as_i64().unwrap() >= 30);
    let panels = dashboard["panels"].as_array().unwrap();
    let mut ids = BTreeSet::new();
    let mut asked = BTreeSet::new();
    for panel in panels {
        assert!(ids.insert(panel["id"].as_i64()), "{panel}");
        assert_eq!(panel["datasource"]["uid"], "${DS_PROMETHEUS}");
        for target in panel["targets"].as_array().unwrap() {
            let query = target["expr"].as_str().unwrap();
            assert_eq!(
                query.matches('(').count(),
                query.matches(')').count(),
                "{query}"
            );
            let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
            let words = query.split(|letter: char| !is_part(letter));
            let names = words.filter(|word| word.starts_with("kafka_") || word.starts_with("eda_"));
            asked.extend(names.map(str::to_owned));
        }
    }
    assert!(asked.len() > 10, "{asked:?}");
    let (topic, group) = behind_by_four();
    let letters = format!("{topic}.dlq");
    create(broker(), &letters, 1);
    let handler = super::handlers::handler(&topic, &fresh("handler"), "true");
    let served = serve_on(broker(), &["--handler", &handler.metrics]);
    let exported = || -> BTreeSet<String> {
        let scrape = Scrape::read(&served.get("/metrics").body);
        scrape.names().into_iter().map(str::to_owned).collect()
    };
    wait_until("the handler's series", PATIENCE, || {
        exported().contains("eda_handler_processed_total")
    });
    let missing: Vec<String> = asked.difference(&exported()).cloned().collect();
    assert!(
        missing.is_empty(),
        "asked for, and not exported: {missing:?}"
    );
    let scrape = Scrape::read(&served.get("/metrics").body);
    let lag = [("consumergroup", group.as_str()), ("topic", topic.as_str())];
    assert_eq!(scrape.value("kafka_consumergroup_lag_sum", &lag), Some(4.0));
    let labels = [("topic", letters.as_str())];
    assert_eq!(scrape.value("eda_dlq_messages", &labels), Some(0.0));
    served.ends();
}

#[test]
fn it_ends_while_somebody_watches() {
    let served: Served = serve(eda(&["serve", ":0"]).on(broker()));
    let mut client = served.client();
    client.send(format!("GET /events HTTP/1.1\r\nHost: {}\r\n\r\n", served.address).as_bytes());
    assert_eq!(client.status(), Some(200));
    served.ends();
    while client.line().is_some() {}
}
