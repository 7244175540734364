//! What the broker answers. The table below is the one place that says which requests there are, in which versions,
//! what their bytes must look like and who handles them; ApiVersions advertises exactly this.

mod alter_configs;
mod cluster;
mod configs;
mod consumer_groups;
mod coordinator;
mod describe_groups;
mod describe_transactions;
mod fetch;
mod groups;
mod list_offsets;
mod metadata;
mod offsets;
mod partitions;
mod produce;
mod records;
mod sasl;
mod topics;
mod transactional_offsets;
mod transactions;
mod versions;

use std::sync::Arc;

use bytes::Bytes;
use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::ApiKey;
use kafka_protocol::protocol::{Decodable, Encodable, StrBytes};

use super::State;
use super::frame::{Header, Refusal, Reply};
use super::guard::{self, Shape};
use super::listener::Connection;
use super::shapes;
use super::sync::lock;

/// The leader epoch of every partition: the only node never loses an election.
const LEADER_EPOCH: i32 = 0;

/// A request being handled.
pub(super) struct Call<'a> {
    pub(super) state: &'a Arc<State>,
    pub(super) connection: &'a Connection,
    pub(super) header: Header,
    /// The error code a test wants as the answer, see [`super::faults`].
    pub(super) fault: Option<i16>,
}

/// The answer, nothing where nothing is to be answered, or why the connection must be closed.
pub(super) type Answer = Result<Option<Reply>, Refusal>;

impl Call<'_> {
    fn version(&self) -> i16 {
        self.header.version
    }

    fn reply<M: Encodable>(&self, message: &M) -> Answer {
        let flexible = self.header.api.response_header_version(self.header.version) >= 1;
        let reply = Reply::encode(
            message,
            self.header.version,
            self.header.correlation,
            flexible,
        );
        reply.map(Some).map_err(|Refusal(reason)| {
            Refusal(format!(
                "{:?} version {}: {reason}",
                self.header.api, self.header.version
            ))
        })
    }
}

/// One row of the table.
pub(super) struct Row {
    pub(super) api: ApiKey,
    /// First and last version implemented.
    pub(super) versions: (i16, i16),
    pub(super) shape: &'static Shape,
}

macro_rules! requests {
    ($($api:ident $first:literal ..= $last:literal, $shape:ident => $handler:path;)*) => {
        /// Every request the broker answers.
        pub(super) static TABLE: &[Row] = &[
            $(Row { api: ApiKey::$api, versions: ($first, $last), shape: &shapes::$shape }),*
        ];

        async fn handle(call: Call<'_>, body: Bytes) -> Answer {
            match call.header.api {
                $(ApiKey::$api => {
                    let request = decode(&call, body)?;
                    $handler(call, request).await
                })*
                api => Err(Refusal(format!("{api:?} is not implemented"))),
            }
        }
    };
}

requests! {
    Produce 3..=13, PRODUCE => produce::handle;
    Fetch 4..=18, FETCH => fetch::handle;
    ListOffsets 1..=10, LIST_OFFSETS => list_offsets::handle;
    Metadata 0..=13, METADATA => metadata::handle;
    OffsetCommit 2..=9, OFFSET_COMMIT => offsets::commit;
    OffsetFetch 1..=9, OFFSET_FETCH => offsets::fetch;
    FindCoordinator 0..=6, FIND_COORDINATOR => coordinator::find;
    JoinGroup 0..=9, JOIN_GROUP => groups::join;
    Heartbeat 0..=4, HEARTBEAT => groups::heartbeat;
    LeaveGroup 0..=5, LEAVE_GROUP => groups::leave;
    SyncGroup 0..=5, SYNC_GROUP => groups::sync;
    DescribeGroups 0..=6, DESCRIBE_GROUPS => describe_groups::describe;
    ListGroups 0..=5, LIST_GROUPS => describe_groups::list;
    // Version 0 is followed by bytes that are no requests.
    SaslHandshake 1..=1, SASL_HANDSHAKE => sasl::handshake;
    SaslAuthenticate 0..=2, SASL_AUTHENTICATE => sasl::authenticate;
    ApiVersions 0..=4, API_VERSIONS => versions::handle;
    CreateTopics 2..=7, CREATE_TOPICS => topics::create;
    DeleteTopics 1..=6, DELETE_TOPICS => topics::delete;
    DeleteRecords 0..=2, DELETE_RECORDS => records::delete;
    InitProducerId 0..=5, INIT_PRODUCER_ID => coordinator::init_producer_id;
    // From version 4 on it is for brokers among themselves.
    AddPartitionsToTxn 0..=3, ADD_PARTITIONS_TO_TXN => transactions::add_partitions;
    AddOffsetsToTxn 0..=4, ADD_OFFSETS_TO_TXN => transactions::add_offsets;
    // Version 5 of these two is transactions of the second version (KIP-890), which this broker does not advertise.
    EndTxn 0..=4, END_TXN => transactions::end;
    TxnOffsetCommit 0..=4, TXN_OFFSET_COMMIT => transactional_offsets::commit;
    DescribeConfigs 1..=4, DESCRIBE_CONFIGS => configs::describe;
    AlterConfigs 0..=2, ALTER_CONFIGS => alter_configs::replace;
    CreatePartitions 0..=3, CREATE_PARTITIONS => partitions::create;
    DeleteGroups 0..=2, DELETE_GROUPS => describe_groups::delete;
    IncrementalAlterConfigs 0..=1, INCREMENTAL_ALTER_CONFIGS => alter_configs::incremental;
    OffsetDelete 0..=0, OFFSET_DELETE => offsets::delete;
    DescribeCluster 0..=2, DESCRIBE_CLUSTER => cluster::describe;
    DescribeProducers 0..=0, DESCRIBE_PRODUCERS => describe_transactions::producers;
    DescribeTransactions 0..=0, DESCRIBE_TRANSACTIONS => describe_transactions::describe;
    ListTransactions 0..=2, LIST_TRANSACTIONS => describe_transactions::list;
    ConsumerGroupHeartbeat 0..=1, CONSUMER_GROUP_HEARTBEAT => consumer_groups::heartbeat;
    ConsumerGroupDescribe 0..=1, CONSUMER_GROUP_DESCRIBE => consumer_groups::describe;
}

/// Answers one frame. An error closes the connection it came on, and nothing else.
pub(super) async fn dispatch(
    state: &Arc<State>,
    connection: &Connection,
    mut frame: Bytes,
) -> Answer {
    let header = Header::take(&mut frame)?;
    let (api, version) = (header.api, header.version);
    let refuse = |reason: String| Refusal(format!("{api:?} version {version}: {reason}"));
    let row = TABLE.iter().find(|row| row.api == api);
    let row = row.ok_or_else(|| refuse("not implemented".to_owned()))?;
    if !(row.versions.0..=row.versions.1).contains(&version) {
        return match api {
            ApiKey::ApiVersions => versions::unsupported(&header).map(Some),
            _ => Err(refuse("version not supported".to_owned())),
        };
    }
    let is_open = matches!(
        api,
        ApiKey::ApiVersions | ApiKey::SaslHandshake | ApiKey::SaslAuthenticate
    );
    if !is_open && !lock(&connection.authentication).is_let_in() {
        return Err(refuse("nobody has been authenticated".to_owned()));
    }
    let flexible = api.request_header_version(version) >= 2;
    guard::check(&frame, row.shape, version, flexible)
        .map_err(|reason| refuse(reason.to_owned()))?;
    let fault = state.faults.take(api);
    let call = Call {
        state,
        connection,
        header,
        fault,
    };
    handle(call, frame).await
}

fn decode<M: Decodable>(call: &Call<'_>, mut body: Bytes) -> Result<M, Refusal> {
    let Header { api, version, .. } = &call.header;
    M::decode(&mut body, *version)
        .map_err(|error| Refusal(format!("{api:?} version {version}: {error}")))
}

/// A string of the codec's kind.
fn text(text: impl Into<String>) -> StrBytes {
    StrBytes::from_string(text.into())
}

/// The code of a result: 0 when it went well.
fn code<T>(result: &Result<T, ResponseError>) -> i16 {
    result.as_ref().err().map_or(0, ResponseError::code)
}
