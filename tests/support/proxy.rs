//! Stands between `eda` and a broker on 127.0.0.1, and loses the answers to transactions' ends, or what is to be read.

use super::{Broker, wire};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;

/// The requests it knows.
const FETCH: i16 = 1;
const INIT_PRODUCER_ID: i16 = 22;
const END_TXN: i16 = 26;

/// A broker's way to its clients, for as long as the test runs.
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    broker: String,
    /// What the broker says of itself, and what is said of it instead: as long, so that no frame changes its length.
    own_place: Vec<u8>,
    told_place: Vec<u8>,
    /// Requests of this kind never reach the broker.
    drops: Option<i16>,
    loses: AtomicBool,
    lost: AtomicU32,
}

impl Proxy {
    /// Loses the answer to every EndTxn, which the broker has carried out, until a producer begins anew after the first.
    pub fn losing_the_first_commit(broker: &Broker) -> Self {
        Proxy::start(broker, None)
    }

    /// Lets nobody read a record: the broker never hears that one is asked for.
    pub fn dropping_fetches(broker: &Broker) -> Self {
        Proxy::start(broker, Some(FETCH))
    }

    fn start(broker: &Broker, drops: Option<i16>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port on loopback");
        let port = listener.local_addr().expect("a bound address").port();
        let (host, own_port) = broker.address().rsplit_once(':').expect("HOST:PORT");
        let place = |port: u16| {
            let mut place = host.as_bytes().to_vec();
            place.extend(u32::from(port).to_be_bytes());
            place
        };
        let shared = Arc::new(Shared {
            broker: broker.address().to_owned(),
            own_place: place(own_port.parse().expect("a port")),
            told_place: place(port),
            drops,
            loses: AtomicBool::new(drops.is_none()),
            lost: AtomicU32::new(0),
        });
        let of_all = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let shared = Arc::clone(&of_all);
                thread::spawn(move || shared.serve(client));
            }
        });
        Proxy { port, shared }
    }

    /// Where clients are to connect.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// How many answers were lost.
    pub fn lost(&self) -> u32 {
        self.shared.lost.load(Ordering::SeqCst)
    }
}

impl Shared {
    /// Until either side has gone.
    fn serve(&self, client: TcpStream) {
        let Ok(broker) = TcpStream::connect(&self.broker) else {
            return;
        };
        let is_cut = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                self.requests(&client, &broker, &is_cut);
                let _ = broker.shutdown(Shutdown::Write);
            });
            self.answers(&broker, &client, &is_cut);
            let _ = client.shutdown(Shutdown::Both);
            let _ = broker.shutdown(Shutdown::Both);
        });
    }

    fn requests(&self, mut client: &TcpStream, mut broker: &TcpStream, is_cut: &AtomicBool) {
        while let Ok(request) = wire::receive(&mut client) {
            let kind = request.first_chunk().map(|kind| i16::from_be_bytes(*kind));
            if kind.is_some() && kind == self.drops {
                continue;
            }
            if kind == Some(INIT_PRODUCER_ID) && self.lost.load(Ordering::SeqCst) > 0 {
                self.loses.store(false, Ordering::SeqCst);
            }
            if kind == Some(END_TXN) && self.loses.load(Ordering::SeqCst) {
                is_cut.store(true, Ordering::SeqCst);
            }
            if wire::send(&mut broker, &request).is_err() {
                return;
            }
        }
    }

    /// The coordinator's connection has no other request under way when a transaction is ended, so the next answer on it
    /// is the one to lose.
    fn answers(&self, mut broker: &TcpStream, mut client: &TcpStream, is_cut: &AtomicBool) {
        while let Ok(answer) = wire::receive(&mut broker) {
            if is_cut.load(Ordering::SeqCst) {
                self.lost.fetch_add(1, Ordering::SeqCst);
                return;
            }
            let answer = self.rewritten(answer);
            if wire::send(&mut client, &answer).is_err() {
                return;
            }
        }
    }

    fn rewritten(&self, mut answer: Vec<u8>) -> Vec<u8> {
        let length = self.own_place.len();
        let found = |answer: &[u8]| {
            answer
                .windows(length)
                .position(|bytes| bytes == self.own_place)
        };
        while let Some(at) = found(&answer) {
            answer[at..at + length].copy_from_slice(&self.told_place);
        }
        answer
    }
}
