//! What `git-upload-pack` answers to a request for objects: how deep the history is, and a pack.
//!
//! Protocol v0: `gitprotocol-pack(5)` ("Packfile Negotiation", "Packfile Data"). In version 2 the same
//! lines have headings: `gitprotocol-v2(5)`, "fetch".

use std::io::{self, BufRead, Read};
use std::time::Duration;

use crate::http::text::one_line;
use crate::limits::{Exceeded, SHALLOW};
use crate::repository::object::ObjectId;
use crate::repository::wire::WireErrorKind;

/// The longest packet: `gitprotocol-common(5)`, "pkt-line Format".
const LONGEST_PACKET: usize = 65_520;

/// Why there are no objects.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    /// The exchange itself failed.
    #[error("the exchange with the server failed")]
    Wire(WireErrorKind),
    /// The server refuses, in its own words.
    #[error("the server refused: {0}")]
    Refused(String),
    /// What came is not whole, or no pack.
    #[error("{0}")]
    Broken(String),
    /// There is more of something than is taken in.
    #[error("{0}")]
    TooMuch(#[from] Exceeded),
    /// The run's whole time, which this is, was over.
    #[error("reading what came took longer than `timeout` ({} s)", .0.as_secs())]
    Deadline(Duration),
}

impl FetchError {
    /// As what a reader may fail with; [`FetchError::from`] has it back.
    pub(super) fn into_io(self) -> io::Error {
        io::Error::other(self)
    }

    pub(super) fn broken(what: impl Into<String>) -> Self {
        Self::Broken(what.into())
    }
}

impl From<io::Error> for FetchError {
    fn from(error: io::Error) -> Self {
        match error.downcast::<Self>() {
            Ok(error) => error,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Self::broken("the answer ended early")
            }
            Err(error) => Self::Broken(error.to_string()),
        }
    }
}

/// The objects that were asked for, their pack still to be read.
#[derive(Debug)]
pub(super) struct FetchAnswer<R> {
    /// Commits whose parents do not come along.
    pub(super) shallow: Vec<ObjectId>,
    /// Commits of which that is not so any more.
    pub(super) unshallow: Vec<ObjectId>,
    pub(super) pack: PackStream<R>,
}

/// Reads an answer up to its pack, which comes in packets where the server `has_side_band`.
///
/// # Errors
/// What the server says instead, and what keeps the answer from being read.
pub(super) fn read<R: BufRead>(
    mut from: R,
    has_side_band: bool,
) -> Result<FetchAnswer<R>, FetchError> {
    let (mut shallow, mut unshallow) = (Vec::new(), Vec::new());
    loop {
        let Some(length) = packet_length(&mut from)? else {
            continue;
        };
        SHALLOW.check((shallow.len() + unshallow.len()) as u64)?;
        let mut line = vec![0; length];
        from.read_exact(&mut line)?;
        let line = String::from_utf8_lossy(&line);
        match line.trim_end().split_once(' ').unwrap_or((&line, "")) {
            ("shallow", id) => shallow.extend(ObjectId::parse(id)),
            ("unshallow", id) => unshallow.extend(ObjectId::parse(id)),
            ("ERR", why) => return Err(FetchError::Refused(one_line(why))),
            // One of several: the last one has the id alone.
            ("ACK", id) if id.contains(' ') => {}
            ("ACK", _) => break,
            _ if matches!(line.trim_end(), "NAK" | "packfile") => break,
            _ if line.trim_end() == "shallow-info" => {}
            _ => return Err(FetchError::broken("the answer is not one of git's")),
        }
    }
    let packet = match has_side_band {
        true => Packet::Left(0),
        false => Packet::Everything,
    };
    let pack = PackStream { from, packet };
    Ok(FetchAnswer {
        shallow,
        unshallow,
        pack,
    })
}

/// The length of the next packet; none of a flush, or where a part of the answer ends.
fn packet_length(from: &mut impl BufRead) -> io::Result<Option<usize>> {
    let mut digits = [0; 4];
    from.read_exact(&mut digits)?;
    let length = std::str::from_utf8(&digits)
        .ok()
        .and_then(|digits| usize::from_str_radix(digits, 16).ok());
    match length {
        Some(0 | 1) => Ok(None),
        Some(length @ 4..=LONGEST_PACKET) => Ok(Some(length - 4)),
        _ => Err(FetchError::broken("the answer is not one of git's").into_io()),
    }
}

/// A pack, taken out of the packets that it comes in.
#[derive(Debug)]
pub(super) struct PackStream<R> {
    from: R,
    packet: Packet,
}

#[derive(Debug, Clone, Copy)]
enum Packet {
    /// So many bytes of the current one are still to be read.
    Left(usize),
    /// There are none: the rest of the answer is the pack.
    Everything,
    /// The last one was read.
    End,
}

impl<R: BufRead> PackStream<R> {
    fn next_packet(&mut self) -> io::Result<Packet> {
        const PACK: u8 = 1;
        const PROGRESS: u8 = 2;
        let Some(length) = packet_length(&mut self.from)? else {
            return Ok(Packet::End);
        };
        let Some(length) = length.checked_sub(1) else {
            return Ok(Packet::Left(0));
        };
        let mut band = [0];
        self.from.read_exact(&mut band)?;
        if band == [PACK] {
            return Ok(Packet::Left(length));
        }
        let mut text = vec![0; length];
        self.from.read_exact(&mut text)?;
        if band == [PROGRESS] {
            return Ok(Packet::Left(0));
        }
        let why = one_line(&String::from_utf8_lossy(&text));
        Err(FetchError::Broken(why).into_io())
    }
}

impl<R: BufRead> BufRead for PackStream<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while let Packet::Left(0) = self.packet {
            self.packet = self.next_packet()?;
        }
        match self.packet {
            Packet::End => Ok(&[]),
            Packet::Everything => self.from.fill_buf(),
            Packet::Left(length) => {
                let there = self.from.fill_buf()?;
                if there.is_empty() {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                Ok(&there[..there.len().min(length)])
            }
        }
    }

    fn consume(&mut self, amount: usize) {
        self.from.consume(amount);
        if let Packet::Left(length) = &mut self.packet {
            *length = length.saturating_sub(amount);
        }
    }
}

impl<R: BufRead> Read for PackStream<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.fill_buf()?.read(buffer)?;
        self.consume(length);
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "1111111111111111111111111111111111111111";

    fn packets(packets: &[&[u8]]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for packet in packets {
            if packet.is_empty() {
                bytes.extend_from_slice(b"0000");
            } else {
                bytes.extend_from_slice(format!("{:04x}", packet.len() + 4).as_bytes());
                bytes.extend_from_slice(packet);
            }
        }
        bytes
    }

    fn whole(answer: &[u8], has_side_band: bool) -> Result<(usize, usize, Vec<u8>), FetchError> {
        let mut answer = read(answer, has_side_band)?;
        let mut pack = Vec::new();
        answer.pack.read_to_end(&mut pack)?;
        Ok((answer.shallow.len(), answer.unshallow.len(), pack))
    }

    #[test]
    fn a_pack_is_read_out_of_its_packets() {
        let shallow = format!("shallow {ID}");
        let unshallow = format!("unshallow {ID}\n");
        let answer = packets(&[
            shallow.as_bytes(),
            unshallow.as_bytes(),
            b"",
            b"NAK\n",
            b"\x02Counting objects\n",
            b"\x01PA",
            b"\x01",
            b"\x01CK",
            b"",
        ]);
        let (shallow, unshallow, pack) = whole(&answer, true).unwrap();
        assert_eq!((shallow, unshallow, &pack[..]), (1, 1, &b"PACK"[..]));
        for end in 0..answer.len() {
            let error = whole(&answer[..end], true).unwrap_err();
            assert_eq!(error.to_string(), "the answer ended early", "{end}");
        }

        let version_2 = packets(&[
            b"shallow-info\n",
            format!("shallow {ID}").as_bytes(),
            b"packfile\n",
            b"\x01PACK",
            b"",
        ]);
        let version_2 = [&version_2[..69], b"0001", &version_2[69..]].concat();
        let read = whole(&version_2, true).unwrap();
        assert_eq!(read, (1, 0, b"PACK".to_vec()));

        let common = format!("ACK {ID} common\n");
        let plain = packets(&[common.as_bytes(), format!("ACK {ID}\n").as_bytes()]);
        let plain = [&plain[..], b"PACK"].concat();
        assert_eq!(whole(&plain, false).unwrap(), (0, 0, b"PACK".to_vec()));
    }

    #[test]
    fn the_servers_words_are_kept() {
        let refused = packets(&[b"ERR upload-pack: not our ref 1\n"]);
        let error = whole(&refused, true).unwrap_err();
        assert!(
            matches!(&error, FetchError::Refused(why) if why == "upload-pack: not our ref 1"),
            "{error:?}"
        );
        let died = packets(&[b"NAK\n", b"\x01PA", b"\x03out of memory\n", b""]);
        assert_eq!(whole(&died, true).unwrap_err().to_string(), "out of memory");
        for nonsense in [&b"<!doctype html>"[..], b"0003", b"ffff", b"0008what"] {
            let error = whole(nonsense, true).unwrap_err().to_string();
            assert_eq!(error, "the answer is not one of git's", "{nonsense:?}");
        }
    }
}
