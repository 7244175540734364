//! Databases on Redis and PostgreSQL for the tests.
//!
//! One server of each is shared by the tests of a process; who wants to kill one starts their own. Each test has a
//! database of its own. What is not installed is said to be not carried out, and in CI a failure.

#![allow(
    dead_code,
    reason = "compiled twice, and each time another part is used"
)]

use super::machine::{missing_or, program};
use super::servers::{DATABASES, ENCODED, Kind, PASSWORD, Server};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

/// A database of one test.
#[derive(Debug)]
pub struct Redis {
    pub server: Arc<Server>,
    database: u32,
}

/// A database of one test, with the users `postgres` (who may do all), and `limited` (who has the password, and no right
/// to make tables).
#[derive(Debug)]
pub struct Postgres {
    pub server: Arc<Server>,
    database: String,
}

/// A database on the shared Redis. `None`, which was said, when it is not installed.
pub fn redis(test: &str) -> Option<Redis> {
    static SHARED: OnceLock<Arc<Server>> = OnceLock::new();
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    let program = missing_or(test, program("redis-server"), "redis-server")?;
    let server = SHARED.get_or_init(|| Server::start(Kind::Redis, &program));
    let database = COUNTER.fetch_add(1, Ordering::Relaxed);
    assert!(database < DATABASES);
    Some(Redis {
        server: Arc::clone(server),
        database,
    })
}

/// A Redis for one test, which may kill it.
pub fn own_redis(test: &str) -> Option<Redis> {
    let program = missing_or(test, program("redis-server"), "redis-server")?;
    Some(Redis {
        server: Server::start(Kind::Redis, &program),
        database: 0,
    })
}

/// A database on the shared PostgreSQL. `None`, which was said, when it is not installed.
pub fn postgres(test: &str) -> Option<Postgres> {
    static SHARED: OnceLock<Arc<Server>> = OnceLock::new();
    let program = missing_or(test, program("postgres"), "postgresql")?;
    let server = SHARED.get_or_init(|| Server::start(Kind::Postgres, &program));
    Some(Postgres::on(Arc::clone(server)))
}

/// A PostgreSQL for one test, which may kill it.
pub fn own_postgres(test: &str) -> Option<Postgres> {
    let program = missing_or(test, program("postgres"), "postgresql")?;
    Some(Postgres::on(Server::start(Kind::Postgres, &program)))
}

impl Redis {
    /// `redis://127.0.0.1:PORT/DATABASE`.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/{}", self.server.port(), self.database)
    }

    /// As the user `limited` or `reader`, with the password.
    pub fn url_of(&self, user: &str) -> String {
        self.url().replace("//", &format!("//{user}:{ENCODED}@"))
    }

    /// `rediss://`, on the port for TLS.
    pub fn tls_url(&self) -> String {
        format!(
            "rediss://127.0.0.1:{}/{}",
            self.server.tls_port(),
            self.database
        )
    }

    /// A command, on the server, not in the database.
    pub fn command(&self, words: &[&str]) -> String {
        self.server.redis(words).unwrap()
    }
}

impl Postgres {
    fn on(server: Arc<Server>) -> Postgres {
        static COUNTER: AtomicU32 = AtomicU32::new(0);
        let database = format!("test_{}", COUNTER.fetch_add(1, Ordering::Relaxed));
        server
            .psql("postgres", &format!("CREATE DATABASE {database}"))
            .unwrap();
        let user = format!(
            "DO $$ BEGIN CREATE ROLE limited LOGIN PASSWORD '{PASSWORD}';
             EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;
             REVOKE CREATE ON SCHEMA public FROM public"
        );
        server.psql(&database, &user).unwrap();
        Postgres { server, database }
    }

    /// `postgres://postgres@127.0.0.1:PORT/DATABASE?sslmode=disable`.
    pub fn url(&self) -> String {
        self.url_with("postgres", "sslmode=disable")
    }

    /// As the user `limited`, with the password.
    pub fn limited_url(&self) -> String {
        self.url_with(&format!("limited:{ENCODED}"), "sslmode=disable")
    }

    /// With these credentials and parameters.
    pub fn url_with(&self, user: &str, parameters: &str) -> String {
        let (port, database) = (self.server.port(), &self.database);
        format!("postgres://{user}@127.0.0.1:{port}/{database}?{parameters}")
    }

    /// What psql prints of it, as the user who may do all.
    pub fn sql(&self, sql: &str) -> String {
        self.server.psql(&self.database, sql).unwrap()
    }
}

#[test]
fn servers_answer_survive_a_kill_and_end_with_their_test() {
    if let Some(redis) = own_redis("servers_answer_survive_a_kill_and_end_with_their_test") {
        assert_eq!(redis.command(&["SET", "kept", "1"]), "+OK\r\n");
        redis.server.kill();
        assert!(TcpStream::connect(("127.0.0.1", redis.server.port())).is_err());
        redis.server.run();
        assert_eq!(redis.command(&["GET", "kept"]), "$1\r\n1\r\n");
        let port = redis.server.port();
        drop(redis);
        assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
    }
    if let Some(postgres) = own_postgres("servers_answer_survive_a_kill_and_end_with_their_test") {
        postgres.sql("CREATE TABLE kept (a int)");
        postgres.server.kill();
        assert!(TcpStream::connect(("127.0.0.1", postgres.server.port())).is_err());
        postgres.server.run();
        assert_eq!(postgres.sql("SELECT count(*) FROM kept"), "0");
        let port = postgres.server.port();
        drop(postgres);
        assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
    }
}
