//! A commit as it is judged: what it says, and what it did.

use crate::deployment::trailers::{Origin, reverted};

/// A commit that touched the files.
#[derive(Debug, Clone, Default)]
pub struct PastCommit<'a> {
    /// Its id, all digits.
    pub id: &'a str,
    /// All of its message.
    pub message: &'a str,
    /// The ids and messages of the commits that it merged, newest first.
    pub merged: Vec<(&'a str, &'a str)>,
    /// The files that it touched: where each is, or was if it is gone, and where it was before if it was
    /// renamed.
    pub files: Vec<(&'a str, Option<&'a str>)>,
    /// What it did to what runs.
    pub changes: Vec<PastChange<'a>>,
    /// Whether it is a merge, and all of that is the work of who merged: nothing that it joined had it so.
    pub is_own: bool,
}

/// What a commit did to one image, or to one value that a deployment sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastChange<'a> {
    /// The file, by its path after the commit.
    pub file: &'a str,
    /// Where in the file, in the same words in every version of it.
    pub place: String,
    /// Whether it is an image. Only then is a commit without trailers a deployment.
    pub is_image: bool,
    /// What was there; none where it is new.
    pub old: Option<String>,
    /// What is there since; none where it is gone.
    pub new: Option<String>,
}

impl PastChange<'_> {
    /// Whether one thing became another one, rather than to come or to go.
    pub(super) fn is_replacement(&self) -> bool {
        matches!((&self.old, &self.new), (Some(old), Some(new)) if old != new)
    }
}

/// What a commit says, and what those say that it merged, newest first; nothing of theirs where it did something else.
pub(super) fn messages<'a>(commit: &PastCommit<'a>) -> impl Iterator<Item = &'a str> {
    let merged = commit.merged.iter().filter(|_| !commit.is_own);
    let merged: Vec<&'a str> = merged.map(|(_, message)| *message).collect();
    std::iter::once(commit.message).chain(merged)
}

/// What a commit says that it is, and which ones it says to revert. Of a merge, the newest of those
/// counts that it brought and that say something.
pub(super) fn said<'a>(commit: &PastCommit<'a>) -> (Origin, Vec<&'a str>) {
    let reverted = messages(commit).flat_map(reverted);
    (Origin::of_all(messages(commit)), reverted.collect())
}
