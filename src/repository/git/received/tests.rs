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
        "there is more than the limit of 6291456 Git objects received in one run"
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
