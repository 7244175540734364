use super::arguments;
use super::context::Context;
use crate::error::{Error, Result, Status};
use crate::ops::overview::{HandlerPage, Members, Overview, OverviewRequest, State, members};
use crate::ops::stop::Stop;
use crate::ui::Format;
use crate::ui::screen::{Action, Viewer};
use jiff::Timestamp;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Watch groups, dead letters and topics on a full screen
///
/// Tables of the groups (lag, rates, time left, status, trend), the dead-letter topics, how fast topics are written, and
/// what could not be learnt. A group is opened with Enter: its partitions, and who is in it. `?` shows the keys. Status,
/// rates and time left are as in `eda lag --watch`, and so are colours; UNREPLAYED is what lies beyond the commits of the
/// group that replays a topic.
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
Exit status: 0 after q, 130 after Ctrl-C, 143 after SIGTERM or when the terminal is closed;
3 when the cluster is not there at the start. `eda lag --watch` is for pipes and logs, `eda serve`
the same on a web page."
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

pub async fn run(context: &Context, args: Args) -> Result<Status> {
    if context.ui.format() != Format::Table || !context.ui.has_screen() {
        return Err(
            Error::usage("`eda top` needs a terminal to draw on and to be asked by")
                .hint("`eda lag --watch` is for pipes and logs, with `--json` too"),
        );
    }
    let stop = context.stop_on_signals();
    let cluster = context.cluster()?;
    let every = args.every;
    let request = OverviewRequest {
        every,
        handlers: args.handlers,
    };
    let looking = context.ui.progress(None, "looking (Ctrl-C ends it)");
    let overview = tokio::select! {
        overview = Overview::begin(cluster, request) => overview,
        status = stop.wait() => return Ok(status),
    };
    drop(looking);
    let overview = overview?;
    let states = overview.states();
    let watching = watch_screen(context, states, every, &stop);
    tokio::select! {
        ended = watching => ended,
        Err(error) = overview.run(&stop) => Err(error),
    }
}

/// Shows each state, and does what keys ask for, until it is to end.
async fn watch_screen(
    context: &Context,
    mut states: watch::Receiver<Arc<State>>,
    every: Duration,
    stop: &Stop,
) -> Result<Status> {
    let mut screen = context.ui.screen()?;
    let mut viewer = Viewer::default();
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
