//! The branch of a pull request, as a branch that commits land on: what is read is the branch that the
//! pull request is to be merged into, what is written goes to its own.
//!
//! A commit on it is always the tip that was read with the changes, so that the pull request shows these
//! and nothing else, and has no conflict when it is made. Where the branch is not on top of that tip,
//! the commit has both as parents. So the branch only ever moves forward, never by force.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Deserialize;
use serde_json::{Value as Json, json};
use url::form_urlencoded::byte_serialize;

use super::client::CallError;
use super::read::Head;
use super::repository::GithubRepository;
use crate::files::FileSelection;
use crate::manifest::ManifestFile;
use crate::repository::branch::BranchName;
use crate::repository::commit::{Change, CommitDraft, Landed, Pushed, Sent, Snapshot};
use crate::repository::error::RepositoryError;
use crate::repository::head::{Beyond, Files, Made, Messages, Relation, Replacing, Since};
use crate::repository::object::CommitId;
use crate::repository::retry::Branch;

/// A pull request's branch.
pub struct HeadBranch<'a> {
    api: &'a GithubRepository,
    name: &'a BranchName,
    messages: Messages,
    nothing_new: AtomicBool,
    /// Where it was when its target was read last; none where it was not there.
    seen: Mutex<Option<Head>>,
    /// What was made for it, whether or not it got there.
    made: Mutex<Vec<CommitId>>,
}

/// How the branch stands to the tip that was read.
#[derive(Deserialize)]
struct Comparison {
    status: Relation,
    commits: Vec<Compared>,
    merge_base_commit: Option<MergeBase>,
    #[serde(default)]
    files: Vec<ChangedFile>,
}

/// How many files are listed at most (GitHub's documentation, "Compare two commits").
const MAX_FILES: usize = 300;

#[derive(Deserialize)]
struct MergeBase {
    sha: String,
}

#[derive(Deserialize)]
struct ChangedFile {
    filename: String,
    previous_filename: Option<String>,
}

#[derive(Deserialize)]
struct Compared {
    sha: String,
    commit: Described,
    #[serde(default)]
    parents: Vec<Json>,
}

#[derive(Deserialize)]
struct Described {
    message: String,
    author: Option<Author>,
}

#[derive(Deserialize)]
struct Author {
    name: String,
}

impl Comparison {
    fn beyond(self) -> Option<Beyond> {
        let made = |one: Compared| {
            Some(Made {
                commit: CommitId::parse(&one.sha)?,
                message: one.commit.message,
                author: one.commit.author.map(|author| author.name),
                parents: one.parents.len(),
            })
        };
        let all = self.files.len() < MAX_FILES;
        let files = self.files.into_iter();
        let names = files.flat_map(|file| [Some(file.filename), file.previous_filename]);
        Some(Beyond {
            relation: self.status,
            from: self
                .merge_base_commit
                .and_then(|one| CommitId::parse(&one.sha)),
            paths: all.then(|| names.flatten().collect()),
            commits: self.commits.into_iter().map(made).collect::<Option<_>>()?,
        })
    }
}

impl<'a> HeadBranch<'a> {
    /// The branch `name`, whether or not it is there.
    pub fn new(api: &'a GithubRepository, name: &'a BranchName, messages: Messages) -> Self {
        Self {
            api,
            name,
            messages,
            nothing_new: AtomicBool::new(false),
            seen: Mutex::default(),
            made: Mutex::default(),
        }
    }

    /// Whether the branch held already what was to land on it.
    pub fn held_it_already(&self) -> bool {
        self.nothing_new.load(Ordering::Relaxed)
    }

    /// The pull request that was open for it when its target was read last.
    pub fn open_pull(&self) -> Option<u64> {
        self.seen().as_ref().and_then(|head| head.pull)
    }

    fn seen(&self) -> MutexGuard<'_, Option<Head>> {
        lock(&self.seen)
    }

    fn made(&self) -> MutexGuard<'_, Vec<CommitId>> {
        lock(&self.made)
    }

    /// Makes the branch.
    async fn create(&self, repository: &str, landed: Landed) -> Result<Pushed, RepositoryError> {
        let body = json!({"ref": self.name.reference(), "sha": landed.commit.as_str()});
        let path = format!("/repos/{repository}/git/refs");
        match self.api.client.post::<Json>(&path, &body).await {
            Ok(_) => Ok(Pushed::Landed(landed)),
            Err(CallError::Failed {
                error: RepositoryError::Protocol { what: detail },
                ..
            }) => Ok(Pushed::Refused { detail }),
            Err(CallError::Failed {
                error: refused @ RepositoryError::Refused { .. },
                ..
            }) => self.api.refused_at(self.name, None, refused).await,
            Err(CallError::Failed {
                error,
                may_have_happened: true,
            }) => Err(RepositoryError::Unconfirmed {
                commit: Some(landed.commit),
                what: error.to_string(),
            }),
            Err(error) => Err(error.of_read()),
        }
    }

    /// A branch beside which Git can't have it.
    async fn in_the_way(&self, repository: &str) -> Result<Option<String>, RepositoryError> {
        for above in self.name.above() {
            if self.api.head(&above).await?.is_some() {
                return Ok(Some(above.as_str().to_owned()));
            }
        }
        #[derive(Deserialize)]
        struct Reference {
            #[serde(rename = "ref")]
            name: String,
        }
        let parts = self.name.as_str().split('/');
        let parts: Vec<String> = parts
            .map(|part| byte_serialize(part.as_bytes()).collect())
            .collect();
        let name = parts.join("/");
        let path = format!("/repos/{repository}/git/matching-refs/heads/{name}/");
        let below = self.api.client.get::<Vec<Reference>>(&path).await?;
        let mut below = below.into_iter().flatten();
        Ok(below.find_map(|below| {
            let name = below.name.strip_prefix("refs/heads/")?;
            self.name.excludes(name).then(|| name.to_owned())
        }))
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
        if !self.api.is_ancestor(ours, head).await? {
            return Ok(Since::Rewound);
        }
        let name = &self.api.name;
        let found = self.api.compared(name, tip, head).await?;
        if found.is_merged() {
            // What came since may be its target's as well, which need not be ours.
            let found = self.api.compared(name, ours, head).await?.after(ours);
            return Ok(found.deployment(self.messages.is_ours, is_same));
        }
        Ok(found.since(ours, self.name, self.messages.is_ours, is_same))
    }
}

impl GithubRepository {
    /// What the branch of a pull request, which is at `head`, has beyond `tip`, that of its target.
    ///
    /// # Errors
    /// When the server can't be used.
    pub async fn beyond(&self, tip: &CommitId, head: &CommitId) -> Result<Beyond, RepositoryError> {
        self.compared(&self.name, tip, head).await
    }

    async fn compared(
        &self,
        repository: &str,
        tip: &CommitId,
        head: &CommitId,
    ) -> Result<Beyond, RepositoryError> {
        let path = format!("/repos/{repository}/compare/{tip}...{head}");
        let found: Option<Comparison> = self.client.get(&path).await?;
        let beyond = found.and_then(Comparison::beyond);
        beyond.ok_or_else(|| self.odd("knows nothing of two commits that it named"))
    }
}

/// The repository's files, with those that came along.
struct Known<'a> {
    api: &'a GithubRepository,
    head: &'a Head,
}

impl Files for Known<'_> {
    async fn files_at(
        &self,
        commit: &CommitId,
        selection: &FileSelection,
    ) -> Result<Vec<ManifestFile>, RepositoryError> {
        let here = self.head.files.iter();
        let here = here.filter(|file| *commit == self.head.commit && selection.selects(&file.path));
        let here: Vec<ManifestFile> = here.cloned().collect();
        match here.len() == selection.named_paths().len() && selection.globs().next().is_none() {
            true => Ok(here),
            false => self.api.files_at(commit, selection).await,
        }
    }

    async fn paths(&self, old: &CommitId, new: &CommitId) -> Result<Vec<String>, RepositoryError> {
        self.api.paths(old, new).await
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Branch for HeadBranch<'_> {
    async fn snapshot(&self, selection: &FileSelection) -> Result<Snapshot, RepositoryError> {
        let branch = self.api.branch.as_ref();
        let read = self.api.snapshot_beside(branch, selection, Some(self.name));
        let (snapshot, head) = read.await?;
        *self.seen() = head;
        Ok(snapshot)
    }

    async fn commit(
        &self,
        base: &Snapshot,
        changes: &[Change],
        draft: &CommitDraft,
    ) -> Result<Pushed, RepositoryError> {
        let tip = self.api.remembered(&base.commit)?;
        // It moves from there or not at all.
        let seen = self.seen().clone();
        if let Some(elsewhere) = seen.as_ref().and_then(|seen| seen.elsewhere.clone()) {
            return Err(elsewhere.refused(self.name));
        }
        let head = seen.as_ref().map(|seen| seen.commit.clone());
        let comparison = match &head {
            Some(head) => Some(self.api.compared(&tip.name, &tip.commit, head).await?),
            None => None,
        };
        if let Some(foreign) = comparison
            .as_ref()
            .and_then(|found| found.foreign(self.name, self.messages.is_ours))
        {
            return Err(foreign);
        }
        // Without a pull request, nobody waits for what the branch holds.
        let is_open = seen.as_ref().is_some_and(|seen| seen.pull.is_some());
        if let (Some(found), Some(head), true) = (&comparison, &seen, is_open) {
            let replacing = Replacing {
                branch: self.name,
                head: &head.commit,
                base,
                changes,
                draft,
            };
            let files = Known {
                api: self.api,
                head,
            };
            let dropped = found.dropped(&replacing, self.messages, &files).await?;
            dropped.map_or(Ok(()), Err)?;
        }
        let tree = self.api.make_tree(&tip, changes).await?;
        let relation = comparison.map(|comparison| comparison.relation);
        let parents: Vec<&CommitId> = match (&head, relation) {
            (Some(head), Some(Relation::Ahead)) => {
                if seen.is_some_and(|seen| seen.tree == tree) {
                    let is_own = self.made().contains(head);
                    self.nothing_new.store(!is_own, Ordering::Relaxed);
                    return Ok(Pushed::Landed(head.clone().into()));
                }
                vec![head]
            }
            (Some(head), Some(Relation::Diverged)) => vec![head, &tip.commit],
            // It is not there, or all that it has is in the tip.
            _ => vec![&tip.commit],
        };
        let CommitDraft {
            message, identity, ..
        } = draft;
        let author = (!identity.is_default()).then_some(identity);
        let made = self.api.make_commit(&tip, &tree, message, author, &parents);
        let landed = made.await?;
        self.made().push(landed.commit.clone());
        let pushed = match &head {
            Some(head) => self.api.move_branch(&tip, self.name, head, landed).await?,
            None => self.create(&tip.name, landed).await?,
        };
        // What is read next is another branch.
        let Pushed::Refused { detail } = pushed else {
            return Ok(pushed);
        };
        if head.is_none()
            && let Some(existing) = self.in_the_way(&tip.name).await?
        {
            let branch = self.name.clone();
            return Err(RepositoryError::NameTaken { branch, existing });
        }
        Ok(match self.api.head(self.name).await? == head {
            true => Pushed::Unmoved { detail },
            false => Pushed::Moved { detail },
        })
    }

    async fn find(&self, _base: &Snapshot, sent: &Sent) -> Result<Option<Landed>, RepositoryError> {
        let (Some(commit), Some(head)) = (&sent.commit, self.api.head(self.name).await?) else {
            return Ok(None);
        };
        let held = self.api.is_ancestor(commit, &head).await?;
        Ok(held.then(|| commit.clone().into()))
    }
}
