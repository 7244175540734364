//! ApiVersions (KIP-35, KIP-511).

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::api_versions_response::{ApiVersion, ApiVersionsResponse};
use kafka_protocol::messages::{ApiKey, ApiVersionsRequest};

use super::super::frame::{Header, Refusal, Reply};
use super::{Answer, Call, TABLE};

fn advertised() -> Vec<ApiVersion> {
    let version = |row: &super::Row| {
        // librdkafka before 2.9 compresses only for brokers that know Produce version 0, so Kafka 4 says it does
        // although it has removed it (KAFKA-18659). So do we.
        let first = if row.api == ApiKey::Produce {
            0
        } else {
            row.versions.0
        };
        ApiVersion::default()
            .with_api_key(row.api as i16)
            .with_min_version(first)
            .with_max_version(row.versions.1)
    };
    TABLE.iter().map(version).collect()
}

/// What this broker implements.
pub(super) async fn handle(call: Call<'_>, _request: ApiVersionsRequest) -> Answer {
    call.reply(&ApiVersionsResponse::default().with_api_keys(advertised()))
}

/// The answer to a version from the future, in the form every client reads.
pub(super) fn unsupported(header: &Header) -> Result<Reply, Refusal> {
    let response = ApiVersionsResponse::default()
        .with_error_code(ResponseError::UnsupportedVersion.code())
        .with_api_keys(advertised());
    Reply::encode(&response, 0, header.correlation, false)
}
