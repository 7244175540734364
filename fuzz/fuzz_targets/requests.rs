//! What strangers send to the embedded broker: no bytes may end the process, or make it hold more than they are worth.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    eda::broker::fuzzing::answer(bytes);
});
