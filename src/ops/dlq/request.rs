//! What is asked of a replay.

use super::audit::Audit;
use super::order::Order;
use super::repair::Repair;
use super::replay_group;
use super::same_key::SameKey;
use super::selection::Selection;
use serde::Serialize;

/// Why a letter is parked that somebody has parked without saying why.
pub const BY_HAND: &str = "parked by hand";

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

/// What is done with the dead letters that are meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Aim {
    /// They are put back.
    #[default]
    PutBack,
    /// They go to the parking topic, all of them, for this reason.
    Park(String),
}

/// As what dead letters are put back.
#[derive(Clone, Debug)]
pub struct Manner {
    pub aim: Aim,
    pub target: Target,
    /// Also to a topic that is itself one of dead letters.
    pub force: bool,
    /// One that was put back so often already is parked.
    pub max_replays: u32,
    pub keep_diagnostics: bool,
    pub preserve_timestamp: bool,
    pub same_key: SameKey,
    pub repair: Repair,
}

impl Default for Manner {
    fn default() -> Self {
        Manner {
            aim: Aim::PutBack,
            target: Target::Origin,
            force: false,
            max_replays: 3,
            keep_diagnostics: false,
            preserve_timestamp: false,
            same_key: SameKey::Force,
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
    pub order: Order,
    pub delivery: Delivery,
    /// Records a second.
    pub rate: Option<f64>,
    /// Letters of unknown origin, and those whose origin is gone, are no failure.
    pub skips_unknown: bool,
    /// Where it is told what is done.
    pub audit: Option<Audit>,
}

impl ReplayRequest {
    /// The command line that asks for the same.
    pub fn command_line(&self) -> Vec<String> {
        let manner = &self.manner;
        let (verb, note) = match &manner.aim {
            Aim::PutBack => ("replay", None),
            Aim::Park(note) => ("park", (note != BY_HAND).then(|| note.clone())),
        };
        let mut words: Vec<String> = ["eda", "dlq", verb].map(str::to_owned).to_vec();
        words.push(self.topic.clone());
        words.extend(self.selection.words());
        let max_replays = manner.max_replays;
        let to = match &manner.target {
            Target::Topic(topic) => Some(topic.clone()),
            Target::Origin | Target::GroupRetry => None,
        };
        let order = self.order.name();
        let order = (self.order != Order::default()).then(|| order.to_owned());
        let same_key = manner.same_key.name();
        let same_key = (manner.same_key != SameKey::default()).then(|| same_key.to_owned());
        let unusual = max_replays != Manner::default().max_replays;
        let values = [
            ("-n", self.count.map(|count| count.to_string())),
            ("--note", note),
            ("--to", to),
            ("--order", order),
            ("--same-key", same_key),
            ("--replay-group", self.group.clone()),
            ("--rate", self.rate.map(|rate| rate.to_string())),
            ("--max-replays", unusual.then(|| max_replays.to_string())),
            (
                "--audit",
                self.audit.as_ref().map(|audit| audit.to.to_string()),
            ),
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
    use super::super::audit::AuditTo;
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
                aim: Aim::PutBack,
                target: Target::Topic("repaired".to_owned()),
                max_replays: 5,
                force: true,
                keep_diagnostics: true,
                preserve_timestamp: true,
                same_key: SameKey::Block,
                ..Manner::default()
            },
            order: Order::Key,
            delivery: Delivery::AtLeastOnce,
            rate: Some(50.0),
            skips_unknown: true,
            audit: Some(Audit {
                to: AuditTo::Topic("audit".to_owned()),
                user: None,
            }),
            ..plain
        };
        assert_eq!(full.replay_group(), "mine");
        assert_eq!(
            full.command_line().join(" "),
            "eda dlq replay order-created.dlq --reason timeout -n 7 --to repaired --order key --same-key block \
             --replay-group mine --rate 50 --max-replays 5 --audit topic:audit --from-beginning --force --keep-diagnostics --preserve-timestamp --at-least-once \
             --skip-unknown"
        );
        let parking = |note: &str| ReplayRequest {
            topic: "order-created.dlq".to_owned(),
            manner: Manner {
                aim: Aim::Park(note.to_owned()),
                ..Manner::default()
            },
            ..ReplayRequest::default()
        };
        assert_eq!(
            parking(BY_HAND).command_line().join(" "),
            "eda dlq park order-created.dlq"
        );
        assert_eq!(
            parking("see OPS-7").command_line()[4..],
            ["--note", "see OPS-7"]
        );
    }
}
