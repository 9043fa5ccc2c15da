//! What is in a commit, and what is in a tree: git's own forms of them.
//!
//! Formats: `git help cat-file` shows them; `gitformat-signature(5)` has a commit's headers, and Git's
//! "Git Internals: Tree Objects" the entries of a tree.

use std::sync::Arc;

use crate::date::Timestamp;
use crate::limits::shortened;
use crate::repository::commit::Identity;
use crate::repository::object::ObjectId;

/// A directory.
#[derive(Clone)]
pub(super) struct Tree {
    pub(super) id: ObjectId,
    content: Arc<[u8]>,
}

/// What is in a directory under a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry<'a> {
    pub(super) name: &'a [u8],
    pub(super) kind: EntryKind,
    /// As git has it.
    pub(super) mode: u32,
    pub(super) id: ObjectId,
    /// Where the id stands in the tree.
    at: usize,
}

/// What an entry is, by its mode (`git fast-import`, "filemodify").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EntryKind {
    Directory,
    /// Executable or not.
    File,
    Link,
    Submodule,
}

impl Tree {
    /// The tree that `content` is; none where that is damaged.
    pub(super) fn parse(id: ObjectId, content: Arc<[u8]>) -> Option<Self> {
        let tree = Self { id, content };
        let read = tree.entries().last().map_or(0, |entry| entry.at + ID);
        (read == tree.content.len()).then_some(tree)
    }

    /// What is in it, in git's order.
    pub(super) fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        let mut at = 0;
        std::iter::from_fn(move || {
            let entry = entry(&self.content, at)?;
            at = entry.at + ID;
            Some(entry)
        })
    }

    /// What is there under `name`.
    pub(super) fn get(&self, name: &[u8]) -> Option<Entry<'_>> {
        self.entries().find(|entry| entry.name == name)
    }

    /// The same tree with other objects under some of its names.
    pub(super) fn with(&self, changes: &[(&str, ObjectId)]) -> Option<Vec<u8>> {
        let mut content = self.content.to_vec();
        for (name, id) in changes {
            let at = self.get(name.as_bytes())?.at;
            content.get_mut(at..at + ID)?.copy_from_slice(id.as_bytes());
        }
        Some(content)
    }
}

/// How long an id is.
const ID: usize = 20;

/// The entry that begins at `begin`: mode in octal digits, a space, the name, a NUL, the id.
fn entry(tree: &[u8], begin: usize) -> Option<Entry<'_>> {
    let (head, _) = split(tree.get(begin..)?, 0)?;
    let (mode, name) = split(head, b' ')?;
    let at = begin + head.len() + 1;
    let id = tree.get(at..at + ID)?.try_into().ok()?;
    let mode = u32::from_str_radix(std::str::from_utf8(mode).ok()?, 8).ok()?;
    let kind = match mode & 0o170_000 {
        0o040_000 => EntryKind::Directory,
        0o120_000 => EntryKind::Link,
        0o160_000 => EntryKind::Submodule,
        _ => EntryKind::File,
    };
    let id = ObjectId::Sha1(id);
    Some(Entry {
        name,
        kind,
        mode,
        id,
        at,
    })
}

/// What is before the first `byte`, and behind it.
fn split(bytes: &[u8], byte: u8) -> Option<(&[u8], &[u8])> {
    let at = bytes.iter().position(|own| *own == byte)?;
    Some((&bytes[..at], &bytes[at + 1..]))
}

/// A commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Commit {
    pub(super) id: ObjectId,
    pub(super) tree: ObjectId,
    pub(super) parents: Vec<ObjectId>,
    pub(super) author: Identity,
    /// When it was committed.
    pub(super) time: Timestamp,
    pub(super) message: String,
}

impl Commit {
    /// How many bytes it takes up as it is kept: about those that it has.
    pub(super) fn len(&self) -> u64 {
        const PARENT: usize = 48;
        let Identity { name, email } = &self.author;
        let texts = self.message.len() + name.len() + email.len();
        (texts + self.parents.len() * PARENT) as u64
    }

    /// The commit that `content` is; none where it names no tree.
    pub(super) fn parse(id: ObjectId, content: &[u8]) -> Option<Self> {
        let mut commit = Self {
            id,
            tree: id,
            parents: Vec::new(),
            author: Identity {
                name: String::new(),
                email: String::new(),
            },
            time: Timestamp {
                seconds: 0,
                offset_minutes: 0,
            },
            message: String::new(),
        };
        let mut tree = None;
        let mut rest = content;
        while let Some((line, behind)) = split(rest, b'\n') {
            rest = behind;
            if line.is_empty() {
                break; // The message follows.
            }
            let (header, value) = split(line, b' ').unwrap_or((line, b""));
            let text = || std::str::from_utf8(value).ok();
            match header {
                b"tree" => tree = text().and_then(ObjectId::parse),
                b"parent" => commit.parents.extend(text().and_then(ObjectId::parse)),
                b"author" => commit.author = signature(value).0,
                b"committer" => commit.time = signature(value).1,
                // One that is not known here, or a line that goes on with one.
                _ => {}
            }
        }
        commit.tree = tree?;
        commit.message = String::from_utf8_lossy(rest).into_owned();
        Some(commit)
    }
}

/// Nobody has a longer name or address; of every commit that is shown they are kept.
const LONGEST_NAME: usize = 1 << 10;

/// `Name <address> seconds +hhmm`. What is not there is empty, or zero.
fn signature(value: &[u8]) -> (Identity, Timestamp) {
    let value = String::from_utf8_lossy(value);
    let (who, when) = value.rsplit_once('>').unwrap_or((&value, ""));
    let (name, email) = who.rsplit_once('<').unwrap_or((who, ""));
    let mut when = when.split_whitespace();
    let seconds = when.next().and_then(|seconds| seconds.parse().ok());
    let offset = when.next().and_then(|offset| offset.parse::<i32>().ok());
    let offset = offset.filter(|offset| offset.abs() < 2400).unwrap_or(0);
    let identity = Identity {
        name: shortened(name.trim(), LONGEST_NAME),
        email: shortened(email.trim(), LONGEST_NAME),
    };
    let time = Timestamp {
        seconds: seconds.unwrap_or(0),
        offset_minutes: offset / 100 * 60 + offset % 100,
    };
    (identity, time)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "1111111111111111111111111111111111111111";

    fn id(digit: u8) -> ObjectId {
        ObjectId::Sha1([digit; 20])
    }

    #[test]
    fn a_commit_is_read() {
        let text = format!(
            "tree {ONE}\nparent {ONE}\nparent {ONE}\nauthor A <b> <a@example.com> 7 +0000\n\
             committer C <c@example.com> 1700000000 -0330\ngpgsig -----BEGIN\n tree {ONE}\n \n\
             encoding x\n\nfeat: it\n\nauthor X <x> 1 +0000\n"
        );
        let commit = Commit::parse(id(9), text.as_bytes()).unwrap();
        assert_eq!((commit.id, commit.tree), (id(9), id(0x11)));
        assert_eq!(commit.parents.len(), 2);
        let Identity { name, email } = &commit.author;
        assert_eq!((&name[..], &email[..]), ("A <b>", "a@example.com"));
        assert_eq!(commit.time.seconds, 1_700_000_000);
        assert_eq!(commit.time.offset_minutes, -210);
        assert_eq!(commit.message, "feat: it\n\nauthor X <x> 1 +0000\n");

        assert_eq!(Commit::parse(id(9), b"author A <a> 1 +0000\n\nx"), None);
        let odd = format!("tree {ONE}\nauthor nobody\ncommitter <> soon -9999999\n\n");
        let odd = Commit::parse(id(9), odd.as_bytes()).unwrap();
        assert_eq!((odd.time.seconds, odd.time.offset_minutes), (0, 0));
        let long = format!(
            "tree {ONE}\nauthor {} <{}> 1 +0000\n\n",
            "ü".repeat(1 << 10),
            "a".repeat(1 << 11)
        );
        let long = Commit::parse(id(9), long.as_bytes()).unwrap();
        assert_eq!(long.author.name, "ü".repeat(1024));
        assert_eq!(long.author.email, "a".repeat(1024) + "…");
    }

    #[test]
    fn a_tree_is_read_and_changed_in_place() {
        let mut bytes = Vec::new();
        for (head, digit) in [
            ("100644 a", 1),
            ("100755 b", 2),
            ("120000 c", 3),
            ("40000 d", 4),
            ("160000 e", 5),
        ] {
            bytes.extend_from_slice(head.as_bytes());
            bytes.push(0);
            bytes.extend_from_slice(id(digit).as_bytes());
        }
        let tree = Tree::parse(id(9), bytes.clone().into()).unwrap();
        let kinds: Vec<_> = tree.entries().map(|entry| entry.kind).collect();
        use EntryKind::{Directory, File, Link, Submodule};
        assert_eq!(kinds, [File, File, Link, Directory, Submodule]);
        assert_eq!(tree.get(b"d").unwrap().id, id(4));
        assert_eq!(tree.get(b"x"), None);
        assert_eq!(tree.with(&[("x", id(7))]), None);
        let changed = tree.with(&[("b", id(7)), ("d", id(8))]).unwrap();
        let changed = Tree::parse(id(9), changed.into()).unwrap();
        let ids: Vec<_> = changed.entries().map(|entry| entry.id).collect();
        assert_eq!(ids, [1, 7, 3, 8, 5].map(id));

        for end in 1..bytes.len() {
            let is_whole = [29, 58, 87, 115, 144].contains(&end);
            let cut = Tree::parse(id(9), bytes[..end].into());
            assert_eq!(cut.is_some(), is_whole, "{end}");
        }
        assert!(Tree::parse(id(9), Vec::new().into()).is_some());
    }
}
