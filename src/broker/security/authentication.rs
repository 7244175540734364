//! Where a connection is between its first byte and being let in (Kafka's `SaslServerAuthenticator`):
//!
//! ```text
//! Stranger ──SaslHandshake──→ Chosen ──SaslAuthenticate (PLAIN)──→ LetIn
//!                               └──(SCRAM)──→ Proving ──(SCRAM)──────↑
//! ```

use super::scram::{ClientFirst, Conversation};
use super::{Mechanism, Users};

/// A connection's state. A failure ends it, and the connection with it.
#[derive(Debug)]
pub(crate) enum Authentication {
    /// It has said nothing about itself yet.
    Stranger,
    Chosen(Mechanism),
    /// SCRAM's first message was answered.
    Proving(Conversation),
    /// As this user, or as anybody where nobody is asked.
    LetIn(Option<String>),
    Refused,
}

/// Why somebody is not let in; it does not say which of name and password was wrong.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Denied {
    /// SaslAuthenticate without a handshake before it, or once more.
    OutOfTurn,
    /// The name or the password is wrong, or the message is none.
    Wrong,
}

impl Authentication {
    /// Of a new connection.
    pub(crate) fn new(users: &Users) -> Authentication {
        match users.is_empty() {
            true => Authentication::LetIn(None),
            false => Authentication::Stranger,
        }
    }

    /// Whether other requests are answered.
    pub(crate) fn is_let_in(&self) -> bool {
        matches!(self, Authentication::LetIn(_))
    }

    /// Whether the connection is over once its last answer is sent.
    pub(crate) fn is_refused(&self) -> bool {
        matches!(self, Authentication::Refused)
    }

    /// The client chooses a mechanism; false when it is not its turn.
    pub(crate) fn choose(&mut self, mechanism: Mechanism) -> bool {
        let may = matches!(self, Authentication::Stranger);
        if may {
            *self = Authentication::Chosen(mechanism);
        }
        may
    }

    /// The client proves itself; the answer's bytes.
    pub(crate) fn go_on(&mut self, users: &Users, message: &[u8]) -> Result<Vec<u8>, Denied> {
        match std::mem::replace(self, Authentication::Refused) {
            Authentication::Chosen(Mechanism::Plain) => {
                let user = plain(users, message).ok_or(Denied::Wrong)?;
                *self = Authentication::LetIn(Some(user));
                Ok(Vec::new())
            }
            Authentication::Chosen(mechanism) => {
                let first = ClientFirst::read(message).ok_or(Denied::Wrong)?;
                let secrets = users.secrets(&first.user, mechanism).cloned();
                let begun = Conversation::begin(first, secrets, &users.disguise)
                    .map_err(|_| Denied::Wrong)?;
                let (conversation, answer) = begun;
                *self = Authentication::Proving(conversation);
                Ok(answer.into_bytes())
            }
            Authentication::Proving(conversation) => {
                let (user, answer) = conversation.end(message).ok_or(Denied::Wrong)?;
                *self = Authentication::LetIn(Some(user));
                Ok(answer.into_bytes())
            }
            Authentication::LetIn(user) => {
                *self = Authentication::LetIn(user);
                Err(Denied::OutOfTurn)
            }
            Authentication::Stranger | Authentication::Refused => Err(Denied::OutOfTurn),
        }
    }
}

/// `[authorization identity] NUL user NUL password`; who acts for somebody else is not let in.
fn plain(users: &Users, message: &[u8]) -> Option<String> {
    let mut parts = message.split(|byte| *byte == 0);
    let (authorized, user, password) = (parts.next()?, parts.next()?, parts.next()?);
    let user_name = std::str::from_utf8(user).ok()?;
    let is_own = authorized.is_empty() || authorized == user;
    let is_right = users.knows(user_name, password);
    (is_right && is_own && parts.next().is_none()).then(|| user_name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::Password;
    use super::*;

    fn users() -> Users {
        Users::new(&[("alice".to_owned(), Password("secret".to_owned()))]).unwrap()
    }

    fn by_plain(message: &[u8]) -> bool {
        let users = users();
        let mut state = Authentication::new(&users);
        assert!(!state.is_let_in());
        assert!(state.choose(Mechanism::Plain));
        assert!(!state.choose(Mechanism::Plain), "once");
        let answer = state.go_on(&users, message);
        assert_eq!(answer.is_ok(), state.is_let_in());
        assert_eq!(answer.is_err(), state.is_refused());
        state.is_let_in()
    }

    #[test]
    fn plain_takes_the_right_password_only() {
        assert!(by_plain(b"\0alice\0secret"));
        assert!(by_plain(b"alice\0alice\0secret"));
        for wrong in [
            &b"\0alice\0secre"[..],
            b"\0alice\0",
            b"\0bob\0secret",
            b"bob\0alice\0secret",
            b"\0alice\0secret\0",
            b"alice",
            b"",
        ] {
            assert!(!by_plain(wrong), "{wrong:?}");
        }
    }

    #[test]
    fn nobody_is_asked_where_there_are_no_users() {
        let nobody = Users::default();
        let mut state = Authentication::new(&nobody);
        assert!(state.is_let_in() && !state.choose(Mechanism::Plain));
        assert_eq!(state.go_on(&nobody, b"x"), Err(Denied::OutOfTurn));
        assert!(state.is_let_in());
    }

    #[test]
    fn scram_wants_two_messages_and_a_stranger_gets_as_far() {
        let users = users();
        for name in ["alice", "bob"] {
            let mut state = Authentication::new(&users);
            assert_eq!(state.go_on(&users, b""), Err(Denied::OutOfTurn));
            let mut state = match state {
                Authentication::Refused => Authentication::new(&users),
                other => panic!("{other:?}"),
            };
            state.choose(Mechanism::Scram512);
            let first = format!("n,,n={name},r=abc");
            let answer = state.go_on(&users, first.as_bytes()).unwrap();
            assert!(answer.starts_with(b"r=abc"));
            let mut again = Authentication::new(&users);
            again.choose(Mechanism::Scram512);
            let second = again.go_on(&users, first.as_bytes()).unwrap();
            let salt = |answer: &[u8]| {
                let answer = String::from_utf8(answer.to_vec()).unwrap();
                answer.split(',').nth(1).unwrap().to_owned()
            };
            assert_eq!(salt(&answer), salt(&second), "{name}");
            assert_eq!(
                state.go_on(&users, b"c=biws,r=abc,p=AAAA"),
                Err(Denied::Wrong)
            );
            assert!(state.is_refused());
        }
    }
}
