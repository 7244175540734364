//! FindCoordinator and InitProducerId.

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::find_coordinator_response::{Coordinator, FindCoordinatorResponse};
use kafka_protocol::messages::{
    BrokerId, FindCoordinatorRequest, InitProducerIdRequest, InitProducerIdResponse, ProducerId,
};

use super::super::NODE_ID;
use super::metadata::advertised;
use super::{Answer, Call, text};

const GROUP: i8 = 0;
const TRANSACTION: i8 = 1;

/// The coordinator of every group is this node. There are no transactions: TRANSACTIONAL_ID_AUTHORIZATION_FAILED, which
/// clients do not retry.
pub(super) async fn find(call: Call<'_>, request: FindCoordinatorRequest) -> Answer {
    let address = advertised(&call);
    let (error, reason) = match (call.fault, request.key_type) {
        (Some(fault), _) => (fault, Some("a fault was asked for")),
        (None, GROUP) => (0, None),
        (None, TRANSACTION) => {
            let error = ResponseError::TransactionalIdAuthorizationFailed.code();
            (error, Some("this broker has no transactions"))
        }
        (None, _) => (
            ResponseError::InvalidRequest.code(),
            Some("there is no coordinator of this type"),
        ),
    };
    let (node, host, port) = match error {
        0 => (
            BrokerId(NODE_ID),
            text(address.ip().to_string()),
            i32::from(address.port()),
        ),
        _ => (BrokerId(-1), text(""), -1),
    };
    let response = FindCoordinatorResponse::default();
    if call.version() < 4 {
        return call.reply(
            &response
                .with_error_code(error)
                .with_error_message(reason.map(text))
                .with_node_id(node)
                .with_host(host)
                .with_port(port),
        );
    }
    let coordinator = |key| {
        Coordinator::default()
            .with_key(key)
            .with_error_code(error)
            .with_error_message(reason.map(text))
            .with_node_id(node)
            .with_host(host.clone())
            .with_port(port)
    };
    let coordinators = request
        .coordinator_keys
        .into_iter()
        .map(coordinator)
        .collect();
    call.reply(&response.with_coordinators(coordinators))
}

/// Gives an idempotent producer its id (KIP-98); a transactional one is refused.
pub(super) async fn init_producer_id(call: Call<'_>, request: InitProducerIdRequest) -> Answer {
    let response = InitProducerIdResponse::default();
    let error = match (call.fault, request.transactional_id) {
        (Some(fault), _) => fault,
        (None, Some(_)) => ResponseError::TransactionalIdAuthorizationFailed.code(),
        (None, None) => 0,
    };
    if error != 0 {
        let refused = response
            .with_error_code(error)
            .with_producer_id(ProducerId(-1));
        return call.reply(&refused.with_producer_epoch(-1));
    }
    let id = call.state.producer_ids.allocate();
    call.reply(
        &response
            .with_producer_id(ProducerId(id))
            .with_producer_epoch(0),
    )
}
