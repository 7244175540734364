//! Administrative requests: each is sent with a number, one thread polls the answers and hands every one to whoever
//! waits under that number. Requests are asynchronous in librdkafka, so any number of them share a connection.

use super::super::context::ClientContext;
use super::super::error::{Fault, code};
use super::event::Event;
use super::handle::{Handle, Kind, Properties, Refusal};
use super::{ERROR_TEXT_BYTES, buffer_text, consume_error, milliseconds, raw};
use rdkafka::bindings as c;
use std::collections::{HashMap, HashSet};
use std::ffi::c_void;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// How often the poller looks at the clock while somebody waits and nobody ever answered.
const IMPATIENT: Duration = Duration::from_millis(20);

/// How often otherwise. Events wake it at once.
const PATIENT: Duration = Duration::from_millis(250);

/// As long as librdkafka takes for a request's time-out. We keep the time ourselves and give up earlier: librdkafka
/// 2.12.1 aborts the process (`eonce->refcnt > 0`) when a request for a coordinator has timed out and the coordinator
/// comes back, or the client is destroyed.
const LIBRDKAFKAS_TIME: Duration = Duration::from_secs(3600);

/// How much longer than ours librdkafka's time-out is for requests that are not for a coordinator and that it must not
/// hold when the client is destroyed: see [`Shared::metadata_requests`].
const BEYOND_OURS: Duration = Duration::from_secs(1);

/// The number of the first request.
const FIRST_ID: usize = 1;

/// What a waiter is called with, once.
type Answer<'a> = Result<&'a Event, Fault>;

struct Waiter {
    deadline: Instant,
    answer: Box<dyn FnOnce(Answer<'_>) + Send>,
}

/// The client that asks, and the thread that listens.
pub(in crate::kafka) struct Admin {
    shared: Arc<Shared>,
}

struct Shared {
    handle: Handle,
    timeout: Duration,
    next_id: AtomicUsize,
    waiters: Mutex<HashMap<usize, Waiter>>,
    stop: AtomicBool,
    /// Some request was not answered in time, and librdkafka still holds it.
    given_up: AtomicBool,
    /// Requests that librdkafka still holds and that are answered with metadata, whether or not somebody waits.
    ///
    /// librdkafka 2.12.1 follows a null pointer when such an answer is looked at in the very moment in which the client
    /// begins to be destroyed: `rd_kafka_parse_Metadata0` says then that all is well and has looked at nothing. So a
    /// client is destroyed when it has none.
    metadata_requests: Mutex<HashSet<usize>>,
}

/// Options of one request, besides its time-out.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::kafka) struct Options {
    /// Check only, change nothing.
    pub(in crate::kafka) validate_only: bool,
    /// Ask this broker instead of looking for the right one.
    pub(in crate::kafka) broker: Option<i32>,
    /// ListOffsets: where an open transaction begins instead of the high watermark.
    pub(in crate::kafka) read_committed: bool,
    /// ListConsumerGroupOffsets: an error for a partition whose offset a transaction is about to commit, instead of the
    /// one before (KIP-447).
    pub(in crate::kafka) stable: bool,
    /// How long the broker may take to carry it out, for requests that have it.
    pub(in crate::kafka) has_operation_timeout: bool,
}

impl Admin {
    pub(in crate::kafka) fn open(
        properties: Properties,
        context: Arc<ClientContext>,
        timeout: Duration,
    ) -> Result<Admin, Refusal> {
        let shared = Arc::new(Shared {
            handle: Handle::open(Kind::Admin, properties, context)?,
            timeout,
            next_id: AtomicUsize::new(FIRST_ID),
            waiters: Mutex::default(),
            stop: AtomicBool::new(false),
            given_up: AtomicBool::new(false),
            metadata_requests: Mutex::default(),
        });
        let poller = Arc::clone(&shared);
        std::thread::Builder::new()
            .name("eda-kafka-admin".to_owned())
            .spawn(move || poller.listen())
            .map_err(|error| Refusal::Contradiction(format!("cannot start a thread: {error}")))?;
        Ok(Admin { shared })
    }

    /// Whether a request was ever given up. Such a client still tries to have it answered: another one is better from
    /// then on.
    pub(in crate::kafka) fn has_given_up(&self) -> bool {
        self.shared.given_up.load(Ordering::Acquire)
    }

    /// Sends a request; the answer is what `read` makes of it, bounded by the time-out, without a Tokio timer.
    ///
    /// `send` gets the client, the options and the queue to answer to; `read` the event, on the poller's thread.
    pub(super) fn submit<T: Send + 'static>(
        &self,
        operation: c::rd_kafka_admin_op_t,
        options: Options,
        send: impl FnOnce(Request) -> Result<(), Fault>,
        read: impl FnOnce(&Event) -> Result<T, Fault> + Send + 'static,
    ) -> Pending<T> {
        let shared = &self.shared;
        let (sender, receiver) = oneshot::channel();
        let id = shared.wait(Box::new(move |answer: Answer<'_>| {
            let result = answer.and_then(|event| match event.fault() {
                Some(fault) => Err(fault),
                None => read(event),
            });
            // Nobody listens any more when the caller was dropped.
            let _ = sender.send(result);
        }));
        if is_answered_with_metadata(operation) {
            shared.metadata_requests().insert(id);
        }
        let sent = NativeOptions::new(shared, operation, options, id).and_then(|options| {
            send(Request {
                client: shared.handle.client(),
                options: options.0.as_ptr(),
                queue: shared.handle.queue().pointer(),
            })
        });
        if let Err(fault) = sent {
            shared.metadata_requests().remove(&id);
            let waiter = shared.waiters().remove(&id);
            if let Some(waiter) = waiter {
                (waiter.answer)(Err(fault));
            }
        }
        Pending(receiver)
    }

    /// Whether no broker that the cluster named was ever connected.
    pub(super) fn is_new(&self) -> bool {
        !self.shared.handle.context().member_up()
    }

    /// Runs one of librdkafka's blocking calls on a thread of its own. It is given up as soon as nobody can answer,
    /// or the time is over; the thread then ends by itself.
    pub(super) async fn blocking<T: Send + 'static>(
        &self,
        call: impl FnOnce(&Handle, Duration) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        let shared = Arc::clone(&self.shared);
        let (sender, receiver) = oneshot::channel();
        let sender = Arc::new(Mutex::new(Some(sender)));
        let give_up = Arc::clone(&sender);
        let id = shared.wait(Box::new(move |answer: Answer<'_>| {
            if let (Err(fault), Some(sender)) = (answer, take(&give_up)) {
                let _ = sender.send(Err(fault));
            }
        }));
        std::thread::Builder::new()
            .name("eda-kafka-call".to_owned())
            .spawn(move || {
                let result = call(&shared.handle, shared.timeout);
                shared.waiters().remove(&id);
                if let Some(sender) = take(&sender) {
                    let _ = sender.send(result);
                }
            })
            .map_err(|error| Fault::new(code::INVALID_ARG, error.to_string()))?;
        Pending(receiver).answer().await
    }
}

/// An answer that is on its way. Many can be, at once.
#[must_use = "an answer must be waited for"]
pub(in crate::kafka) struct Pending<T>(oneshot::Receiver<Result<T, Fault>>);

impl<T> Pending<T> {
    pub(in crate::kafka) async fn answer(self) -> Result<T, Fault> {
        self.0
            .await
            .unwrap_or_else(|_| Err(Fault::new(code::DESTROY, "the client was closed")))
    }
}

impl Drop for Admin {
    fn drop(&mut self) {
        self.shared.handle.context().closing();
        self.shared.stop.store(true, Ordering::Release);
        self.shared.handle.wake();
        // The poller drops its share soon after; nobody has to wait for it.
    }
}

/// Where a request goes.
pub(super) struct Request {
    pub(super) client: *mut c::rd_kafka_t,
    pub(super) options: *const c::rd_kafka_AdminOptions_t,
    pub(super) queue: *mut c::rd_kafka_queue_t,
}

impl Shared {
    fn waiters(&self) -> MutexGuard<'_, HashMap<usize, Waiter>> {
        self.waiters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn metadata_requests(&self) -> MutexGuard<'_, HashSet<usize>> {
        self.metadata_requests
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn wait(&self, answer: Box<dyn FnOnce(Answer<'_>) + Send>) -> usize {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let deadline = Instant::now() + self.timeout;
        let mut waiters = self.waiters();
        if waiters.is_empty() {
            // What failed before the first request is news to it; what failed since the last one is old.
            if id > FIRST_ID && !self.handle.context().ever_up() {
                self.handle.context().try_again();
            }
            // The poller may be waiting patiently.
            self.handle.wake();
        }
        waiters.insert(id, Waiter { deadline, answer });
        id
    }

    fn listen(&self) {
        let context = Arc::clone(self.handle.context());
        while !self.stop.load(Ordering::Acquire) {
            let somebody_waits = !self.waiters().is_empty();
            // Looked at before the queue is drained, so that the reason for it is not left in the queue.
            let hopeless = somebody_waits && context.hopeless();
            let tick = match (hopeless, somebody_waits && !context.ever_up()) {
                (true, _) => Duration::ZERO,
                (false, true) => IMPATIENT,
                (false, false) => PATIENT,
            };
            match self.handle.poll(tick) {
                Some(event) => self.deliver(&event),
                None if hopeless => self.fail(|_| true),
                None => {
                    let now = Instant::now();
                    self.fail(|waiter| waiter.deadline <= now);
                }
            }
        }
        self.fail(|_| true);
        // Ends by librdkafka's time-out.
        while !self.metadata_requests().is_empty() {
            if let Some(event) = self.handle.poll(PATIENT) {
                self.deliver(&event);
            }
        }
    }

    fn deliver(&self, event: &Event) {
        if event.is_error() {
            return;
        }
        let id = event.request_id();
        self.metadata_requests().remove(&id);
        let waiter = self.waiters().remove(&id);
        if let Some(waiter) = waiter {
            (waiter.answer)(Ok(event));
        }
    }

    fn fail(&self, which: impl Fn(&Waiter) -> bool) {
        let failed: Vec<Waiter> = {
            let mut waiters = self.waiters();
            let ids: Vec<usize> = waiters
                .iter()
                .filter(|(_, waiter)| which(waiter))
                .map(|(&id, _)| id)
                .collect();
            ids.iter().filter_map(|id| waiters.remove(id)).collect()
        };
        if !failed.is_empty() {
            self.given_up.store(true, Ordering::Release);
        }
        for waiter in failed {
            (waiter.answer)(Err(Fault::new(code::TIMED_OUT, "no answer in time")));
        }
    }
}

fn is_answered_with_metadata(operation: c::rd_kafka_admin_op_t) -> bool {
    operation == c::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS
}

fn take<T>(slot: &Mutex<Option<T>>) -> Option<T> {
    slot.lock().unwrap_or_else(PoisonError::into_inner).take()
}

struct NativeOptions(NonNull<c::rd_kafka_AdminOptions_t>);

impl NativeOptions {
    fn new(
        shared: &Shared,
        operation: c::rd_kafka_admin_op_t,
        wanted: Options,
        id: usize,
    ) -> Result<Self, Fault> {
        // SAFETY: the client is alive; the options are ours.
        let pointer = unsafe { c::rd_kafka_AdminOptions_new(shared.handle.client(), operation) };
        let options = NonNull::new(pointer)
            .map(NativeOptions)
            .ok_or_else(|| Fault::new(code::INVALID_ARG, "out of memory"))?;
        let timeout = milliseconds(shared.timeout);
        let librdkafkas = match is_answered_with_metadata(operation) {
            true => LIBRDKAFKAS_TIME.min(shared.timeout.saturating_add(BEYOND_OURS)),
            false => LIBRDKAFKAS_TIME,
        };
        let librdkafkas = milliseconds(librdkafkas);
        let pointer = options.0.as_ptr();
        let mut buffer = [0_u8; ERROR_TEXT_BYTES];
        let (text, size) = (buffer.as_mut_ptr().cast(), buffer.len());
        // SAFETY: the options are alive, the buffer has the size given; the opaque is a number, never followed.
        let number = unsafe {
            c::rd_kafka_AdminOptions_set_opaque(pointer, id as *mut c_void);
            let mut number =
                raw::rd_kafka_AdminOptions_set_request_timeout(pointer, librdkafkas, text, size);
            if number == 0 && wanted.has_operation_timeout {
                number =
                    raw::rd_kafka_AdminOptions_set_operation_timeout(pointer, timeout, text, size);
            }
            if number == 0 && wanted.validate_only {
                number = raw::rd_kafka_AdminOptions_set_validate_only(pointer, 1, text, size);
            }
            if let (0, Some(broker)) = (number, wanted.broker) {
                number = raw::rd_kafka_AdminOptions_set_broker(pointer, broker, text, size);
            }
            number
        };
        Fault::check(number, buffer_text(&buffer))?;
        if operation == c::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_LISTOFFSETS {
            let level = if wanted.read_committed {
                c::rd_kafka_IsolationLevel_t::RD_KAFKA_ISOLATION_LEVEL_READ_COMMITTED
            } else {
                c::rd_kafka_IsolationLevel_t::RD_KAFKA_ISOLATION_LEVEL_READ_UNCOMMITTED
            };
            // SAFETY: the options are alive; the error is taken over.
            unsafe {
                consume_error(c::rd_kafka_AdminOptions_set_isolation_level(pointer, level))?;
            }
        }
        if wanted.stable {
            // SAFETY: the options are alive; the error is taken over.
            unsafe {
                consume_error(c::rd_kafka_AdminOptions_set_require_stable_offsets(
                    pointer, 1,
                ))?;
            }
        }
        Ok(options)
    }
}

impl Drop for NativeOptions {
    fn drop(&mut self) {
        // SAFETY: ours; librdkafka copies the options with the request.
        unsafe { c::rd_kafka_AdminOptions_destroy(self.0.as_ptr()) }
    }
}
