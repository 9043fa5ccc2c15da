//! Servers of others, run for one test.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command};

/// A program that listens on a port of loopback until this is dropped.
pub struct Service {
    child: Child,
    address: SocketAddr,
}

impl Service {
    /// Starts the program that `command` makes for a free port, and waits until it answers there.
    pub fn start(command: impl FnOnce(SocketAddr) -> Command) -> Service {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let mut command = command(address);
        let child = command.spawn();
        let child = child.unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let mut service = Service { child, address };
        while TcpStream::connect(address).is_err() {
            let ended = service.child.try_wait().unwrap();
            assert_eq!(ended, None, "{command:?} has ended");
            std::thread::yield_now();
        }
        service
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
