//! Who is in a group: asked only of the one that somebody looks at.

use crate::error::Result;
use crate::kafka::Cluster;
use crate::model::group::GroupDescription;

/// The answer for one group, or why there is none.
#[derive(Clone, Debug)]
pub struct Members {
    pub group: String,
    pub(super) description: Result<GroupDescription, String>,
}

/// Asks once, bounded as every request is.
pub async fn members(cluster: Cluster, group: String) -> Members {
    let asked = cluster.describe_groups(std::slice::from_ref(&group)).await;
    let answer = asked.and_then(|mut answers| {
        let missing = || crate::error::Error::failed("the answer leaves it out");
        answers
            .pop()
            .ok_or_else(missing)
            .and_then(|(_, answer)| answer)
    });
    Members {
        description: answer.map_err(|error| error.one_line()),
        group,
    }
}
