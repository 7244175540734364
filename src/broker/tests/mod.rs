//! The broker over its own protocol: requests in, answers out, without a network where none is needed.

mod compaction;
mod compaction_property;
mod consumer_groups;
mod data_directory;
mod describe_transactions;
mod durability;
mod faults;
mod groups;
mod hostile;
mod requests;
mod transaction_limits;
mod transactions;
mod versions;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use kafka_protocol::protocol::{Decodable, HeaderVersion, Request};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;

use super::frame::Refusal;
use super::listener::Connection;
use super::security::authentication::Authentication;
use super::{Broker, Options, State, api};

fn options() -> Options {
    Options {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        min_session_timeout: std::time::Duration::from_millis(10),
        ..Options::default()
    }
}

fn state() -> Arc<State> {
    let address = SocketAddr::from(([127, 0, 0, 1], 1234));
    Arc::new(State::new(options(), address).unwrap())
}

fn connection() -> Connection {
    let local = SocketAddr::from(([127, 0, 0, 1], 1234));
    Connection {
        number: fastrand::u64(..),
        peer: local,
        local,
        wake: Arc::new(Notify::new()),
        authentication: Mutex::new(Authentication::LetIn(None)),
    }
}

/// A request as a frame without its length.
fn frame<R: Request>(request: &R, version: i16) -> Bytes {
    let mut frame = BytesMut::new();
    frame.put_i16(R::KEY);
    frame.put_i16(version);
    frame.put_i32(77);
    frame.put_i16(4);
    frame.put_slice(b"test");
    if R::header_version(version) >= 2 {
        frame.put_u8(0);
    }
    request.encode(&mut frame, version).unwrap();
    frame.freeze()
}

fn parse<R: Request>(mut answer: Bytes, version: i16) -> R::Response {
    assert_eq!(
        answer.get_i32() as usize,
        answer.len(),
        "the frame's length"
    );
    assert_eq!(answer.get_i32(), 77, "the correlation id");
    if R::Response::header_version(version) >= 1 {
        assert_eq!(answer.get_u8(), 0);
    }
    let response = R::Response::decode(&mut answer, version).unwrap();
    assert!(answer.is_empty(), "{} bytes after the answer", answer.len());
    response
}

/// Asks without a network.
async fn ask<R: Request>(state: &Arc<State>, request: &R, version: i16) -> R::Response {
    let answer = api::dispatch(state, &connection(), frame(request, version)).await;
    let reply = answer.unwrap_or_else(|Refusal(reason)| panic!("refused: {reason}"));
    parse::<R>(reply.unwrap().concat().into(), version)
}

/// Asks over a connection; `None` when it is closed instead.
async fn ask_over<R: Request>(
    stream: &mut TcpStream,
    request: &R,
    version: i16,
) -> Option<R::Response> {
    let frame = frame(request, version);
    stream.write_i32(frame.len() as i32).await.ok()?;
    stream.write_all(&frame).await.ok()?;
    let length = stream.read_i32().await.ok()?;
    let mut answer = BytesMut::new();
    answer.put_i32(length);
    answer.resize(4 + length as usize, 0);
    stream.read_exact(&mut answer[4..]).await.ok()?;
    Some(parse::<R>(answer.freeze(), version))
}

async fn broker() -> Broker {
    Broker::start(options()).await.unwrap()
}

async fn connect(broker: &Broker) -> TcpStream {
    TcpStream::connect(broker.address()).await.unwrap()
}
