//! Kafka's protocol in bare bytes: enough to ask whether a broker is there, and to send it garbage.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, ToSocketAddrs};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(5);

/// How many brokers the one at this address knows of: none as long as it is still starting.
pub fn brokers_known(address: &str) -> Result<u32, String> {
    brokers_known_over(&mut connect(address)?)
}

/// The same, over a connection that is there.
///
/// A Metadata request, version 1, for no topics; every broker since 0.10 answers it.
pub fn brokers_known_over(stream: &mut TcpStream) -> Result<u32, String> {
    let mut request = Vec::new();
    request.extend(3i16.to_be_bytes()); // Metadata
    request.extend(1i16.to_be_bytes()); // version
    request.extend(7i32.to_be_bytes()); // correlation id
    request.extend((-1i16).to_be_bytes()); // no client id
    request.extend(0i32.to_be_bytes()); // no topics
    send(stream, &request)?;
    let answer = receive(stream)?;
    let number = |at: usize| {
        let bytes = answer
            .get(at..at + 4)
            .and_then(|bytes| bytes.try_into().ok());
        bytes.map(u32::from_be_bytes).ok_or("a short answer")
    };
    match number(0)? {
        7 => Ok(number(4)?),
        other => Err(format!("an answer to request {other}")),
    }
}

/// A connection to `HOST:PORT` that does not wait for ever.
pub fn connect(address: &str) -> Result<TcpStream, String> {
    let failed = |error: std::io::Error| format!("`{address}`: {error}");
    let mut last = format!("`{address}` has no address");
    for address in address.to_socket_addrs().map_err(failed)? {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(stream) => {
                stream.set_read_timeout(Some(PATIENCE)).map_err(failed)?;
                stream.set_write_timeout(Some(PATIENCE)).map_err(failed)?;
                return Ok(stream);
            }
            Err(error) => last = failed(error),
        }
    }
    Err(last)
}

/// Sends one frame.
pub fn send(stream: &mut impl Write, frame: &[u8]) -> Result<(), String> {
    let mut bytes = (frame.len() as u32).to_be_bytes().to_vec();
    bytes.extend(frame);
    stream.write_all(&bytes).map_err(|error| error.to_string())
}

/// Reads one frame.
pub fn receive(stream: &mut impl Read) -> Result<Vec<u8>, String> {
    let mut length = [0; 4];
    stream
        .read_exact(&mut length)
        .map_err(|error| error.to_string())?;
    let length = u32::from_be_bytes(length) as usize;
    if length > 1 << 20 {
        return Err(format!("a frame of {length} bytes"));
    }
    let mut frame = vec![0; length];
    stream
        .read_exact(&mut frame)
        .map_err(|error| error.to_string())?;
    Ok(frame)
}

/// A port nobody listens on at this moment.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port on loopback");
    listener.local_addr().expect("a bound address").port()
}
