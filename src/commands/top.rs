use super::arguments;
use super::context::Context;
use crate::error::{Error, Result, Status};
use crate::ops::overview::{HandlerPage, Members, Overview, OverviewRequest, State, members};
use crate::ops::stop::Stop;
use crate::settings::environment;
use crate::ui::Format;
use crate::ui::screen::{Action, Screen, Viewer};
use jiff::Timestamp;
use std::ffi::OsString;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Watch groups, dead letters and topics on a full screen
///
/// Tables of the groups (lag, rates, time left, status, trend), the dead-letter topics, how fast topics are written, and
/// what could not be learnt. A group is opened with Enter: its partitions, and who is in it. `?` shows the keys. Status,
/// rates and time left are as in `eda lag --watch`, and so are colours; UNREPLAYED is what lies beyond the commits of the
/// group that replays a topic. ETA is - until there were two looks to compare.
///
/// While the cluster is away, it says since when and shows what was seen last; it goes on by itself. It needs a terminal of
/// 60x14, and gives it back as it was.
#[derive(Debug, clap::Args)]
#[command(
    before_long_help = "\
Examples:
  eda top
  eda top --every 5s
  eda top --handler 127.0.0.1:9400        beside: eda consume … --metrics :9400",
    after_long_help = "\
Status, by the last ten looks (- until there are ten):
  OK       there is no lag, or there was none at some time, or it falls
  WARN     commits move on, and the lag never fell
  STALLED  the commit did not move, and the group has members
  STOPPED  the commit did not move, and it has none
  REWIND   the commit went back and did not return
  ERR      of a group: a partition of it is STALLED, STOPPED or REWIND

Exit status: 0 after q (or Esc, before anything was seen), 130 after Ctrl-C, 143 after SIGTERM or
when the terminal is closed; 3 when the cluster is not there at the start; 2 without a terminal that can
be drawn on (TERM is not set, or dumb). `eda lag --watch` is for pipes and logs, `eda serve` the same on
a web page."
)]
pub struct Args {
    /// How often to look at the cluster
    #[arg(long, value_name = "INTERVAL", default_value = "2s", value_parser = arguments::interval)]
    every: Duration,

    /// Also show a handler by its metrics: what `eda consume --metrics HOST:PORT` was told (can be repeated)
    #[arg(long = "handler", value_name = "HOST:PORT", visible_alias = "scrape")]
    handlers: Vec<HandlerPage>,
}

/// Ages are counted this often.
const TICK: Duration = Duration::from_secs(1);

const INSTEAD: &str = "`eda lag --watch` is for pipes and logs, with `--json` too";

pub async fn run(context: &Context, args: Args) -> Result<Status> {
    if context.ui.format() != Format::Table || !context.ui.has_screen() {
        return Err(
            Error::usage("`eda top` needs a terminal to draw on and to be asked by").hint(INSTEAD),
        );
    }
    if !can_draw(&environment()) {
        return Err(Error::usage(
            "`eda top` needs a terminal to draw on, and by `TERM` this one cannot be drawn on",
        )
        .hint(INSTEAD));
    }
    let stop = context.stop_on_signals();
    let cluster = context.cluster()?;
    let every = args.every;
    let request = OverviewRequest {
        every,
        handlers: args.handlers,
    };
    let mut screen = context.ui.screen()?;
    let mut viewer = Viewer::looking(&cluster.connection().brokers);
    let beginning = Overview::begin(cluster, request);
    let overview = match first_look(beginning, &mut screen, &mut viewer, &stop).await {
        Ok(Begun::Looked(overview)) => (*overview)?,
        Ok(Begun::Left(status)) => return Ok(status),
        Err(error) => return or_closed(context, error),
    };
    let states = overview.states();
    let watching = watch_screen(context, screen, viewer, states, every, &stop);
    tokio::select! {
        ended = watching => match ended {
            Err(error) => or_closed(context, error),
            ended => ended,
        },
        Err(error) = overview.run(&stop) => Err(error),
    }
}

/// Whether the terminal says of itself that its cursor can be moved.
fn can_draw(environment: &[(OsString, OsString)]) -> bool {
    let kind = environment.iter().find(|(name, _)| name == "TERM");
    kind.is_some_and(|(_, kind)| !kind.is_empty() && kind != "dumb")
}

/// What it ends with when the screen cannot be used. One that was closed is as good as the signal that says so: that one
/// goes to the shell alone, and comes late or never.
fn or_closed(context: &Context, error: Error) -> Result<Status> {
    match context.ui.has_screen() {
        true => Err(error),
        false => Ok(Status::Terminated),
    }
}

/// What became of the first look.
enum Begun {
    Looked(Box<Result<Overview>>),
    /// Somebody did not wait for it.
    Left(Status),
}

/// Waits for the first look, and does what keys ask for meanwhile: a cluster may take long to answer, or not to.
///
/// # Errors
/// When the terminal is gone.
async fn first_look(
    beginning: impl Future<Output = Result<Overview>>,
    screen: &mut Screen,
    viewer: &mut Viewer,
    stop: &Stop,
) -> Result<Begun> {
    let mut beginning = pin!(beginning);
    loop {
        screen.draw(viewer)?;
        tokio::select! {
            overview = &mut beginning => return Ok(Begun::Looked(Box::new(overview))),
            status = stop.wait() => return Ok(Begun::Left(status)),
            pressed = screen.next() => match viewer.press(pressed?) {
                Action::Nothing => {}
                Action::Quit => return Ok(Begun::Left(Status::Done)),
                Action::Interrupt => return Ok(Begun::Left(Status::Interrupted)),
                Action::Suspend => screen.suspend()?,
            },
        }
    }
}

/// Shows each state, and does what keys ask for, until it is to end.
async fn watch_screen(
    context: &Context,
    mut screen: Screen,
    mut viewer: Viewer,
    mut states: watch::Receiver<Arc<State>>,
    every: Duration,
    stop: &Stop,
) -> Result<Status> {
    let mut asking: JoinSet<Members> = JoinSet::new();
    let mut found: Option<Members> = None;
    let mut asked: Option<(String, Instant)> = None;
    let mut ticks = tokio::time::interval(TICK);
    loop {
        let state = Arc::clone(&states.borrow_and_update());
        viewer.show(state.view(Timestamp::now()));
        if let Some(group) = viewer.opened().map(str::to_owned) {
            viewer.show_opened(state.opened(&group, found.as_ref()));
            let is_old = asked
                .as_ref()
                .is_none_or(|(before, at)| *before != group || at.elapsed() >= every);
            if is_old && asking.is_empty() {
                asked = Some((group.clone(), Instant::now()));
                asking.spawn(members(context.cluster()?.clone(), group));
            }
        }
        screen.draw(&mut viewer)?;
        tokio::select! {
            status = stop.wait() => return Ok(status),
            pressed = screen.next() => match viewer.press(pressed?) {
                Action::Nothing => {}
                Action::Quit => return Ok(Status::Done),
                Action::Interrupt => return Ok(Status::Interrupted),
                Action::Suspend => screen.suspend()?,
            },
            Ok(()) = states.changed() => {}
            _ = ticks.tick() => {}
            Some(Ok(answer)) = asking.join_next() => found = Some(answer),
        }
    }
}
