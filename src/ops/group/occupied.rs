//! Whether a group has members, which decides whether its offsets are ours to change.

use crate::error::{Error, Result};
use crate::kafka::Cluster;
use crate::model::group::{GroupDescription, GroupMember, GroupState};
use crate::ops::missing;
use std::collections::BTreeMap;

/// How many members a sentence names.
const NAMED: usize = 5;

/// A group that somebody is in, or may be in.
#[derive(Debug)]
pub(in crate::ops) struct Occupied {
    pub(in crate::ops) group: String,
    state: GroupState,
    members: Vec<GroupMember>,
}

/// Describes the groups, each of which must exist, and gives those that are occupied.
///
/// A group exists when it has members or committed offsets; `has_offsets` says which have the latter. With
/// `may_be_new` one that does not exist is simply not occupied.
///
/// # Errors
/// A group that does not exist, with the one that was perhaps meant; one that cannot be described: a check that knows
/// nothing must not pass.
pub(in crate::ops) async fn occupied(
    cluster: &Cluster,
    groups: &[String],
    has_offsets: impl Fn(&str) -> bool,
    may_be_new: bool,
) -> Result<Vec<Occupied>> {
    let mut described: BTreeMap<String, GroupDescription> = BTreeMap::new();
    for (group, description) in cluster.describe_groups(groups).await? {
        described.insert(group, description?);
    }
    // "Dead" is what the classic protocol says of a group that is not there, and of one whose protocol it does not speak:
    // the listing tells them apart, and one that is listed and dead is somebody's.
    let is_dead = |group: &&String| {
        described
            .get(*group)
            .is_none_or(|group| group.state == GroupState::Dead && group.members.is_empty())
    };
    let dead: Vec<&String> = groups.iter().filter(is_dead).collect();
    if !dead.is_empty() {
        let listings = cluster.groups().await?;
        for group in dead {
            let listed = listings.iter().find(|listing| listing.id == *group);
            match listed {
                Some(listing) if listing.state.is_live() => {
                    if let Some(described) = described.get_mut(group) {
                        described.state = listing.state;
                    }
                }
                Some(_) => {}
                // Offsets that have just been read are those of a group that is there.
                None if may_be_new || has_offsets(group) => {}
                None => {
                    let known = listings.iter().map(|listing| listing.id.as_str());
                    return Err(missing::group(cluster, group, known).await);
                }
            }
        }
    }
    let occupied = described
        .into_values()
        .filter(|group| group.state.is_live() || !group.members.is_empty())
        .map(|group| Occupied {
            group: group.id,
            state: group.state,
            members: group.members,
        });
    Ok(occupied.collect())
}

impl Occupied {
    /// `` group `g` has 2 active members: `eda` on /127.0.0.1 (eda-1…) and … ``.
    pub(in crate::ops) fn sentence(&self) -> String {
        let group = &self.group;
        let count = match self.members.len() {
            // Between two rebalances, or of a protocol that does not tell.
            0 => return format!("group `{group}` is in use: its state is {}", self.state),
            1 => "1 active member".to_owned(),
            count => format!("{count} active members"),
        };
        let mut named: Vec<String> = self
            .members
            .iter()
            .take(NAMED)
            .map(|member| format!("`{}` on {} ({})", member.client_id, member.host, member.id))
            .collect();
        if let more @ 1.. = self.members.len().saturating_sub(NAMED) {
            named.push(format!("{more} more"));
        }
        format!("group `{group}` has {count}: {}", named.join(", "))
    }

    /// What a dry run says of each.
    pub(in crate::ops) fn refusals(groups: &[Occupied]) -> Vec<String> {
        let sentence = |group: &Occupied| format!("would be refused: {}", group.sentence());
        groups.iter().map(sentence).collect()
    }

    /// Why nothing was changed, when any of the groups is occupied.
    pub(in crate::ops) fn refusal(groups: &[Occupied]) -> Option<Error> {
        let first = groups.first()?;
        let sentences: Vec<String> = groups.iter().map(Occupied::sentence).collect();
        let error = Error::failed(sentences.join("; "));
        Some(error.hint(format!(
            "nothing was changed: stop the consumers first; `eda group describe {}` shows what each reads",
            first.group
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(members: usize) -> Occupied {
        let member = |n: usize| GroupMember {
            id: format!("eda-{n}"),
            instance_id: None,
            client_id: "eda".to_owned(),
            host: "/127.0.0.1".to_owned(),
            assignment: Vec::new(),
            target: None,
        };
        Occupied {
            group: "payment".to_owned(),
            state: GroupState::PreparingRebalance,
            members: (0..members).map(member).collect(),
        }
    }

    #[test]
    fn members_are_named_but_not_all_of_a_crowd() {
        assert_eq!(
            group(0).sentence(),
            "group `payment` is in use: its state is PreparingRebalance"
        );
        assert_eq!(
            group(1).sentence(),
            "group `payment` has 1 active member: `eda` on /127.0.0.1 (eda-0)"
        );
        let crowd = group(7).sentence();
        assert!(crowd.starts_with("group `payment` has 7 active members: "));
        assert!(crowd.ends_with("(eda-4), 2 more"), "{crowd}");
    }

    #[test]
    fn a_refusal_names_every_group() {
        assert!(Occupied::refusal(&[]).is_none());
        let error = Occupied::refusal(&[group(1), group(2)]).unwrap();
        assert!(error.message().contains("1 active member:"));
        assert!(error.message().contains("; group `payment` has 2"));
        assert!(error.hint_text().unwrap().contains("nothing was changed"));
    }
}
