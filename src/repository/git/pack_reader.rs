//! Reads a pack, object by object, as it comes in or was kept.
//!
//! Format: `gitformat-pack(5)`.

use std::io::{self, BufRead, Write};

use flate2::{Decompress, FlushDecompress, Status};

use super::answer::FetchError;
use super::budget::Budget;
use crate::limits::OBJECT;
use crate::repository::object::ObjectKind;

/// An id as packs have it: half the size of an [`ObjectId`], and there may be millions.
pub(super) type Sha1 = [u8; 20];

/// How an object of a pack is written down.
#[derive(Clone, Copy)]
pub(super) enum Form {
    Whole(ObjectKind),
    Delta(Base),
}

/// What a delta is the difference to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Base {
    /// An object of the same pack, by where it begins.
    At(u64),
    Object(Sha1),
}

/// What unpacks one object after the other, and where it does: most are much smaller than the place for a piece.
pub(super) struct Inflater {
    zlib: Decompress,
    piece: Box<[u8]>,
}

impl Default for Inflater {
    fn default() -> Self {
        const PIECE: usize = 16 << 10;
        Self {
            zlib: Decompress::new(true),
            piece: vec![0; PIECE].into_boxed_slice(),
        }
    }
}

/// Reads objects of a pack from one on, and copies what it reads.
pub(super) struct PackReader<'a, R, W> {
    pack: R,
    pub(super) copy: W,
    /// Where among all that was received what comes next begins.
    pub(super) position: u64,
    inflater: &'a mut Inflater,
    budget: &'a Budget,
}

impl<'a, R: BufRead, W: Write> PackReader<'a, R, W> {
    pub(super) fn new(
        pack: R,
        copy: W,
        at: u64,
        inflater: &'a mut Inflater,
        budget: &'a Budget,
    ) -> Self {
        Self {
            pack,
            copy,
            position: at,
            inflater,
            budget,
        }
    }

    /// The pack's header: how many objects there are.
    pub(super) fn count(&mut self) -> Result<u32, FetchError> {
        match (self.bytes()?, self.bytes()?, self.bytes()?) {
            ([b'P', b'A', b'C', b'K'], [0, 0, 0, 2 | 3], count) => Ok(u32::from_be_bytes(count)),
            _ => Err(FetchError::broken("what came is not a pack")),
        }
    }

    /// An object's header: how it is written down, and the size of what is compressed behind it.
    pub(super) fn form(&mut self) -> Result<(Form, usize), FetchError> {
        let broken = || FetchError::broken("the pack can't be read");
        self.budget.time()?;
        let begin = self.position;
        let [mut byte] = self.bytes()?;
        let form = byte >> 4 & 0x07;
        let (mut size, mut shift) = (usize::from(byte & 0x0f), 4);
        while byte & 0x80 != 0 {
            [byte] = self.bytes()?;
            let bits = usize::from(byte & 0x7f).checked_shl(shift);
            size |= bits.ok_or_else(broken)?;
            shift += 7;
        }
        let form = match form {
            1 => Form::Whole(ObjectKind::Commit),
            2 => Form::Whole(ObjectKind::Tree),
            3 => Form::Whole(ObjectKind::Blob),
            4 => Form::Whole(ObjectKind::Tag),
            6 => {
                let base = begin.checked_sub(self.distance()?);
                Form::Delta(Base::At(base.ok_or_else(broken)?))
            }
            7 => {
                let id = self.bytes()?;
                Form::Delta(Base::Object(id))
            }
            _ => return Err(broken()),
        };
        Ok((form, size))
    }

    /// How far before an object its base begins: seven bits a byte, the highest first, and one more
    /// for each byte that follows.
    fn distance(&mut self) -> Result<u64, FetchError> {
        let broken = || FetchError::broken("the pack can't be read");
        let [mut byte] = self.bytes()?;
        let mut distance = u64::from(byte & 0x7f);
        while byte & 0x80 != 0 {
            [byte] = self.bytes()?;
            let longer = (distance + 1).checked_mul(1 << 7).ok_or_else(broken)?;
            distance = longer | u64::from(byte & 0x7f);
        }
        match distance {
            0 => Err(broken()),
            _ => Ok(distance),
        }
    }

    fn bytes<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.pack.read_exact(&mut bytes)?;
        self.copy.write_all(&bytes)?;
        self.position += N as u64;
        Ok(bytes)
    }

    /// What is compressed here, which is `size` bytes long.
    pub(super) fn inflated(&mut self, size: usize) -> Result<Vec<u8>, FetchError> {
        OBJECT.check(size as u64)?;
        let mut content = Vec::new();
        self.inflate(size, |piece| content.extend_from_slice(piece))?;
        Ok(content)
    }

    /// Hands out what is compressed here piece by piece, and checks that it is `size` bytes long.
    pub(super) fn inflate(
        &mut self,
        size: usize,
        mut to: impl FnMut(&[u8]),
    ) -> Result<(), FetchError> {
        let broken = || FetchError::broken("an object in the pack is damaged");
        let Inflater { zlib, piece } = &mut *self.inflater;
        zlib.reset(true);
        loop {
            let compressed = self.pack.fill_buf()?;
            if compressed.is_empty() {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
            let (read, written) = (zlib.total_in(), zlib.total_out());
            let status = zlib
                .decompress(compressed, piece, FlushDecompress::None)
                .map_err(|_| broken())?;
            let read = (zlib.total_in() - read) as usize;
            let written = (zlib.total_out() - written) as usize;
            self.copy
                .write_all(compressed.get(..read).unwrap_or_default())?;
            self.pack.consume(read);
            self.position += read as u64;
            self.budget.unpack(written)?;
            to(piece.get(..written).unwrap_or_default());
            let so_far = zlib.total_out();
            match status {
                Status::StreamEnd if so_far == size as u64 => return Ok(()),
                Status::Ok if read + written > 0 && so_far <= size as u64 => {}
                _ => return Err(broken()),
            }
        }
    }
}
