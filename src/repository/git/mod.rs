//! The git transport: any Git server over smart HTTP, and repositories on this machine.
//!
//! No checkout and no index: an update reads the branch's tip, makes new trees, and pushes the commit by
//! its id. What a server sends is read by `received.rs` alone; libgit2 reads repositories of this machine.

mod answer;
mod budget;
mod connection;
mod content;
mod delta;
mod follow;
// Tests run those programs as well; no release has it.
#[cfg(any(fuzzing, debug_assertions))]
pub mod fuzz;
mod objects;
mod pack;
mod pack_reader;
mod packets;
mod propose;
mod push;
mod received;
mod server;
mod store;
mod tree;
mod walk;

use std::cell::{Cell, OnceCell};
use std::sync::{Arc, Mutex, Once, PoisonError};

use tokio::runtime::Handle;

use self::budget::Budget;
use self::connection::Connection;
pub use self::packets::LONGEST_OPTION;
pub use self::propose::Onto;
use self::server::Server;
use self::store::Store;
use super::branch::BranchName;
use super::commit::{Change, CommitDraft, Landed, Modes, Pushed, Said, Sent, Snapshot};
use super::error::RepositoryError;
use super::head::{Beyond, Files};
use super::history::{FileHistory, HistoryQuery, Searched};
use super::object::{CommitId, ObjectId};
use super::route::Route;
use super::signing::SigningKey;
use crate::files::FileSelection;
use crate::manifest::ManifestFile;

/// A repository, spoken to with git.
pub struct GitRepository {
    // All of it blocks: each call runs on a thread of its own, one at a time.
    stores: Arc<Mutex<Stores>>,
}

/// The objects that are worked with.
struct Stores {
    /// Those of a repository of this machine; of a server's the branch's tip.
    near: Store,
    /// What a snapshot was made of there last, if the last was made there.
    read: Cell<Option<ObjectId>>,
    /// All that a server has.
    past: OnceCell<Store>,
    /// Signs what is committed.
    signing_key: Option<Arc<SigningKey>>,
}

impl GitRepository {
    /// The repository that `route` leads to. Nothing is asked of a server yet.
    ///
    /// # Errors
    /// When a local repository can't be opened.
    pub fn open(route: &Route, client: reqwest::Client) -> Result<Self, RepositoryError> {
        isolate();
        let Route {
            location,
            branch,
            credentials,
            signing_key,
            deadline,
            ..
        } = route;
        let budget = Arc::new(Budget::until(deadline.clone()));
        let near = if location.is_local() {
            Store::local(location, branch.clone(), budget)?
        } else {
            let (url, credentials) = (location.url().clone(), credentials.as_ref());
            let (runtime, counted) = (Handle::current(), Arc::clone(&budget));
            let connection = Connection::new(client, runtime, url, credentials, counted);
            Store::of(Arc::new(Server::new(connection, branch.clone())), budget)
        };
        let stores = Stores {
            near,
            read: Cell::new(None),
            past: OnceCell::new(),
            signing_key: signing_key.clone(),
        };
        Ok(Self {
            stores: Arc::new(Mutex::new(stores)),
        })
    }

    /// Reads the branch's tip and the selected files at it; where its past was read a moment ago, what came
    /// with that.
    pub(super) async fn snapshot(
        &self,
        selection: &FileSelection,
    ) -> Result<Snapshot, RepositoryError> {
        let selection = selection.clone();
        self.blocking(move |stores| {
            let past = stores.past.get();
            if let Some((past, (branch, tip))) =
                past.and_then(|past| Some((past, past.take_seen()?)))
            {
                stores.read.set(None);
                let (snapshot, _) = past.snapshot(&branch, tip, &selection)?;
                return Ok(snapshot);
            }
            let (branch, tip) = stores.near.tip(None)?;
            let (snapshot, _) = stores.near.snapshot(&branch, tip, &selection)?;
            stores.read.set(Some(tip));
            Ok(snapshot)
        })
        .await
    }

    /// What came with the branch's past where that was read a moment ago, for whoever writes in another
    /// way, under the repository's name; none where that is another one by now. Not twice.
    pub(super) async fn seen(
        &self,
        selection: &FileSelection,
    ) -> Result<Option<(Snapshot, Modes)>, RepositoryError> {
        let selection = selection.clone();
        self.blocking(move |stores| {
            let Some(past) = stores.past.get() else {
                return Ok(None);
            };
            match past.take_seen() {
                Some((branch, tip)) if !past.has_moved() => {
                    past.snapshot(&branch, tip, &selection).map(Some)
                }
                _ => Ok(None),
            }
        })
        .await
    }

    /// A past that is read next is that of `branch` up to `tip`.
    pub(super) async fn go_on_from(
        &self,
        branch: &BranchName,
        tip: &CommitId,
    ) -> Result<(), RepositoryError> {
        let (branch, tip) = (branch.clone(), tip.id());
        self.blocking(move |stores| {
            stores.all().note_seen(&branch, tip);
            Ok(())
        })
        .await
    }

    /// From here on only a look tells where the branch is.
    pub(super) async fn forget_seen(&self) -> Result<(), RepositoryError> {
        self.blocking(|stores| {
            stores.past.get().map(Store::take_seen);
            Ok(())
        })
        .await
    }

    /// Makes a commit where its base was read, and pushes it.
    pub(super) async fn commit(
        &self,
        base: &Snapshot,
        changes: &[Change],
        draft: &CommitDraft,
    ) -> Result<Pushed, RepositoryError> {
        let (base, changes, draft) = (base.clone(), changes.to_vec(), draft.clone());
        self.blocking(move |stores| {
            let store = stores.with(base.commit.id());
            // After a push only a look tells where the branch is.
            stores.past.get().map(Store::take_seen);
            store.commit(&base, &changes, &draft, stores.signing_key.as_deref())
        })
        .await
    }

    pub(super) async fn find(
        &self,
        base: &Snapshot,
        sent: &Sent,
    ) -> Result<Option<Landed>, RepositoryError> {
        let (base, sent) = (base.clone(), sent.clone());
        self.blocking(move |stores| {
            let found = stores.all().find(&base, &sent)?;
            Ok(found.map(Landed::from))
        })
        .await
    }

    pub(super) async fn history(
        &self,
        selection: &FileSelection,
        query: &HistoryQuery,
    ) -> Result<FileHistory, RepositoryError> {
        let (selection, query) = (selection.clone(), query.clone());
        self.blocking(move |stores| stores.all().history(&selection, &query))
            .await
    }

    pub(super) async fn said_before(
        &self,
        commit: &CommitId,
    ) -> Result<Vec<Said>, RepositoryError> {
        let commit = commit.id();
        self.blocking(move |stores| stores.with(commit).said_before(commit))
            .await
    }

    pub(super) async fn search(
        &self,
        revision: &str,
        selection: &FileSelection,
    ) -> Result<Searched, RepositoryError> {
        let (revision, selection) = (revision.to_lowercase(), selection.clone());
        self.blocking(move |stores| stores.all().search(&revision, &selection))
            .await
    }

    pub(super) async fn is_ancestor(
        &self,
        ancestor: &CommitId,
        descendant: &CommitId,
    ) -> Result<bool, RepositoryError> {
        let (ancestor, descendant) = (ancestor.id(), descendant.id());
        self.blocking(move |stores| stores.all().is_ancestor(ancestor, descendant))
            .await
    }

    /// The selected files as they are at `commit`; of one that the past was read of they are here, or their ids.
    ///
    /// # Errors
    /// When the server can't be used or has no such commit, or a file that is named is not there.
    pub async fn files_at(
        &self,
        commit: &CommitId,
        selection: &FileSelection,
    ) -> Result<Vec<ManifestFile>, RepositoryError> {
        let (commit, selection) = (commit.id(), selection.clone());
        self.blocking(move |stores| stores.all().files_at(commit, &selection))
            .await
    }

    /// Where branches are now; none for one that is not there.
    pub(super) async fn tips(
        &self,
        branches: Vec<BranchName>,
    ) -> Result<Vec<Option<CommitId>>, RepositoryError> {
        self.blocking(move |stores| {
            let tips = stores.near.tips(&branches)?.into_iter();
            Ok(tips.map(|tip| tip.map(CommitId::from)).collect())
        })
        .await
    }

    /// A branch beside which Git can't have `branch`.
    pub(super) async fn in_the_way(
        &self,
        branch: &BranchName,
    ) -> Result<Option<String>, RepositoryError> {
        let branch = branch.clone();
        self.blocking(move |stores| stores.near.in_the_way(&branch))
            .await
    }

    /// What `head`, the tip of a branch, has beyond `base`, and what it holds.
    pub(super) async fn beyond(
        &self,
        base: &CommitId,
        head: &CommitId,
    ) -> Result<(Beyond, ObjectId), RepositoryError> {
        let (base, head) = (base.id(), head.id());
        self.blocking(move |stores| stores.near.beyond(base, head))
            .await
    }

    /// The files in which two commits differ.
    pub(super) async fn paths(
        &self,
        old: &CommitId,
        new: &CommitId,
    ) -> Result<Vec<String>, RepositoryError> {
        let (old, new) = (old.id(), new.id());
        self.blocking(move |stores| stores.near.paths(old, new))
            .await
    }

    /// The selected files at the tip of another branch; none where that is not there.
    pub(super) async fn snapshot_of(
        &self,
        branch: &BranchName,
        selection: &FileSelection,
    ) -> Result<Option<Snapshot>, RepositoryError> {
        let (branch, selection) = (branch.clone(), selection.clone());
        self.blocking(move |stores| {
            let apart = stores.near.fresh();
            let store = apart.as_ref().unwrap_or(&stores.near);
            match store.tips(std::slice::from_ref(&branch))?[..] {
                [Some(tip)] => {
                    let (snapshot, _) = store.snapshot(&branch, tip, &selection)?;
                    Ok(Some(snapshot))
                }
                _ => Ok(None),
            }
        })
        .await
    }

    /// Makes a commit where its base was read, and pushes it to another branch; none where that holds the same
    /// already.
    pub(super) async fn propose(
        &self,
        base: &Snapshot,
        changes: &[Change],
        draft: &CommitDraft,
        onto: Onto,
    ) -> Result<Option<Pushed>, RepositoryError> {
        let (base, changes, draft) = (base.clone(), changes.to_vec(), draft.clone());
        self.blocking(move |stores| {
            let store = stores.with(base.commit.id());
            store.propose(
                &base,
                &changes,
                &draft,
                &onto,
                stores.signing_key.as_deref(),
            )
        })
        .await
    }

    /// Tells the server something with a push of what it has.
    pub(super) async fn tell(
        &self,
        branch: &BranchName,
        at: &CommitId,
        options: Vec<String>,
    ) -> Result<Pushed, RepositoryError> {
        let (branch, at) = (branch.clone(), at.id());
        self.blocking(move |stores| stores.near.tell(&branch, at, &options))
            .await
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Stores) -> Result<T, RepositoryError> + Send + 'static,
    ) -> Result<T, RepositoryError> {
        let stores = Arc::clone(&self.stores);
        let work = move || work(&stores.lock().unwrap_or_else(PoisonError::into_inner));
        tokio::task::spawn_blocking(work)
            .await
            .unwrap_or_else(|panic| {
                let what = format!("an internal fault in the git transport: {panic}");
                Err(RepositoryError::protocol(what))
            })
    }
}

impl Files for GitRepository {
    async fn files_at(
        &self,
        commit: &CommitId,
        selection: &FileSelection,
    ) -> Result<Vec<ManifestFile>, RepositoryError> {
        self.files_at(commit, selection).await
    }

    async fn paths(&self, old: &CommitId, new: &CommitId) -> Result<Vec<String>, RepositoryError> {
        self.paths(old, new).await
    }
}

impl Stores {
    /// Where a snapshot of `commit` was made.
    fn with(&self, commit: ObjectId) -> &Store {
        match self.read.get() {
            Some(read) if read == commit => &self.near,
            _ => self.all(),
        }
    }

    /// Where all is that a repository has.
    fn all(&self) -> &Store {
        if let Some(store) = self.past.get() {
            return store;
        }
        match self.near.fresh() {
            Some(empty) => self.past.get_or_init(|| empty),
            None => &self.near,
        }
    }
}

/// Keeps libgit2 from reading the configuration files of the machine, and from asking who owns a
/// local repository (in a container it is always someone else).
#[allow(unsafe_code)]
fn isolate() {
    use git2::{ConfigLevel, opts};
    const CACHE: isize = 16 << 20;
    static ISOLATED: Once = Once::new();
    ISOLATED.call_once(|| {
        use ConfigLevel::{Global, ProgramData, System, XDG};
        for level in [ProgramData, System, XDG, Global] {
            // SAFETY: these options are globals without a lock; the `Once` runs before this
            // process opens its first repository.
            let _ = unsafe { opts::set_search_path(level, "/nonexistent") };
        }
        // SAFETY: as above.
        let _ = unsafe { opts::set_verify_owner_validation(false) };
        // What is read twice is what neighbouring commits share; on a long past the rest was most of
        // the memory.
        // SAFETY: as above.
        let _ = unsafe { opts::set_cache_max_size(CACHE) };
    });
}
