//! What is on the branch of a pull request, over whatever it was read: whose commits those are, and what they
//! deploy.

use serde::Deserialize;

use super::branch::BranchName;
use super::commit::CommitDraft;
use super::error::RepositoryError;
use super::object::CommitId;

/// What the messages of commits say: whoever writes them knows.
#[derive(Debug, Clone, Copy)]
pub struct Messages {
    /// Whether one is of a commit of ours. Only such commits are built upon.
    pub is_ours: fn(&str) -> bool,
    /// The images and values that one deploys, and that a new commit in its place would not: it says nothing of them.
    pub dropped: fn(&str, &CommitDraft) -> Vec<String>,
}

/// A pull request that is open from a branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Elsewhere {
    /// Its number.
    pub number: u64,
    /// The branch that it is to be merged into, which is not the one that was meant.
    pub target: String,
}

impl Elsewhere {
    /// Why nothing is proposed on `branch`: it would be merged there, too.
    pub fn refused(self, branch: &BranchName) -> RepositoryError {
        let Self { number, target } = self;
        RepositoryError::AnotherTarget {
            branch: branch.clone(),
            number,
            target,
        }
    }
}

/// How one commit stands to another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Relation {
    /// It came later.
    Ahead,
    /// It came earlier.
    Behind,
    /// Each has commits that the other has not.
    Diverged,
    /// They are one.
    Identical,
}

/// What a branch has that another commit has not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beyond {
    /// How its tip stands to the other commit.
    pub relation: Relation,
    /// Its own commits, the oldest first.
    pub commits: Vec<Made>,
    /// The commit that both were made of; none where there are several, or nobody says.
    pub from: Option<CommitId>,
    /// The files in which it differs from that one; none where nobody says which all are.
    pub paths: Option<Vec<String>>,
}

/// A commit of the branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// Its id.
    pub commit: CommitId,
    /// All of its message.
    pub message: String,
    /// Its author's name; none where nobody says.
    pub author: Option<String>,
    /// How many it was made on.
    pub parents: usize,
}

/// What became of the branch since a commit of ours was on it.
#[derive(Debug, Clone)]
pub enum Since {
    /// Nothing else would be merged: what came brings it up to date, or deploys the same.
    Same,
    /// Another deployment.
    Deployment {
        /// Its commit.
        commit: CommitId,
        /// The first line of its message.
        subject: String,
    },
    /// A commit that somebody else made, as [`RepositoryError::ForeignCommit`].
    Foreign(RepositoryError),
    /// The commit is not on it any more.
    Rewound,
}

impl Beyond {
    /// Whether the other commit has all that the branch has.
    pub fn is_merged(&self) -> bool {
        matches!(self.relation, Relation::Behind | Relation::Identical)
    }

    /// The first commit of `branch` that somebody else made, by what `is_ours` says of messages. Bringing the
    /// branch up to date is no change of it.
    pub fn foreign(
        &self,
        branch: &BranchName,
        is_ours: impl Fn(&str) -> bool,
    ) -> Option<RepositoryError> {
        let brings_up = |one: &Made| one.parents > 1 && one.message.starts_with("Merge branch '");
        let mut commits = self.commits.iter();
        let one = commits.find(|one| !is_ours(&one.message) && !brings_up(one))?;
        Some(RepositoryError::ForeignCommit {
            branch: branch.clone(),
            commit: one.commit.clone(),
            author: one.author.clone().unwrap_or_else(|| "somebody".to_owned()),
            subject: one.subject(),
        })
    }

    /// The deployment of `branch` that `draft` would take the place of, though it says nothing of all that is
    /// deployed by it. What is in the newest of our commits is all that the branch brings.
    pub fn dropped(
        &self,
        branch: &BranchName,
        draft: &CommitDraft,
        messages: Messages,
    ) -> Option<RepositoryError> {
        let mut newest = self.commits.iter().rev();
        let one = newest.find(|one| (messages.is_ours)(&one.message))?;
        let images = (messages.dropped)(&one.message, draft);
        (!images.is_empty()).then(|| RepositoryError::AnotherDeployment {
            branch: branch.clone(),
            commit: one.commit.clone(),
            subject: one.subject(),
            images,
        })
    }

    /// The same without `ours` and what is older.
    #[must_use]
    pub fn after(mut self, ours: &CommitId) -> Self {
        if let Some(own) = self.commits.iter().position(|one| one.commit == *ours) {
            self.commits.drain(..=own);
        }
        self
    }

    /// What became of `branch` since `ours` was on it, as far as the other commit does not have that; by what
    /// `is_ours` and `is_same` say of messages.
    pub fn since(
        self,
        ours: &CommitId,
        branch: &BranchName,
        is_ours: fn(&str) -> bool,
        is_same: impl Fn(&str) -> bool,
    ) -> Since {
        let since = self.after(ours);
        match since.foreign(branch, is_ours) {
            Some(foreign) => Since::Foreign(foreign),
            None => since.deployment(is_ours, is_same),
        }
    }

    /// The newest deployment of ours, where it is not one that `is_same`.
    pub fn deployment(
        &self,
        is_ours: impl Fn(&str) -> bool,
        is_same: impl Fn(&str) -> bool,
    ) -> Since {
        let mut newest = self.commits.iter().rev();
        match newest.find(|one| is_ours(&one.message)) {
            Some(one) if !is_same(&one.message) => Since::Deployment {
                commit: one.commit.clone(),
                subject: one.subject(),
            },
            _ => Since::Same,
        }
    }
}

impl Made {
    /// The first line of its message.
    pub fn subject(&self) -> String {
        self.message.lines().next().unwrap_or_default().to_owned()
    }
}
