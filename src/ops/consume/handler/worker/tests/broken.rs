//! Workers that end, hang, or say what they should not.

use super::super::answer::INVALID;
use super::*;

#[tokio::test]
async fn a_death_costs_the_first_an_attempt_and_the_others_none() {
    let script = r#"while read -r line; do
        echo "$line" >> $DIR/asked
        case $line in
          *deadly*) test -e $DIR/killed || { touch $DIR/killed; echo why >&2; kill -KILL $$; };;
        esac
        echo '{"ok":true}'; done"#;
    let bench = shell(script);
    let answers = bench.ask_all(&["1", "deadly", "3", "4"]).await;
    let death = Failure::death("signal 9", "why");
    assert_eq!(answers, [done(), Err(death), done(), done()]);
    assert_eq!(bench.ask("deadly").await, done());
    let warnings = bench.heard.warnings();
    assert_eq!(warnings, ["worker `sh` is started again: signal 9: why"]);
    assert_eq!(bench.heard.lines(), ["why"]);
}

#[tokio::test]
async fn an_exit_is_a_death_too_and_answers_before_it_count() {
    let script = r#"read -r one; read -r two; echo '{"ok":true}'; printf '{"error":"no"}'; exit 3"#;
    let bench = shell(script);
    let answers = bench.ask_all(&["1", "2", "3"]).await;
    assert_eq!(
        answers[..2],
        [done(), Err(Failure::transient("error", "no"))]
    );
    let death = Failure::death("exit status 3", "worker `sh` ended before it answered");
    assert_eq!(answers[2], Err(death));
}

#[tokio::test]
async fn a_worker_that_ends_with_nothing_to_do_is_started_by_the_next_record() {
    let bench = shell(r#"read -r line; echo '{"ok":true}'; echo up >> $DIR/starts"#);
    for asked in 1..=3 {
        // It may be asked the next while it ends: then that is sent again, or it is a death.
        bench.ask_until_done("1").await;
        assert!(bench.written("starts").len() >= asked - 1);
    }
}

#[tokio::test]
async fn who_ends_before_it_reads_anything_keeps_nobody_waiting() {
    let bench = bench_with(&["true"], &Setup::default());
    for answer in bench.ask_all(&["1", "2"]).await {
        let failure = answer.unwrap_err();
        assert_eq!(
            (failure.is_death, &*failure.exception),
            (true, "exit status 0")
        );
    }
}

#[tokio::test]
async fn what_is_no_answer_fails_the_first_and_is_shown() {
    for (junk, shown) in [
        ("hello", "hello"),
        ("{\"ok\":1}", "{\"ok\":1}"),
        ("{}", "{}"),
    ] {
        let script = format!(
            r#"while read -r line; do case $line in
               *junk*) test -e $DIR/seen || {{ touch $DIR/seen; echo '{junk}'; }};;
               esac; echo '{{"ok":true}}'; done"#
        );
        let bench = shell(&script);
        let answers = bench.ask_all(&["1", "junk", "3"]).await;
        assert_eq!((&answers[0], &answers[2]), (&done(), &done()));
        let failure = answers[1].clone().unwrap_err();
        assert_eq!(
            (failure.kind, &*failure.exception),
            (FailureKind::Transient, INVALID)
        );
        assert!(!failure.is_death);
        assert_eq!(bench.heard.lines(), [shown]);
        assert_eq!(bench.heard.warnings().len(), 1);
    }
}

#[tokio::test]
async fn an_endless_line_and_binary_are_no_answers() {
    for junk in ["head -c 6000000 /dev/zero", "printf '\\377\\376\\n'"] {
        let bench = shell(&format!("read -r line; {junk}; exec sleep 60"));
        let failure = bench.ask("1").await.unwrap_err();
        assert_eq!(failure.exception, INVALID);
        let shown = bench.heard.lines();
        assert!(shown.len() == 1 && shown[0].len() <= 8 * 1024, "{junk}");
    }
}

#[tokio::test]
async fn who_answers_twice_is_started_again() {
    let script = r#"echo up >> $DIR/starts
        while read -r line; do echo '{"ok":true}'; echo '{"ok":true}'; done"#;
    let bench = shell(script);
    assert_eq!(bench.ask("1").await, done());
    // The second answer belongs to nobody, or came late enough to be taken for the next one's.
    let second = async {
        while bench.written("starts").len() < 2 {
            let _ = bench.ask("2").await;
        }
    };
    timeout(PATIENCE, second).await.unwrap();
    assert!(bench.heard.warnings()[0].contains("an answer more than records asked"));
}

#[tokio::test]
async fn who_takes_too_long_is_ended_and_only_the_first_has_failed() {
    let setup = Setup {
        timeout: Duration::from_secs(1),
        ..Setup::default()
    };
    let script = r#"while read -r line; do case $line in
        *slow*) test -e $DIR/seen || { touch $DIR/seen; echo stuck >&2; sleep 60 & wait; };;
        esac; echo '{"ok":true}'; done"#;
    let bench = bench_with(&["sh", "-c", script], &setup);
    let answers = bench.ask_all(&["1", "slow", "3"]).await;
    assert_eq!((&answers[0], &answers[2]), (&done(), &done()));
    let failure = answers[1].clone().unwrap_err();
    assert_eq!(
        (failure.kind, &*failure.exception),
        (FailureKind::Transient, "timeout")
    );
    assert!(
        failure.message.starts_with("no answer within 1s: stuck"),
        "{failure}"
    );
    assert!(!failure.is_death);
}

#[tokio::test]
async fn who_never_reads_is_late_as_well() {
    let setup = Setup {
        timeout: Duration::from_millis(300),
        ..Setup::default()
    };
    let bench = bench_with(&["sleep", "60"], &setup);
    let huge = "x".repeat(1_000_000);
    let failure = bench.ask(&huge).await.unwrap_err();
    assert_eq!(
        failure,
        Failure::transient("timeout", "no answer within 300ms")
    );
}

#[tokio::test]
async fn who_closes_its_output_or_its_input_is_dead_to_us() {
    let bench = shell("read -r line; exec >&-; exec sleep 60");
    let failure = bench.ask("1").await.unwrap_err();
    assert!(failure.is_death);
    assert_eq!(failure.exception, "closed output");

    // What it took before it closed its input it may still answer.
    let bench = shell(r#"read -r line; exec <&-; echo '{"ok":true}'; exec sleep 60"#);
    assert_eq!(bench.ask("1").await, done());
    let huge = "x".repeat(1_000_000);
    // It is started again for the next, which is longer than a pipe, and may be its first.
    bench.ask_until_done(&huge).await;
}

#[tokio::test]
async fn who_leaves_a_process_behind_with_its_output_is_dead_all_the_same() {
    let bench = shell("read -r line; sleep 60 & kill -KILL $$");
    let failure = bench.ask("1").await.unwrap_err();
    assert_eq!((failure.is_death, &*failure.exception), (true, "signal 9"));
}

#[tokio::test]
async fn what_cannot_be_started_fails_each_record_and_is_told_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("no-program");
    std::fs::write(&path, "\u{7f}ELF").unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&path, mode).unwrap();
    let bench = bench_with(&[path.to_str().unwrap()], &Setup::default());
    for answer in bench.ask_all(&["1", "2"]).await {
        let failure = answer.unwrap_err();
        assert_eq!(
            (failure.kind, &*failure.exception),
            (FailureKind::Transient, "spawn")
        );
        assert!(!failure.is_death);
    }
    assert_eq!(bench.heard.warnings().len(), 1);
}
