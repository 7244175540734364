//! What Prometheus would say of a text: as strict as `promtool check metrics`, with nom-openmetrics to read it.

use nom_openmetrics::{Family, MetricDescriptor, MetricType, Sample};
use std::collections::{BTreeMap, BTreeSet};

type Labels = BTreeMap<String, String>;

/// The series of a text by name and labels.
#[derive(Debug)]
pub struct Scrape(BTreeMap<String, BTreeMap<Labels, f64>>);

impl Scrape {
    /// Reads a text in the format 0.0.4.
    ///
    /// # Panics
    /// With the reason, when it is not one: a family without HELP and TYPE before its samples, or in two places; a
    /// series twice; a name that is none; a counter that does not end in `_total`; a last line that does not end.
    #[track_caller]
    pub fn read(text: &str) -> Scrape {
        match read(text) {
            Ok(scrape) => scrape,
            Err(reason) => panic!("{reason}, in\n{text}"),
        }
    }

    /// The names of the families.
    pub fn names(&self) -> Vec<&str> {
        self.0.keys().map(String::as_str).collect()
    }

    /// All series of a family.
    pub fn series(&self, name: &str) -> Vec<(&Labels, f64)> {
        let series = self.0.get(name).into_iter().flatten();
        series.map(|(labels, value)| (labels, *value)).collect()
    }

    /// The value of the series with exactly these labels.
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let labels: Labels = labels.iter().map(owned).collect();
        self.0.get(name)?.get(&labels).copied()
    }
}

fn read(text: &str) -> Result<Scrape, String> {
    if !text.ends_with('\n') {
        return Err("the last line does not end".to_owned());
    }
    let (rest, families) =
        nom_openmetrics::parser::prometheus(text).map_err(|error| format!("{error:.300}"))?;
    if !rest.is_empty() {
        return Err(format!("not understood: {rest:.300}"));
    }
    let mut scrape = BTreeMap::new();
    for family in &families {
        for (name, series) in checked(family)? {
            if scrape.insert(name.clone(), series).is_some() {
                return Err(format!("`{name}` is in two places"));
            }
        }
    }
    Ok(Scrape(scrape))
}

type Series = BTreeMap<String, BTreeMap<Labels, f64>>;

/// The series of a family: under its name, or those of the three names that a histogram has.
fn checked(family: &Family) -> Result<Series, String> {
    let [
        MetricDescriptor::Help { metric, help },
        MetricDescriptor::Type {
            metric: typed,
            r#type,
        },
    ] = family.descriptors.as_slice()
    else {
        return Err(format!("not HELP and TYPE: {:?}", family.descriptors));
    };
    let name = (*metric).to_owned();
    if metric != typed || help.trim().is_empty() {
        return Err(format!("HELP of `{metric}` and TYPE of `{typed}`"));
    }
    // The library reads every type but this one.
    let is_histogram = *r#type == MetricType::Unknown("histogram");
    match (r#type, name.ends_with("_total")) {
        (MetricType::Gauge, false) | (MetricType::Counter, true) => {}
        (_, false) if is_histogram => {}
        _ => return Err(format!("`{name}` is a {type}")),
    }
    if !is_name(&name, ":") {
        return Err(format!("`{name}` is no name"));
    }
    if family.samples.is_empty() {
        return Err(format!("`{name}` has no series"));
    }
    let mut all = Series::new();
    for sample in &family.samples {
        let part = sample.name().strip_prefix(name.as_str());
        let belongs = match is_histogram {
            true => matches!(part, Some("_bucket" | "_sum" | "_count")),
            false => part == Some(""),
        };
        if !belongs {
            return Err(format!("`{}` among `{name}`", sample.name()));
        }
        let series = all.entry(sample.name().to_owned()).or_default();
        if series.insert(labels(sample)?, sample.number()).is_some() {
            return Err(format!("twice: {sample:?}"));
        }
    }
    match is_histogram && !adds_up(&name, &all) {
        true => Err(format!("`{name}` does not add up: {all:?}")),
        false => Ok(all),
    }
}

/// Whether the buckets of each series only grow with their bounds, up to the count.
fn adds_up(name: &str, all: &Series) -> bool {
    let (Some(buckets), Some(counts)) = (
        all.get(&format!("{name}_bucket")),
        all.get(&format!("{name}_count")),
    ) else {
        return false;
    };
    counts.iter().all(|(labels, count)| {
        let mut found: Vec<(f64, f64)> = Vec::new();
        for (bucket, value) in buckets {
            let mut rest = bucket.clone();
            let bound = rest.remove("le").and_then(|bound| bound.parse().ok());
            if let Some(bound) = bound.filter(|_| rest == *labels) {
                found.push((bound, *value));
            }
        }
        found.sort_by(|one, other| one.0.total_cmp(&other.0));
        found.is_sorted_by(|one, other| one.1 <= other.1)
            && found.last() == Some(&(f64::INFINITY, *count))
    })
}

fn labels(sample: &Sample) -> Result<Labels, String> {
    let mut names = BTreeSet::new();
    for label in sample.labels() {
        if !is_name(label.name, "") || !names.insert(label.name) {
            return Err(format!("`{}` is no label in {sample:?}", label.name));
        }
    }
    let owned = |label: &nom_openmetrics::Label| (label.name.to_owned(), label.value.clone());
    Ok(sample.labels().iter().map(owned).collect())
}

/// `[a-zA-Z_][a-zA-Z0-9_]*`, and what else may be in it.
fn is_name(name: &str, also: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || also.contains(c);
    name.chars().all(fits) && name.starts_with(|c: char| fits(c) && !c.is_ascii_digit())
}

#[test]
fn what_prometheus_refuses_is_refused() {
    let head = "# HELP a Some.\n# TYPE a gauge\n";
    let good = format!("{head}a{{b=\"x\\\\y\\\"z\\n\"}} 1\na 2.5\n");
    let scrape = read(&good).unwrap();
    assert_eq!(scrape.value("a", &[("b", "x\\y\"z\n")]), Some(1.0));
    assert_eq!(scrape.value("a", &[]), Some(2.5));
    let histogram = |first: u32, all: u32, count: u32| {
        format!(
            "# HELP a Some.\n# TYPE a histogram\na_bucket{{le=\"1\"}} {first}\na_bucket{{le=\"+Inf\"}} {all}\n\
             a_sum 1.5\na_count {count}\n"
        )
    };
    let scrape = read(&histogram(1, 2, 2)).unwrap();
    assert_eq!(scrape.value("a_bucket", &[("le", "+Inf")]), Some(2.0));
    for wrong in [
        "a 1\n",
        "# TYPE a gauge\na 1\n",
        "# TYPE a gauge\n# HELP a Some.\na 1\n",
        &format!("{head}a 1"),
        &format!("{head}a 1\na 2\n"),
        &format!("{head}b 1\n"),
        &format!("{head}a{{b=\"1\",b=\"2\"}} 1\n"),
        &format!("{head}a{{b=\"1\"}} one\n"),
        &format!("{head}a{{b=\"\"\"}} 1\n"),
        &format!("{head}a 1\n{head}a{{b=\"1\"}} 1\n"),
        "# HELP a Some.\n# TYPE a counter\na 1\n",
        &histogram(2, 1, 1),
        &histogram(1, 2, 3),
    ] {
        assert!(read(wrong).is_err(), "{wrong}");
    }
}
