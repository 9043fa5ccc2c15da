//! A port of loopback, for servers of a test's own.

use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

/// Has `serve` serve each connection, in a thread of its own, until the process ends. Returns the address:
/// `127.0.0.1:5000`.
pub fn listen(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let serve = Arc::new(serve);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let serve = Arc::clone(&serve);
            thread::spawn(move || serve(stream.unwrap()));
        }
    });
    address
}
