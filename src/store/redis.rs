//! A memory on a Redis server, for the members of a group on any machines.
//!
//! An event is one key, `eda:event:GROUP:ID`, where `%` and `:` in the group are written as `%25` and `%3A`; a group or
//! an id of more than 512 bytes, with a NUL, or that begins with `sha256:` is written as `sha256:` and its SHA-256 in
//! hexadecimal. Its value is `claimed:TOKEN`, which expires when the lease runs out, or `done`, which expires with the
//! memory: the server's clock counts, and nothing has to be swept.
//!
//! Each operation is a script of Lua, so one round trip and atomic. A user of an access control list needs
//! `~eda:event:* +eval +evalsha +script|load +get +set +del +pttl` (and `+select` for a database other than 0).
//!
//! **Durability** is the server's: one without `appendonly yes` and `appendfsync always` may forget the last events done
//! when it is killed, as may one that falls over to a replica, and they are handled again; one whose `maxmemory-policy`
//! is not `noeviction` forgets when it is full.
//! One server is talked to, not a cluster's slots.

pub mod address;

use super::link::Link;
use super::stored::{at_open, milliseconds, stored, too_slow, within};
use super::{Claimed, Idempotency, Lasting, Outage, Pending, Token};
use crate::error::Result;
use address::RedisAddress;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, ErrorKind, RedisError, Script, ServerErrorKind};
use std::fmt;
use std::time::{Duration, Instant};

/// 0: it is done; -1: ours; else how long it is somebody's.
const CLAIM: &str = "
local known = redis.call('GET', KEYS[1])
if known == 'done' then return 0 end
if known and known ~= ARGV[1] then
    return math.max(redis.call('PTTL', KEYS[1]), 1)
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return -1";

/// A key that is gone expired, and is nobody else's: it is ours again.
const RENEW: &str = "
local known = redis.call('GET', KEYS[1])
if known and known ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1";

const DONE: &str = "
local known = redis.call('GET', KEYS[1])
if known == 'done' then return 1 end
if known and known ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], 'done', 'PX', ARGV[2])
return 1";

const RELEASE: &str = "
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1";

/// The memory of one group on a server.
pub struct Redis {
    client: Client,
    address: RedisAddress,
    /// What the keys of the group begin with.
    prefix: String,
    link: Link<MultiplexedConnection>,
    scripts: Scripts,
    lasting: Lasting,
    timeout: Duration,
}

struct Scripts {
    claim: Script,
    renew: Script,
    done: Script,
    release: Script,
}

impl Redis {
    /// Connects to the server. An answer takes `timeout` at most.
    ///
    /// # Errors
    /// Unreachable, with host and port, when it does not answer; a failure when it refuses the credentials.
    pub async fn open(
        address: &RedisAddress,
        group: &str,
        lasting: Lasting,
        timeout: Duration,
    ) -> Result<Self> {
        let client = Client::open(address.info().clone())
            .map_err(|error| at_open(outage(&address.host_and_port(), &error)))?;
        let group = stored(group).replace('%', "%25").replace(':', "%3A");
        let store = Redis {
            client,
            address: address.clone(),
            prefix: format!("eda:event:{group}:"),
            link: Link::default(),
            scripts: Scripts {
                claim: Script::new(CLAIM),
                renew: Script::new(RENEW),
                done: Script::new(DONE),
                release: Script::new(RELEASE),
            },
            lasting,
            timeout,
        };
        let name = address.to_string();
        let connected = store.link.get(store.connect());
        if let Err(outage) = within(timeout, &name, connected).await {
            let hint = match outage.passing {
                true => "is a Redis server running there?",
                false => "the address is taken from `EDA_DEDUPE` when it holds a password",
            };
            return Err(at_open(outage).hint(hint));
        }
        Ok(store)
    }

    async fn connect(&self) -> Result<MultiplexedConnection, Outage> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.timeout))
            .set_response_timeout(Some(self.timeout));
        self.client
            .get_multiplexed_async_connection_with_config(&config)
            .await
            .map_err(|error| outage(&self.address.host_and_port(), &error))
    }

    /// Runs the script on the event's key. On a connection that turns out to be broken it is run once more on a new one:
    /// every script may be.
    async fn run(
        &self,
        script: &Script,
        event: &str,
        token: Token,
        lasts: Duration,
    ) -> Result<i64, Outage> {
        let asked = Instant::now();
        let key = format!("{}{}", self.prefix, stored(event));
        let claimed = format!("claimed:{}", token.0);
        let lasts = milliseconds(lasts).max(1);
        let mut invocation = script.key(key);
        invocation.arg(claimed).arg(lasts);
        let attempts = async {
            let mut connection = self.link.get(self.connect()).await?.as_ref().clone();
            let got = Instant::now();
            let error = match invocation.invoke_async(&mut connection).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            // A replica is what a server becomes that was fallen over from: its name may mean another by now.
            let is_replica = error.kind() == ErrorKind::Server(ServerErrorKind::ReadOnly);
            if !error.is_unrecoverable_error() && !is_replica {
                return Err(outage(&self.address.host_and_port(), &error));
            }
            self.link.give_up(got).await;
            let mut connection = self.link.get(self.connect()).await?.as_ref().clone();
            let answer = invocation.invoke_async(&mut connection).await;
            answer.map_err(|error| outage(&self.address.host_and_port(), &error))
        };
        match tokio::time::timeout(self.timeout, attempts).await {
            Ok(answer) => answer,
            Err(_) => {
                self.link.give_up(asked).await;
                Err(too_slow(self.timeout, &self.address.host_and_port()))
            }
        }
    }
}

impl Idempotency for Redis {
    fn claim<'a>(&'a self, event: &'a str) -> Pending<'a, Claimed> {
        Box::pin(async move {
            let token = Token::random();
            let script = &self.scripts.claim;
            let answer = self.run(script, event, token, self.lasting.lease).await?;
            Ok(match answer {
                -1 => Claimed::Ours(token),
                0 => Claimed::Done,
                left => {
                    let left = Duration::from_millis(left.unsigned_abs());
                    Claimed::InHand(left.min(self.lasting.lease))
                }
            })
        })
    }

    fn renew<'a>(&'a self, event: &'a str, token: &'a Token) -> Pending<'a, bool> {
        Box::pin(async move {
            let script = &self.scripts.renew;
            let answer = self.run(script, event, *token, self.lasting.lease).await?;
            Ok(answer == 1)
        })
    }

    fn done<'a>(&'a self, event: &'a str, token: &'a Token) -> Pending<'a, bool> {
        Box::pin(async move {
            let script = &self.scripts.done;
            let answer = self.run(script, event, *token, self.lasting.memory).await?;
            Ok(answer == 1)
        })
    }

    fn release<'a>(&'a self, event: &'a str, token: &'a Token) -> Pending<'a, ()> {
        Box::pin(async move {
            let script = &self.scripts.release;
            self.run(script, event, *token, self.lasting.lease).await?;
            Ok(())
        })
    }

    /// The server forgets by itself.
    fn forget_expired(&self) -> Pending<'_, bool> {
        Box::pin(std::future::ready(Ok(false)))
    }

    fn lease(&self) -> Duration {
        self.lasting.lease
    }
}

impl fmt::Debug for Redis {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Redis({})", self.address)
    }
}

/// What the driver or the server says.
fn outage(server: &str, error: &RedisError) -> Outage {
    let message = format!("Redis on `{server}`: {}", said(error));
    let passing = match error.kind() {
        ErrorKind::Io => is_passing_io(error),
        ErrorKind::Server(kind) => matches!(
            kind,
            ServerErrorKind::BusyLoading
                | ServerErrorKind::TryAgain
                | ServerErrorKind::ClusterDown
                | ServerErrorKind::MasterDown
                | ServerErrorKind::NoScript
                // One that was failed over takes no writes until the address leads elsewhere.
                | ServerErrorKind::ReadOnly
        ),
        // Too little memory, a disk that takes nothing, too few replicas, a script that goes on: of the server's state.
        ErrorKind::Extension => matches!(
            error.code(),
            Some("OOM" | "MISCONF" | "NOREPLICAS" | "BUSY")
        ),
        _ => false,
    };
    match passing {
        true => Outage::passing(message),
        false => Outage::lasting(message),
    }
}

/// What the server said, without the name of the script and the line in it; else what the driver says.
fn said(error: &RedisError) -> String {
    let detail = error.detail().filter(|detail| !detail.is_empty());
    let detail = detail.map(|detail| detail.split(" script: ").next().unwrap_or(detail));
    match (detail, error.code()) {
        (Some(detail), Some(code)) => format!("{detail} ({code})"),
        (Some(detail), None) => detail.to_owned(),
        (None, _) => error.to_string(),
    }
}

/// A certificate that is refused comes as an error of input and output, too.
fn is_passing_io(error: &RedisError) -> bool {
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        if cause.is::<openssl::ssl::Error>() || cause.is::<openssl::error::ErrorStack>() {
            return false;
        }
        next = cause.source();
    }
    true
}
