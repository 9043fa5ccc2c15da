//! What comes from a server, kept in memory.
//!
//! An update needs one commit and, of ten thousand trees, three or four. libgit2 writes a pack to
//! disk, names and checks each object in it, and writes an index before the first can be read; here
//! objects are read while they come in, and named when one is looked for.
//!
//! Format: `gitformat-pack(5)`.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, BufRead};
use std::ops::Range;

use flate2::{Decompress, FlushDecompress, Status};

use super::answer::FetchError;
use crate::repository::object::{ObjectId, ObjectKind};

/// The most that is kept, in bytes and in objects: trees of about a million files.
const MAX_BYTES: usize = 128 << 20;
const MAX_OBJECTS: u32 = 2 << 20;

/// How often the deltas that came before their bases are gone through.
const MAX_ROUNDS: usize = 64;

/// The objects of packs. Their ids are computed of what came: what is found is what was asked for.
#[derive(Default)]
pub(super) struct Received {
    /// All contents, one behind the other.
    contents: Vec<u8>,
    objects: Vec<Object>,
    /// How many of the objects have been named.
    named: usize,
    by_id: HashMap<ObjectId, Object>,
}

/// What an object is, and where in [`Received::contents`].
#[derive(Clone)]
struct Object {
    kind: ObjectKind,
    content: Range<usize>,
}

/// How an object of a pack is written down.
enum Form {
    Whole(ObjectKind),
    Delta(Base),
}

/// What a delta is the difference to.
enum Base {
    /// An object of the same pack, by where it begins.
    At(u64),
    Object(ObjectId),
}

/// An object whose base has not come yet.
struct Waiting {
    begin: u64,
    base: Base,
    delta: Vec<u8>,
}

impl Received {
    /// Reads a pack to its end. It may build on the objects that are here.
    ///
    /// The pack's own checksum is not looked at: whatever is damaged has another id than it is asked
    /// for by.
    ///
    /// # Errors
    /// When it ends early, is no pack, or is too large to be kept.
    pub(super) fn read(&mut self, pack: impl BufRead) -> Result<(), FetchError> {
        let mut reader = PackReader::new(pack);
        // In rising order, but for those that had to wait.
        let mut begins = BTreeMap::new();
        let mut waiting = Vec::new();
        let mut waiting_bytes = 0;
        for _ in 0..reader.count()? {
            let begin = reader.position;
            let (form, size) = reader.form()?;
            match form {
                Form::Whole(kind) => {
                    let content = reader.inflate(size, &mut self.contents)?;
                    begins.insert(begin, self.add(Object { kind, content }));
                }
                Form::Delta(base) => {
                    let mut delta = Vec::new();
                    reader.inflate(size, &mut delta)?;
                    let delta = Waiting { begin, base, delta };
                    if let Some(early) = self.complete(delta, &mut begins)? {
                        waiting_bytes += early.delta.len();
                        waiting.push(early);
                    }
                    if waiting_bytes > MAX_BYTES {
                        return Err(FetchError::TooLarge);
                    }
                }
            }
        }
        // A base may come behind what builds on it; git itself never does that.
        for _ in 0..MAX_ROUNDS {
            let before = waiting.len();
            for delta in std::mem::take(&mut waiting) {
                waiting.extend(self.complete(delta, &mut begins)?);
            }
            match waiting.len() {
                0 => return Ok(()),
                left if left == before => {
                    return Err(FetchError::broken(
                        "the pack lacks what its objects build on",
                    ));
                }
                _ => {}
            }
        }
        Err(FetchError::TooLarge)
    }

    /// An object's content, if it has come.
    pub(super) fn get(&mut self, id: ObjectId) -> Option<(ObjectKind, &[u8])> {
        let Object { kind, content } = self.find(id)?;
        Some((kind, self.contents.get(content)?))
    }

    fn find(&mut self, id: ObjectId) -> Option<Object> {
        if let Some(found) = self.by_id.get(&id) {
            return Some(found.clone());
        }
        while let Some(object) = self.objects.get(self.named) {
            let content = self.contents.get(object.content.clone());
            let own = ObjectId::of(object.kind, content.unwrap_or_default());
            self.by_id.insert(own, object.clone());
            self.named += 1;
            if own == id {
                return Some(object.clone());
            }
        }
        None
    }

    /// Adds an object, and returns its place in [`Received::objects`].
    fn add(&mut self, object: Object) -> usize {
        self.objects.push(object);
        self.objects.len() - 1
    }

    /// Adds what a delta makes of its base; gives it back where that is not here yet.
    fn complete(
        &mut self,
        delta: Waiting,
        begins: &mut BTreeMap<u64, usize>,
    ) -> Result<Option<Waiting>, FetchError> {
        let base = match delta.base {
            Base::At(begin) => {
                let place = begins.get(&begin);
                place.and_then(|place| self.objects.get(*place).cloned())
            }
            Base::Object(id) => self.find(id),
        };
        let Some(Object { kind, content }) = base else {
            return Ok(Some(delta));
        };
        let content = apply(&delta.delta, content, &mut self.contents)?;
        begins.insert(delta.begin, self.add(Object { kind, content }));
        Ok(None)
    }
}

/// Appends what `delta` makes of the object that `base` is in `contents`.
fn apply(
    mut delta: &[u8],
    base: Range<usize>,
    contents: &mut Vec<u8>,
) -> Result<Range<usize>, FetchError> {
    let broken = || FetchError::broken("a delta in the pack can't be applied");
    let delta = &mut delta;
    let old_size = number(delta).ok_or_else(broken)?;
    let new_size = number(delta).ok_or_else(broken)?;
    if old_size != base.len() {
        return Err(broken());
    }
    let begin = contents.len();
    let end = room(contents, new_size)?;
    while let Some((&instruction, rest)) = delta.split_first() {
        *delta = rest;
        if instruction & 0x80 != 0 {
            let (offset, length) = copied(instruction, delta).ok_or_else(broken)?;
            let from = base.start + offset;
            if from + length > base.end || contents.len() + length > end {
                return Err(broken());
            }
            contents.extend_from_within(from..from + length);
        } else {
            let (inserted, rest) = delta
                .split_at_checked(instruction.into())
                .filter(|(inserted, _)| !inserted.is_empty())
                .ok_or_else(broken)?;
            *delta = rest;
            if contents.len() + inserted.len() > end {
                return Err(broken());
            }
            contents.extend_from_slice(inserted);
        }
    }
    if contents.len() != end {
        return Err(broken());
    }
    Ok(begin..end)
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

/// Makes room for `size` bytes more, and returns where they will end.
fn room(contents: &mut Vec<u8>, size: usize) -> Result<usize, FetchError> {
    match contents.len().checked_add(size) {
        Some(end) if end <= MAX_BYTES => {
            contents.reserve(size);
            Ok(end)
        }
        _ => Err(FetchError::TooLarge),
    }
}

/// Reads a pack from its beginning.
struct PackReader<R> {
    pack: R,
    /// How much was read.
    position: u64,
    zlib: Decompress,
}

impl<R: BufRead> PackReader<R> {
    fn new(pack: R) -> Self {
        Self {
            pack,
            position: 0,
            zlib: Decompress::new(true),
        }
    }

    /// The pack's header: how many objects there are.
    fn count(&mut self) -> Result<u32, FetchError> {
        match (self.bytes()?, self.bytes()?, self.bytes()?) {
            ([b'P', b'A', b'C', b'K'], [0, 0, 0, 2 | 3], count) => {
                match u32::from_be_bytes(count) {
                    count @ ..=MAX_OBJECTS => Ok(count),
                    _ => Err(FetchError::TooLarge),
                }
            }
            _ => Err(FetchError::broken("what came is no pack")),
        }
    }

    /// An object's header: how it is written down, and the size of what is compressed behind it.
    fn form(&mut self) -> Result<(Form, usize), FetchError> {
        let broken = || FetchError::broken("the pack can't be read");
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
                let id = ObjectId::Sha1(self.bytes()?);
                Form::Delta(Base::Object(id))
            }
            _ => return Err(broken()),
        };
        Ok((form, size))
    }

    /// How far before an object its base begins: seven bits a byte, the highest first, and one more
    /// for each byte that follows.
    fn distance(&mut self) -> Result<u64, FetchError> {
        let [mut byte] = self.bytes()?;
        let mut distance = u64::from(byte & 0x7f);
        while byte & 0x80 != 0 {
            [byte] = self.bytes()?;
            let longer = (distance + 1).checked_mul(1 << 7);
            let longer = longer.ok_or_else(|| FetchError::broken("the pack can't be read"))?;
            distance = longer | u64::from(byte & 0x7f);
        }
        Ok(distance)
    }

    fn bytes<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.pack.read_exact(&mut bytes)?;
        self.position += N as u64;
        Ok(bytes)
    }

    /// Appends what is compressed here, which is `size` bytes long.
    fn inflate(&mut self, size: usize, to: &mut Vec<u8>) -> Result<Range<usize>, FetchError> {
        let broken = || FetchError::broken("an object in the pack is damaged");
        let begin = to.len();
        let end = room(to, size)?;
        // One byte more than there may be: zlib sees the end of its data only where there is room.
        to.resize(end + 1, 0);
        self.zlib.reset(true);
        loop {
            let compressed = self.pack.fill_buf()?;
            if compressed.is_empty() {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
            let (read, written) = (self.zlib.total_in(), self.zlib.total_out());
            let free = to.get_mut(begin + written as usize..);
            let status = self
                .zlib
                .decompress(compressed, free.unwrap_or_default(), FlushDecompress::None)
                .map_err(|_| broken())?;
            let read = self.zlib.total_in() - read;
            self.pack.consume(read as usize);
            self.position += read;
            match status {
                Status::StreamEnd if self.zlib.total_out() == size as u64 => break,
                Status::Ok if read > 0 && self.zlib.total_out() <= size as u64 => {}
                _ => return Err(broken()),
            }
        }
        to.truncate(end);
        Ok(begin..end)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::ZlibEncoder;
    use proptest::prelude::*;

    use super::*;

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

    fn received(pack: &[u8]) -> Result<Received, String> {
        let mut received = Received::default();
        let read = received.read(pack).map_err(|error| error.to_string());
        read.map(|()| received)
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
                received.get(blob(content)),
                Some((ObjectKind::Blob, content))
            );
        }
        assert_eq!(received.get(blob(b"")), None);
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
            assert_eq!(received.get(blob(copied)), Some((ObjectKind::Blob, copied)));
        }
    }

    #[test]
    fn a_pack_may_build_on_another() {
        let base = b"0123456789";
        let delta = entry(OBJECT, blob(base).as_bytes(), &[10, 5, 0x90, 5]);
        let thin = pack(&[delta]);
        assert!(received(&thin).is_err());
        let mut received = received(&pack(&[entry(3, b"", base)])).unwrap();
        received.read(&thin[..]).unwrap();
        assert!(received.get(blob(b"01234")).is_some());
        // What can't be read leaves what is there as it is.
        for end in 0..thin.len() - 20 {
            assert!(received.read(&thin[..end]).is_err());
        }
        assert!(received.get(blob(b"01234")).is_some());
        assert!(received.get(blob(base)).is_some());
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
                    let (kind, content) = received.get((*id).into()).unwrap();
                    assert_eq!(
                        (kind.to_string(), content),
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
            received(&good).unwrap().get(blob(b"")),
            Some((ObjectKind::Blob, &b""[..]))
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
            "what came is no pack"
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
    fn what_is_too_large_is_not_taken_in() {
        let many = b"PACK\0\0\0\x02\xff\xff\xff\xff";
        assert_eq!(received(many).err().unwrap(), "too much for memory");
        // A size of terabytes, and a delta that says so.
        let huge = [&[0x30 | 0x80][..], &[0xff, 0xff, 0xff, 0xff, 0xff, 0x01]].concat();
        assert_eq!(
            received(&pack(&[huge])).err().unwrap(),
            "too much for memory"
        );
        let base = entry(3, b"", b"0123456789");
        let bomb = [10, 0xff, 0xff, 0xff, 0xff, 0x7f, 0x91, 0, 10];
        let bomb = entry(OBJECT, blob(b"0123456789").as_bytes(), &bomb);
        assert_eq!(
            received(&pack(&[base, bomb])).err().unwrap(),
            "too much for memory"
        );
    }

    proptest! {
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
