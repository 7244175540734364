//! The broker under test: one for the whole run, chosen by `EDA_TEST_BROKER`.
//!
//! | `EDA_TEST_BROKER` | what runs |
//! |---|---|
//! | unset | the embedded broker, from the program that was just built |
//! | `apache` | Apache Kafka, from its published jars (Java 17 and, once, Maven) |
//! | `container` | the image in `EDA_TEST_IMAGE` or `apache/kafka-native`, where a container engine answers |
//! | `HOST:PORT,…` | that cluster |
//!
//! One that was asked for and cannot start fails every test that needs it, with the reason.

use super::keeper::Keeper;
use super::wait::wait_for;
use super::{apache, container, eda, wire};
use std::ffi::{OsStr, OsString};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

/// What kind of broker it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Embedded,
    Apache,
    Container,
    /// A cluster somebody else runs.
    Given,
}

impl Kind {
    /// What `EDA_TEST_BROKER` asks for.
    pub fn chosen() -> Kind {
        match std::env::var("EDA_TEST_BROKER").as_deref() {
            Err(_) | Ok("" | "embedded") => Kind::Embedded,
            Ok("apache") => Kind::Apache,
            Ok("container") => Kind::Container,
            Ok(_) => Kind::Given,
        }
    }
}

/// Where a broker listens that may have any port.
const ANY_PORT: &str = "127.0.0.1:0";

/// A broker that answers. It ends when this is dropped, and at the latest with the tests.
#[derive(Debug)]
pub struct Broker {
    address: String,
    keeper: Option<Keeper>,
}

/// The broker of this run, started by the first test that asks for it.
#[track_caller]
pub fn broker() -> &'static Broker {
    static BROKER: OnceLock<Result<Broker, String>> = OnceLock::new();
    let started = BROKER.get_or_init(|| match Kind::chosen() {
        Kind::Embedded => Broker::start_embedded(ANY_PORT, &[]),
        Kind::Apache => apache::start(),
        Kind::Container => container::start(),
        Kind::Given => given(),
    });
    match started {
        Ok(broker) => broker,
        Err(reason) => panic!(
            "the broker under test ({:?}) did not start: {reason}",
            Kind::chosen()
        ),
    }
}

impl Broker {
    pub(super) fn new(address: String, keeper: Option<Keeper>) -> Self {
        Broker { address, keeper }
    }

    /// An embedded broker of the test's own, whatever the run's is: for tests that end it or look into it.
    #[track_caller]
    pub fn embedded(arguments: &[&str]) -> Broker {
        Broker::embedded_at(ANY_PORT, arguments)
    }

    /// The same with everything in a directory, for tests that end it and start it again, with
    /// [`Broker::embedded_at`]. Its port is none of those that outgoing connections get: while it is away, somebody else
    /// would have it, or a client of its own that connects to itself.
    #[track_caller]
    pub fn embedded_in(folder: &Path) -> Broker {
        let data = ["--data", folder.to_str().expect("a path that is text")];
        let mut reason = String::new();
        for _ in 0..20 {
            let address = format!("127.0.0.1:{}", fastrand::u16(10_000..32_000));
            match Broker::start_embedded(&address, &data) {
                Ok(broker) => return broker,
                Err(error) => reason = error,
            }
        }
        panic!("the embedded broker did not start: {reason}");
    }

    /// The same where another was. One that was killed may hold its address a moment longer, on a busy machine.
    #[track_caller]
    pub fn embedded_at(address: &str, arguments: &[&str]) -> Broker {
        let started = wait_for(Duration::from_secs(10), || {
            match Broker::start_embedded(address, arguments) {
                Err(reason) if reason.contains("Address already in use") => None,
                started => Some(started),
            }
        });
        match started {
            Some(Ok(broker)) => broker,
            Some(Err(reason)) => panic!("the embedded broker did not start: {reason}"),
            None => panic!("`{address}` stays in use"),
        }
    }

    /// The same, started with a limit of so many open files, which it may raise.
    #[track_caller]
    pub fn embedded_with_open_files(limit: u32) -> Broker {
        let script = format!("ulimit -Sn {limit}; exec \"$0\" \"$@\"");
        let shell = ["-c", &script].map(OsString::from);
        let serve = serve("127.0.0.1:0", &[]);
        let words = [shell.as_slice(), &[eda::program().into()], &serve].concat();
        match Broker::start_serving("sh".as_ref(), &words) {
            Ok(broker) => broker,
            Err(reason) => panic!("the embedded broker did not start: {reason}"),
        }
    }

    /// One that this process runs, or somebody else.
    pub fn at(address: SocketAddr) -> Broker {
        Broker::new(address.to_string(), None)
    }

    fn start_embedded(listen: &str, arguments: &[&str]) -> Result<Broker, String> {
        Broker::start_serving(eda::program().as_ref(), &serve(listen, arguments))
    }

    /// Starts what prints its address first.
    fn start_serving(program: &OsStr, words: &[OsString]) -> Result<Broker, String> {
        let folder = tempfile::tempdir()
            .map_err(|error| error.to_string())?
            .keep();
        let (keeper, lines) = Keeper::start(program, words, folder)?;
        let address = lines
            .next(Duration::from_secs(20))
            .map_err(|reason| format!("{reason}\n{}", keeper.log()))?;
        Ok(Broker::new(address, Some(keeper)))
    }

    /// What goes after `--brokers`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The id of its process, where the tests started it.
    #[track_caller]
    pub fn id(&self) -> u32 {
        self.keeper
            .as_ref()
            .expect("a broker the tests started")
            .id()
    }

    /// kill -9: for tests of what becomes of its clients.
    #[track_caller]
    pub fn kill(&self) {
        self.keeper
            .as_ref()
            .expect("a broker the tests started")
            .kill();
    }
}

/// The arguments of an embedded broker.
fn serve(listen: &str, arguments: &[&str]) -> Vec<OsString> {
    let listen = ["broker", "--listen", listen];
    let words = listen.iter().chain(arguments);
    words.map(OsString::from).collect()
}

fn given() -> Result<Broker, String> {
    let address = std::env::var("EDA_TEST_BROKER").map_err(|error| error.to_string())?;
    let mut reasons = Vec::new();
    for one in address.split(',') {
        match wire::brokers_known(one.trim()) {
            Ok(1..) => return Ok(Broker::new(address, None)),
            Ok(0) => reasons.push(format!("`{one}` knows of no broker")),
            Err(reason) => reasons.push(reason),
        }
    }
    Err(reasons.join(", "))
}
