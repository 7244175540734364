//! `eda offsets export` and `import`.

use super::offsets::{caught_up, committed};
use crate::support::kafka_tools::tool;
use crate::support::{broker, eda, excused, fresh};
use serde_json::{Value, json};

#[track_caller]
fn export(groups: &[&str], arguments: &[&str]) -> String {
    eda(&["offsets", "export"])
        .args(groups)
        .args(arguments)
        .on(broker())
        .run()
        .succeeds()
        .stdout
}

#[test]
fn what_was_exported_is_imported_again_also_into_a_group_that_is_gone() {
    let (topic, group) = caught_up();
    let saved = export(&[&group], &[]);
    let rows: Value = serde_json::from_str(&saved).unwrap();
    assert_eq!(
        rows[1],
        json!({"group": group, "topic": topic, "partition": 1, "offset": 5})
    );
    eda(&["group", "delete", &group, "--yes"])
        .on(broker())
        .run()
        .succeeds();
    let import = eda(&["offsets", "import", "-"]).stdin(saved).on(broker());
    import
        .clone()
        .arg("--dry-run")
        .run()
        .succeeds()
        .stdout_has(&group);
    import.clone().run().status(2).stderr_has("--yes");
    import.arg("--yes").run().succeeds();
    assert_eq!(committed(&group), [5, 5]);
}

#[test]
fn csv_is_apaches_and_names_the_group_only_among_several() {
    let (topic, group) = caught_up();
    let (other_topic, other) = caught_up();
    let one = export(&[&group], &["--csv", "-p", "1"]);
    assert_eq!(one, format!("{topic},1,5\n"));
    let two = export(&[&group, &other], &["--csv", "-p", "0"]);
    assert!(
        two.contains(&format!("{other},{other_topic},0,5\n")),
        "{two}"
    );
    assert_eq!(two.lines().count(), 2);
    // Without a group the file does not say whose they are.
    let copy = fresh("copy");
    let import = eda(&["offsets", "import", "-"]).stdin(one).on(broker());
    import.clone().run().status(2).stderr_has("--group");
    import.args(["--group", &copy, "--yes"]).run().succeeds();
    assert_eq!(committed(&copy), [5]);
}

#[test]
fn a_row_that_fails_holds_up_the_others_unless_told_otherwise() {
    let (topic, group) = caught_up();
    let file = format!("{topic},0,1\nno-such-topic,0,1\n{topic},7,1\n{topic},1,99\n");
    let import = eda(&["offsets", "import", "-", "--group", &group, "--yes"])
        .stdin(file)
        .on(broker());
    import
        .clone()
        .run()
        .status(1)
        .stdout_has("topic `no-such-topic` does not exist")
        .stdout_has("has 2 partitions")
        .stdout_has("nothing is moved");
    assert_eq!(committed(&group), [5, 5]);
    let outcome = import.args(["--skip-failed", "--json"]).run().status(1);
    let rows = outcome.json();
    let applied: Vec<&Value> = rows
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["applied"] == true)
        .collect();
    assert_eq!(applied.len(), 1, "the other was there: {rows}");
    assert_eq!(committed(&group), [1, 5]);
}

#[test]
fn a_file_that_is_none_is_a_usage_error_with_the_place() {
    let run = |text: &str| {
        eda(&["offsets", "import", "-", "--group", "g"])
            .stdin(text)
            .on(broker())
            .run()
            .status(2)
    };
    run("orders,0,1\norders,x,1\n").stderr_has("line 2: `x` is not a partition's number");
    run("[{\"topic\":\"orders\"}]").stderr_has("it is not JSON of offsets");
    run("orders,0,1\norders,0,2\n").stderr_has("it says 1 and 2");
    run("\u{1b}[2J,0,z\n").stderr_has("`z` is not an offset");
    for nothing in [
        "",
        "[]",
        "[{\"group\":\"g\",\"topic\":\"t\",\"partition\":0,\"offset\":null}]",
    ] {
        run(nothing).stderr_has("`standard input` holds no offsets");
    }
    eda(&["offsets", "import", "no-such-file"])
        .on(broker())
        .run()
        .status(2)
        .stderr_has("cannot read `no-such-file`");
}

#[test]
fn apaches_tool_and_eda_read_each_others_csv() {
    if excused("apaches_tool_and_eda_read_each_others_csv") {
        return;
    }
    let class = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand";
    let (topic, group) = caught_up();
    eda(&["offsets", "reset", &group, "--to", "3", "--yes"])
        .on(broker())
        .run()
        .succeeds();
    let common = ["--reset-offsets", "--group", &group];
    let theirs = [
        &common[..],
        &["--topic", &topic, "--to-current", "--export"],
    ]
    .concat();
    let theirs = tool(class, broker(), &theirs, "");
    let csv: String = theirs
        .lines()
        .filter(|line| line.contains(',') && line.contains(topic.as_str()))
        .map(|line| format!("{line}\n"))
        .collect();
    let copy = fresh("copy");
    eda(&["offsets", "import", "-", "--group", &copy, "--yes"])
        .stdin(csv)
        .on(broker())
        .run()
        .succeeds();
    assert_eq!(committed(&copy), [3, 3]);
    // And the other way.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("offsets.csv");
    std::fs::write(&file, export(&[&group], &["--csv"])).unwrap();
    eda(&["offsets", "reset", &group, "--to", "0", "--yes"])
        .on(broker())
        .run()
        .succeeds();
    let file = file.to_str().unwrap();
    let ours = [&common[..], &["--from-file", file, "--execute"]].concat();
    tool(class, broker(), &ours, "");
    assert_eq!(committed(&group), [3, 3]);
}
