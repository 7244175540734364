//! A broker that its controller has fenced right after a client found it: it answers, and names no broker any more.

use super::wire;
use bytes::{Buf, BufMut, Bytes, BytesMut};
use kafka_protocol::messages::api_versions_response::ApiVersion;
use kafka_protocol::messages::metadata_response::{MetadataResponseBroker, MetadataResponseTopic};
use kafka_protocol::messages::{
    ApiKey, ApiVersionsResponse, BrokerId, MetadataRequest, MetadataResponse,
};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, StrBytes};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// How often it names itself, before it is fenced: once to be found, once for whoever asks on the new connection.
const UNFENCED: usize = 2;

/// What it says it can.
const VERSIONS: [(ApiKey, i16); 2] = [(ApiKey::ApiVersions, 3), (ApiKey::Metadata, 8)];

const LEADER_NOT_AVAILABLE: i16 = 5;

/// Lives as long as the test's process.
pub struct FencedBroker {
    port: u16,
    described: Arc<AtomicUsize>,
}

impl FencedBroker {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port on loopback");
        let port = listener.local_addr().expect("a bound address").port();
        let described = Arc::new(AtomicUsize::new(0));
        let of_all = Arc::clone(&described);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let described = Arc::clone(&of_all);
                // Ends with the connection.
                thread::spawn(move || serve(client, port, &described));
            }
        });
        FencedBroker { port, described }
    }

    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// How often it was asked for the cluster after it was fenced.
    pub fn asked_in_vain(&self) -> usize {
        let described = self.described.load(Ordering::SeqCst);
        described.saturating_sub(UNFENCED)
    }
}

fn serve(mut client: TcpStream, port: u16, described: &AtomicUsize) -> Result<(), String> {
    loop {
        let mut request = Bytes::from(wire::receive(&mut client)?);
        let (key, version) = (request.get_i16(), request.get_i16());
        let id = request.get_i32();
        let mut answer = BytesMut::new();
        answer.put_i32(id);
        if key == ApiKey::ApiVersions as i16 {
            put(versions(), version.min(3), &mut answer)?;
        } else {
            // The client's name.
            let length = request.get_i16();
            request.advance(usize::try_from(length).unwrap_or(0));
            let request = MetadataRequest::decode(&mut request, version)
                .map_err(|error| error.to_string())?;
            let is_fenced = described.fetch_add(1, Ordering::SeqCst) >= UNFENCED;
            put(metadata(request, port, is_fenced), version, &mut answer)?;
        }
        wire::send(&mut client, &answer)?;
    }
}

fn put<T: Encodable + HeaderVersion>(
    response: T,
    version: i16,
    answer: &mut BytesMut,
) -> Result<(), String> {
    assert_eq!(
        T::header_version(version),
        0,
        "no tagged fields are written"
    );
    response
        .encode(answer, version)
        .map_err(|error| error.to_string())
}

fn versions() -> ApiVersionsResponse {
    let version = |(key, most): (ApiKey, i16)| {
        ApiVersion::default()
            .with_api_key(key as i16)
            .with_min_version(0)
            .with_max_version(most)
    };
    ApiVersionsResponse::default().with_api_keys(VERSIONS.map(version).to_vec())
}

fn metadata(request: MetadataRequest, port: u16, is_fenced: bool) -> MetadataResponse {
    let own = MetadataResponseBroker::default()
        .with_node_id(BrokerId(1))
        .with_host(StrBytes::from_static_str("127.0.0.1"))
        .with_port(i32::from(port));
    let topic = |topic: kafka_protocol::messages::metadata_request::MetadataRequestTopic| {
        MetadataResponseTopic::default()
            .with_name(topic.name)
            .with_error_code(LEADER_NOT_AVAILABLE)
    };
    MetadataResponse::default()
        .with_brokers(if is_fenced { Vec::new() } else { vec![own] })
        .with_cluster_id(Some(StrBytes::from_static_str("fenced")))
        .with_controller_id(BrokerId(if is_fenced { -1 } else { 1 }))
        .with_topics(request.topics.into_iter().flatten().map(topic).collect())
}
