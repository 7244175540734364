//! The `uniform` assignor: every partition to one subscriber of its topic, the shares as equal as subscriptions allow,
//! and, after that, everybody keeps what it had.
//!
//! Kafka has one builder for members with one subscription and another, which stops at swaps of one step, for members
//! with several. Here one procedure does both. What nobody holds goes to whoever has least. Then, while some member
//! can pass a partition on, directly or through others that pass one on in turn, to a member that has two less, it
//! does. Such paths are all that can be improved (Harvey, Ladner, Lovász, Tamir: "Semi-matchings for bipartite graphs
//! and load balancing", 2003), so the shares end as equal as they can be; with one subscription for all, that is
//! within 1, with as few moves as that takes.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};

use super::{Place, Subscriber, Topic};

/// What each member shall have, in the order of `members`.
pub(super) fn assign(members: &[Subscriber<'_>], topics: &[Topic]) -> Vec<BTreeSet<Place>> {
    let mut shares = Shares::new(members, topics);
    shares.keep_what_is_held(members, topics);
    shares.give_out_what_is_free(topics);
    shares.level();
    let places = |owned: BTreeMap<usize, BTreeSet<i32>>| {
        let of_topic = |(topic, indexes): (usize, BTreeSet<i32>)| {
            let id = topics[topic].id;
            indexes.into_iter().map(move |index| (id, index))
        };
        owned.into_iter().flat_map(of_topic).collect()
    };
    shares.owned.into_iter().map(places).collect()
}

/// Members, topics and sets of subscribers are all named by their index.
struct Shares {
    /// What each member has so far, by topic.
    owned: Vec<BTreeMap<usize, BTreeSet<i32>>>,
    loads: Vec<usize>,
    /// The distinct sets of subscribers: each member with its load, so that the first has least.
    circles: Vec<BTreeSet<(usize, usize)>>,
    circles_of_member: Vec<Vec<usize>>,
    circle_of_topic: Vec<usize>,
}

impl Shares {
    fn new(members: &[Subscriber<'_>], topics: &[Topic]) -> Shares {
        let mut subscribers = vec![Vec::new(); topics.len()];
        for (index, member) in members.iter().enumerate() {
            for topic in &member.topics {
                subscribers[*topic].push(index);
            }
        }
        let mut circles = Vec::new();
        let mut circles_of_member = vec![Vec::new(); members.len()];
        let mut known: HashMap<Vec<usize>, usize> = HashMap::new();
        let mut circle_of_topic = Vec::with_capacity(topics.len());
        for subscribers in subscribers {
            let circle = known.get(&subscribers).copied().unwrap_or_else(|| {
                for member in &subscribers {
                    circles_of_member[*member].push(circles.len());
                }
                circles.push(subscribers.iter().map(|member| (0, *member)).collect());
                known.insert(subscribers, circles.len() - 1);
                circles.len() - 1
            });
            circle_of_topic.push(circle);
        }
        Shares {
            owned: vec![BTreeMap::new(); members.len()],
            loads: vec![0; members.len()],
            circles,
            circles_of_member,
            circle_of_topic,
        }
    }

    fn set_load(&mut self, member: usize, load: usize) {
        for circle in &self.circles_of_member[member] {
            self.circles[*circle].remove(&(self.loads[member], member));
            self.circles[*circle].insert((load, member));
        }
        self.loads[member] = load;
    }

    fn give(&mut self, member: usize, topic: usize, index: i32) {
        self.owned[member].entry(topic).or_default().insert(index);
        self.set_load(member, self.loads[member] + 1);
    }

    fn keep_what_is_held(&mut self, members: &[Subscriber<'_>], topics: &[Topic]) {
        let indexes: HashMap<_, _> = topics.iter().map(|topic| topic.id).zip(0..).collect();
        let mut taken = HashSet::new();
        for (member, subscriber) in members.iter().enumerate() {
            for place in subscriber.held.into_iter().flatten() {
                let Some(topic) = indexes.get(&place.0).copied() else {
                    continue;
                };
                let exists = (0..topics[topic].partitions).contains(&place.1);
                let subscribes = subscriber.topics.binary_search(&topic).is_ok();
                if exists && subscribes && taken.insert(*place) {
                    self.give(member, topic, place.1);
                }
            }
        }
    }

    /// Topics that few read come first: there is less choice with them.
    fn give_out_what_is_free(&mut self, topics: &[Topic]) {
        let mut taken: Vec<BTreeSet<i32>> = vec![BTreeSet::new(); topics.len()];
        for (topic, indexes) in self.owned.iter().flatten() {
            taken[*topic].extend(indexes);
        }
        let mut order: Vec<usize> = (0..topics.len()).collect();
        order.sort_by_key(|topic| self.circles[self.circle_of_topic[*topic]].len());
        for topic in order {
            for index in 0..topics[topic].partitions {
                let circle = &self.circles[self.circle_of_topic[topic]];
                if let Some((_, member)) = circle.first().copied()
                    && !taken[topic].contains(&index)
                {
                    self.give(member, topic, index);
                }
            }
        }
    }

    /// From the fullest down, one at a time: so everybody gives away as little as can be. Whoever has no path will not
    /// get one, for whatever is passed on after that is out of its reach.
    fn level(&mut self) {
        let mut ranked: BTreeSet<(usize, usize)> = self.loads.iter().copied().zip(0..).collect();
        while let Some((_, giver)) = ranked.pop_last() {
            let Some(path) = self.path_down(giver) else {
                continue;
            };
            self.pass_on(&path);
            ranked.insert((self.loads[giver], giver));
            if let Some((_, _, taker)) = path.first() {
                let load = self.loads[*taker];
                ranked.remove(&(load - 1, *taker));
                ranked.insert((load, *taker));
            }
        }
    }

    /// The shortest way for a partition's worth of load from this member to one that has at least two less: who passes
    /// one on, of which topic, to whom. Breadth first; a circle that was looked through leads nowhere new.
    fn path_down(&self, from: usize) -> Option<Vec<(usize, usize, usize)>> {
        let enough = self.loads[from].checked_sub(2)?;
        let mut came_from: HashMap<usize, (usize, usize)> = HashMap::new();
        let mut looked_through = vec![false; self.circles.len()];
        let mut queue = VecDeque::from([from]);
        while let Some(giver) = queue.pop_front() {
            for topic in self.owned[giver].keys() {
                let circle = self.circle_of_topic[*topic];
                if std::mem::replace(&mut looked_through[circle], true) {
                    continue;
                }
                for (load, taker) in &self.circles[circle] {
                    if *taker == from || came_from.contains_key(taker) {
                        continue;
                    }
                    came_from.insert(*taker, (giver, *topic));
                    if *load <= enough {
                        return Some(trace(&came_from, from, *taker));
                    }
                    queue.push_back(*taker);
                }
            }
        }
        None
    }

    fn pass_on(&mut self, path: &[(usize, usize, usize)]) {
        for (giver, topic, taker) in path {
            let Some(indexes) = self.owned[*giver].get_mut(topic) else {
                continue;
            };
            let last = indexes.pop_last();
            if indexes.is_empty() {
                self.owned[*giver].remove(topic);
            }
            if let Some(index) = last {
                self.set_load(*giver, self.loads[*giver] - 1);
                self.give(*taker, *topic, index);
            }
        }
    }
}

/// The steps from `from` to `to`, the last one first: nobody passes on what it has just been given.
fn trace(
    came_from: &HashMap<usize, (usize, usize)>,
    from: usize,
    to: usize,
) -> Vec<(usize, usize, usize)> {
    let mut steps = Vec::new();
    let mut taker = to;
    while taker != from
        && let Some((giver, topic)) = came_from.get(&taker)
    {
        steps.push((*giver, *topic, taker));
        taker = *giver;
    }
    steps
}
