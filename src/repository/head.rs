//! What is on the branch of a pull request, over whatever it was read: whose commits those are, and what they
//! deploy.

use serde::Deserialize;

use super::branch::BranchName;
use super::commit::{Change, CommitDraft, Snapshot};
use super::error::RepositoryError;
use super::object::CommitId;
use crate::files::{FileSelection, RepoPath};
use crate::manifest::{ManifestFile, States, Undecided};

/// What the messages of commits say: whoever writes them knows.
#[derive(Debug, Clone, Copy)]
pub struct Messages {
    /// Whether one is of a commit of ours. Only such commits are built upon.
    pub is_ours: fn(&str) -> bool,
}

/// Where the files of commits are read.
pub trait Files: Sync {
    /// The selected files as they are at `commit`.
    ///
    /// # Errors
    /// When the server can't be used, or a file that is named is not there.
    fn files_at(
        &self,
        commit: &CommitId,
        selection: &FileSelection,
    ) -> impl Future<Output = Result<Vec<ManifestFile>, RepositoryError>> + Send;

    /// The files in which two commits differ.
    ///
    /// # Errors
    /// When the server can't be used.
    fn paths(
        &self,
        old: &CommitId,
        new: &CommitId,
    ) -> impl Future<Output = Result<Vec<String>, RepositoryError>> + Send;
}

/// A commit that is to take the place of what a branch brings.
pub struct Replacing<'a> {
    /// The branch.
    pub branch: &'a BranchName,
    /// Where that is.
    pub head: &'a CommitId,
    /// Its target.
    pub base: &'a Snapshot,
    /// How the commit differs from that.
    pub changes: &'a [Change],
    /// What it says.
    pub draft: &'a CommitDraft,
}

impl Replacing<'_> {
    /// What a file shall be.
    fn planned(&self, path: &RepoPath) -> Option<&[u8]> {
        let change = self.changes.iter().find(|change| change.path == *path);
        change.map(|change| change.bytes.as_slice())
    }
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

    /// The deployment of a branch that a commit would take out of its pull request: its files bring what the target does
    /// not hold, and the plan does not decide about. What can't be told counts as such.
    ///
    /// # Errors
    /// When the server can't be used.
    pub async fn dropped(
        &self,
        replacing: &Replacing<'_>,
        messages: Messages,
        files: &impl Files,
    ) -> Result<Option<RepositoryError>, RepositoryError> {
        let mut newest = self.commits.iter().rev();
        let Some(one) = newest.find(|one| (messages.is_ours)(&one.message)) else {
            return Ok(None);
        };
        let Replacing {
            branch, head, base, ..
        } = *replacing;
        let paths = match &self.paths {
            Some(paths) => paths.clone(),
            None => {
                let from = self.from.as_ref().unwrap_or(&base.commit);
                files.paths(from, head).await?
            }
        };
        let paths = paths.iter().filter_map(|path| path.parse().ok());
        let paths: Vec<RepoPath> = paths.collect();
        let is_read = |path: &&RepoPath| base.files.iter().any(|file| file.path == **path);
        let (read, others): (Vec<&RepoPath>, Vec<&RepoPath>) = paths.iter().partition(is_read);
        let mut target: Vec<ManifestFile> = at(files, &base.commit, others).await?;
        let read = base.files.iter().filter(|file| read.contains(&&file.path));
        target.extend(read.cloned());
        let own = at(files, head, paths.iter().collect()).await?;
        let brings = |from: &[ManifestFile]| -> Vec<Undecided> {
            let undecided = paths.iter().flat_map(|path| {
                let [from, branch, target] =
                    [from, &own, &target].map(|files| content(files, path));
                let states = States {
                    from,
                    branch,
                    target,
                    planned: replacing.planned(path).or(target),
                };
                replacing.draft.decides.undecided(path, states)
            });
            undecided.collect()
        };
        // What the plan decides about is most often all that the branch brings: then nobody has to know where that
        // began.
        let mut found = brings(&[]);
        if let (Some(from), false) = (&self.from, found.is_empty()) {
            found = brings(&at(files, from, paths.iter().collect()).await?);
        }
        Ok(
            (!found.is_empty()).then(|| RepositoryError::AnotherDeployment {
                branch: branch.clone(),
                commit: one.commit.clone(),
                subject: one.subject(),
                brings: found,
            }),
        )
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

/// Files as they are at `commit`; none where not all of them are there.
async fn at(
    files: &impl Files,
    commit: &CommitId,
    paths: Vec<&RepoPath>,
) -> Result<Vec<ManifestFile>, RepositoryError> {
    if paths.is_empty() {
        return Ok(Vec::new());
    }
    match files.files_at(commit, &FileSelection::of(paths)).await {
        Err(RepositoryError::File { .. }) => Ok(Vec::new()),
        read => read,
    }
}

fn content<'f>(files: &'f [ManifestFile], path: &RepoPath) -> Option<&'f [u8]> {
    let file = files.iter().find(|file| file.path == *path)?;
    Some(&file.bytes)
}

impl Made {
    /// The first line of its message.
    pub fn subject(&self) -> String {
        self.message.lines().next().unwrap_or_default().to_owned()
    }
}
