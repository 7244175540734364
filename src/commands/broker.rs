use super::context::Context;
use crate::broker::{Broker, Options};
use crate::error::{Result, Status};
use std::net::SocketAddr;

/// Run the embedded broker
///
/// A Kafka in one process for development, tests and demos: in memory, one node, loopback only unless told
/// otherwise. Everything is gone when it ends. The first line on standard output is the address, printed when
/// clients can connect. Ctrl-C or SIGTERM ends it, with status 0.
#[derive(Debug, clap::Args)]
#[command(before_long_help = "\
Examples:
  eda broker
  eda broker --listen 127.0.0.1:0      a free port; the first line of output says which")]
pub struct Args {
    /// Where to listen; port 0 picks a free one
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:9092")]
    listen: SocketAddr,

    /// How much may be held; beyond it producing is refused
    #[arg(long, value_name = "SIZE", default_value = "512MiB", value_parser = memory)]
    memory: u64,
}

fn memory(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let factor: u64 = match &text[digits.len()..] {
        "" | "B" => 1,
        "KiB" | "K" => 1 << 10,
        "MiB" | "M" => 1 << 20,
        "GiB" | "G" => 1 << 30,
        _ => return Err("expected a size such as 512MiB or 2GiB".to_owned()),
    };
    match digits
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(factor))
    {
        Some(bytes) if bytes >= 1 << 20 => Ok(bytes),
        _ => Err("expected a size of at least 1MiB".to_owned()),
    }
}

pub async fn run(context: &Context, args: Args) -> Result<Status> {
    let stop = context.stop_on_signals();
    let options = Options {
        listen: args.listen,
        memory_limit: args.memory,
        ..Options::default()
    };
    let broker = Broker::start(options).await?;
    let address = broker.address();
    if !address.ip().is_loopback() {
        context.ui.warn(&format!(
            "listening on {address}: anyone who can reach it can read and write everything"
        ));
    }
    context.ui.text(format!("{address}\n").as_bytes())?;
    context.ui.status(
        "embedded broker for development, in memory: everything is gone when it ends (Ctrl-C)",
    );
    stop.wait().await;
    broker.stop().await;
    // A server that is asked to end, and ends, has done what it should.
    Ok(Status::Done)
}
