//! What becomes of a data directory with time, and when it is not what it should be.

use super::super::Finding;
use super::super::group::offsets::Committed;
use super::super::group::state::Group;
use super::super::sync::{lock, now_milliseconds};
use super::durability::{Clients, STEPS, commit, open, view};
use super::*;

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
        assert!(longest < 6 * 1024 * 1024, "{longest}");
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
    let [Finding::Orphaned(kept)] = &findings[..] else {
        panic!("{findings:?}");
    };
    assert!(kept.ends_with("orders"));
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

/// Offsets that nobody has used for a week go, over a restart too; younger ones stay, and so do those of a group that
/// lost its members a moment ago.
#[tokio::test]
async fn old_offsets_expire_and_stay_expired() {
    const DAY: i64 = 24 * 60 * 60 * 1000;
    let folder = tempfile::tempdir().unwrap();
    let (world, _) = open(folder.path());
    assert_eq!(world.create().await, 0);
    let committed = |partition, days| {
        let committed = Committed {
            offset: 1,
            leader_epoch: -1,
            metadata: String::new(),
            at: now_milliseconds() - days * DAY,
            order: 0,
        };
        ("orders".to_owned(), partition, committed)
    };
    for id in ["alone", "left"] {
        let offsets = vec![committed(0, 8), committed(1, 6)];
        let kept = |group: &mut Group| world.0.groups.commit(group, offsets);
        world.0.groups.with_or_create(id, kept).unwrap();
    }
    // What a group says that lost its last member a moment ago.
    world.0.groups.with("left", |group| group.mark_unsaved());
    drop(world);
    for _ in 0..2 {
        let (world, _) = open(folder.path());
        world.0.groups.expire(std::time::Instant::now());
        let partitions = |id: &str| {
            let group = world.0.groups.get(id).unwrap();
            let group = lock(&group);
            let topics = group.offsets.topics();
            topics
                .flat_map(|(_, partitions)| partitions.keys().copied())
                .collect::<Vec<i32>>()
        };
        assert_eq!(partitions("alone"), [1]);
        assert_eq!(partitions("left"), [0, 1]);
    }
}
