//! What is asked of a replay.

use super::repair::Repair;
use super::replay_group;
use super::selection::Selection;
use serde::Serialize;

/// Where dead letters are to be put back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Target {
    /// Each to the topic it came from.
    #[default]
    Origin,
    /// All to this one.
    Topic(String),
    /// Each to the private retry topic of the group that gave up.
    GroupRetry,
}

/// As what dead letters are put back.
#[derive(Clone, Debug)]
pub struct Manner {
    pub target: Target,
    /// Also to a topic that is itself one of dead letters.
    pub force: bool,
    /// One that was put back so often already is parked.
    pub max_replays: u32,
    pub keep_diagnostics: bool,
    pub preserve_timestamp: bool,
    pub repair: Repair,
}

impl Default for Manner {
    fn default() -> Self {
        Manner {
            target: Target::Origin,
            force: false,
            max_replays: 3,
            keep_diagnostics: false,
            preserve_timestamp: false,
            repair: Repair::default(),
        }
    }
}

/// What is promised of each letter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Delivery {
    /// It is put back and remembered in one transaction.
    #[default]
    ExactlyOnce,
    /// It is remembered after it was put back: for clusters without transactions.
    AtLeastOnce,
}

/// What the user asked for.
#[derive(Clone, Debug, Default)]
pub struct ReplayRequest {
    pub topic: String,
    pub selection: Selection,
    /// None: all.
    pub count: Option<u64>,
    /// Also what was put back before.
    pub from_beginning: bool,
    /// Whose progress it is; None: that of the replays of this topic.
    pub group: Option<String>,
    pub manner: Manner,
    pub delivery: Delivery,
    /// Records a second.
    pub rate: Option<f64>,
    /// Letters of unknown origin, and those whose origin is gone, are no failure.
    pub skips_unknown: bool,
}

impl ReplayRequest {
    /// The command line that asks for the same.
    pub fn command_line(&self) -> Vec<String> {
        let mut words: Vec<String> = ["eda", "dlq", "replay"].map(str::to_owned).to_vec();
        words.push(self.topic.clone());
        words.extend(self.selection.words());
        let manner = &self.manner;
        let max_replays = manner.max_replays;
        let to = match &manner.target {
            Target::Topic(topic) => Some(topic.clone()),
            Target::Origin | Target::GroupRetry => None,
        };
        let unusual = max_replays != Manner::default().max_replays;
        let values = [
            ("-n", self.count.map(|count| count.to_string())),
            ("--to", to),
            ("--replay-group", self.group.clone()),
            ("--rate", self.rate.map(|rate| rate.to_string())),
            ("--max-replays", unusual.then(|| max_replays.to_string())),
        ];
        for (flag, value) in values {
            words.extend(value.into_iter().flat_map(|value| [flag.to_owned(), value]));
        }
        let flags = [
            ("--from-beginning", self.from_beginning),
            ("--to-group-retry", manner.target == Target::GroupRetry),
            ("--force", manner.force),
            ("--keep-diagnostics", manner.keep_diagnostics),
            ("--preserve-timestamp", manner.preserve_timestamp),
            ("--at-least-once", self.delivery == Delivery::AtLeastOnce),
            ("--skip-unknown", self.skips_unknown),
        ];
        let given = flags.into_iter().filter(|(_, is_given)| *is_given);
        words.extend(given.map(|(flag, _)| flag.to_owned()));
        words.extend(manner.repair.words());
        words
    }

    /// The group whose offsets are the progress.
    pub(super) fn replay_group(&self) -> String {
        let group = self.group.clone();
        group.unwrap_or_else(|| replay_group(&self.topic))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_asks_for_the_same() {
        let plain = ReplayRequest {
            topic: "order-created.dlq".to_owned(),
            ..ReplayRequest::default()
        };
        assert_eq!(
            plain.command_line().join(" "),
            "eda dlq replay order-created.dlq"
        );
        assert_eq!(plain.replay_group(), "eda-replay.order-created.dlq");
        let full = ReplayRequest {
            selection: Selection {
                reasons: vec!["timeout".to_owned()],
                ..Selection::default()
            },
            count: Some(7),
            from_beginning: true,
            group: Some("mine".to_owned()),
            manner: Manner {
                target: Target::Topic("repaired".to_owned()),
                max_replays: 5,
                force: true,
                keep_diagnostics: true,
                preserve_timestamp: true,
                ..Manner::default()
            },
            delivery: Delivery::AtLeastOnce,
            rate: Some(50.0),
            skips_unknown: true,
            ..plain
        };
        assert_eq!(full.replay_group(), "mine");
        assert_eq!(
            full.command_line().join(" "),
            "eda dlq replay order-created.dlq --reason timeout -n 7 --to repaired --replay-group mine --rate 50 \
             --max-replays 5 --from-beginning --force --keep-diagnostics --preserve-timestamp --at-least-once \
             --skip-unknown"
        );
    }
}
