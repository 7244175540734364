//! Where the memory of events done is: `none`, `memory`, `sqlite:PATH`, `redis://…` or `postgres://…`.

use super::postgres::address::PostgresAddress;
use super::redis::address::RedisAddress;
use crate::error::Error;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Where the memory is. What it shows of itself, [`fmt::Debug`] included, is never a password.
#[derive(Clone)]
pub enum StoreAddress {
    /// Nothing is remembered.
    None,
    /// In this process, until it ends.
    Memory,
    /// In a SQLite file.
    Sqlite(PathBuf),
    /// On a Redis server, or on one that speaks its protocol.
    Redis(RedisAddress),
    /// In a PostgreSQL database.
    Postgres(PostgresAddress),
}

impl StoreAddress {
    /// Whether the text held a password: it must not be an argument, which every user of the machine can read.
    pub fn has_password(&self) -> bool {
        match self {
            StoreAddress::None | StoreAddress::Memory | StoreAddress::Sqlite(_) => false,
            StoreAddress::Redis(address) => address.has_password(),
            StoreAddress::Postgres(address) => address.has_password(),
        }
    }
}

impl FromStr for StoreAddress {
    type Err = Error;

    /// Reads an address, without asking anybody.
    ///
    /// # Errors
    /// A usage error that repeats no more of the text than what comes before the colon: the rest may be a secret.
    fn from_str(text: &str) -> Result<Self, Error> {
        let (scheme, rest) = text.split_once(':').unwrap_or((text, ""));
        match scheme {
            "none" if scheme == text => Ok(StoreAddress::None),
            "memory" if scheme == text => Ok(StoreAddress::Memory),
            "sqlite" => sqlite(rest),
            "redis" | "rediss" => text.parse().map(StoreAddress::Redis),
            "postgres" | "postgresql" => text.parse().map(StoreAddress::Postgres),
            _ => {
                let known = "it is `none`, `memory`, `sqlite:PATH`, `redis://HOST[:PORT][/DATABASE]` or \
                             `postgres://[USER@]HOST[:PORT]/DATABASE`";
                let shown: String = scheme.chars().take(20).collect();
                Err(Error::usage(format!("`{shown}` is no store of events")).hint(known))
            }
        }
    }
}

/// `sqlite:PATH`, and the URL that other programs have for it: `sqlite://PATH`.
fn sqlite(path: &str) -> Result<StoreAddress, Error> {
    let path = path.strip_prefix("//").unwrap_or(path);
    match path {
        "" => Err(Error::usage("`sqlite:` names no file").hint("`sqlite:done.db` is a file here")),
        ":memory:" => Err(
            Error::usage("a database in memory is gone with the process")
                .hint("`memory` does the same, and is quicker"),
        ),
        path if path.contains('\0') => Err(Error::usage("a path of a file has no NUL")),
        path => Ok(StoreAddress::Sqlite(path.into())),
    }
}

impl fmt::Display for StoreAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreAddress::None => formatter.write_str("none"),
            StoreAddress::Memory => formatter.write_str("memory"),
            StoreAddress::Sqlite(path) => write!(formatter, "sqlite:{}", path.display()),
            StoreAddress::Redis(address) => address.fmt(formatter),
            StoreAddress::Postgres(address) => address.fmt(formatter),
        }
    }
}

impl fmt::Debug for StoreAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn shown(text: &str) -> String {
        let address: StoreAddress = text.parse().unwrap();
        assert!(
            !format!("{address:?} {address:#?}").contains("secret"),
            "{address:?}"
        );
        address.to_string()
    }

    #[test]
    fn addresses_are_shown_as_they_are_written_but_for_passwords() {
        for text in [
            "none",
            "memory",
            "sqlite:done.db",
            "sqlite:/var/lib/eda/done.db",
            "redis://localhost:6379/0",
            "rediss://me@redis.example.com:6380/2",
            "postgres://me@db.example.com:5432/orders",
            "postgres://a.example.com:1,[::1]:2/orders",
        ] {
            assert_eq!(shown(text), text);
            assert!(!text.parse::<StoreAddress>().unwrap().has_password());
        }
        for (text, expected) in [
            ("sqlite://done.db", "sqlite:done.db"),
            ("sqlite:///var/done.db", "sqlite:/var/done.db"),
            ("redis://localhost", "redis://localhost:6379/0"),
            ("redis://[::1]:7000", "redis://[::1]:7000/0"),
            ("postgresql://db/orders", "postgres://db:5432/orders"),
            (
                "postgres:///orders?host=/run/postgresql&user=me",
                "postgres://me@/run/postgresql:5432/orders",
            ),
        ] {
            assert_eq!(shown(text), expected);
        }
    }

    #[test]
    fn a_password_is_known_wherever_it_stands_and_never_shown() {
        for (text, expected) in [
            ("redis://:secret@host", "redis://host:6379/0"),
            ("rediss://me:secret@host/1", "rediss://me@host:6379/1"),
            ("postgres://me:secret@host/db", "postgres://me@host:5432/db"),
            (
                "postgres://host/db?user=me&password=secret&sslmode=require",
                "postgres://me@host:5432/db",
            ),
        ] {
            assert_eq!(shown(text), expected);
            assert!(text.parse::<StoreAddress>().unwrap().has_password());
        }
    }

    #[test]
    fn what_is_wrong_is_said_without_repeating_a_secret() {
        for text in [
            "",
            "nonsense",
            "none:",
            "memory:secret",
            "mysql://me:secret@host",
            "sqlite:",
            "sqlite://",
            "sqlite::memory:",
            "sqlite:secret\0",
            "redis:secret@host",
            "redis://",
            "redis://:secret@host:port",
            "redis://:secret@host/orders",
            "redis://:secret@host?password=secret",
            "rediss://:secret@host/0#secret",
            "postgres:secret",
            "postgres://",
            "postgres://me:secret@/db",
            "postgres://me:pass@secret@host/db",
            "postgres://me:secret@host:port/db",
            "postgres://me:pass#secret@host:secret",
            "postgres://me@host/db?secret=secret",
            "postgres://me:secret@host/db?sslmode=secret",
            "postgres://me:secret@host/db?sslrootcert",
            "postgres://me:secret@host/db?sslrootcert=%FF",
        ] {
            let error = text.parse::<StoreAddress>().unwrap_err();
            assert_eq!(error.kind(), crate::error::Kind::Usage, "{text}");
            let said = format!("{} {:?}", error.one_line(), error.hint_text());
            assert!(!said.contains("secret"), "{text}: {said}");
        }
    }
}
