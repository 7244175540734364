//! With real processes.

mod broken;

use super::*;
use crate::model::dead_letter::FailureKind;
use crate::model::record::OutgoingRecord;
use crate::ops::consume::handler::tests::{Heard, PATIENCE, environment, record};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::time::timeout;

struct Bench {
    worker: Worker,
    heard: Arc<Heard>,
    /// For what the script leaves behind: `$DIR`.
    folder: tempfile::TempDir,
}

struct Setup {
    processes: usize,
    in_flight: usize,
    timeout: Duration,
}

impl Default for Setup {
    fn default() -> Self {
        Setup {
            processes: 1,
            in_flight: 64,
            timeout: PATIENCE,
        }
    }
}

fn bench_with(argv: &[&str], setup: &Setup) -> Bench {
    let heard = Arc::new(Heard::default());
    let folder = tempfile::tempdir().unwrap();
    let mut environment = environment();
    environment.push(("DIR".into(), folder.path().into()));
    let worker = Worker::new(WorkerOptions {
        argv: argv.iter().map(|word| (*word).to_owned()).collect(),
        environment,
        processes: setup.processes,
        in_flight: setup.in_flight,
        timeout: setup.timeout,
        notices: heard.clone(),
    });
    Bench {
        worker: worker.unwrap(),
        heard,
        folder,
    }
}

fn shell(script: &str) -> Bench {
    bench_with(&["sh", "-c", script], &Setup::default())
}

/// Answers every line.
const ANSWER: &str = "while read -r line; do echo '{\"ok\":true}'; done";

impl Bench {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn written(&self, name: &str) -> Vec<String> {
        let text = std::fs::read_to_string(self.path(name)).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    async fn ask(&self, value: &str) -> Result<Handled, Failure> {
        let record = record(Some(value));
        let answer = self.worker.handle(&record, 1);
        timeout(PATIENCE * 2, answer).await.expect("an answer")
    }

    /// Asks again until it is answered well.
    async fn ask_until_done(&self, value: &str) {
        let done = async { while self.ask(value).await != done() {} };
        timeout(PATIENCE * 2, done).await.unwrap();
    }

    /// Asks for all of these at once; the answers in their order.
    async fn ask_all(&self, values: &[&str]) -> Vec<Result<Handled, Failure>> {
        let records: Vec<Record> = values.iter().map(|value| record(Some(value))).collect();
        let mut asked: Vec<_> = records
            .iter()
            .map(|record| self.worker.handle(record, 1))
            .collect();
        // All are asked before the first answer is waited for.
        std::future::poll_fn(|context| {
            for answer in &mut asked {
                assert!(answer.as_mut().poll(context).is_pending());
            }
            std::task::Poll::Ready(())
        })
        .await;
        let mut answers = Vec::new();
        for answer in asked {
            answers.push(timeout(PATIENCE * 2, answer).await.expect("an answer"));
        }
        answers
    }
}

fn done() -> Result<Handled, Failure> {
    Ok(Handled::default())
}

/// A named pipe: whoever opens it and ends, however, closes it.
fn fifo(bench: &Bench) -> PathBuf {
    let path = bench.path("fifo");
    let made = std::process::Command::new("mkfifo").arg(&path).status();
    assert!(made.unwrap().success());
    path
}

/// Opens the pipe for reading, as soon as somebody has it open for writing.
async fn opened(fifo: &Path) -> std::fs::File {
    let fifo = fifo.to_owned();
    let opening = tokio::task::spawn_blocking(move || std::fs::File::open(fifo).unwrap());
    timeout(PATIENCE, opening).await.unwrap().unwrap()
}

/// Until all who have the pipe open have ended.
async fn ended(mut fifo: std::fs::File) {
    let reading = tokio::task::spawn_blocking(move || fifo.read_to_end(&mut Vec::new()));
    timeout(PATIENCE, reading).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn a_worker_is_asked_with_everything_and_answers() {
    let script = r#"while read -r line; do
        printf '%s\n' "$line" >> $DIR/asked
        case $line in
          *fail*) echo '{"error":"no","permanent":true}';;
          *later*) echo '{"error":"no","retryAfter":2}';;
          *make*) echo '{"ok":true,"produce":[{"topic":"made","value":"x"}]}';;
          *) echo '{"ok":true}';;
        esac; done"#;
    let bench = shell(script);
    let made = OutgoingRecord {
        topic: "made".to_owned(),
        value: Some(b"x".to_vec()),
        ..OutgoingRecord::default()
    };
    let later = Failure::transient("error", "no").retry_after(Some(Duration::from_secs(2)));
    let expected = [
        done(),
        Err(Failure::permanent("error", "no")),
        Ok(Handled {
            produce: vec![made],
        }),
        Err(later),
        done(),
    ];
    let values = ["{}", "fail", "make", "later", "a\nb"];
    assert_eq!(bench.ask_all(&values).await, expected);
    let asked = bench.written("asked");
    assert_eq!(asked.len(), 5);
    assert_eq!(
        asked[0],
        r#"{"topic":"order-created","partition":1,"offset":42,"timestamp":1764000000000,"timestampType":"create","key":"order-7","value":{},"headers":[["trace","00-1"]],"attempt":1,"eventId":"order-created:1:42"}"#
    );
    assert_eq!(bench.heard.warnings(), Vec::<String>::new());
}

#[tokio::test]
async fn thousands_are_answered_by_one_process_and_by_several() {
    for processes in [1, 3] {
        let setup = Setup {
            processes,
            in_flight: 8,
            ..Setup::default()
        };
        let script = r#"echo up >> $DIR/starts; exec sed -u 's/.*/{"ok":true}/'"#;
        let bench = bench_with(&["sh", "-c", script], &setup);
        let records: Vec<Record> = (0..64).map(|n| record(Some(&n.to_string()))).collect();
        let answered = AtomicU32::new(0);
        let mut streams = Vec::new();
        for record in &records {
            let (bench, answered) = (&bench, &answered);
            streams.push(Box::pin(async move {
                for attempt in 1..=50 {
                    assert_eq!(bench.worker.handle(record, attempt).await, done());
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            }));
        }
        let all = std::future::poll_fn(|context| {
            streams.retain_mut(|stream| stream.as_mut().poll(context).is_pending());
            match streams.is_empty() {
                true => std::task::Poll::Ready(()),
                false => std::task::Poll::Pending,
            }
        });
        timeout(PATIENCE * 2, all).await.unwrap();
        assert_eq!(answered.load(Ordering::Relaxed), 64 * 50);
        assert_eq!(bench.written("starts").len(), processes);
    }
}

#[tokio::test]
async fn who_starts_slowly_is_waited_for() {
    let bench = shell(&format!("sleep 0.3; {ANSWER}"));
    assert_eq!(bench.ask_all(&["1", "2"]).await, [done(), done()]);
}

#[tokio::test]
async fn huge_records_and_huge_answers_get_through() {
    let script = r#"while read -r line; do
        printf '{"ok":true,"produce":[{"topic":"made","value":"'
        head -c 3000000 /dev/zero | tr '\0' x
        echo '"}]}'; done"#;
    let bench = shell(script);
    let huge = "y".repeat(2_000_000);
    for answer in bench.ask_all(&[&huge, &huge]).await {
        let made = answer.unwrap().produce;
        assert_eq!(made[0].value.as_ref().unwrap().len(), 3_000_000);
    }
}

#[tokio::test]
async fn standard_error_is_shown_and_empty_lines_are_passed_over() {
    let bench = shell(&format!("echo hello >&2; echo; {ANSWER}"));
    assert_eq!(bench.ask("1").await, done());
    bench.worker.close(PATIENCE).await;
    assert_eq!(bench.heard.lines(), ["hello"]);
}

#[tokio::test]
async fn the_answer_to_who_waits_no_more_is_thrown_away() {
    let bench = shell(
        r#"n=0; while read -r line; do n=$((n+1)); echo "$n" >> $DIR/asked
           test $n -gt 1 || read -r first < $DIR/fifo
           echo "{\"error\":\"$n\"}"; done"#,
    );
    let fifo = fifo(&bench);
    let (first, second) = (record(Some("1")), record(Some("2")));
    {
        let dropped = bench.worker.handle(&first, 1);
        let waiting = async {
            // The process is asked when it opens the pipe, and answers when it reads a line.
            let open = tokio::task::spawn_blocking(move || {
                std::fs::OpenOptions::new().write(true).open(fifo).unwrap()
            });
            timeout(PATIENCE, open).await.unwrap().unwrap()
        };
        let mut pipe = tokio::select! {
            _ = dropped => panic!("nothing was answered yet"),
            pipe = waiting => pipe,
        };
        std::io::Write::write_all(&mut pipe, b"go\n").unwrap();
    }
    let answer = timeout(PATIENCE, bench.worker.handle(&second, 1))
        .await
        .unwrap();
    assert_eq!(answer, Err(Failure::transient("error", "2")));
    assert_eq!(bench.written("asked"), ["1", "2"]);
}

#[tokio::test]
async fn when_it_is_closed_the_process_sees_the_end_of_its_input() {
    let bench = shell(&format!("{ANSWER}; echo over > $DIR/end"));
    assert_eq!(bench.ask("1").await, done());
    bench.worker.close(PATIENCE).await;
    assert_eq!(bench.written("end"), ["over"]);
    let answer = bench.ask("2").await;
    assert_eq!(answer.unwrap_err().exception, "closed");
    assert_eq!(bench.heard.warnings(), Vec::<String>::new());
}

#[tokio::test]
async fn what_was_never_asked_is_closed_at_once() {
    let bench = shell("touch $DIR/started");
    timeout(PATIENCE, bench.worker.close(PATIENCE * 10))
        .await
        .unwrap();
    assert!(!bench.path("started").exists());
}

#[tokio::test]
async fn who_does_not_end_when_it_is_closed_is_made_to() {
    let bench = shell(&format!(
        "trap '' TERM; exec 3> $DIR/fifo; {ANSWER}; sleep 60 & wait; sleep 60"
    ));
    let fifo = fifo(&bench);
    let (answer, fifo) = tokio::join!(bench.ask("1"), opened(&fifo));
    assert_eq!(answer, done());
    bench.worker.close(Duration::from_millis(100)).await;
    ended(fifo).await;
}

#[tokio::test]
async fn a_worker_that_is_dropped_takes_its_processes_with_it() {
    let bench = shell(&format!(
        "trap '' TERM; exec 3> $DIR/fifo; {ANSWER}; sleep 60"
    ));
    let fifo = fifo(&bench);
    let (answer, fifo) = tokio::join!(bench.ask("1"), opened(&fifo));
    assert_eq!(answer, done());
    drop(bench.worker);
    ended(fifo).await;
}

#[tokio::test]
async fn what_cannot_be_asked_is_refused_before_anything_is() {
    let refused = |argv: &[&str], processes, in_flight| {
        let worker = Worker::new(WorkerOptions {
            argv: argv.iter().map(|word| (*word).to_owned()).collect(),
            environment: environment(),
            processes,
            in_flight,
            timeout: PATIENCE,
            notices: Arc::new(Heard::default()),
        });
        worker.err().unwrap().one_line()
    };
    assert!(refused(&["no-such-program"], 1, 1).contains("`no-such-program`"));
    assert!(refused(&["sh"], 0, 1).contains("at least one process"));
    assert!(refused(&["sh"], 1, 0).contains("one record in flight"));
    assert!(refused(&["sh"], usize::MAX, 2).contains("at least one process"));
}
