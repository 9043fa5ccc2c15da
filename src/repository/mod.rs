//! The port to a Git repository: a snapshot of the branch's tip, and a commit on top of it.
//!
//! Two facts make the promise of the push: a [`Snapshot`] carries the commit it was read at, and
//! [`Branch::commit`] moves the branch from exactly that commit or not at all. Whoever loses
//! the race gets [`Pushed::Moved`] and starts again from a new snapshot ([`retry`]).

mod error;
pub mod git;
pub mod github;
pub mod history;
pub mod location;
pub mod merge;
pub mod retry;
mod revision;
mod select;
pub mod transport;
pub mod wire;

use std::fmt;
use std::str::FromStr;

pub use error::{Access, FileProblem, RepositoryError};
pub use location::Location;
pub use revision::{InvalidRevision, Revision};

use self::history::{History, HistoryQuery, Searched};
use crate::files::{FileSelection, RepoPath};
use crate::manifest::ManifestFile;

/// A commit's object id: 40 hexadecimal digits (SHA-1), or 64 (SHA-256).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CommitId(String);

impl CommitId {
    /// All digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The commit whose whole id `text` is.
    pub fn parse(text: &str) -> Option<Self> {
        let is_whole = matches!(text.len(), 40 | 64)
            && text
                .chars()
                .all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c));
        is_whole.then(|| Self(text.to_owned()))
    }

    /// The first seven digits, for people.
    pub fn short(&self) -> &str {
        self.0.get(..7).unwrap_or(&self.0)
    }
}

impl From<git2::Oid> for CommitId {
    fn from(id: git2::Oid) -> Self {
        Self(id.to_string())
    }
}

impl fmt::Display for CommitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A branch's name without `refs/heads/`, of a form that git accepts.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BranchName(String);

impl BranchName {
    /// The name without `refs/heads/`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name with `refs/heads/`.
    pub fn reference(&self) -> String {
        format!("refs/heads/{}", self.0)
    }
}

/// The name is none that git allows (`git check-ref-format --branch`).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it is no branch name that git allows")]
pub struct InvalidBranchName;

impl FromStr for BranchName {
    type Err = InvalidBranchName;

    fn from_str(text: &str) -> Result<Self, InvalidBranchName> {
        let name = text.strip_prefix("refs/heads/").unwrap_or(text);
        let reference = format!("refs/heads/{name}");
        if name.starts_with('-') || name == "HEAD" || !git2::Reference::is_valid_name(&reference) {
            return Err(InvalidBranchName);
        }
        Ok(Self(name.to_owned()))
    }
}

impl fmt::Display for BranchName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who made a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The name, without `<`, `>` and line ends.
    pub name: String,
    /// The address, likewise.
    pub email: String,
}

impl Identity {
    /// Who commits unless somebody else is named: the account whose commits GitHub shows with the
    /// Actions logo.
    pub const DEFAULT: (&str, &str) = (
        "github-actions[bot]",
        "41898282+github-actions[bot]@users.noreply.github.com",
    );

    /// Whether nobody else was named.
    pub fn is_default(&self) -> bool {
        (self.name.as_str(), self.email.as_str()) == Self::DEFAULT
    }
}

/// The files of a branch, as they are at one commit.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The branch that was read: the one asked for, or the repository's default branch.
    pub branch: BranchName,
    /// The commit that was its tip.
    pub commit: CommitId,
    /// The selected files.
    pub files: Vec<ManifestFile>,
    /// What the branch's newest commits say, the tip first: as many as come along for nothing.
    pub recent: Vec<Said>,
}

/// A commit's message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// The commit.
    pub commit: CommitId,
    /// All of it.
    pub message: String,
}

/// A file's new content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// A file that the snapshot holds; its mode stays.
    pub path: RepoPath,
    /// All of it.
    pub bytes: Vec<u8>,
}

/// What a commit says, apart from its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitDraft {
    /// Subject, body and trailers.
    pub message: String,
    /// Author and committer.
    pub identity: Identity,
}

/// A commit that is on its branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Landed {
    /// Its id.
    pub commit: CommitId,
    /// Whether the server vouches for the commit's signature; none where it does not say.
    pub verified: Option<bool>,
}

impl From<CommitId> for Landed {
    /// One of which nobody says whether it is verified.
    fn from(commit: CommitId) -> Self {
        let verified = None;
        Self { commit, verified }
    }
}

/// A commit that was sent, and whose answer was lost.
#[derive(Debug, Clone)]
pub struct Sent {
    /// What it changes.
    pub changes: Vec<Change>,
    /// What it says.
    pub draft: CommitDraft,
    /// Its id; none where the server makes it.
    pub commit: Option<CommitId>,
}

/// How a push ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pushed {
    /// The commit is the branch's new tip, or an ancestor of it.
    Landed(Landed),
    /// The branch is not at the snapshot's commit any more. Nothing was written.
    Moved {
        /// How the server or the advertisement put it.
        detail: String,
    },
    /// A rule of the server refuses it, and would again. Nothing was written.
    Declined {
        /// The rule's own words.
        detail: String,
    },
}

/// A branch of a repository, over some transport: what it takes to put a commit on top of it.
pub trait Branch {
    /// Reads the branch's tip and the selected files at it.
    ///
    /// # Errors
    /// When the server can't be used, or a file that is named is not there or is no file.
    fn snapshot(
        &self,
        selection: &FileSelection,
    ) -> impl Future<Output = Result<Snapshot, RepositoryError>> + Send;

    /// Writes all `changes` in one commit on top of `base`, and moves the branch from `base` to it.
    ///
    /// # Errors
    /// When the server can't be used. [`RepositoryError::Unconfirmed`] is the one case in which the
    /// commit may have landed all the same.
    fn commit(
        &self,
        base: &Snapshot,
        changes: &[Change],
        draft: &CommitDraft,
    ) -> impl Future<Output = Result<Pushed, RepositoryError>> + Send;

    /// The commit of `sent`, which was made on top of `base`, if it is on the branch: its tip or an
    /// ancestor.
    ///
    /// # Errors
    /// When the server can't be used.
    fn find(
        &self,
        base: &Snapshot,
        sent: &Sent,
    ) -> impl Future<Output = Result<Option<Landed>, RepositoryError>> + Send;
}

/// A Git repository on some server, over some transport.
pub trait Repository: Branch {
    /// The commits on the branch's first-parent line that touched the selected files. A single file
    /// is followed through renames, as `git log --follow --first-parent` does.
    ///
    /// # Errors
    /// When the server can't be used, or a file that is named is not there and never was.
    fn history(
        &self,
        selection: &FileSelection,
        query: &HistoryQuery,
    ) -> impl Future<Output = Result<History, RepositoryError>> + Send;

    /// The commit whose id begins with `revision` (hexadecimal digits), and what it did to the
    /// selected files.
    ///
    /// # Errors
    /// When the server can't be used.
    fn search(
        &self,
        revision: &str,
        selection: &FileSelection,
    ) -> impl Future<Output = Result<Searched, RepositoryError>> + Send;

    /// Whether `descendant` was made on top of `ancestor`, or is the same. Of commits that the branch
    /// does not lead to nothing need be known: then they are not.
    ///
    /// # Errors
    /// When the server can't be used.
    fn is_ancestor(
        &self,
        ancestor: &CommitId,
        descendant: &CommitId,
    ) -> impl Future<Output = Result<bool, RepositoryError>> + Send;

    /// The selected files as they are at `commit`.
    ///
    /// # Errors
    /// When the server can't be used or has no such commit, or a file that is named is not there.
    fn files_at(
        &self,
        commit: &CommitId,
        selection: &FileSelection,
    ) -> impl Future<Output = Result<Vec<ManifestFile>, RepositoryError>> + Send;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_branch_name_is_one_that_git_allows() {
        for (given, expected) in [
            ("main", "main"),
            ("refs/heads/main", "main"),
            ("a/b-c", "a/b-c"),
        ] {
            assert_eq!(given.parse::<BranchName>().unwrap().as_str(), expected);
        }
        for given in [
            "", "-f", "a b", "a..b", "a:b", "HEAD", "a.lock", "a~1", "x\n",
        ] {
            assert!(given.parse::<BranchName>().is_err(), "{given:?}");
        }
    }
}
