//! Sources the import rules must refuse, one for each rule and each way to write it, and sources they must let pass.

use super::imports::violations;

#[test]
fn what_is_forbidden_is_refused() {
    let cases = [
        // Each row of the table, and each way to write it.
        (
            "src/ops/x.rs",
            "use clap::Parser;",
            "src/ops/x.rs:1: only commands may know `clap`",
        ),
        (
            "src/ops/x.rs",
            "#[derive(clap::Args)] struct A;",
            "only commands may know `clap`",
        ),
        (
            "src/ops/x.rs",
            "use rdkafka as r;",
            "only kafka may know `rdkafka`",
        ),
        (
            "src/ops/x.rs",
            "use crate::ui::Ui;",
            "`ops` may not import `ui`",
        ),
        (
            "src/ops/x.rs",
            "fn f() { crate::commands::run() }",
            "`ops` may not import `commands`",
        ),
        (
            "src/ops/x/y.rs",
            "use super::super::super::demo;",
            "`ops` may not import `demo`",
        ),
        (
            "src/ops/x/mod.rs",
            "use super::super::ui;",
            "`ops` may not import `ui`",
        ),
        (
            "src/ops/x.rs",
            "use indicatif::ProgressBar;",
            "only ui may know `indicatif`",
        ),
        (
            "src/ops/x.rs",
            "use kafka_protocol::messages;",
            "only broker may know `kafka_protocol`",
        ),
        (
            "src/model/x.rs",
            "use crate::{error::Error, kafka::Cluster};",
            "`model` may not import `kafka`",
        ),
        (
            "src/model/x.rs",
            "use tokio::time;",
            "`model` is pure: no `tokio`",
        ),
        (
            "src/model/x.rs",
            "let now = std::time::Instant::now();",
            "`model` is pure: no `Instant::now`",
        ),
        (
            "src/model/x.rs",
            "jiff::Timestamp::now()",
            "`model` is pure: no `Timestamp::now`",
        ),
        (
            "src/model/x.rs",
            "SystemTime::now()",
            "`model` is pure: no `SystemTime::now`",
        ),
        (
            "src/model/x.rs",
            "use std::{env, fmt};",
            "only settings and main may know `std::env`",
        ),
        (
            "src/model/x.rs",
            "std::fs::read(x)",
            "`model` is pure: no `std::fs`",
        ),
        (
            "src/model/x.rs",
            "use comfy_table::Table;",
            "only ui may know `comfy_table`",
        ),
        (
            "src/kafka/x.rs",
            "use crate::ops::lag;",
            "`kafka` may not import `ops`",
        ),
        (
            "src/kafka/x.rs",
            "use crate::report::Table;",
            "`kafka` may not import `report`",
        ),
        (
            "src/kafka/x.rs",
            "unsafe { f() }",
            "`unsafe` has its place in src/kafka/ffi",
        ),
        (
            "src/broker/x.rs",
            "use crate::model::record::Record;",
            "`broker` may not import `model`",
        ),
        (
            "src/broker/x.rs",
            "use rdkafka::ClientConfig;",
            "only kafka may know `rdkafka`",
        ),
        (
            "src/store/x.rs",
            "use crate::kafka::Cluster;",
            "`store` may not import `kafka`",
        ),
        (
            "src/ui/x.rs",
            "use crate::kafka::Cluster;",
            "`ui` may not import `kafka`",
        ),
        (
            "src/ui/x.rs",
            "use clap::ValueEnum;",
            "only commands may know `clap`",
        ),
        (
            "src/demo/x.rs",
            "use crate::ui::Ui;",
            "`demo` may not import `ui`",
        ),
        (
            "src/commands/x.rs",
            "use rdkafka::util;",
            "only kafka may know `rdkafka`",
        ),
        (
            "src/commands/x.rs",
            "use kafka_protocol::x;",
            "only broker may know `kafka_protocol`",
        ),
        (
            "src/commands/x.rs",
            "use rusqlite::Connection;",
            "only store may know `rusqlite`",
        ),
        (
            "src/commands/x.rs",
            "\n\nprintln!();",
            "src/commands/x.rs:3: only `ui` prints: no `println!`",
        ),
        (
            "src/commands/x.rs",
            "std::env::var(x)",
            "only settings and main may know `std::env`",
        ),
        (
            "src/commands/x.rs",
            "Consent::given()",
            "only src/ui/prompt.rs mints a consent",
        ),
        (
            "src/settings.rs",
            "use crate::kafka::Cluster;",
            "`settings` may not import `kafka`",
        ),
        (
            "src/novelty/x.rs",
            "use crate::model;",
            "`novelty` may not import `model`",
        ),
    ];
    for (path, text, expected) in cases {
        let found = violations(path, text);
        assert!(
            found.iter().any(|found| found.ends_with(expected)),
            "{path}: {text}: {found:?}"
        );
    }
}

#[test]
fn what_is_allowed_passes() {
    let cases = [
        (
            "src/commands/topic/x.rs",
            "use crate::ops::topic; use clap::Args; use super::super::context;",
        ),
        (
            "src/ops/x.rs",
            "// use clap::Parser\nfn f() { g(\"rdkafka::x\") } use super::scan;",
        ),
        (
            "src/ops/x.rs",
            "#[cfg(test)]\nmod tests { use crate::broker::Broker; }",
        ),
        (
            "src/kafka/ffi/x.rs",
            "unsafe { f() } use rdkafka_sys::bindings;",
        ),
        (
            "src/kafka/x.rs",
            "#![deny(unsafe_code)] use crate::model::record;",
        ),
        (
            "src/model/x.rs",
            "fn f(now: Timestamp) { error.clap() } use std::io::Write; let clap = 1;",
        ),
        (
            "src/ui/x.rs",
            "eprintln!(); use crate::model::record::Record;",
        ),
        ("src/lib.rs", "pub mod ops; pub use crate::commands::run;"),
    ];
    for (path, text) in cases {
        assert_eq!(
            violations(path, text),
            Vec::<String>::new(),
            "{path}: {text}"
        );
    }
}
