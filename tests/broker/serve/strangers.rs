//! Who is refused, and who keeps nobody else away.

use super::{Served, serve_on};
use crate::support::http::Client;
use crate::support::{broker, wait_for};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(30);

#[test]
fn foreign_names_and_foreign_pages_are_refused() {
    let served = serve_on(broker(), &["--allow-host", "watch.internal"]);
    let port = served.address.rsplit(':').next().unwrap();
    let status = |headers: &[(&str, &str)]| {
        let answer = served.client().request_with("/api/state", headers);
        for (header, expected) in [
            ("x-content-type-options", "nosniff"),
            ("cache-control", "no-store"),
        ] {
            assert_eq!(answer.header(header), Some(expected));
        }
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none';"), "{policy}");
        assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        let has_state = answer.body.contains("\"groups\"");
        assert_eq!(has_state, answer.status == 200, "{}", answer.body);
        answer.status
    };
    let local = format!("localhost:{port}");
    let v6 = format!("[::1]:{port}");
    for ours in [
        local.as_str(),
        &v6,
        &served.address,
        "watch.internal",
        "WATCH.internal:80",
    ] {
        assert_eq!(status(&[("Host", ours)]), 200, "{ours}");
    }
    let rebound = format!("evil.example:{port}");
    for foreign in [rebound.as_str(), "localhost.evil.example", "", "0.0.0.0"] {
        assert_eq!(status(&[("Host", foreign)]), 421, "{foreign}");
    }
    assert_eq!(status(&[]), 421);
    assert_eq!(status(&[("Host", &local), ("Host", "evil.example")]), 421);
    let from = |origin: &str| status(&[("Host", &local), ("Origin", origin)]);
    assert_eq!(from(&format!("http://{local}")), 200);
    for foreign in [
        "http://evil.example",
        "null",
        "http://localhost:1",
        "http://127.0.0.1",
    ] {
        assert_eq!(from(foreign), 403, "{foreign}");
    }
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"] {
        let mut client = served.client();
        let length = "Content-Length: 0";
        let request = format!("{method} /api/state HTTP/1.1\r\nHost: {local}\r\n{length}\r\n\r\n");
        client.send(request.as_bytes());
        let answer = client.answer(true).unwrap();
        assert_eq!(
            (answer.status, answer.header("allow")),
            (405, Some("GET, HEAD"))
        );
    }
    served.ends();
}

/// One who watches; with the status of the answer.
fn watcher(served: &Served) -> (Client, u16) {
    let mut client = served.client();
    client.send(format!("GET /events HTTP/1.1\r\nHost: {}\r\n\r\n", served.address).as_bytes());
    let status = client.status().expect("an answer");
    (client, status)
}

#[test]
fn those_who_watch_are_bounded_and_keep_nobody_away() {
    let served = serve_on(broker(), &[]);
    let mut watchers = Vec::new();
    let refused = loop {
        let (client, status) = watcher(&served);
        if status != 200 {
            break status;
        }
        watchers.push(client);
        assert!(watchers.len() < 100, "there is no end to them");
    };
    assert_eq!((refused, watchers.len()), (503, 32));
    let full = served.get("/events");
    let told = "too many watch already: try again later\n";
    assert_eq!((full.status, full.body.as_str()), (503, told));
    // They never read; others are answered, and so are those that come in numbers.
    for _ in 0..100 {
        let mut client = served.client();
        client.send(b"GET /api/state HTTP/1.1\r\nHo");
        std::mem::forget(client);
    }
    assert!(served.state()["groups"].is_array());
    // Whoever goes makes room.
    drop(watchers.pop());
    let next = wait_for(PATIENCE, || {
        Some(watcher(&served)).filter(|(_, status)| *status == 200)
    });
    let (mut next, _) = next.expect("a seat");
    let mut lines = std::iter::from_fn(|| next.line());
    assert!(lines.any(|line| line.starts_with("data: ")), "the state");
    // It is one seat, and is taken again.
    assert_eq!(served.get("/events").status, 503);
    // And those that were there first still are.
    let first = &mut watchers[0];
    assert!(first.line().is_some());
    served.ends();
}
