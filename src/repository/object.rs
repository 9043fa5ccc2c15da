//! The names of Git's objects: what they hash to.

use std::fmt;

use sha1::{Digest as _, Sha1};

/// What an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObjectKind {
    /// A commit.
    Commit,
    /// A directory.
    Tree,
    /// A file's content.
    Blob,
    /// An annotated tag.
    Tag,
}

impl fmt::Display for ObjectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Commit => "commit",
            Self::Tree => "tree",
            Self::Blob => "blob",
            Self::Tag => "tag",
        })
    }
}

/// An object's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectId {
    /// Of nearly every repository.
    Sha1([u8; 20]),
    /// Of one made with `--object-format=sha256`.
    Sha256([u8; 32]),
}

impl ObjectId {
    /// The SHA-1 of kind, size and content: `gitformat-pack(5)`, "Object Names".
    pub fn of(kind: ObjectKind, content: &[u8]) -> Self {
        let mut hasher = Hasher::new(kind, content.len());
        hasher.update(content);
        hasher.finish()
    }

    /// The id that `text` is: 40 hexadecimal digits, or 64, in lower case.
    pub fn parse(text: &str) -> Option<Self> {
        match text.len() {
            40 => bytes(text).map(Self::Sha1),
            64 => bytes(text).map(Self::Sha256),
            _ => None,
        }
    }

    /// As objects hold it.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Sha1(bytes) => bytes,
            Self::Sha256(bytes) => bytes,
        }
    }
}

/// An object's id, computed of its content piece by piece.
pub struct Hasher(Sha1);

impl Hasher {
    /// For an object of `size` bytes.
    pub fn new(kind: ObjectKind, size: usize) -> Self {
        Self(Sha1::new_with_prefix(format!("{kind} {size}\0")))
    }

    /// The next piece.
    pub fn update(&mut self, piece: &[u8]) {
        self.0.update(piece);
    }

    /// The id, when all pieces were there.
    pub fn finish(self) -> ObjectId {
        ObjectId::Sha1(self.0.finalize().into())
    }
}

fn bytes<const N: usize>(digits: &str) -> Option<[u8; N]> {
    let value = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
        *byte = value(pair[0])? << 4 | value(pair[1])?;
    }
    Some(bytes)
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = self.as_bytes().iter();
        bytes.try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A commit's id, by the digits that people and APIs know it by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CommitId(String);

impl CommitId {
    /// The commit whose whole id `text` is.
    pub fn parse(text: &str) -> Option<Self> {
        ObjectId::parse(text).map(Self::from)
    }

    /// The id that it is.
    pub fn id(&self) -> ObjectId {
        // Nothing else is ever in it than the digits of one.
        ObjectId::parse(&self.0).unwrap_or(ObjectId::Sha1([0; 20]))
    }

    /// All digits: 40 (SHA-1), or 64 (SHA-256).
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first seven digits, for people.
    pub fn short(&self) -> &str {
        self.0.get(..7).unwrap_or(&self.0)
    }
}

impl From<ObjectId> for CommitId {
    fn from(id: ObjectId) -> Self {
        Self(id.to_string())
    }
}

impl fmt::Display for CommitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_the_hash_that_git_has() {
        // `git hash-object -t blob` and `-t tree` of nothing.
        for (kind, expected) in [
            (ObjectKind::Blob, "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"),
            (ObjectKind::Tree, "4b825dc642cb6eb9a060e54bf8d69288fbee4904"),
        ] {
            assert_eq!(ObjectId::of(kind, b"").to_string(), expected);
        }
    }

    #[test]
    fn an_id_is_whole_and_in_lower_case() {
        let (sha1, sha256) = ("0123456789abcdef".repeat(3), "0123456789abcdef".repeat(4));
        for digits in [&sha1[..40], &sha256] {
            let commit = CommitId::parse(digits).unwrap();
            assert_eq!((commit.as_str(), commit.short()), (digits, "0123456"));
            assert_eq!(commit.id().to_string(), digits);
        }
        for odd in ["", "0123456", &sha1, &"G".repeat(40), &"A".repeat(40)] {
            assert_eq!(ObjectId::parse(odd), None, "{odd}");
        }
    }
}
