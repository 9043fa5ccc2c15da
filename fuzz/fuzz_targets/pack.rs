//! Packs that are whole, and packs that mean harm: objects, differences to objects before and behind them, to
//! themselves and to none, in one pack and across two. Nothing else is found than what was asked for, all of
//! it is found where the packs are right, and it stays within the time and memory that libFuzzer is told.
//!
//! The input is a list of objects, each of a form, a number and a few bytes.
//!
//! ```sh
//! cargo +nightly fuzz run pack
//! ```

#![no_main]

use std::io::Write as _;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use gitops_deploy::repository::git::fuzz::packs;
use gitops_deploy::repository::{ObjectId, ObjectKind};
use libfuzzer_sys::fuzz_target;

const KINDS: [ObjectKind; 4] = [ObjectKind::Commit, ObjectKind::Tree, ObjectKind::Blob, ObjectKind::Tag];
const OFFSET: u8 = 6;
const NAME: u8 = 7;

fuzz_target!(|data: &[u8]| {
    let [options, data @ ..] = data else { return };
    let mut pair = [Pack::default(), Pack::default()];
    let mut objects: Vec<Object> = Vec::new();
    let mut right = options >> 2 == 0;
    let mut rest = data;
    while let [form, number, length, more @ ..] = rest {
        let (bytes, more) = more.split_at((*length as usize).min(more.len()));
        rest = more;
        let own = usize::from(form >> 7);
        let number = *number as usize;
        let pack = &mut pair[own];
        let base = objects.get(number % objects.len().max(1));
        let made = match form & 7 {
            // An object.
            kind @ 1..=4 => {
                let content = bytes.repeat(1 + number * usize::from(form & 8 != 0) * 16);
                let place = pack.push(kind, content.len(), &[], &content);
                Some(Object::new(KINDS[usize::from(kind) - 1], content, own, place))
            }
            // A difference to an object by its name: its sizes right, or as they come.
            NAME => {
                let base = base.filter(|base| base.pack <= own);
                let name = base.map_or_else(|| vec![number as u8; 20], |base| base.id.as_bytes().to_vec());
                let (delta, made) = delta(base, bytes, form & 8 == 0);
                let place = pack.push(NAME, delta.len(), &name, &delta);
                base.zip(made).map(|(base, made)| Object::new(base.kind, made, own, place))
            }
            // A difference to an object by how far before it begins: also to itself, and to none.
            OFFSET => {
                let base = base.filter(|base| base.pack == own && form & 16 == 0);
                let far = base.map_or(number, |base| pack.bytes.len() - base.place);
                let (delta, made) = delta(base, bytes, form & 8 == 0);
                let place = pack.push(OFFSET, delta.len(), &distance(far), &delta);
                base.zip(made).map(|(base, made)| Object::new(base.kind, made, own, place))
            }
            // Bytes as they come.
            _ => {
                pack.bytes.extend_from_slice(bytes);
                None
            }
        };
        right &= made.is_some();
        objects.extend(made);
    }
    let [first, second] = pair;
    let ids: Vec<ObjectId> = objects.iter().map(|object| object.id).collect();
    let found = packs(&[first.finish(options >> 2), second.finish(0)], options & 1 == 0, &ids);
    assert!(!right || found.is_none_or(|found| found == ids.len()));
});

struct Object {
    id: ObjectId,
    kind: ObjectKind,
    content: Vec<u8>,
    pack: usize,
    place: usize,
}

impl Object {
    fn new(kind: ObjectKind, content: Vec<u8>, pack: usize, place: usize) -> Self {
        let id = ObjectId::of(kind, &content);
        Self { id, kind, content, pack, place }
    }
}

#[derive(Default)]
struct Pack {
    bytes: Vec<u8>,
    count: u32,
}

impl Pack {
    /// Returns where the object begins.
    fn push(&mut self, form: u8, size: usize, base: &[u8], content: &[u8]) -> usize {
        let place = self.bytes.len();
        self.count += 1;
        let (mut head, mut left) = (form << 4 | (size & 0x0f) as u8, size >> 4);
        while left > 0 {
            self.bytes.push(head | 0x80);
            head = (left & 0x7f) as u8;
            left >>= 7;
        }
        self.bytes.push(head);
        self.bytes.extend_from_slice(base);
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(content).expect("memory");
        self.bytes.extend(encoder.finish().expect("memory"));
        place
    }

    /// The pack; it says that it has as many objects more than it has.
    fn finish(self, more: u8) -> Vec<u8> {
        let count = self.count + u32::from(more);
        [&b"PACK\0\0\0\x02"[..], &count.to_be_bytes(), &self.bytes, &[0; 20]].concat()
    }
}

/// A difference, and what it makes where it is a right one.
fn delta(base: Option<&Object>, bytes: &[u8], right: bool) -> (Vec<u8>, Option<Vec<u8>>) {
    let base = base.map(|base| &base.content).filter(|base| right && !base.is_empty());
    let Some(base) = base else { return (bytes.to_vec(), None) };
    // The begin of the base, in one copy, and bytes behind it.
    let copied = base.len().min(0x0fff);
    let bytes = &bytes[..bytes.len().min(127)];
    let made = [&base[..copied], bytes].concat();
    let mut delta = number(base.len());
    delta.extend(number(made.len()));
    delta.extend([0xb0, copied as u8, (copied >> 8) as u8]);
    if !bytes.is_empty() {
        delta.push(bytes.len() as u8);
        delta.extend_from_slice(bytes);
    }
    (delta, Some(made))
}

fn number(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number > 0x7f {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

fn distance(mut far: usize) -> Vec<u8> {
    let mut bytes = vec![(far & 0x7f) as u8];
    while far > 0x7f {
        far = (far >> 7) - 1;
        bytes.push((far & 0x7f) as u8 | 0x80);
    }
    bytes.reverse();
    bytes
}
