//! Who may import whom: architecture.md's table, and the map in src/lib.rs.

use super::source::{Token, bare, tokens, without_tests};

/// For each folder or file of src/, which others of ours it may name.
const ARROWS: &[(&str, &[&str])] = &[
    ("error", &[]),
    ("consent", &[]),
    ("report", &["error"]),
    ("settings", &["error", "model"]),
    ("model", &["error", "report"]),
    ("kafka", &["error", "model"]),
    ("broker", &["error"]),
    ("store", &["error", "model"]),
    ("ui", &["consent", "error", "model", "report"]),
    (
        "ops",
        &["consent", "error", "kafka", "model", "report", "store"],
    ),
    (
        "demo",
        &[
            "consent", "error", "kafka", "model", "ops", "report", "store",
        ],
    ),
    (
        "commands",
        &[
            "broker", "consent", "demo", "error", "kafka", "model", "ops", "report", "settings",
            "store", "ui",
        ],
    ),
];

/// Crates, and parts of the standard library, with the folders that alone may know them.
const HOMES: &[(&str, &[&str])] = &[
    ("anstream", &["ui"]),
    ("anstyle", &["ui"]),
    ("clap", &["commands"]),
    ("clap_complete", &["commands", "main"]),
    ("clap_mangen", &["commands"]),
    ("colored", &["ui"]),
    ("comfy_table", &["ui"]),
    ("console", &["ui"]),
    ("crossterm", &["ui"]),
    ("dialoguer", &["ui"]),
    ("http_body_util", &["demo", "ops"]),
    ("hyper", &["demo", "ops"]),
    ("hyper_util", &["demo", "ops"]),
    ("indicatif", &["ui"]),
    ("kafka_protocol", &["broker"]),
    ("openssl_probe", &["ops", "store"]),
    ("postgres", &["store"]),
    ("postgres_openssl", &["store"]),
    ("prometheus_client", &["ops"]),
    ("ratatui", &["ui"]),
    ("rdkafka", &["kafka"]),
    ("rdkafka_sys", &["kafka"]),
    ("redis", &["store"]),
    ("rusqlite", &["store"]),
    ("similar", &["ui"]),
    ("sqlx", &["store"]),
    ("terminal_size", &["ui"]),
    ("tokio_postgres", &["store"]),
    ("std::env", &["settings", "main"]),
];

/// What pure code does without: the runtime, the outside, and the clock (pass `now`).
const IMPURE: &[&str] = &[
    "tokio",
    "std::fs",
    "std::io::stdin",
    "std::net",
    "std::process",
    "std::thread",
    "Instant::now",
    "SystemTime::now",
    "Timestamp::now",
    "Zoned::now",
];
const PURE: &[&str] = &["model", "report", "consent", "error"];

const PRINTING: &[&str] = &["print", "println", "eprint", "eprintln", "dbg"];

/// Where `unsafe` may stand.
const UNSAFE_HOME: &str = "src/kafka/ffi";

/// Where a consent may be minted.
const CONSENT_HOME: &str = "src/ui/prompt.rs";

/// What the file at `path` (from the checkout: `src/ops/lag.rs`) must not hold.
pub fn violations(path: &str, text: &str) -> Vec<String> {
    let folder = folder(path);
    let source = without_tests(&bare(text));
    let tokens = tokens(&source);
    let mut violations = Vec::new();
    let mut refuse =
        |token: &Token, what: String| violations.push(format!("{path}:{}: {what}", token.line));
    for (token, named) in ours(path, &tokens) {
        if !may_import(folder, named) {
            refuse(&token, format!("`{folder}` may not import `{named}`"));
        }
    }
    for (name, homes) in HOMES {
        for token in mentions(&tokens, name).filter(|_| !homes.contains(&folder)) {
            refuse(
                token,
                format!("only {} may know `{name}`", homes.join(" and ")),
            );
        }
    }
    for name in IMPURE.iter().filter(|_| PURE.contains(&folder)) {
        for token in mentions(&tokens, name) {
            refuse(token, format!("`{folder}` is pure: no `{name}`"));
        }
    }
    for (at, token) in tokens.iter().enumerate() {
        let next = tokens.get(at + 1).map_or("", |next| next.text);
        if next == "!" && PRINTING.contains(&token.text) && folder != "ui" {
            refuse(token, format!("only `ui` prints: no `{}!`", token.text));
        }
        if token.text == "unsafe" && !path.starts_with(UNSAFE_HOME) {
            refuse(token, format!("`unsafe` has its place in {UNSAFE_HOME}"));
        }
    }
    for token in mentions(&tokens, "Consent::given").filter(|_| path != CONSENT_HOME) {
        refuse(token, format!("only {CONSENT_HOME} mints a consent"));
    }
    violations
}

/// `src/ops/lag.rs` → `ops`, `src/error.rs` → `error`.
fn folder(path: &str) -> &str {
    let path = path.strip_prefix("src/").unwrap_or(path);
    let first = path.split('/').next().unwrap_or(path);
    first.strip_suffix(".rs").unwrap_or(first)
}

/// A folder that is in no table may import nothing of ours: whoever adds it draws its arrows first.
fn may_import(folder: &str, named: &str) -> bool {
    let arrows = ARROWS.iter().find(|(from, _)| *from == folder);
    let is_root = folder == "lib" || folder == "main";
    is_root || folder == named || arrows.is_some_and(|(_, to)| to.contains(&named))
}

/// The top-level modules of ours that a source names: `crate::x`, `crate::{x, y::z}`, `super::super::x`, `eda::x`.
fn ours<'a>(path: &str, tokens: &[Token<'a>]) -> Vec<(Token<'a>, &'a str)> {
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text);
    let depth = depth(path);
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let mut after = at + 1;
        let mut supers = usize::from(text(at) == "super");
        while text(at) == "super" && text(after) == "::" && text(after + 1) == "super" {
            supers += 1;
            after += 2;
        }
        let is_root = text(at) == "crate" || text(at) == "eda" || (supers > 0 && supers >= depth);
        if is_root && text(after) == "::" {
            if text(after + 1) == "{" {
                found.extend(group(tokens, after + 1));
            } else if let Some(token) = tokens.get(after + 1) {
                found.push((*token, token.text));
            }
        }
        at = after;
    }
    found.retain(|(_, name)| ARROWS.iter().any(|(folder, _)| folder == name));
    found
}

/// How many `super` it takes to the crate's root.
fn depth(path: &str) -> usize {
    let path = path.strip_prefix("src/").unwrap_or(path);
    let path = path.strip_suffix("/mod.rs").unwrap_or(path);
    path.split('/').count()
}

/// The first names of each path in `{a, b::c, d::{e}}`.
fn group<'a>(tokens: &[Token<'a>], open: usize) -> Vec<(Token<'a>, &'a str)> {
    let mut names = Vec::new();
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token.text {
            "{" => depth += 1,
            "}" => depth -= 1,
            text if depth == 1 && (tokens[at - 1].text == "{" || tokens[at - 1].text == ",") => {
                names.push((*token, text));
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    names
}

/// Where a path such as `clap`, `std::env` or `Instant::now` is named, not as a part of a longer one's tail:
/// `clap::x`, `use clap;`, `extern crate clap`, but not `x::clap` or a variable `clap`. `std::env` is also
/// `use std::{env, fs}`.
fn mentions<'t, 'a>(tokens: &'t [Token<'a>], path: &str) -> impl Iterator<Item = &'t Token<'a>> {
    let names: Vec<String> = path.split("::").map(str::to_owned).collect();
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text);
    (0..tokens.len())
        .filter(move |&at| {
            let is_path = names.len() > 1;
            // Types and functions are known by their last two names, wherever they are imported from.
            let is_type = names[0].starts_with(char::is_uppercase);
            let before = if at == 0 { "" } else { text(at - 1) };
            let is_tail = before == "::"
                && at >= 2
                && text(at - 2).starts_with(|letter: char| letter.is_alphanumeric());
            if text(at) != names[0] || (is_tail && !is_type) {
                return false;
            }
            if !is_path {
                return text(at + 1) == "::" || before == "use" || before == "crate";
            }
            let mut end = at;
            for name in &names[1..] {
                if text(end + 1) != "::" {
                    return false;
                }
                if text(end + 2) == "{" {
                    return group(tokens, end + 2)
                        .iter()
                        .any(|(_, inner)| inner == name);
                }
                if text(end + 2) != name {
                    return false;
                }
                end += 2;
            }
            true
        })
        .map(|at| &tokens[at])
}
