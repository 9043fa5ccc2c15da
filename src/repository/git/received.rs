//! What comes from a server: packs, kept as they came.
//!
//! libgit2 is never shown them: a pack of 79 bytes (an object, and a difference that makes the same one)
//! kept its indexer busy for ever. Here a pack is read while it comes in and written down as it is,
//! compressed; each object is named by the hash of what is in it, and unpacked again when it is asked for. What
//! is in memory at one time does not grow with what a pack unpacks to.
//!
//! Format: `gitformat-pack(5)`.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, BufWriter, Seek as _, SeekFrom, Write};
use std::sync::Arc;

use flate2::{Decompress, FlushDecompress, Status};
use tempfile::SpooledTempFile;

use super::answer::FetchError;
use super::budget::Budget;
use crate::limits::{CHAIN, OBJECT, OBJECTS};
use crate::repository::object::{Hasher, ObjectId, ObjectKind};

/// From how many bytes on packs are kept on disk.
const IN_MEMORY: usize = 16 << 20;
/// How many bytes of unpacked objects are kept for the next that build on them.
const CACHED: usize = 16 << 20;
/// Git itself makes no longer chains: `git pack-objects`, "--depth".
const LONGEST_CHAIN: usize = 4095;

/// The objects of packs. Their ids are computed of what came: what is found is what was asked for.
pub(super) struct Received {
    /// All packs, one behind the other.
    packs: SpooledTempFile,
    /// Where the last one ends.
    end: u64,
    /// The objects of each pack, by their ids, each once. Of two with one id the one that was there
    /// first counts: so whatever an object builds on was there before it, and no chain is a circle.
    objects: Vec<Vec<Object>>,
    /// Whether an object was passed over, since it is larger than [`OBJECT`].
    passed_over: bool,
    cache: Cache,
    inflater: Inflater,
}

/// An object, and where in [`Received::packs`] it begins.
#[derive(Clone, Copy)]
struct Object {
    id: Sha1,
    at: u64,
}

/// An id as packs have it: half the size of an [`ObjectId`], and there may be millions.
type Sha1 = [u8; 20];

/// An object's content, shared with the cache.
pub(super) type Content = (ObjectKind, Arc<[u8]>);

/// How an object of a pack is written down.
#[derive(Clone, Copy)]
enum Form {
    Whole(ObjectKind),
    Delta(Base),
}

/// What a delta is the difference to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Base {
    /// An object of the same pack, by where it begins.
    At(u64),
    Object(Sha1),
}

/// Deltas, by their bases, and where they begin.
struct Deltas(Vec<(Base, u64)>);

impl Default for Received {
    fn default() -> Self {
        Self {
            packs: SpooledTempFile::new(IN_MEMORY),
            end: 0,
            objects: Vec::new(),
            passed_over: false,
            cache: Cache::default(),
            inflater: Inflater::default(),
        }
    }
}

impl Received {
    /// Takes in a pack, to its end. It may build on the objects that are here.
    ///
    /// The pack's own checksum is not looked at: whatever is damaged has another id than it is asked
    /// for by. What builds on an object that is not here is passed over where the pack `may_lack` such
    /// objects, since its sender takes more for being here than is.
    ///
    /// # Errors
    /// When it ends early, is no pack, or exceeds a limit or the run's time. What was here stays.
    pub(super) fn read(
        &mut self,
        pack: impl BufRead,
        may_lack: bool,
        budget: &Budget,
    ) -> Result<(), FetchError> {
        // What a pack that failed left behind the end is written over.
        self.cache.forget_from(self.end);
        self.packs.seek(SeekFrom::Start(self.end))?;
        let copy = BufWriter::new(&mut self.packs);
        let mut reader = PackReader::new(pack, copy, self.end, &mut self.inflater, budget);
        let count = reader.count()?;
        OBJECTS.check(count.into())?;
        let (mut objects, mut deltas) = (Vec::new(), Vec::new());
        let mut passed_over = false;
        for _ in 0..count {
            let at = reader.position;
            let (form, size) = reader.form()?;
            match form {
                Form::Whole(kind) => {
                    let mut hasher = Hasher::new(kind, size);
                    reader.inflate(size, |piece| hasher.update(piece))?;
                    objects.extend(Object::new(hasher.finish(), at));
                }
                Form::Delta(base) => {
                    reader.inflate(size, |_| {})?;
                    match OBJECT.check(size as u64) {
                        Ok(()) => deltas.push((base, at)),
                        Err(_) => passed_over = true,
                    }
                }
            }
        }
        let end = reader.position;
        reader.copy.flush()?;
        drop(reader);
        passed_over |= self.resolve(&mut objects, Deltas::new(deltas), budget)?;
        if objects.len() < count as usize && !passed_over && !may_lack {
            return Err(lacking());
        }
        // Those that were there first stay in front.
        objects.sort_by_key(|object| object.id);
        objects.dedup_by_key(|object| object.id);
        objects.shrink_to_fit();
        self.objects.push(objects);
        self.end = end;
        self.passed_over |= passed_over;
        Ok(())
    }

    /// Whether an object has come.
    pub(super) fn has(&self, id: ObjectId) -> bool {
        self.find(id).is_some()
    }

    /// An object's content, if it has come.
    ///
    /// # Errors
    /// When it is larger than [`OBJECT`], or the run's time is over.
    pub(super) fn get(
        &mut self,
        id: ObjectId,
        budget: &Budget,
    ) -> Result<Option<Content>, FetchError> {
        match self.find(id) {
            Some(at) => self.content(at, budget).map(Some),
            None if self.passed_over => Ok(OBJECT.check(u64::MAX).map(|()| None)?),
            None => Ok(None),
        }
    }

    /// The size of an object, if it has come.
    ///
    /// # Errors
    /// As for [`Received::get`].
    pub(super) fn size(
        &mut self,
        id: ObjectId,
        budget: &Budget,
    ) -> Result<Option<usize>, FetchError> {
        let Some(at) = self.find(id) else {
            return Ok(self.get(id, budget)?.map(|(_, content)| content.len()));
        };
        let mut reader = self.reader(at, budget)?;
        let (form, size) = reader.form()?;
        if let Form::Whole(_) = form {
            return Ok(Some(size));
        }
        let (_, size) = sizes(&reader.inflated(size)?)?;
        Ok(Some(size))
    }

    /// Where an object begins, in the oldest pack that has it.
    fn find(&self, id: ObjectId) -> Option<u64> {
        let Object { id, .. } = Object::new(id, 0)?;
        let mut packs = self.objects.iter();
        packs.find_map(|objects| {
            // Nearly always, what comes first in an id tells it from others.
            let place = objects.binary_search_by(|object| {
                let order = first(object.id).cmp(&first(id));
                order.then_with(|| object.id.cmp(&id))
            });
            objects.get(place.ok()?).map(|object| object.at)
        })
    }

    /// A reader at the object that begins at `at`.
    fn reader<'a>(
        &'a mut self,
        at: u64,
        budget: &'a Budget,
    ) -> Result<PackReader<'a, impl BufRead + use<'a>, io::Sink>, FetchError> {
        const PIECE: usize = 4 << 10;
        self.packs.seek(SeekFrom::Start(at))?;
        let pack = BufReader::with_capacity(PIECE, &mut self.packs);
        Ok(PackReader::new(
            pack,
            io::sink(),
            at,
            &mut self.inflater,
            budget,
        ))
    }

    /// The content of the object that begins at `at`.
    fn content(&mut self, at: u64, budget: &Budget) -> Result<Content, FetchError> {
        let (mut next, mut deltas, mut held) = (at, Vec::new(), 0);
        let (kind, mut content) = loop {
            budget.time()?;
            if let Some(known) = self.cache.get(next) {
                break known;
            }
            let (form, inflated) = {
                let mut reader = self.reader(next, budget)?;
                let (form, size) = reader.form()?;
                (form, reader.inflated(size)?)
            };
            let base = match form {
                Form::Whole(kind) => break (kind, inflated.into()),
                Form::Delta(base) => base,
            };
            held += inflated.len() as u64;
            CHAIN.check(held)?;
            deltas.push((next, inflated));
            next = match base {
                Base::At(at) => at,
                Base::Object(id) => self.find(ObjectId::Sha1(id)).ok_or_else(lacking)?,
            };
            if deltas.len() > LONGEST_CHAIN {
                return Err(lacking());
            }
        };
        self.cache.put(next, kind, &content);
        while let Some((at, delta)) = deltas.pop() {
            content = apply(&delta, &content, budget)?.into();
            self.cache.put(at, kind, &content);
        }
        Ok((kind, content))
    }

    /// Names what `deltas` make of `objects`, and of what was here before, and adds that to `objects`.
    /// Returns whether something is too large for it.
    ///
    /// Goes from each base to what builds on it. A base is dropped before the last of those is made, so
    /// that of a chain no more than two are held.
    fn resolve(
        &mut self,
        objects: &mut Vec<Object>,
        mut deltas: Deltas,
        budget: &Budget,
    ) -> Result<bool, FetchError> {
        struct Open {
            base: Content,
            depth: usize,
            /// Where what builds on it begins.
            above: Vec<u64>,
        }
        let mut passed_over = false;
        let mut before = Vec::new();
        for id in deltas.bases() {
            let at = self.find(ObjectId::Sha1(id));
            before.extend(at.map(|at| Object { id, at }));
        }
        let whole = objects.len();
        for root in 0..before.len() + whole {
            budget.time()?;
            let root = before
                .get(root)
                .or_else(|| objects.get(root - before.len()));
            let Some(Object { id, at }) = root.copied() else {
                break;
            };
            let above = deltas.take(id, at);
            if above.is_empty() {
                continue;
            }
            let (_, size) = self.reader(at, budget)?.form()?;
            if OBJECT.check(size as u64).is_err() {
                passed_over = true;
                continue;
            }
            let base = self.content(at, budget)?;
            let mut held = base.1.len() as u64;
            let mut open = vec![Open {
                base,
                depth: 1,
                above,
            }];
            while let Some(last) = open.last_mut() {
                let Some(at) = last.above.pop() else {
                    open.pop();
                    continue;
                };
                let ((kind, base), depth) = (last.base.clone(), last.depth);
                if last.above.is_empty() {
                    held -= base.len() as u64;
                    open.pop();
                }
                let delta = {
                    let mut reader = self.reader(at, budget)?;
                    let (_, size) = reader.form()?;
                    reader.inflated(size)?
                };
                if OBJECT.check(sizes(&delta)?.1 as u64).is_err() {
                    passed_over = true;
                    continue;
                }
                let content = apply(&delta, &base, budget)?;
                drop((base, delta));
                let Some(made) = Object::new(ObjectId::of(kind, &content), at) else {
                    continue;
                };
                objects.push(made);
                let above = deltas.take(made.id, at);
                if above.is_empty() {
                    continue;
                }
                if depth > LONGEST_CHAIN {
                    return Err(lacking());
                }
                held += content.len() as u64;
                CHAIN.check(held)?;
                open.push(Open {
                    base: (kind, content.into()),
                    depth: depth + 1,
                    above,
                });
            }
        }
        Ok(passed_over)
    }
}

impl Object {
    /// One with an id of the kind that packs have here.
    fn new(id: ObjectId, at: u64) -> Option<Self> {
        match id {
            ObjectId::Sha1(id) => Some(Self { id, at }),
            ObjectId::Sha256(_) => None,
        }
    }
}

impl Deltas {
    fn new(mut deltas: Vec<(Base, u64)>) -> Self {
        deltas.sort_unstable();
        Self(deltas)
    }

    /// The objects that they build on and name by their ids.
    fn bases(&self) -> Vec<Sha1> {
        let ids = self.0.iter().filter_map(|(base, _)| match base {
            Base::Object(id) => Some(*id),
            Base::At(_) => None,
        });
        let mut ids: Vec<_> = ids.collect();
        ids.dedup();
        ids
    }

    /// Those that build on an object, each once.
    fn take(&mut self, id: Sha1, at: u64) -> Vec<u64> {
        const TAKEN: u64 = u64::MAX;
        let mut taken = Vec::new();
        for base in [Base::At(at), Base::Object(id)] {
            let begin = self.0.partition_point(|(own, _)| *own < base);
            let of_it = self.0[begin..].iter_mut();
            for (_, at) in of_it.take_while(|(own, _)| *own == base) {
                taken.push(std::mem::replace(at, TAKEN));
            }
        }
        taken.retain(|at| *at != TAKEN);
        taken
    }
}

/// What was unpacked last, by where it begins.
#[derive(Default)]
struct Cache {
    contents: HashMap<u64, Content>,
    bytes: usize,
}

impl Cache {
    fn get(&self, at: u64) -> Option<Content> {
        self.contents.get(&at).cloned()
    }

    fn put(&mut self, at: u64, kind: ObjectKind, content: &Arc<[u8]>) {
        if content.len() > CACHED / 4 {
            return;
        }
        if self.bytes + content.len() > CACHED {
            *self = Self::default();
        }
        let own = (kind, Arc::clone(content));
        if self.contents.insert(at, own).is_none() {
            self.bytes += content.len();
        }
    }

    /// Drops what begins at `end`, or behind it.
    fn forget_from(&mut self, end: u64) {
        self.contents.retain(|at, _| *at < end);
        let left = self.contents.values();
        self.bytes = left.map(|(_, content)| content.len()).sum();
    }
}

/// The first bytes of an id, which are in its order, and compared in one step.
fn first([a, b, c, d, e, f, g, h, ..]: Sha1) -> u64 {
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

fn lacking() -> FetchError {
    FetchError::broken("the pack lacks what its objects build on")
}

fn damaged() -> FetchError {
    FetchError::broken("a delta in the pack can't be applied")
}

/// The sizes of what a delta is applied to, and of what it makes of that.
fn sizes(mut delta: &[u8]) -> Result<(usize, usize), FetchError> {
    let delta = &mut delta;
    number(delta).zip(number(delta)).ok_or_else(damaged)
}

/// What `delta` makes of `base`.
fn apply(mut delta: &[u8], base: &[u8], budget: &Budget) -> Result<Vec<u8>, FetchError> {
    let delta = &mut delta;
    let (old, new) = number(delta).zip(number(delta)).ok_or_else(damaged)?;
    if old != base.len() {
        return Err(damaged());
    }
    OBJECT.check(new as u64)?;
    budget.unpack(new)?;
    let mut content = Vec::with_capacity(new);
    while let Some((&instruction, rest)) = delta.split_first() {
        *delta = rest;
        let piece = if instruction & 0x80 != 0 {
            let (offset, length) = copied(instruction, delta).ok_or_else(damaged)?;
            base.get(offset..offset + length).ok_or_else(damaged)?
        } else {
            let (inserted, rest) = delta
                .split_at_checked(instruction.into())
                .filter(|(inserted, _)| !inserted.is_empty())
                .ok_or_else(damaged)?;
            *delta = rest;
            inserted
        };
        if content.len() + piece.len() > new {
            return Err(damaged());
        }
        content.extend_from_slice(piece);
    }
    if content.len() != new {
        return Err(damaged());
    }
    Ok(content)
}

/// Offset and length of a copy: the bits of `instruction` say which of their bytes follow.
fn copied(instruction: u8, delta: &mut &[u8]) -> Option<(usize, usize)> {
    const LENGTH_OF_NONE: usize = 0x10000;
    let mut values = [0_usize; 2];
    for bit in 0..7 {
        if instruction & 1 << bit != 0 {
            let (&byte, rest) = delta.split_first()?;
            *delta = rest;
            let (value, byte_of_it) = if bit < 4 { (0, bit) } else { (1, bit - 4) };
            values[value] |= usize::from(byte) << (8 * byte_of_it);
        }
    }
    let [offset, length] = values;
    Some((offset, if length == 0 { LENGTH_OF_NONE } else { length }))
}

/// A number, seven bits a byte, the lowest first.
fn number(bytes: &mut &[u8]) -> Option<usize> {
    let (mut value, mut shift) = (0_usize, 0);
    loop {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= usize::from(byte & 0x7f).checked_shl(shift)?;
        shift += 7;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
}

/// What unpacks one object after the other, and where it does: most are much smaller than the place for a piece.
struct Inflater {
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
struct PackReader<'a, R, W> {
    pack: R,
    copy: W,
    /// Where in [`Received::packs`] what comes next begins.
    position: u64,
    inflater: &'a mut Inflater,
    budget: &'a Budget,
}

impl<'a, R: BufRead, W: Write> PackReader<'a, R, W> {
    fn new(pack: R, copy: W, at: u64, inflater: &'a mut Inflater, budget: &'a Budget) -> Self {
        Self {
            pack,
            copy,
            position: at,
            inflater,
            budget,
        }
    }

    /// The pack's header: how many objects there are.
    fn count(&mut self) -> Result<u32, FetchError> {
        match (self.bytes()?, self.bytes()?, self.bytes()?) {
            ([b'P', b'A', b'C', b'K'], [0, 0, 0, 2 | 3], count) => Ok(u32::from_be_bytes(count)),
            _ => Err(FetchError::broken("what came is not a pack")),
        }
    }

    /// An object's header: how it is written down, and the size of what is compressed behind it.
    fn form(&mut self) -> Result<(Form, usize), FetchError> {
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
    fn inflated(&mut self, size: usize) -> Result<Vec<u8>, FetchError> {
        OBJECT.check(size as u64)?;
        let mut content = Vec::new();
        self.inflate(size, |piece| content.extend_from_slice(piece))?;
        Ok(content)
    }

    /// Hands out what is compressed here piece by piece, and checks that it is `size` bytes long.
    fn inflate(&mut self, size: usize, mut to: impl FnMut(&[u8])) -> Result<(), FetchError> {
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

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::ZlibEncoder;
    use proptest::prelude::*;

    use super::*;
    use crate::limits;

    const OFFSET: u8 = 6;
    const OBJECT: u8 = 7;

    fn deflated(content: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    /// An entry of a pack: its form, what stands between header and content, the content.
    fn entry(form: u8, base: &[u8], content: &[u8]) -> Vec<u8> {
        let mut size = content.len() >> 4;
        let mut entry = vec![form << 4 | (content.len() & 0x0f) as u8];
        while size > 0 {
            *entry.last_mut().unwrap() |= 0x80;
            entry.push((size & 0x7f) as u8);
            size >>= 7;
        }
        [&entry[..], base, &deflated(content)].concat()
    }

    fn pack(entries: &[Vec<u8>]) -> Vec<u8> {
        let mut pack = b"PACK\0\0\0\x02".to_vec();
        pack.extend_from_slice(&(entries.len() as u32).to_be_bytes());
        pack.extend(entries.concat());
        pack.extend([0; 20]);
        pack
    }

    fn budget() -> Budget {
        let (_, cancellation) = crate::deadline::cancellation();
        let total = std::time::Duration::from_secs(60);
        Budget::until(crate::deadline::Deadline::after(total, cancellation))
    }

    impl Received {
        fn add(&mut self, pack: &[u8]) -> Result<(), String> {
            let read = self.read(pack, false, &budget());
            read.map_err(|error| error.to_string())
        }

        fn content_of(&mut self, id: ObjectId) -> Option<(ObjectKind, Vec<u8>)> {
            let found = self.get(id, &budget()).unwrap();
            let size = self.size(id, &budget()).unwrap();
            assert_eq!(size, found.as_ref().map(|(_, content)| content.len()));
            found.map(|(kind, content)| (kind, content.to_vec()))
        }
    }

    fn received(pack: &[u8]) -> Result<Received, String> {
        let mut received = Received::default();
        received.add(pack).map(|()| received)
    }

    fn blob(content: &[u8]) -> ObjectId {
        ObjectId::of(ObjectKind::Blob, content)
    }

    #[test]
    fn deltas_are_applied_wherever_their_base_stands() {
        let base = b"image: web:v1\n";
        // Copies `image: web:v`, inserts `2`, copies the line end.
        let to_two = [&[14, 14, 0x90, 12, 1][..], b"2", &[0x91, 13, 1]].concat();
        let to_three = [&[14, 14, 0x90, 12, 1][..], b"3", &[0x91, 13, 1]].concat();
        let whole = entry(3, b"", base);
        let two = blob(b"image: web:v2\n");
        let pack = pack(&[
            // Their base, and the base of that, come later.
            entry(OBJECT, two.as_bytes(), &to_three),
            entry(OBJECT, blob(base).as_bytes(), &to_two),
            whole.clone(),
            // The entry right before this.
            entry(OFFSET, &[whole.len() as u8], &to_three),
        ]);
        let mut received = received(&pack).unwrap();
        for content in [&base[..], b"image: web:v2\n", b"image: web:v3\n"] {
            assert_eq!(
                received.content_of(blob(content)),
                Some((ObjectKind::Blob, content.to_vec()))
            );
        }
        assert_eq!(received.content_of(blob(b"")), None);
    }

    #[test]
    fn it_does_not_matter_in_which_pieces_a_pack_comes() {
        let web = b"image: web:v1\n";
        let tag = b"object 1\ntype commit\n";
        let entries = [entry(3, b"", web), entry(4, b"", tag), entry(3, b"", b"")];
        let pack = pack(&entries);
        for size in 1..pack.len() {
            let mut received = Received::default();
            let pieces = io::BufReader::with_capacity(size, &pack[..]);
            received.read(pieces, false, &budget()).unwrap();
            for (kind, content) in [
                (ObjectKind::Blob, &web[..]),
                (ObjectKind::Tag, tag),
                (ObjectKind::Blob, b""),
            ] {
                let id = ObjectId::of(kind, content);
                assert_eq!(
                    received.content_of(id),
                    Some((kind, content.to_vec())),
                    "{size}"
                );
            }
        }
    }

    #[test]
    fn a_copy_without_a_length_is_one_of_64_kib() {
        let base: Vec<u8> = (0..70_000_u32).map(|n| n as u8 ^ (n >> 8) as u8).collect();
        let sizes = [0xf0, 0xa2, 0x04, 0x80, 0x80, 0x04]; // 70,000 and 65,536
        // From the beginning; and from the byte 2 on.
        for (copy, from) in [(&[0x80][..], 0), (&[0x81, 2], 2)] {
            let delta = [&sizes, copy].concat();
            let delta = entry(OBJECT, blob(&base).as_bytes(), &delta);
            let mut received = received(&pack(&[entry(3, b"", &base), delta])).unwrap();
            let copied = &base[from..][..0x10000];
            assert_eq!(
                received.content_of(blob(copied)),
                Some((ObjectKind::Blob, copied.to_vec()))
            );
        }
    }

    #[test]
    fn a_pack_may_build_on_another() {
        let base = b"0123456789";
        let delta = entry(OBJECT, blob(base).as_bytes(), &[10, 5, 0x90, 5]);
        let thin = pack(&[delta]);
        assert!(received(&thin).is_err());
        let mut lacking = Received::default();
        lacking.read(&thin[..], true, &budget()).unwrap();
        assert_eq!(lacking.content_of(blob(b"01234")), None);
        let mut received = received(&pack(&[entry(3, b"", base)])).unwrap();
        received.add(&thin).unwrap();
        assert!(received.has(blob(b"01234")));
        // What can't be read leaves what is there as it is.
        for end in 0..thin.len() - 20 {
            assert!(received.add(&thin[..end]).is_err());
        }
        assert!(received.has(blob(b"01234")));
        assert!(received.has(blob(base)));
    }

    #[test]
    fn nothing_of_a_pack_that_failed_is_found_in_the_next() {
        let base = entry(3, b"", b"0123456789");
        let damaged = entry(OFFSET, &[base.len() as u8], &[9, 1, 1, b'x']);
        let mut received = received(&pack(&[entry(3, b"", b"before")])).unwrap();
        received.add(&pack(&[base, damaged])).unwrap_err();
        assert_eq!(received.content_of(blob(b"0123456789")), None);
        // Its first object stands where that of the other stood.
        received.add(&pack(&[entry(3, b"", b"right")])).unwrap();
        for content in [&b"right"[..], b"before"] {
            assert_eq!(
                received.content_of(blob(content)),
                Some((ObjectKind::Blob, content.to_vec()))
            );
        }
    }

    /// Commits that each change a line of a file that is long and deep in the tree.
    fn commits(repository: &git2::Repository) {
        let mut lines: Vec<String> = (0..400).map(|line| format!("line {line}\n")).collect();
        let mut parent: Option<git2::Commit<'_>> = None;
        for number in 0..60 {
            lines[number * 7 % 400] = format!("changed by {number}\n");
            let blob = repository.blob(lines.concat().as_bytes()).unwrap();
            let mut update = git2::build::TreeUpdateBuilder::new();
            for path in [format!("apps/{number}/web.yaml"), "apps/all.yaml".into()] {
                update.upsert(path, blob, git2::FileMode::Blob);
            }
            let before = match &parent {
                Some(parent) => parent.tree().unwrap(),
                None => {
                    let empty = repository.treebuilder(None).unwrap().write().unwrap();
                    repository.find_tree(empty).unwrap()
                }
            };
            let tree = update.create_updated(repository, &before).unwrap();
            let tree = repository.find_tree(tree).unwrap();
            let who = git2::Signature::now("A", "a@example.com").unwrap();
            let parents: Vec<_> = parent.iter().collect();
            let made = repository.commit(Some("refs/heads/main"), &who, &who, "x", &tree, &parents);
            parent = Some(repository.find_commit(made.unwrap()).unwrap());
        }
    }

    #[test]
    fn a_pack_of_gits_own_is_read_whole() {
        let directory = tempfile::tempdir().unwrap();
        let repository = git2::Repository::init_bare(directory.path()).unwrap();
        commits(&repository);
        let odb = repository.odb().unwrap();
        for options in [&["--delta-base-offset"][..], &[], &["--window=0"]] {
            let packed = std::process::Command::new("git")
                .args(["pack-objects", "--all", "--stdout", "-q", "--depth=50"])
                .args(options)
                .env("GIT_DIR", directory.path())
                .stdin(std::process::Stdio::null())
                .output()
                .unwrap();
            assert!(packed.status.success(), "{packed:?}");
            let mut received = received(&packed.stdout).unwrap();
            let mut read = 0;
            odb.foreach(|id| {
                let object = odb.read(*id).unwrap();
                // The empty tree belongs to no commit.
                if !object.data().is_empty() {
                    let (kind, content) = received.content_of((*id).into()).unwrap();
                    assert_eq!(
                        (kind.to_string(), &content[..]),
                        (object.kind().to_string(), object.data())
                    );
                    read += 1;
                }
                true
            })
            .unwrap();
            // A commit, its three trees and a file, sixty times.
            assert_eq!(read, 300, "{options:?}");
        }
    }

    #[test]
    fn what_is_damaged_is_refused() {
        let whole = entry(3, b"", b"image: web:v1\n");
        let good = pack(&[whole.clone(), entry(3, b"", b"")]);
        assert_eq!(
            received(&good).unwrap().content_of(blob(b"")),
            Some((ObjectKind::Blob, Vec::new()))
        );
        for end in 0..good.len() - 20 {
            let error = received(&good[..end]).err();
            assert_eq!(error.as_deref(), Some("the answer ended early"), "{end}");
        }

        let one = |entry: Vec<u8>| received(&pack(&[entry])).err().unwrap_or_default();
        let mut longer = entry(3, b"", b"0123456789");
        longer[0] = 3 << 4 | 9;
        assert_eq!(one(longer), "an object in the pack is damaged");
        let mut shorter = entry(3, b"", b"0123456789");
        shorter[0] = 3 << 4 | 11;
        assert_eq!(one(shorter), "an object in the pack is damaged");
        assert_eq!(one(entry(0, b"", b"")), "the pack can't be read");
        assert_eq!(one(entry(OFFSET, &[0x7f], b"")), "the pack can't be read");
        assert_eq!(
            one(entry(OBJECT, &[1; 20], &[0, 0])),
            "the pack lacks what its objects build on"
        );
        assert_eq!(
            one([&[0x30 | 0x8f][..], &[0xff; 12]].concat()),
            "the pack can't be read"
        );
        assert_eq!(
            received(b"PACK\0\0\0\x09\0\0\0\0").err().unwrap(),
            "what came is not a pack"
        );

        let base = b"0123456789";
        for delta in [
            &[9, 1, 1, b'x'][..], // another base's size
            &[10, 2, 1, b'x'],    // too short
            &[10, 0, 1, b'x'],    // too long
            &[10, 1, 0],          // no instruction
            &[10, 1, 2, b'x'],    // ends early
            &[10, 5, 0x91, 8, 5], // beyond the base
            &[10, 5, 0x91],
            &[10],
        ] {
            let whole = entry(3, b"", base);
            let delta = entry(OBJECT, blob(base).as_bytes(), delta);
            assert_eq!(
                received(&pack(&[whole, delta])).err().unwrap(),
                "a delta in the pack can't be applied"
            );
        }
    }

    #[test]
    fn what_is_too_large_is_passed_over_until_it_is_asked_for() {
        let too_many = b"PACK\0\0\0\x02\xff\xff\xff\xff";
        assert_eq!(
            received(too_many).err().unwrap(),
            "there is more than the limit of 2097152 Git objects in one pack"
        );
        let too_large = "there is more than the limit of 24 MiB in one Git object";
        let small = entry(3, b"", b"small");
        let large = vec![b'x'; limits::OBJECT.most() as usize + 1];
        let mut whole = received(&pack(&[entry(3, b"", &large), small.clone()])).unwrap();
        assert!(whole.content_of(blob(b"small")).is_some());
        assert_eq!(
            whole.size(blob(&large), &budget()).unwrap(),
            Some(large.len())
        );
        let error = whole.get(blob(&large), &budget()).unwrap_err();
        assert_eq!(error.to_string(), too_large);

        // A delta says that it makes 16 GiB.
        let bomb = [10, 0x80, 0x80, 0x80, 0x80, 0x40, 0x91, 0, 10];
        let bomb = entry(OBJECT, blob(b"0123456789").as_bytes(), &bomb);
        let mut made = received(&pack(&[entry(3, b"", b"0123456789"), bomb, small])).unwrap();
        assert!(made.content_of(blob(b"small")).is_some());
        let error = made.get(blob(b"other"), &budget()).unwrap_err();
        assert_eq!(error.to_string(), too_large);

        // A size of terabytes, and nothing behind it.
        let huge = [&[0x30 | 0x80][..], &[0xff, 0xff, 0xff, 0xff, 0xff, 0x01]].concat();
        assert!(received(&pack(&[huge])).is_err());
    }

    #[test]
    fn a_delta_that_makes_its_own_base_ends() {
        let content = b"0123456789";
        let same = entry(OBJECT, blob(content).as_bytes(), &[10, 10, 0x90, 10]);
        for entries in [
            &[entry(3, b"", content), same.clone()][..],
            &[same.clone(), entry(3, b"", content), same.clone()],
        ] {
            let mut received = received(&pack(entries)).unwrap();
            let again = std::slice::from_ref(&same);
            received.add(&pack(again)).unwrap();
            received.cache = Cache::default();
            assert!(received.content_of(blob(content)).is_some());
        }
        assert!(received(&pack(&[same])).is_err());
    }

    #[test]
    fn a_chain_of_deltas_is_followed_to_its_end() {
        // Versions of 64 KiB and a byte, each made of the one before.
        let version = |number: u8| [&[number][..], &[b'x'; 0x10000][..]].concat();
        let sizes = [0x81, 0x80, 0x04, 0x81, 0x80, 0x04];
        let mut entries = vec![entry(3, b"", &version(0))];
        for number in 1..60 {
            // Inserts the number, copies what is behind it.
            let delta = [&sizes[..], &[1, number, 0x81, 1]].concat();
            entries.push(entry(OBJECT, blob(&version(number - 1)).as_bytes(), &delta));
        }
        let mut received = received(&pack(&entries)).unwrap();
        received.cache = Cache::default();
        let last = received.content_of(blob(&version(59))).unwrap();
        assert_eq!(last, (ObjectKind::Blob, version(59)));
    }

    /// Entries that build on one another in every way there is, also in none that leads anywhere.
    fn entries() -> impl Strategy<Value = Vec<Vec<u8>>> {
        let content = proptest::collection::vec(any::<u8>(), 0..12);
        let drawn = (0..4_u8, content, any::<u8>(), any::<u8>());
        let entries = proptest::collection::vec(drawn, 0..12);
        entries.prop_map(|entries| {
            let mut contents = vec![b"0123456789".to_vec()];
            let mut packed = vec![entry(3, b"", b"0123456789")];
            for (form, mut content, which, length) in entries {
                let base = contents[usize::from(which) % contents.len()].clone();
                let length = length % (base.len() as u8 + 2);
                // A copy of the beginning of the base, and then the content as it is.
                let sizes = [base.len() as u8, length.wrapping_add(content.len() as u8)];
                let mut delta = [&sizes[..], &[0x90, length.max(1)]].concat();
                if !content.is_empty() {
                    delta.push(content.len() as u8);
                    delta.extend_from_slice(&content);
                }
                match form {
                    0 => packed.push(entry(3, b"", &content)),
                    1 => packed.push(entry(OBJECT, blob(&base).as_bytes(), &delta)),
                    2 => packed.push(entry(OFFSET, &[which & 0x7f], &delta)),
                    _ => packed.push(entry(OBJECT, &[which; 20], &content)),
                }
                let copied = base.get(..usize::from(length.max(1))).unwrap_or_default();
                content.splice(0..0, copied.iter().copied());
                contents.push(content);
            }
            packed
        })
    }

    proptest! {
        #[test]
        fn whatever_builds_on_what_is_read_or_refused(
            first in entries(),
            second in entries(),
            order in any::<prop::sample::Index>(),
        ) {
            let mut first = first;
            let length = first.len();
            first.rotate_left(order.index(length));
            let mut received = Received::default();
            for entries in [&first, &second] {
                let _ = received.add(&pack(entries));
            }
            received.cache = Cache::default();
            let ids: Vec<_> = received.objects.iter().flatten().map(|object| object.id).collect();
            for id in ids {
                let (kind, content) = received.content_of(ObjectId::Sha1(id)).unwrap();
                prop_assert_eq!(ObjectId::of(kind, &content), ObjectId::Sha1(id));
            }
        }

        #[test]
        fn nothing_panics(
            mut bytes in proptest::collection::vec(any::<u8>(), 0..200),
            contents in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..5),
            at in any::<prop::sample::Index>(),
        ) {
            let _ = received(&bytes);
            let entries: Vec<_> = contents.iter().map(|content| entry(3, b"", content)).collect();
            let mut whole = pack(&entries);
            let at = at.index(whole.len());
            bytes.truncate(whole.len() - at);
            whole[at..at + bytes.len()].copy_from_slice(&bytes);
            let _ = received(&whole);
        }
    }
}
