//! Redis and PostgreSQL, as Debian packages them: started by the tests on a free port of loopback, in a folder of their
//! own, and ended with them. A service that the system runs is left alone.
//!
//! Tests ask for a database on one, see `databases`.

#![allow(
    dead_code,
    reason = "compiled twice, and each time another part is used"
)]

use super::keeper::Keeper;
use super::machine::{free_port, is_running, other_user, program, user_words};
use super::wait::wait_for;
use std::ffi::OsString;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;

/// Both answer within a second, and later on a machine that does other things too.
const PATIENCE: Duration = Duration::from_secs(60);

/// Databases that a shared Redis has: more than tests.
pub const DATABASES: u32 = 1000;

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
pub enum Kind {
    Redis,
    Postgres,
}

impl Server {
    pub fn start(kind: Kind, program: &Path) -> Arc<Server> {
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
                    // Else what was answered may not be written yet when the server is killed.
                    ("--appendfsync", "always"),
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
    pub fn redis(&self, words: &[&str]) -> Option<String> {
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

    pub fn psql(&self, database: &str, sql: &str) -> Result<String, String> {
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

    /// Of loopback.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Of loopback, where Redis speaks TLS.
    pub fn tls_port(&self) -> u16 {
        self.tls_port
    }

    /// To the user whose process is to write it.
    fn give(&self, path: &Path) {
        if let Some((user, group)) = other_user() {
            std::os::unix::fs::chown(path, Some(user), Some(group)).unwrap();
        }
    }
}
