//! How many connections there may be: each is an open file.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// How many files this process may have open; `None`: as many as it likes.
pub(super) fn limit() -> Option<u64> {
    getrlimit(Resource::Nofile).current
}

/// Raises the limit of open files to the most this process may have. The usual one, 1024, is there for the sake of
/// `select`, which nothing here calls; Kafka's own start scripts ask for more, too.
pub(super) fn raise_limit() {
    let limit = getrlimit(Resource::Nofile);
    if limit.current == limit.maximum {
        return;
    }
    let most = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    // Without it there is room for fewer clients, and nothing else is wrong.
    if let Err(error) = setrlimit(Resource::Nofile, most) {
        tracing::warn!(%error, "the limit of open files stays at {:?}", limit.current);
    }
}
