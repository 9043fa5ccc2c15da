//! What comes from a server: packs, kept as they came.
//!
//! libgit2 is never shown them: a pack of 79 bytes (an object, and a difference that makes the same one)
//! kept its indexer busy for ever. Here a pack is read while it comes in and written down as it is,
//! compressed; each object is named by the hash of what is in it, and unpacked again when it is asked for. What
//! is in memory at one time does not grow with what a pack unpacks to.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, BufWriter, Seek as _, SeekFrom, Write as _};
use std::sync::Arc;

use tempfile::SpooledTempFile;

use super::answer::FetchError;
use super::budget::Budget;
use super::delta::{apply, sizes};
use super::pack_reader::{Base, Form, Inflater, PackReader, Sha1};
use crate::limits::{CHAIN, OBJECT, RECEIVED};
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

/// An object, and where in [`Received::packs`] it begins. There may be millions: as many bytes as it needs.
#[derive(Clone, Copy)]
struct Object {
    id: Sha1,
    at: Place,
}

/// Where an object begins: the limit of what is received is less than that can hold.
type Place = u32;
const _: () = assert!(RECEIVED.most() < Place::MAX as u64);

/// An object's content, shared with the cache.
pub(super) type Content = (ObjectKind, Arc<[u8]>);

/// Deltas, by their bases, and where they begin. They are in memory beside the objects, so each has what it needs.
#[derive(Default)]
struct Deltas {
    of_places: Vec<(Place, Place)>,
    of_ids: Vec<(Sha1, Place)>,
}

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
        budget.objects(count)?;
        let (mut objects, mut deltas) = (Vec::new(), Deltas::default());
        let mut passed_over = false;
        for _ in 0..count {
            let at = place(reader.position)?;
            let (form, size) = reader.form()?;
            match form {
                Form::Whole(kind) => {
                    let mut hasher = Hasher::new(kind, size);
                    reader.inflate(size, |piece| hasher.update(piece))?;
                    if let Some(object) = Object::new(hasher.finish(), at) {
                        push(&mut objects, object);
                    }
                }
                Form::Delta(base) => {
                    reader.inflate(size, |_| {})?;
                    match OBJECT.check(size as u64) {
                        Ok(()) => deltas.push(base, at)?,
                        Err(_) => passed_over = true,
                    }
                }
            }
        }
        let end = reader.position;
        reader.copy.flush()?;
        drop(reader);
        passed_over |= self.resolve(&mut objects, deltas, budget)?;
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
    fn find(&self, id: ObjectId) -> Option<Place> {
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
        at: Place,
        budget: &'a Budget,
    ) -> Result<PackReader<'a, impl BufRead + use<'a>, io::Sink>, FetchError> {
        const PIECE: usize = 4 << 10;
        let at = u64::from(at);
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
    fn content(&mut self, at: Place, budget: &Budget) -> Result<Content, FetchError> {
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
                Base::At(at) => place(at)?,
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
            above: Vec<Place>,
        }
        deltas.sort();
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
                push(objects, made);
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
    fn new(id: ObjectId, at: Place) -> Option<Self> {
        match id {
            ObjectId::Sha1(id) => Some(Self { id, at }),
            ObjectId::Sha256(_) => None,
        }
    }
}

/// Where something begins, as it is kept.
fn place(position: u64) -> Result<Place, FetchError> {
    match Place::try_from(position) {
        Ok(place) => Ok(place),
        Err(_) => Ok(RECEIVED.check(position).map(|()| Place::MAX)?),
    }
}

/// Adds to what may be millions, with room for some more and not for as many again.
fn push<T>(to: &mut Vec<T>, one: T) {
    const ROOM: usize = 1 << 16;
    if to.len() == to.capacity() && to.len() >= ROOM {
        to.reserve_exact(ROOM);
    }
    to.push(one);
}

impl Deltas {
    fn push(&mut self, base: Base, at: Place) -> Result<(), FetchError> {
        match base {
            Base::At(base) => push(&mut self.of_places, (place(base)?, at)),
            Base::Object(id) => push(&mut self.of_ids, (id, at)),
        }
        Ok(())
    }

    fn sort(&mut self) {
        self.of_places.sort_unstable();
        self.of_ids.sort_unstable();
    }

    /// The objects that they build on and name by their ids.
    fn bases(&self) -> impl Iterator<Item = Sha1> {
        let of_one = self.of_ids.chunk_by(|(one, _), (other, _)| one == other);
        of_one.filter_map(|deltas| Some(deltas.first()?.0))
    }

    /// Those that build on an object, each once.
    fn take(&mut self, id: Sha1, at: Place) -> Vec<Place> {
        let mut taken = Vec::new();
        take_of(&mut self.of_places, at, &mut taken);
        take_of(&mut self.of_ids, id, &mut taken);
        taken
    }
}

/// Moves those that build on `base` to `taken`, but for what was taken before.
fn take_of<B: Ord>(deltas: &mut [(B, Place)], base: B, taken: &mut Vec<Place>) {
    const TAKEN: Place = Place::MAX;
    let begin = deltas.partition_point(|(own, _)| *own < base);
    for (own, at) in &mut deltas[begin..] {
        if *own != base {
            break;
        }
        if *at != TAKEN {
            taken.push(std::mem::replace(at, TAKEN));
        }
    }
}

/// What was unpacked last, by where it begins.
#[derive(Default)]
struct Cache {
    contents: HashMap<Place, Content>,
    bytes: usize,
}

impl Cache {
    fn get(&self, at: Place) -> Option<Content> {
        self.contents.get(&at).cloned()
    }

    fn put(&mut self, at: Place, kind: ObjectKind, content: &Arc<[u8]>) {
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
        self.contents.retain(|at, _| u64::from(*at) < end);
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

#[cfg(test)]
mod tests;
