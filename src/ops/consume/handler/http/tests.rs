//! Over real sockets: hyper on the other side, or bytes.

mod broken;
mod secure;

use super::*;
use crate::ops::consume::handler::tests::{Heard, PATIENCE, record};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A server that answers as its function says, and what it was asked.
struct Server {
    url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    connections: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

/// Head and body of a request.
type Asked = (hyper::http::request::Parts, Vec<u8>);

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

type Answer = fn(&str) -> Response<Full<Bytes>>;

fn status(code: u16, body: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(body.as_bytes())));
    *response.status_mut() = code.try_into().unwrap();
    response
}

fn with(
    mut response: Response<Full<Bytes>>,
    name: &'static str,
    value: &str,
) -> Response<Full<Bytes>> {
    let value = HeaderValue::from_str(value).unwrap();
    response.headers_mut().insert(name, value);
    response
}

/// The answer is a function of the body.
async fn server(answer: Answer) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook?a=1", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let connections = Arc::new(AtomicUsize::new(0));
    let (log, count) = (Arc::clone(&asked), Arc::clone(&connections));
    let task = tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            count.fetch_add(1, Ordering::Relaxed);
            let log = Arc::clone(&log);
            let service = service_fn(move |request: Request<Incoming>| {
                let log = Arc::clone(&log);
                async move {
                    let (head, body) = request.into_parts();
                    let body = body.collect().await.unwrap().to_bytes().to_vec();
                    let response = answer(&String::from_utf8_lossy(&body));
                    log.lock().unwrap().push((head, body));
                    Ok::<_, Infallible>(response)
                }
            });
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
    Server {
        url,
        asked,
        connections,
        task,
    }
}

struct Bench {
    http: Http,
    heard: Arc<Heard>,
}

fn bench_with(url: &str, change: impl FnOnce(&mut HttpOptions)) -> Bench {
    let heard = Arc::new(Heard::default());
    let mut options = HttpOptions {
        url: url.to_owned(),
        headers: Vec::new(),
        authorities: None,
        group: "billing".to_owned(),
        timeout: PATIENCE,
        verdicts: Overrides::default(),
        notices: heard.clone(),
    };
    change(&mut options);
    Bench {
        http: Http::new(options).unwrap(),
        heard,
    }
}

fn bench(url: &str) -> Bench {
    bench_with(url, |_| ())
}

impl Bench {
    async fn post(&self, value: &str) -> Result<Handled, Failure> {
        self.http.handle(&record(Some(value)), 1).await
    }

    async fn failure(&self, value: &str) -> Failure {
        self.post(value).await.unwrap_err()
    }
}

#[tokio::test]
async fn the_server_gets_the_value_and_the_metadata() {
    let server = server(|_| status(204, "")).await;
    let bench = bench_with(&server.url, |options| {
        options.headers = vec![
            ("Authorization".to_owned(), "Bearer hunter2".to_owned()),
            ("content-type".to_owned(), "text/mine".to_owned()),
        ];
    });
    let handled = bench.http.handle(&record(Some("{}")), 3).await;
    assert_eq!(handled, Ok(Handled::default()));
    assert!(bench.http.handle(&record(None), 1).await.is_ok());

    let asked = server.asked.lock().unwrap();
    let (head, body) = &asked[0];
    assert_eq!(
        (head.method.as_str(), body.as_slice()),
        ("POST", b"{}".as_slice())
    );
    assert_eq!(head.uri.to_string(), "/hook?a=1");
    let host = server.url.split('/').nth(2).unwrap();
    for (name, value) in [
        ("host", host),
        ("content-length", "2"),
        ("content-type", "text/mine"),
        ("authorization", "Bearer hunter2"),
        ("eda-topic", "order-created"),
        ("eda-partition", "1"),
        ("eda-offset", "42"),
        ("eda-attempt", "3"),
        ("eda-key", "order-7"),
        ("eda-group", "billing"),
        ("eda-event-id", "order-created:1:42"),
        ("eda-header-trace", "00-1"),
    ] {
        assert_eq!(head.headers[name], value, "{name}");
    }
    let (head, body) = &asked[1];
    assert_eq!(
        (&head.headers["eda-value-null"], body.len()),
        (&"true".parse().unwrap(), 0)
    );
}

#[tokio::test]
async fn the_status_is_the_verdict_and_the_body_the_reason() {
    let server = server(|body| status(body.parse().unwrap(), " no total\n")).await;
    let bench = bench(&server.url);
    for code in ["200", "201", "202", "299"] {
        assert_eq!(bench.post(code).await, Ok(Handled::default()), "{code}");
    }
    let cases = [
        ("301", FailureKind::Permanent),
        ("400", FailureKind::Permanent),
        ("404", FailureKind::Permanent),
        ("408", FailureKind::Transient),
        ("422", FailureKind::Permanent),
        ("425", FailureKind::Transient),
        ("429", FailureKind::Transient),
        ("500", FailureKind::Transient),
        ("503", FailureKind::Transient),
    ];
    for (code, kind) in cases {
        let failure = bench.failure(code).await;
        assert_eq!(
            (failure.kind, failure.exception),
            (kind, format!("HTTP {code}"))
        );
        assert_eq!(failure.message, "no total");
    }
    assert_eq!(server.connections.load(Ordering::Relaxed), 1, "it is kept");
    assert_eq!(bench.heard.warnings(), Vec::<String>::new());

    let verdicts = Overrides::new("404".parse().unwrap(), "202,5xx".parse().unwrap());
    let bench = bench_with(&server.url, |options| options.verdicts = verdicts.unwrap());
    for (code, kind) in [
        ("404", FailureKind::Transient),
        ("202", FailureKind::Permanent),
        ("503", FailureKind::Permanent),
    ] {
        assert_eq!(bench.failure(code).await.kind, kind, "{code}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let server = server(|_| with(status(307, ""), "location", "http://elsewhere/")).await;
    let failure = bench(&server.url).failure("{}").await;
    let text = "redirects are not followed, here to `http://elsewhere/`: Temporary Redirect";
    assert_eq!(failure, Failure::permanent("HTTP 307", text));
    assert_eq!(server.asked.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn the_server_says_when_to_come_again() {
    let server = server(|body| with(status(503, "busy"), "retry-after", body)).await;
    let bench = bench(&server.url);
    let wait = async |text: &str| bench.failure(text).await.retry_after;
    assert_eq!(wait("7").await, Some(Duration::from_secs(7)));
    assert_eq!(wait("soon").await, None);
    let date = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(100));
    let left = wait(&date).await.unwrap();
    assert!(
        left > Duration::from_secs(60) && left <= Duration::from_secs(100),
        "{left:?}"
    );
}

#[tokio::test]
async fn a_huge_reason_is_cut_off_and_the_connection_used_again() {
    fn huge(_: &str) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(Bytes::from(vec![b'x'; 60_000])));
        *response.status_mut() = hyper::StatusCode::BAD_REQUEST;
        response
    }
    let server = server(huge).await;
    let bench = bench(&server.url);
    for _ in 0..3 {
        assert_eq!(bench.failure("{}").await.message.len(), REASON);
    }
    assert_eq!(server.connections.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn many_are_posted_at_once() {
    let server = server(|_| status(200, "fine")).await;
    let bench = bench(&server.url);
    let records: Vec<Record> = (0..32).map(|n| record(Some(&n.to_string()))).collect();
    for _ in 0..5 {
        let mut posted: Vec<_> = records
            .iter()
            .map(|record| bench.http.handle(record, 1))
            .collect();
        let all = std::future::poll_fn(|context| {
            posted.retain_mut(|posted| match posted.as_mut().poll(context) {
                std::task::Poll::Ready(answer) => {
                    assert_eq!(answer, Ok(Handled::default()));
                    false
                }
                std::task::Poll::Pending => true,
            });
            match posted.is_empty() {
                true => std::task::Poll::Ready(()),
                false => std::task::Poll::Pending,
            }
        });
        all.await;
    }
    assert_eq!(server.asked.lock().unwrap().len(), 160);
    assert!(server.connections.load(Ordering::Relaxed) <= 32);
}

#[tokio::test]
async fn what_cannot_be_posted_is_refused_before_anything_is() {
    let refused = |url: &str, name: &str, value: &str| {
        let http = Http::new(HttpOptions {
            url: url.to_owned(),
            headers: vec![(name.to_owned(), value.to_owned())],
            authorities: Some("/nowhere/ca.pem".into()),
            group: "billing".to_owned(),
            timeout: PATIENCE,
            verdicts: Overrides::default(),
            notices: Arc::new(Heard::default()),
        });
        http.err().unwrap()
    };
    let cases = [
        ("http://me:hunter2@a/", "x", "y", "a user or a password"),
        ("http://a/", "a b", "hunter2", "is no name of a header"),
        ("http://a/", "host", "hunter2", "needs for itself"),
        ("http://a/", "x", "hunter2\n", "no header may have"),
        (
            "https://a/",
            "x",
            "y",
            "cannot read certificates from `/nowhere/ca.pem`",
        ),
    ];
    for (url, name, value, reason) in cases {
        let error = refused(url, name, value);
        assert_eq!(error.kind(), crate::error::Kind::Usage);
        let text = format!("{} {error:?}", error.one_line());
        assert!(text.contains(reason) && !text.contains("hunter2"), "{text}");
    }
}
