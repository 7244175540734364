//! The rules of the sources, kept by a machine: who may import whom, how long a file may be, that each command has
//! a test, that each test is run.
//!
//! The rules are functions of (path, text) in the files beside this one, and are tested themselves: each sees the
//! source it must refuse.

mod import_cases;
mod imports;
mod source;
mod tree;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The text of each `.rs` file under a folder of the checkout, by its path from there: `src/ops/lag.rs`.
pub fn sources(folder: &str) -> BTreeMap<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources = BTreeMap::new();
    let mut folders = vec![PathBuf::from(folder)];
    while let Some(folder) = folders.pop() {
        let listing = std::fs::read_dir(root.join(&folder))
            .unwrap_or_else(|error| panic!("`{}`: {error}", folder.display()));
        for entry in listing {
            let path = folder.join(entry.unwrap().file_name());
            if root.join(&path).is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(root.join(&path)).unwrap();
                sources.insert(path.to_str().unwrap().to_owned(), text);
            }
        }
    }
    assert!(!sources.is_empty(), "no sources under `{folder}`");
    sources
}

#[track_caller]
fn none(violations: Vec<String>) {
    assert!(violations.is_empty(), "{}", violations.join("\n"));
}

#[test]
fn no_arrow_points_up() {
    let sources = sources("src");
    let tests = tree::test_modules(&sources);
    let production = sources.iter().filter(|(path, _)| !tests.contains(*path));
    none(
        production
            .flat_map(|(path, text)| imports::violations(path, text))
            .collect(),
    );
}

#[test]
fn no_file_is_too_long() {
    let mut all = sources("src");
    all.extend(sources("tests"));
    none(
        all.iter()
            .filter_map(|(path, text)| tree::too_long(path, text))
            .collect(),
    );
}

#[test]
fn no_exemption_from_the_length_is_stale() {
    let mut all = sources("src");
    all.extend(sources("tests"));
    none(tree::stale_exemptions(&all));
}

#[test]
fn every_command_has_a_test() {
    let mut tests = sources("tests/broker");
    tests.extend(sources("tests/cli"));
    let commands = sources("src/commands");
    none(
        commands
            .iter()
            .filter_map(|(path, text)| tree::untested(path, text, &tests))
            .collect(),
    );
}

#[test]
fn every_test_is_run() {
    let tests = sources("tests");
    none(tree::undeclared(&tests));
    none(
        tests
            .iter()
            .flat_map(|(path, text)| tree::not_run(path, text))
            .collect(),
    );
}
