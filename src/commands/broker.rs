use super::context::Context;
use super::global::EventsArgs;
use crate::broker::{Broker, Finding, Options, Password, StartTopic, TlsFiles};
use crate::error::{Error, Result, Status};
use crate::model::topic::TopicName;
use crate::ops::topic;
use std::collections::BTreeMap;
use std::io::{ErrorKind, Write};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Run the embedded broker
///
/// A Kafka in one process for development, tests and demos: one node, in memory, loopback only unless told otherwise.
/// Everything is gone when it ends, unless --data keeps it. The first line on standard output is the address, printed
/// when clients can connect. Ctrl-C or SIGTERM ends it, with status 0.
///
/// --data keeps topics, records, groups, offsets and transactions in a directory of its own. What was acknowledged is
/// there after a kill -9 of the broker; with --fsync also after a power cut, because nothing is acknowledged before the
/// disk has it. An unfinished write is cut off at the next start, and said. Where the disk is full, producers get an
/// error (KAFKA_STORAGE_ERROR) and readers go on. One broker uses the directory at a time.
///
/// --topics and --from-events make topics before the first client can come. --ready-file is written, whole, when
/// clients can connect, holds the address, and is removed when the broker ends: a script waits for it to appear.
///
/// With --sasl-user a client has to say who it is: security.protocol=SASL_PLAINTEXT, with sasl.mechanism PLAIN,
/// SCRAM-SHA-256 or SCRAM-SHA-512, or SASL_SSL with --tls-cert, which alone is SSL. The file holds the password, and a
/// line end behind it is no part of it. There are no ACLs: whoever is let in may do everything.
#[derive(Debug, clap::Args)]
#[command(before_long_help = "\
Examples:
  eda broker
  eda broker --listen 127.0.0.1:0      a free port; the first line of output says which
  eda broker --data ./kafka            what it holds outlives it
  eda broker --topics order-created:6,payments
  eda broker --from-events --events asyncapi.yaml
  eda broker --listen 127.0.0.1:0 --ready-file broker.address &
  eda broker --sasl-user alice:alice.password
  eda broker --tls-cert broker.crt --tls-key broker.key")]
pub struct Args {
    /// Where to listen; port 0 picks a free one
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:9092")]
    listen: SocketAddr,

    /// How much may be held; beyond it producing is refused
    #[arg(long, value_name = "SIZE", default_value = "512MiB", value_parser = memory)]
    memory: u64,

    /// Keep everything in this directory, which is made if need be, instead of in memory
    #[arg(long, value_name = "DIR", conflicts_with = "memory")]
    data: Option<PathBuf>,

    /// Acknowledge nothing before the disk has it
    #[arg(long, requires = "data")]
    fsync: bool,

    /// Topics that are there from the start; 3 partitions where none are said
    #[arg(long, value_name = "NAME[:PARTITIONS],…", value_delimiter = ',', value_parser = start_topic)]
    topics: Vec<StartTopic>,

    /// Make the topics of your own events
    #[arg(long)]
    from_events: bool,

    #[command(flatten)]
    events: EventsArgs,

    /// Let in only who knows a password, by SASL PLAIN or SCRAM (can be repeated)
    #[arg(long = "sasl-user", value_name = "NAME:PASSWORD-FILE", value_parser = sasl_user)]
    sasl_users: Vec<SaslUser>,

    /// Certificate of the broker, as PEM; clients then speak TLS
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,

    /// Private key of the certificate, as PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,

    /// Write the address here when clients can connect
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
}

/// Whose password is in which file.
#[derive(Clone, Debug)]
struct SaslUser {
    name: String,
    file: PathBuf,
}

fn sasl_user(text: &str) -> Result<SaslUser, String> {
    match text.split_once(':') {
        Some((name, file)) if !name.is_empty() && !file.is_empty() => Ok(SaslUser {
            name: name.to_owned(),
            file: file.into(),
        }),
        _ => Err("a user is NAME:PASSWORD-FILE".to_owned()),
    }
}

/// Names and passwords; what ends a file's line is no part of the password.
fn passwords(users: &[SaslUser]) -> Result<Vec<(String, Password)>> {
    let mut known: Vec<(String, Password)> = Vec::new();
    for user in users {
        let file = user.file.display();
        if known.iter().any(|(name, _)| *name == user.name) {
            return Err(Error::usage(format!("user `{}` is given twice", user.name)));
        }
        let text = std::fs::read_to_string(&user.file)
            .map_err(|error| Error::usage(format!("cannot read `{file}`")).caused_by(error))?;
        let password = text.strip_suffix('\n').unwrap_or(&text);
        let password = password.strip_suffix('\r').unwrap_or(password);
        if password.is_empty() || password.contains('\0') {
            return Err(Error::usage(format!("`{file}` holds no password")));
        }
        known.push((user.name.clone(), Password(password.to_owned())));
    }
    Ok(known)
}

fn start_topic(text: &str) -> Result<StartTopic, String> {
    let (name, partitions) = match text.split_once(':') {
        Some((name, count)) => {
            let count = count.parse::<i32>().ok().filter(|count| *count > 0);
            (
                name,
                Some(count.ok_or("a topic is NAME or NAME:PARTITIONS")?),
            )
        }
        None => (text, None),
    };
    let name: TopicName = name.parse().map_err(|error| format!("{error}"))?;
    Ok(StartTopic {
        name: name.to_string(),
        partitions,
        configs: BTreeMap::new(),
    })
}

/// The topics that the catalog asks for, but with one replica: there is one node.
fn of_events(context: &Context, args: &Args) -> Result<Vec<StartTopic>> {
    let catalog = context.catalog(&args.events)?;
    let requests = topic::requests(&catalog, topic::DEFAULT_PARTITIONS, None)?;
    let start = |request: topic::CreateRequest| {
        let topic = request.new_topic();
        StartTopic {
            name: topic.name,
            partitions: Some(topic.partitions),
            configs: topic.configs.into_iter().collect(),
        }
    };
    Ok(requests.into_iter().map(start).collect())
}

/// A file that says where the broker is as long as it is there.
struct ReadyFile {
    path: PathBuf,
    text: String,
}

impl ReadyFile {
    /// Takes away what a broker left that was killed: nobody is to believe it.
    fn clear(path: &Path) -> Result<()> {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(unwritable(path, error)),
            _ => Ok(()),
        }
    }

    /// Whoever sees the file sees all of it.
    fn write(path: &Path, address: SocketAddr) -> Result<ReadyFile> {
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let text = format!("{address}\n");
        // Services of other users may read it, as far as the umask lets them.
        let everybody = std::fs::Permissions::from_mode(0o666);
        let written = tempfile::Builder::new()
            .permissions(everybody)
            .tempfile_in(folder)
            .and_then(|mut file| {
                file.write_all(text.as_bytes())?;
                file.persist(path).map_err(|error| error.error)
            });
        match written {
            Ok(_) => Ok(ReadyFile {
                path: path.to_owned(),
                text,
            }),
            Err(error) => Err(unwritable(path, error)),
        }
    }
}

fn unwritable(path: &Path, error: std::io::Error) -> Error {
    Error::usage(format!("cannot write `{}`", path.display())).caused_by(error)
}

impl Drop for ReadyFile {
    fn drop(&mut self) {
        // Another broker's is left alone, and one that is gone is gone.
        if std::fs::read_to_string(&self.path).is_ok_and(|text| text == self.text) {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Who may do what when others can reach the broker.
fn exposure(users: bool, tls: bool) -> Option<&'static str> {
    match (users, tls) {
        (false, _) => Some("anyone who can reach it can read and write everything"),
        (true, false) => Some("passwords and records go over the wire in the clear"),
        (true, true) => None,
    }
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
    if args.events.events.is_some() && !args.from_events {
        return Err(Error::usage("`--events` is of use with `--from-events`"));
    }
    let mut topics = args.topics.clone();
    if args.from_events {
        // What the command line says of a topic counts.
        let mut of_events = of_events(context, &args)?;
        of_events.retain(|topic| args.topics.iter().all(|given| given.name != topic.name));
        topics.extend(of_events);
    }
    if let Some(path) = &args.ready_file {
        ReadyFile::clear(path)?;
    }
    let exposed = exposure(!args.sasl_users.is_empty(), args.tls_cert.is_some());
    let stop = context.stop_on_signals();
    let options = Options {
        listen: args.listen,
        memory_limit: args.memory,
        topics,
        users: passwords(&args.sasl_users)?,
        tls: args
            .tls_cert
            .zip(args.tls_key)
            .map(|(certificate, key)| TlsFiles { certificate, key }),
        data: args.data.clone(),
        fsync: args.fsync,
        ..Options::default()
    };
    let mut broker = Broker::start(options).await?;
    for finding in broker.findings() {
        context.ui.warn(&match finding {
            Finding::Torn { place, bytes } => {
                format!("an unfinished write was cut off the end of {place}: {bytes} bytes")
            }
            Finding::Orphaned(folder) => format!(
                "the journal does not know whose these records are, which nobody reads now: `{}`",
                folder.display()
            ),
            Finding::Missing(topic) => {
                format!("the folder of topic `{topic}` is gone, and with it its records")
            }
            Finding::Differs { topic, partitions } => {
                format!("topic `{topic}` stays as it is: it has {partitions} partitions already")
            }
        });
    }
    let address = broker.address();
    if !address.ip().is_loopback()
        && let Some(warning) = exposed
    {
        context
            .ui
            .warn(&format!("listening on {address}: {warning}"));
    }
    let ready_file = match &args.ready_file {
        Some(path) => Some(ReadyFile::write(path, address)?),
        None => None,
    };
    context.ui.text(format!("{address}\n").as_bytes())?;
    context.ui.status(&match &args.data {
        Some(data) => format!(
            "embedded broker for development; what it holds is in {} (Ctrl-C ends it)",
            data.display()
        ),
        None => {
            "embedded broker for development, in memory: everything is gone when it ends (Ctrl-C)"
                .to_owned()
        }
    });
    loop {
        tokio::select! {
            _ = stop.wait() => break,
            trouble = broker.trouble() => context.ui.warn(&trouble),
        }
    }
    drop(ready_file);
    broker.stop().await;
    // A server that is asked to end, and ends, has done what it should.
    Ok(Status::Done)
}
