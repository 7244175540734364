//! The `range` assignor: for each topic, neighbouring partitions to each subscriber. Members that read the same topics
//! get the same indexes of each, so that topics that are partitioned alike can be joined.

use std::collections::BTreeSet;

use super::{Place, Subscriber, Topic};

/// Static members come first, by instance, so that a restart under a new id changes nothing; the others follow by id.
pub(super) fn assign(members: &[Subscriber<'_>], topics: &[Topic]) -> Vec<BTreeSet<Place>> {
    let mut order: Vec<usize> = (0..members.len()).collect();
    order.sort_by_key(|index| {
        let member = &members[*index];
        (member.instance.is_none(), member.instance, member.id)
    });
    let mut subscribers = vec![Vec::new(); topics.len()];
    for member in order {
        for topic in &members[member].topics {
            subscribers[*topic].push(member);
        }
    }
    let mut shares = vec![BTreeSet::new(); members.len()];
    for (topic, subscribers) in topics.iter().zip(subscribers) {
        let (count, partitions) = (subscribers.len() as i32, topic.partitions);
        if count == 0 {
            continue;
        }
        let mut start = 0;
        for (position, member) in subscribers.into_iter().enumerate() {
            let extra = i32::from((position as i32) < partitions % count);
            let end = start + partitions / count + extra;
            shares[member].extend((start..end).map(|index| (topic.id, index)));
            start = end;
        }
    }
    shares
}
