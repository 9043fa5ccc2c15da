//! The git transport: any Git server over smart HTTP, and repositories on this machine.
//!
//! No checkout and no index: an update reads the branch's tip into memory, writes new trees there, and
//! pushes the commit by its id. The past is fetched into a bare repository on disk that lives for one
//! run. Both are a `store.rs`, and differ in where objects are kept (`objects.rs`).

mod answer;
mod objects;
mod pack;
mod packets;
mod push;
mod received;
mod server;
mod store;
mod transport;
mod tree;
mod walk;

use std::cell::{Cell, OnceCell};
use std::sync::{Arc, Mutex, Once, PoisonError};

use tokio::runtime::Handle;

use self::server::Server;
use self::store::{NotFetched, Store};
use self::transport::Connection;
use super::branch::BranchName;
use super::commit::{Change, CommitDraft, Landed, Pushed, Sent, Snapshot};
use super::error::RepositoryError;
use super::history::{History, HistoryQuery, Searched};
use super::location::Location;
use super::object::{CommitId, ObjectId};
use crate::deadline::Deadline;
use crate::files::FileSelection;
use crate::http::Credentials;
use crate::manifest::ManifestFile;

/// A repository, spoken to with git.
pub struct GitRepository {
    // All of it blocks: each call runs on a thread of its own, one at a time.
    stores: Arc<Mutex<Stores>>,
}

/// The objects that are worked with.
enum Stores {
    /// Those of a repository of this machine.
    Local(Store),
    /// Those of a server.
    Remote {
        server: Arc<Server>,
        /// The branch's tip.
        memory: Store,
        /// What a snapshot was made of in memory last.
        read: Cell<Option<ObjectId>>,
        /// For what is not done in memory.
        disk: OnceCell<Store>,
    },
}

impl GitRepository {
    /// The repository at `location`, its `branch` or else its default branch. Nothing is asked of a
    /// server yet.
    ///
    /// # Errors
    /// When a local repository can't be opened.
    pub fn open(
        location: &Location,
        branch: Option<BranchName>,
        credentials: Option<&Credentials>,
        client: reqwest::Client,
        deadline: Deadline,
    ) -> Result<Self, RepositoryError> {
        isolate();
        let stores = if location.is_local() {
            Stores::Local(Store::local(location, branch)?)
        } else {
            let url = location.url().clone();
            let connection = Connection::new(client, Handle::current(), url, credentials, deadline);
            let server = Arc::new(Server::new(connection, branch));
            Stores::Remote {
                memory: Store::in_memory(Arc::clone(&server))?,
                server,
                read: Cell::new(None),
                disk: OnceCell::new(),
            }
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
            let (branch, tip) = match stores {
                Stores::Local(store) => store.tip()?,
                Stores::Remote { server, .. } => server.tip()?,
            };
            if let Stores::Remote {
                server,
                memory,
                read,
                ..
            } = stores
                && server.is_partial()
            {
                match memory.snapshot(&branch, tip, &selection) {
                    Ok(snapshot) => {
                        read.set(Some(tip));
                        return Ok(snapshot);
                    }
                    Err(NotFetched::Repository(error)) => return Err(error),
                    Err(NotFetched::InThisWay(_)) => {}
                }
            }
            Ok(stores.all()?.snapshot(&branch, tip, &selection)?)
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
            let store = match stores {
                Stores::Remote { memory, read, .. } if read.get() == Some(base.commit.id()) => {
                    memory
                }
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
        let Some(commit) = sent.commit.clone() else {
            return Ok(None);
        };
        let base = base.clone();
        self.blocking(move |stores| {
            let held = stores.all()?.holds(&base, &commit)?;
            Ok(held.then(|| Landed::from(commit)))
        })
        .await
    }

    pub(super) async fn history(
        &self,
        selection: &FileSelection,
        query: &HistoryQuery,
    ) -> Result<History, RepositoryError> {
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
                Err(RepositoryError::Protocol { what })
            })
    }
}

impl Stores {
    /// The one for all that a repository has.
    fn all(&self) -> Result<&Store, RepositoryError> {
        match self {
            Self::Local(store) => Ok(store),
            Self::Remote { server, disk, .. } => match disk.get() {
                Some(store) => Ok(store),
                None => {
                    let empty = Store::on_disk(Arc::clone(server))?;
                    Ok(disk.get_or_init(|| empty))
                }
            },
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
