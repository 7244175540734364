//! The codes that mean something to us: Kafka's are positive (kafka.apache.org/protocol, "Error Codes"), librdkafka's
//! own are negative (rdkafka.h). Plain integers, because brokers send codes that no enum lists.

pub(in crate::kafka) const UNKNOWN_TOPIC_OR_PARTITION: i32 = 3;
pub(in crate::kafka) const LEADER_NOT_AVAILABLE: i32 = 5;
pub(in crate::kafka) const NOT_LEADER_OR_FOLLOWER: i32 = 6;
pub(in crate::kafka) const REQUEST_TIMED_OUT: i32 = 7;
pub(in crate::kafka) const MESSAGE_TOO_LARGE: i32 = 10;
pub(in crate::kafka) const COORDINATOR_LOAD_IN_PROGRESS: i32 = 14;
pub(in crate::kafka) const COORDINATOR_NOT_AVAILABLE: i32 = 15;
pub(in crate::kafka) const NOT_COORDINATOR: i32 = 16;
pub(in crate::kafka) const INVALID_TOPIC: i32 = 17;
pub(in crate::kafka) const ILLEGAL_GENERATION: i32 = 22;
pub(in crate::kafka) const INCONSISTENT_GROUP_PROTOCOL: i32 = 23;
pub(in crate::kafka) const INVALID_GROUP_ID: i32 = 24;
pub(in crate::kafka) const UNKNOWN_MEMBER_ID: i32 = 25;
pub(in crate::kafka) const INVALID_SESSION_TIMEOUT: i32 = 26;
pub(in crate::kafka) const REBALANCE_IN_PROGRESS: i32 = 27;
pub(in crate::kafka) const TOPIC_AUTHORIZATION_FAILED: i32 = 29;
pub(in crate::kafka) const GROUP_AUTHORIZATION_FAILED: i32 = 30;
pub(in crate::kafka) const CLUSTER_AUTHORIZATION_FAILED: i32 = 31;
pub(in crate::kafka) const UNSUPPORTED_VERSION: i32 = 35;
pub(in crate::kafka) const TOPIC_ALREADY_EXISTS: i32 = 36;
pub(in crate::kafka) const INVALID_PARTITIONS: i32 = 37;
pub(in crate::kafka) const INVALID_REPLICATION_FACTOR: i32 = 38;
pub(in crate::kafka) const POLICY_VIOLATION: i32 = 44;
pub(in crate::kafka) const INVALID_PRODUCER_EPOCH: i32 = 47;
pub(in crate::kafka) const INVALID_TXN_STATE: i32 = 48;
pub(in crate::kafka) const INVALID_TRANSACTION_TIMEOUT: i32 = 50;
pub(in crate::kafka) const TRANSACTIONAL_ID_AUTHORIZATION_FAILED: i32 = 53;
pub(in crate::kafka) const SASL_AUTHENTICATION_FAILED: i32 = 58;
pub(in crate::kafka) const NON_EMPTY_GROUP: i32 = 68;
pub(in crate::kafka) const GROUP_ID_NOT_FOUND: i32 = 69;
pub(in crate::kafka) const GROUP_MAX_SIZE_REACHED: i32 = 81;
pub(in crate::kafka) const FENCED_INSTANCE_ID: i32 = 82;
pub(in crate::kafka) const GROUP_SUBSCRIBED_TO_TOPIC: i32 = 86;
/// A transaction that commits offsets of the partition is not ended yet.
pub(in crate::kafka) const UNSTABLE_OFFSET_COMMIT: i32 = 88;
pub(in crate::kafka) const UNRELEASED_INSTANCE_ID: i32 = 111;
pub(in crate::kafka) const UNSUPPORTED_ASSIGNOR: i32 = 112;
pub(in crate::kafka) const STALE_MEMBER_EPOCH: i32 = 113;
pub(in crate::kafka) const INVALID_REGULAR_EXPRESSION: i32 = 128;

pub(in crate::kafka) const AUTO_OFFSET_RESET: i32 = -140;
/// A broker knows a newer producer of the same transactional id, or has counted this one out.
pub(in crate::kafka) const FENCED: i32 = -144;
pub(in crate::kafka) const WAIT_COORD: i32 = -180;
/// The client had a failure before after which it does nothing more.
pub(in crate::kafka) const FATAL: i32 = -150;
pub(in crate::kafka) const PURGE_INFLIGHT: i32 = -151;
pub(in crate::kafka) const PURGE_QUEUE: i32 = -152;
/// No partition of a request has a leader, so that there is nobody to send it to.
pub(in crate::kafka) const NO_LEADERS: i32 = -156;
/// An answer that names neither a broker nor a topic. librdkafka: `PARTIAL`.
pub(in crate::kafka) const NO_BROKERS: i32 = -158;
pub(in crate::kafka) const UNSUPPORTED_FEATURE: i32 = -165;
pub(in crate::kafka) const TIMED_OUT_QUEUE: i32 = -166;
pub(in crate::kafka) const AUTHENTICATION: i32 = -169;
/// Not now: no transaction is open, or one already is.
pub(in crate::kafka) const STATE: i32 = -172;
pub(in crate::kafka) const SSL: i32 = -181;
pub(in crate::kafka) const QUEUE_FULL: i32 = -184;
pub(in crate::kafka) const TIMED_OUT: i32 = -185;
pub(in crate::kafka) const INVALID_ARG: i32 = -186;
pub(in crate::kafka) const ALL_BROKERS_DOWN: i32 = -187;
pub(in crate::kafka) const UNKNOWN_TOPIC: i32 = -188;
pub(in crate::kafka) const UNKNOWN_PARTITION: i32 = -190;
pub(in crate::kafka) const PARTITION_EOF: i32 = -191;
pub(in crate::kafka) const MSG_TIMED_OUT: i32 = -192;
pub(in crate::kafka) const RESOLVE: i32 = -193;
pub(in crate::kafka) const TRANSPORT: i32 = -195;
pub(in crate::kafka) const DESTROY: i32 = -197;
