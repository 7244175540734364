//! A group whose members join, leave, die, lose answers and are slow to let go, at random: no partition is ever read by
//! two of them.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::*;

/// A member as a client keeps it.
#[derive(Default)]
struct Client {
    epoch: i32,
    owned: BTreeSet<Place>,
    /// What it was told to have, when it has to let go of something first.
    told: Option<BTreeSet<Place>>,
    /// The next heartbeat says everything.
    says_all: bool,
}

struct Simulation {
    group: Machine,
    clients: BTreeMap<String, Client>,
    partitions: i32,
    image: Arc<Image>,
    now: Instant,
    random: fastrand::Rng,
    joined: usize,
    fenced: usize,
}

impl Simulation {
    fn step(&mut self) {
        self.now += SECOND;
        self.group.pass_time(self.now);
        match self.random.u8(0..20) {
            0 => self.join(),
            1 => self.leave(true),
            2 => self.leave(false),
            3 if self.partitions < 20 => {
                self.partitions += 1;
                self.image = topics(&[("orders", self.partitions), ("payments", 2)]);
            }
            _ => self.heartbeats(),
        }
        self.check();
    }

    fn join(&mut self) {
        self.joined += 1;
        let id = format!("member-{}", self.joined);
        let wanted: &[&str] = self
            .random
            .choice([&["orders"][..], &["orders", "payments"]])
            .unwrap();
        let request = join(&id, wanted);
        let told = self
            .group
            .heartbeat(&request, &self.image, self.now)
            .unwrap();
        let client = Client {
            epoch: told.epoch,
            owned: given(&told).unwrap().into_iter().collect(),
            ..Client::default()
        };
        self.clients.insert(id, client);
    }

    /// A member leaves, or dies and is not heard of any more.
    fn leave(&mut self, politely: bool) {
        let ids: Vec<String> = self.clients.keys().cloned().collect();
        if let Some(id) = self.random.choice(ids) {
            self.clients.remove(&id);
            if politely {
                let request = alive(&id, LEAVE);
                self.group
                    .heartbeat(&request, &self.image, self.now)
                    .unwrap();
            }
        }
    }

    fn heartbeats(&mut self) {
        for (id, client) in &mut self.clients {
            // Letting go takes some of them longer.
            if client.told.is_some()
                && self.random.bool()
                && let Some(told) = client.told.take()
            {
                client.owned = told;
                client.says_all = true;
            }
            let owned: Vec<Place> = client.owned.iter().copied().collect();
            let mut request = alive(id, client.epoch);
            if client.says_all {
                request.owned = Some(owned);
                request.rebalance = Some(SECOND * 30);
                let member = self.group.member(id).unwrap();
                request.topics = Some(member.topics.iter().cloned().collect());
            }
            let answer = self.group.heartbeat(&request, &self.image, self.now);
            let told = answer.unwrap_or_else(|(error, _)| {
                // Answers were lost more than once: it lets go of everything and joins again.
                assert_eq!(error, ResponseError::FencedMemberEpoch);
                *client = Client::default();
                let member = self.group.member(id).unwrap();
                let wanted: Vec<String> = member.topics.iter().cloned().collect();
                let wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
                let again = join(id, &wanted);
                self.fenced += 1;
                self.group.heartbeat(&again, &self.image, self.now).unwrap()
            });
            if self.random.u8(0..10) == 0 {
                // The answer is lost; the client says everything until it gets one.
                client.says_all = true;
                continue;
            }
            client.says_all = false;
            client.epoch = told.epoch;
            if let Some(given) = given(&told) {
                let given: BTreeSet<Place> = given.into_iter().collect();
                match given.is_superset(&client.owned) {
                    true => {
                        client.owned = given;
                        client.told = None;
                    }
                    false => client.told = Some(given),
                }
            }
        }
    }

    fn check(&self) {
        let mut read = HashSet::new();
        for place in self.clients.values().flat_map(|client| &client.owned) {
            assert!(read.insert(*place), "{place:?} is read by two");
        }
        let mut booked = HashSet::new();
        for place in self.group.members().flat_map(|member| member.places()) {
            assert!(booked.insert(*place), "{place:?} is booked for two");
        }
    }

    /// With nothing more happening, everybody ends with what it shall have, and all of it is read.
    fn settle(&mut self) {
        for _ in 0..200 {
            self.now += SECOND;
            self.group.pass_time(self.now);
            self.heartbeats();
            self.check();
        }
        let read: BTreeSet<Place> = self
            .clients
            .values()
            .flat_map(|it| it.owned.clone())
            .collect();
        let orders = (0..self.partitions).map(|index| (id(1), index));
        let has_clients = !self.clients.is_empty();
        assert!(
            orders
                .into_iter()
                .all(|place| read.contains(&place) == has_clients)
        );
        assert_eq!(
            self.group.state(),
            if has_clients { "Stable" } else { "Empty" }
        );
    }
}

#[test]
fn no_partition_is_ever_read_by_two() {
    let mut fenced = 0;
    for seed in 0..60 {
        let mut simulation = Simulation {
            group: machine(),
            clients: BTreeMap::new(),
            partitions: 6,
            image: topics(&[("orders", 6), ("payments", 2)]),
            now: start(),
            random: fastrand::Rng::with_seed(seed),
            joined: 0,
            fenced: 0,
        };
        for _ in 0..200 {
            simulation.step();
        }
        simulation.settle();
        fenced += simulation.fenced;
    }
    assert!(fenced > 0);
}
