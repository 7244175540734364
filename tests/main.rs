//! The one test binary: black-box tests of the `eda` program, and checks of its sources.
//!
//! - [`cli`]: without a broker; - [`broker`]: against the broker under test (`EDA_TEST_BROKER`, see
//!   support/broker.rs), one file a noun; - [`architecture`]: the rules of the sources; - [`generated`]: what is
//!   generated and checked in is fresh; - [`support`]: how a test runs `eda`, and on what.
//!
//! A test shows a whole run: arguments in; standard output, standard error and status out.

// A test may stop at once, say why, and look at its environment: the rules of src/ are not for it.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unwrap_used
)]

mod architecture;
mod broker;
mod cli;
mod generated;
mod support;
