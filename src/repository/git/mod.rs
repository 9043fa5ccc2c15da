//! The git transport: any Git server over smart HTTP, and repositories on this machine.
//!
//! No checkout and no index: an update reads the branch's tip into memory, writes new trees there, and
//! pushes the commit by its id. The past is fetched into a bare repository on disk that lives for one
//! run. Both are a `store.rs`, and differ in where objects are kept (`objects.rs`).

mod answer;
mod connection;
mod objects;
mod pack;
mod packets;
mod push;
mod received;
mod server;
mod store;
mod tree;
mod walk;

use std::cell::{Cell, OnceCell};
use std::sync::{Arc, Mutex, Once, PoisonError};

use tokio::runtime::Handle;

use self::connection::Connection;
use self::server::Server;
use self::store::{NotFetched, Store};
use super::commit::{Change, CommitDraft, Landed, Pushed, Sent, Snapshot};
use super::error::RepositoryError;
use super::history::{FileHistory, HistoryQuery, Searched};
use super::object::{CommitId, ObjectId};
use super::route::Route;
use crate::files::FileSelection;
use crate::manifest::ManifestFile;

/// A repository, spoken to with git.
pub struct GitRepository {
    // All of it blocks: each call runs on a thread of its own, one at a time.
    stores: Arc<Mutex<Stores>>,
}

/// The objects that are worked with.
struct Stores {
    /// Those of a repository of this machine; of a server's the branch's tip, in memory.
    near: Store,
    /// What a snapshot was made of there last.
    read: Cell<Option<ObjectId>>,
    /// All that a server has, for what is not done in memory.
    disk: OnceCell<Store>,
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
            deadline,
            ..
        } = route;
        let near = if location.is_local() {
            Store::local(location, branch.clone())?
        } else {
            let (url, credentials) = (location.url().clone(), credentials.as_ref());
            let (runtime, deadline) = (Handle::current(), deadline.clone());
            let connection = Connection::new(client, runtime, url, credentials, deadline);
            Store::in_memory(Arc::new(Server::new(connection, branch.clone())))?
        };
        let stores = Stores {
            near,
            read: Cell::new(None),
            disk: OnceCell::new(),
        };
        Ok(Self {
            stores: Arc::new(Mutex::new(stores)),
        })
    }

    /// Reads the branch's tip and the selected files at it: in memory, unless the server gives out
    /// nothing in parts, or there is too much of it.
    pub(super) async fn snapshot(
        &self,
        selection: &FileSelection,
    ) -> Result<Snapshot, RepositoryError> {
        let selection = selection.clone();
        self.blocking(move |stores| {
            let (branch, tip) = stores.near.tip(None)?;
            match stores.near.snapshot(&branch, tip, &selection) {
                Ok(snapshot) => {
                    stores.read.set(Some(tip));
                    Ok(snapshot)
                }
                Err(NotFetched::InThisWay(_)) => {
                    Ok(stores.all()?.snapshot(&branch, tip, &selection)?)
                }
                Err(NotFetched::Repository(error)) => Err(error),
            }
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
            let store = match stores.read.get() {
                Some(read) if read == base.commit.id() => &stores.near,
                _ => stores.all()?,
            };
            store.commit(&base, &changes, &draft)
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
            let found = stores.all()?.find(&base, &sent)?;
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
        self.blocking(move |stores| stores.all()?.history(&selection, &query))
            .await
    }

    pub(super) async fn search(
        &self,
        revision: &str,
        selection: &FileSelection,
    ) -> Result<Searched, RepositoryError> {
        let (revision, selection) = (revision.to_lowercase(), selection.clone());
        self.blocking(move |stores| stores.all()?.search(&revision, &selection))
            .await
    }

    pub(super) async fn is_ancestor(
        &self,
        ancestor: &CommitId,
        descendant: &CommitId,
    ) -> Result<bool, RepositoryError> {
        let (ancestor, descendant) = (ancestor.id(), descendant.id());
        self.blocking(move |stores| stores.all()?.is_ancestor(ancestor, descendant))
            .await
    }

    pub(super) async fn files_at(
        &self,
        commit: &CommitId,
        selection: &FileSelection,
    ) -> Result<Vec<ManifestFile>, RepositoryError> {
        let (commit, selection) = (commit.id(), selection.clone());
        self.blocking(move |stores| stores.all()?.files_at(commit, &selection))
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

impl Stores {
    /// Where all is that a repository has.
    fn all(&self) -> Result<&Store, RepositoryError> {
        if let Some(store) = self.disk.get() {
            return Ok(store);
        }
        match self.near.fresh()? {
            Some(empty) => Ok(self.disk.get_or_init(|| empty)),
            None => Ok(&self.near),
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
