//! Every administrative request ends by its deadline, also when the broker that was there is not any more; and one
//! whose broker is no longer the right one is made again.

use super::*;
use crate::broker::{Broker, Options, Request};
use crate::error::Kind;
use crate::model::group::GroupListing;
use crate::model::topic::{NewTopic, TopicPartition};
use std::pin::Pin;
use std::time::Instant;
use tokio::time::error::Elapsed;

const TIMEOUT: Duration = Duration::from_millis(700);

/// The machine may be busy, and what is tested is that it ends.
const SLACK: Duration = Duration::from_secs(5);

async fn broker_and_cluster() -> (Broker, Cluster) {
    let options = Options {
        listen: "127.0.0.1:0".parse().unwrap(),
        ..Options::default()
    };
    let broker = Broker::start(options).await.unwrap();
    let mut connection = super::tests::connection(&broker.address().to_string());
    // Made ready with time to spare, so that only what is tested can run out of it.
    connection.timeout = Duration::from_secs(60);
    let patient = Cluster::new(connection.clone()).unwrap();
    connection.timeout = TIMEOUT;
    let cluster = Cluster::new(connection).unwrap();
    let topic = NewTopic {
        name: "orders".to_owned(),
        partitions: 2,
        replicas: None,
        configs: Vec::new(),
    };
    patient.create_topic(&topic, false).await.unwrap();
    let committed = patient.commit_for_group("payment", &[(place(), 0)]).await;
    for (_, outcome) in committed.unwrap() {
        outcome.unwrap();
    }
    // Connected, and with what it needs to know of the cluster.
    until_answered(&cluster).await;
    (broker, cluster)
}

/// Each attempt takes its time-out at most; so many of them are enough for any machine.
async fn until_answered(cluster: &Cluster) {
    for _ in 0..40 {
        if cluster.topics().await.is_ok() {
            return;
        }
    }
    panic!("nobody answered");
}

fn place() -> TopicPartition {
    TopicPartition::new("orders", 0)
}

type Asking<'a> = Pin<Box<dyn Future<Output = Result<()>> + 'a>>;

/// The first item's error, where the request has one for each.
fn first<T>(outcome: Result<Vec<(T, Result<()>)>>) -> Result<()> {
    outcome?.into_iter().try_for_each(|(_, outcome)| outcome)
}

/// One of each, so that a request that is added is added here.
fn requests(cluster: &Cluster) -> Vec<(&'static str, Asking<'_>)> {
    let topic = |name: &str| NewTopic {
        name: name.to_owned(),
        partitions: 1,
        replicas: None,
        configs: Vec::new(),
    };
    let orders = || vec!["orders".to_owned()];
    let payment = || vec!["payment".to_owned()];
    vec![
        (
            "describe",
            Box::pin(async { cluster.describe().await.map(drop) }),
        ),
        (
            "topics",
            Box::pin(async { cluster.topics().await.map(drop) }),
        ),
        (
            "topic",
            Box::pin(async { cluster.topic("orders").await.map(drop) }),
        ),
        (
            "create_topic",
            Box::pin(async move { cluster.create_topic(&topic("new"), false).await }),
        ),
        (
            "delete_topics",
            Box::pin(async move { first(cluster.delete_topics(&orders()).await) }),
        ),
        (
            "create_partitions",
            Box::pin(async { cluster.create_partitions("orders", 3, false).await }),
        ),
        (
            "delete_records",
            Box::pin(async {
                let outcomes = cluster.delete_records(&[(place(), -1)]).await?;
                let failed = outcomes.into_iter().find_map(|(_, outcome)| outcome.err());
                failed.map_or(Ok(()), Err)
            }),
        ),
        (
            "topic_configs",
            Box::pin(async move {
                let answers = cluster.topic_configs(&orders()).await?;
                let failed = answers.into_iter().find_map(|(_, answer)| answer.err());
                failed.map_or(Ok(()), Err)
            }),
        ),
        (
            "alter_topic_configs",
            Box::pin(async {
                let change = [("retention.ms".to_owned(), Some("1000".to_owned()))];
                cluster.alter_topic_configs("orders", &change, false).await
            }),
        ),
        (
            "groups",
            Box::pin(async { cluster.groups().await.map(drop) }),
        ),
        (
            "describe_groups",
            Box::pin(async move {
                let answers = cluster.describe_groups(&payment()).await?;
                let failed = answers.into_iter().find_map(|(_, answer)| answer.err());
                failed.map_or(Ok(()), Err)
            }),
        ),
        (
            "delete_groups",
            Box::pin(async move { first(cluster.delete_groups(&payment()).await) }),
        ),
        (
            "committed",
            Box::pin(async { cluster.committed("payment").await.map(drop) }),
        ),
        (
            "committed_of_groups",
            Box::pin(async {
                let groups = [GroupListing::unlisted("payment")];
                let answers = cluster.committed_of_groups(&groups).await?;
                let failed = answers.into_iter().find_map(|(_, answer)| answer.err());
                failed.map_or(Ok(()), Err)
            }),
        ),
        (
            "commit_for_group",
            Box::pin(async { first(cluster.commit_for_group("payment", &[(place(), 1)]).await) }),
        ),
        (
            "delete_committed",
            Box::pin(async { first(cluster.delete_committed("payment", &[place()]).await) }),
        ),
        (
            "list_offsets",
            Box::pin(async {
                let queries = [(place(), OffsetQuery::Latest)];
                let answers = cluster
                    .list_offsets(&queries, Isolation::ReadUncommitted)
                    .await?;
                let failed = answers.into_values().find_map(Result::err);
                failed.map_or(Ok(()), Err)
            }),
        ),
    ]
}

/// What was asked, what came of it in time, and when.
type Answer = (&'static str, Result<Result<()>, Elapsed>, Duration);

/// All at once: one after the other would only be slower.
async fn all_end_unreachable(cluster: &Cluster) {
    let started = Instant::now();
    let asked = requests(cluster)
        .into_iter()
        .map(|(name, request)| async move {
            let outcome = tokio::time::timeout(TIMEOUT + SLACK, request).await;
            (name, outcome, started.elapsed())
        });
    let mut asked: Vec<Pin<Box<dyn Future<Output = Answer> + '_>>> =
        asked.map(|asked| Box::pin(asked) as _).collect();
    let mut answers: Vec<Answer> = Vec::new();
    std::future::poll_fn(|context| {
        asked.retain_mut(|asked| match asked.as_mut().poll(context) {
            std::task::Poll::Ready(answer) => {
                answers.push(answer);
                false
            }
            std::task::Poll::Pending => true,
        });
        match asked.is_empty() {
            true => std::task::Poll::Ready(()),
            false => std::task::Poll::Pending,
        }
    })
    .await;
    for (name, outcome, after) in answers {
        match outcome {
            Ok(Err(error)) => assert_eq!(
                error.kind(),
                Kind::Unreachable,
                "{name} after {after:?}: {}",
                error.one_line()
            ),
            Ok(Ok(())) => panic!("{name} was answered by nobody"),
            Err(_) => panic!("{name} has not ended after {after:?}"),
        }
    }
}

#[tokio::test]
async fn a_broker_that_falls_silent_keeps_nobody_waiting() {
    let (broker, cluster) = broker_and_cluster().await;
    broker.faults().silent(true);
    all_end_unreachable(&cluster).await;
    // It was the silence: the same client goes on when it is over.
    broker.faults().silent(false);
    until_answered(&cluster).await;
}

/// librdkafka 2.12.1 crashed on the first of them when its client had no `group.id`.
#[tokio::test]
async fn a_coordinator_that_moved_or_loads_is_asked_again() {
    let (broker, cluster) = broker_and_cluster().await;
    let listings = cluster.groups().await.unwrap();
    let not_coordinator = 16;
    let loading = 14;
    for code in [not_coordinator, loading] {
        broker.faults().fail_next(Request::OffsetFetch, 2, code);
        let committed = cluster.committed("payment").await.unwrap();
        assert_eq!(committed[&place()], Some(0));
        broker.faults().fail_next(Request::OffsetFetch, 2, code);
        let all = cluster.committed_of_groups(&listings).await.unwrap();
        assert_eq!(all[0].1.as_ref().unwrap()[&place()], Some(0));
        broker.faults().fail_next(Request::OffsetCommit, 1, code);
        let outcome = cluster.commit_for_group("payment", &[(place(), 0)]).await;
        assert!(outcome.unwrap()[0].1.is_ok());
    }
}

#[tokio::test]
async fn a_broker_that_is_gone_keeps_nobody_waiting() {
    let (broker, cluster) = broker_and_cluster().await;
    broker.stop().await;
    all_end_unreachable(&cluster).await;
}
