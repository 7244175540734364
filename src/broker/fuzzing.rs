//! A way in for fuzz/: what a client may send, without a network. Built with `--cfg fuzzing` alone.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Notify;

use super::listener::Connection;
use super::security::authentication::Authentication;
use super::{Options, StartTopic, State, api};

/// A broker of its own answers what one connection sends: frames, each with four bytes of length before it. The last one
/// may be cut off and is taken as it is; a refusal ends it all, as it would close the connection. Whatever waits (a long
/// poll, a join barrier) is given up at once. Returns how many requests were answered.
pub fn answer(mut bytes: &[u8]) -> usize {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 9092));
    let options = Options {
        memory_limit: 16 * 1024 * 1024,
        topics: vec![StartTopic {
            name: "orders".to_owned(),
            partitions: None,
            configs: Default::default(),
        }],
        ..Options::default()
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    let (Ok(state), Ok(runtime)) = (State::new(options, address), runtime) else {
        return 0;
    };
    if state.create_start_topics().is_err() {
        return 0;
    }
    let state = Arc::new(state);
    let connection = Connection {
        number: 1,
        peer: address,
        local: address,
        wake: Arc::new(Notify::new()),
        authentication: Mutex::new(Authentication::LetIn(None)),
    };
    let mut answered = 0;
    while let Some((length, rest)) = bytes.split_first_chunk::<4>() {
        let length = (u32::from_be_bytes(*length) as usize).min(rest.len());
        let (frame, rest) = rest.split_at(length);
        bytes = rest;
        let frame = Bytes::copy_from_slice(frame);
        let answer = runtime.block_on(async {
            let answer = api::dispatch(&state, &connection, frame);
            tokio::time::timeout(Duration::ZERO, answer).await
        });
        match answer {
            Ok(Ok(_)) => answered += 1,
            Ok(Err(_)) => break,
            Err(_) => {}
        }
    }
    answered
}
