//! Kafka in a container: the image in `EDA_TEST_IMAGE`, or Apache's native one, where a container engine answers.
//!
//! The container must go when the tests are gone, however they ended. So it belongs to a process of its own, which
//! a keeper ends: this very test binary, started again to carry out the one test that holds a container.

use super::broker::Broker;
use super::keeper::Keeper;
use super::wait::wait_for;
use super::wire;
use std::ffi::OsString;
use std::io::Write;
use std::time::Duration;
use testcontainers::core::{IntoContainerPort, WaitFor};
use testcontainers::runners::AsyncRunner;
use testcontainers::{ContainerAsync, GenericImage, ImageExt};

const DEFAULT_IMAGE: &str = "apache/kafka-native:4.3.1";
/// Also pulls the image where it is missing.
const PATIENCE: Duration = Duration::from_secs(300);
/// Said by the process that holds the container; the harness's own lines stand around it.
const READY: &str = "container at ";
/// Set for that process alone.
const HOLD: &str = "EDA_TEST_HOLD_CONTAINER";

/// Starts the process that holds the container, and waits until Kafka answers.
pub fn start() -> Result<Broker, String> {
    let folder = tempfile::tempdir()
        .map_err(|error| error.to_string())?
        .keep();
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut words: Vec<OsString> = vec![format!("{HOLD}=1").into(), program.into()];
    let test = "support::container::a_container_is_held_for_another_process";
    words.extend([test, "--exact", "--nocapture"].map(OsString::from));
    let (keeper, lines) = Keeper::start_ended_by("TERM", "env", &words, folder)?;
    let address = loop {
        let line = lines
            .next(PATIENCE)
            .map_err(|reason| format!("{reason}\n{}", keeper.log()))?;
        // The harness begins the line with the test's name.
        if let Some((_, address)) = line.split_once(READY) {
            break address.to_owned();
        }
    };
    let mut last = String::new();
    let ready = wait_for(Duration::from_secs(60), || {
        match wire::brokers_known(&address) {
            Ok(1..) => Some(()),
            Ok(0) => None,
            Err(reason) => {
                last = reason;
                None
            }
        }
    });
    ready.ok_or_else(|| {
        format!(
            "Kafka in the container does not answer: {last}\n{}",
            keeper.log()
        )
    })?;
    Ok(Broker::new(address, Some(keeper)))
}

#[test]
fn a_container_is_held_for_another_process() {
    if std::env::var_os(HOLD).is_none() {
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let port = wire::free_port();
        let container = run(port).await.unwrap();
        println!("{READY}127.0.0.1:{port}");
        std::io::stdout().flush().unwrap();
        let mut end =
            tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).unwrap();
        end.recv().await;
        container.rm().await.unwrap();
    });
}

/// The port is fixed beforehand, for the listener must advertise the one the clients see.
async fn run(
    port: u16,
) -> Result<ContainerAsync<GenericImage>, testcontainers::TestcontainersError> {
    let image = std::env::var("EDA_TEST_IMAGE").unwrap_or_else(|_| DEFAULT_IMAGE.to_owned());
    let (name, tag) = match image.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name.to_owned(), tag.to_owned()),
        _ => (image, "latest".to_owned()),
    };
    let settings = [
        ("KAFKA_NODE_ID", "1".to_owned()),
        ("KAFKA_PROCESS_ROLES", "broker,controller".to_owned()),
        (
            "KAFKA_LISTENERS",
            "PLAINTEXT://0.0.0.0:9092,INTERNAL://127.0.0.1:19092,CONTROLLER://127.0.0.1:9093"
                .to_owned(),
        ),
        (
            "KAFKA_ADVERTISED_LISTENERS",
            format!("PLAINTEXT://127.0.0.1:{port},INTERNAL://127.0.0.1:19092"),
        ),
        // It asks itself to write the markers of transactions, and the port outside means nothing inside.
        ("KAFKA_INTER_BROKER_LISTENER_NAME", "INTERNAL".to_owned()),
        ("KAFKA_CONTROLLER_LISTENER_NAMES", "CONTROLLER".to_owned()),
        (
            "KAFKA_CONTROLLER_QUORUM_VOTERS",
            "1@127.0.0.1:9093".to_owned(),
        ),
        (
            "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP",
            "PLAINTEXT:PLAINTEXT,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT".to_owned(),
        ),
        ("KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR", "1".to_owned()),
        ("KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS", "3".to_owned()),
        (
            "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR",
            "1".to_owned(),
        ),
        ("KAFKA_TRANSACTION_STATE_LOG_MIN_ISR", "1".to_owned()),
        ("KAFKA_TRANSACTION_STATE_LOG_NUM_PARTITIONS", "3".to_owned()),
        (
            "KAFKA_SHARE_COORDINATOR_STATE_TOPIC_REPLICATION_FACTOR",
            "1".to_owned(),
        ),
        (
            "KAFKA_SHARE_COORDINATOR_STATE_TOPIC_MIN_ISR",
            "1".to_owned(),
        ),
        ("KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS", "0".to_owned()),
        ("KAFKA_AUTO_CREATE_TOPICS_ENABLE", "false".to_owned()),
    ];
    let started = WaitFor::message_on_stdout("Kafka Server started");
    let mut request = GenericImage::new(name, tag)
        .with_wait_for(started)
        .with_mapped_port(port, 9092.tcp())
        .with_ulimit("nofile", 20_000, Some(20_000))
        // Without it podman asks for more than it may give where it is not privileged.
        .with_ulimit("nproc", 20_000, Some(20_000))
        .with_startup_timeout(PATIENCE);
    for (name, value) in settings {
        request = request.with_env_var(name, value);
    }
    request.start().await
}
