//! SCRAM, the server's side (RFC 5802): both show that they know the password, and neither sends it.

use openssl::base64::{decode_block, encode_block};
use openssl::error::ErrorStack;
use openssl::hash::{MessageDigest, hash};
use openssl::memcmp;
use openssl::pkcs5::pbkdf2_hmac;
use openssl::pkey::PKey;
use openssl::sign::Signer;

/// Rounds of the digest: the fewest that Kafka takes.
pub(crate) const ITERATIONS: usize = 4096;
/// Bytes of a salt.
pub(crate) const SALT_SIZE: usize = 16;
/// A client that wants no channel binding, or thinks that we have none.
const NO_BINDING: [&str; 2] = ["n", "y"];

/// What the server keeps of a password.
#[derive(Clone)]
pub(crate) struct Secrets {
    pub(super) salt: [u8; SALT_SIZE],
    stored_key: Vec<u8>,
    server_key: Vec<u8>,
    digest: MessageDigest,
}

/// They are nobody's business.
impl std::fmt::Debug for Secrets {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Secrets")
    }
}

fn hmac(digest: MessageDigest, key: &[u8], message: &[u8]) -> Result<Vec<u8>, ErrorStack> {
    let key = PKey::hmac(key)?;
    let mut signer = Signer::new(digest, &key)?;
    signer.update(message)?;
    signer.sign_to_vec()
}

impl Secrets {
    /// Of a password, with a salt of its own.
    pub(super) fn new(digest: MessageDigest, password: &[u8]) -> Result<Secrets, ErrorStack> {
        let mut salt = [0; SALT_SIZE];
        openssl::rand::rand_bytes(&mut salt)?;
        let mut salted = vec![0; digest.size()];
        pbkdf2_hmac(password, &salt, ITERATIONS, digest, &mut salted)?;
        let client_key = hmac(digest, &salted, b"Client Key")?;
        Ok(Secrets {
            salt,
            stored_key: hash(digest, &client_key)?.to_vec(),
            server_key: hmac(digest, &salted, b"Server Key")?,
            digest,
        })
    }

    /// Whether it is the salted password.
    pub(super) fn is_of(&self, salted: &[u8]) -> bool {
        let digest = self.digest;
        let stored = hmac(digest, salted, b"Client Key").and_then(|key| hash(digest, &key));
        stored.is_ok_and(|stored| same(&stored, &self.stored_key))
    }

    /// Whether the proof is one of the password for this conversation.
    fn proves(&self, proof: &[u8], conversation: &[u8]) -> Result<bool, ErrorStack> {
        let digest = self.digest;
        let signature = hmac(digest, &self.stored_key, conversation)?;
        if proof.len() != signature.len() {
            return Ok(false);
        }
        let pairs = proof.iter().zip(&signature);
        let client_key: Vec<u8> = pairs.map(|(one, other)| one ^ other).collect();
        Ok(same(&hash(digest, &client_key)?, &self.stored_key))
    }
}

/// In a time that says nothing.
fn same(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && memcmp::eq(one, other)
}

/// The client's first message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ClientFirst {
    pub(super) user: String,
    /// `n,,`, which comes again in its last.
    binding: String,
    bare: String,
    nonce: String,
}

impl ClientFirst {
    /// `n,,n=alice,r=fyko+d2lbbFgONRv9qkxdawL`; `None` when it is not so.
    pub(super) fn read(message: &[u8]) -> Option<ClientFirst> {
        let message = std::str::from_utf8(message).ok()?;
        let mut parts = message.splitn(3, ',');
        let (binding, authorized, bare) = (parts.next()?, parts.next()?, parts.next()?);
        if !NO_BINDING.contains(&binding) {
            return None;
        }
        let mut fields = bare.split(',');
        let user = unescaped(fields.next()?.strip_prefix("n=")?)?;
        let nonce = fields.next()?.strip_prefix("r=")?.to_owned();
        // To act for somebody else is not for us to allow.
        let is_other = authorized
            .strip_prefix("a=")
            .is_some_and(|name| unescaped(name) != Some(user.clone()));
        if is_other || nonce.is_empty() {
            return None;
        }
        Some(ClientFirst {
            user,
            binding: format!("{binding},{authorized},"),
            bare: bare.to_owned(),
            nonce,
        })
    }
}

/// `=2C` is a comma in a name, `=3D` an equals sign.
fn unescaped(name: &str) -> Option<String> {
    let rest = name.replace("=2C", "").replace("=3D", "");
    let is_plain = !rest.contains('=') && !name.is_empty();
    is_plain.then(|| name.replace("=2C", ",").replace("=3D", "="))
}

/// A conversation after its first two messages.
#[derive(Debug)]
pub(crate) struct Conversation {
    first: ClientFirst,
    server_first: String,
    nonce: String,
    secrets: Option<Secrets>,
}

impl Conversation {
    /// Answers the client's first message. Of a user that does not exist (`secrets` is none) nothing can be told but the
    /// end: the salt is made of the name and `disguise`, and is as constant as a real one.
    pub(super) fn begin(
        first: ClientFirst,
        secrets: Option<Secrets>,
        disguise: &[u8],
    ) -> Result<(Conversation, String), ErrorStack> {
        let mut random = [0; 18];
        openssl::rand::rand_bytes(&mut random)?;
        let nonce = format!("{}{}", first.nonce, encode_block(&random));
        let mut salt = [0; SALT_SIZE];
        let made = hmac(MessageDigest::sha256(), disguise, first.user.as_bytes())?;
        salt.copy_from_slice(&made[..SALT_SIZE]);
        let salt = secrets.as_ref().map_or(salt, |secrets| secrets.salt);
        let server_first = format!("r={nonce},s={},i={ITERATIONS}", encode_block(&salt));
        let conversation = Conversation {
            first,
            server_first: server_first.clone(),
            nonce,
            secrets,
        };
        Ok((conversation, server_first))
    }

    /// Answers the client's last message: the user and our own proof; `None` when the client is not let in.
    pub(super) fn end(self, last: &[u8]) -> Option<(String, String)> {
        let last = std::str::from_utf8(last).ok()?;
        let (without_proof, proof) = last.rsplit_once(",p=")?;
        let proof = decode_block(proof).ok()?;
        let mut fields = without_proof.split(',');
        let binding = decode_block(fields.next()?.strip_prefix("c=")?).ok()?;
        let nonce = fields.next()?.strip_prefix("r=")?;
        if binding != self.first.binding.as_bytes() || nonce != self.nonce {
            return None;
        }
        let conversation = format!("{},{},{without_proof}", self.first.bare, self.server_first);
        let secrets = self.secrets?;
        if !secrets.proves(&proof, conversation.as_bytes()).ok()? {
            return None;
        }
        let digest = secrets.digest;
        let signature = hmac(digest, &secrets.server_key, conversation.as_bytes()).ok()?;
        Some((self.first.user, format!("v={}", encode_block(&signature))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The client's side, as RFC 7677 has it.
    fn last(password: &[u8], first: &str, server_first: &str) -> String {
        let digest = MessageDigest::sha256();
        let field = |name: &str| {
            let mut fields = server_first.split(',');
            fields
                .find_map(|field| field.strip_prefix(name))
                .unwrap()
                .to_owned()
        };
        let salt = decode_block(&field("s=")).unwrap();
        let mut salted = vec![0; 32];
        let iterations = field("i=").parse().unwrap();
        pbkdf2_hmac(password, &salt, iterations, digest, &mut salted).unwrap();
        let client_key = hmac(digest, &salted, b"Client Key").unwrap();
        let stored_key = hash(digest, &client_key).unwrap();
        let without_proof = format!("c=biws,r={}", field("r="));
        let conversation = format!("{},{server_first},{without_proof}", &first[3..]);
        let signature = hmac(digest, &stored_key, conversation.as_bytes()).unwrap();
        let pairs = client_key.iter().zip(&signature);
        let proof: Vec<u8> = pairs.map(|(one, other)| one ^ other).collect();
        format!("{without_proof},p={}", encode_block(&proof))
    }

    fn converse(known: &[u8], said: &[u8], spoil: impl Fn(String) -> String) -> Option<String> {
        let secrets = Secrets::new(MessageDigest::sha256(), known).unwrap();
        let first = "n,,n=al=2Cice,r=abc";
        let read = ClientFirst::read(first.as_bytes()).unwrap();
        let (conversation, server_first) = Conversation::begin(read, Some(secrets), b"x").unwrap();
        let last = spoil(last(said, first, &server_first));
        let (user, proof) = conversation.end(last.as_bytes())?;
        assert!(proof.starts_with("v="));
        Some(user)
    }

    #[test]
    fn the_password_lets_in_and_nothing_else_does() {
        let as_it_is = |text| text;
        assert_eq!(
            converse(b"secret", b"secret", as_it_is),
            Some("al,ice".to_owned())
        );
        assert_eq!(converse(b"secret", b"Secret", as_it_is), None);
        assert_eq!(
            converse(b"secret", b"secret", |last| last.replace("r=abc", "r=abd")),
            None
        );
        assert_eq!(
            converse(b"secret", b"secret", |last| last
                .replace("c=biws", "c=eSws")),
            None
        );
        assert_eq!(
            converse(b"secret", b"secret", |last| format!("{last}AA")),
            None
        );
        assert_eq!(converse(b"secret", b"secret", |_| String::new()), None);
    }

    #[test]
    fn first_messages_are_read_as_the_rfc_has_them() {
        let read = |text: &str| ClientFirst::read(text.as_bytes());
        assert_eq!(read("y,,n=a,r=x,tokenauth=true").unwrap().user, "a");
        assert_eq!(read("n,a=a,n=a,r=x").unwrap().binding, "n,a=a,");
        for wrong in [
            "",
            "n",
            "n,,",
            "p=tls-unique,,n=a,r=x",
            "n,,n=a",
            "n,,n=a,r=",
            "n,,r=x,n=a",
            "n,,n=a=b,r=x",
            "n,,n=,r=x",
            "n,a=b,n=a,r=x",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
