//! Who may speak to the broker, and how: SASL's PLAIN (RFC 4616) and SCRAM (RFC 5802, RFC 7677), and TLS, for trying
//! out a secured set-up.
//!
//! - [`scram`]: the server's side of one SCRAM conversation.
//! - [`authentication`]: where a connection is between its first byte and being let in.
//! - [`tls`]: the broker's certificate.
//!
//! There are no ACLs: whoever is let in may do everything. Passwords are kept as salted digests only.

pub(crate) mod authentication;
pub(crate) mod scram;
pub(crate) mod tls;

use std::collections::BTreeMap;

use openssl::hash::MessageDigest;
use openssl::pkcs5::pbkdf2_hmac;

use crate::error::{Error, Result};
use scram::{ITERATIONS, SALT_SIZE, Secrets};

/// What nobody may see, not even in a debugger's words.
#[derive(Clone)]
pub struct Password(pub String);

impl std::fmt::Debug for Password {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Password")
    }
}

/// A way to prove who one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mechanism {
    Plain,
    Scram256,
    Scram512,
}

impl Mechanism {
    /// All that there are, as SaslHandshake lists them.
    pub(crate) const ALL: [Mechanism; 3] =
        [Mechanism::Plain, Mechanism::Scram256, Mechanism::Scram512];

    /// Its registered name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Mechanism::Plain => "PLAIN",
            Mechanism::Scram256 => "SCRAM-SHA-256",
            Mechanism::Scram512 => "SCRAM-SHA-512",
        }
    }

    /// The mechanism of this name.
    pub(crate) fn named(name: &str) -> Option<Mechanism> {
        Mechanism::ALL.into_iter().find(|one| one.name() == name)
    }
}

/// A user, by what proves the password.
#[derive(Debug)]
struct User {
    sha_256: Secrets,
    sha_512: Secrets,
}

/// Those who are let in; with none, everybody is.
#[derive(Debug, Default)]
pub(crate) struct Users {
    by_name: BTreeMap<String, User>,
    /// Makes up what is said of users that do not exist.
    disguise: [u8; 32],
}

impl Users {
    /// Of names and passwords. Fails when the digests cannot be made.
    pub(crate) fn new(users: &[(String, Password)]) -> Result<Users> {
        let user = |(name, Password(password)): &(String, Password)| {
            let secrets = |digest| Secrets::new(digest, password.as_bytes());
            let user = secrets(MessageDigest::sha256())
                .and_then(|sha_256| {
                    let sha_512 = secrets(MessageDigest::sha512())?;
                    Ok(User { sha_256, sha_512 })
                })
                .map_err(|error| {
                    Error::failed("cannot make the digest of a password").caused_by(error)
                })?;
            Ok((name.clone(), user))
        };
        let mut disguise = [0; 32];
        openssl::rand::rand_bytes(&mut disguise)
            .map_err(|error| Error::failed("cannot make a secret").caused_by(error))?;
        Ok(Users {
            by_name: users.iter().map(user).collect::<Result<_>>()?,
            disguise,
        })
    }

    /// Whether everybody is let in.
    pub(crate) fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// What proves this user's password by SCRAM.
    fn secrets(&self, user: &str, mechanism: Mechanism) -> Option<&Secrets> {
        let user = self.by_name.get(user)?;
        Some(match mechanism {
            Mechanism::Scram512 => &user.sha_512,
            Mechanism::Plain | Mechanism::Scram256 => &user.sha_256,
        })
    }

    /// Whether it is this user's password. A name that does not exist takes as long.
    fn knows(&self, user: &str, password: &[u8]) -> bool {
        let secrets = self.secrets(user, Mechanism::Plain);
        let nobody = [0; SALT_SIZE];
        let salt = secrets.map_or(&nobody, |secrets| &secrets.salt);
        let mut salted = [0; 32];
        let digest = MessageDigest::sha256();
        let made = pbkdf2_hmac(password, salt, ITERATIONS, digest, &mut salted);
        made.is_ok() && secrets.is_some_and(|secrets| secrets.is_of(&salted))
    }
}
