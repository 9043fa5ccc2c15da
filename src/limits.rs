//! How much is taken in of what servers send and repositories hold. Beyond, a run ends with an error
//! that names the limit: its memory stays below 512 MB whatever comes.
//!
//! `docs/limits.md` lists them; a test compares.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize as _, Deserializer};

/// The most of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    most: u64,
    of: &'static str,
}

/// There was more of something than its [`Limit`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is more than the limit of {0}")]
pub struct Exceeded(Limit);

impl Limit {
    const fn new(most: u64, of: &'static str) -> Self {
        Self { most, of }
    }

    /// The number itself.
    pub const fn most(self) -> u64 {
        self.most
    }

    /// Refuses an `amount` that is more.
    ///
    /// # Errors
    /// The limit that is exceeded.
    pub const fn check(self, amount: u64) -> Result<(), Exceeded> {
        if amount > self.most {
            return Err(Exceeded(self));
        }
        Ok(())
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { most, of } = self;
        if !of.starts_with("bytes") {
            return write!(f, "{most} {of}");
        }
        let of = of.trim_start_matches("bytes");
        match most {
            most if most % (1 << 30) == 0 => write!(f, "{} GiB{of}", most >> 30),
            most if most % (1 << 20) == 0 => write!(f, "{} MiB{of}", most >> 20),
            most if most % (1 << 10) == 0 => write!(f, "{} KiB{of}", most >> 10),
            most => write!(f, "{most} bytes{of}"),
        }
    }
}

/// Counts the files that are read, and their bytes.
#[derive(Debug, Default)]
pub struct FilesRead {
    files: u64,
    bytes: u64,
}

impl FilesRead {
    /// One more, of so many bytes in all its versions.
    ///
    /// # Errors
    /// The limit that is exceeded.
    pub fn count(&mut self, bytes: u64) -> Result<(), Exceeded> {
        self.files += 1;
        self.bytes = self.bytes.saturating_add(bytes);
        FILES.check(self.files)?;
        FILE_BYTES.check(self.bytes)
    }
}

/// Of all answers of a Git server.
pub const RECEIVED: Limit = Limit::new(1 << 30, "bytes received from a Git server in one run");
/// Of all objects, also of those that were read more than once.
pub const UNPACKED: Limit = Limit::new(64 << 30, "bytes of Git objects unpacked in one run");
/// A million commits, each with the directories that lead to a file. Each takes up to 48 bytes of memory while its pack is
/// read, and half of that since.
pub const OBJECTS: Limit = Limit::new(6 << 20, "Git objects received in one run");
/// Four times the largest manifest that we have met.
pub const OBJECT: Limit = Limit::new(24 << 20, "bytes in one Git object");
/// A message that nobody reads.
pub const COMMIT: Limit = Limit::new(1 << 20, "bytes in one commit, its message included");
/// Of objects that are the difference to others, while those are kept.
pub const CHAIN: Limit = Limit::new(64 << 20, "bytes of Git objects that build on one another");
/// Of a branch that was fetched in part.
pub const SHALLOW: Limit = Limit::new(100_000, "commits at which a server cuts a branch off");
/// Of a tree that is listed, for a glob or for what a name may have meant.
pub const ENTRIES: Limit = Limit::new(2 << 20, "files and directories in one commit");
/// Of the same.
pub const PATHS: Limit = Limit::new(128 << 20, "bytes of paths in one commit");
/// Of the same, where each takes more memory; four times as many as GitHub lists in one answer.
pub const LISTED: Limit = Limit::new(400_000, "files and directories listed over GitHub's API");
/// Of a selection, or all that commits of a past changed. The largest repositories of manifests have some thousands;
/// one takes about five KB of memory before its first byte.
pub const FILES: Limit = Limit::new(1 << 15, "files read at once");
/// Of the same.
pub const FILE_BYTES: Limit = Limit::new(64 << 20, "bytes of files read at once");
/// Of all commits that a past shows, and those that they merged: messages, authors and parents.
pub const COMMITS: Limit = Limit::new(64 << 20, "bytes of commits read at once");
/// Fifty commits with a hundred of each have a third of it.
pub const POSTED: Limit = Limit::new(
    16 << 20,
    "bytes of statuses, checks and deployments read at once",
);
/// Of a manifest of 20 MB; the largest bundles of custom resource definitions have an eighth of it. Each takes 32 bytes,
/// and while a file is edited it is there twice, 128 MB for all of them. What takes more than that, such as a tag, an
/// anchor, or a text with escapes, counts as several.
pub const NODES: Limit = Limit::new(2 << 20, "keys, values and lists in one YAML file");
/// Of thirty thousand manifests. Each takes about fifty bytes of memory.
pub const ALL_NODES: Limit =
    Limit::new(3 << 20, "keys, values and lists in YAML files read at once");
/// The largest bundles of custom resource definitions, in three versions. Each takes up to three hundred bytes of memory,
/// as those of all versions are told apart by their places.
pub const RESTORED: Limit = Limit::new(
    3 << 18,
    "keys, values and lists in the versions of a file of which a change is taken back that others changed since",
);
/// The largest files of manifests that we have met have some hundreds. Each takes up to ten KB of memory.
pub const IMAGES: Limit = Limit::new(1 << 15, "images in the files read at once");
/// A thousand commits that deployed a hundred images each. Each takes about a KB of memory, and that of its texts.
pub const CHANGES: Limit = Limit::new(
    1 << 17,
    "images and values that the commits of a past changed",
);
/// GitHub's longest list of files has 7 MB; beside it, texts of files come in one.
pub const GITHUB: Limit = Limit::new(16 << 20, "bytes in one answer of GitHub's API");
/// The resources of a very large application.
pub const JSON: Limit = Limit::new(
    8 << 20,
    "bytes in one answer of Argo CD, a registry, GitLab, Gitea or Forgejo",
);
/// A header of a request has to hold it.
pub const TOKEN: Limit = Limit::new(
    64 << 10,
    "bytes in one answer with an ID token, or a token for Argo CD",
);
/// More than twice those of GitHub's longest list of files. Each takes up to a hundred times as much memory as
/// it has bytes.
pub const LISTS: Limit = Limit::new(1 << 18, "lists and objects in one answer in JSON");
/// The same list has a third of it.
pub const VALUES: Limit = Limit::new(1 << 21, "values in one answer in JSON");
/// Kubernetes allows no more ("Object Names and IDs", "DNS Subdomain Names").
pub const NAME: Limit = Limit::new(253, "bytes in the name of an object or container");
/// The longest path there is. What matches it takes a hundred times as much memory.
pub const GLOB: Limit = Limit::new(4 << 10, "bytes in one path or glob");
/// Of what people write by hand.
pub const FREEZE_FILE: Limit = Limit::new(1 << 20, "bytes in one freeze file");
/// The same.
pub const FREEZES: Limit = Limit::new(1_000, "freezes in one freeze file");
/// Each is made a matcher of.
pub const FREEZE_PATTERNS: Limit = Limit::new(10_000, "paths and globs in one freeze file");

/// All of them.
pub const ALL: [Limit; 29] = [
    RECEIVED,
    UNPACKED,
    OBJECTS,
    OBJECT,
    COMMIT,
    CHAIN,
    SHALLOW,
    ENTRIES,
    PATHS,
    LISTED,
    FILES,
    FILE_BYTES,
    COMMITS,
    POSTED,
    NODES,
    ALL_NODES,
    RESTORED,
    IMAGES,
    CHANGES,
    GITHUB,
    JSON,
    TOKEN,
    LISTS,
    VALUES,
    NAME,
    GLOB,
    FREEZE_FILE,
    FREEZES,
    FREEZE_PATTERNS,
];

/// The first `longest` characters of a text, with `…` behind it where that is not all.
pub fn shortened(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// The most characters of a text that are shown: no more are of an annotation.
/// Source: `_maxIssueMessageLength` in actions/runner.
pub const SHOWN: usize = 4_096;
/// As many as are kept of beginning and end.
const KEPT: usize = SHOWN / 2 - 20;

/// A text as long as is shown. What makes one longer is somebody else's, and stands in its middle: our own words
/// around it are kept.
pub fn abridged(text: &str) -> Cow<'_, str> {
    // A character has a byte at least.
    if text.len() <= SHOWN || text.chars().count() <= SHOWN {
        return Cow::Borrowed(text);
    }
    let count = text.chars().count() - 2 * KEPT;
    let mut places = text.char_indices().map(|(at, _)| at).skip(KEPT);
    let head = places.next().unwrap_or_default();
    let tail = places.nth(count - 1).unwrap_or(text.len());
    let (head, tail) = (&text[..head], &text[tail..]);
    Cow::Owned(format!("{head}… {count} characters more …{tail}"))
}

/// Words of a server's for people, as far as those read them; nothing where they are null.
///
/// # Errors
/// Where they are no text.
pub fn words<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let words = Option::<String>::deserialize(from)?;
    Ok(shortened(&words.unwrap_or_default(), SHOWN))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_named_by_what_exceeds_it() {
        assert_eq!(FILE_BYTES.check(64 << 20), Ok(()));
        assert_eq!(
            FILE_BYTES.check((64 << 20) + 1).unwrap_err().to_string(),
            "there is more than the limit of 64 MiB of files read at once"
        );
        assert_eq!(
            OBJECTS.to_string(),
            "6291456 Git objects received in one run"
        );
    }

    #[test]
    fn as_much_as_the_limit_is_read_and_no_more() {
        let mut read = FilesRead::default();
        for _ in 0..FILES.most() {
            assert_eq!(read.count(0), Ok(()));
        }
        assert_eq!(read.count(0), Err(Exceeded(FILES)));
        let mut read = FilesRead::default();
        assert_eq!(read.count(FILE_BYTES.most()), Ok(()));
        assert_eq!(read.count(0), Ok(()));
        assert_eq!(read.count(1), Err(Exceeded(FILE_BYTES)));
    }

    #[test]
    fn a_text_that_is_cut_ends_with_dots() {
        assert_eq!(shortened("äöü", 3), "äöü");
        assert_eq!(shortened("äöü", 2), "äö…");
    }

    #[test]
    fn of_a_long_text_beginning_and_end_are_shown() {
        let whole = "ä".repeat(SHOWN);
        assert_eq!(abridged(&whole), whole);
        let long = format!("begin{}end", "ä".repeat(100_000));
        let shown = abridged(&long);
        assert!(shown.chars().count() <= SHOWN);
        assert!(shown.starts_with("beginä") && shown.ends_with("äend"));
        let count = 100_008 - 2 * KEPT;
        assert!(shown.contains(&format!("ä… {count} characters more …ä")));
    }
}
