//! Whether a branch holds what was proposed, and since which of its commits. Git alone is asked: a merge
//! commit, a squash, a rebase and a merge queue look alike there, and so does a push by hand.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::deployment;
use crate::files::{FileSelection, RepoPath};
use crate::manifest::{ManifestFile, Remaining, remaining};
use crate::operation::landing::LandingReport;
use crate::operation::overtaken::Overtaken;
use crate::operation::past::{messages, named, past};
use crate::operation::session::Session;
use crate::repository::history::{Commit, FileHistory, HistoryQuery};
use crate::repository::{Branch as _, CommitId, RepositoryError};

/// How many commits of the files are looked at for the first one that holds it.
const DEPTH: usize = 50;

/// What was proposed.
#[derive(Clone, Copy)]
pub(super) struct Proposed<'a> {
    pub(super) landed: &'a LandingReport,
    pub(super) files: &'a FileSelection,
}

/// How a target got what was proposed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Merge {
    /// The first commit of the target's first-parent line that holds all of it.
    pub(super) commit: CommitId,
    pub(super) brought: Brought,
    /// The commit that has taken it back since.
    pub(super) taken_back_by: Option<Arc<Commit>>,
}

/// What the commit is that brought it to the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Brought {
    /// The pull request, all of it: undoing that takes all of it back.
    Whole,
    /// The last of several by which the pull request came, as a rebase leaves them.
    InSeveral,
    /// Nothing shows that it is the pull request: somebody may have pushed the same by hand.
    ByOthers,
}

/// A branch, as it was at a look.
#[derive(Debug, Clone)]
pub(super) struct Tip {
    pub(super) commit: CommitId,
    pub(super) files: Vec<ManifestFile>,
    /// What its newest commits say, as far as they came along.
    pub(super) said: Vec<String>,
}

impl Tip {
    /// What a file says; none where it is gone.
    pub(super) fn content(&self, path: &RepoPath) -> Option<&[u8]> {
        let mut files = self.files.iter();
        let file = files.find(|file| file.path == *path);
        file.map(|file| file.bytes.as_slice())
    }
}

/// The target as it is now.
pub(super) async fn tip(
    session: &Session<'_>,
    files: &FileSelection,
    commit: &CommitId,
) -> Result<Tip, RepositoryError> {
    match session.repository.snapshot(files).await {
        Ok(snapshot) => Ok(Tip {
            commit: snapshot.commit,
            files: snapshot.files,
            said: snapshot
                .recent
                .into_iter()
                .map(|said| said.message)
                .collect(),
        }),
        // Where a file is gone, nothing of it is held.
        Err(RepositoryError::File { .. }) => Ok(Tip {
            commit: commit.clone(),
            files: Vec::new(),
            said: Vec::new(),
        }),
        Err(error) => Err(error),
    }
}

impl Proposed<'_> {
    /// What is left of it where the files say this.
    fn left<'c>(
        &self,
        content: impl Fn(&RepoPath) -> Option<&'c [u8]>,
    ) -> impl Iterator<Item = Remaining> {
        let LandingReport {
            edits,
            images,
            values,
            ..
        } = self.landed;
        let edits = edits.iter();
        edits.map(move |edit| remaining(edit, images, values, content(&edit.path)))
    }

    /// The images of others that came to its places, and what is still to come.
    pub(super) fn overtaken(&self, tip: &Tip) -> Overtaken {
        let LandingReport {
            edits,
            images,
            values,
            ..
        } = self.landed;
        Overtaken::of(edits, images, values, |path| tip.content(path))
    }

    /// Whether the commit says, or one that it merged, that it is this deployment.
    fn is_said_by(&self, commit: &Commit) -> bool {
        let own = &self.landed.message;
        messages(commit).any(|message| deployment::deploys_the_same(message, own))
    }

    /// Whether `commit` has the proposed one below it, which is no proof that it has what that brings.
    pub(super) async fn is_swallowed(
        &self,
        session: &Session<'_>,
        commit: &CommitId,
    ) -> Result<bool, RepositoryError> {
        match &self.landed.commit {
            Some(own) => session.repository.is_ancestor(own, commit).await,
            None => Ok(false),
        }
    }

    /// The first commit of the target's first-parent line, after the one that was planned on, that held all of
    /// it: also where later ones replaced it. Whether the forge says that it `is_merged` tells whose commit that is
    /// where no message does.
    pub(super) async fn merge(
        &self,
        session: &Session<'_>,
        tip: &Tip,
        is_merged: bool,
    ) -> Result<Option<Merge>, RepositoryError> {
        let LandingReport { edits, base, .. } = self.landed;
        // Of nothing at all, everything is held.
        if tip.commit == *base || edits.is_empty() {
            return Ok(None);
        }
        let query = HistoryQuery::newest(DEPTH);
        let history = match session.repository.history(self.files, &query).await {
            Ok(history) => history,
            Err(RepositoryError::File { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let paths = edits.iter().map(|edit| &edit.path);
        let mut now: BTreeMap<&RepoPath, Option<&[u8]>> =
            paths.map(|path| (path, tip.content(path))).collect();
        // The past may have been read a moment later than the tip.
        for file in history.commits.iter().rev().flat_map(|one| &one.files) {
            if let Some(now) = now.get_mut(&file.now) {
                *now = file.after.as_deref();
            }
        }
        let is_held = |now: &BTreeMap<&RepoPath, Option<&[u8]>>| {
            let content = |path: &RepoPath| now.get(path).copied().flatten();
            self.left(content).all(|left| left.is_nothing)
        };
        let is_held_now = is_held(&now);
        let (mut held, mut first) = (is_held_now, None);
        for (number, touched) in history.commits.iter().enumerate() {
            let commit = &touched.commit.id;
            if commit == base {
                break;
            }
            for file in &touched.files {
                if let Some(now) = now.get_mut(&file.now) {
                    *now = file.before.as_deref();
                }
            }
            let held_before = is_held(&now);
            if held && !held_before {
                // One from before the plan held the same once.
                if !session.repository.is_ancestor(base, commit).await? {
                    break;
                }
                let content = |path: &RepoPath| now.get(path).copied().flatten();
                let is_whole = self.left(content).all(|left| left.came_since.is_empty());
                let is_own = is_merged || self.is_said_by(&touched.commit);
                let merge = Merge {
                    taken_back_by: taken_back_by(&history, number),
                    commit: commit.clone(),
                    brought: match is_whole {
                        _ if !is_own && !self.is_swallowed(session, commit).await? => {
                            Brought::ByOthers
                        }
                        true => Brought::Whole,
                        false => Brought::InSeveral,
                    },
                };
                // Of one that was taken back, and came again, the later one counts.
                if first.is_none() || merge.taken_back_by.is_none() {
                    first = Some(merge);
                }
            }
            held = held_before;
        }
        if let Some(merge) = first.as_mut().filter(|_| is_held_now) {
            merge.taken_back_by = None;
        }
        Ok(first.or(is_held_now.then_some(Merge {
            commit: history.tip,
            brought: Brought::InSeveral,
            taken_back_by: None,
        })))
    }
}

/// The commit that took all of another one back, as far as its files tell.
fn taken_back_by(history: &FileHistory, number: usize) -> Option<Arc<Commit>> {
    let past = past(&history.commits, &named(&history.commits)).ok()?;
    let by = past.standings()[number].undone_by?;
    Some(Arc::clone(&history.commits[by].commit))
}
