//! The branch's tip, in memory: all that an update reads and writes.
//!
//! The tip's commit and trees come in one request, and the selected files in another. Only what an
//! update works with is put into libgit2's object database, which is in memory as well.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use git2::{Oid, Tree};

use super::answer::FetchError;
use super::packets::FetchRequest;
use super::push::{self, Update};
use super::received::Received;
use super::server::Server;
use super::tree::{self, Trees};
use super::{local, said};
use crate::files::FileSelection;
use crate::repository::{BranchName, Change, CommitDraft, Pushed, RepositoryError, Snapshot};

pub(super) struct Tip {
    server: Arc<Server>,
    /// Commits and trees as they came.
    received: RefCell<Received>,
    /// The objects in use, and those that are made.
    repository: git2::Repository,
    /// The tip that came last, with all its trees.
    last: Cell<Option<Oid>>,
    /// The tip of the last snapshot.
    snapshot: Cell<Option<Oid>>,
}

impl Tip {
    pub(super) fn new(server: Arc<Server>) -> Result<Self, RepositoryError> {
        let in_memory = || {
            let odb = git2::Odb::new()?;
            odb.add_new_mempack_backend(1)?;
            git2::Repository::from_odb(odb)
        };
        Ok(Self {
            server,
            received: RefCell::default(),
            repository: in_memory().map_err(local)?,
            last: Cell::new(None),
            snapshot: Cell::new(None),
        })
    }

    /// The selected files at `tip`; none where the server gives out nothing in parts, or there is too
    /// much of it.
    pub(super) fn snapshot(
        &self,
        branch: &BranchName,
        tip: Oid,
        selection: &FileSelection,
    ) -> Result<Option<Snapshot>, RepositoryError> {
        if !self.server.is_partial() || !self.fetch(tip)? {
            return Ok(None);
        }
        let commit = self.commit_at(tip)?;
        let entries = tree::select(self, &self.tree(commit.tree_id())?, selection)?;
        if !self.fetch_blobs(entries.iter().map(|entry| entry.blob).collect())? {
            return Ok(None);
        }
        let files = entries.iter().map(|entry| entry.read(&self.repository));
        let files = files.collect::<Result<_, _>>()?;
        self.snapshot.set(Some(tip));
        Ok(Some(Snapshot {
            branch: branch.clone(),
            commit: tip.into(),
            files,
            recent: vec![said(&commit)],
        }))
    }

    /// Makes a commit on top of a snapshot of this, and pushes it.
    pub(super) fn commit(
        &self,
        branch: &BranchName,
        base: Oid,
        changes: &[Change],
        draft: &CommitDraft,
    ) -> Result<Pushed, RepositoryError> {
        let new = tree::commit(&self.repository, base, changes, draft)?;
        let update = Update {
            branch,
            old: base,
            new,
        };
        push::push(&self.repository, &self.server, &update)
    }

    /// Whether a snapshot at `commit` was made of this.
    pub(super) fn has_read(&self, commit: Oid) -> bool {
        self.snapshot.get() == Some(commit)
    }

    /// Fetches a commit with its trees. Returns whether it is here now.
    fn fetch(&self, tip: Oid) -> Result<bool, RepositoryError> {
        if self.last.get() == Some(tip) {
            return Ok(true);
        }
        // What is here already need not be sent again, when the branch has moved; if that goes wrong,
        // everything.
        let here: Vec<Oid> = self.last.take().into_iter().collect();
        let request = FetchRequest {
            wants: vec![tip],
            haves: here.clone(),
            shallow: here,
            depth: Some(1),
            without_blobs: true,
        };
        match self.receive(&request, &mut self.received.borrow_mut()) {
            Ok(()) => {
                self.last.set(Some(tip));
                Ok(true)
            }
            Err(FetchError::TooLarge) => Ok(false),
            Err(error) => Err(self.server.failed(error)),
        }
    }

    /// Fetches files by their ids, where they are not here. Returns whether they are now.
    fn fetch_blobs(&self, mut blobs: Vec<Oid>) -> Result<bool, RepositoryError> {
        let odb = self.repository.odb().map_err(local)?;
        blobs.sort_unstable();
        blobs.dedup();
        blobs.retain(|blob| !odb.exists(*blob));
        if blobs.is_empty() {
            return Ok(true);
        }
        let request = FetchRequest {
            wants: blobs.clone(),
            ..FetchRequest::default()
        };
        let mut received = Received::default();
        match self.receive(&request, &mut received) {
            Ok(()) => {
                for blob in blobs {
                    let (kind, content) = received.get(blob).ok_or_else(|| self.left_out(blob))?;
                    odb.write(kind, content).map_err(local)?;
                }
                Ok(true)
            }
            Err(FetchError::TooLarge) => Ok(false),
            Err(FetchError::Refused(_)) => {
                self.server.fetch_files_always();
                Ok(false)
            }
            Err(error) => Err(self.server.failed(error)),
        }
    }

    fn receive(&self, request: &FetchRequest, to: &mut Received) -> Result<(), FetchError> {
        to.read(self.server.fetch(request)?.pack)
    }

    /// Puts an object that has come into the object database.
    fn take(&self, id: Oid) -> Result<(), RepositoryError> {
        let odb = self.repository.odb().map_err(local)?;
        if odb.exists(id) {
            return Ok(());
        }
        let mut received = self.received.borrow_mut();
        let (kind, content) = received.get(id).ok_or_else(|| self.left_out(id))?;
        odb.write(kind, content).map_err(local)?;
        Ok(())
    }

    /// An error for an object that should have come. Another try has everything sent again.
    fn left_out(&self, id: Oid) -> RepositoryError {
        self.last.set(None);
        let host = self.server.connection.host();
        RepositoryError::Unavailable {
            what: format!("{host} left out the object {id}"),
            retry_after: None,
        }
    }

    fn commit_at(&self, id: Oid) -> Result<git2::Commit<'_>, RepositoryError> {
        self.take(id)?;
        self.repository.find_commit(id).map_err(local)
    }
}

impl Trees for Tip {
    fn tree(&self, id: Oid) -> Result<Tree<'_>, RepositoryError> {
        self.take(id)?;
        self.repository.find_tree(id).map_err(local)
    }
}
