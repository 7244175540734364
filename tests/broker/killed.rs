//! The embedded broker's promise with `--data`: killed (-9) at random moments under load and started again, it has lost
//! no record that it acknowledged, doubled none of an idempotent producer, shows no transaction by halves, and knows no
//! committed offset that is ahead of what was committed with it.

use super::create;
use crate::support::Broker;
use crate::support::broker::Kind;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Message};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext};
use rdkafka::{ClientContext, TopicPartitionList};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

const NUMBERS: &str = "numbers";
const PARTITIONS: i32 = 3;
/// Every number goes into both partitions of it, in one transaction.
const MOVED: &str = "moved";
const GROUP: &str = "mover";
const PRODUCERS: u64 = 2;
/// Of each producer, at most: the load is bounded whatever happens.
const MOST_NUMBERS: u64 = 500_000;
/// For whatever a client waits for; the broker is away for parts of a second.
const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(50);

/// What the threads share.
#[derive(Default)]
struct Shared {
    address: String,
    /// Numbers acknowledged, of all producers together.
    acknowledged: AtomicU64,
    /// No more is produced.
    done: AtomicBool,
    /// Nothing more is moved.
    is_over: AtomicBool,
}

impl Shared {
    fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &self.address)
            .set("reconnect.backoff.ms", "5")
            .set("reconnect.backoff.max.ms", "50")
            .set("retry.backoff.ms", "10");
        config
    }
}

/// Hears of acknowledgements.
struct Acknowledgements<'a> {
    shared: &'a Shared,
    failed: Mutex<Vec<KafkaError>>,
}

impl ClientContext for Acknowledgements<'_> {}

impl ProducerContext for Acknowledgements<'_> {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        match result {
            Ok(_) => {
                self.shared.acknowledged.fetch_add(1, Ordering::SeqCst);
            }
            Err((error, _)) => self.failed.lock().unwrap().push(error.clone()),
        }
    }
}

/// Produces numbers, `which`, `which` + 2, …, until it is told to stop; each must be acknowledged. Returns how many.
fn produce(shared: &Shared, which: u64) -> u64 {
    let context = Acknowledgements {
        shared,
        failed: Mutex::default(),
    };
    let producer: BaseProducer<_> = shared
        .config()
        .set("enable.idempotence", "true")
        .set("linger.ms", "2")
        .create_with_context(context)
        .unwrap();
    let mut count = 0;
    while !shared.done.load(Ordering::SeqCst) && count < MOST_NUMBERS {
        let number = count * PRODUCERS + which;
        let text = number.to_string();
        let record = BaseRecord::<(), str>::to(NUMBERS)
            .partition((number % PARTITIONS as u64) as i32)
            .payload(&text);
        match producer.send(record) {
            Ok(()) => count += 1,
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => {
                producer.poll(POLL);
            }
            Err((error, _)) => panic!("number {number}: {error}"),
        }
        // Slower than it could, so that the others keep up.
        producer.poll(match count % 5 {
            0 => Duration::from_millis(5),
            _ => Duration::ZERO,
        });
    }
    producer.flush(PATIENCE).unwrap();
    let failed = producer.context().failed.lock().unwrap();
    assert!(failed.is_empty(), "{failed:?}");
    count
}

/// Reads what is committed, from where the group stands.
fn consumer(shared: &Shared) -> BaseConsumer {
    shared
        .config()
        .set("group.id", GROUP)
        .set("group.instance.id", "mover-1")
        .set("session.timeout.ms", "6000")
        .set("isolation.level", "read_committed")
        .set("enable.auto.commit", "false")
        .set("auto.offset.reset", "earliest")
        .set("fetch.wait.max.ms", "20")
        .create()
        .unwrap()
}

/// Transactions of one producer, which then leaves it to the next.
const TRANSACTIONS: usize = 200;

/// A consumer that leaves in its own time: the client library may wait long for a broker that is away.
struct Leaving(Option<BaseConsumer>);

impl Drop for Leaving {
    fn drop(&mut self) {
        let consumer = self.0.take();
        std::thread::spawn(move || drop(consumer));
    }
}

/// Moves numbers in transactions until all `total` have been, once that is known. Whatever fails, it begins anew, as a
/// service does that is started again.
fn move_numbers(shared: &Shared) {
    while !shared.is_over.load(Ordering::SeqCst) {
        if let Err(error) = try_to_move(shared) {
            eprintln!("begins anew: {error}");
        }
    }
}

fn try_to_move(shared: &Shared) -> KafkaResult<()> {
    let producer: BaseProducer = shared
        .config()
        .set("transactional.id", "mover")
        .set("transaction.timeout.ms", "20000")
        .set("linger.ms", "0")
        .create()?;
    producer.init_transactions(PATIENCE)?;
    let consumer = consumer(shared);
    consumer.subscribe(&[NUMBERS])?;
    let consumer = Leaving(Some(consumer));
    let consumer = consumer.0.as_ref().unwrap();
    for _ in 0..TRANSACTIONS {
        let first = consumer.poll(POLL);
        if shared.is_over.load(Ordering::SeqCst) {
            break;
        }
        // Errors are of a broker that is away: it comes back.
        let Some(Ok(first)) = first else {
            continue;
        };
        producer.begin_transaction()?;
        let mut next = Some(first);
        let mut moved = 0;
        while let Some(message) = next {
            let payload = message.payload().unwrap_or_default();
            for partition in 0..2 {
                let record = BaseRecord::<(), [u8]>::to(MOVED)
                    .partition(partition)
                    .payload(payload);
                producer.send(record).map_err(|(error, _)| error)?;
            }
            moved += 1;
            next = match moved < 500 {
                true => consumer.poll(Duration::ZERO).and_then(Result::ok),
                false => None,
            };
        }
        let group = consumer.group_metadata().unwrap();
        producer.send_offsets_to_transaction(&consumer.position()?, &group, PATIENCE)?;
        producer.commit_transaction(PATIENCE)?;
    }
    Ok(())
}

/// Reads topics, as who sees only what is committed, and remembers everything.
struct Reader {
    consumer: BaseConsumer,
    /// By topic and partition.
    read: BTreeMap<(String, i32), Vec<u64>>,
}

impl Reader {
    fn new(shared: &Shared) -> Reader {
        let consumer: BaseConsumer = shared
            .config()
            .set("group.id", "reader")
            .set("isolation.level", "read_committed")
            .set("enable.auto.commit", "false")
            .set("enable.partition.eof", "true")
            .set("fetch.wait.max.ms", "20")
            .create()
            .unwrap();
        let mut all = TopicPartitionList::new();
        let numbers = (0..PARTITIONS).map(|partition| (NUMBERS, partition));
        for (topic, partition) in numbers.chain([(MOVED, 0), (MOVED, 1)]) {
            let beginning = rdkafka::Offset::Beginning;
            all.add_partition_offset(topic, partition, beginning)
                .unwrap();
        }
        consumer.assign(&all).unwrap();
        Reader {
            consumer,
            read: BTreeMap::new(),
        }
    }

    /// Reads on until the condition holds.
    fn read_until(&mut self, what: &str, condition: impl Fn(&Reader) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !condition(self) {
            let counts = self.read.iter().map(|(place, read)| (place, read.len()));
            let counts: Vec<_> = counts.collect();
            assert!(Instant::now() < deadline, "waited for {what}: {counts:?}");
            // Errors are of a broker that is away: it comes back.
            if let Some(Ok(message)) = self.consumer.poll(POLL) {
                let place = (message.topic().to_owned(), message.partition());
                let number = std::str::from_utf8(message.payload().unwrap()).unwrap();
                let numbers = self.read.entry(place).or_default();
                numbers.push(number.parse().unwrap());
            }
        }
    }

    fn of(&self, topic: &str, partition: i32) -> &[u64] {
        let found = self.read.get(&(topic.to_owned(), partition));
        found.map_or(&[], Vec::as_slice)
    }

    fn count(&self, topic: &str) -> u64 {
        let of_topic = self.read.iter().filter(|((name, _), _)| name == topic);
        of_topic.map(|(_, numbers)| numbers.len() as u64).sum()
    }
}

/// What the group has committed, of all partitions together.
fn committed(consumer: &BaseConsumer) -> u64 {
    let mut partitions = TopicPartitionList::new();
    partitions.add_partition_range(NUMBERS, 0, PARTITIONS - 1);
    let deadline = Instant::now() + PATIENCE;
    loop {
        match consumer.committed_offsets(partitions.clone(), PATIENCE) {
            Ok(offsets) => {
                let offsets = offsets.elements().into_iter();
                let offsets = offsets.filter_map(|one| one.offset().to_raw());
                return offsets.map(|offset| offset.max(0) as u64).sum();
            }
            Err(error) => assert!(Instant::now() < deadline, "{error}"),
        }
    }
}

/// Lets the clients go, however the test ends: it waits for them.
struct End<'a>(&'a Shared);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.done.store(true, Ordering::SeqCst);
        self.0.is_over.store(true, Ordering::SeqCst);
    }
}

#[test]
fn a_hundred_kills_lose_nothing_and_double_nothing() {
    // A run on another broker has this test for its clients only: a few kills show that they work.
    let kills = if Kind::chosen() == Kind::Embedded {
        100
    } else {
        5
    };
    let folder = tempfile::tempdir().unwrap();
    let data = ["--data", folder.path().to_str().unwrap()];
    let mut broker = Broker::embedded_in(folder.path());
    create(&broker, NUMBERS, PARTITIONS as u32);
    create(&broker, MOVED, 2);
    let shared = Shared {
        address: broker.address().to_owned(),
        ..Shared::default()
    };
    let mut reader = Reader::new(&shared);
    // Offsets that a transaction is about to change are told as they are until then.
    let asker: BaseConsumer = shared
        .config()
        .set("group.id", GROUP)
        .set("isolation.level", "read_uncommitted")
        .create()
        .unwrap();
    let total = std::thread::scope(|scope| {
        let _end = End(&shared);
        let producing = [0, 1].map(|which| {
            scope.spawn({
                let shared = &shared;
                move || produce(shared, which)
            })
        });
        let moving = scope.spawn(|| move_numbers(&shared));
        for _ in 0..kills {
            // Enough has happened since the last one, then a random moment.
            let more = shared.acknowledged.load(Ordering::SeqCst) + fastrand::u64(1..400);
            crate::support::wait_until("records to be acknowledged", PATIENCE, || {
                shared.acknowledged.load(Ordering::SeqCst) >= more
            });
            broker.kill();
            let acknowledged = shared.acknowledged.load(Ordering::SeqCst);
            broker = Broker::embedded_at(&shared.address, &data);
            // What it acknowledged before it was killed is there, and what is committed is seen.
            let committed = committed(&asker);
            reader.read_until("all that was acknowledged and moved", |reader| {
                reader.count(NUMBERS) >= acknowledged && reader.count(MOVED) >= 2 * committed
            });
        }
        shared.done.store(true, Ordering::SeqCst);
        let total: u64 = producing.into_iter().map(|one| one.join().unwrap()).sum();
        reader.read_until("all to be moved", |reader| reader.count(MOVED) >= 2 * total);
        shared.is_over.store(true, Ordering::SeqCst);
        moving.join().unwrap();
        total
    });
    assert_eq!(committed(&asker), total);
    let mut all: Vec<u64> = Vec::new();
    for partition in 0..PARTITIONS {
        let numbers = reader.of(NUMBERS, partition);
        for which in 0..PRODUCERS {
            let of_one = numbers
                .iter()
                .filter(|number| **number % PRODUCERS == which);
            assert!(
                of_one.is_sorted_by(|before, after| before < after),
                "in their order"
            );
        }
        all.extend(numbers);
    }
    all.sort_unstable();
    let double = all.windows(2).find(|pair| pair[0] == pair[1]);
    assert_eq!(double, None, "a number twice, of {}", all.len());
    assert_eq!(all.len() as u64, total, "all that was produced");
    for partition in 0..2 {
        let mut moved = reader.of(MOVED, partition).to_vec();
        moved.sort_unstable();
        assert!(
            moved == all,
            "partition {partition}: {} of {total}",
            moved.len()
        );
    }
}
