//! A client of HTTP/1.1 as small as can be: one that keeps its connection, and one that says what it likes.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// Longer than any answer takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// What was answered.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    head: String,
    pub body: String,
}

impl Answer {
    /// A header's value, whatever the case of its name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// A connection for one request after the other.
#[derive(Debug)]
pub struct Client(BufReader<TcpStream>);

impl Client {
    #[track_caller]
    pub fn connect(address: &str) -> Client {
        let stream = TcpStream::connect(address).expect("somebody listens");
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Client(BufReader::new(stream))
    }

    /// Sends these bytes as they are; the server may have closed already.
    pub fn send(&mut self, bytes: &[u8]) {
        let _ = self.0.get_mut().write_all(bytes);
    }

    #[track_caller]
    pub fn request(&mut self, method: &str, path: &str) -> Answer {
        let request = format!("{method} {path} HTTP/1.1\r\nHost: eda\r\n\r\n");
        self.send(request.as_bytes());
        self.answer(method != "HEAD")
            .expect("a request is answered")
    }

    /// Sends a request with these headers and no others.
    #[track_caller]
    pub fn request_with(&mut self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let lines = headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}\r\n"));
        let lines: String = lines.collect();
        self.send(format!("GET {path} HTTP/1.1\r\n{lines}\r\n").as_bytes());
        self.answer(true).expect("a request is answered")
    }

    /// The status of the next answer, whose body is not read.
    pub fn status(&mut self) -> Option<u16> {
        self.answer(false).map(|answer| answer.status)
    }

    /// The next line of a body that goes on and on; `None` when it has ended.
    pub fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = self.0.read_line(&mut line).ok()?;
        (read > 0).then(|| line.trim_end().to_owned())
    }

    /// The next answer; `None` when the server has closed instead.
    pub fn answer(&mut self, has_body: bool) -> Option<Answer> {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if self.0.read_line(&mut head).ok()? == 0 {
                return None;
            }
        }
        let status = head.split(' ').nth(1)?.parse().ok()?;
        let mut answer = Answer {
            status,
            head,
            body: String::new(),
        };
        if has_body {
            let length = answer.header("content-length")?.parse().ok()?;
            let mut body = vec![0; length];
            self.0.read_exact(&mut body).ok()?;
            answer.body = String::from_utf8(body).ok()?;
        }
        Some(answer)
    }
}

/// One request on a connection of its own.
#[track_caller]
pub fn get(address: &str, path: &str) -> Answer {
    Client::connect(address).request("GET", path)
}
