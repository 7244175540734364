//! How many letters died in each hour.

use crate::report::{Table, Tone, bar};
use serde::Serialize;
use std::collections::BTreeMap;

const MILLISECONDS: i64 = 60 * 60 * 1000;

/// Hours that are kept apart, the newest: more than a year of them.
const KEPT: usize = 10_000;

/// Hours that are shown to people, the newest.
const SHOWN: usize = 48;

/// Characters of the longest bar.
const WIDTH: u32 = 40;

/// An hour in which letters died.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Hour {
    /// When it began, in milliseconds since 1970-01-01 UTC.
    hour: i64,
    count: u64,
}

/// Counts by the hour, as many hours as there are but no more than [`KEPT`].
#[derive(Default)]
pub(super) struct Hours {
    counts: BTreeMap<i64, u64>,
    /// The last hour that is not kept.
    given_up: Option<i64>,
    /// Died before the hours that are kept.
    pub(super) earlier: u64,
    /// Nobody says when.
    pub(super) undated: u64,
}

impl Hours {
    /// One died then, in milliseconds since 1970.
    pub(super) fn add(&mut self, died: Option<i64>) {
        let Some(died) = died else {
            self.undated += 1;
            return;
        };
        let hour = died.div_euclid(MILLISECONDS);
        if self.given_up.is_some_and(|last| hour <= last) {
            self.earlier += 1;
            return;
        }
        *self.counts.entry(hour).or_default() += 1;
        if self.counts.len() > KEPT
            && let Some((hour, count)) = self.counts.pop_first()
        {
            self.given_up = Some(hour);
            self.earlier += count;
        }
    }

    /// Those in which any died, the oldest first.
    pub(super) fn into_hours(self) -> Vec<Hour> {
        let hour = |(hour, count): (i64, u64)| Hour {
            hour: hour.saturating_mul(MILLISECONDS),
            count,
        };
        self.counts.into_iter().map(hour).collect()
    }
}

/// The newest as a bar chart. Hours in between in which nothing died are rows as well, unless that were too many.
pub(super) fn table(hours: &[Hour]) -> Table {
    let mut table = Table::new(&["HOUR", "LETTERS", "CHART"], "").titled("letters per hour (UTC)");
    let (earlier, shown) = hours.split_at(hours.len().saturating_sub(SHOWN));
    let greatest = shown.iter().map(|hour| hour.count).max().unwrap_or(0);
    let (filled, empty) = with_gaps(shown);
    for hour in filled {
        table.row([
            time(hour.hour).into(),
            hour.count.into(),
            bar(hour.count, greatest, WIDTH).into(),
        ]);
    }
    if empty > 0 {
        let text = format!("{empty} hours between them in which nothing died are left out");
        table.note(text, Tone::Plain);
    }
    if !earlier.is_empty() {
        let count: u64 = earlier.iter().map(|hour| hour.count).sum();
        let text = format!(
            "{count} died in {} hours before these, which `--json` has",
            earlier.len()
        );
        table.note(text, Tone::Plain);
    }
    table
}

/// With the hours between in which nothing died, and how many of those are left out.
fn with_gaps(hours: &[Hour]) -> (Vec<Hour>, i64) {
    let (Some(first), Some(last)) = (hours.first(), hours.last()) else {
        return (Vec::new(), 0);
    };
    let span = last.hour.saturating_sub(first.hour) / MILLISECONDS + 1;
    let most = i64::try_from(SHOWN).unwrap_or(i64::MAX);
    if span > most {
        let known = i64::try_from(hours.len()).unwrap_or(i64::MAX);
        return (hours.to_vec(), span - known);
    }
    let mut known = hours.iter().peekable();
    let all = (0..span).map(|at| {
        let hour = first.hour + at * MILLISECONDS;
        let found = known.next_if(|known| known.hour == hour);
        found.cloned().unwrap_or(Hour { hour, count: 0 })
    });
    (all.collect(), 0)
}

/// RFC 3339, in UTC; the number itself where no calendar goes so far.
pub(super) fn time(milliseconds: i64) -> String {
    match jiff::Timestamp::from_millisecond(milliseconds) {
        Ok(time) => time.to_string(),
        Err(_) => milliseconds.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Cell;

    fn hours(counts: &[(i64, u64)]) -> Vec<Hour> {
        let hour = |(hour, count): &(i64, u64)| Hour {
            hour: hour * MILLISECONDS,
            count: *count,
        };
        counts.iter().map(hour).collect()
    }

    fn shown(table: &Table) -> Vec<(String, i64)> {
        let row = |row: &Vec<Cell>| match (&row[0], &row[1]) {
            (Cell::Text(hour, _), Cell::Number(count, _)) => (hour.clone(), *count),
            other => panic!("{other:?}"),
        };
        table.rows.iter().map(row).collect()
    }

    #[test]
    fn an_hour_begins_at_the_full_hour_before_1970_too() {
        let mut counted = Hours::default();
        let died = [0, MILLISECONDS - 1, MILLISECONDS, -1, i64::MAX, i64::MIN];
        for died in died {
            counted.add(Some(died));
        }
        counted.add(None);
        assert_eq!((counted.undated, counted.earlier), (1, 0));
        let found = counted.into_hours();
        let counts: Vec<_> = found.iter().map(|hour| hour.count).collect();
        assert_eq!(counts, [1, 1, 2, 1, 1]);
        assert_eq!(
            (found[1].hour, found[2].hour, found[3].hour),
            (-MILLISECONDS, 0, MILLISECONDS)
        );
        // Nor is it a panic to show them.
        assert_eq!(table(&found).rows.len(), 5);
    }

    #[test]
    fn the_newest_are_kept_and_the_others_counted() {
        let kept = i64::try_from(KEPT).unwrap();
        let mut counted = Hours::default();
        for hour in (0..kept + 5).rev().chain(0..10) {
            counted.add(Some(hour * MILLISECONDS));
        }
        assert_eq!(counted.earlier, 5 + 5);
        let found = counted.into_hours();
        assert_eq!((found.len(), found[0].hour), (KEPT, 5 * MILLISECONDS));
        assert_eq!((found[0].count, found[5].count), (2, 1));
    }

    #[test]
    fn short_gaps_are_rows_and_long_ones_a_note() {
        let short = table(&hours(&[(0, 2), (2, 4)]));
        let expected = [
            ("1970-01-01T00:00:00Z", 2),
            ("1970-01-01T01:00:00Z", 0),
            ("1970-01-01T02:00:00Z", 4),
        ]
        .map(|(hour, count)| (hour.to_owned(), count));
        assert_eq!(shown(&short), expected);
        assert_eq!(short.notes, []);
        let long = table(&hours(&[(0, 2), (100, 4)]));
        assert_eq!(long.rows.len(), 2);
        assert!(long.notes[0].0.starts_with("99 hours"), "{:?}", long.notes);
        let many: Vec<_> = (0..60).map(|hour| (hour, 1)).collect();
        let many = table(&hours(&many));
        assert_eq!(many.rows.len(), SHOWN);
        assert!(many.notes[0].0.starts_with("12 died in 12 hours"));
        assert_eq!(table(&[]).rows.len(), 0);
    }
}
