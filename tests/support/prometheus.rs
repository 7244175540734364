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
        let (name, series) = checked(family)?;
        if scrape.insert(name.clone(), series).is_some() {
            return Err(format!("`{name}` is in two places"));
        }
    }
    Ok(Scrape(scrape))
}

fn checked(family: &Family) -> Result<(String, BTreeMap<Labels, f64>), String> {
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
    match (r#type, name.ends_with("_total")) {
        (MetricType::Gauge, false) | (MetricType::Counter, true) => {}
        _ => return Err(format!("`{name}` is a {type}")),
    }
    if !is_name(&name, ":") {
        return Err(format!("`{name}` is no name"));
    }
    if family.samples.is_empty() {
        return Err(format!("`{name}` has no series"));
    }
    let mut series = BTreeMap::new();
    for sample in &family.samples {
        if sample.name() != name {
            return Err(format!("`{}` among `{name}`", sample.name()));
        }
        if series.insert(labels(sample)?, sample.number()).is_some() {
            return Err(format!("twice: {sample:?}"));
        }
    }
    Ok((name, series))
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
    ] {
        assert!(read(wrong).is_err(), "{wrong}");
    }
}
