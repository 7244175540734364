//! What is asked of consumer groups.

use super::authorization::Operation;
use super::by_name::outcomes_by_name;
use super::error::Subject;
use super::ffi::groups::ListedGroup;
use super::{BEFORE_ANOTHER_TRY, Cluster};
use crate::error::Result;
use crate::model::group::{GroupDescription, GroupKind, GroupListing, GroupState};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

impl Cluster {
    /// Every group, sorted by name: consumers' with their true state, whatever their protocol, and those of other
    /// protocol types (Connect's, Schema Registry's) as the classic protocol shows them.
    ///
    /// # Errors
    /// When one broker did not list its groups: a listing that lacks some never passes for a complete one. The cause
    /// names the broker, where it answered at all.
    pub async fn groups(&self) -> Result<Vec<GroupListing>> {
        let client = self.group_client()?;
        let asked = || Subject::Cluster.needing(Operation::Describe);
        let deadline = Instant::now() + client.timeout;
        let (listed, all) = loop {
            // Asked at once: one knows the states of KIP-848's groups, the other protocol types and coordinators. The
            // first failure is enough: the old listing cannot be interrupted, and learns later that nobody is there.
            let listed = client.admin.list_consumer_groups();
            let answer = tokio::try_join!(listed.answer(), client.admin.list_all_groups());
            let fault = match answer {
                Ok((mut listed, all)) => {
                    for fault in &listed.faults {
                        tracing::debug!("a broker did not list its groups: {fault}");
                    }
                    match listed.faults.is_empty() {
                        true => break (listed, all),
                        false => listed.faults.swap_remove(0),
                    }
                }
                Err(fault) => fault,
            };
            // A coordinator that has just come up, as that of a new cluster, still reads what it is to tell.
            if !fault.is_passing() || Instant::now() >= deadline {
                let doing = "list the groups of every broker";
                return Err(client.error(doing, asked(), fault));
            }
            tokio::time::sleep(BEFORE_ANOTHER_TRY).await;
        };
        let mut groups: BTreeMap<String, GroupListing> = all
            .into_iter()
            .map(|group| (group.id.clone(), not_dead(group)))
            .collect();
        for ListedGroup {
            id,
            state,
            kind,
            is_simple,
        } in listed.groups
        {
            let group = groups
                .entry(id.clone())
                .or_insert_with(|| GroupListing::unlisted(id));
            group.state = state;
            // The old listing has neither type nor members for KIP-848's groups.
            if kind == Some(GroupKind::Consumer) {
                group.members = (state == GroupState::Empty).then_some(0);
            }
            group.kind = kind;
            if !is_simple {
                "consumer".clone_into(&mut group.protocol_type);
            }
        }
        Ok(groups.into_values().collect())
    }

    /// Groups with their members, sorted by name. One that does not exist is described as dead and without members, by
    /// Kafka 4.3.1 too.
    pub async fn describe_groups(
        &self,
        groups: &[String],
    ) -> Result<Vec<(String, Result<GroupDescription>)>> {
        let groups: BTreeSet<&str> = groups.iter().map(String::as_str).collect();
        if groups.is_empty() {
            return Ok(Vec::new());
        }
        let client = self.group_client()?;
        let groups: Vec<&str> = groups.into_iter().collect();
        let answers = client
            .admin
            .describe_groups(&groups)
            .answer()
            .await
            .map_err(|fault| client.error("describe groups", Subject::Cluster, fault))?;
        Ok(outcomes_by_name(&groups, answers, |group, fault| {
            let doing = format!("describe group `{group}`");
            client.error(
                &doing,
                Subject::Group(group).needing(Operation::Describe),
                fault,
            )
        }))
    }

    /// Deletes groups with their offsets; an outcome for each, sorted by name.
    pub async fn delete_groups(&self, groups: &[String]) -> Result<Vec<(String, Result<()>)>> {
        let groups: BTreeSet<&str> = groups.iter().map(String::as_str).collect();
        if groups.is_empty() {
            return Ok(Vec::new());
        }
        let client = self.group_client()?;
        let groups: Vec<&str> = groups.into_iter().collect();
        let answers = client
            .admin
            .delete_groups(&groups)
            .answer()
            .await
            .map_err(|fault| {
                client.error(
                    "delete groups",
                    Subject::Cluster.needing(Operation::Delete),
                    fault,
                )
            })?;
        Ok(outcomes_by_name(&groups, answers, |group, fault| {
            let doing = format!("delete group `{group}`");
            client.error(
                &doing,
                Subject::Group(group).needing(Operation::Delete),
                fault,
            )
        }))
    }
}

/// The old listing says `Dead` of every group whose protocol it does not speak; a group that is listed is not.
fn not_dead(mut group: GroupListing) -> GroupListing {
    if group.state == GroupState::Dead {
        group.state = GroupState::Unknown;
        group.members = None;
    }
    group
}
