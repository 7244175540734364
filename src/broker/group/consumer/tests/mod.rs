//! Groups of the next generation, driven with a clock and topics of their own.

mod assignors;
mod epochs;
mod simulation;
mod static_members;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kafka_protocol::error::ResponseError;
use uuid::Uuid;

use super::heartbeat::{Heartbeat, JOIN, LEAVE, Told};
use super::machine::Machine;
use super::subscription::Image;
use super::{Place, Settings};

const SECOND: Duration = Duration::from_secs(1);

fn machine() -> Machine {
    Machine::new(Settings {
        session: SECOND * 45,
    })
}

/// A topic's id is its number among these.
fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

/// Topics with so many partitions, numbered from 1 on.
fn topics(counts: &[(&str, i32)]) -> Arc<Image> {
    let numbered = counts.iter().zip(1..);
    let topic =
        |((name, count), number): (&(&str, i32), u128)| ((*name).to_owned(), (id(number), *count));
    Arc::new(numbered.map(topic).collect())
}

fn join(member: &str, topics: &[&str]) -> Heartbeat {
    Heartbeat {
        member: member.to_owned(),
        epoch: JOIN,
        rebalance: Some(SECOND * 30),
        topics: Some(topics.iter().map(|name| (*name).to_owned()).collect()),
        owned: Some(Vec::new()),
        ..Heartbeat::default()
    }
}

/// A heartbeat that says no more than that the member lives.
fn alive(member: &str, epoch: i32) -> Heartbeat {
    Heartbeat {
        member: member.to_owned(),
        epoch,
        ..Heartbeat::default()
    }
}

/// A heartbeat that says what the member has.
fn owning(member: &str, epoch: i32, owned: &[Place]) -> Heartbeat {
    Heartbeat {
        owned: Some(owned.to_vec()),
        ..alive(member, epoch)
    }
}

fn code(result: Result<Told, (ResponseError, String)>) -> ResponseError {
    result.unwrap_err().0
}

/// What a member was told it may read.
fn given(told: &Told) -> Option<Vec<Place>> {
    let topics: &BTreeMap<Uuid, Vec<i32>> = told.assignment.as_ref()?;
    let places = topics.iter().flat_map(|(topic, indexes)| {
        let place = |index: &i32| (*topic, *index);
        indexes.iter().map(place)
    });
    Some(places.collect())
}

fn places(number: u128, indexes: &[i32]) -> Vec<Place> {
    indexes.iter().map(|index| (id(number), *index)).collect()
}

fn start() -> Instant {
    Instant::now()
}
