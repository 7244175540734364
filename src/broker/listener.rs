//! Accepting connections, and what each of them does: one task, one request at a time, answers in order.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::State;
use super::api;
use super::frame::{Refusal, Reply, fill};
use super::security::authentication::Authentication;
use super::stream::Stream;
use super::sync::lock;

/// An idle connection gives its read buffer back after this.
const IDLE: Duration = Duration::from_secs(1);
/// A frame larger than this takes from the budget all such frames share, before its body is read.
const LARGE_FRAME: usize = 1024 * 1024;
/// The largest frame of somebody who is not let in yet (Kafka's `sasl.server.max.receive.size`).
const STRANGERS_FRAME: usize = 512 * 1024;
/// A TLS handshake must be over within this.
const HANDSHAKE_TIME: Duration = Duration::from_secs(10);
/// A large frame must come to its end within this, or it would keep the budget from others.
const LARGE_FRAME_TIME: Duration = Duration::from_secs(60);

/// One client's connection.
#[derive(Debug)]
pub(super) struct Connection {
    /// Unique in this broker's life.
    pub(super) number: u64,
    /// The client's address.
    pub(super) peer: SocketAddr,
    /// The address the client used.
    pub(super) local: SocketAddr,
    /// Wakes its fetch, when it has one waiting.
    pub(super) wake: Arc<Notify>,
    /// Who it is.
    pub(super) authentication: Mutex<Authentication>,
}

/// Accepts connections for ever; dropping the future closes all of them.
pub(super) async fn accept(listener: TcpListener, state: Arc<State>) {
    let mut connections = JoinSet::new();
    let mut number = 0;
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    number += 1;
                    connections.spawn(run(stream, peer, number, state.clone()));
                }
                // Out of file descriptors, most likely: others have to close first.
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            },
            Some(ended) = connections.join_next() => {
                if let Err(error) = ended {
                    tracing::error!(%error, "a connection's task failed");
                }
            }
        }
    }
}

async fn run(socket: TcpStream, peer: SocketAddr, number: u64, state: Arc<State>) {
    let mut drops = state.faults.drops();
    let Ok(local) = socket.local_addr() else {
        return;
    };
    // Without it, small answers wait for the client's acknowledgements.
    let _ = socket.set_nodelay(true);
    let connection = Connection {
        number,
        peer,
        local,
        wake: Arc::new(Notify::new()),
        authentication: Mutex::new(Authentication::new(&state.users)),
    };
    let served = async {
        let tls = state.tls.as_ref();
        let handshake = tokio::time::timeout(HANDSHAKE_TIME, Stream::accept(socket, tls));
        let late = |_| Refusal("no TLS handshake came".to_owned());
        let mut stream = handshake.await.map_err(late)??;
        serve(&mut stream, &connection, &state).await
    };
    let result = tokio::select! {
        result = served => result,
        _ = drops.changed() => Ok(()),
    };
    if let Err(Refusal(reason)) = result {
        tracing::warn!(%peer, reason, "closing the connection");
    }
}

/// What a request comes to, and, with `--fsync`, is on the disk.
async fn answer(
    state: &Arc<State>,
    connection: &Connection,
    frame: Bytes,
) -> Result<Option<Reply>, Refusal> {
    let reply = api::dispatch(state, connection, frame).await?;
    if let Some(storage) = &state.storage {
        storage.files.flush().await?;
    }
    Ok(reply)
}

/// Reads and answers requests until the client closes.
async fn serve(
    stream: &mut Stream,
    connection: &Connection,
    state: &Arc<State>,
) -> Result<(), Refusal> {
    let mut buffer = BytesMut::new();
    loop {
        if buffer.is_empty()
            && buffer.capacity() > 0
            && tokio::time::timeout(IDLE, stream.readable()).await.is_err()
        {
            buffer = BytesMut::new();
            stream.readable().await?;
        }
        // A client that goes away, in whatever way, is nothing to talk about.
        if !matches!(fill(stream, &mut buffer, 4).await, Ok(true)) {
            return Ok(());
        }
        let size = buffer.get_i32();
        let limit = match lock(&connection.authentication).is_let_in() {
            true => state.options.request_max_bytes,
            false => STRANGERS_FRAME.min(state.options.request_max_bytes),
        };
        let size = match usize::try_from(size) {
            Ok(size) if size <= limit => size,
            _ => {
                return Err(Refusal(format!(
                    "a frame of {size} bytes, {limit} are allowed"
                )));
            }
        };
        let _budget = if size > LARGE_FRAME {
            let budget = state.large_frames.acquire_many((size / 1024) as u32).await;
            let whole =
                tokio::time::timeout(LARGE_FRAME_TIME, fill(stream, &mut buffer, size)).await;
            match whole {
                Ok(Ok(true)) => Some(budget),
                Ok(_) => return Ok(()),
                Err(_) => {
                    return Err(Refusal(format!(
                        "a frame of {size} bytes did not come to its end"
                    )));
                }
            }
        } else if matches!(fill(stream, &mut buffer, size).await, Ok(true)) {
            None
        } else {
            return Ok(());
        };
        let frame = buffer.split_to(size).freeze();
        let reply = tokio::select! {
            biased;
            answer = answer(state, connection, frame) => answer?,
            // Nobody is left to answer: a long poll ends, a member in the join barrier counts as absent.
            () = stream.closed() => return Ok(()),
        };
        if let Some(reply) = reply {
            state.faults.before_answer().await;
            if reply.write(stream).await.is_err() {
                return Ok(());
            }
            if lock(&connection.authentication).is_refused() {
                return Err(Refusal("the name or the password is wrong".to_owned()));
            }
        }
    }
}
