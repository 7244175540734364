//! Servers that are not there, break off, or never come to an end.

use super::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Reads a request, whose body is `{}`.
async fn request(stream: &mut TcpStream) {
    let mut read = Vec::new();
    while !read.ends_with(b"\r\n\r\n{}") {
        let mut byte = [0];
        stream.read_exact(&mut byte).await.unwrap();
        read.extend_from_slice(&byte);
    }
}

/// Answers a connection's first request with these bytes; `then` is what it does afterwards.
async fn raw<F>(answer: &'static str, then: fn(TcpStream) -> F) -> (String, JoinHandle<()>)
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let task = tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            request(&mut stream).await;
            stream.write_all(answer.as_bytes()).await.unwrap();
            then(stream).await;
        }
    });
    (url, task)
}

async fn closes(_: TcpStream) {}

async fn resets(stream: TcpStream) {
    stream.set_zero_linger().unwrap();
}

async fn hangs(_stream: TcpStream) {
    std::future::pending().await
}

async fn goes_on(mut stream: TcpStream) {
    while stream.write_all(b"3e8\r\n").await.is_ok()
        && stream.write_all(&[b'x'; 1000]).await.is_ok()
        && stream.write_all(b"\r\n").await.is_ok()
    {}
}

#[tokio::test]
async fn who_is_not_there_is_waited_for_and_told_once() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let place = listener.local_addr().unwrap().to_string();
    drop(listener);
    let bench = bench(&format!("http://{place}/secret?token=hunter2"));
    for _ in 0..3 {
        let failure = bench.failure("{}").await;
        assert_eq!(failure.kind, FailureKind::Transient);
        assert_eq!(failure.exception, "connection refused");
        let text = format!("cannot connect to `{place}`: ");
        assert!(failure.message.starts_with(&text), "{failure}");
    }
    let warnings = bench.heard.warnings();
    assert_eq!(warnings.len(), 1);
    assert!(!warnings[0].contains("hunter2"));
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_none() {
    let lost = [
        "",
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n12345",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n12345\r\n",
    ];
    for answer in lost {
        let (closing, closer) = raw(answer, closes).await;
        let (resetting, resetter) = raw(answer, resets).await;
        for url in [closing, resetting] {
            let failure = bench(&url).failure("{}").await;
            let found = (failure.kind, &*failure.exception);
            assert_eq!(
                found,
                (FailureKind::Transient, "connection lost"),
                "{answer}"
            );
            assert!(failure.message.contains("127.0.0.1:"), "{failure}");
        }
        closer.abort();
        resetter.abort();
    }
    // The verdict of a failure is its status.
    let answer = "HTTP/1.1 400 Bad Request\r\ncontent-length: 10\r\n\r\nno total";
    let (url, server) = raw(answer, closes).await;
    let failure = bench(&url).failure("{}").await;
    assert_eq!(failure, Failure::permanent("HTTP 400", "no total"));
    server.abort();
}

#[tokio::test]
async fn what_is_not_http_is_no_answer() {
    for answer in [
        "SSH-2.0-OpenSSH\r\n",
        "HTTP/1.1 2OO OK\r\n\r\n",
        "\0\0\0\0\r\n\r\n",
    ] {
        let (url, server) = raw(answer, hangs).await;
        let failure = bench(&url).failure("{}").await;
        let found = (failure.kind, &*failure.exception);
        assert_eq!(
            found,
            (FailureKind::Transient, "invalid answer"),
            "{answer}"
        );
        server.abort();
    }
}

#[tokio::test]
async fn who_is_slow_is_late() {
    let answers = [
        ("", FailureKind::Transient, "timeout"),
        ("HTTP/1.1 200 OK\r\n", FailureKind::Transient, "timeout"),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n12345",
            FailureKind::Transient,
            "timeout",
        ),
        (
            "HTTP/1.1 422 No\r\ncontent-length: 10\r\n\r\n12345",
            FailureKind::Permanent,
            "HTTP 422",
        ),
    ];
    for (answer, kind, exception) in answers {
        let (url, server) = raw(answer, hangs).await;
        let short = Duration::from_millis(300);
        let bench = bench_with(&url, |options| options.timeout = short);
        let failure = bench.failure("{}").await;
        assert_eq!(
            (failure.kind, &*failure.exception),
            (kind, exception),
            "{answer}"
        );
        if exception == "timeout" {
            let text = format!("no answer from `{}` within 300ms", bench.http.place);
            assert_eq!(failure.message, text);
        } else {
            assert_eq!(failure.message, "12345");
        }
        server.abort();
    }
}

#[tokio::test]
async fn an_endless_body_is_not_read_to_its_end() {
    for (status, expected) in [("200 OK", None), ("500 No", Some(REASON))] {
        let answer = match status {
            "200 OK" => "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
            _ => "HTTP/1.1 500 No\r\ntransfer-encoding: chunked\r\n\r\n",
        };
        let (url, server) = raw(answer, goes_on).await;
        let bench = bench(&url);
        // The second is answered when the server noticed that the connection of the first was closed.
        for _ in 0..2 {
            let answer = bench.post("{}").await;
            assert_eq!(answer.err().map(|failure| failure.message.len()), expected);
        }
        server.abort();
    }
}

#[tokio::test]
async fn a_connection_that_was_closed_while_it_was_idle_costs_no_attempt() {
    let answer = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
    let (url, server) = raw(answer, closes).await;
    let bench = bench(&url);
    for _ in 0..50 {
        assert_eq!(bench.post("{}").await, Ok(Handled::default()));
        // Until the end of the connection has arrived.
        let closed = async {
            while bench.http.pool.has_open() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, closed).await.unwrap();
    }
    server.abort();
}

#[tokio::test]
async fn a_future_that_is_dropped_closes_its_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let bench = bench(&format!("http://{}/", listener.local_addr().unwrap()));
    let accepted = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        request(&mut stream).await;
        stream
    };
    let mut stream = tokio::select! {
        _ = bench.post("{}") => panic!("nobody answered"),
        stream = accepted => stream,
    };
    let closed = tokio::time::timeout(PATIENCE, stream.read(&mut [0])).await;
    assert!(matches!(closed.unwrap(), Ok(0) | Err(_)));
}
