//! The conventions we understand: one file each, and one row in [`CONVENTIONS`].
//!
//! Where its headers say it all, a convention is a table of their names (a [`Story`](super::story::Story)); a function
//! stands where it is odd. The facts are from the frameworks' own sources, named in each file, and from records they
//! wrote.

pub(super) mod envelope;
pub(super) mod uber;

mod arroyo;
mod eventferry;
mod generic;
mod kafka_connect;
mod kafka_streams;
mod kafkajs_async_retry;
mod karafka;
mod kdlq;
mod laravel;
mod posthog;
mod share_group;
mod silverback;
mod smallrye;
mod spring;
mod spring_cloud_stream;
mod watermill;
mod wolverine;
mod x_dlq;

use super::{DeadLetter, eda};
use crate::model::record::Record;
use std::sync::LazyLock;

/// A way of writing dead letters.
pub(super) struct Convention {
    pub name: &'static str,
    /// What its dead letters have and hardly any other record has: looked for before anything is read.
    pub mark: Mark,
    /// The story, when the record tells one this way.
    pub read: fn(&Record) -> Option<DeadLetter>,
    /// Whether a header of this name belongs to the story, and not to the record that died.
    pub is_diagnostic: fn(&str) -> bool,
}

/// What shows at a glance that a record may be a dead letter of a convention.
pub(super) enum Mark {
    /// A header of one of these names.
    Header(&'static [&'static str]),
    /// Something else, which must be cheap to see: every record is asked.
    Sign(fn(&Record) -> bool),
}

/// All we understand, the surest first: several may fit, and the first that does is believed.
static CONVENTIONS: &[&Convention] = &[
    &eda::CONVENTION,
    &share_group::CONVENTION,
    &kafka_connect::CONVENTION,
    &kafka_streams::CONVENTION,
    &spring::RETRY,
    &spring::CONVENTION,
    &spring_cloud_stream::CONVENTION,
    &smallrye::RETRY,
    &smallrye::CONVENTION,
    &posthog::CONVENTION,
    &karafka::CONVENTION,
    &watermill::CONVENTION,
    &wolverine::CONVENTION,
    &silverback::CONVENTION,
    &kafkajs_async_retry::CONVENTION,
    &kdlq::CONVENTION,
    &laravel::CONVENTION,
    &eventferry::CONVENTION,
    &x_dlq::CONVENTION,
    &uber::CONVENTION,
    &envelope::CONVENTION,
    &arroyo::CONVENTION,
    &generic::CONVENTION,
];

/// The story a dead letter tells; `None` when the record is none, or of a convention we do not know.
///
/// A record that is no dead letter costs next to nothing: its headers are gone through once, by name, and nothing is
/// read or parsed unless one of them is a convention's mark.
pub fn detect(record: &Record) -> Option<DeadLetter> {
    let marked = MARKS.of(record);
    let bears = |index: usize, convention: &Convention| match convention.mark {
        Mark::Header(_) => marked & (1 << index) != 0,
        Mark::Sign(shows) => shows(record),
    };
    let mut asked = CONVENTIONS.iter().enumerate();
    let mut letter = asked.find_map(|(index, convention)| {
        bears(index, convention)
            .then(|| (convention.read)(record))
            .flatten()
    })?;
    eda::remember_replays(record, &mut letter);
    Some(letter)
}

/// Whether a header of this name tells why the record died, by the convention of that name: what a replay strips.
pub fn is_diagnostic(convention: &str, header: &str) -> bool {
    named(convention).is_some_and(|convention| (convention.is_diagnostic)(header))
}

/// The convention of that name.
pub(super) fn named(name: &str) -> Option<&'static Convention> {
    let known = |convention: &&&Convention| convention.name == name;
    CONVENTIONS.iter().find(known).copied()
}

/// Which conventions a header's name is the mark of, as bits: looked up by the name's length, which few share.
struct Marks(Vec<Vec<(&'static str, u32)>>);

static MARKS: LazyLock<Marks> = LazyLock::new(|| {
    let mut marks: Vec<Vec<(&'static str, u32)>> = Vec::new();
    for (index, convention) in CONVENTIONS.iter().enumerate() {
        let Mark::Header(names) = convention.mark else {
            continue;
        };
        for name in names {
            if marks.len() <= name.len() {
                marks.resize(name.len() + 1, Vec::new());
            }
            let known = &mut marks[name.len()];
            match known.iter_mut().find(|(known, _)| known == name) {
                Some((_, bits)) => *bits |= 1 << index,
                None => known.push((name, 1 << index)),
            }
        }
    }
    Marks(marks)
});

impl Marks {
    fn of(&self, record: &Record) -> u32 {
        let mut marked = 0;
        for header in &record.headers {
            let candidates = self.0.get(header.name.len()).map_or(&[][..], Vec::as_slice);
            let bits = candidates
                .iter()
                .filter(|(name, _)| *name == header.name)
                .map(|(_, bits)| bits);
            marked |= bits.sum::<u32>();
        }
        marked
    }
}

#[cfg(test)]
mod tests;
