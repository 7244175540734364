//! The body of an answer: a page, or events that come one after the other (server-sent events, of the HTML standard).

use super::connections::AtWork;
use bytes::Bytes;
use futures_util::Stream;
use http_body_util::Full;
use hyper::body::{Body, Frame, SizeHint};
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::sync::OwnedSemaphorePermit;

/// What the answer with [`Events`] says it is.
pub(super) const EVENTS: &str = "text/event-stream";

/// Events as they are written: each a few lines, and an empty one. Only the reader's own pace draws them.
pub type Events = Pin<Box<dyn Stream<Item = Bytes> + Send>>;

enum What {
    Page(Full<Bytes>),
    Events {
        events: Events,
        /// Held while it goes on.
        _seat: OwnedSemaphorePermit,
    },
}

/// A page or events. While there is more to come, it counts as being worked at.
pub(super) struct Answer {
    what: What,
    /// Held while it goes on, too.
    at_work: Option<AtWork>,
}

impl Answer {
    pub(super) fn stream(events: Events, seat: OwnedSemaphorePermit) -> Self {
        Answer {
            what: What::Events {
                events,
                _seat: seat,
            },
            at_work: None,
        }
    }

    /// Keeps the connection of one who watches; a page that is made is only to be taken, and whoever is slow at that
    /// makes room for others.
    pub(super) fn keep(&mut self, at_work: AtWork) {
        if matches!(self.what, What::Events { .. }) {
            self.at_work = Some(at_work);
        }
    }
}

impl From<Bytes> for Answer {
    fn from(page: Bytes) -> Self {
        Answer {
            what: What::Page(Full::new(page)),
            at_work: None,
        }
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match &mut self.what {
            What::Page(page) => Pin::new(page).poll_frame(context),
            What::Events { events, .. } => {
                let next = events.as_mut().poll_next(context);
                next.map(|event| event.map(|event| Ok(Frame::data(event))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.what {
            What::Page(page) => page.is_end_stream(),
            What::Events { .. } => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.what {
            What::Page(page) => page.size_hint(),
            What::Events { .. } => SizeHint::default(),
        }
    }
}
