//! With real processes.

use super::*;
use crate::ops::consume::handler::tests::{Heard, PATIENCE, environment, record};
use std::future::poll_fn;
use std::io::Read;
use std::path::Path;
use std::task::Poll;
use tokio::task::spawn_blocking;

struct Bench {
    exec: Exec,
    heard: Arc<Heard>,
}

fn bench_with(argv: &[&str], timeout: Duration, environment: Environment) -> Bench {
    let heard = Arc::new(Heard::default());
    let exec = Exec::new(ExecOptions {
        argv: argv.iter().map(|word| (*word).to_owned()).collect(),
        environment,
        group: "billing".to_owned(),
        timeout,
        verdicts: Overrides::default(),
        notices: heard.clone(),
    });
    Bench {
        exec: exec.unwrap(),
        heard,
    }
}

fn bench(argv: &[&str]) -> Bench {
    bench_with(argv, PATIENCE, environment())
}

fn shell(script: &str) -> Bench {
    bench(&["sh", "-c", script])
}

async fn failure(bench: &Bench, record: &Record) -> Failure {
    bench.exec.handle(record, 1).await.unwrap_err()
}

/// A named pipe: whoever opens it and ends, however, closes it.
fn fifo(folder: &Path) -> std::path::PathBuf {
    let path = folder.join("fifo");
    let made = std::process::Command::new("mkfifo").arg(&path).status();
    assert!(made.unwrap().success());
    path
}

/// What is written to the pipe until all who have it open have ended.
async fn until_all_have_ended(fifo: &Path) -> String {
    let fifo = fifo.to_owned();
    let reading = spawn_blocking(move || {
        let mut text = String::new();
        let mut fifo = std::fs::File::open(fifo).unwrap();
        fifo.read_to_string(&mut text).map(|_| text)
    });
    timeout(PATIENCE, reading).await.unwrap().unwrap().unwrap()
}

#[tokio::test]
async fn the_process_gets_the_value_and_the_metadata_and_nothing_of_another_record() {
    let mut environment = environment();
    environment.push(("EDA_HEADER_STALE".into(), "1".into()));
    environment.push(("EDA_KEY".into(), "stale".into()));
    environment.push(("MINE".into(), "kept".into()));
    let script = "cat; echo; env | sort | grep -E 'EDA|MINE'";
    let bench = bench_with(&["sh", "-c", script], PATIENCE, environment);
    let record = record(Some(r#"{"eventId":"e-1"}"#));
    let handled = bench.exec.handle(&record, 3).await;
    assert_eq!(handled, Ok(Handled::default()));
    let expected = [
        r#"{"eventId":"e-1"}"#,
        "EDA_ATTEMPT=3",
        "EDA_EVENT_ID=e-1",
        "EDA_GROUP=billing",
        "EDA_HEADER_TRACE=00-1",
        "EDA_KEY=order-7",
        "EDA_OFFSET=42",
        "EDA_PARTITION=1",
        "EDA_TIMESTAMP=1764000000000",
        "EDA_TOPIC=order-created",
        "MINE=kept",
    ];
    assert_eq!(bench.heard.lines(), expected);
}

#[tokio::test]
async fn a_null_value_is_an_empty_input() {
    let bench = shell("test -z \"$(cat)\" && test \"$EDA_VALUE_NULL\" = 1");
    assert!(bench.exec.handle(&record(None), 1).await.is_ok());
}

#[tokio::test]
async fn the_exit_status_is_the_verdict_and_standard_error_the_reason() {
    let cases = [
        ("exit 64", FailureKind::Permanent, "exit status 64"),
        ("exit 65", FailureKind::Permanent, "exit status 65"),
        ("exit 69", FailureKind::Transient, "exit status 69"),
        ("exit 75", FailureKind::Transient, "exit status 75"),
        ("exit 1", FailureKind::Transient, "exit status 1"),
    ];
    for (script, kind, exception) in cases {
        let bench = shell(&format!("echo fine; echo no total >&2; {script}"));
        let found = failure(&bench, &record(Some("{}"))).await;
        assert_eq!((found.kind, &*found.exception), (kind, exception));
        assert_eq!(found.message, "no total");
        assert!(!found.is_death);
    }
    let found = failure(&shell("exit 9"), &record(Some("{}"))).await;
    assert_eq!(found.message, "`sh` said nothing on standard error");
}

#[tokio::test]
async fn the_user_judges_exit_codes() {
    let mut bench = shell("exit $(cat)");
    let codes = |text: &str| text.parse().unwrap();
    bench.exec.verdicts = Overrides::new(codes("65"), codes("1,75")).unwrap();
    for (code, kind) in [
        ("65", FailureKind::Transient),
        ("1", FailureKind::Permanent),
        ("75", FailureKind::Permanent),
        ("64", FailureKind::Permanent),
    ] {
        assert_eq!(failure(&bench, &record(Some(code))).await.kind, kind);
    }
}

#[tokio::test]
async fn a_signal_is_a_death() {
    let found = failure(&shell("echo dying >&2; kill -SEGV $$"), &record(None)).await;
    assert_eq!(found, Failure::death("signal 11", "dying"));
}

#[tokio::test]
async fn who_does_not_read_is_not_waited_for_and_does_not_fail() {
    let huge = "x".repeat(4 * 1024 * 1024);
    for script in ["exit 0", "exec <&-; echo closed"] {
        let handled = shell(script).exec.handle(&record(Some(&huge)), 1).await;
        assert_eq!(handled, Ok(Handled::default()), "{script}");
    }
    let bench = shell("wc -c | tr -d ' '");
    assert!(bench.exec.handle(&record(Some(&huge)), 1).await.is_ok());
    assert_eq!(bench.heard.lines(), [huge.len().to_string()]);
}

#[tokio::test]
async fn hostile_output_is_bounded_and_kept_from_nobody() {
    let flood = "head -c 1000000 /dev/zero | tr '\\0' x >&2; echo >&2; yes | head -n 100000; \
                 printf '\\377\\000\\033[2J' >&2; exit 65";
    let bench = shell(flood);
    let found = failure(&bench, &record(Some("{}"))).await;
    assert!(
        found.message.len() <= 4 * 1024 + 2,
        "{}",
        found.message.len()
    );
    assert!(found.message.ends_with("\u{fffd}\0\u{1b}[2J"));
    let lines = bench.heard.lines();
    let shown: usize = lines.iter().map(String::len).sum();
    assert!(shown <= 2 * SHOWN, "{shown}");
    assert!(lines.iter().all(|line| line.len() <= 8 * 1024));
    let cut = lines.iter().filter(|line| line.contains("said more"));
    assert_eq!(cut.count(), 1);
}

#[tokio::test]
async fn when_its_time_is_over_everything_it_started_ends() {
    let folder = tempfile::tempdir().unwrap();
    let fifo = fifo(folder.path());
    // Neither the shell nor what it starts heeds the polite signal.
    let script = format!(
        "trap '' TERM; exec 3>{}; echo up >&3; echo waiting >&2; (while :; do sleep 60; done) & wait; sleep 60",
        fifo.display()
    );
    let short = Duration::from_millis(300);
    let bench = bench_with(&["sh", "-c", &script], short, environment());
    let record = record(Some("{}"));
    let (found, written) = tokio::join!(failure(&bench, &record), until_all_have_ended(&fifo));
    assert_eq!(
        found,
        Failure::transient("timeout", "no end within 300ms: waiting")
    );
    assert_eq!(written, "up\n");
}

#[tokio::test]
async fn who_is_asked_to_end_may_say_why_it_is_late() {
    let script = "trap 'echo stuck >&2; exit 0' TERM; echo up >&2; while :; do sleep 0.01; done";
    let bench = bench_with(&["sh", "-c", script], Duration::from_secs(1), environment());
    let found = failure(&bench, &record(Some("{}"))).await;
    assert_eq!(found.exception, "timeout");
    // Some shells say that their child was terminated.
    let text = &found.message;
    assert!(
        text.starts_with("no end within 1s: up\n") && text.ends_with("stuck"),
        "{text}"
    );
}

#[tokio::test]
async fn a_future_that_is_dropped_takes_everything_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let fifo = fifo(folder.path());
    let script = format!("trap '' TERM; exec 3>{}; sleep 60 & wait", fifo.display());
    let bench = shell(&script);
    let record = record(Some("{}"));
    let ended = spawn_blocking({
        let fifo = fifo.clone();
        move || std::fs::File::open(fifo).unwrap()
    });
    let mut handling = Some(bench.exec.handle(&record, 1));
    // The pipe is open when the shell has it open as well.
    let mut ended = std::pin::pin!(timeout(PATIENCE, ended));
    let opened = poll_fn(|context| {
        if let Some(handling) = &mut handling {
            assert!(handling.as_mut().poll(context).is_pending());
        }
        match ended.as_mut().poll(context) {
            Poll::Ready(opened) => Poll::Ready(opened),
            Poll::Pending => Poll::Pending,
        }
    });
    let mut opened = opened.await.unwrap().unwrap();
    drop(handling.take());
    let ended = spawn_blocking(move || opened.read_to_end(&mut Vec::new()));
    timeout(PATIENCE, ended).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn a_process_that_is_left_behind_with_the_pipes_holds_nobody_up() {
    let folder = tempfile::tempdir().unwrap();
    let fifo = fifo(folder.path());
    // It ends when the test has read what it says.
    let script = format!("echo done; (echo left > {}) & exit 65", fifo.display());
    let bench = shell(&script);
    let found = failure(&bench, &record(Some("{}"))).await;
    assert_eq!(found.exception, "exit status 65");
    assert_eq!(bench.heard.lines(), ["done"]);
    assert_eq!(until_all_have_ended(&fifo).await, "left\n");
}

#[tokio::test]
async fn what_cannot_be_started_is_told_each_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("no-program");
    std::fs::write(&path, "\u{7f}ELF").unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&path, mode).unwrap();
    let bench = bench(&[path.to_str().unwrap()]);
    let found = failure(&bench, &record(Some("{}"))).await;
    assert_eq!(
        (found.kind, &*found.exception),
        (FailureKind::Transient, "spawn")
    );
    assert!(found.message.starts_with("cannot start `"), "{found}");
}

#[tokio::test]
async fn many_run_at_once() {
    let bench = shell("test \"$(cat)\" = \"$EDA_ATTEMPT\"");
    let records: Vec<Record> = (0..32).map(|n| record(Some(&n.to_string()))).collect();
    let mut handling: Vec<_> = (0..)
        .zip(&records)
        .map(|(attempt, record)| bench.exec.handle(record, attempt))
        .collect();
    for handling in &mut handling {
        assert_eq!(handling.await, Ok(Handled::default()));
    }
}
