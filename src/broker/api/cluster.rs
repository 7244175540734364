//! DescribeCluster (KIP-700).

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::describe_cluster_response::{
    DescribeClusterBroker, DescribeClusterResponse,
};
use kafka_protocol::messages::{BrokerId, DescribeClusterRequest};

use super::super::NODE_ID;
use super::metadata::{CLUSTER_OPERATIONS, advertised};
use super::{Answer, Call, text};

/// Endpoint type "brokers", the only one clients of a broker may ask for.
const BROKERS: i8 = 1;

/// The cluster is one node.
pub(super) async fn describe(call: Call<'_>, request: DescribeClusterRequest) -> Answer {
    if call.version() >= 1 && request.endpoint_type != BROKERS {
        let error = ResponseError::Unknown(114);
        let refused = DescribeClusterResponse::default()
            .with_error_code(error.code())
            .with_error_message(Some(text(
                "the request was sent to a broker, not to a controller",
            )));
        return call.reply(&refused);
    }
    let address = advertised(&call);
    let broker = DescribeClusterBroker::default()
        .with_broker_id(BrokerId(NODE_ID))
        .with_host(text(address.ip().to_string()))
        .with_port(address.port().into());
    let response = DescribeClusterResponse::default()
        .with_cluster_id(text(&call.state.cluster_id))
        .with_controller_id(BrokerId(NODE_ID))
        .with_brokers(vec![broker]);
    call.reply(&match request.include_cluster_authorized_operations {
        true => response.with_cluster_authorized_operations(CLUSTER_OPERATIONS),
        false => response,
    })
}
