//! Prometheus's text, as far as handlers of ours write it: read, and written again with the name of who wrote it.
//!
//! Whoever answers may be anybody. Only families of [`PREFIX`] are taken, of each line only what is understood, and
//! that is written anew rather than passed on.

use std::collections::BTreeMap;
use std::fmt::Write;

/// What the names of a handler's series begin with.
const PREFIX: &str = "eda_handler_";

/// More series than that one handler does not have: 100,000 partitions of lag would be one for each.
const MOST: usize = 100_000;

type Labels = Vec<(String, String)>;

/// A family of series.
#[derive(Clone, Debug, Default, PartialEq)]
struct Family {
    help: String,
    kind: String,
    samples: Vec<(String, Labels, f64)>,
}

/// What one handler says.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::ops) struct Exposition(BTreeMap<String, Family>);

impl Exposition {
    /// Reads a page.
    pub(super) fn read(text: &str) -> Result<Exposition, &'static str> {
        let mut families: BTreeMap<String, Family> = BTreeMap::new();
        let mut count = 0;
        for line in text.lines() {
            if let Some(described) = line.strip_prefix("# ") {
                let mut words = described.splitn(3, ' ');
                let (Some(what), Some(name), Some(rest)) =
                    (words.next(), words.next(), words.next())
                else {
                    continue;
                };
                if !is_ours(name) {
                    continue;
                }
                let family = families.entry(name.to_owned()).or_default();
                match what {
                    "HELP" => family.help = rest.to_owned(),
                    "TYPE" if matches!(rest, "counter" | "gauge" | "histogram") => {
                        family.kind = rest.to_owned();
                    }
                    _ => {}
                }
                continue;
            }
            let Some((name, labels, value)) = sample(line).filter(|(name, ..)| is_ours(name))
            else {
                continue;
            };
            let Some(family) = family_of(&name, &mut families) else {
                continue;
            };
            count += 1;
            if count > MOST {
                return Err("there are too many series on its page");
            }
            family.samples.push((name, labels, value));
        }
        families.retain(|_, family| !family.kind.is_empty() && !family.samples.is_empty());
        match families.is_empty() {
            true => Err("there is nothing of a handler on its page"),
            false => Ok(Exposition(families)),
        }
    }

    fn of_group(&self, name: &str) -> BTreeMap<&str, f64> {
        let family = self.0.values().flat_map(|family| &family.samples);
        let of_name = family.filter(|(found, ..)| found == name);
        of_name
            .filter_map(|(_, labels, value)| Some((group(labels)?, *value)))
            .collect()
    }

    /// What counts, by group.
    pub(super) fn readings(&self) -> BTreeMap<String, Reading> {
        let counter = |name: &str| self.of_group(&format!("{PREFIX}{name}"));
        let (processed, failed) = (counter("processed_total"), counter("failed_attempts_total"));
        let (dead, in_hand) = (counter("dead_lettered_total"), counter("in_hand"));
        let (sum, attempts) = (
            counter("duration_seconds_sum"),
            counter("duration_seconds_count"),
        );
        let bucket = format!("{PREFIX}duration_seconds_bucket");
        let mut buckets: BTreeMap<&str, Vec<(f64, f64)>> = BTreeMap::new();
        for (name, labels, value) in self.0.values().flat_map(|family| &family.samples) {
            let bound = labels.iter().find(|(label, _)| label == "le");
            let bound = bound.and_then(|(_, bound)| number(bound));
            if let (true, Some(group), Some(bound)) = (*name == bucket, group(labels), bound) {
                buckets.entry(group).or_default().push((bound, *value));
            }
        }
        let mut reading = |group: &str| {
            let of = |values: &BTreeMap<&str, f64>| values.get(group).copied();
            let mut buckets = buckets
                .get_mut(group)
                .map(std::mem::take)
                .unwrap_or_default();
            buckets.sort_by(|one, other| one.0.total_cmp(&other.0));
            let reading = Reading {
                processed: of(&processed),
                failed: of(&failed),
                dead_lettered: of(&dead),
                in_hand: of(&in_hand),
                seconds: of(&sum),
                attempts: of(&attempts),
                buckets,
            };
            (group.to_owned(), reading)
        };
        processed.keys().map(|group| reading(group)).collect()
    }
}

fn group(labels: &Labels) -> Option<&str> {
    let group = labels.iter().find(|(label, _)| label == "group")?;
    Some(&group.1)
}

/// What counted up to one moment, for one group.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Reading {
    pub(super) processed: Option<f64>,
    pub(super) failed: Option<f64>,
    pub(super) dead_lettered: Option<f64>,
    pub(super) in_hand: Option<f64>,
    seconds: Option<f64>,
    pub(super) attempts: Option<f64>,
    /// Upper bounds in seconds, and how many took no longer; sorted.
    buckets: Vec<(f64, f64)>,
}

impl Reading {
    /// What came since an earlier one.
    pub(super) fn since(&self, earlier: &Reading) -> Reading {
        let change = |now: Option<f64>, before: Option<f64>| {
            Some((now? - before?).max(0.0)).filter(|change| change.is_finite())
        };
        let mut buckets = Vec::new();
        if self.buckets.len() == earlier.buckets.len() {
            let pairs = self.buckets.iter().zip(&earlier.buckets);
            buckets.extend(pairs.map(|(now, before)| (now.0, (now.1 - before.1).max(0.0))));
        }
        Reading {
            processed: change(self.processed, earlier.processed),
            failed: change(self.failed, earlier.failed),
            dead_lettered: change(self.dead_lettered, earlier.dead_lettered),
            in_hand: self.in_hand,
            seconds: change(self.seconds, earlier.seconds),
            attempts: change(self.attempts, earlier.attempts),
            buckets,
        }
    }

    /// `None` where nothing was attempted.
    pub(super) fn failed_percent(&self) -> Option<f64> {
        let attempts = self.attempts.filter(|attempts| *attempts > 0.0)?;
        Some((self.failed? / attempts * 100.0).min(100.0))
    }

    pub(super) fn mean_ms(&self) -> Option<f64> {
        let attempts = self.attempts.filter(|attempts| *attempts > 0.0)?;
        Some(self.seconds? / attempts * 1000.0)
    }

    /// Between the bounds of the bucket it is in, as `histogram_quantile` has it; the last bound where it is past all.
    pub(super) fn percentile_ms(&self, share: f64) -> Option<f64> {
        let all = self.buckets.last().map(|(_, count)| *count)?;
        if all <= 0.0 {
            return None;
        }
        let rank = share * all;
        let mut lower = (0.0, 0.0);
        for &(bound, count) in &self.buckets {
            if count >= rank {
                let within = (rank - lower.1) / (count - lower.1).max(f64::MIN_POSITIVE);
                let upper = if bound.is_finite() { bound } else { lower.0 };
                return Some((lower.0 + (upper - lower.0) * within) * 1000.0);
            }
            lower = (bound, count);
        }
        None
    }
}

/// What several say, in one text: each family once, each series with who said it. `names` stand beside what they say.
pub(in crate::ops) fn merged(said: &[(String, Exposition)]) -> String {
    let mut names: BTreeMap<&str, &Family> = BTreeMap::new();
    for (name, family) in said.iter().flat_map(|(_, said)| &said.0) {
        names.entry(name).or_insert(family);
    }
    let mut text = String::new();
    for (name, first) in names {
        let _ = writeln!(text, "# HELP {name} {}", first.help);
        let _ = writeln!(text, "# TYPE {name} {}", first.kind);
        for (instance, said) in said {
            let Some(family) = said.0.get(name).filter(|family| family.kind == first.kind) else {
                continue;
            };
            for (sample, labels, value) in &family.samples {
                let _ = write!(text, "{sample}{{instance=\"{}\"", escaped(instance));
                for (label, value) in labels.iter().filter(|(label, _)| label != "instance") {
                    let _ = write!(text, ",{label}=\"{}\"", escaped(value));
                }
                let _ = writeln!(text, "}} {}", shown(*value));
            }
        }
    }
    text
}

fn escaped(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

fn shown(value: f64) -> String {
    match value {
        value if value == f64::INFINITY => "+Inf".to_owned(),
        value if value == f64::NEG_INFINITY => "-Inf".to_owned(),
        value => value.to_string(),
    }
}

fn is_ours(name: &str) -> bool {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    name.starts_with(PREFIX) && name.chars().all(fits)
}

/// A histogram's samples have names of their own; a counter's name here ends in `_total` in both places.
fn family_of<'a>(
    sample: &str,
    families: &'a mut BTreeMap<String, Family>,
) -> Option<&'a mut Family> {
    let parts = ["_bucket", "_sum", "_count"].iter();
    let histogram = parts
        .filter_map(|part| sample.strip_suffix(part))
        .find(|name| {
            families
                .get(*name)
                .is_some_and(|family| family.kind == "histogram")
        });
    families.get_mut(histogram.unwrap_or(sample))
}

/// `name{label="value",…} number`, with nothing behind it.
fn sample(line: &str) -> Option<(String, Labels, f64)> {
    let end = line.find(['{', ' '])?;
    let (name, mut rest) = line.split_at(end);
    let mut labels = Labels::new();
    if let Some(inner) = rest.strip_prefix('{') {
        rest = inner;
        loop {
            if let Some(after) = rest.strip_prefix('}') {
                rest = after;
                break;
            }
            let (label, after) = rest.split_once("=\"")?;
            let fits = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
            if label.is_empty()
                || label.starts_with(|letter: char| letter.is_ascii_digit())
                || !label.chars().all(fits)
                || labels.iter().any(|(known, _)| known == label)
            {
                return None;
            }
            let (value, after) = quoted(after)?;
            labels.push((label.to_owned(), value));
            rest = after.strip_prefix(',').unwrap_or(after);
        }
    }
    Some((name.to_owned(), labels, number(rest.trim())?))
}

/// What stands before the closing quote, and what behind it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => match letters.next()?.1 {
                'n' => value.push('\n'),
                other @ ('\\' | '"') => value.push(other),
                _ => return None,
            },
            other => value.push(other),
        }
    }
    None
}

/// As Prometheus writes one.
fn number(text: &str) -> Option<f64> {
    match text {
        "+Inf" => Some(f64::INFINITY),
        "-Inf" => Some(f64::NEG_INFINITY),
        _ => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests;
