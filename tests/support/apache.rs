//! Apache Kafka from its published jars: fetched once by Maven into the user's cache folder, started by Java.

use super::broker::Broker;
use super::keeper::Keeper;
use super::wait::wait_for;
use super::wire;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// The version in tests/apache/pom.xml.
pub const VERSION: &str = "4.3.1";

/// Kafka answers after some three seconds, and after ten on a machine that does other things too.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the pom asks for; an earlier one asked for less.
const JARS: [&str; 4] = ["kafka_2.13", "kafka-tools", "kafka-streams", "connect-file"];

/// The folder of the jars, if they have been fetched.
pub fn jars_in_cache() -> Result<Option<PathBuf>, String> {
    let folder = cache()?.join(format!("kafka-{VERSION}"));
    let has = |jar: &&str| folder.join(format!("{jar}-{VERSION}.jar")).exists();
    let is_there = JARS.iter().all(has);
    Ok(is_there.then_some(folder))
}

/// The folder of the jars, fetched first where they are missing.
pub fn jars() -> Result<PathBuf, String> {
    if let Some(folder) = jars_in_cache()? {
        return Ok(folder);
    }
    let cache = cache()?;
    let folder = cache.join(format!("kafka-{VERSION}"));
    fs::create_dir_all(&cache).map_err(|error| format!("`{}`: {error}", cache.display()))?;
    // Renamed when complete: a run that is interrupted, or a second one at the same time, leaves nothing half done.
    let download = tempfile::Builder::new()
        .prefix("download-")
        .tempdir_in(&cache)
        .map_err(|error| format!("`{}`: {error}", cache.display()))?;
    let pom = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/apache/pom.xml");
    let output = Command::new("mvn")
        .args(["--quiet", "--batch-mode", "--file"])
        .arg(&pom)
        .args(["dependency:copy-dependencies", "-DincludeScope=runtime"])
        .arg(format!("-DoutputDirectory={}", download.path().display()))
        .output()
        .map_err(|error| {
            format!("cannot run Maven (`mvn`), which fetches Kafka's jars: {error}")
        })?;
    if !output.status.success() {
        return Err(format!(
            "Maven failed\n{}",
            String::from_utf8_lossy(&output.stdout)
        ));
    }
    for _ in 0..2 {
        match fs::rename(download.path(), &folder) {
            Ok(()) => return Ok(folder),
            Err(_) if jars_in_cache()?.is_some() => return Ok(folder),
            // Those that an earlier pom asked for.
            Err(_) if folder.is_dir() => {
                fs::remove_dir_all(&folder)
                    .map_err(|error| format!("`{}`: {error}", folder.display()))?;
            }
            Err(error) => return Err(format!("`{}`: {error}", folder.display())),
        }
    }
    Err(format!("`{}` is in the way", folder.display()))
}

/// Where the tests keep what they fetch, for the next run and for other checkouts.
pub(super) fn cache() -> Result<PathBuf, String> {
    let from = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let cache = from("XDG_CACHE_HOME").or_else(|| Some(from("HOME")?.join(".cache")));
    Ok(cache
        .ok_or("neither XDG_CACHE_HOME nor HOME is set")?
        .join("eda"))
}

/// One node, broker and controller in one, on free ports of loopback.
pub fn start() -> Result<Broker, String> {
    start_with("")
}

/// The same, with properties of the test's own, a line each.
pub fn start_with(properties: &str) -> Result<Broker, String> {
    let jars = jars()?;
    let mut reason = String::new();
    // Between choosing the ports and Kafka's listening somebody else may take one.
    for _ in 0..3 {
        match start_once(&jars, properties) {
            Err(failure) if failure.contains("BindException") => reason = failure,
            result => return result,
        }
    }
    Err(reason)
}

/// So often it is tried to have an address again.
const LAUNCHES: u32 = 5;

/// One with everything in `folder`, for tests that end it and start it again there: it then has the address it had. Its
/// ports are none of those that outgoing connections get, for while it is away somebody else would have them.
pub fn start_in(folder: &Path) -> Result<Broker, String> {
    let jars = jars()?;
    let ports = folder.join("ports");
    let mut launches = 1;
    if let Ok(text) = fs::read_to_string(&ports)
        && let Some((port, _)) = text.split_once(' ')
    {
        let port = port.parse().map_err(|_| format!("no port: `{port}`"))?;
        // One that was killed may hold its address a moment longer.
        let mut launched = launch(&jars, folder, port, scratch()?);
        while let Err(failure) = &launched
            && failure.contains("BindException")
            && launches < LAUNCHES
        {
            launches += 1;
            launched = launch(&jars, folder, port, scratch()?);
        }
        return launched;
    }
    let mut reason = String::new();
    for _ in 0..3 {
        let (port, controller) = (fastrand::u16(10_000..32_000), fastrand::u16(10_000..32_000));
        format(&jars, folder, &server_properties(folder, port, controller))?;
        match launch(&jars, folder, port, scratch()?) {
            Err(failure) if failure.contains("BindException") => reason = failure,
            result => {
                fs::write(&ports, format!("{port} {controller}"))
                    .map_err(|error| error.to_string())?;
                return result;
            }
        }
        fs::remove_dir_all(folder.join("data")).map_err(|error| error.to_string())?;
    }
    Err(reason)
}

/// A folder that goes with the process.
fn scratch() -> Result<PathBuf, String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    Ok(folder.keep())
}

fn start_once(jars: &Path, own: &str) -> Result<Broker, String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let (port, controller) = (wire::free_port(), wire::free_port());
    let properties = server_properties(folder.path(), port, controller) + own;
    format(jars, folder.path(), &properties)?;
    let folder = folder.keep();
    launch(jars, &folder, port, folder.clone())
}

fn java(jars: &Path, memory: &str) -> Vec<OsString> {
    let mut words: Vec<OsString> = [memory, "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp"]
        .map(OsString::from)
        .to_vec();
    words.push(jars.join("*").into());
    words
}

/// Writes the properties, and makes the folder of the data.
fn format(jars: &Path, folder: &Path, text: &str) -> Result<(), String> {
    let properties = folder.join("server.properties");
    fs::write(&properties, text).map_err(|error| error.to_string())?;
    let format = Command::new("java")
        .args(java(jars, "-Xmx256m"))
        .args([
            "kafka.tools.StorageTool",
            "format",
            "-t",
            "ZWRhLXRlc3QtY2x1c3Rlcg",
            "-c",
        ])
        .arg(&properties)
        .output()
        .map_err(|error| format!("cannot run Java (`java`): {error}"))?;
    if !format.status.success() {
        let (out, err) = (format.stdout, format.stderr);
        return Err(format!(
            "its storage cannot be formatted\n{}{}",
            String::from_utf8_lossy(&out),
            String::from_utf8_lossy(&err)
        ));
    }
    Ok(())
}

/// Starts the node whose properties are in `folder`. `own` goes with the process.
fn launch(jars: &Path, folder: &Path, port: u16, own: PathBuf) -> Result<Broker, String> {
    let mut words = java(jars, "-Xmx768m");
    let properties = folder.join("server.properties");
    words.extend(["kafka.Kafka".into(), properties.into()]);
    let (keeper, lines) = Keeper::start("java", &words, own)?;
    let address = format!("127.0.0.1:{port}");
    let mut last = String::from("nothing yet");
    let ready = wait_for(PATIENCE, || {
        match wire::brokers_known(&address) {
            Ok(1..) => return Some(true),
            Ok(0) => last = "it knows of no broker yet".to_owned(),
            Err(reason) => last = reason,
        }
        // The end of its output is its end.
        matches!(lines.next(Duration::ZERO), Err(reason) if reason == "it ended").then_some(false)
    });
    match ready {
        Some(true) => Ok(Broker::new(address, Some(keeper))),
        Some(false) => Err(format!("it ended\n{}", keeper.log())),
        None => Err(format!(
            "not ready after {PATIENCE:?}: {last}\n{}",
            keeper.log()
        )),
    }
}

/// As broker.md has it: everything with one replica, nothing waited for, no topic without being asked.
fn server_properties(folder: &Path, port: u16, controller: u16) -> String {
    let data = folder.join("data");
    format!(
        "process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={}
offsets.topic.replication.factor=1
offsets.topic.num.partitions=3
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=3
transaction.abort.timed.out.transaction.cleanup.interval.ms=500
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=3
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
",
        data.display()
    )
}
