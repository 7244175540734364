//! Topics: create, list, describe, alter, purge, delete.

mod alter;
mod create;
mod create_all;
mod delete;
mod describe;
mod keys;
mod list;
mod purge;
mod readers;

pub use alter::{AlterOutcome, AlterPlan, AlterRequest, alter, plan_alter};
pub(crate) use create::wait_until_visible;
pub use create::{
    CreateOutcome, CreatePlan, CreateRequest, DEFAULT_PARTITIONS, create, plan_create,
};
pub use create_all::{CreateAllOutcome, CreateAllPlan, create_all, plan_create_all, requests};
pub use delete::{DeleteOutcome, DeletePlan, delete, plan_delete};
pub use describe::{TopicReport, describe};
pub use list::{ListRequest, TopicList, list};
pub use purge::{PurgeOutcome, PurgePlan, PurgeRequest, plan_purge, purge};

use crate::error::{Error, Result};
use crate::kafka::{Cluster, Isolation};
use crate::model::topic::{Topic, TopicPartition};
use crate::ops::scan;

/// First and next offset of every partition of these topics, and why some are not known. Partitions of a topic that
/// was deleted meanwhile are left out.
async fn extents(cluster: &Cluster, topics: &[Topic]) -> Result<(scan::Stretch, Option<Error>)> {
    let partitions: Vec<TopicPartition> = topics
        .iter()
        .flat_map(|topic| {
            topic
                .partitions
                .iter()
                .map(|partition| TopicPartition::new(&topic.name, partition.id))
        })
        .collect();
    let answers =
        scan::extents_of_existing(cluster, &partitions, Isolation::ReadUncommitted).await?;
    Ok(scan::split(answers))
}
