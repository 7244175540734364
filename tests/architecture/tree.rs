//! The tree of files: lengths, commands with tests, tests that are run.

use super::source::{bare, tokens};
use std::collections::{BTreeMap, BTreeSet};

type Sources = BTreeMap<String, String>;

const LONGEST: usize = 400;

/// What Cargo.toml names: the tests and the benchmarks.
const ROOTS: &[&str] = &[
    "tests/main.rs",
    "tests/bench/broker.rs",
    "tests/bench/dead_letters.rs",
    "tests/bench/events.rs",
    "tests/bench/fleet.rs",
    "tests/bench/handlers.rs",
    "tests/bench/outbox.rs",
    "tests/bench/replay.rs",
];

/// Tables may be longer, each with its reason.
const MAY_BE_LONGER: &[(&str, &str)] = &[];

/// A file that should be two.
pub fn too_long(path: &str, text: &str) -> Option<String> {
    let lines = text.lines().count();
    let is_exempt = MAY_BE_LONGER.iter().any(|(exempt, _)| *exempt == path);
    let refused = lines > LONGEST && !is_exempt;
    refused.then(|| format!("{path}: {lines} lines, {LONGEST} are enough"))
}

/// Exemptions nobody needs any more.
pub fn stale_exemptions(sources: &Sources) -> Vec<String> {
    let needed = |path: &str| {
        sources
            .get(path)
            .is_some_and(|text| text.lines().count() > LONGEST)
    };
    let stale = MAY_BE_LONGER.iter().filter(|(path, _)| !needed(path));
    stale
        .map(|(path, reason)| format!("{path} need not be exempt ({reason})"))
        .collect()
}

/// A leaf command (a file under src/commands with `pub struct Args`) that no test runs.
pub fn untested(path: &str, text: &str, tests: &Sources) -> Option<String> {
    if !bare(text).contains("pub struct Args") {
        return None;
    }
    let command = path.strip_prefix("src/commands/")?.strip_suffix(".rs")?;
    let command = command.strip_suffix("/mod").unwrap_or(command);
    // `["topic", "create"` however it is laid out: the first words of a run's arguments.
    let words: Vec<String> = command
        .split('/')
        .map(|word| format!("\"{}\"", word.replace('_', "-")))
        .collect();
    let call = format!("[{}", words.join(","));
    let runs = |test: &String| {
        let squeezed: String = test
            .chars()
            .filter(|letter| !letter.is_whitespace())
            .collect();
        squeezed.contains(&call)
    };
    let refused = !tests.values().any(runs);
    refused.then(|| format!("{path}: no test runs `eda {}`", command.replace('/', " ")))
}

/// Test files that no module declares: they compile to nothing, and look as if they passed.
pub fn undeclared(tests: &Sources) -> Vec<String> {
    let mut missing = Vec::new();
    for path in tests.keys().filter(|path| !ROOTS.contains(&path.as_str())) {
        let module = path
            .strip_suffix("/mod.rs")
            .or(path.strip_suffix(".rs"))
            .unwrap_or(path);
        let Some((folder, name)) = module.rsplit_once('/') else {
            continue;
        };
        let parents = [
            format!("{folder}/mod.rs"),
            format!("{folder}.rs"),
            format!("{folder}/main.rs"),
        ];
        let declares = |text: &String| declared(text).any(|(declared, _)| declared == name);
        if !parents
            .iter()
            .filter_map(|parent| tests.get(parent))
            .any(declares)
        {
            missing.push(format!("{path}: no module declares it, so it is not run"));
        }
    }
    missing
}

/// What looks like a test and proves nothing: one that is ignored, or that waits for time instead of a condition.
pub fn not_run(path: &str, text: &str) -> Vec<String> {
    let bare = bare(text);
    let tokens = tokens(&bare);
    let mut found = Vec::new();
    for pair in tokens.windows(2) {
        let (before, token) = (pair[0], pair[1]);
        if before.text == "[" && token.text == "ignore" {
            found.push(format!(
                "{path}:{}: an ignored test; see support/excuses.rs",
                token.line
            ));
        }
        if before.text == "::" && token.text == "sleep" && path != "tests/support/wait.rs" {
            found.push(format!(
                "{path}:{}: wait for a condition (support/wait.rs)",
                token.line
            ));
        }
    }
    found
}

/// The files that are only compiled for tests: `#[cfg(test)] mod tests;`, and what is below it.
pub fn test_modules(sources: &Sources) -> BTreeSet<String> {
    let mut modules = Vec::new();
    for (path, text) in sources {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let own = path.strip_suffix(".rs").unwrap_or(path);
        for (name, _) in declared(text).filter(|(_, for_tests)| *for_tests) {
            let is_root = ["/mod.rs", "/lib.rs", "/main.rs"]
                .iter()
                .any(|root| path.ends_with(root));
            let base = if is_root { folder } else { own };
            modules.push(format!("{base}/{name}"));
        }
    }
    let is_test = |path: &&String| {
        modules.iter().any(|module| {
            let rest = path.strip_prefix(module.as_str());
            rest.is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
        })
    };
    sources.keys().filter(is_test).cloned().collect()
}

/// The modules a source declares, `mod x;`, and whether only for tests.
fn declared(text: &str) -> impl Iterator<Item = (String, bool)> {
    let bare = bare(text);
    let all: Vec<String> = tokens(&bare)
        .iter()
        .map(|token| token.text.to_owned())
        .collect();
    let for_tests = ["#", "[", "cfg", "(", "test", ")", "]"];
    (0..all.len()).filter_map(move |at| {
        let declares = all[at] == "mod" && all.get(at + 2).is_some_and(|mark| mark == ";");
        let before = &all[..at];
        let before = before.strip_suffix(&["pub".to_owned()]).unwrap_or(before);
        let is_test = before.len() >= for_tests.len()
            && before[before.len() - for_tests.len()..] == for_tests;
        declares.then(|| (all[at + 1].clone(), is_test))
    })
}

#[cfg(test)]
fn these(files: &[(&str, &str)]) -> Sources {
    files
        .iter()
        .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()))
        .collect()
}

#[test]
fn a_long_file_is_refused() {
    assert_eq!(too_long("src/x.rs", &"\n".repeat(400)), None);
    assert!(too_long("src/x.rs", &"\n".repeat(401)).is_some());
}

#[test]
fn a_command_without_a_test_is_refused() {
    let args = "pub struct Args {}";
    let tests = these(&[
        ("tests/a.rs", "eda(&[\"topic\",\n \"create\", x])"),
        ("tests/b.rs", "eda(&[\"lag\"])"),
    ]);
    assert_eq!(untested("src/commands/topic/create.rs", args, &tests), None);
    assert_eq!(untested("src/commands/lag.rs", args, &tests), None);
    assert_eq!(
        untested("src/commands/context.rs", "struct Context;", &tests),
        None
    );
    let refused = untested("src/commands/topic/purge.rs", args, &tests);
    assert_eq!(
        refused.unwrap(),
        "src/commands/topic/purge.rs: no test runs `eda topic purge`"
    );
    assert!(untested("src/commands/demo/mod.rs", args, &tests).is_some());
}

#[test]
fn a_test_file_nobody_declares_is_refused() {
    let tests = these(&[
        ("tests/main.rs", "mod cli; mod rules; // mod lost;"),
        ("tests/cli/mod.rs", "mod help;"),
        ("tests/cli/help.rs", ""),
        ("tests/cli/usage.rs", ""),
        ("tests/rules.rs", "mod inner;"),
        ("tests/rules/inner.rs", ""),
        ("tests/lost.rs", ""),
    ]);
    assert_eq!(
        undeclared(&tests),
        [
            "tests/cli/usage.rs: no module declares it, so it is not run",
            "tests/lost.rs: no module declares it, so it is not run"
        ]
    );
}

#[test]
fn an_ignored_test_and_a_sleep_are_refused() {
    assert_eq!(
        not_run("tests/x.rs", "#[test]\n#[ignore]\nfn f() {}").len(),
        1
    );
    assert_eq!(not_run("tests/x.rs", "std::thread::sleep(second)").len(), 1);
    assert_eq!(
        not_run("tests/x.rs", "// thread::sleep\nfn ignore() {}").len(),
        0
    );
}

#[test]
fn modules_for_tests_are_found_where_they_are_declared() {
    let sources = these(&[
        (
            "src/model/mod.rs",
            "pub mod offset; #[cfg(test)]\nmod checks;",
        ),
        ("src/model/checks.rs", ""),
        ("src/model/offset.rs", "#[cfg(test)] mod tests;"),
        ("src/model/offset/tests.rs", ""),
        ("src/ops/mod.rs", "#[cfg(test)] mod checks;"),
        ("src/ops/checks/mod.rs", "mod lag;"),
        ("src/ops/checks/lag.rs", ""),
        ("src/ops/checksums.rs", ""),
        ("src/ops/tests.rs", "not declared for tests"),
    ]);
    let found = test_modules(&sources);
    assert_eq!(
        found.iter().map(String::as_str).collect::<Vec<_>>(),
        [
            "src/model/checks.rs",
            "src/model/offset/tests.rs",
            "src/ops/checks/lag.rs",
            "src/ops/checks/mod.rs"
        ]
    );
}
