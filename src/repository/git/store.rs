//! A repository on disk: one of this machine, or the past of a server's, fetched for this run.

use std::cell::{Cell, RefCell};
use std::collections::{HashSet, VecDeque};
use std::io::{BufRead as _, Write as _};
use std::sync::Arc;

use git2::{Oid, Tree};
use tempfile::TempDir;

use super::answer::FetchError;
use super::packets::{Advertised, FetchRequest, branch_of};
use super::push::{self, Update};
use super::server::Server;
use super::tree::{self, Trees};
use super::{local, oid, said};
use crate::files::FileSelection;
use crate::repository::{
    BranchName, Change, CommitDraft, CommitId, Location, Pushed, RepositoryError, Said, Snapshot,
};

pub(super) struct Store {
    pub(super) repository: git2::Repository,
    remote: Remote,
    /// The commits whose parents are not here, although they have some.
    boundary: RefCell<HashSet<Oid>>,
    last: Cell<Option<Fetched>>,
    /// Removed when the run is over.
    _directory: Option<TempDir>,
}

/// What was fetched last.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Fetched {
    tip: Oid,
    depth: Option<u32>,
    without_blobs: bool,
}

enum Remote {
    /// A server: objects are fetched and pushed.
    Server(Arc<Server>),
    /// A repository on this machine: [`Store::repository`] is that repository itself, so that moving
    /// the branch is one compare-and-swap under git's own lock.
    Local { branch: Option<BranchName> },
}

impl Store {
    /// An empty one, for what a server has.
    pub(super) fn temporary(server: Arc<Server>) -> Result<Self, RepositoryError> {
        let parent = std::env::temp_dir();
        let directory = std::fs::create_dir_all(&parent)
            .and_then(|()| {
                tempfile::Builder::new()
                    .prefix("gitops-deploy-")
                    .tempdir_in(&parent)
            })
            .map_err(|error| RepositoryError::Protocol {
                what: format!(
                    "there is no room for temporary files in {}: {error}",
                    parent.display()
                ),
            })?;
        let mut options = git2::RepositoryInitOptions::new();
        options.bare(true).external_template(false);
        let repository = git2::Repository::init_opts(directory.path(), &options).map_err(local)?;
        Ok(Self {
            repository,
            remote: Remote::Server(server),
            boundary: RefCell::default(),
            last: Cell::new(None),
            _directory: Some(directory),
        })
    }

    /// A repository of this machine.
    pub(super) fn local(
        location: &Location,
        branch: Option<BranchName>,
    ) -> Result<Self, RepositoryError> {
        let not_git = |why: String| RepositoryError::NotGit {
            what: format!("`{}` is no Git repository ({why})", location.url()),
        };
        let path = location.url().to_file_path();
        let path = path.map_err(|()| not_git("no path of this machine".to_owned()))?;
        let repository =
            git2::Repository::open(path).map_err(|error| not_git(error.message().to_owned()))?;
        Ok(Self {
            boundary: RefCell::new(shallow(&repository)?),
            repository,
            remote: Remote::Local { branch },
            last: Cell::new(None),
            _directory: None,
        })
    }

    /// An empty one beside this, for the same server; none for a repository of this machine, which
    /// has everything.
    pub(super) fn fresh(&self) -> Result<Option<Self>, RepositoryError> {
        match &self.remote {
            Remote::Server(server) => Self::temporary(Arc::clone(server)).map(Some),
            Remote::Local { .. } => Ok(None),
        }
    }

    pub(super) fn is_local(&self) -> bool {
        matches!(self.remote, Remote::Local { .. })
    }

    /// The branch and its tip now.
    pub(super) fn tip(&self) -> Result<(BranchName, Oid), RepositoryError> {
        match &self.remote {
            Remote::Server(server) => server.tip(),
            Remote::Local { branch } => self.local_branches()?.resolve(branch.as_ref()),
        }
    }

    fn tip_of(&self, branch: &BranchName) -> Result<(BranchName, Oid), RepositoryError> {
        match &self.remote {
            Remote::Server(server) => server.tip_of(branch),
            Remote::Local { .. } => self.local_branches()?.resolve(Some(branch)),
        }
    }

    fn local_branches(&self) -> Result<Advertised, RepositoryError> {
        let head = self.repository.find_reference("HEAD").map_err(local)?;
        let references = self.repository.references_glob("refs/heads/*");
        Ok(Advertised {
            default: head.symbolic_target().ok().flatten().and_then(branch_of),
            branches: references
                .map_err(local)?
                .flatten()
                .filter_map(|reference| {
                    Some((branch_of(reference.name().ok()?)?, reference.target()?))
                })
                .collect(),
        })
    }

    /// The selected files at `tip`, a tip of the branch.
    pub(super) fn snapshot(
        &self,
        branch: &BranchName,
        tip: Oid,
        selection: &FileSelection,
    ) -> Result<Snapshot, RepositoryError> {
        self.fetch(tip, Some(1))?;
        let entries = tree::select(self, &self.tree_at(tip)?, selection)?;
        self.fetch_missing(entries.iter().map(|entry| entry.blob).collect())?;
        let files = entries.iter().map(|entry| entry.read(&self.repository));
        Ok(Snapshot {
            branch: branch.clone(),
            commit: tip.into(),
            files: files.collect::<Result<_, _>>()?,
            recent: self.recent(tip)?,
        })
    }

    /// Makes a commit on top of a snapshot of this, and moves the branch to it.
    pub(super) fn commit(
        &self,
        branch: &BranchName,
        base: Oid,
        changes: &[Change],
        draft: &CommitDraft,
    ) -> Result<Pushed, RepositoryError> {
        let new = tree::commit(&self.repository, base, changes, draft)?;
        match &self.remote {
            Remote::Server(server) => {
                let update = Update {
                    branch,
                    old: base,
                    new,
                };
                push::push(&self.repository, server, &update)
            }
            Remote::Local { .. } => push::swap(&self.repository, branch, base, new),
        }
    }

    /// Whether `commit` is the branch's tip now, or an ancestor of it.
    pub(super) fn holds(
        &self,
        base: &Snapshot,
        commit: &CommitId,
    ) -> Result<bool, RepositoryError> {
        let (base_id, commit) = (oid(&base.commit)?, oid(commit)?);
        let tip = match self.tip_of(&base.branch) {
            Ok((_, tip)) => tip,
            Err(RepositoryError::BranchNotFound { .. } | RepositoryError::Empty) => {
                return Ok(false);
            }
            Err(error) => return Err(error),
        };
        // Few commits can have come since `base`; the branch is deepened until it comes in sight.
        for depth in [16, 256, 4096] {
            self.fetch(tip, Some(depth))?;
            if self.is_on(tip, commit)? {
                return Ok(true);
            }
            if self.is_on(tip, base_id)? {
                break;
            }
        }
        Ok(false)
    }

    /// Fetches `tip` with the last `depth` commits, all without one; a local repository has them.
    pub(super) fn fetch(&self, tip: Oid, depth: Option<u32>) -> Result<(), RepositoryError> {
        let Remote::Server(server) = &self.remote else {
            return Ok(());
        };
        let wanted = Fetched {
            tip,
            depth,
            without_blobs: server.is_partial(),
        };
        // Without the files that are wanted now, what is here is not worth much.
        let last = self.last.get();
        let last = last.filter(|last| last.without_blobs == wanted.without_blobs);
        if last == Some(wanted) {
            return Ok(());
        }
        // If this goes wrong, the next try asks for everything.
        self.last.set(None);
        let request = FetchRequest {
            wants: vec![tip],
            // What is here already need not be sent again.
            haves: last.iter().map(|last| last.tip).collect(),
            shallow: self.boundary().into_iter().collect(),
            depth,
            without_blobs: wanted.without_blobs,
        };
        self.receive(server, &request)
            .map_err(|error| server.failed(error))?;
        self.last.set(Some(wanted));
        Ok(())
    }

    /// Fetches files by their ids, where they are not here. An error where the server does not give
    /// them out, after which whatever is fetched is fetched with its files.
    pub(super) fn fetch_missing(&self, mut blobs: Vec<Oid>) -> Result<(), RepositoryError> {
        let odb = self.repository.odb().map_err(local)?;
        blobs.sort_unstable();
        blobs.dedup();
        blobs.retain(|id| !odb.exists(*id));
        if blobs.is_empty() {
            return Ok(());
        }
        let Remote::Server(server) = &self.remote else {
            let what = "a file's content is missing in the repository".to_owned();
            return Err(RepositoryError::Protocol { what });
        };
        let request = FetchRequest {
            wants: blobs,
            ..FetchRequest::default()
        };
        match self.receive(server, &request) {
            Ok(()) => Ok(()),
            Err(FetchError::Refused(_)) if server.is_partial() => {
                server.fetch_files_always();
                Err(RepositoryError::Unavailable {
                    what: "the server gives out no files by their ids: asking for all of them"
                        .to_owned(),
                    retry_after: None,
                })
            }
            Err(error) => Err(server.failed(error)),
        }
    }

    /// Fetches one commit by its id, with its trees. Returns whether the server has it and gives it out.
    pub(super) fn fetch_commit(&self, commit: Oid) -> Result<bool, RepositoryError> {
        if self.repository.odb().map_err(local)?.exists(commit) {
            return Ok(true);
        }
        let Remote::Server(server) = &self.remote else {
            return Ok(false);
        };
        server
            .advertisement()
            .map_err(|error| server.failed(error))?;
        let request = FetchRequest {
            wants: vec![commit],
            depth: Some(1),
            without_blobs: server.is_partial(),
            ..FetchRequest::default()
        };
        match self.receive(server, &request) {
            Ok(()) => Ok(true),
            Err(FetchError::Refused(_)) => Ok(false),
            Err(error) => Err(server.failed(error)),
        }
    }

    /// Sends a request, and writes the pack that comes into the object database.
    fn receive(&self, server: &Server, request: &FetchRequest) -> Result<(), FetchError> {
        let broken = |error: git2::Error| FetchError::broken(error.message());
        let mut answer = server.fetch(request)?;
        let odb = self.repository.odb().map_err(broken)?;
        let mut writer = odb.packwriter().map_err(broken)?;
        loop {
            let there = answer.pack.fill_buf()?;
            if there.is_empty() {
                break;
            }
            writer.write_all(there)?;
            let length = there.len();
            answer.pack.consume(length);
        }
        writer.commit().map_err(broken)?;
        let mut boundary = self.boundary.borrow_mut();
        boundary.extend(answer.shallow);
        for commit in answer.unshallow {
            boundary.remove(&commit);
        }
        Ok(())
    }

    pub(super) fn boundary(&self) -> HashSet<Oid> {
        self.boundary.borrow().clone()
    }

    pub(super) fn tree_at(&self, commit: Oid) -> Result<Tree<'_>, RepositoryError> {
        let commit = self.repository.find_commit(commit);
        commit.and_then(|commit| commit.tree()).map_err(local)
    }

    /// The commits that are here, from `tip` on, the nearest first.
    pub(super) fn commits(&self, tip: Oid) -> Commits<'_> {
        Commits {
            store: self,
            open: VecDeque::from([tip]),
            seen: HashSet::from([tip]),
            boundary: self.boundary(),
        }
    }

    /// Whether `commit` is `tip`, or an ancestor of it, as far as the commits are here.
    pub(super) fn is_on(&self, tip: Oid, commit: Oid) -> Result<bool, RepositoryError> {
        for ancestor in self.commits(tip) {
            if ancestor?.id() == commit {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What the last commits say.
    fn recent(&self, tip: Oid) -> Result<Vec<Said>, RepositoryError> {
        const MOST: usize = 30;
        let commits = self.commits(tip).take(MOST);
        commits.map(|commit| Ok(said(&commit?))).collect()
    }
}

impl Trees for Store {
    fn tree(&self, id: Oid) -> Result<Tree<'_>, RepositoryError> {
        self.repository.find_tree(id).map_err(local)
    }
}

/// See [`Store::commits`].
pub(super) struct Commits<'a> {
    store: &'a Store,
    open: VecDeque<Oid>,
    seen: HashSet<Oid>,
    boundary: HashSet<Oid>,
}

impl<'a> Iterator for Commits<'a> {
    type Item = Result<git2::Commit<'a>, RepositoryError>;

    fn next(&mut self) -> Option<Self::Item> {
        let id = self.open.pop_front()?;
        let commit = match self.store.repository.find_commit(id) {
            Ok(commit) => commit,
            Err(error) => return Some(Err(local(error))),
        };
        if !self.boundary.contains(&id) {
            for parent in commit.parent_ids() {
                if self.seen.insert(parent) {
                    self.open.push_back(parent);
                }
            }
        }
        Some(Ok(commit))
    }
}

/// Where a repository of this machine was cut off when it was cloned.
fn shallow(repository: &git2::Repository) -> Result<HashSet<Oid>, RepositoryError> {
    match std::fs::read_to_string(repository.path().join("shallow")) {
        Ok(text) => Ok(text
            .lines()
            .filter_map(|line| Oid::from_str(line).ok())
            .collect()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(HashSet::new()),
        Err(error) => Err(RepositoryError::Protocol {
            what: format!("what is missing in the repository can't be read: {error}"),
        }),
    }
}
