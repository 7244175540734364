//! Services that are called by HTTP/1.1: real servers on loopback, with as many workers as each has, and their callers.

use crate::error::{Error, Result};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::HOST;
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};

/// A body that is longer is none of ours.
const LONGEST_BODY: usize = 64 * 1024;

/// A caller does not wait longer: what load balancers have, in most cases.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a service does with a request.
pub(super) type Serve =
    Arc<dyn Fn(Bytes) -> Pin<Box<dyn Future<Output = StatusCode> + Send>> + Send + Sync>;

/// A running instance of a service. Dropped, it is gone as a process that was killed: its connections are closed,
/// whatever is under way.
pub(super) struct Instance {
    pub(super) address: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Instance {
    /// Listens on this port of loopback, 0 picks a free one, and serves as many requests at a time as there are workers;
    /// the others wait for one.
    pub(super) async fn start(port: u16, workers: usize, serve: Serve) -> Result<Instance> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let address = listener.local_addr()?;
        let workers = Arc::new(Semaphore::new(workers));
        let task = tokio::spawn(async move {
            // Aborted with the task that has it.
            let mut connections = JoinSet::new();
            loop {
                tokio::select! {
                    accepted = listener.accept() => match accepted {
                        Ok((stream, _)) => {
                            connections.spawn(converse(stream, Arc::clone(&workers), Arc::clone(&serve)));
                        }
                        // Out of file descriptors, most likely: some will be closed.
                        Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
                    },
                    Some(_) = connections.join_next(), if !connections.is_empty() => {}
                }
            }
        });
        Ok(Instance { address, task })
    }
}

async fn converse(stream: TcpStream, workers: Arc<Semaphore>, serve: Serve) {
    let _ = stream.set_nodelay(true);
    let answer = |request: Request<Incoming>| {
        let (workers, serve) = (Arc::clone(&workers), Arc::clone(&serve));
        async move {
            let body = Limited::new(request.into_body(), LONGEST_BODY).collect();
            let status = match (body.await, workers.acquire().await) {
                (Ok(body), Ok(_worker)) => serve(body.to_bytes()).await,
                (Err(_), _) => StatusCode::BAD_REQUEST,
                (_, Err(_)) => StatusCode::SERVICE_UNAVAILABLE,
            };
            let mut response = Response::new(Full::new(Bytes::new()));
            *response.status_mut() = status;
            Ok::<_, Infallible>(response)
        }
    };
    // Whoever hangs up has no answer coming.
    let _ = Builder::new()
        .serve_connection(TokioIo::new(stream), service_fn(answer))
        .await;
}

/// Calls the instances of a service in turn, each over connections that are kept.
pub(super) struct Caller {
    instances: Vec<Kept>,
    turn: AtomicUsize,
}

struct Kept {
    address: SocketAddr,
    idle: Mutex<Vec<SendRequest<Full<Bytes>>>>,
}

impl Caller {
    pub(super) fn new(instances: &[Instance]) -> Caller {
        let kept = |instance: &Instance| Kept {
            address: instance.address,
            idle: Mutex::default(),
        };
        Caller {
            instances: instances.iter().map(kept).collect(),
            turn: AtomicUsize::new(0),
        }
    }

    /// Posts the body and answers whether the service took it.
    pub(super) async fn post(&self, body: Bytes) -> bool {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let Some(instance) = self.instances.get(turn % self.instances.len().max(1)) else {
            return false;
        };
        let posted = tokio::time::timeout(PATIENCE, instance.post(body)).await;
        matches!(posted, Ok(Ok(status)) if status.is_success())
    }
}

impl Kept {
    async fn post(&self, body: Bytes) -> Result<StatusCode> {
        let failed = |error| Error::failed("the call failed").caused_by(error);
        let mut sender = self.connection().await?;
        let request = Request::post("/")
            .header(HOST, self.address.to_string())
            .body(Full::new(body))
            .map_err(|error| Error::failed("no request").caused_by(error))?;
        let response = sender.send_request(request).await.map_err(failed)?;
        let status = response.status();
        response.into_body().collect().await.map_err(failed)?;
        self.idle().push(sender);
        Ok(status)
    }

    /// One that is kept and still open, else a new one.
    async fn connection(&self) -> Result<SendRequest<Full<Bytes>>> {
        let failed = |error| Error::failed("no connection").caused_by(error);
        loop {
            let Some(mut kept) = self.idle().pop() else {
                break;
            };
            if kept.ready().await.is_ok() {
                return Ok(kept);
            }
        }
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(failed)?;
        // It ends with its sender.
        tokio::spawn(connection);
        Ok(sender)
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<SendRequest<Full<Bytes>>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
