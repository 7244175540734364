//! The program of a handler: found once, before anything is read, and started as a leader of processes of its own.

use super::live;
use crate::error::{Error, Result};
use rustix::fs::{Access, access};
use rustix::process::{Pid, Signal, kill_process_group};
use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::Duration;
use tokio::process::Child;
use tokio::time::timeout;

/// Longer ones are as good as for ever, and could not be added to the time that it is.
pub(in crate::ops) const LONGEST_TIMEOUT: Duration = Duration::from_secs(365 * 24 * 3600);
/// How long the processes have to end by themselves when they are asked to.
pub(in crate::ops) const LAST_WORDS: Duration = Duration::from_secs(2);
/// How long the kernel may take to end what was killed.
const BURIAL: Duration = Duration::from_secs(5);
/// Where to look when nobody says so: POSIX's, and where people install things.
const DEFAULT_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// The variables of our own environment, which the program inherits.
pub type Environment = Vec<(OsString, OsString)>;

/// A program that is there and may be run.
#[derive(Clone, Debug)]
pub(in crate::ops) struct Program {
    /// Has a `/` in it, so that nobody looks for it again: std then starts it by `posix_spawn`, which is quick.
    path: PathBuf,
    name: String,
    arguments: Vec<String>,
    environment: Environment,
}

impl Program {
    /// Finds what the first word of `argv` names: a path if it has a `/`, else a file in one of `PATH`'s folders.
    ///
    /// # Errors
    /// Usage: there is none, or it may not be run.
    pub(super) fn find(argv: Vec<String>, environment: Environment) -> Result<Self> {
        Self::find_as("handler", argv, environment)
    }

    /// The same for a program that is no handler, but called this.
    pub(in crate::ops) fn find_as(
        role: &'static str,
        argv: Vec<String>,
        environment: Environment,
    ) -> Result<Self> {
        let mut words = argv.into_iter();
        let name = words.next().filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| Error::usage(format!("the {role}'s command is empty")))?;
        let folders = environment
            .iter()
            .rfind(|(variable, _)| variable == "PATH")
            .map_or(OsStr::new(DEFAULT_PATH), |(_, folders)| folders);
        Ok(Program {
            path: resolve(role, &name, folders)?,
            name,
            arguments: words.collect(),
            environment,
        })
    }

    /// As the user wrote it.
    pub(in crate::ops) fn name(&self) -> &str {
        &self.name
    }

    /// Leaves variables of these names out of what is inherited.
    pub(super) fn without(&mut self, is_ours: impl Fn(&OsStr) -> bool) {
        self.environment.retain(|(name, _)| !is_ours(name));
    }

    /// To be started. In a process group of its own: a Ctrl-C in the terminal is for us, who finish what is in hand.
    pub(in crate::ops) fn command(&self) -> Command {
        let mut command = Command::new(&self.path);
        command
            .args(&self.arguments)
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .process_group(0);
        command
    }
}

fn resolve(role: &str, name: &str, folders: &OsStr) -> Result<PathBuf> {
    if name.contains('/') {
        let path = Path::new(name);
        return match path.metadata() {
            Ok(file) if !file.is_file() => {
                Err(Error::usage(format!("the {role} `{name}` is no file")))
            }
            Ok(_) if access(path, Access::EXEC_OK).is_err() => {
                Err(not_executable(role, name, path))
            }
            Ok(_) => Ok(path.to_owned()),
            Err(error) => {
                Err(Error::usage(format!("cannot find the {role} `{name}`")).caused_by(error))
            }
        };
    }
    let mut found = None;
    for folder in std::os::unix::ffi::OsStrExt::as_bytes(folders).split(|byte| *byte == b':') {
        // POSIX: an empty one is where we are.
        let folder = match folder {
            b"" => Path::new("."),
            folder => Path::new(<OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(folder)),
        };
        let path = folder.join(name);
        if !path.is_file() {
            continue;
        }
        if access(&path, Access::EXEC_OK).is_ok() {
            return Ok(path);
        }
        found.get_or_insert(path);
    }
    Err(match found {
        Some(path) => not_executable(role, name, &path),
        None => Error::usage(format!("cannot find the {role} `{name}` in PATH")).hint(format!(
            "write a path, such as `./{role}`, for a program that is not in PATH"
        )),
    })
}

fn not_executable(role: &str, name: &str, path: &Path) -> Error {
    Error::usage(format!("the {role} `{name}` may not be executed"))
        .hint(format!("`chmod +x {}` makes it a program", path.display()))
}

/// The processes that a child leads. They are killed when this is dropped before the child is known to have ended.
#[derive(Debug)]
pub(in crate::ops) struct Group(Option<Pid>);

impl Group {
    pub(super) fn led_by(child: &Child) -> Self {
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        let leader = id.and_then(Pid::from_raw);
        leader.into_iter().for_each(live::add);
        Group(leader)
    }

    /// Leaves them alone from now on: the leader has ended, and its number may soon be another's.
    pub(in crate::ops) fn forget(&mut self) {
        self.0.take().into_iter().for_each(live::remove);
    }

    fn signal(&self, signal: Signal) {
        if let Some(leader) = self.0 {
            // They may all have gone; there is nothing else it can fail of.
            let _ = kill_process_group(leader, signal);
        }
    }

    /// Asks them to end, and kills them when `patience` is over, or, those that are left, when the leader has ended.
    pub(in crate::ops) async fn end(
        &mut self,
        child: &mut Child,
        patience: Duration,
    ) -> Option<ExitStatus> {
        self.signal(Signal::TERM);
        if let Ok(status) = timeout(patience, child.wait()).await {
            self.clear();
            return status.ok();
        }
        self.kill(child).await
    }

    /// Kills what is left of them when the leader was reaped, this moment. What it leaves behind keeps its number taken;
    /// where nothing is left, no other process has got the number yet, for they are given out in turn.
    pub(super) fn clear(&mut self) {
        self.signal(Signal::KILL);
        self.forget();
    }

    /// Kills them.
    pub(super) async fn kill(&mut self, child: &mut Child) -> Option<ExitStatus> {
        self.signal(Signal::KILL);
        self.forget();
        timeout(BURIAL, child.wait()).await.ok()?.ok()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
        self.forget();
    }
}

/// How a process ended, in two or three words.
pub(in crate::ops) fn ending(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "an unknown end".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn find(name: &str, path: &str) -> Result<PathBuf, String> {
        let environment = vec![("PATH".into(), path.into())];
        let found = Program::find(vec![name.to_owned()], environment);
        found
            .map(|program| program.path)
            .map_err(|error| error.one_line())
    }

    #[test]
    fn a_program_is_found_in_the_path_or_is_one() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, mode: u32| {
            let path = folder.path().join(name);
            std::fs::write(&path, "#!/bin/sh\n").unwrap();
            std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
            path
        };
        let (good, bad) = (file("good", 0o755), file("bad", 0o644));
        std::fs::create_dir(folder.path().join("folder")).unwrap();
        let path = format!("/nowhere:{}:/bin", folder.path().display());
        let text = |path: &Path| path.to_str().unwrap().to_owned();

        assert_eq!(find("good", &path), Ok(good.clone()));
        assert_eq!(find(&text(&good), ""), Ok(good));
        assert!(find("sh", &path).unwrap().ends_with("sh"));
        let refused = |name: &str, path: &str| find(name, path).unwrap_err();
        assert_eq!(
            refused("bad", &path),
            "the handler `bad` may not be executed"
        );
        assert!(refused(&text(&bad), "").contains("may not be executed"));
        assert!(refused(&text(folder.path()), "").contains("is no file"));
        for missing in ["missing", "folder"] {
            assert_eq!(
                refused(missing, &path),
                format!("cannot find the handler `{missing}` in PATH")
            );
        }
        assert!(refused("./missing", &path).contains("cannot find the handler `./missing`"));
        assert_eq!(refused("", &path), "the handler's command is empty");
        assert!(Program::find(Vec::new(), Vec::new()).is_err());
    }
}
