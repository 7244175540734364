//! One librdkafka client: created from properties, polled for events, destroyed on drop.

use super::super::context::ClientContext;
use super::super::error::{Fault, code};
use super::super::wake::Wake;
use super::event::Event;
use super::{ERROR_TEXT_BYTES, buffer_text, c_text, milliseconds, raw, text};
use rdkafka::bindings as c;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr::{self, NonNull};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// Why a client could not be made: always something about its properties.
#[derive(Debug)]
pub(in crate::kafka) enum Refusal {
    /// There is no such property.
    Unknown { property: String },
    /// The value cannot be; it is not repeated, since it may be a secret.
    Invalid { property: String },
    /// Each is fine, together they are not; librdkafka's sentence, which names them.
    Contradiction(String),
}

/// Which of librdkafka's two types of client, and what it reports as events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::kafka) enum Kind {
    Producer,
    Consumer,
    /// A consumer that joins no group: unlike a producer it never creates topics by asking for them.
    Admin,
}

/// A set of properties, not yet a client.
pub(in crate::kafka) struct Properties(NonNull<c::rd_kafka_conf_t>);

impl Properties {
    /// Takes the properties in order, the last of a name wins.
    pub(in crate::kafka) fn new(values: &[(String, String)]) -> Result<Self, Refusal> {
        // SAFETY: no preconditions; the result is ours to free or to hand to rd_kafka_new.
        let pointer = unsafe { c::rd_kafka_conf_new() };
        let Some(pointer) = NonNull::new(pointer) else {
            return Err(Refusal::Contradiction("out of memory".to_owned()));
        };
        let properties = Properties(pointer);
        for (name, value) in values {
            properties.set(name, value)?;
        }
        Ok(properties)
    }

    fn set(&self, name: &str, value: &str) -> Result<(), Refusal> {
        let invalid = |_| Refusal::Invalid {
            property: name.to_owned(),
        };
        let c_name = c_text(name).map_err(invalid)?;
        let c_value = c_text(value).map_err(invalid)?;
        let mut buffer = [0_u8; ERROR_TEXT_BYTES];
        // SAFETY: the conf is alive, both strings are NUL-terminated and copied, the buffer has the size given.
        let result = unsafe {
            raw::rd_kafka_conf_set(
                self.0.as_ptr(),
                c_name.as_ptr(),
                c_value.as_ptr(),
                buffer.as_mut_ptr().cast(),
                buffer.len(),
            )
        };
        match result {
            0 => Ok(()),
            // RD_KAFKA_CONF_UNKNOWN
            -2 => Err(Refusal::Unknown {
                property: name.to_owned(),
            }),
            _ => Err(Refusal::Invalid {
                property: name.to_owned(),
            }),
        }
    }
}

impl Drop for Properties {
    fn drop(&mut self) {
        // SAFETY: still ours: `Handle::open` forgets the value once librdkafka owns it.
        unsafe { c::rd_kafka_conf_destroy(self.0.as_ptr()) }
    }
}

/// A running client. Its threads are librdkafka's; its events are served by whoever calls [`Handle::poll`].
pub(in crate::kafka) struct Handle {
    client: NonNull<c::rd_kafka_t>,
    /// Everything arrives here: results, logs, errors, records, rebalances.
    queue: Queue,
    /// librdkafka's threads hold a pointer to it until the client is destroyed.
    context: Arc<ClientContext>,
    /// So they do to this one.
    wake: OnceLock<Arc<Wake>>,
}

// SAFETY: librdkafka's handle may be used from any thread at any time ("Threads and callbacks" in its introduction).
unsafe impl Send for Handle {}
// SAFETY: as above.
unsafe impl Sync for Handle {}

impl Handle {
    /// Starts a client. No connection is made before it is needed.
    pub(in crate::kafka) fn open(
        kind: Kind,
        properties: Properties,
        context: Arc<ClientContext>,
    ) -> Result<Handle, Refusal> {
        properties.set("log.queue", "true")?;
        let conf = properties.0.as_ptr();
        let events = c::RD_KAFKA_EVENT_ERROR
            | match kind {
                Kind::Producer => c::RD_KAFKA_EVENT_DR,
                Kind::Consumer => c::RD_KAFKA_EVENT_REBALANCE | c::RD_KAFKA_EVENT_OFFSET_COMMIT,
                Kind::Admin => 0,
            };
        // SAFETY: the conf is alive; the context outlives the client, because the handle that destroys the client
        // keeps it, and if rd_kafka_new fails nothing was started that could use it.
        unsafe {
            c::rd_kafka_conf_set_events(conf, events);
            c::rd_kafka_conf_interceptor_add_on_new(
                conf,
                INTERCEPTOR.as_ptr(),
                Some(on_new),
                Arc::as_ptr(&context).cast_mut().cast(),
            );
        }
        let kind_of_client = match kind {
            Kind::Producer => c::rd_kafka_type_t::RD_KAFKA_PRODUCER,
            Kind::Consumer | Kind::Admin => c::rd_kafka_type_t::RD_KAFKA_CONSUMER,
        };
        let mut buffer = [0_u8; ERROR_TEXT_BYTES];
        // SAFETY: the conf is alive, and not used again whatever comes of it; the buffer has the size given.
        let client = unsafe {
            c::rd_kafka_new(
                kind_of_client,
                conf,
                buffer.as_mut_ptr().cast(),
                buffer.len(),
            )
        };
        // Not destroyed, whatever came of it: a client has taken the conf over, and one that could not be made has
        // already destroyed the interceptors in it (rd_kafka_new frees its struct copy's list, which is the same one;
        // a wrong `ssl.ca.location` crashed here). What leaks then is small, and the command is over.
        std::mem::forget(properties);
        let Some(client) = NonNull::new(client) else {
            return Err(Refusal::Contradiction(buffer_text(&buffer)));
        };
        // SAFETY: the client is alive. Null means that the log goes to the main queue. A consumer's main queue is
        // redirected to its own, so that one queue has everything. The queue is a new reference, given back on drop.
        let queue = unsafe {
            raw::rd_kafka_set_log_queue(client.as_ptr(), ptr::null_mut());
            match kind {
                Kind::Consumer => {
                    raw::rd_kafka_poll_set_consumer(client.as_ptr());
                    c::rd_kafka_queue_get_consumer(client.as_ptr())
                }
                Kind::Producer | Kind::Admin => c::rd_kafka_queue_get_main(client.as_ptr()),
            }
        };
        let Some(queue) = NonNull::new(queue) else {
            // SAFETY: nobody else knows the client.
            unsafe { c::rd_kafka_destroy(client.as_ptr()) };
            return Err(Refusal::Contradiction("`group.id` is missing".to_owned()));
        };
        Ok(Handle {
            client,
            queue: Queue(queue),
            context,
            wake: OnceLock::new(),
        })
    }

    pub(in crate::kafka) fn context(&self) -> &Arc<ClientContext> {
        &self.context
    }

    pub(super) fn client(&self) -> *mut c::rd_kafka_t {
        self.client.as_ptr()
    }

    pub(super) fn queue(&self) -> &Queue {
        &self.queue
    }

    /// The next event; `None` when the queue is empty and `timeout` is over. Lines of the log are dealt with on the
    /// way, and the connection's failures are noted in the context.
    pub(in crate::kafka) fn poll(&self, timeout: Duration) -> Option<Event> {
        let end = Instant::now() + timeout;
        let mut left = timeout;
        let event = loop {
            let event = self.queue.poll(left)?;
            let Some((level, facility, line)) = event.log_line() else {
                break event;
            };
            self.context.log(level, &facility, &line);
            left = end.saturating_duration_since(Instant::now());
        };
        if event.is_error() {
            let fault = event.fault()?;
            // librdkafka tells once that the client cannot go on and says why in another place.
            let fault = self.fatal().filter(|_| event.is_fatal()).unwrap_or(fault);
            // The end of a partition comes as an error and is none.
            if fault.code != code::PARTITION_EOF {
                self.context.failed(fault);
            }
        }
        Some(event)
    }

    /// Wakes somebody whenever the empty queue of events gets one, from here on; once for a client.
    pub(in crate::kafka) fn wake_on_events(&self, wake: Arc<Wake>) {
        let pointer = Arc::as_ptr(self.wake.get_or_init(|| wake));
        // SAFETY: the queue is alive; the client, and whoever calls back, is destroyed before the field is dropped.
        unsafe {
            c::rd_kafka_queue_cb_event_enable(
                self.queue.pointer(),
                Some(on_event),
                pointer.cast_mut().cast(),
            );
        }
    }

    /// Makes a waiting [`Handle::poll`] return.
    pub(in crate::kafka) fn wake(&self) {
        // SAFETY: the queue is alive.
        unsafe { c::rd_kafka_queue_yield(self.queue.pointer()) }
    }

    /// The failure after which the client is of no more use.
    pub(in crate::kafka) fn fatal(&self) -> Option<Fault> {
        let mut buffer = [0_u8; ERROR_TEXT_BYTES];
        // SAFETY: the client is alive, the buffer has the size given.
        let number = unsafe {
            raw::rd_kafka_fatal_error(self.client(), buffer.as_mut_ptr().cast(), buffer.len())
        };
        (number != 0).then(|| Fault::new(number, buffer_text(&buffer)))
    }

    /// A queue of its own, for answers that must not mix with the rest.
    pub(super) fn new_queue(&self) -> Result<Queue, Fault> {
        // SAFETY: the client is alive; the queue is a new reference.
        NonNull::new(unsafe { c::rd_kafka_queue_new(self.client()) })
            .map(Queue)
            .ok_or_else(|| Fault::new(code::INVALID_ARG, "no queue"))
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.context.closing();
        self.queue.release();
        // SAFETY: the last user: whoever shares the handle does so through `Arc`. A group is left before, by
        // `Membership::leave`, so there is nothing to wait for here but librdkafka's threads. `context` outlives them.
        unsafe {
            c::rd_kafka_destroy_flags(
                self.client(),
                c::RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE as c_int,
            );
        }
    }
}

/// A reference to a queue of librdkafka's.
pub(super) struct Queue(NonNull<c::rd_kafka_queue_t>);

// SAFETY: queues may be used from any thread, as the client itself.
unsafe impl Send for Queue {}
// SAFETY: as above.
unsafe impl Sync for Queue {}

impl Queue {
    pub(super) fn new(reference: NonNull<c::rd_kafka_queue_t>) -> Self {
        Queue(reference)
    }

    pub(super) fn pointer(&self) -> *mut c::rd_kafka_queue_t {
        self.0.as_ptr()
    }

    pub(super) fn poll(&self, timeout: Duration) -> Option<Event> {
        // SAFETY: the queue is alive; the event is ours.
        let event = unsafe { c::rd_kafka_queue_poll(self.pointer(), milliseconds(timeout)) };
        Event::new(event)
    }

    /// Gives the reference back before the client goes; a second time is harmless.
    fn release(&mut self) {
        if self.0 != NonNull::dangling() {
            // SAFETY: one reference, given back once: the pointer is replaced below.
            unsafe { c::rd_kafka_queue_destroy(self.0.as_ptr()) };
            self.0 = NonNull::dangling();
        }
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        self.release();
    }
}

/// Called on librdkafka's threads, under the lock of a queue that got its first event.
unsafe extern "C" fn on_event(_client: *mut c::rd_kafka_t, opaque: *mut c_void) {
    // SAFETY: the opaque is a wake that lives as long as the client.
    unsafe { &*opaque.cast_const().cast::<Wake>() }.wake();
}

/// Our name in librdkafka's list of interceptors.
const INTERCEPTOR: &CStr = c"eda";

/// Called by `rd_kafka_new`, before any thread of the client runs.
unsafe extern "C" fn on_new(
    client: *mut c::rd_kafka_t,
    _conf: *const c::rd_kafka_conf_t,
    opaque: *mut c_void,
    _text: *mut c_char,
    _size: usize,
) -> c::rd_kafka_resp_err_t {
    // SAFETY: the client is the one being made; the opaque is handed on.
    unsafe {
        c::rd_kafka_interceptor_add_on_broker_state_change(
            client,
            INTERCEPTOR.as_ptr(),
            Some(on_broker_state_change),
            opaque,
        )
    }
}

/// Called on librdkafka's broker threads whenever a connection changes its state.
unsafe extern "C" fn on_broker_state_change(
    _client: *mut c::rd_kafka_t,
    broker: i32,
    _protocol: *const c_char,
    host: *const c_char,
    port: c_int,
    state: *const c_char,
    opaque: *mut c_void,
) -> c::rd_kafka_resp_err_t {
    // SAFETY: the opaque is the context that `Handle::open` passed, which lives until the client is destroyed; both
    // strings are librdkafka's, NUL-terminated, alive for the call.
    unsafe {
        let context = &*opaque.cast_const().cast::<ClientContext>();
        context.broker_changed(broker, &text(host), port, &text(state));
    }
    c::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR
}
