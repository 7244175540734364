//! `eda lag`: one look. The gate over time and `--watch` have files of their own.

mod gate;
mod watch;

use super::{behind_by_four, send, send_numbers, topic};
use crate::support::kafka_tools::tool;
use crate::support::{broker, eda, excused, fresh};
use insta::assert_snapshot;
use serde_json::{Value, json};

#[test]
fn lag_is_end_minus_committed_also_for_a_group_without_members() {
    let (topic, group) = behind_by_four();
    let rows = eda(&["lag", "--group", &group, "--json"])
        .on(broker())
        .run()
        .succeeds()
        .json();
    let rows = rows.as_array().unwrap();
    assert_eq!(rows.len(), 2);
    let mut behind = 0;
    for (at, row) in rows.iter().enumerate() {
        assert_eq!(row["group"], group.as_str());
        assert_eq!(row["topic"], topic.as_str());
        assert_eq!(row["partition"], at, "sorted");
        assert_eq!((&row["start"], &row["end"]), (&0.into(), &5.into()));
        match row["committed"].as_i64() {
            Some(committed) => {
                assert_eq!(row["lag"], 5 - committed);
                behind += 5 - committed;
            }
            None => {
                assert!(
                    row["lag"].is_null(),
                    "without a commit the lag is unknown: {row}"
                );
                behind += 5;
            }
        }
    }
    assert_eq!(behind, 4);
}

#[test]
fn the_gate_is_an_alarm_and_opens_when_the_group_has_caught_up() {
    let (topic, group) = behind_by_four();
    let gate = |max: &str| {
        eda(&["lag", "--group", &group, "--max", max])
            .on(broker())
            .run()
    };
    gate("0").status(4).stdout_has(&group);
    eda(&["consume", &topic, "--group", &group, "-n", "4"])
        .on(broker())
        .run()
        .succeeds();
    gate("0").succeeds();
}

#[test]
fn all_groups_of_a_topic_are_shown_unless_one_is_named() {
    let (topic, group) = behind_by_four();
    let other = fresh("audit");
    eda(&["consume", &topic, "--group", &other, "-n", "10"])
        .on(broker())
        .run()
        .succeeds();
    let groups = |arguments: &[&str]| -> Vec<String> {
        let rows = eda(&["lag", "--json"])
            .args(arguments)
            .on(broker())
            .run()
            .succeeds()
            .json();
        let mut groups: Vec<String> = rows
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row["group"].as_str().unwrap().to_owned())
            .collect();
        groups.dedup();
        groups
    };
    assert_eq!(
        groups(&["--topic", &topic]),
        [other.clone(), group.clone()],
        "sorted"
    );
    assert_eq!(groups(&["--group", &other]), [other]);
    assert!(groups(&[]).contains(&group));
}

#[test]
fn an_unknown_group_or_topic_is_answered_with_the_one_that_was_meant() {
    let (topic, group) = behind_by_four();
    let typo = group.replace("payment", "paymnet");
    let unknown = eda(&["lag", "--group", &typo]).on(broker()).run().status(1);
    unknown
        .stderr_has(&format!("group `{typo}` does not exist"))
        .stderr_has(&format!("did you mean `{group}`?"));
    let typo = topic.replace("orders", "oders");
    let unknown = eda(&["lag", "--topic", &typo]).on(broker()).run().status(1);
    unknown
        .stderr_has(&format!("topic `{typo}` does not exist"))
        .stderr_has(&format!("did you mean `{topic}`?"));
}

#[test]
fn the_gate_as_a_person_sees_it() {
    let topic = topic("orders", 1);
    let group = fresh("payment-service");
    send_numbers(&topic, 1, 5);
    eda(&["consume", &topic, "--group", &group, "-n", "3"])
        .on(broker())
        .run()
        .succeeds();
    let gate = eda(&["lag", "--group", &group, "--max", "0"])
        .on(broker())
        .run();
    assert_snapshot!(gate.snapshot(), @r"
    status: 4
    --- stdout
    GROUP                     TOPIC            PARTITION  COMMITTED  START  END  LAG
    payment-service-xxxxxxxx  orders-xxxxxxxx          0          3      0    5    2
    payment-service-xxxxxxxx is 2 behind, more than 0
    --- stderr
    ");
}

/// Reads the topic to its end as the group, which then has caught up.
fn catch_up(topic: &str, group: &str, count: u32) {
    eda(&["consume", topic, "--group", group, "-n", &count.to_string()])
        .on(broker())
        .run()
        .succeeds();
}

fn rows(arguments: &[&str]) -> Vec<Value> {
    let output = eda(&["lag", "--json"]).args(arguments).on(broker()).run();
    output.succeeds().json().as_array().unwrap().clone()
}

#[test]
fn groups_and_topics_are_taken_by_pattern() {
    let (first, second) = (topic("orders", 1), topic("orders", 1));
    let groups = [fresh("payment"), fresh("payment")];
    for (topic, group) in [(&first, &groups[0]), (&second, &groups[1])] {
        send_numbers(topic, 1, 2);
        catch_up(topic, group, 2);
    }
    let ending = |name: &str| format!("*{}", &name[name.len() - 8..]);
    let named = |rows: &[Value], key: &str| -> Vec<String> {
        let names = rows.iter().map(|row| row[key].as_str().unwrap().to_owned());
        names.collect()
    };
    let rows_of = rows(&["--group", &ending(&groups[1])]);
    assert_eq!(named(&rows_of, "group"), [groups[1].clone()]);
    let rows_in = rows(&["--topic", &ending(&first)]);
    assert_eq!(named(&rows_in, "topic"), std::slice::from_ref(&first));
    let both = rows(&["-g", "payment-*", "-t", &ending(&second)]);
    assert_eq!(named(&both, "group"), [groups[1].clone()], "not every pair");
    let question = second.replace("orders", "o?ders");
    assert_eq!(named(&rows(&["-t", &question]), "topic"), [second]);
}

#[test]
fn a_pattern_that_fits_no_group_is_an_empty_answer_but_no_open_gate() {
    let nothing = fresh("nobody") + "-*";
    let empty = eda(&["lag", "-g", &nothing, "--json"]).on(broker()).run();
    assert_eq!(empty.succeeds().json(), json!([]));
    let empty = eda(&["lag", "-g", &nothing]).on(broker()).run().succeeds();
    empty.stderr_has(&format!("no group matches `{nothing}`"));
    let gate = eda(&["lag", "-g", &nothing, "--max", "1000"]);
    gate.on(broker())
        .run()
        .status(1)
        .stderr_has(&format!("nothing to judge: no group matches `{nothing}`"));
    let unread = topic("orders", 1);
    let gate = eda(&["lag", "-t", &unread, "--max", "1000"])
        .on(broker())
        .run();
    gate.status(1).stderr_has("nothing to judge");
}

#[test]
fn the_worst_is_first_when_asked_and_unknown_is_worse_than_known() {
    let topic = topic("orders", 3);
    let group = fresh("payment");
    // Partition 0 is read to its end, 1 is behind, 2 has records and no commit.
    send_numbers(&topic, 2, 2);
    catch_up(&topic, &group, 2);
    let record = |partition: u32| json!({"partition": partition, "value": 1});
    send(&topic, &[record(1), record(2)]);
    let order = |arguments: &[&str]| -> Vec<i64> {
        let rows = rows(&[&["-g", group.as_str()], arguments].concat());
        let partitions = rows.iter().map(|row| row["partition"].as_i64().unwrap());
        partitions.collect()
    };
    assert_eq!(order(&[]), [0, 1, 2]);
    let committed: Vec<Value> = rows(&["-g", &group])
        .iter()
        .map(|row| row["committed"].clone())
        .collect();
    assert_eq!(committed[..2], [json!(1), json!(1)]);
    let worst = order(&["--sort", "lag"]);
    match committed[2].is_null() {
        true => assert_eq!(worst, [2, 1, 0]),
        // The group committed 0 where there was nothing: then it is known to be behind by one.
        false => assert_eq!(worst, [1, 2, 0]),
    }
    let refused = eda(&["lag", "--sort", "size"]).on(broker()).run().status(2);
    refused.stderr_has("`name`, `lag` or `time`");
}

#[test]
fn the_age_of_the_next_record_is_shown_when_asked() {
    let topic = topic("orders", 1);
    let group = fresh("payment");
    send_numbers(&topic, 1, 1);
    catch_up(&topic, &group, 1);
    let age = |arguments: &[&str]| {
        let rows = rows(&[&["-g", group.as_str()], arguments].concat());
        rows[0]["timeLagMs"].clone()
    };
    assert_eq!(age(&[]), Value::Null, "it was not asked for");
    assert_eq!(age(&["--time"]), json!(0), "nothing is left to read");
    let an_hour_ago = jiff::Timestamp::now().as_millisecond() - 3_600_000;
    send(
        &topic,
        &[json!({"partition": 0, "timestamp": an_hour_ago, "value": 1})],
    );
    send(&topic, &[json!({"partition": 0, "value": 2})]);
    for flags in [&["--time"][..], &["--sort", "time"]] {
        let age = age(flags).as_i64().unwrap();
        assert!((3_600_000..3_900_000).contains(&age), "{age}");
    }
    let table = eda(&["lag", "-g", &group, "--time"]).on(broker()).run();
    table.succeeds().stdout_has("1h");
}

#[test]
fn a_group_is_summed() {
    let (topic, group) = behind_by_four();
    let total = eda(&["lag", "-g", &group, "--total", "--json"])
        .on(broker())
        .run()
        .succeeds()
        .json();
    let of_rows = rows(&["-g", &group]);
    let known: i64 = of_rows.iter().filter_map(|row| row["lag"].as_i64()).sum();
    let unknown = of_rows.iter().filter(|row| row["lag"].is_null()).count();
    let total = &total[0];
    assert_eq!(total["group"], group.as_str());
    assert_eq!(
        (&total["topics"], &total["partitions"]),
        (&json!(1), &json!(2))
    );
    assert_eq!(
        (&total["lag"], &total["unknown"]),
        (&json!(known), &json!(unknown))
    );
    assert_eq!(
        (&total["state"], &total["members"]),
        (&json!("Empty"), &json!(0))
    );
    let gate = eda(&["lag", "-g", &group, "--total", "--max", "0"]).on(broker());
    gate.run().status(4).stdout_has("MAX");
    drop(topic);
}

#[test]
fn markers_of_transactions_are_no_lag_to_a_gate() {
    if excused("markers_of_transactions_are_no_lag_to_a_gate") {
        return;
    }
    let topic = topic("orders", 1);
    let group = fresh("payment");
    let transactional_id = fresh("tx");
    let arguments = [
        "--topic",
        &topic,
        "--num-records",
        "10",
        "--record-size",
        "10",
        "--throughput",
        "-1",
        "--transactional-id",
        &transactional_id,
    ];
    tool(
        "org.apache.kafka.tools.ProducerPerformance",
        broker(),
        &arguments,
        "",
    );
    // The last record's offset is 9, the marker's is 10.
    catch_up(&topic, &group, 10);
    let row = &rows(&["-g", &group])[0];
    assert_eq!((&row["committed"], &row["end"]), (&json!(10), &json!(11)));
    assert_eq!(row["lag"], 1, "as Kafka's own tools count");
    assert_eq!(rows(&["-g", &group, "--time"])[0]["effectiveLag"], 0);
    let gate = |flags: &[&str]| {
        eda(&["lag", "-g", &group, "--max", "0"])
            .args(flags)
            .on(broker())
            .run()
            .succeeds()
            .stdout_has("the offsets that are left hold no records");
    };
    gate(&[]);
    gate(&["--within", "20s"]);
    gate(&["--read-committed"]);
}

#[test]
fn records_deleted_unread_are_flagged_and_counted() {
    let topic = topic("orders", 1);
    let group = fresh("payment-service");
    send_numbers(&topic, 1, 10);
    catch_up(&topic, &group, 3);
    eda(&["topic", "purge", &topic, "--before", "7", "--yes"])
        .on(broker())
        .run()
        .succeeds();
    let lag = eda(&["lag", "--group", &group, "--max", "3"])
        .on(broker())
        .run();
    assert_snapshot!(lag.snapshot(), @r"
    status: 0
    --- stdout
    GROUP                     TOPIC            PARTITION  COMMITTED  START  END  LAG
    payment-service-xxxxxxxx  orders-xxxxxxxx          0          3      7   10    7
    payment-service-xxxxxxxx lost 4 records of orders-xxxxxxxx:0: deleted before they were read
    --- stderr
    ");
}

#[test]
fn a_topic_that_is_gone_says_so_in_its_row() {
    let (topic, group) = behind_by_four();
    eda(&["topic", "delete", &topic, "--yes"])
        .on(broker())
        .run()
        .succeeds();
    // Kafka forgets the offsets with the topic, some time later; the embedded broker does at once, or keeps them.
    for row in rows(&["-g", &group]) {
        assert_eq!(row["lag"], Value::Null);
        assert_eq!(row["error"], format!("topic `{topic}` does not exist"));
    }
}
