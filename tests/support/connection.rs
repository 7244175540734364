//! Kafka's protocol, request by request, for what no client of ours asks.

use super::wire;
use bytes::{Buf, BufMut, Bytes, BytesMut};
use kafka_protocol::protocol::{Decodable, HeaderVersion, Request};
use std::net::TcpStream;
use std::time::Duration;

/// A broker that makes ten thousand partitions writes as many folders.
pub const PATIENCE: Duration = Duration::from_secs(120);

const REQUESTS_IN_FLIGHT: usize = 64;

/// A connection on which answers come in the order of the requests.
pub struct Connection(TcpStream);

impl Connection {
    pub fn open(address: &str) -> Result<Self, String> {
        let stream = wire::connect(address)?;
        let failed = |error: std::io::Error| error.to_string();
        stream.set_read_timeout(Some(PATIENCE)).map_err(failed)?;
        stream.set_write_timeout(Some(PATIENCE)).map_err(failed)?;
        Ok(Connection(stream))
    }

    /// # Errors
    /// What the network, or the answer's form, has against it; the codes in it are for whoever asks.
    pub fn ask<R: Request>(&mut self, request: &R, version: i16) -> Result<R::Response, String> {
        self.send(request, version)?;
        self.receive::<R>(version)
    }

    /// Asks many things, several at once, and checks each answer.
    pub fn ask_all<R: Request>(
        &mut self,
        requests: impl Iterator<Item = Result<R, String>>,
        version: i16,
        check: impl Fn(R::Response) -> Result<(), String>,
    ) -> Result<(), String> {
        let mut in_flight = 0;
        for request in requests {
            if in_flight == REQUESTS_IN_FLIGHT {
                check(self.receive::<R>(version)?)?;
                in_flight -= 1;
            }
            self.send(&request?, version)?;
            in_flight += 1;
        }
        for _ in 0..in_flight {
            check(self.receive::<R>(version)?)?;
        }
        Ok(())
    }

    fn send<R: Request>(&mut self, request: &R, version: i16) -> Result<(), String> {
        let mut frame = BytesMut::new();
        frame.put_i16(R::KEY);
        frame.put_i16(version);
        frame.put_i32(0); // correlation id: the order tells which is which
        frame.put_i16(-1); // no client id
        if R::header_version(version) >= 2 {
            frame.put_u8(0); // no tagged fields
        }
        request
            .encode(&mut frame, version)
            .map_err(|error| error.to_string())?;
        wire::send(&mut self.0, &frame)
    }

    fn receive<R: Request>(&mut self, version: i16) -> Result<R::Response, String> {
        let mut answer = Bytes::from(wire::receive(&mut self.0)?);
        if answer.len() < 5 {
            return Err("a short answer".to_owned());
        }
        answer.advance(4); // correlation id
        if R::Response::header_version(version) >= 1 {
            answer.advance(1); // no tagged fields
        }
        R::Response::decode(&mut answer, version).map_err(|error| error.to_string())
    }
}
