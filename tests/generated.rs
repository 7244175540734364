//! What is generated and checked in is fresh, and the README's examples work. `EDA_UPDATE=1 cargo test` rewrites.

use crate::support::{Broker, Eda, eda};
use std::collections::BTreeMap;
use std::path::Path;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Fails unless the folder holds exactly these files; with `EDA_UPDATE=1` makes it so instead.
#[track_caller]
fn is_fresh(folder: &str, expected: &BTreeMap<String, String>) {
    let folder = root().join(folder);
    let files = || -> BTreeMap<String, String> {
        let Ok(entries) = std::fs::read_dir(&folder) else {
            return BTreeMap::new();
        };
        let entries = entries.map(|entry| entry.unwrap());
        let text = |entry: std::fs::DirEntry| {
            (
                entry.file_name().into_string().unwrap(),
                std::fs::read_to_string(entry.path()).unwrap(),
            )
        };
        entries.map(text).collect()
    };
    if std::env::var_os("EDA_UPDATE").is_some_and(|value| value == "1") {
        std::fs::create_dir_all(&folder).unwrap();
        for name in files().keys().filter(|name| !expected.contains_key(*name)) {
            std::fs::remove_file(folder.join(name)).unwrap();
        }
        for (name, text) in expected {
            std::fs::write(folder.join(name), text).unwrap();
        }
    }
    let files = files();
    let names = |files: &BTreeMap<String, String>| files.keys().cloned().collect::<Vec<_>>();
    let hint = "`EDA_UPDATE=1 cargo test generated` rewrites it";
    assert_eq!(
        names(&files),
        names(expected),
        "{}: {hint}",
        folder.display()
    );
    for (name, text) in expected {
        assert_eq!(
            &files[name],
            text,
            "{}/{name} is stale: {hint}",
            folder.display()
        );
    }
}

#[test]
fn completions_are_fresh() {
    let shells = [
        ("bash", "eda.bash"),
        ("elvish", "eda.elv"),
        ("fish", "eda.fish"),
        ("powershell", "eda.ps1"),
        ("zsh", "_eda"),
    ];
    let script = |(shell, file): (&str, &str)| {
        (
            file.to_owned(),
            eda(&["completions", shell]).run().succeeds().stdout,
        )
    };
    is_fresh("completions", &shells.map(script).into_iter().collect());
}

#[test]
fn manual_pages_are_fresh() {
    let man = eda(&["man", "pages"]);
    man.run().succeeds();
    let mut pages = BTreeMap::new();
    for entry in std::fs::read_dir(man.home().join("pages")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        pages.insert(name, std::fs::read_to_string(path).unwrap());
    }
    is_fresh("man", &pages);
}

#[test]
fn the_examples_of_the_readme_work() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let (_, marked) = readme
        .split_once("<!-- examples:")
        .expect("the README marks its examples");
    let (_, block) = marked.split_once("```sh\n").expect("a block of examples");
    let (block, _) = block.split_once("```").expect("the block's end");
    let broker = Broker::embedded(&[]);
    // All in one folder, as a reader runs them.
    let run = Eda::new().env("EDA_BROKERS", broker.address());
    let mut count = 0;
    for line in block.lines().filter(|line| !line.trim().is_empty()) {
        let words: Vec<&str> = line
            .split_whitespace()
            .take_while(|word| !word.starts_with('#'))
            .collect();
        assert_eq!(words[0], "eda", "{line}");
        run.clone().args(&words[1..]).run().succeeds();
        count += 1;
    }
    assert_eq!(count, 11, "the README has eleven examples");
    assert!(readme.lines().count() < 160, "the README is short");
}

#[test]
fn the_readme_has_the_table_of_exit_codes() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    for code in [
        "| 0 |",
        "| 1 |",
        "| 2 |",
        "| 3 |",
        "| 4 |",
        "| 130 / 143 |",
        "| 101 |",
    ] {
        assert!(readme.contains(code), "no `{code}`");
    }
}
