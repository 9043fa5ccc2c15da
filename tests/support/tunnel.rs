//! HTTP proxies: one that lets TLS through, and one that lets nothing through.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;

/// A proxy for one connection, and the head of the request that it gets. It leads to where it is asked for, or
/// to `instead`.
pub fn tunnel(instead: Option<SocketAddr>) -> (SocketAddr, mpsc::Receiver<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        let mut reader = BufReader::new(client.try_clone().unwrap());
        let head = head_of(&mut reader);
        let target = head[0].split(' ').nth(1).unwrap();
        let target = instead.map_or_else(|| target.to_owned(), |instead| instead.to_string());
        sender.send(head).unwrap();
        let mut server = TcpStream::connect(target).unwrap();
        client
            .write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")
            .unwrap();
        let (mut back, mut forth) = (server.try_clone().unwrap(), client.try_clone().unwrap());
        std::thread::spawn(move || std::io::copy(&mut back, &mut forth));
        let _ = std::io::copy(&mut reader, &mut server);
    });
    (address, receiver)
}

/// A proxy that answers whatever it is asked for, `CONNECT` as well, with this head and nothing else.
pub fn closed_proxy(head: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let mut client = client.unwrap();
            let mut reader = BufReader::new(client.try_clone().unwrap());
            head_of(&mut reader);
            let answer =
                format!("HTTP/1.1 {head}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            let _ = client.write_all(answer.as_bytes());
        }
    });
    address
}

fn head_of(reader: &mut impl BufRead) -> Vec<String> {
    let lines = reader.by_ref().lines().map_while(Result::ok);
    lines.take_while(|line| !line.is_empty()).collect()
}
