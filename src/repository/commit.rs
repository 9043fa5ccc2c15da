//! What goes to and fro: the files of a tip, and a commit for them.

use std::collections::HashMap;

use super::branch::BranchName;
use super::object::CommitId;
use super::tip::BranchTip;
use crate::files::RepoPath;
use crate::manifest::{Decided, ManifestFile};

/// The files of a branch, as they are at one commit.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The branch that was read: the one asked for, or the repository's default branch.
    pub branch: BranchName,
    /// The commit that was its tip.
    pub commit: CommitId,
    /// The selected files.
    pub files: Vec<ManifestFile>,
    /// The file beside them, where the selection has one.
    pub beside: Option<ManifestFile>,
    /// What the branch's newest commits say, the tip first: as many as come along for nothing.
    pub recent: Vec<Said>,
}

/// The modes of files, as git has them.
pub type Modes = HashMap<RepoPath, u32>;

impl Snapshot {
    /// Where it was taken.
    pub fn tip(&self) -> BranchTip {
        BranchTip {
            branch: self.branch.clone(),
            commit: self.commit.clone(),
        }
    }
}

/// A commit's message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// The commit.
    pub commit: CommitId,
    /// All of it.
    pub message: String,
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

/// A file's new content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// A file that the snapshot holds; its mode stays.
    pub path: RepoPath,
    /// All of it.
    pub bytes: Vec<u8>,
}

/// What a commit says, apart from its files, and what is said with its push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitDraft {
    /// Subject, body and trailers.
    pub message: String,
    /// Author and committer.
    pub identity: Identity,
    /// What the server is asked for with the push of it, over git (`git-push(1)`, `--push-option`).
    pub options: Vec<String>,
    /// The places that it decides about, also where it changes none of them.
    pub decides: Decided,
}

/// A commit that is on its branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Landed {
    /// Its id.
    pub commit: CommitId,
    /// Whether the server vouches for the commit's signature; none where it does not say.
    pub verified: Option<bool>,
    /// What the server told people when it took it, over git.
    pub said: String,
}

impl From<CommitId> for Landed {
    /// One of which nobody says anything more.
    fn from(commit: CommitId) -> Self {
        Self {
            commit,
            verified: None,
            said: String::new(),
        }
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

/// How a push ended. A refusal is told with the server's words, which say nothing for sure: whether it
/// is a lost race, trouble of the server or a rule, the branch tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pushed {
    /// The commit is the branch's new tip, or an ancestor of it.
    Landed(Landed),
    /// The branch was read, and is not at the snapshot's commit any more. Nothing was written.
    Moved {
        /// How the server or the advertisement put it.
        detail: String,
    },
    /// The server refused. Where the branch is now, the next snapshot shows. Nothing was written.
    Refused {
        /// The server's own words.
        detail: String,
    },
    /// The server refused, and the branch was read since: it is where it was. Nothing was written.
    Unmoved {
        /// The server's own words.
        detail: String,
    },
}
