//! Runs of programs: how long each takes, how much memory, and whether it showed all there is.

use std::ffi::OsString;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// One repetition of what takes longer is enough.
const SLOW: Duration = Duration::from_secs(20);

/// What takes longer is ended.
const LIMIT: Duration = Duration::from_secs(60);

/// A command line, and how often it was seen to run.
pub struct Tool {
    name: &'static str,
    line: Vec<OsString>,
    /// Others after it are told as ratios to it.
    begins: bool,
    rows: usize,
    is_row: fn(&str) -> bool,
    /// Hundreds of megabytes are nothing to keep and look through.
    unread: bool,
    times: Vec<Duration>,
    /// Of a run on its own, in KiB.
    memory: Option<u64>,
    failure: Option<String>,
    /// It did not show what it was to show.
    shortcoming: Option<String>,
}

impl Tool {
    pub fn new(name: &'static str, line: Vec<OsString>) -> Self {
        Tool {
            name,
            line,
            begins: false,
            rows: 0,
            is_row: |_| false,
            unread: false,
            times: Vec::new(),
            memory: None,
            failure: None,
            shortcoming: None,
        }
    }

    /// How many of these lines the output is to have; another number is told beside the figures.
    pub fn shows(mut self, rows: usize, is_row: fn(&str) -> bool) -> Self {
        (self.rows, self.is_row) = (rows, is_row);
        self
    }

    /// What it writes goes nowhere.
    pub fn unread(mut self) -> Self {
        self.unread = true;
        self
    }

    pub fn begins_a_comparison(mut self) -> Self {
        self.begins = true;
        self
    }

    fn run(&mut self) {
        let is_slow = self.times.iter().any(|&time| time > SLOW);
        if is_slow || self.failure.is_some() {
            return;
        }
        let started = Instant::now();
        let output = match self.unread {
            true => self.run_unread(),
            false => {
                let mut command = assert_cmd::Command::new(&self.line[0]);
                command.args(&self.line[1..]).timeout(LIMIT).output()
            }
        };
        let took = started.elapsed();
        let failure = match output {
            Err(error) => Some(error.to_string()),
            Ok(_) if took >= LIMIT => Some(format!("ended after {} s", LIMIT.as_secs())),
            Ok(output) if !output.status.success() => {
                let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
                Some(format!("{}: {}", output.status, stderr.trim()))
            }
            Ok(output) => {
                let text = String::from_utf8_lossy(&output.stdout).into_owned();
                let rows = text.lines().filter(|line| (self.is_row)(line)).count();
                if rows != self.rows {
                    self.shortcoming =
                        Some(format!("it showed {rows} rows, there are {}", self.rows));
                }
                None
            }
        };
        match failure {
            None => self.times.push(took),
            failure => self.failure = failure,
        }
    }

    /// Ended by its own time-outs, if it comes to that: it is no tool that waits for more.
    fn run_unread(&self) -> std::io::Result<Output> {
        let mut command = Command::new(&self.line[0]);
        command.args(&self.line[1..]).stdin(Stdio::null());
        command
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .output()
    }

    /// The most memory a run has, read again and again while it lasts: a process that has ended does not tell.
    fn weigh(&mut self) {
        let is_slow = self.times.iter().any(|&time| time > SLOW);
        if is_slow || self.failure.is_some() {
            return;
        }
        let mut command = Command::new(&self.line[0]);
        command.args(&self.line[1..]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let Ok(mut child) = command.spawn() else {
            return;
        };
        let status = format!("/proc/{}/status", child.id());
        while matches!(child.try_wait(), Ok(None)) {
            let text = std::fs::read_to_string(&status).unwrap_or_default();
            let most = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let number = most.and_then(|most| most.split_whitespace().next()?.parse().ok());
            self.memory = number.or(self.memory);
            std::thread::yield_now();
        }
    }

    fn median(&self) -> Option<Duration> {
        let mut times = self.times.clone();
        times.sort();
        times.get(times.len() / 2).copied()
    }
}

/// Every tool once, before the next repetition; one before the first is not counted.
pub fn take_turns(tools: &mut [Tool], runs: usize) {
    for run in 0..=runs {
        for tool in &mut *tools {
            tool.run();
            if run == 0 && !tool.times.iter().any(|&time| time > SLOW) {
                tool.times.clear();
            }
        }
    }
    for tool in tools {
        tool.weigh();
    }
}

/// A line a tool: median, fastest and slowest run, how many times as long as `eda` it takes, memory.
pub fn show(tools: &[Tool]) {
    println!(
        "{:<22} {:>9} {:>9} {:>9} {:>7} {:>9}",
        "", "MEDIAN", "FASTEST", "SLOWEST", "× EDA", "MEMORY"
    );
    let mut first = None;
    for tool in tools {
        let median = tool.median();
        if first.is_none() || tool.begins {
            first = median;
        }
        let Some(median) = median else {
            let failure = tool.failure.as_deref().unwrap_or("not run");
            println!("{:<22} {failure}", tool.name);
            continue;
        };
        let seconds = |time: Option<Duration>| {
            time.map_or("-".to_owned(), |time| {
                format!("{:.3} s", time.as_secs_f64())
            })
        };
        let ratio = first.map_or("-".to_owned(), |first| {
            format!("{:.2}", median.as_secs_f64() / first.as_secs_f64())
        });
        let memory = tool
            .memory
            .map_or("-".to_owned(), |memory| format!("{} MiB", memory / 1024));
        println!(
            "{:<22} {:>9} {:>9} {:>9} {ratio:>7} {memory:>9}",
            tool.name,
            seconds(Some(median)),
            seconds(tool.times.iter().min().copied()),
            seconds(tool.times.iter().max().copied()),
        );
        if let Some(shortcoming) = &tool.shortcoming {
            println!("{:<22} {shortcoming}", "");
        }
        if let Some(failure) = &tool.failure {
            println!("{:<22} then: {failure}", "");
        }
    }
}
