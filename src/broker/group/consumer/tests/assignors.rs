//! What assignors promise, whatever the group.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::super::{Place, Subscriber, Topic, range, uniform};
use super::id;

/// Partition counts of topics, and the topics each member wants.
fn groups() -> impl Strategy<Value = (Vec<i32>, Vec<Vec<usize>>)> {
    prop::collection::vec(0..8i32, 1..5).prop_flat_map(|counts| {
        let wanted = prop::collection::btree_set(0..counts.len(), 0..=counts.len());
        let wanted = wanted.prop_map(|topics| topics.into_iter().collect());
        (Just(counts), prop::collection::vec(wanted, 1..7))
    })
}

fn topics(counts: &[i32]) -> Vec<Topic> {
    let topic = |(number, count): (u128, &i32)| Topic {
        id: id(number),
        partitions: *count,
    };
    (1..).zip(counts).map(topic).collect()
}

fn subscribers<'a>(
    names: &'a [String],
    wanted: &[Vec<usize>],
    held: &'a [BTreeSet<Place>],
) -> Vec<Subscriber<'a>> {
    let member = |(index, topics): (usize, &Vec<usize>)| Subscriber {
        id: &names[index],
        instance: None,
        topics: topics.clone(),
        held: held.get(index),
    };
    wanted.iter().enumerate().map(member).collect()
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|index| format!("member-{index}")).collect()
}

/// Every partition of a topic that somebody wants has one owner, who wants it, and there are no others.
fn check_owners(
    topics: &[Topic],
    wanted: &[Vec<usize>],
    shares: &[BTreeSet<Place>],
) -> Result<(), TestCaseError> {
    let mut expected = BTreeSet::new();
    for (index, topic) in topics.iter().enumerate() {
        if wanted.iter().any(|topics| topics.contains(&index)) {
            expected.extend((0..topic.partitions).map(|partition| (topic.id, partition)));
        }
    }
    let given: Vec<Place> = shares.iter().flatten().copied().collect();
    prop_assert_eq!(given.len(), expected.len());
    prop_assert_eq!(given.into_iter().collect::<BTreeSet<_>>(), expected);
    for (share, wanted) in shares.iter().zip(wanted) {
        let wants = |place: &Place| wanted.iter().any(|index| topics[*index].id == place.0);
        prop_assert!(share.iter().all(wants));
    }
    Ok(())
}

fn squares(loads: &[usize]) -> usize {
    loads.iter().map(|load| load * load).sum()
}

fn loads(shares: &[BTreeSet<Place>]) -> Vec<usize> {
    shares.iter().map(BTreeSet::len).collect()
}

/// The least sum of squares there is, by trying every way to give out the partitions of each topic.
fn best(counts: &[i32], wanted: &[Vec<usize>]) -> usize {
    let mut reached = BTreeSet::from([vec![0; wanted.len()]]);
    for (index, count) in counts.iter().enumerate() {
        for _ in 0..*count {
            let takers = |loads: &Vec<usize>| -> Vec<Vec<usize>> {
                let takers = (0..wanted.len()).filter(|member| wanted[*member].contains(&index));
                let with = |member| {
                    let mut loads = loads.clone();
                    loads[member] += 1;
                    loads
                };
                takers.map(with).collect()
            };
            let next: BTreeSet<Vec<usize>> = reached.iter().flat_map(takers).collect();
            if next.is_empty() {
                break;
            }
            reached = next;
        }
    }
    reached.iter().map(|loads| squares(loads)).min().unwrap()
}

proptest! {
    #[test]
    fn range_gives_every_partition_to_one_member_and_shares_each_topic((counts, wanted) in groups()) {
        let (topics, names) = (topics(&counts), names(wanted.len()));
        let shares = range::assign(&subscribers(&names, &wanted, &[]), &topics);
        check_owners(&topics, &wanted, &shares)?;
        for (index, topic) in topics.iter().enumerate() {
            let of_topic = |share: &BTreeSet<Place>| -> Vec<i32> {
                share.iter().filter(|place| place.0 == topic.id).map(|place| place.1).collect()
            };
            let parts = shares.iter().zip(&wanted).filter(|(_, topics)| topics.contains(&index));
            let parts: Vec<Vec<i32>> = parts.map(|(share, _)| of_topic(share)).collect();
            let all: Vec<i32> = parts.concat();
            prop_assert!(all.is_sorted(), "neighbours, in the order of the members: {:?}", parts);
            let sizes: Vec<usize> = parts.iter().map(Vec::len).collect();
            prop_assert!(sizes.is_sorted_by(|left, right| left >= right));
            prop_assert!(sizes.first().unwrap_or(&0) - sizes.last().unwrap_or(&0) <= 1);
        }
    }

    #[test]
    fn uniform_is_as_even_as_subscriptions_allow(
        counts in prop::collection::vec(0..4i32, 1..4),
        wanted in prop::collection::vec(prop::collection::btree_set(0..3usize, 0..=3), 1..5),
    ) {
        let exists = |topics: &BTreeSet<usize>| topics.iter().copied().filter(|topic| *topic < counts.len()).collect();
        let wanted: Vec<Vec<usize>> = wanted.iter().map(exists).collect();
        let (topics, names) = (topics(&counts), names(wanted.len()));
        let shares = uniform::assign(&subscribers(&names, &wanted, &[]), &topics);
        check_owners(&topics, &wanted, &shares)?;
        prop_assert_eq!(squares(&loads(&shares)), best(&counts, &wanted));
    }

    #[test]
    fn uniform_stays_even_and_keeps_the_owners_when_groups_change(
        (counts, wanted) in groups(),
        (later_counts, later_wanted) in groups(),
    ) {
        let (before, names) = (topics(&counts), names(8));
        let held = uniform::assign(&subscribers(&names, &wanted, &[]), &before);
        let again = uniform::assign(&subscribers(&names, &wanted, &held), &before);
        prop_assert_eq!(&again, &held, "nothing has changed");
        let after = topics(&later_counts);
        let shares = uniform::assign(&subscribers(&names, &later_wanted, &held), &after);
        check_owners(&after, &later_wanted, &shares)?;
    }

    #[test]
    fn uniform_moves_no_more_than_evenness_takes(
        counts in prop::collection::vec(1..8i32, 1..4),
        later in prop::collection::vec(1..8i32, 1..4),
        members in 1..7usize,
        stay in prop::collection::vec(any::<bool>(), 7),
        joining in 0..4usize,
    ) {
        let all = |counts: &[i32], members: usize| vec![(0..counts.len()).collect::<Vec<usize>>(); members];
        let (before, names) = (topics(&counts), names(12));
        let wanted = all(&counts, members);
        let held = uniform::assign(&subscribers(&names, &wanted, &[]), &before);
        // Some go, some come, and topics grow, shrink (when they are made anew), come and go.
        let held: Vec<BTreeSet<Place>> = held.into_iter().zip(&stay).filter(|(_, stays)| **stays).map(|(held, _)| held).collect();
        let members = held.len() + joining;
        prop_assume!(members > 0);
        let wanted = all(&later, members);
        let after = topics(&later);
        let shares = uniform::assign(&subscribers(&names, &wanted, &held), &after);
        check_owners(&after, &wanted, &shares)?;
        let total: usize = later.iter().map(|count| *count as usize).sum();
        let (least, extra) = (total / members, total % members);
        prop_assert!(loads(&shares).iter().all(|load| *load == least || *load == least + 1));
        // What could be kept at most: everybody up to the least share, and as many as may have one more that one too.
        let exists = |place: &&Place| after.iter().any(|topic| topic.id == place.0 && place.1 < topic.partitions);
        let valid = held.iter().map(|held| held.iter().filter(exists).count());
        let valid: Vec<usize> = valid.collect();
        let more = valid.iter().filter(|count| **count > least).count().min(extra);
        let most = valid.iter().map(|count| *count.min(&least)).sum::<usize>() + more;
        let kept = held.iter().zip(&shares).map(|(held, share)| held.intersection(share).count());
        prop_assert_eq!(kept.sum::<usize>(), most);
    }
}
