//! Many groups: what `eda` says of each partition is what Apache's own tool says.

use crate::support::fleet::Fleet;
use crate::support::kafka_tools::tool;
use crate::support::{Broker, apache, eda, excused, wait_until};
use serde_json::Value;
use std::collections::BTreeMap;

/// Group, topic and partition.
type Place = (String, String, i64);

/// Next offset to read, next offset to be written, and what is between; `None` where the tool has a dash.
type Figures = [Option<i64>; 3];

#[test]
fn the_lag_of_two_hundred_groups_is_what_apaches_tool_says() {
    if excused("the_lag_of_two_hundred_groups_is_what_apaches_tool_says") {
        return;
    }
    // One of its own: the tool is asked for all groups, and other tests have theirs.
    let broker = apache::start().expect("Apache Kafka starts");
    let fleet = Fleet {
        name: "fleet",
        groups: 200,
        topics: 40,
        partitions: 4,
        gaps: true,
    };
    fleet.make(&broker).expect("the fleet is made");
    // One group is live: only then the tool shows a partition without a commit, with dashes. It must be an empty one,
    // or the member would read and commit.
    let (live, gap) = (2, 2);
    let read_by_live = fleet.topic_of(live);
    let (group, topic) = (fleet.group(live), fleet.topic(read_by_live));
    assert_eq!(fleet.records(read_by_live, gap), 0);
    assert_eq!(fleet.committed(live, gap), None);
    let due = (0..fleet.partitions).map(|partition| {
        let committed = fleet.committed(live, partition).unwrap_or(0);
        fleet.records(read_by_live, partition) - committed
    });
    let member = eda(&["consume", &topic, "--group", &group])
        .on(&broker)
        .spawn();
    member.wait_for_records(due.sum::<i64>() as usize, super::PATIENCE);
    wait_until("the live group's commits", super::PATIENCE, || {
        let lags = by_eda(&["--group", &group], &broker);
        lags.values().all(|figures| figures[2].unwrap_or(0) == 0)
    });

    let theirs = by_tool(&["--all-groups"], &broker);
    let ours = by_eda(&[], &broker);
    let mut differences = Vec::new();
    for (place, figures) in &theirs {
        if ours.get(place) != Some(figures) {
            differences.push(format!("{place:?}: {figures:?}, not {:?}", ours.get(place)));
        }
    }
    assert!(differences.is_empty(), "{differences:#?}");
    // Partitions of a group without members that it never committed in: the tool leaves them out, we do not.
    let extra: Vec<(&Place, &Figures)> = ours
        .iter()
        .filter(|(place, _)| !theirs.contains_key(place))
        .collect();
    let unknown = |(_, figures): &(&Place, &Figures)| {
        figures[0].is_none() && figures[1].is_some() && figures[2].is_none()
    };
    assert!(extra.iter().all(unknown), "{extra:#?}");
    assert_eq!(ours.len(), fleet.groups * fleet.partitions as usize);
    let gaps = (0..fleet.groups)
        .filter(|&number| number != live)
        .flat_map(|number| (0..fleet.partitions).map(move |partition| (number, partition)))
        .filter(|&(number, partition)| fleet.committed(number, partition).is_none());
    assert_eq!(extra.len(), gaps.count());
    // The comparison has all it is about: lag, none, and a dash.
    let lags = || theirs.values().map(|figures| figures[2]);
    assert!(lags().any(|lag| lag > Some(0)) && lags().any(|lag| lag == Some(0)));
    let dash = theirs.get(&(group, topic, i64::from(gap)));
    assert!(dash.is_some_and(|figures| figures[2].is_none()), "{dash:?}");
}

fn by_eda(arguments: &[&str], broker: &Broker) -> BTreeMap<Place, Figures> {
    let rows = eda(&["lag", "--json"]).args(arguments).on(broker).run();
    let rows = rows.succeeds().json();
    let read = |row: &Value| {
        let text = |name: &str| row[name].as_str().unwrap().to_owned();
        let place = (
            text("group"),
            text("topic"),
            row["partition"].as_i64().unwrap(),
        );
        let figures = ["committed", "end", "lag"].map(|name| row[name].as_i64());
        (place, figures)
    };
    rows.as_array().unwrap().iter().map(read).collect()
}

/// The tables of ConsumerGroupCommand, one a group, each after a line about it where it has no members.
fn by_tool(arguments: &[&str], broker: &Broker) -> BTreeMap<Place, Figures> {
    let mut words = vec!["--describe", "--timeout", "30000"];
    words.extend(arguments);
    let class = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand";
    let output = tool(class, broker, &words, "");
    let mut rows = BTreeMap::new();
    let mut headers: Vec<&str> = Vec::new();
    for line in output.lines() {
        let cells: Vec<&str> = line.split_whitespace().collect();
        match cells.first() {
            None | Some(&"Consumer") => continue,
            Some(&"GROUP") => {
                headers = cells;
                continue;
            }
            Some(_) => {}
        }
        let cell = |name: &str| {
            let column = headers.iter().position(|header| *header == name);
            *column
                .and_then(|column| cells.get(column))
                .unwrap_or_else(|| panic!("no {name} in `{line}`\n{output}"))
        };
        let number = |name: &str| match cell(name) {
            "-" => None,
            digits => Some(digits.parse().unwrap_or_else(|_| panic!("`{line}`"))),
        };
        let place = (
            cell("GROUP").to_owned(),
            cell("TOPIC").to_owned(),
            number("PARTITION").unwrap_or_else(|| panic!("`{line}`")),
        );
        let figures = ["CURRENT-OFFSET", "LOG-END-OFFSET", "LAG"].map(number);
        assert_eq!(rows.insert(place, figures), None, "twice: `{line}`");
    }
    rows
}
