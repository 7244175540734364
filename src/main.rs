use std::process::ExitCode;

/// Also malloc()'s, and so librdkafka's, see `Cargo.toml`.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Set by the shell only while it completes a command line; ends the process when it is.
    clap_complete::CompleteEnv::with_factory(eda::command_line).complete();
    ExitCode::from(eda::run(std::env::args_os()).code())
}
