//! Who is using the program.

/// The user's name, as the environment tells it: `$USER`, else `$LOGNAME`. One that is empty says nothing.
pub fn user() -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "settings reads the environment")]
    let set = |name| std::env::var(name).ok().filter(|name| !name.is_empty());
    ["USER", "LOGNAME"].into_iter().find_map(set)
}
