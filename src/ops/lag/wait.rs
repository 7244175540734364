//! The gate over time: `--for` and `--within`.

use super::attempt::Attempts;
use super::probe::Prober;
use super::snapshot::Survey;
use super::{LagReport, LagRequest, LagRow};
use crate::error::{Error, Kind, Result, Status};
use crate::kafka::Cluster;
use crate::model::duration;
use crate::model::topic::TopicPartition;
use crate::ops::stop::Stop;
use crate::report::{Report, Table};
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Between two looks: three times what a look takes, so that no cluster is kept busy by us, within these bounds.
const SHORTEST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// How long groups and topics are taken to be those that were listed, while the gate does not hold.
const SURVEY_HOLDS: Duration = Duration::from_secs(2);

/// The last look begins when the time is over at the latest, and may take this long.
const GRACE: Duration = Duration::from_secs(1);

/// What is waited for, besides [`LagRequest::max`].
#[derive(Clone, Copy, Debug, Default)]
pub struct GateRequest {
    /// For how long the gate must be seen to hold, in every look.
    pub hold: Option<Duration>,
    /// How long it may take until it does. Without it the first look that does not hold ends it.
    pub within: Option<Duration>,
}

/// The last look, and whether what was waited for came.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct Waited<R> {
    report: R,
    #[serde(skip)]
    held: bool,
    /// Why there was nothing to look at, when the time was over.
    #[serde(skip)]
    missing: Vec<String>,
    /// It holds, but not for as long as it must.
    #[serde(skip)]
    too_short: Vec<String>,
}

impl<R> Waited<R> {
    /// The same with the look shown in another way.
    pub fn map<S>(self, shown: impl FnOnce(R) -> S) -> Waited<S> {
        Waited {
            report: shown(self.report),
            held: self.held,
            missing: self.missing,
            too_short: self.too_short,
        }
    }
}

impl<R: Report> Report for Waited<R> {
    fn table(&self) -> Table {
        match self.missing.is_empty() {
            true => self.report.table(),
            false => Table::default(),
        }
    }

    fn status(&self) -> Result<Status> {
        if !self.missing.is_empty() {
            return Ok(Status::Alarm);
        }
        match self.report.status()? {
            // It holds now, but did not for as long as it must.
            Status::Done if !self.held => Ok(Status::Alarm),
            status => Ok(status),
        }
    }

    fn failures(&self) -> &[String] {
        match self.missing.is_empty() {
            true if self.too_short.is_empty() => self.report.failures(),
            true => &self.too_short,
            false => &self.missing,
        }
    }
}

/// What one look found.
enum Look {
    Seen(LagReport),
    /// A group or topic that was named is not there, or no group fits.
    Missing(Error),
    Unreachable(Error),
}

impl Look {
    fn holds(&self) -> bool {
        matches!(self, Look::Seen(report) if matches!(report.status(), Ok(Status::Done)))
    }

    /// What keeps it from holding.
    fn sentence(&self) -> String {
        match self {
            Look::Seen(report) => {
                let mut sentences = report.over_sentences();
                sentences.extend_from_slice(report.failures());
                sentences.join("; ")
            }
            Look::Missing(error) | Look::Unreachable(error) => error.one_line(),
        }
    }

    fn finish(self, held: bool, gate: GateRequest) -> Result<Waited<LagReport>> {
        let must = gate.hold.filter(|_| !held && self.holds());
        let too_short = must.map(|must| {
            let must = duration::human(must);
            format!("it holds now, but has not held for {must} when the time was over")
        });
        let (report, missing) = match self {
            Look::Seen(report) => (report, Vec::new()),
            // It could have come while it was waited for.
            Look::Missing(error) if gate.within.is_some() => {
                let hint = error.hint_text().map(|hint| format!(" ({hint})"));
                let sentence = format!("{}{}", error.one_line(), hint.unwrap_or_default());
                (LagReport::default(), vec![sentence])
            }
            Look::Missing(error) | Look::Unreachable(error) => return Err(error),
        };
        Ok(Waited {
            report,
            held,
            missing,
            too_short: too_short.into_iter().collect(),
        })
    }
}

/// Looks until the gate holds, for as long as it must, or the time is over. `news` is told after each look what is still
/// waited for.
///
/// # Errors
/// A cluster that is not reached when the time is over; a group or topic that does not exist, where there is no time to
/// wait for it; anything else at once. [`Stop`] ends it with the error of that name.
pub async fn wait(
    cluster: &Cluster,
    request: &LagRequest,
    gate: GateRequest,
    news: impl Fn(String),
    stop: &Stop,
) -> Result<Waited<LagReport>> {
    let deadline = gate.within.map(|within| Instant::now() + within);
    let mut lookout = Lookout::new(cluster, request);
    let mut held_since: Option<Instant> = None;
    let mut last: Option<Look> = None;
    loop {
        let asked = Instant::now();
        let look = tokio::select! {
            status = stop.wait() => return Err(Error::stopped(status)),
            look = lookout.look() => look?,
            () = until(deadline.map(|deadline| deadline.max(asked) + GRACE)) => {
                return match last {
                    Some(last) => last.finish(false, gate),
                    None => Err(no_answer(gate)),
                };
            }
        };
        let took = asked.elapsed();
        held_since = look
            .holds()
            .then(|| held_since.unwrap_or_else(Instant::now));
        // From the end of the first look that held to the beginning of the last.
        let held = held_since.map(|since| asked.saturating_duration_since(since));
        let must = gate.hold.unwrap_or_default();
        if held.is_some_and(|held| held >= must) {
            return look.finish(true, gate);
        }
        let is_over = match deadline {
            Some(deadline) => Instant::now() >= deadline,
            None => held.is_none(),
        };
        if is_over {
            return look.finish(false, gate);
        }
        news(match held {
            Some(held) => format!("holds, {} to go", duration::human(seconds(must - held))),
            None => look.sentence(),
        });
        let mut pause = (took * 3).clamp(SHORTEST_PAUSE, LONGEST_PAUSE);
        let ends = [deadline, held_since.map(|since| since + must)];
        for end in ends.into_iter().flatten() {
            pause = pause.min(end.saturating_duration_since(Instant::now()));
        }
        last = Some(look);
        tokio::select! {
            status = stop.wait() => return Err(Error::stopped(status)),
            () = tokio::time::sleep(pause) => {}
        }
    }
}

async fn until(end: Option<Instant>) {
    match end {
        Some(end) => tokio::time::sleep_until(end.into()).await,
        None => std::future::pending().await,
    }
}

/// Whole seconds, rounded up.
fn seconds(length: Duration) -> Duration {
    Duration::from_secs(length.as_millis().div_ceil(1000) as u64)
}

fn no_answer(gate: GateRequest) -> Error {
    let within = duration::human(gate.within.unwrap_or_default());
    Error::unreachable(format!("no answer within {within}")).hint("`-v` shows the attempts")
}

/// Looks again and again, and asks for what seldom changes only now and then.
struct Lookout<'a> {
    request: &'a LagRequest,
    attempts: Attempts,
    prober: Prober,
    survey: Option<(Survey, Instant)>,
    /// Commit and end in the look before: what still moves is not worth reading.
    before: BTreeMap<(String, TopicPartition), (Option<i64>, Option<i64>)>,
}

impl<'a> Lookout<'a> {
    fn new(cluster: &Cluster, request: &'a LagRequest) -> Self {
        Lookout {
            request,
            attempts: Attempts::at(cluster),
            prober: Prober::new(cluster, request),
            survey: None,
            before: BTreeMap::new(),
        }
    }

    /// One look. That the gate holds is never said by what was known of groups and topics a while ago.
    async fn look(&mut self) -> Result<Look> {
        let is_fresh = |(_, at): &(Survey, Instant)| at.elapsed() < SURVEY_HOLDS;
        let known = self.survey.take().filter(is_fresh);
        if let Some((survey, at)) = known {
            let look = self.look_at(&survey).await?;
            if !look.holds() {
                // What is missing may have come: then the list is asked for.
                self.survey = matches!(look, Look::Seen(_)).then_some((survey, at));
                return Ok(look);
            }
        }
        let survey = match self
            .attempts
            .ask(async |cluster| Survey::of(&cluster).await)
            .await
        {
            Err(error) if error.kind() == Kind::Unreachable => return Ok(Look::Unreachable(error)),
            survey => survey?,
        };
        let look = self.look_at(&survey).await?;
        if matches!(look, Look::Seen(_)) && !look.holds() {
            self.survey = Some((survey, Instant::now()));
        }
        Ok(look)
    }

    async fn look_at(&mut self, survey: &Survey) -> Result<Look> {
        let request = self.request;
        let seen = self
            .attempts
            .ask(async |cluster| {
                let groups = match survey.choose(&cluster, request).await {
                    Ok(groups) => groups,
                    Err(missing) => return Ok(Look::Missing(missing)),
                };
                let snapshot = survey.look(&cluster, request, groups).await?;
                Ok(Look::Seen(LagReport::new(&cluster, snapshot, request)))
            })
            .await;
        let mut report = match seen {
            Ok(Look::Seen(report)) => report,
            Err(error) if error.kind() == Kind::Unreachable => return Ok(Look::Unreachable(error)),
            look => return look,
        };
        if request.time {
            report.probe_all(&mut self.prober).await;
        } else {
            let before = std::mem::take(&mut self.before);
            let stands = |row: &LagRow| {
                let partition = &row.partition;
                let key = (partition.group.clone(), partition.topic_partition());
                before.get(&key) == Some(&(partition.committed, partition.end))
            };
            report.probe_residue(&mut self.prober, stands).await;
            self.before = places(&report);
        }
        match report.status() {
            Err(error) if report.is_blank() => Ok(Look::Missing(error)),
            _ => Ok(Look::Seen(report)),
        }
    }
}

fn places(report: &LagReport) -> BTreeMap<(String, TopicPartition), (Option<i64>, Option<i64>)> {
    let place = |row: &LagRow| {
        let partition = &row.partition;
        let key = (partition.group.clone(), partition.topic_partition());
        (key, (partition.committed, partition.end))
    };
    report.rows.iter().map(place).collect()
}
