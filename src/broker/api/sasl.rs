//! SaslHandshake and SaslAuthenticate (KIP-43, KIP-152).

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::{
    SaslAuthenticateRequest, SaslAuthenticateResponse, SaslHandshakeRequest, SaslHandshakeResponse,
};

use super::super::security::Mechanism;
use super::super::security::authentication::Denied;
use super::super::sync::lock;
use super::{Answer, Call, text};

/// The client chooses a mechanism. Errors: UNSUPPORTED_SASL_MECHANISM, with those there are; ILLEGAL_SASL_STATE where
/// nobody is asked, or it was chosen before.
pub(super) async fn handshake(call: Call<'_>, request: SaslHandshakeRequest) -> Answer {
    let mechanisms = Mechanism::ALL.map(|one| text(one.name())).to_vec();
    let mechanism = Mechanism::named(&request.mechanism);
    let chosen = match (call.fault, mechanism) {
        (Some(fault), _) => Err(ResponseError::Unknown(fault)),
        (None, None) => Err(ResponseError::UnsupportedSaslMechanism),
        (None, Some(mechanism)) => {
            let chosen = lock(&call.connection.authentication).choose(mechanism);
            chosen.then_some(()).ok_or(ResponseError::IllegalSaslState)
        }
    };
    call.reply(
        &SaslHandshakeResponse::default()
            .with_error_code(super::code(&chosen))
            .with_mechanisms(mechanisms),
    )
}

/// The client proves who it is. Errors: SASL_AUTHENTICATION_FAILED, after which the connection is closed;
/// ILLEGAL_SASL_STATE.
pub(super) async fn authenticate(call: Call<'_>, request: SaslAuthenticateRequest) -> Answer {
    let answer = match call.fault {
        Some(fault) => Err(ResponseError::Unknown(fault)),
        None => {
            let mut authentication = lock(&call.connection.authentication);
            let answer = authentication.go_on(&call.state.users, &request.auth_bytes);
            answer.map_err(|denied| match denied {
                Denied::OutOfTurn => ResponseError::IllegalSaslState,
                Denied::Wrong => ResponseError::SaslAuthenticationFailed,
            })
        }
    };
    let reason = match &answer {
        Ok(_) => None,
        Err(ResponseError::SaslAuthenticationFailed) => Some("the name or the password is wrong"),
        Err(_) => Some("a mechanism is to be chosen first, and once"),
    };
    call.reply(
        &SaslAuthenticateResponse::default()
            .with_error_code(super::code(&answer))
            .with_error_message(reason.map(text))
            .with_auth_bytes(answer.unwrap_or_default().into()),
    )
}
