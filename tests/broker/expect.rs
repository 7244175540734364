//! `eda expect`: an event is sent, and others have to come of it.

use super::{PATIENCE, catalog_topics, create, read, send, topic};
use crate::support::{Broker, Eda, Running, broker, eda, fresh};
use serde_json::{Value, json};
use std::process::Command;
use std::time::Instant;

/// `eda expect …` of an event that is sent to `orders` with the key `k`.
fn expect(orders: &str, arguments: &[&str]) -> Eda {
    let sent = format!("{orders} n=1");
    eda(&["expect", "--send", &sent, "--key", "k", "--json"])
        .args(arguments)
        .on(broker())
}

/// Waits until the event is in its topic.
fn has_sent(running: &Running, orders: &str) {
    running.wait_until("the event sent", PATIENCE, |_| !read(orders).is_empty());
}

fn event(key: &str, n: i64) -> Value {
    json!({"key": key, "value": {"n": n}})
}

/// What a flow's records were to whoever waited, in the order they came.
fn happened(outcome: &Value) -> Vec<&str> {
    let timeline = outcome["timeline"].as_array().unwrap();
    let lines = timeline.iter();
    lines
        .map(|line| line["happened"].as_str().unwrap())
        .collect()
}

#[test]
fn events_with_the_key_are_waited_for_and_others_do_not_count() {
    let (orders, payments) = (topic("orders", 3), topic("payments", 3));
    // Whatever was there before.
    send(&payments, &[event("k", 7)]);
    let then = format!("{payments} where n=7");
    let running = expect(
        &orders,
        &["--then", &then, "--then", &payments, "--within", "30s"],
    )
    .spawn();
    has_sent(&running, &orders);
    send(
        &payments,
        &[event("other", 7), event("k", 1), event("k", 7)],
    );
    let outcome = running.wait(PATIENCE).status(0).json();
    assert_eq!(outcome["ok"], true);
    assert_eq!(outcome["keys"], json!(["k"]));
    assert_eq!(happened(&outcome), ["sent", "expected", "expected"]);
    let found: Vec<&str> = outcome["expected"]
        .as_array()
        .unwrap()
        .iter()
        .map(|met| met["found"]["topic"].as_str().unwrap())
        .collect();
    assert_eq!(found, [payments.as_str(), payments.as_str()]);
    // n=7 goes to the first that it meets, and so n=1 to the other.
    assert_eq!(outcome["took_ms"], Value::Null);
    assert!(outcome["tookMs"].as_u64().unwrap() < 30_000, "{outcome}");
}

#[test]
fn what_is_missing_is_told_with_the_dead_letter_that_explains_it() {
    let (orders, payments) = (topic("orders", 1), topic("payments", 1));
    let then = format!("{payments} where n>5");
    let running = expect(&orders, &["--then", &then, "--within", "3s"]).spawn();
    has_sent(&running, &orders);
    send(&payments, &[event("k", 5)]);
    // Made only now, as a dead-letter topic is.
    let letters = format!("{orders}.dlq");
    create(broker(), &letters, 1);
    let headers = json!([
        ["__dlq.errors.topic", orders],
        ["__dlq.errors.kind", "permanent"],
        ["__dlq.errors.exception", "Declined"],
        ["__dlq.errors.message", "no money"],
    ]);
    send(
        &letters,
        &[json!({"key": "k", "value": {"n": 1}, "headers": headers})],
    );
    let output = running.wait(PATIENCE).status(1);
    let outcome = output.json();
    assert_eq!(
        (&outcome["ok"], &outcome["expected"][0]["found"]),
        (&json!(false), &Value::Null)
    );
    let mut all = happened(&outcome);
    all.sort_unstable();
    assert_eq!(all, ["dead letter", "other", "sent"]);
    output.stderr_has(&format!("`{then}` did not come within 3s"));
    let table = eda(&["expect", "--then", &payments, "--within", "0s"])
        .on(broker())
        .run();
    table.status(1).stderr_has("did not come within 0s");
}

#[test]
fn what_nearly_came_is_told_wherever_it_is_reported() {
    let (orders, payments) = (topic("orders", 1), topic("payments", 1));
    let then = format!("{payments} where note=good and n>0");
    // The last that is sent: by then the others were seen, for they are in one partition.
    let never = format!("{payments} where n=0");
    let flow = ["--then", &then, "--never", &never, "--within", "10m"];
    let sent = format!("{orders} n=1");
    let bad = |key: &str| json!({"key": key, "value": {"n": 7, "note": "\u{1b}[31mbad"}});
    let run = |eda: Eda| {
        let before = read(&orders).len();
        let running = eda.args(flow).spawn();
        running.wait_until("the event sent", PATIENCE, |_| read(&orders).len() > before);
        let near: Vec<Value> = (0..5).map(|_| bad("k")).collect();
        send(&payments, &near);
        send(&payments, &[bad("other"), event("k", 0)]);
        running.wait(PATIENCE).status(1)
    };
    let why = "note is \"\\u001b[31mbad\", not \"good\"";
    let json = eda(&["expect", "--send", &sent, "--key", "k", "--json"]).on(broker());
    let output = run(json.clone().args(["--junit", "report.xml"]));
    let expected = &output.json()["expected"][0];
    assert_eq!(expected["nearMissesInAll"], 5);
    assert_eq!(expected["otherKeys"], 1);
    let near = expected["nearMisses"].as_array().unwrap();
    let places: Vec<_> = near.iter().map(|miss| &miss["offset"]).collect();
    assert_eq!(places, [0, 1, 2]);
    assert_eq!(
        (&near[0]["why"], &near[0]["topic"]),
        (&json!(why), &json!(payments))
    );
    let told =
        format!("`{payments}:0:2` came, but {why}; 2 more came like that; 1 came with another key");
    let error: Value = serde_json::from_str(output.stderr.lines().next().unwrap()).unwrap();
    let message = error["error"]["message"].as_str().unwrap();
    assert!(message.ends_with(&told), "{told} in {message}");
    let xml = std::fs::read_to_string(json.home().join("report.xml")).unwrap();
    let xml = xml.replace("&quot;", "\"").replace("&gt;", ">");
    for text in [
        &told,
        &format!("<testsuite name=\"eda expect: {then}, never {never}\""),
        &format!("`{payments}:0:0` came, but {why}&#10;"),
    ] {
        assert!(xml.contains(text), "{text} in {xml}");
    }
    let table = eda(&["expect", "--send", &sent, "--key", "k"]).on(broker());
    let named = ["--junit", "report.xml", "--name", "refunds & co"];
    run(table.clone().args(named)).stdout_has(&format!("other: {why}"));
    let xml = std::fs::read_to_string(table.home().join("report.xml")).unwrap();
    assert!(
        xml.contains("<testsuite name=\"refunds &amp; co\""),
        "{xml}"
    );
}

#[test]
fn what_must_not_come_ends_it_at_once() {
    let (orders, payments) = (topic("orders", 1), topic("payments", 1));
    let failed = topic("failed", 1);
    let never = ["--then", &payments, "--never", &failed, "--within", "10m"];
    let running = expect(&orders, &never).spawn();
    has_sent(&running, &orders);
    send(&failed, &[event("k", 1)]);
    let output = running.wait(PATIENCE).status(1);
    assert_eq!(happened(&output.json()), ["sent", "forbidden"]);
    output
        .stderr_has(&format!("`{failed}` came, `{failed}:0:0`"))
        .stderr_has(&format!("`{payments}` did not come"));
    // Alone it is waited for until the time is over.
    let quiet = expect(&orders, &["--never", &failed, "--within", "500ms"]);
    let outcome = quiet.run().succeeds().json();
    assert_eq!(outcome["ok"], true);
    assert!(outcome["tookMs"].as_u64().unwrap() >= 500, "{outcome}");
}

#[test]
fn what_cannot_be_is_said_at_once_and_nothing_is_sent() {
    let (orders, missing) = (topic("orders", 1), fresh("missing"));
    let started = Instant::now();
    expect(&orders, &["--then", &missing, "--within", "10m"])
        .run()
        .status(1)
        .stderr_has(&format!("topic `{missing}` does not exist"));
    expect(
        &orders,
        &[
            "--then",
            &orders,
            "--junit",
            "no/such/folder.xml",
            "--within",
            "10m",
        ],
    )
    .run()
    .status(1)
    .stderr_has("cannot write `no/such/folder.xml`");
    let keyless = [
        "expect",
        "--send",
        &format!("{orders} n=1"),
        "--then",
        &orders,
    ];
    eda(&keyless)
        .on(broker())
        .run()
        .status(2)
        .stderr_has(&format!("what is sent to `{orders}` has no key"));
    for (words, text) in [
        (vec!["--then", "a b"], "is not an expectation"),
        (
            vec!["--then", "a where n=1 or n=2"],
            "`or n=2` behind `n=1` cannot be read: write `and` between comparisons",
        ),
        (
            vec!["--never", "a where n=1 and note=two words"],
            "`words` behind `note=two` cannot be read",
        ),
        (
            vec!["--then", "OrderCreated where ordrId=order-1"],
            "`OrderCreated` has no field `ordrId`, did you mean `orderId`?",
        ),
        (vec!["--then", "a", "--name", "b"], "--junit"),
        (
            vec!["--send", "", "--then", "a"],
            "name an event or a topic",
        ),
        (
            vec!["--send", "a:b c=1", "--then", "a"],
            "`c=1` has no use beside a file",
        ),
        (vec!["--send", "a"], "--then"),
    ] {
        let run = eda(&["expect"]).args(words).on(broker()).run();
        run.status(2).stderr_has(text);
    }
    assert!(started.elapsed() < PATIENCE, "{:?}", started.elapsed());
    assert_eq!(read(&orders), Vec::<Value>::new());
}

#[test]
fn an_event_of_the_catalog_brings_its_own_key() {
    let _topics = catalog_topics();
    for name in ["order-created", "payment-processed"] {
        create(broker(), name, 3);
    }
    // As somebody lays it out who wants to read it.
    let order =
        "{\n  \"orderId\": \"order-9\",\r\n  \"userId\": \"user-1\",\n  \"total\": 12.50\n}\n";
    let sent = eda(&[
        "expect",
        "--send",
        "order-created:-",
        "--then",
        "payment-processed where orderId=order-9",
    ]);
    let running = sent
        .args(["--within", "30s", "--json"])
        .on(broker())
        .spawn_with_input();
    let mut running = running;
    running.write(order);
    running.close_input();
    has_sent(&running, "order-created");
    let answer = ["produce", "payment-processed", "orderId=order-9", "-n", "1"];
    eda(&answer).on(broker()).run().succeeds();
    let outcome = running.wait(PATIENCE).status(0).json();
    assert_eq!(outcome["keys"], json!(["order-9"]));
    assert_eq!(outcome["timeline"][0]["event"], "OrderCreated");
    assert_eq!(read("order-created")[0]["value"]["total"], 12.5);
    // By its type, and made up but for what was said.
    let wrong = eda(&[
        "expect",
        "--send",
        "OrderCreated orderId=order-9",
        "--then",
        "PaymentProcessed where nosuch=1",
    ]);
    wrong
        .args(["--within", "1s"])
        .on(broker())
        .run()
        .status(1)
        .stderr_has("warning: by its schema `PaymentProcessed` has no field `nosuch`")
        .stderr_has("`PaymentProcessed where nosuch=1` did not come within 1s");
    assert_eq!(read("order-created").len(), 2);
}

#[test]
fn a_script_goes_by_its_status_and_a_parser_reads_its_report() {
    let (orders, payments) = (topic("orders", 1), topic("payments", 1));
    let home = tempfile::tempdir().unwrap();
    let report = home.path().join("report.xml");
    let script = format!(
        "eda expect --send '{orders} n=1' --key k --then '{orders} where n=2' --never '{payments}' \
         --within 1s --junit report.xml || echo failed\n\
         eda expect --key k --then '{payments}' --within 30s --junit passed.xml && echo passed\n"
    );
    let program = crate::support::eda::program();
    let path = std::env::join_paths(
        [program.parent().unwrap().to_owned()]
            .into_iter()
            .chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
    );
    let mut shell = Command::new("sh");
    let child = shell
        .args(["-c", &script])
        .current_dir(home.path())
        .env("PATH", path.unwrap())
        .env("HOME", home.path())
        .env("EDA_BROKERS", broker().address())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    crate::support::wait_until("the first report", PATIENCE, || {
        std::fs::read(&report).is_ok_and(|xml| xml.ends_with(b"</testsuites>\n"))
    });
    // The second run stands at the end of the topic by then, or comes to it: what comes is repeated until it has.
    let passed = home.path().join("passed.xml");
    crate::support::wait_until("the second report", PATIENCE, || {
        send(&payments, &[event("k", 1)]);
        std::fs::read(&passed).is_ok_and(|xml| xml.ends_with(b"</testsuites>\n"))
    });
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let words: Vec<&str> = said
        .lines()
        .filter(|line| ["failed", "passed"].contains(line))
        .collect();
    assert_eq!(words, ["failed", "passed"], "{said}");
    let parse = "import sys, xml.etree.ElementTree as tree\n\
                 for suite in tree.parse(sys.argv[1]).getroot():\n\
                 \tprint(suite.get('tests'), suite.get('failures'), suite.get('errors'))\n\
                 \tfor case in suite: print(case.get('name'), [found.tag for found in case])";
    let python = Command::new("python3")
        .args(["-c", parse])
        .arg(&report)
        .output()
        .unwrap();
    let read = String::from_utf8(python.stdout).unwrap();
    let expected = format!("2 1 0\n{orders} where n=2 ['failure']\nnever {payments} []\n");
    assert_eq!(
        read,
        expected,
        "{}",
        String::from_utf8_lossy(&python.stderr)
    );
}

#[test]
fn a_broker_that_goes_away_is_no_answer() {
    let broker = Broker::embedded(&["--topics", "orders:1,payments:1"]);
    let words = [
        "expect",
        "--send",
        "orders n=1",
        "--key",
        "k",
        "--then",
        "payments",
    ];
    let run = eda(&words).args(["--within", "2s", "--timeout", "1s", "--junit", "report.xml"]);
    let run = run.on(&broker);
    let report = run.home().join("report.xml");
    let running = run.spawn();
    running.wait_until("the event sent", PATIENCE, |_| {
        let read = eda(&["consume", "orders", "-o", ":end", "--json"]);
        !read.on(&broker).run().succeeds().records().is_empty()
    });
    broker.kill();
    running.wait(PATIENCE).status(3);
    let xml = std::fs::read_to_string(report).unwrap();
    assert!(
        xml.contains("errors=\"1\"") && xml.contains("<error message="),
        "{xml}"
    );
}
