//! `eda lag --watch`.

use super::super::{PATIENCE, behind_by_four, create, send_numbers, topic};
use crate::support::{Running, broker, eda, fresh, terminal, wait_until, wire};
use serde_json::{Value, json};
use std::process::{Command, Stdio};

fn watch(arguments: &[&str]) -> Running {
    let watch = eda(&["lag", "--watch", "100ms", "--json"]);
    watch.args(arguments).on(broker()).spawn()
}

/// Waits for a sample that is as it should be, and gives it.
#[track_caller]
fn sample(watch: &Running, what: &str, is_it: impl Fn(&Value) -> bool) -> Value {
    watch.wait_until(what, PATIENCE, |watch| watch.records().iter().any(&is_it));
    watch.records().into_iter().find(is_it).unwrap()
}

fn row(sample: &Value, partition: i64) -> &Value {
    let rows = sample["rows"].as_array().unwrap();
    let found = rows.iter().find(|row| row["partition"] == partition);
    found.unwrap_or(&Value::Null)
}

#[test]
fn a_sample_is_a_line_and_ctrl_c_ends_it() {
    let (_, group) = behind_by_four();
    let watch = watch(&["-g", &group]);
    watch.wait_for_records(3, PATIENCE);
    watch.interrupt();
    let output = watch.wait(PATIENCE).status(130);
    let samples = output.records();
    let times: Vec<&str> = samples
        .iter()
        .map(|sample| sample["time"].as_str().unwrap())
        .collect();
    assert!(times.is_sorted(), "{times:?}");
    for sample in &samples {
        assert_eq!(sample["rows"].as_array().unwrap().len(), 2);
        assert_eq!(sample["rows"][0]["group"], group.as_str());
        assert_eq!(sample["groups"][0]["group"], group.as_str());
        assert_eq!(
            (&sample["error"], &sample["failures"]),
            (&Value::Null, &json!([]))
        );
    }
    // One sample is no rate, two are.
    assert_eq!(samples[0]["rows"][0]["producedPerSecond"], Value::Null);
    assert_eq!(samples[1]["rows"][0]["producedPerSecond"], 0.0);
}

#[test]
fn sigterm_ends_it_too() {
    let watch = watch(&[]);
    watch.wait_for_records(1, PATIENCE);
    watch.terminate();
    watch.wait(PATIENCE).status(143);
}

#[test]
fn a_group_without_members_that_does_not_move_is_stopped() {
    let topic = topic("orders", 1);
    let stopped = fresh("payment");
    send_numbers(&topic, 1, 3);
    super::catch_up(&topic, &stopped, 1);
    let status = |sample: &Value, group: &str| {
        let groups = sample["groups"].as_array().unwrap();
        let found = groups.iter().find(|row| row["group"] == group);
        found.map_or(Value::Null, |row| row["status"].clone())
    };
    let watch = watch(&["-t", &topic]);
    let sample = sample(&watch, "a status", |sample| {
        status(sample, &stopped) == "ERR"
    });
    let rows = sample["rows"].as_array().unwrap();
    let row = rows
        .iter()
        .find(|row| row["group"] == stopped.as_str())
        .unwrap();
    assert_eq!(
        (&row["status"], &row["lag"]),
        (&json!("STOPPED"), &json!(2))
    );
    assert_eq!(
        (&row["catchingUp"], &row["etaMs"]),
        (&json!(false), &Value::Null)
    );
    assert!(
        watch
            .records()
            .iter()
            .take(9)
            .all(|sample| status(sample, &stopped).is_null()),
        "too early to tell"
    );
}

#[test]
fn a_group_whose_member_does_not_move_is_stalled() {
    let topic = topic("orders", 1);
    let group = fresh("payment");
    send_numbers(&topic, 1, 1);
    let member = eda(&["consume", &topic, "-g", &group]).on(broker()).spawn();
    let caught_up = || {
        let lag = eda(&["lag", "-g", &group, "--max", "0"]).on(broker());
        lag.run().status == 0
    };
    member.wait_for_records(1, PATIENCE);
    wait_until("its commit", PATIENCE, caught_up);
    // It hangs: a member until its session is over, which is long after this test.
    let id = member.id().to_string();
    let stop = Command::new("kill").args(["-STOP", &id]).status().unwrap();
    assert!(stop.success());
    send_numbers(&topic, 1, 2);
    let watch = watch(&["-g", &group]);
    let stalled = |sample: &Value| row(sample, 0)["status"] == "STALLED";
    let sample = sample(&watch, "a status", stalled);
    assert_eq!(row(&sample, 0)["lag"], 2);
    assert_eq!(sample["groups"][0]["status"], "ERR");
    drop(member);
}

#[test]
fn rates_are_those_of_what_is_written_and_read() {
    let topic = topic("orders", 1);
    let group = fresh("payment");
    send_numbers(&topic, 1, 1);
    super::catch_up(&topic, &group, 1);
    let watch = watch(&["-g", &group]);
    watch.wait_for_records(2, PATIENCE);
    send_numbers(&topic, 1, 10);
    let written = sample(&watch, "lag", |sample| row(sample, 0)["lag"] == 10);
    let written = row(&written, 0);
    assert!(
        written["producedPerSecond"].as_f64().unwrap() > 0.0,
        "{written}"
    );
    assert_eq!(written["consumedPerSecond"], 0.0);
    assert_eq!(written["catchingUp"], false);
    super::catch_up(&topic, &group, 10);
    let read = sample(&watch, "reading", |sample| {
        row(sample, 0)["consumedPerSecond"].as_f64() > Some(0.0)
    });
    assert_eq!(
        (&row(&read, 0)["lag"], &row(&read, 0)["status"]),
        (&json!(0), &json!("OK"))
    );
    assert_eq!(row(&read, 0)["etaMs"], 0);
}

#[test]
fn a_commit_that_goes_back_is_a_rewind_at_once() {
    let topic = topic("orders", 1);
    let group = fresh("payment");
    send_numbers(&topic, 1, 20);
    super::catch_up(&topic, &group, 15);
    let watch = watch(&["-g", &group]);
    watch.wait_for_records(2, PATIENCE);
    eda(&["offsets", "reset", &group, "--to", "4", "--yes"])
        .on(broker())
        .run()
        .succeeds();
    let back = sample(&watch, "the reset", |sample| {
        row(sample, 0)["committed"] == 4
    });
    let row = row(&back, 0);
    assert_eq!(
        (&row["status"], &row["lag"]),
        (&json!("REWIND"), &json!(16))
    );
    assert_eq!(row["consumedPerSecond"], Value::Null);
    assert_eq!(back["groups"][0]["status"], "ERR");
}

#[test]
fn a_topic_made_anew_is_no_negative_rate() {
    let topic = topic("orders", 1);
    let group = fresh("payment");
    send_numbers(&topic, 1, 20);
    super::catch_up(&topic, &group, 5);
    let watch = watch(&["-g", &group]);
    watch.wait_for_records(2, PATIENCE);
    eda(&["topic", "delete", &topic, "--yes"])
        .on(broker())
        .run()
        .succeeds();
    create(broker(), &topic, 1);
    send_numbers(&topic, 1, 2);
    super::catch_up(&topic, &group, 1);
    sample(&watch, "the new topic", |sample| row(sample, 0)["end"] == 2);
    let seen = watch.records().len();
    watch.wait_for_records(seen + 3, PATIENCE);
    for sample in watch.records() {
        for rate in ["producedPerSecond", "consumedPerSecond"] {
            let rate = row(&sample, 0)[rate].as_f64();
            assert!(rate.is_none_or(|rate| rate >= 0.0), "{sample}");
        }
    }
}

#[test]
fn an_outage_is_shown_and_it_goes_on_when_the_broker_is_back() {
    let address = format!("127.0.0.1:{}", wire::free_port());
    let start = || {
        let broker = eda(&["broker", "--listen", &address]).spawn();
        broker.wait_for_line(&address, PATIENCE);
        broker
    };
    let fill = |count: u32| {
        let on = |arguments: &[&str]| {
            let run = eda(arguments).args(["--brokers", &address]).run();
            run.succeeds();
        };
        on(&["topic", "create", "orders", "--partitions", "1"]);
        for n in 0..count {
            on(&["produce", "orders", &format!("n={n}")]);
        }
        on(&["consume", "orders", "-g", "payment", "-n", "1"]);
    };
    let first = start();
    fill(3);
    let watch = eda(&["lag", "-g", "payment", "--watch", "100ms", "--json"])
        .args(["--brokers", &address])
        .spawn();
    watch.wait_for_records(2, PATIENCE);
    first.kill();
    let outage = sample(&watch, "the outage", |sample| !sample["error"].is_null());
    assert_eq!(
        (&outage["rows"], &outage["groups"]),
        (&json!([]), &json!([]))
    );
    let error = &outage["error"];
    assert_eq!(error["kind"], "unreachable");
    // At first the connection broke, then nobody listens.
    let refused = |sample: &Value| {
        let message = sample["error"]["message"].as_str();
        message.is_some_and(|message| message.contains("Connection refused"))
    };
    sample(&watch, "the reason", refused);
    // It lasts since it began, not since it was last seen.
    let later = |sample: &Value| {
        let lasts = sample["error"]["since"] == error["since"];
        lasts && sample["time"].as_str() > outage["time"].as_str()
    };
    sample(&watch, "a longer outage", later);
    let _second = start();
    fill(2);
    // The group lives in memory and was gone: that is no end either. Then it is back, and with it the lag.
    let back = |sample: &Value| sample["error"].is_null() && row(sample, 0)["lag"] == 1;
    let back = sample(&watch, "the group", back);
    assert_eq!(
        row(&back, 0)["consumedPerSecond"],
        Value::Null,
        "no rate over the gap"
    );
    watch.interrupt();
    watch.wait(PATIENCE).status(130);
}

#[test]
fn a_first_look_that_fails_is_an_error() {
    let nobody = format!("127.0.0.1:{}", wire::free_port());
    let run = |arguments: &[&str]| eda(&["lag", "--watch"]).args(arguments).run();
    run(&["--brokers", &nobody]).status(3).stderr_has(&nobody);
    let group = fresh("nobody");
    let missing = run(&["-g", &group, "--brokers", broker().address()]);
    missing
        .status(1)
        .stderr_has(&format!("group `{group}` does not exist"));
    run(&["1ms"]).status(2).stderr_has("at least 100ms");
}

#[test]
fn a_reader_that_goes_away_ends_it() {
    let (_, group) = behind_by_four();
    let program = crate::support::eda::program();
    let mut watch = Command::new(program)
        .args([
            "lag",
            "-g",
            &group,
            "--watch",
            "100ms",
            "--brokers",
            broker().address(),
        ])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    drop(watch.stdout.take());
    let ended = crate::support::wait::wait_for(PATIENCE, || watch.try_wait().unwrap());
    let _ = watch.kill();
    assert_eq!(ended.and_then(|status| status.code()), Some(0));
}

#[test]
fn blocks_of_a_table_stand_apart() {
    let (_, group) = behind_by_four();
    let watch = eda(&["lag", "-g", &group, "--watch", "100ms", "--total"])
        .on(broker())
        .spawn();
    watch.wait_until("two samples", PATIENCE, |watch| {
        watch.stdout().matches("READ/s").count() >= 2
    });
    watch.interrupt();
    let output = watch.wait(PATIENCE).status(130);
    assert!(output.stdout.contains("\n\n"), "{}", output.stdout);
    assert!(!output.stdout.contains('\u{1b}'), "{}", output.stdout);
    let plain = eda(&["lag", "-g", &group, "--watch", "100ms", "--output", "plain"])
        .on(broker())
        .spawn();
    plain.wait_until("two samples", PATIENCE, |watch| {
        watch.stdout().contains("\n\n")
    });
    let text = plain.stdout();
    let fields = text.lines().next().unwrap().split('\t').count();
    assert_eq!(fields, 9, "{text}");
}

#[test]
fn on_a_terminal_it_is_redrawn_in_place() {
    if terminal::is_missing("on_a_terminal_it_is_redrawn_in_place") {
        return;
    }
    let (_, group) = behind_by_four();
    let mut watch = eda(&["lag", "-g", &group, "--watch", "100ms"])
        .on(broker())
        .on_a_terminal();
    watch.answer("every 100ms", "");
    watch.answer("TREND", "");
    watch.answer(&group, "");
    watch.answer("every 100ms", "\u{3}");
    let output = watch.ends().status(130);
    assert!(
        !output.stdout.contains("\n\n"),
        "nothing is between: {}",
        output.stdout
    );
}
