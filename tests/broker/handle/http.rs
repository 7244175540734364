//! `--http`: a request a record, to a server of the test's own.

use super::{letters, shows};
use crate::broker::{send, topic};
use crate::support::{broker, eda, fresh};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// A request: its head, in small letters, and its body.
type Request = (String, String);

/// Answers what the test says, for as long as the test runs.
struct Server {
    url: String,
    asked: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    fn start(answer: fn(&Request) -> &'static str) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/orders", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let noted = Arc::clone(&noted);
                std::thread::spawn(move || serve(stream, &noted, answer));
            }
        });
        Server { url, asked }
    }

    fn asked(&self) -> Vec<Request> {
        self.asked.lock().unwrap().clone()
    }
}

/// One connection, until the client closes it.
fn serve(stream: TcpStream, noted: &Mutex<Vec<Request>>, answer: fn(&Request) -> &'static str) {
    let mut reader = BufReader::new(stream);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head).unwrap_or(0) == 0 {
                return;
            }
        }
        let head = head.to_lowercase();
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .map_or(0, |length| length.trim().parse().unwrap());
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let request = (head, String::from_utf8(body).unwrap());
        let answer = answer(&request);
        noted.lock().unwrap().push(request);
        let text = format!("HTTP/1.1 {answer}\r\ncontent-length: 2\r\n\r\nno");
        if reader.get_mut().write_all(text.as_bytes()).is_err() {
            return;
        }
    }
}

fn consume(topic: &str, group: &str, server: &Server, flags: &[&str]) -> crate::support::Output {
    let run = eda(&["consume", topic, "--group", group, "--http", &server.url]);
    let run = run.args(["--backoff", "1ms..2ms"]).args(flags);
    run.on(broker()).run()
}

fn send_keys(topic: &str, keys: &[&str]) {
    let record = |key: &&str| json!({"key": key, "value": {"key": key}});
    send(topic, &keys.iter().map(record).collect::<Vec<Value>>());
}

#[test]
fn each_record_is_posted_on_one_connection() {
    let (topic, group) = (topic("orders", 1), fresh("billing"));
    send_keys(&topic, &["a", "b", "c"]);
    let server = Server::start(|_| "204 No Content\r\nx: y");
    let output = consume(&topic, &group, &server, &["-n", "3"]);
    shows(&output.succeeds(), &["processed 3"]);
    let asked = server.asked();
    assert_eq!(asked.len(), 3);
    let (head, body) = &asked[0];
    assert!(head.starts_with("post /orders http/1.1\r\n"), "{head}");
    for header in [
        format!("eda-topic: {topic}"),
        format!("eda-group: {group}"),
        "eda-key: a".to_owned(),
        "eda-offset: 0".to_owned(),
        "eda-attempt: 1".to_owned(),
        "content-type: application/json".to_owned(),
    ] {
        assert!(head.lines().any(|line| line == header), "{header}: {head}");
    }
    assert_eq!(body, r#"{"key":"a"}"#);
}

#[test]
fn the_status_is_the_verdict() {
    let (topic, group) = (topic("orders", 1), fresh("billing"));
    send_keys(&topic, &["good", "bad", "busy", "late"]);
    let server = Server::start(|(head, _)| {
        let is = |text: &str| head.contains(text);
        match () {
            () if is("eda-key: good") => "200 OK",
            () if is("eda-key: bad") => "422 Unprocessable Content",
            () if is("eda-key: busy") && is("eda-attempt: 3") => "200 OK",
            () if is("eda-key: busy") => "429 Too Many Requests\r\nretry-after: 0",
            () => "503 Service Unavailable",
        }
    });
    let output = consume(&topic, &group, &server, &["-n", "4"]).succeeds();
    shows(&output, &["processed 2", "retried 5", "dead-lettered 2"]);
    let mut found: Vec<Value> = letters(&format!("{topic}.dlq"))
        .iter()
        .map(|story| json!([story["kind"], story["attempts"]]))
        .collect();
    found.sort_by_key(Value::to_string);
    assert_eq!(found, [json!(["permanent", 1]), json!(["transient", 4])]);
}

#[test]
fn statuses_are_judged_as_the_user_says() {
    let (topic, group) = (topic("orders", 1), fresh("billing"));
    send_keys(&topic, &["a"]);
    let server = Server::start(|_| "404 Not Found");
    let flags = ["--retry-on", "4xx", "--max-retries", "1", "-n", "1"];
    let output = consume(&topic, &group, &server, &flags).succeeds();
    shows(&output, &["retried 1", "dead-lettered 1"]);
    assert_eq!(server.asked().len(), 2);
}

#[test]
fn a_server_that_is_not_there_is_a_failure_that_may_pass() {
    let (topic, group) = (topic("orders", 1), fresh("billing"));
    send_keys(&topic, &["a"]);
    let nobody = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}/", listener.local_addr().unwrap())
    };
    let run = eda(&["consume", &topic, "--group", &group, "--http", &nobody]);
    let flags = ["--backoff", "1ms..2ms", "--max-retries", "1", "-n", "1"];
    run.args(flags).on(broker()).run().succeeds();
    let story = &letters(&format!("{topic}.dlq"))[0];
    assert_eq!(
        (&story["kind"], &story["attempts"]),
        (&json!("transient"), &json!(2))
    );
}

/// An `Authorization` is a secret: in a file, and nowhere else.
#[test]
fn headers_come_from_a_file() {
    let (topic, group) = (topic("orders", 1), fresh("billing"));
    send_keys(&topic, &["a"]);
    let server = Server::start(|_| "204 No Content\r\nx: y");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("headers");
    std::fs::write(&file, "Authorization: Bearer s3cret\n").unwrap();
    let file = file.to_str().unwrap();
    let flags = ["-n", "1", "--http-headers", file];
    let output = consume(&topic, &group, &server, &flags).succeeds();
    let (head, _) = &server.asked()[0];
    let header = "authorization: bearer s3cret";
    assert!(
        head.to_lowercase().lines().any(|line| line == header),
        "{head}"
    );
    assert!(!format!("{}{}", output.stdout, output.stderr).contains("s3cret"));
}
