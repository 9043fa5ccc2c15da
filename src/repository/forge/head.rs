//! The branch of a pull request, as a branch that commits land on: over GitHub's API, or over git.
//!
//! What is read is the branch that the pull request is to be merged into, what is written goes to its own: see
//! [`HeadBranch`], which does over the API what is done here over git.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::gitea::Gitea;
use super::gitlab::Gitlab;
use super::pull::PullRequests as _;
use crate::files::FileSelection;
use crate::repository::branch::BranchName;
use crate::repository::commit::{Change, CommitDraft, Landed, Pushed, Sent, Snapshot};
use crate::repository::error::RepositoryError;
use crate::repository::git::{GitRepository, Onto};
use crate::repository::github::head::HeadBranch;
use crate::repository::head::{Elsewhere, Messages, Relation, Replacing, Since};
use crate::repository::object::CommitId;
use crate::repository::retry::Branch;

/// A pull request's branch.
pub enum Head<'a> {
    /// Over GitHub's API.
    Api(HeadBranch<'a>),
    /// Over git.
    Git(GitHead<'a>),
}

impl Head<'_> {
    /// Whether the branch held already what was to land on it.
    pub fn held_it_already(&self) -> bool {
        match self {
            Self::Api(head) => head.held_it_already(),
            Self::Git(head) => head.nothing_new.load(Ordering::Relaxed),
        }
    }

    /// The pull request that was open for the branch when its target was read last; none where that was not
    /// seen.
    pub fn open_pull(&self) -> Option<Option<u64>> {
        match self {
            Self::Api(head) => Some(head.open_pull()),
            Self::Git(_) => None,
        }
    }

    /// A pull request that was open for the branch before something landed on it, as far as that was seen.
    pub fn was_open(&self) -> Option<u64> {
        match self {
            Self::Api(head) => head.open_pull(),
            Self::Git(head) => *head.open(),
        }
    }

    /// Whether the branch was made for what landed on it.
    pub fn is_new(&self) -> bool {
        match self {
            Self::Api(_) => false,
            Self::Git(head) => head.is_new.load(Ordering::Relaxed),
        }
    }

    /// What the branch, which is at `head`, has beyond `ours` and `tip`, that of its target. Whether a message
    /// deploys the same as ours, `is_same` says.
    ///
    /// # Errors
    /// When the server can't be used.
    pub async fn since(
        &self,
        ours: &CommitId,
        head: &CommitId,
        tip: &CommitId,
        is_same: impl Fn(&str) -> bool,
    ) -> Result<Since, RepositoryError> {
        match self {
            Self::Api(branch) => branch.since(ours, head, tip, is_same).await,
            Self::Git(branch) => branch.since(ours, head, tip, is_same).await,
        }
    }
}

impl Branch for Head<'_> {
    async fn snapshot(&self, selection: &FileSelection) -> Result<Snapshot, RepositoryError> {
        match self {
            Self::Api(head) => head.snapshot(selection).await,
            Self::Git(head) => head.git.snapshot(selection).await,
        }
    }

    async fn commit(
        &self,
        base: &Snapshot,
        changes: &[Change],
        draft: &CommitDraft,
    ) -> Result<Pushed, RepositoryError> {
        match self {
            Self::Api(head) => head.commit(base, changes, draft).await,
            Self::Git(head) => head.commit(base, changes, draft).await,
        }
    }

    async fn find(&self, base: &Snapshot, sent: &Sent) -> Result<Option<Landed>, RepositoryError> {
        match self {
            Self::Api(head) => head.find(base, sent).await,
            Self::Git(head) => head.find(base, sent).await,
        }
    }
}

/// Whose pull requests are brought over git.
#[derive(Clone, Copy)]
pub enum Pulls<'a> {
    /// GitLab's.
    Gitlab(&'a Gitlab<'a>),
    /// Gitea's.
    Gitea(&'a Gitea<'a>),
}

impl<'a> Pulls<'a> {
    fn git(self) -> &'a GitRepository {
        match self {
            Self::Gitlab(gitlab) => gitlab.git,
            Self::Gitea(gitea) => gitea.git,
        }
    }

    /// The one that is open from `head` into `base`, or one into another branch. GitLab tells of such a one to
    /// whoever may read its API.
    async fn open_from(
        self,
        head: &BranchName,
        base: &BranchName,
    ) -> Result<Result<Option<u64>, Elsewhere>, RepositoryError> {
        match self {
            Self::Gitlab(gitlab) => gitlab.open_from(head, base).await,
            Self::Gitea(gitea) => gitea.open_from(head, base).await,
        }
    }

    /// Whether one may be open from `head`, which is at a commit, into `base`.
    async fn may_be_open(
        self,
        (head, at): (&BranchName, &CommitId),
        base: &BranchName,
    ) -> Result<bool, RepositoryError> {
        match self {
            Self::Gitlab(gitlab) => {
                let answer = gitlab.ask(head, at, Vec::new()).await?;
                Ok(answer.open.is_some() || !answer.is_none)
            }
            Self::Gitea(gitea) => Ok(gitea.open_pull(head, base).await?.is_some()),
        }
    }
}

/// A pull request's branch over git.
pub struct GitHead<'a> {
    git: &'a GitRepository,
    name: &'a BranchName,
    messages: Messages,
    pulls: Pulls<'a>,
    nothing_new: AtomicBool,
    is_new: AtomicBool,
    /// The pull request that was open for it before the commit.
    open: Mutex<Option<u64>>,
    /// What was made for it, as far as nobody knows whether it got there.
    made: Mutex<Vec<CommitId>>,
}

impl<'a> GitHead<'a> {
    /// The branch `name`, whether or not it is there.
    pub fn new(pulls: Pulls<'a>, name: &'a BranchName, messages: Messages) -> Self {
        Self {
            git: pulls.git(),
            name,
            messages,
            pulls,
            nothing_new: AtomicBool::new(false),
            is_new: AtomicBool::new(false),
            open: Mutex::default(),
            made: Mutex::default(),
        }
    }

    fn made(&self) -> MutexGuard<'_, Vec<CommitId>> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self) -> MutexGuard<'_, Option<u64>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where the branch is.
    async fn tip(&self) -> Result<Option<CommitId>, RepositoryError> {
        let tips = self.git.tips(vec![self.name.clone()]).await?;
        Ok(tips.into_iter().next().flatten())
    }

    async fn since(
        &self,
        ours: &CommitId,
        head: &CommitId,
        tip: &CommitId,
        is_same: impl Fn(&str) -> bool,
    ) -> Result<Since, RepositoryError> {
        let (since, _) = self.git.beyond(ours, head).await?;
        if !matches!(since.relation, Relation::Ahead | Relation::Identical) {
            return Ok(Since::Rewound);
        }
        let (found, _) = self.git.beyond(tip, head).await?;
        if found.is_merged() {
            // What came since may be its target's as well, which need not be ours.
            return Ok(since.deployment(self.messages.is_ours, is_same));
        }
        Ok(found.since(ours, self.name, self.messages.is_ours, is_same))
    }

    async fn commit(
        &self,
        base: &Snapshot,
        changes: &[Change],
        draft: &CommitDraft,
    ) -> Result<Pushed, RepositoryError> {
        let head = self.tip().await?;
        let beyond = match &head {
            Some(head) => Some(self.git.beyond(&base.commit, head).await?),
            None => None,
        };
        let foreign = beyond.as_ref().and_then(|(beyond, _)| {
            // What somebody else made is somebody else's, until it is merged.
            beyond.foreign(self.name, self.messages.is_ours)
        });
        if let Some(foreign) = foreign {
            return Err(foreign);
        }
        if head.is_some() {
            let open = self.pulls.open_from(self.name, &base.branch).await?;
            *self.open() = open.map_err(|elsewhere| elsewhere.refused(self.name))?;
        }
        let replacing = |head| Replacing {
            branch: self.name,
            head,
            base,
            changes,
            draft,
        };
        if let (Some(head), Some((beyond, _))) = (&head, &beyond)
            && let found = beyond.dropped(&replacing(head), self.messages, self.git)
            && let Some(dropped) = found.await?
            && (self.pulls.may_be_open((self.name, head), &base.branch)).await?
        {
            return Err(dropped);
        }
        let relation = beyond.as_ref().map(|(beyond, _)| beyond.relation);
        let (at, of) = (head.as_ref().map(CommitId::id), base.commit.id());
        let (parents, is_ahead) = match (at, relation) {
            (Some(head), Some(Relation::Ahead)) => (vec![head], true),
            (Some(head), Some(Relation::Diverged)) => (vec![head, of], false),
            // It is not there, or all that it has is in the tip.
            _ => (vec![of], false),
        };
        let onto = Onto {
            branch: self.name.clone(),
            at,
            tree: beyond.filter(|_| is_ahead).map(|(_, tree)| tree),
            parents,
        };
        let pushed = match (self.git.propose(base, changes, draft, onto).await, &head) {
            (Ok(Some(pushed)), _) => pushed,
            (Ok(None), Some(head)) => {
                let is_own = self.made().contains(head);
                self.nothing_new.store(!is_own, Ordering::Relaxed);
                return Ok(Pushed::Landed(head.clone().into()));
            }
            (Ok(None), None) => {
                return Err(RepositoryError::protocol("a branch that is not there"));
            }
            (Err(error), _) => {
                if let RepositoryError::Unconfirmed { commit, .. } = &error {
                    self.made().extend(commit.clone());
                    self.is_new.fetch_or(head.is_none(), Ordering::Relaxed);
                }
                return Err(error);
            }
        };
        // What is read next is another branch.
        let Pushed::Refused { detail } = pushed else {
            self.is_new.fetch_or(head.is_none(), Ordering::Relaxed);
            return Ok(pushed);
        };
        if head.is_none()
            && let Some(existing) = self.git.in_the_way(self.name).await?
        {
            let branch = self.name.clone();
            return Err(RepositoryError::NameTaken { branch, existing });
        }
        Ok(match self.tip().await? == head {
            true => Pushed::Unmoved { detail },
            false => Pushed::Moved { detail },
        })
    }

    async fn find(&self, base: &Snapshot, sent: &Sent) -> Result<Option<Landed>, RepositoryError> {
        let (Some(commit), Some(head)) = (&sent.commit, self.tip().await?) else {
            return Ok(None);
        };
        let (found, _) = self.git.beyond(&base.commit, &head).await?;
        let mut found = found.commits.iter();
        let held = found.any(|one| one.commit == *commit);
        Ok(held.then(|| commit.clone().into()))
    }
}
