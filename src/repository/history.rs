//! The past of a branch: what its commits did to some files.

use std::collections::HashMap;
use std::sync::Arc;

use super::branch::BranchName;
use super::commit::{Identity, Said};
use super::object::CommitId;
use crate::date::Timestamp;
use crate::files::RepoPath;

/// A commit, as far as people ask about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Its id.
    pub id: CommitId,
    /// What it was made on; several for a merge, none for the first of a repository.
    pub parents: Vec<CommitId>,
    /// Who wrote it.
    pub author: Identity,
    /// When it was committed, by the committer's clock.
    pub time: Timestamp,
    /// All of it.
    pub message: String,
    /// What the commits say that it brought to the branch, where it is a merge; newest first.
    pub merged: Vec<Said>,
}

impl Commit {
    /// The first line of the message.
    pub fn subject(&self) -> &str {
        self.message.lines().next().unwrap_or_default().trim()
    }

    /// Whether it joins branches.
    pub fn is_merge(&self) -> bool {
        self.parents.len() > 1
    }
}

/// Which commits are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryQuery {
    /// At most so many.
    pub limit: usize,
    /// None before this moment, in seconds since 1970.
    pub since: Option<i64>,
    /// None after this moment, likewise.
    pub until: Option<i64>,
    /// A part of the author's `Name <address>`, in whatever case.
    pub author: Option<String>,
    /// Whether a file that a glob matches now is followed to names that it does not match, as one that
    /// is named is.
    pub beyond_globs: bool,
    /// Whether that will do which one step brings: what is older is left out then, as by `limit`.
    pub at_hand: bool,
    /// Whether a branch that was looked at a moment ago is read on from there.
    pub resumes: bool,
}

impl HistoryQuery {
    /// The newest `limit` commits, of whatever time and author.
    pub fn newest(limit: usize) -> Self {
        Self {
            limit,
            since: None,
            until: None,
            author: None,
            beyond_globs: true,
            at_hand: false,
            resumes: false,
        }
    }

    /// Whether the query asks for `commit`, as far as its own data tell.
    pub fn asks_for(&self, commit: &Commit) -> bool {
        let author = format!("{} <{}>", commit.author.name, commit.author.email).to_lowercase();
        self.since.is_none_or(|since| commit.time.seconds >= since)
            && self.until.is_none_or(|until| commit.time.seconds <= until)
            && self
                .author
                .as_ref()
                .is_none_or(|wanted| author.contains(&wanted.to_lowercase()))
    }
}

/// What the first-parent line of a branch holds on some files.
#[derive(Debug, Clone)]
pub struct FileHistory {
    /// The branch that was read.
    pub branch: BranchName,
    /// Its tip.
    pub tip: CommitId,
    /// The commits that touched the files, newest first.
    pub commits: Vec<Touched>,
    /// Whether there may be more, which the query left out.
    pub limited: bool,
}

/// A commit, and what it did to the selected files.
#[derive(Debug, Clone)]
pub struct Touched {
    /// The commit, which many files may have in common.
    pub commit: Arc<Commit>,
    /// The files that it changed, by comparison with its first parent.
    pub files: Vec<FileVersions>,
    /// How many files it changed in all, selected or not; 0 where that is not known.
    pub changed_files: usize,
}

/// A file before and after a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileVersions {
    /// Where it is; where it was, if it is gone.
    pub path: RepoPath,
    /// Where it is at the branch's tip, as far as its renames tell.
    pub now: RepoPath,
    /// Where it was, if the commit renamed it.
    pub renamed_from: Option<RepoPath>,
    /// What it said; none where the commit added it.
    pub before: Option<Vec<u8>>,
    /// What it says; none where the commit removed it.
    pub after: Option<Vec<u8>>,
    /// What it says in the other parents of a merge, where all of them have it and the merge has it as none of them.
    pub beside: Vec<Vec<u8>>,
}

/// What became of a search for one commit.
#[derive(Debug, Clone)]
pub enum Searched {
    /// It is on the branch, here with what it did to the selected files.
    OnBranch(Touched),
    /// It exists, and the branch does not lead to it.
    Elsewhere(CommitId),
    /// Several commits of the branch begin like this.
    Ambiguous(Vec<CommitId>),
    /// Nothing on the branch begins like this.
    Nowhere,
}

/// How alike two texts are, from 0 to 1, by the lines that both have: from one half on git calls it a
/// rename. Git counts lines, too (`diffcore-rename`), and so takes no longer for texts that differ much.
pub(super) fn similarity(old: &[u8], new: &[u8]) -> f32 {
    let lines = |text| <[u8]>::split_inclusive(text, |byte| *byte == b'\n');
    let (mut left, mut total, mut common) = (HashMap::new(), 0, 0);
    for line in lines(old) {
        *left.entry(line).or_insert(0_usize) += 1;
        total += 1;
    }
    for line in lines(new) {
        total += 1;
        if let Some(left) = left.get_mut(line).filter(|left| **left > 0) {
            *left -= 1;
            common += 2;
        }
    }
    if total == 0 {
        1.0
    } else {
        common as f32 / total as f32
    }
}

/// From where on it is a rename.
pub(super) const RENAMED: f32 = 0.5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_alike_by_the_lines_that_both_have() {
        for (old, new, expected) in [
            ("", "", 1.0),
            ("a\n", "", 0.0),
            ("a\nb\n", "b\na\n", 1.0),
            ("a\na\nb\nc\n", "a\nb\nx\ny\n", 0.5),
        ] {
            assert_eq!(
                similarity(old.as_bytes(), new.as_bytes()),
                expected,
                "{old:?} {new:?}"
            );
        }
    }
}
