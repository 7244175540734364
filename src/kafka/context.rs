//! What a client knows about its own connection: the last failure's reason, which brokers were tried, whether one
//! ever answered. librdkafka's log goes to `tracing` from here and nowhere else; nothing prints.

use super::error::{Fault, code, essence};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// librdkafka repeats itself on every reconnect; the same line is passed on once in this time.
const REPEAT_AFTER: Duration = Duration::from_secs(30);

/// How many lines are remembered for that before the memory starts anew.
const REMEMBERED_LINES: usize = 256;

/// A host name may stand for several addresses, `localhost` for `::1` and `127.0.0.1`; librdkafka tries the next one
/// at each attempt. So many refusals of one name are believed.
const ATTEMPTS_FOR_A_NAME: u32 = 2;

/// One for every client: librdkafka's threads write to it, our threads read the verdict.
#[derive(Debug)]
pub(super) struct ClientContext {
    /// How many bootstrap brokers there are to try.
    bootstrap: usize,
    ever_up: AtomicBool,
    /// Whether a broker that the cluster itself named was ever connected, not only one from the bootstrap list.
    member_up: AtomicBool,
    /// What goes wrong now is of our own making: the client is being torn down.
    closing: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    attempts: HashMap<String, u32>,
    /// The state a bootstrap broker's connection was last seen in, in librdkafka's words.
    phase: Option<&'static str>,
    last: Option<Fault>,
    /// Credentials or certificates were refused: no other address will change that.
    rejected: bool,
    said: HashMap<String, Instant>,
}

impl ClientContext {
    /// `brokers` as the user gave them: `HOST:PORT,…`.
    pub(super) fn new(brokers: &str) -> Self {
        let bootstrap = brokers
            .split(',')
            .filter(|broker| !broker.trim().is_empty())
            .count();
        ClientContext {
            bootstrap: bootstrap.max(1),
            ever_up: AtomicBool::new(false),
            member_up: AtomicBool::new(false),
            closing: AtomicBool::new(false),
            state: Mutex::new(State::default()),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection changed its state; `broker` is negative for a bootstrap broker. Called on librdkafka's threads.
    pub(super) fn broker_changed(&self, broker: i32, host: &str, port: i32, now: &str) {
        if now == "UP" {
            self.ever_up.store(true, Ordering::Release);
            if broker >= 0 {
                self.member_up.store(true, Ordering::Release);
            }
            // Whatever fails from here on has another reason.
            self.state().last = None;
        }
        // Logical brokers (the group coordinator) have no address of their own until there was an answer.
        if broker >= 0 || host.is_empty() || self.ever_up() {
            return;
        }
        let mut state = self.state();
        match now {
            "DOWN" => *state.attempts.entry(format!("{host}:{port}")).or_default() += 1,
            "CONNECT" => state.phase = Some("CONNECT"),
            "TRY_CONNECT" | "INIT" => {}
            _ => state.phase = Some("HANDSHAKE"),
        }
    }

    /// A failure that librdkafka told the application about.
    pub(super) fn failed(&self, fault: Fault) {
        if self.closing.load(Ordering::Acquire) {
            return;
        }
        tracing::debug!(target: "librdkafka", code = fault.code, "{}", fault.reason);
        // "all brokers are down" says less than the reason before it.
        if fault.code == code::ALL_BROKERS_DOWN {
            return;
        }
        let mut state = self.state();
        state.rejected |= matches!(
            fault.code,
            code::AUTHENTICATION | code::SSL | code::SASL_AUTHENTICATION_FAILED
        );
        state.last = Some(Fault::new(fault.code, essence(&fault.reason)));
    }

    /// A line of librdkafka's log, with its syslog level.
    pub(super) fn log(&self, level: i32, facility: &str, line: &str) {
        if self.closing.load(Ordering::Acquire) || (level < 7 && self.repeats(facility, line)) {
            return;
        }
        match level {
            // Warnings about properties of another kind of client: we and the user set one list for all.
            _ if facility == "CONFWARN" => tracing::debug!(target: "librdkafka", "{line}"),
            ..=3 => tracing::error!(target: "librdkafka", "{facility}: {line}"),
            4 => tracing::warn!(target: "librdkafka", "{facility}: {line}"),
            5 | 6 => tracing::info!(target: "librdkafka", "{facility}: {line}"),
            _ => tracing::debug!(target: "librdkafka", "{facility}: {line}"),
        }
    }

    /// Whether the line, but for its numbers, was passed on a short while ago.
    fn repeats(&self, facility: &str, line: &str) -> bool {
        let mut key = facility.to_owned();
        key.extend(line.chars().filter(|character| !character.is_ascii_digit()));
        let now = Instant::now();
        let mut state = self.state();
        if state.said.len() >= REMEMBERED_LINES {
            state.said.clear();
        }
        match state.said.get(&key) {
            Some(said) if now.duration_since(*said) < REPEAT_AFTER => true,
            _ => {
                state.said.insert(key, now);
                false
            }
        }
    }

    /// Whether any broker ever answered.
    pub(super) fn ever_up(&self) -> bool {
        self.ever_up.load(Ordering::Acquire)
    }

    /// Whether a broker that the cluster named is or was connected.
    pub(super) fn member_up(&self) -> bool {
        self.member_up.load(Ordering::Acquire)
    }

    /// From here on failures are the client's own end: neither kept nor logged.
    pub(super) fn closing(&self) {
        self.closing.store(true, Ordering::Release);
    }

    /// Forgets the attempts so far, so that a later call gets its own.
    pub(super) fn try_again(&self) {
        let mut state = self.state();
        state.attempts.clear();
        state.rejected = false;
    }

    /// Whether it is certain, before the time-out, that nobody will answer: every bootstrap broker failed on every
    /// address, or one of them refused who we are.
    pub(super) fn hopeless(&self) -> bool {
        if self.ever_up() {
            return false;
        }
        let state = self.state();
        let exhausted = state.attempts.len() >= self.bootstrap
            && state
                .attempts
                .iter()
                .all(|(name, &attempts)| attempts >= attempts_needed(name));
        state.rejected || exhausted
    }

    /// The last failure's code and reason.
    pub(super) fn last(&self) -> Option<Fault> {
        self.state().last.clone()
    }

    /// How far a connection got that never answered, in a sentence.
    pub(super) fn progress(&self) -> &'static str {
        match self.state().phase {
            Some("HANDSHAKE") => "the connection was accepted and nothing answered on it",
            Some(_) => "the connection attempt was not answered",
            None => "no connection was attempted in time",
        }
    }
}

/// `host:port` → how often it must fail before it is believed.
fn attempts_needed(name: &str) -> u32 {
    let host = name.rsplit_once(':').map_or(name, |(host, _)| host);
    match host.trim_matches(['[', ']']).parse::<IpAddr>() {
        Ok(_) => 1,
        Err(_) => ATTEMPTS_FOR_A_NAME,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn down(context: &ClientContext, host: &str) {
        context.broker_changed(-1, host, 9092, "DOWN");
    }

    #[test]
    fn every_bootstrap_broker_must_fail_and_a_name_twice() {
        let context = ClientContext::new("127.0.0.1:9092, localhost:9092,");
        down(&context, "127.0.0.1");
        assert!(!context.hopeless());
        down(&context, "localhost");
        assert!(
            !context.hopeless(),
            "the name's other address was not tried"
        );
        down(&context, "localhost");
        assert!(context.hopeless());
        context.try_again();
        assert!(!context.hopeless());
    }

    #[test]
    fn an_answer_ends_the_hopelessness_for_good() {
        let context = ClientContext::new("[::1]:9092");
        context.broker_changed(-1, "[::1]", 9092, "UP");
        down(&context, "[::1]");
        assert!(!context.hopeless());
    }

    #[test]
    fn refused_credentials_are_final_at_once() {
        let context = ClientContext::new("a:1,b:2,c:3");
        context.failed(Fault::new(code::AUTHENTICATION, "bad password"));
        assert!(context.hopeless());
        assert_eq!(
            context.last().map(|fault| fault.code),
            Some(code::AUTHENTICATION)
        );
    }

    #[test]
    fn lines_that_differ_in_numbers_only_are_repeats() {
        let context = ClientContext::new("a:1");
        assert!(!context.repeats("FAIL", "refused (after 0ms in state CONNECT)"));
        assert!(context.repeats("FAIL", "refused (after 12ms in state CONNECT)"));
        assert!(!context.repeats("FAIL", "reset"));
    }
}
