use std::time::{Duration, Instant};

use kafka_protocol::messages::{ApiVersionsRequest, HeartbeatRequest};

use super::super::Request;
use super::*;

#[tokio::test]
async fn a_request_fails_as_often_as_asked_for() {
    let broker = broker().await;
    let mut stream = connect(&broker).await;
    broker.faults().fail_next(Request::Heartbeat, 1, 15);
    let first = ask_over(&mut stream, &HeartbeatRequest::default(), 4)
        .await
        .unwrap();
    let second = ask_over(&mut stream, &HeartbeatRequest::default(), 4)
        .await
        .unwrap();
    assert_eq!((first.error_code, second.error_code), (15, 25));
}

#[tokio::test]
async fn answers_are_delayed_held_back_and_connections_dropped() {
    let broker = broker().await;
    let mut stream = connect(&broker).await;
    let started = Instant::now();
    broker.faults().delay(Duration::from_millis(30));
    assert!(
        ask_over(&mut stream, &ApiVersionsRequest::default(), 0)
            .await
            .is_some()
    );
    assert!(started.elapsed() >= Duration::from_millis(30));
    broker.faults().delay(Duration::ZERO);

    broker.faults().silent(true);
    let request = ApiVersionsRequest::default();
    let mut held = Box::pin(ask_over(&mut stream, &request, 0));
    assert!(
        tokio::time::timeout(Duration::from_millis(50), &mut held)
            .await
            .is_err()
    );
    broker.faults().silent(false);
    assert!(held.as_mut().await.is_some());
    drop(held);

    broker.faults().drop_connections();
    assert!(ask_over(&mut stream, &request, 0).await.is_none());
    let mut again = connect(&broker).await;
    assert!(ask_over(&mut again, &request, 0).await.is_some());
}
