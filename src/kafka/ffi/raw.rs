//! librdkafka's functions that answer with an enum, declared again with an integer.
//!
//! The binding's enums are Rust enums: reading a value they do not list is undefined behaviour, and brokers do answer
//! with codes that librdkafka 2.12.1 has no name for (120 TRANSACTION_ABORTABLE, 128 INVALID_REGULAR_EXPRESSION, …).
//! The C functions return `int`-sized enums, so the same symbols are declared here as what they are.

use rdkafka::bindings as c;
use std::ffi::{c_char, c_int, c_void};

unsafe extern "C" {
    pub(super) fn rd_kafka_err2str(code: c_int) -> *const c_char;
    pub(super) fn rd_kafka_err2name(code: c_int) -> *const c_char;
    pub(super) fn rd_kafka_error_code(error: *const c::rd_kafka_error_t) -> c_int;
    pub(super) fn rd_kafka_event_error(event: *mut c::rd_kafka_event_t) -> c_int;
    pub(super) fn rd_kafka_fatal_error(
        client: *mut c::rd_kafka_t,
        text: *mut c_char,
        size: usize,
    ) -> c_int;
    pub(super) fn rd_kafka_conf_set(
        conf: *mut c::rd_kafka_conf_t,
        name: *const c_char,
        value: *const c_char,
        text: *mut c_char,
        size: usize,
    ) -> c_int;
    pub(super) fn rd_kafka_set_log_queue(
        client: *mut c::rd_kafka_t,
        queue: *mut c::rd_kafka_queue_t,
    ) -> c_int;
    pub(super) fn rd_kafka_poll_set_consumer(client: *mut c::rd_kafka_t) -> c_int;
    pub(super) fn rd_kafka_topic_result_error(result: *const c::rd_kafka_topic_result_t) -> c_int;
    pub(super) fn rd_kafka_NewTopic_set_config(
        topic: *mut c::rd_kafka_NewTopic_t,
        name: *const c_char,
        value: *const c_char,
    ) -> c_int;
    pub(super) fn rd_kafka_ConfigResource_error(
        resource: *const c::rd_kafka_ConfigResource_t,
    ) -> c_int;
    pub(super) fn rd_kafka_ConfigEntry_source(entry: *const c::rd_kafka_ConfigEntry_t) -> c_int;
    pub(super) fn rd_kafka_ConsumerGroupListing_state(
        listing: *const c::rd_kafka_ConsumerGroupListing_t,
    ) -> c_int;
    pub(super) fn rd_kafka_ConsumerGroupListing_type(
        listing: *const c::rd_kafka_ConsumerGroupListing_t,
    ) -> c_int;
    pub(super) fn rd_kafka_ConsumerGroupDescription_state(
        group: *const c::rd_kafka_ConsumerGroupDescription_t,
    ) -> c_int;
    pub(super) fn rd_kafka_ConsumerGroupDescription_type(
        group: *const c::rd_kafka_ConsumerGroupDescription_t,
    ) -> c_int;
    pub(super) fn rd_kafka_list_groups(
        client: *mut c::rd_kafka_t,
        group: *const c_char,
        list: *mut *const c::rd_kafka_group_list,
        timeout_ms: c_int,
    ) -> c_int;
    pub(super) fn rd_kafka_metadata(
        client: *mut c::rd_kafka_t,
        all_topics: c_int,
        only: *mut c::rd_kafka_topic_t,
        metadata: *mut *const c::rd_kafka_metadata,
        timeout_ms: c_int,
    ) -> c_int;
    pub(super) fn rd_kafka_AdminOptions_set_request_timeout(
        options: *mut c::rd_kafka_AdminOptions_t,
        timeout_ms: c_int,
        text: *mut c_char,
        size: usize,
    ) -> c_int;
    pub(super) fn rd_kafka_AdminOptions_set_operation_timeout(
        options: *mut c::rd_kafka_AdminOptions_t,
        timeout_ms: c_int,
        text: *mut c_char,
        size: usize,
    ) -> c_int;
    pub(super) fn rd_kafka_AdminOptions_set_validate_only(
        options: *mut c::rd_kafka_AdminOptions_t,
        on: c_int,
        text: *mut c_char,
        size: usize,
    ) -> c_int;
    pub(super) fn rd_kafka_AdminOptions_set_broker(
        options: *mut c::rd_kafka_AdminOptions_t,
        broker: i32,
        text: *mut c_char,
        size: usize,
    ) -> c_int;
    pub(super) fn rd_kafka_subscribe(
        client: *mut c::rd_kafka_t,
        topics: *const c::rd_kafka_topic_partition_list_t,
    ) -> c_int;
    pub(super) fn rd_kafka_unsubscribe(client: *mut c::rd_kafka_t) -> c_int;
    pub(super) fn rd_kafka_offsets_for_times(
        client: *mut c::rd_kafka_t,
        offsets: *mut c::rd_kafka_topic_partition_list_t,
        timeout_ms: c_int,
    ) -> c_int;
    pub(super) fn rd_kafka_assign(
        client: *mut c::rd_kafka_t,
        partitions: *const c::rd_kafka_topic_partition_list_t,
    ) -> c_int;
    pub(super) fn rd_kafka_assignment(
        client: *mut c::rd_kafka_t,
        partitions: *mut *mut c::rd_kafka_topic_partition_list_t,
    ) -> c_int;
    pub(super) fn rd_kafka_position(
        client: *mut c::rd_kafka_t,
        partitions: *mut c::rd_kafka_topic_partition_list_t,
    ) -> c_int;
    pub(super) fn rd_kafka_committed(
        client: *mut c::rd_kafka_t,
        partitions: *mut c::rd_kafka_topic_partition_list_t,
        timeout_ms: c_int,
    ) -> c_int;
    pub(super) fn rd_kafka_pause_partitions(
        client: *mut c::rd_kafka_t,
        partitions: *mut c::rd_kafka_topic_partition_list_t,
    ) -> c_int;
    pub(super) fn rd_kafka_resume_partitions(
        client: *mut c::rd_kafka_t,
        partitions: *mut c::rd_kafka_topic_partition_list_t,
    ) -> c_int;
    pub(super) fn rd_kafka_commit_queue(
        client: *mut c::rd_kafka_t,
        offsets: *const c::rd_kafka_topic_partition_list_t,
        queue: *mut c::rd_kafka_queue_t,
        callback: *mut c_void,
        opaque: *mut c_void,
    ) -> c_int;
    pub(super) fn rd_kafka_flush(client: *mut c::rd_kafka_t, timeout_ms: c_int) -> c_int;
    pub(super) fn rd_kafka_purge(client: *mut c::rd_kafka_t, flags: c_int) -> c_int;
    pub(super) fn rd_kafka_message_headers(
        message: *const c::rd_kafka_message_t,
        headers: *mut *mut c::rd_kafka_headers_t,
    ) -> c_int;
    pub(super) fn rd_kafka_header_get_all(
        headers: *const c::rd_kafka_headers_t,
        index: usize,
        name: *mut *const c_char,
        value: *mut *const c_void,
        size: *mut usize,
    ) -> c_int;
    pub(super) fn rd_kafka_header_add(
        headers: *mut c::rd_kafka_headers_t,
        name: *const c_char,
        name_size: isize,
        value: *const c_void,
        value_size: isize,
    ) -> c_int;
    pub(super) fn rd_kafka_message_timestamp(
        message: *const c::rd_kafka_message_t,
        kind: *mut c_int,
    ) -> i64;
}
