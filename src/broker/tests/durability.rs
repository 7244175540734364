//! A data directory: what a broker knows after it was killed, at whatever byte, and after a disk was full.

use std::collections::BTreeSet;
use std::path::Path;

use kafka_protocol::messages::create_partitions_request::CreatePartitionsTopic;
use kafka_protocol::messages::delete_records_request::{
    DeleteRecordsPartition, DeleteRecordsTopic,
};
use kafka_protocol::messages::*;
use kafka_protocol::protocol::StrBytes;

use super::super::Finding;
use super::super::log::batch::fixture;
use super::super::sync::now_milliseconds;
use super::super::transaction::state::Identity;
use super::transactions::{World, name};
use super::*;

/// A broker in a data directory, and what the broker before left there.
pub(super) fn open(folder: &Path) -> (World, Vec<Finding>) {
    let address = SocketAddr::from(([127, 0, 0, 1], 1234));
    let options = Options {
        data: Some(folder.to_owned()),
        ..options()
    };
    let state = State::new(options, address).unwrap();
    let findings = state.recover().unwrap();
    (World(Arc::new(state)), findings)
}

/// Everything a client can see, as text.
async fn view(world: &World) -> String {
    let mut view = String::new();
    for topic in world.0.topics.all() {
        view += &format!("{} {:?}\n", topic.name, topic.config().overrides());
        for (index, partition) in topic.partitions().iter().enumerate() {
            let (start, end) = partition.bounds(false);
            let fetched = partition.fetch(start, true, usize::MAX, true).unwrap();
            let bytes: Vec<u8> = fetched
                .slices
                .iter()
                .flat_map(|slice| slice.bytes().unwrap())
                .collect();
            let batches = super::super::log::batch::batches(&bytes);
            let batches: Vec<_> = batches
                .map(|(_, header)| (header.base_offset, header.count, header.is_control()))
                .collect();
            let aborted: Vec<_> = fetched.aborted.iter().map(|one| one.first_offset).collect();
            let stable = fetched.stable;
            view += &format!(
                "  {index}: {start}..{end}, stable {stable}: {batches:?}, aborted {aborted:?}\n"
            );
        }
    }
    for (id, group) in world.0.groups.all() {
        let group = super::super::sync::lock(&group);
        for (topic, partitions) in group.offsets.topics() {
            let offsets = partitions.iter();
            let offsets: Vec<_> = offsets.map(|(index, one)| (index, one.offset)).collect();
            view += &format!("group {id}: {topic} {offsets:?}\n");
        }
        view += &format!("staged {:?}\n", group.offsets.is_staged("orders", 0));
    }
    view
}

/// What clients do, one step after the other; each is a request, and may be asked again.
struct Clients {
    producer: Identity,
    transactional: Identity,
}

const STEPS: usize = 22;

impl Clients {
    fn new() -> Clients {
        Clients {
            producer: Identity::NONE,
            transactional: Identity::NONE,
        }
    }

    /// Whether the step was acknowledged.
    async fn step(&mut self, world: &World, step: usize) -> bool {
        let transactional = self.transactional;
        let error = match step {
            0 => world.create().await,
            1 => {
                let request = InitProducerIdRequest::default().with_transactional_id(None);
                let given = ask(&world.0, &request, 4).await;
                self.producer = Identity {
                    id: given.producer_id.0,
                    epoch: given.producer_epoch,
                };
                given.error_code
            }
            2 => self.send(world, 0).await,
            3 => self.send(world, 2).await,
            4 => commit(world, 2).await,
            5 | 13 => match world.initialise(60_000, Identity::NONE).await {
                Ok(identity) => {
                    self.transactional = identity;
                    0
                }
                Err(error) => error,
            },
            6 | 14 => worst(world.add(transactional, vec![0, 1]).await),
            7 | 15 => world.write(transactional, 0, 0).await.0,
            8 | 16 => world.write(transactional, 1, 0).await.0,
            9 => world.add_group(transactional).await,
            10 => world.stage_offset(transactional, 4, -1).await,
            11 => world.end(transactional, true).await,
            12 => self.send(world, 4).await,
            17 => world.end(transactional, false).await,
            18 => delete_records(world, 1).await,
            19 => grow(world).await,
            20 => commit(world, 5).await,
            _ => self.send(world, 6).await,
        };
        error == 0
    }

    async fn send(&self, world: &World, sequence: i32) -> i16 {
        let now = now_milliseconds();
        let Identity { id, epoch } = self.producer;
        let batch = fixture::idempotent(&[now, now], b"x", id, epoch, sequence);
        world.produce(batch, 0, None).await.0
    }
}

fn worst(errors: Vec<i16>) -> i16 {
    errors.into_iter().find(|error| *error != 0).unwrap_or(0)
}

async fn commit(world: &World, offset: i64) -> i16 {
    let partition = offset_commit_request::OffsetCommitRequestPartition::default()
        .with_committed_offset(offset);
    let topic = offset_commit_request::OffsetCommitRequestTopic::default()
        .with_name(TopicName(name("orders")))
        .with_partitions(vec![partition]);
    let request = OffsetCommitRequest::default()
        .with_group_id(GroupId(name("group")))
        .with_topics(vec![topic]);
    ask(&world.0, &request, 8).await.topics[0].partitions[0].error_code
}

async fn delete_records(world: &World, offset: i64) -> i16 {
    let partition = DeleteRecordsPartition::default().with_offset(offset);
    let topic = DeleteRecordsTopic::default()
        .with_name(TopicName(name("orders")))
        .with_partitions(vec![partition]);
    let request = DeleteRecordsRequest::default().with_topics(vec![topic]);
    ask(&world.0, &request, 2).await.topics[0].partitions[0].error_code
}

async fn grow(world: &World) -> i16 {
    let topic = CreatePartitionsTopic::default()
        .with_name(TopicName(name("orders")))
        .with_count(3)
        .with_assignments(None);
    let request = CreatePartitionsRequest::default().with_topics(vec![topic]);
    ask(&world.0, &request, 3).await.results[0].error_code
}

/// After a kill at any byte that is written, a broker knows all that was acknowledged, and of the one request under way
/// all or nothing; the request can be repeated, and everything goes on as if nothing had happened.
#[tokio::test]
async fn a_kill_at_any_byte_loses_nothing_and_halves_nothing() {
    // Without a kill: what there is to see after each step, and how much was written.
    let mut views = Vec::new();
    let mut clients = Clients::new();
    let folder = tempfile::tempdir().unwrap();
    let (world, _) = open(folder.path());
    for step in 0..STEPS {
        assert!(clients.step(&world, step).await, "step {step}");
        views.push(view(&world).await);
    }
    assert_eq!(
        views
            .iter()
            .collect::<std::collections::BTreeSet<_>>()
            .len()
            > 12,
        true
    );
    drop(world);
    let (world, findings) = open(folder.path());
    assert_eq!(findings, []);
    assert_eq!(view(&world).await, views[STEPS - 1]);

    let mut killed_at = 0;
    // At every third, that is; within a line or a batch all are alike.
    for room in (0..).step_by(3) {
        let folder = copy_of_new(folder.path());
        let (world, _) = open(folder.path());
        let mut clients = Clients::new();
        storage(&world).files.limit.kill_after(room);
        let mut failed = None;
        for step in 0..STEPS {
            if !clients.step(&world, step).await {
                failed = Some(step);
                break;
            }
        }
        // Everything was written.
        let Some(failed) = failed else {
            break;
        };
        killed_at += 1;
        drop(world);
        let (world, findings) = open(folder.path());
        assert!(findings.len() <= 1, "{findings:?}");
        let seen = view(&world).await;
        let before = failed
            .checked_sub(1)
            .map_or("", |step| views[step].as_str());
        assert!(
            seen == before || seen == views[failed],
            "killed after {room} bytes, in step {failed}:\n{seen}\nbefore:\n{before}\nafter:\n{}",
            views[failed]
        );
        for step in failed..STEPS {
            // What was done, and is asked again, may be refused for that.
            let done = clients.step(&world, step).await;
            assert!(done || step == failed, "step {step} after {room} bytes");
            let seen = view(&world).await;
            assert_eq!(seen, views[step], "step {step} after {room} bytes");
        }
    }
    assert!(killed_at > 1000, "{killed_at}");
}

/// A directory as it is when nothing was written to it yet; to make one waits for the disk.
fn copy_of_new(of: &Path) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let meta = "meta.properties";
    std::fs::copy(of.join(meta), folder.path().join(meta)).unwrap();
    folder
}

fn storage(world: &World) -> &super::super::storage::Storage {
    world.0.storage.as_deref().unwrap()
}

/// What does not fit is refused, and nothing of it stays; what was there is read on; when there is room again
/// everything goes on.
#[tokio::test]
async fn a_full_disk_refuses_and_forgets_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (world, _) = open(folder.path());
    let mut clients = Clients::new();
    for step in 0..STEPS {
        let before = view(&world).await;
        for room in [0, 1, 30, 70, 200] {
            storage(&world).files.limit.set(Some(room));
            if !clients.step(&world, step).await {
                let seen = view(&world).await;
                // A transaction whose end is decided may have some of its markers.
                assert!(
                    seen == before || step == 11 || step == 17,
                    "step {step}: {seen}"
                );
            }
        }
        storage(&world).files.limit.set(None);
        let before = view(&world).await;
        if !clients.step(&world, step).await {
            // It fitted before, and cannot be done twice.
            assert_eq!(view(&world).await, before, "step {step}");
        }
    }
    let seen = view(&world).await;
    drop(world);
    let (world, findings) = open(folder.path());
    assert_eq!((view(&world).await, findings), (seen, vec![]));
}

/// A journal that grows is written anew, and says the same.
#[tokio::test]
async fn a_long_journal_is_written_anew() {
    let folder = tempfile::tempdir().unwrap();
    let (world, _) = open(folder.path());
    let mut clients = Clients::new();
    for step in 0..11 {
        assert!(clients.step(&world, step).await);
    }
    let size = || {
        std::fs::metadata(folder.path().join("journal"))
            .unwrap()
            .len()
    };
    let mut longest = 0;
    let mut offset = 0;
    while size() >= longest {
        longest = size();
        assert!(longest < 3 * 1024 * 1024, "{longest}");
        offset += 1;
        assert_eq!(commit(&world, offset).await, 0);
    }
    assert!(size() < 10_000, "{}", size());
    let seen = view(&world).await;
    drop(world);
    let (world, _) = open(folder.path());
    assert_eq!(view(&world).await, seen);
    // What was committed after it was staged stays, also over that.
    assert_eq!(world.end(clients.transactional, true).await, 0);
    assert_eq!(world.offset(false).await, (offset, 0));
}

/// A file that is not what was written is not served, and not thrown away.
#[tokio::test]
async fn damage_is_said_and_nothing_is_thrown_away() {
    let folder = tempfile::tempdir().unwrap();
    let (world, _) = open(folder.path());
    let mut clients = Clients::new();
    for step in 0..STEPS {
        clients.step(&world, step).await;
    }
    drop(world);
    let segment = folder
        .path()
        .join("topics/orders/0/00000000000000000000.log");
    for path in [segment, folder.path().join("journal")] {
        let good = std::fs::read(&path).unwrap();
        let mut bad = good.clone();
        bad[100] ^= 1;
        std::fs::write(&path, &bad).unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], 1234));
        let options = Options {
            data: Some(folder.path().to_owned()),
            ..options()
        };
        let opened = State::new(options, address);
        let error = opened.and_then(|state| state.recover()).unwrap_err();
        let said = error.to_string();
        assert!(said.contains("is damaged"), "{said}");
        assert_eq!(std::fs::read(&path).unwrap(), bad);
        std::fs::write(&path, &good).unwrap();
    }
    let (_, findings) = open(folder.path());
    assert_eq!(findings, []);
}

/// Records of a topic that the journal does not know are put aside.
#[tokio::test]
async fn records_without_a_topic_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let (world, _) = open(folder.path());
    let mut clients = Clients::new();
    for step in 0..3 {
        clients.step(&world, step).await;
    }
    drop(world);
    std::fs::write(folder.path().join("journal"), "").unwrap();
    let (world, findings) = open(folder.path());
    assert_eq!(findings, [Finding::Orphaned("orders".to_owned())]);
    assert_eq!(view(&world).await, "");
    let orphaned = folder.path().join("orphaned");
    let kept = std::fs::read_dir(orphaned)
        .unwrap()
        .next()
        .unwrap()
        .unwrap();
    let kept = kept.path().join("orders/0/00000000000000000000.log");
    assert!(std::fs::metadata(kept).unwrap().len() > 0);
}
