//! Without a broker: the help, what is wrong with a command line, who is not there, and pipes.

mod event;
mod handle;
mod help;
mod pipes;
mod unreachable;
mod usage;

use std::sync::Mutex;
use tokio::net::TcpSocket;

/// An address of loopback where nobody listens, and nobody will: the port stays bound, so that no test that runs at
/// the same time is given it.
fn nobody() -> String {
    static BOUND: Mutex<Vec<TcpSocket>> = Mutex::new(Vec::new());
    let socket = TcpSocket::new_v4().expect("a socket");
    let any = "127.0.0.1:0".parse().expect("an address");
    socket.bind(any).expect("a free port on loopback");
    let address = socket.local_addr().expect("a bound address");
    BOUND.lock().expect("no test panics here").push(socket);
    address.to_string()
}
