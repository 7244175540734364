//! Redis and PostgreSQL, as Debian packages them: started by the tests on a free port of loopback, in a folder of their
//! own, and ended with them. A service that the system runs is left alone.
//!
//! One of each is shared by the tests of a process; who wants to kill one starts their own. Each test has a database of
//! its own. What is not installed is said and counted as not carried out, and in CI a failure.

#![allow(
    dead_code,
    reason = "compiled twice, and each time another part is used"
)]

use super::keeper::Keeper;
use super::wait::wait_for;
use std::ffi::OsString;
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;
use tempfile::TempDir;

/// Both answer within a second, and later on a machine that does other things too.
const PATIENCE: Duration = Duration::from_secs(60);

/// Databases that a shared Redis has: more than tests.
const DATABASES: u32 = 1000;

/// Passwords of the users that the servers know.
pub const PASSWORD: &str = "p@ss:wörd/?#%";
/// As it stands in an address.
pub const ENCODED: &str = "p%40ss%3Aw%C3%B6rd%2F%3F%23%25";

/// A server's process and its data. What it keeps outlives the process, so that it can be started again.
#[derive(Debug)]
pub struct Server {
    kind: Kind,
    data: TempDir,
    port: u16,
    tls_port: u16,
    process: Mutex<Option<Keeper>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Redis,
    Postgres,
}

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

/// In PATH, or where Debian has the programs of PostgreSQL, the newest first.
fn program(name: &str) -> Option<PathBuf> {
    let mut versions: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .collect();
    versions.sort_by_key(|path| {
        path.components().nth(4).map(|part| {
            part.as_os_str()
                .to_string_lossy()
                .parse::<u32>()
                .unwrap_or(0)
        })
    });
    versions.reverse();
    let path = std::env::var_os("PATH").unwrap_or_default();
    versions.extend(std::env::split_paths(&path));
    versions
        .into_iter()
        .map(|folder| folder.join(name))
        .find(|program| program.is_file())
}

fn missing_or(test: &str, program: Option<PathBuf>, package: &str) -> Option<PathBuf> {
    if program.is_none() {
        assert!(
            std::env::var_os("CI").is_none(),
            "Debian's package `{package}` is not installed, and CI is to have it"
        );
        let line = format!(
            "not carried out: `{test}`, because it needs Debian's package `{package}`, which is not installed\n"
        );
        // Not eprintln!, which the harness keeps to itself when a test passes.
        let _ = std::io::stderr().write_all(line.as_bytes());
    }
    program
}

impl Server {
    fn start(kind: Kind, program: &Path) -> Arc<Server> {
        let mut last = String::new();
        // Somebody else may take the port before the server does.
        for _ in 0..3 {
            let (port, tls_port) = (free_port(), free_port());
            let server = Server {
                kind,
                data: tempfile::tempdir().unwrap(),
                port,
                tls_port,
                process: Mutex::default(),
            };
            server.make_certificate();
            server.give(server.data.path());
            if kind == Kind::Postgres {
                server.make_cluster(program);
            }
            match server.try_run() {
                Ok(()) => {
                    if kind == Kind::Redis {
                        server.make_users();
                    }
                    return Arc::new(server);
                }
                Err(reason) => last = reason,
            }
        }
        panic!("{kind:?} does not start: {last}");
    }

    /// kill -9, of what it started itself, too: a connection's process of PostgreSQL would answer for a moment longer.
    pub fn kill(&self) {
        let Some(keeper) = self.process.lock().unwrap().take() else {
            return;
        };
        let id = keeper.id();
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children"));
        keeper.kill();
        // Some are gone by now.
        let command = format!("kill -KILL {} 2>/dev/null", children.unwrap_or_default());
        let _ = Command::new("sh").args(["-c", &command]).status();
    }

    /// Starts it once more, on the same port, with what it kept.
    pub fn run(&self) {
        // What was killed may have children that still go.
        let ran = wait_for(PATIENCE, || self.try_run().ok());
        assert!(ran.is_some(), "{:?} does not start again", self.kind);
    }

    fn try_run(&self) -> Result<(), String> {
        let folder = tempfile::tempdir()
            .map_err(|error| error.to_string())?
            .keep();
        self.give(&folder);
        let mut words = user_words();
        let data = self.data.path();
        let at = |name: &str| data.join(name).into_os_string();
        match self.kind {
            Kind::Redis => {
                words.push(program("redis-server").unwrap().into());
                let port = self.port.to_string();
                let tls_port = self.tls_port.to_string();
                let databases = DATABASES.to_string();
                for (name, value) in [
                    ("--port", port.as_str()),
                    ("--tls-port", &tls_port),
                    ("--tls-auth-clients", "no"),
                    ("--bind", "127.0.0.1"),
                    ("--databases", &databases),
                    ("--save", ""),
                    ("--appendonly", "yes"),
                ] {
                    words.extend([OsString::from(name), OsString::from(value)]);
                }
                words.extend(["--dir".into(), data.into()]);
                words.extend(["--tls-cert-file".into(), at("server.crt")]);
                words.extend(["--tls-key-file".into(), at("server.key")]);
                words.extend(["--tls-ca-cert-file".into(), at("server.crt")]);
            }
            Kind::Postgres => {
                words.push(program("postgres").unwrap().into());
                words.extend(["-D".into(), at("cluster")]);
                let port = self.port.to_string();
                let (certificate, key) = (at("server.crt"), at("server.key"));
                for (name, value) in [
                    ("port", port.as_ref()),
                    ("listen_addresses", "127.0.0.1".as_ref()),
                    ("unix_socket_directories", data.as_os_str()),
                    // What a power cut would take is not tested.
                    ("fsync", "off".as_ref()),
                    ("max_connections", "200".as_ref()),
                    ("shared_buffers", "16MB".as_ref()),
                    ("ssl", "on".as_ref()),
                    ("ssl_cert_file", certificate.as_os_str()),
                    ("ssl_key_file", key.as_os_str()),
                ] {
                    let mut setting = OsString::from(name);
                    setting.push("=");
                    setting.push(value);
                    words.extend(["-c".into(), setting]);
                }
            }
        }
        let signal = match self.kind {
            Kind::Redis => "KILL",
            Kind::Postgres => "QUIT", // Its children go at once, too.
        };
        let (keeper, lines) = Keeper::start_ended_by(signal, "env", &words, folder)?;
        let process = PathBuf::from(format!("/proc/{}", keeper.id()));
        let answered = wait_for(PATIENCE, || match self.answers() {
            true => Some(true),
            false => (!is_running(&process)).then_some(false),
        });
        drop(lines);
        match answered {
            Some(true) => {
                *self.process.lock().unwrap() = Some(keeper);
                Ok(())
            }
            _ => Err(keeper.log()),
        }
    }

    fn answers(&self) -> bool {
        match self.kind {
            Kind::Redis => self
                .redis(&["PING"])
                .is_some_and(|answer| answer.starts_with("+PONG")),
            Kind::Postgres => self.psql("postgres", "SELECT 1").is_ok(),
        }
    }

    /// A command of Redis, and the first line of its answer.
    fn redis(&self, words: &[&str]) -> Option<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        let mut command = format!("*{}\r\n", words.len());
        for word in words {
            command.push_str(&format!("${}\r\n{word}\r\n", word.len()));
        }
        stream.write_all(command.as_bytes()).ok()?;
        let mut answer = [0; 512];
        let length = stream.read(&mut answer).ok()?;
        Some(String::from_utf8_lossy(&answer[..length]).into_owned())
    }

    fn psql(&self, database: &str, sql: &str) -> Result<String, String> {
        let port = self.port.to_string();
        let output = Command::new(program("psql").ok_or("no psql")?)
            .args(["-X", "-q", "-A", "-t", "-h", "127.0.0.1", "-U", "postgres"])
            .args([
                "-v",
                "ON_ERROR_STOP=1",
                "-p",
                &port,
                "-d",
                database,
                "-c",
                sql,
            ])
            .env("PGCONNECT_TIMEOUT", "10")
            .output()
            .map_err(|error| error.to_string())?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        match output.status.success() {
            true => Ok(text(&output.stdout)),
            false => Err(text(&output.stderr)),
        }
    }

    fn make_users(&self) {
        let password = format!(">{PASSWORD}");
        for rights in [
            // What the documentation of the store asks for.
            vec![
                "limited",
                "~eda:event:*",
                "+eval",
                "+evalsha",
                "+script|load",
                "+get",
                "+set",
                "+del",
                "+pttl",
                "+select",
            ],
            vec!["reader", "~*", "+@read", "+eval", "+evalsha", "+select"],
        ] {
            let mut words = vec!["ACL", "SETUSER", rights[0], "on", &password];
            words.extend(&rights[1..]);
            let answer = self.redis(&words);
            assert!(
                answer
                    .as_ref()
                    .is_some_and(|answer| answer.starts_with("+OK")),
                "{answer:?}"
            );
        }
    }

    fn make_cluster(&self, postgres: &Path) {
        let cluster = self.data.path().join("cluster");
        let mut words = user_words();
        words.push(postgres.with_file_name("initdb").into());
        words.extend(["-D".into(), cluster.clone().into()]);
        words.extend(
            [
                "-U",
                "postgres",
                "-E",
                "UTF8",
                "--no-locale",
                "--no-sync",
                "-A",
                "trust",
            ]
            .map(OsString::from),
        );
        let output = Command::new("env")
            .args(words)
            .current_dir(self.data.path())
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let rules =
            "host all limited 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 trust\n";
        fs::write(cluster.join("pg_hba.conf"), rules).unwrap();
    }

    /// A certificate for 127.0.0.1 that has signed itself, and its key.
    fn make_certificate(&self) {
        let (certificate, key) = super::certificate::for_loopback();
        fs::write(self.certificate(), certificate).unwrap();
        let path = self.data.path().join("server.key");
        fs::write(&path, key).unwrap();
        self.give(&self.certificate());
        self.give(&path);
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        fs::set_permissions(&path, private).unwrap();
    }

    /// The file with the certificate that signs for the server.
    pub fn certificate(&self) -> PathBuf {
        self.data.path().join("server.crt")
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// To the user whose process is to write it.
    fn give(&self, path: &Path) {
        if let Some((user, group)) = other_user() {
            std::os::unix::fs::chown(path, Some(user), Some(group)).unwrap();
        }
    }
}

impl Redis {
    /// `redis://127.0.0.1:PORT/DATABASE`.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/{}", self.server.port, self.database)
    }

    /// As the user `limited` or `reader`, with the password.
    pub fn url_of(&self, user: &str) -> String {
        self.url().replace("//", &format!("//{user}:{ENCODED}@"))
    }

    /// `rediss://`, on the port for TLS.
    pub fn tls_url(&self) -> String {
        format!(
            "rediss://127.0.0.1:{}/{}",
            self.server.tls_port, self.database
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
        let (port, database) = (self.server.port, &self.database);
        format!("postgres://{user}@127.0.0.1:{port}/{database}?{parameters}")
    }

    /// What psql prints of it, as the user who may do all.
    pub fn sql(&self, sql: &str) -> String {
        self.server.psql(&self.database, sql).unwrap()
    }
}

/// PostgreSQL refuses to run as root, so both run as the user that its package makes, or as nobody.
fn other_user() -> Option<(u32, u32)> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let ids = |name: &str| {
        let line = users
            .lines()
            .find(|line| line.starts_with(&format!("{name}:")))?;
        let mut fields = line.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    ids("postgres").or_else(|| ids("nobody"))
}

/// What goes before a program so that it runs as that user, as the same process.
fn user_words() -> Vec<OsString> {
    let Some((user, group)) = other_user() else {
        return Vec::new();
    };
    vec![
        "setpriv".into(),
        format!("--reuid={user}").into(),
        format!("--regid={group}").into(),
        "--clear-groups".into(),
    ]
}

/// One that has ended, and was not waited for yet, has no memory.
fn is_running(process: &Path) -> bool {
    let statistics = fs::read_to_string(process.join("statm")).unwrap_or_default();
    !statistics.is_empty() && !statistics.starts_with("0 ")
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

#[test]
fn servers_answer_survive_a_kill_and_end_with_their_test() {
    if let Some(redis) = own_redis("servers_answer_survive_a_kill_and_end_with_their_test") {
        assert_eq!(redis.command(&["SET", "kept", "1"]), "+OK\r\n");
        redis.server.kill();
        assert!(TcpStream::connect(("127.0.0.1", redis.server.port)).is_err());
        redis.server.run();
        assert_eq!(redis.command(&["GET", "kept"]), "$1\r\n1\r\n");
        let port = redis.server.port;
        drop(redis);
        assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
    }
    if let Some(postgres) = own_postgres("servers_answer_survive_a_kill_and_end_with_their_test") {
        postgres.sql("CREATE TABLE kept (a int)");
        postgres.server.kill();
        assert!(TcpStream::connect(("127.0.0.1", postgres.server.port)).is_err());
        postgres.server.run();
        assert_eq!(postgres.sql("SELECT count(*) FROM kept"), "0");
        let port = postgres.server.port;
        drop(postgres);
        assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
    }
}
