//! Over real sockets: hyper on the one side, bytes on the other.

use super::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{Notify, Semaphore};

/// `/slow` is ready when it is let through.
#[derive(Debug)]
struct Book {
    asked: Notify,
    gate: Semaphore,
}

impl Default for Book {
    fn default() -> Self {
        Book {
            asked: Notify::new(),
            gate: Semaphore::new(0),
        }
    }
}

impl Pages for Book {
    async fn page(&self, path: &str) -> Option<Page> {
        if path == "/slow" {
            self.asked.notify_one();
            let _ = self.gate.acquire().await;
        }
        let body = Bytes::from_static(b"a page\n");
        matches!(path, "/slow" | "/page").then_some(Page {
            content_type: "text/plain",
            body,
        })
    }
}

struct Running {
    address: SocketAddr,
    book: Arc<Book>,
    stop: Stop,
    task: tokio::task::JoinHandle<()>,
}

async fn start() -> Running {
    let server = Server::bind(&":0".parse().unwrap()).await.unwrap();
    let (address, book, stop) = (server.address(), Arc::new(Book::default()), Stop::new());
    let task = tokio::spawn({
        let (book, stop) = (Arc::clone(&book), stop.clone());
        async move { server.run(book, &stop).await }
    });
    Running {
        address,
        book,
        stop,
        task,
    }
}

impl Running {
    /// Sends bytes, and reads until the server closes.
    async fn exchange(&self, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        // A server that has refused closes while there is more to come.
        let _ = stream.write_all(bytes).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    }

    async fn get(&self, path: &str) -> String {
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        self.exchange(request.as_bytes()).await
    }
}

#[tokio::test]
async fn pages_are_answered_and_nothing_else_is() {
    let server = start().await;
    let page = server.get("/page?with=query").await;
    assert!(page.starts_with("HTTP/1.1 200 OK\r\n"), "{page}");
    assert!(page.contains("content-type: text/plain\r\n"), "{page}");
    assert!(page.ends_with("\r\n\r\na page\n"), "{page}");
    assert!(server.get("/pag").await.starts_with("HTTP/1.1 404 "));
    let head = b"HEAD /page HTTP/1.1\r\nConnection: close\r\n\r\n";
    let head = server.exchange(head).await;
    assert!(head.contains("content-length: 7\r\n"), "{head}");
    assert!(head.ends_with("\r\n\r\n"), "{head}");
    let post = b"POST /page HTTP/1.1\r\nContent-Length: 1000000\r\n\r\nsome";
    let post = server.exchange(post).await;
    assert!(post.starts_with("HTTP/1.1 405 "), "{post}");
    assert!(post.contains("allow: GET, HEAD\r\n"), "{post}");
}

#[tokio::test]
async fn a_connection_is_kept_for_the_next_request() {
    let server = start().await;
    let requests =
        "GET /page HTTP/1.1\r\n\r\n".repeat(2) + "GET /page HTTP/1.1\r\nConnection: close\r\n\r\n";
    let answers = server.exchange(requests.as_bytes()).await;
    assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 3, "{answers}");
}

#[tokio::test]
async fn nonsense_is_refused() {
    let server = start().await;
    let long = format!(
        "GET /page HTTP/1.1\r\nX: {}\r\n\r\n",
        "x".repeat(2 * REQUEST_BYTES)
    );
    let many = format!("GET /page HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(1000));
    for (nonsense, status) in [
        (long.as_bytes(), "431"),
        (many.as_bytes(), "431"),
        (b"\x16\x03\x01\x02\x00\x01\x00 this is TLS\r\n\r\n", "400"),
        (b"GET /page HTTP/3.7\r\n\r\n", "400"),
        (b"GET / page / HTTP/1.1\r\n\r\n", "400"),
    ] {
        let answer = server.exchange(nonsense).await;
        let line = answer.lines().next().unwrap_or_default().to_owned();
        assert!(line.starts_with(&format!("HTTP/1.1 {status}")), "{line}");
    }
    assert!(server.get("/page").await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn those_who_only_hold_on_make_room() {
    let server = start().await;
    let mut slow = TcpStream::connect(server.address).await.unwrap();
    let request = b"GET /slow HTTP/1.1\r\nConnection: close\r\n\r\n";
    slow.write_all(request).await.unwrap();
    server.book.asked.notified().await;
    let mut held = Vec::new();
    for _ in 0..2 * CONNECTIONS {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(b"GET /pa").await.unwrap();
        held.push(stream);
        // Every one of them is accepted before the next comes.
        assert!(server.get("/page").await.starts_with("HTTP/1.1 200 "));
    }
    // The oldest is gone, and the one that was at work is not.
    assert!(matches!(held[0].read(&mut [0; 8]).await, Ok(0) | Err(_)));
    server.book.gate.add_permits(1);
    let mut answer = String::new();
    slow.read_to_string(&mut answer).await.unwrap();
    assert!(answer.ends_with("a page\n"), "{answer}");
}

#[tokio::test]
async fn it_ends_when_asked_to_and_closes_what_is_open() {
    let server = start().await;
    let mut open = TcpStream::connect(server.address).await.unwrap();
    open.write_all(b"GET /slow HTTP/1.1\r\n\r\n").await.unwrap();
    server.book.asked.notified().await;
    server.stop.request(crate::error::Status::Interrupted);
    server.task.await.unwrap();
    assert!(matches!(open.read(&mut [0; 8]).await, Ok(0) | Err(_)));
    assert!(TcpStream::connect(server.address).await.is_err());
}

#[tokio::test]
async fn an_address_that_is_taken_is_an_error_with_a_way_out() {
    let server = start().await;
    let taken = server.address.to_string().parse().unwrap();
    let error = Server::bind(&taken).await.unwrap_err();
    let expected = format!("cannot listen on `{}`", server.address);
    assert_eq!(error.message(), expected);
    assert!(error.one_line().contains("in use"), "{error:?}");
    assert!(
        error
            .hint_text()
            .is_some_and(|hint| hint.contains("port 0"))
    );
}
