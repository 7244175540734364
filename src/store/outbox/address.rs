//! Where an outbox is: `sqlite:PATH`, `PATH` or `postgres://…`, and which table there.

use crate::error::Error;
use crate::store::StoreAddress;
use crate::store::postgres::address::PostgresAddress;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// The database of an outbox. What it shows of itself, [`fmt::Debug`] included, is never a password.
#[derive(Clone)]
pub enum OutboxAddress {
    /// A SQLite file.
    Sqlite(PathBuf),
    /// A PostgreSQL database.
    Postgres(Box<PostgresAddress>),
}

impl OutboxAddress {
    /// Whether the text held a password: it must not be an argument, which every user of the machine can read.
    pub fn has_password(&self) -> bool {
        match self {
            OutboxAddress::Sqlite(_) => false,
            OutboxAddress::Postgres(address) => address.has_password(),
        }
    }
}

impl FromStr for OutboxAddress {
    type Err = Error;

    /// Reads an address, without asking anybody. What has no scheme is the path of a SQLite file.
    ///
    /// # Errors
    /// A usage error that repeats no more of the text than a scheme: the rest may be a secret.
    fn from_str(text: &str) -> Result<Self, Error> {
        const KNOWN: &str =
            "it is `sqlite:PATH`, a path, or `postgres://[USER@]HOST[:PORT]/DATABASE`";
        let path = text.strip_prefix("sqlite:").unwrap_or(text);
        let path = path.strip_prefix("//").unwrap_or(path);
        let is_in_memory = path.starts_with(":memory:")
            || path.starts_with("file::memory:")
            || path.starts_with("file:") && path.contains("mode=memory");
        if is_in_memory {
            let text = "a database in memory is gone with its process, and its events with it";
            return Err(Error::usage(text).hint("name a file: `sqlite:outbox.db`"));
        }
        let scheme = text.split_once(':').map(|(scheme, _)| scheme);
        let parsed = match scheme {
            Some("sqlite" | "postgres" | "postgresql") => text.parse()?,
            Some(scheme) if text[scheme.len()..].starts_with("://") => {
                let shown: String = scheme.chars().take(20).collect();
                return Err(Error::usage(format!("`{shown}` holds no outbox")).hint(KNOWN));
            }
            // libpq's `host=… password=…`: as the path of a file it would be shown, and be made.
            None if is_keywords(text) => {
                return Err(Error::usage("this is no path of a file").hint(KNOWN));
            }
            _ if text.is_empty() => return Err(Error::usage("no outbox is named").hint(KNOWN)),
            _ => format!("sqlite:{text}").parse()?,
        };
        match parsed {
            StoreAddress::Sqlite(path) => Ok(OutboxAddress::Sqlite(path)),
            StoreAddress::Postgres(address) => Ok(OutboxAddress::Postgres(Box::new(address))),
            StoreAddress::None | StoreAddress::Memory | StoreAddress::Redis(_) => {
                Err(Error::usage("this holds no outbox").hint(KNOWN))
            }
        }
    }
}

/// Whether it is a connection string of keywords.
fn is_keywords(text: &str) -> bool {
    const KEYWORDS: [&str; 6] = [
        "host=",
        "hostaddr=",
        "port=",
        "user=",
        "password=",
        "dbname=",
    ];
    let mut words = text.split_whitespace();
    words.any(|word| KEYWORDS.iter().any(|keyword| word.starts_with(keyword)))
}

impl fmt::Display for OutboxAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OutboxAddress::Sqlite(path) => write!(formatter, "sqlite:{}", path.display()),
            OutboxAddress::Postgres(address) => address.fmt(formatter),
        }
    }
}

impl fmt::Debug for OutboxAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// The name of a table, with or without its schema: exactly as the database has it, capital letters and all. In SQL it
/// stands quoted, so there is nothing that it could not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableName {
    schema: Option<String>,
    name: String,
}

/// The longest part of a name, in bytes: PostgreSQL cuts names off after 63, and those of what belongs to the table are
/// up to 6 longer.
const LONGEST: usize = 57;

impl TableName {
    /// The schema, when one is named.
    pub fn schema(&self) -> Option<&str> {
        self.schema.as_deref()
    }

    /// The table's name, without its schema.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// As the database has it.
    pub(super) fn exactly(schema: String, name: String) -> Self {
        TableName {
            schema: Some(schema),
            name,
        }
    }

    /// As it stands in SQL.
    pub(super) fn quoted(&self) -> String {
        self.quoted_with("")
    }

    /// One that belongs to it, `outbox_relay`, as it stands in SQL.
    pub(super) fn quoted_with(&self, ending: &str) -> String {
        let name = quoted(&format!("{}{ending}", self.name));
        match &self.schema {
            Some(schema) => format!("{}.{name}", quoted(schema)),
            None => name,
        }
    }
}

/// A name as it stands in SQL, whatever it holds.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

impl Default for TableName {
    fn default() -> Self {
        TableName {
            schema: None,
            name: "outbox".to_owned(),
        }
    }
}

impl FromStr for TableName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let (schema, name) = match text.split_once('.') {
            Some((schema, name)) => (Some(schema), name),
            None => (None, text),
        };
        for part in schema.iter().chain([&name]) {
            let reason = match *part {
                "" => "a part of it is empty",
                part if part.len() > LONGEST => "it is longer than 57 bytes",
                part if part.contains('.') => "there is more than one full stop in it",
                part if part.contains(char::is_control) => "there are control characters in it",
                _ => continue,
            };
            let shown: String = text.escape_debug().take(80).collect();
            return Err(
                Error::usage(format!("`{shown}` is no name of a table: {reason}"))
                    .hint("it is `NAME` or `SCHEMA.NAME`"),
            );
        }
        Ok(TableName {
            schema: schema.map(str::to_owned),
            name: name.to_owned(),
        })
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.schema {
            Some(schema) => write!(formatter, "{schema}.{}", self.name),
            None => formatter.write_str(&self.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    #[test]
    fn addresses_are_shown_without_passwords() {
        for (text, expected, has_password) in [
            ("orders.db", "sqlite:orders.db", false),
            ("./a:b.db", "sqlite:./a:b.db", false),
            ("sqlite:orders.db", "sqlite:orders.db", false),
            ("sqlite:///var/orders.db", "sqlite:/var/orders.db", false),
            (
                "postgres://me@db/orders",
                "postgres://me@db:5432/orders",
                false,
            ),
            (
                "postgresql://me:secret@db/o",
                "postgres://me@db:5432/o",
                true,
            ),
        ] {
            let address: OutboxAddress = text.parse().unwrap();
            assert_eq!(address.to_string(), expected);
            assert_eq!(format!("{address:?}"), expected);
            assert_eq!(address.has_password(), has_password);
        }
    }

    #[test]
    fn what_is_no_address_is_refused_without_repeating_a_secret() {
        for text in [
            "",
            "sqlite:",
            "sqlite::memory:",
            ":memory:",
            "mysql://me:secret@host/db",
            "redis://:secret@host",
            "postgres:secret",
            "postgres://me:secret@host:port/db",
            "a\0secret",
            "host=127.0.0.1 user=boss password=secret dbname=shop",
        ] {
            let error = text.parse::<OutboxAddress>().unwrap_err();
            assert_eq!(error.kind(), Kind::Usage, "{text}");
            let said = format!("{} {:?}", error.one_line(), error.hint_text());
            assert!(!said.contains("secret"), "{text}: {said}");
        }
    }

    #[test]
    fn names_of_tables_are_quoted() {
        for (text, expected) in [
            ("outbox", "\"outbox\""),
            ("sales.OutboxEvent", "\"sales\".\"OutboxEvent\""),
            ("größe", "\"größe\""),
            ("x\"; DROP TABLE y; --", "\"x\"\"; DROP TABLE y; --\""),
        ] {
            let table: TableName = text.parse().unwrap();
            assert_eq!(table.quoted(), expected);
            assert_eq!(table.to_string(), text);
        }
        let table: TableName = "a.b".parse().unwrap();
        assert_eq!(table.quoted_with("_relay"), "\"a\".\"b_relay\"");
        assert_eq!(TableName::default().to_string(), "outbox");
        let long = "x".repeat(LONGEST + 1);
        for text in ["", ".", "a.", ".b", "a.b.c", "a\0", "a\nb", &long] {
            let error = text.parse::<TableName>().unwrap_err();
            assert_eq!(error.kind(), Kind::Usage, "{text:?}");
        }
    }
}
