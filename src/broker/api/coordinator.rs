//! FindCoordinator and InitProducerId.

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::find_coordinator_response::{Coordinator, FindCoordinatorResponse};
use kafka_protocol::messages::{
    BrokerId, FindCoordinatorRequest, InitProducerIdRequest, InitProducerIdResponse, ProducerId,
};

use super::super::NODE_ID;
use super::super::sync::now_milliseconds;
use super::super::transaction::state::{Identity, before_fenced};
use super::metadata::advertised;
use super::transactions::identity;
use super::{Answer, Call, text};

const GROUP: i8 = 0;
const TRANSACTION: i8 = 1;

/// The coordinator of every group and of every transactional id is this node.
pub(super) async fn find(call: Call<'_>, request: FindCoordinatorRequest) -> Answer {
    let address = advertised(&call);
    let (error, reason) = match (call.fault, request.key_type) {
        (Some(fault), _) => (fault, Some("a fault was asked for")),
        (None, GROUP | TRANSACTION) => (0, None),
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

/// Gives a producer its id (KIP-98); a transactional one also an epoch, which fences whoever had the id before.
pub(super) async fn init_producer_id(call: Call<'_>, request: InitProducerIdRequest) -> Answer {
    let caller = identity(request.producer_id, request.producer_epoch);
    let transactions = &call.state.transactions;
    let given = match (call.fault, request.transactional_id) {
        (Some(fault), _) => Err(ResponseError::Unknown(fault)),
        (None, None) => transactions
            .new_producer_id()
            .map(|id| Identity { id, epoch: 0 }),
        (None, Some(id)) if id.is_empty() => Err(ResponseError::InvalidRequest),
        (None, Some(id)) => transactions.initialise(
            &id,
            caller,
            request.transaction_timeout_ms,
            call.state.places(),
            now_milliseconds(),
        ),
    };
    // Who does not know the newer code (KIP-588) is told the older.
    let given = match call.version() {
        ..4 => given.map_err(before_fenced),
        _ => given,
    };
    let producer = *given.as_ref().unwrap_or(&Identity::NONE);
    call.reply(
        &InitProducerIdResponse::default()
            .with_error_code(super::code(&given))
            .with_producer_id(ProducerId(producer.id))
            .with_producer_epoch(producer.epoch),
    )
}
