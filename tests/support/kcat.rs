//! kcat, a client that is not ours: where it is installed, and always in CI.

use super::broker::Broker;
use super::excuses::excuse;
use std::process::Command;
use std::time::Duration;

/// Whether the test goes without kcat: said and counted, and in CI a failure.
#[track_caller]
pub fn is_missing(test: &str) -> bool {
    if Command::new("kcat").arg("-V").output().is_ok() {
        return false;
    }
    assert!(
        std::env::var_os("CI").is_none(),
        "kcat is not installed, and CI is to have it"
    );
    excuse(test, "needs kcat, which is not installed");
    true
}

/// Runs `kcat -b BROKER …`, and gives its standard output.
#[track_caller]
pub fn kcat(broker: &Broker, arguments: &[&str], stdin: &str) -> String {
    let output = assert_cmd::Command::new("kcat")
        .args(["-b", broker.address()])
        .args(arguments)
        .write_stdin(stdin)
        .timeout(Duration::from_secs(30))
        .output()
        .expect("kcat can be started");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "kcat {arguments:?}: {}\n{stderr}",
        output.status
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}
