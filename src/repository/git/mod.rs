//! The git transport: any Git server over smart HTTP, and repositories on this machine.
//!
//! No checkout and no index: an update reads the branch's tip into memory (`tip.rs`), writes new trees
//! there, and pushes the commit by its id. The past is fetched into a bare repository on disk that
//! lives for one run (`store.rs`).

mod answer;
mod history;
mod pack;
mod packets;
mod push;
mod received;
mod server;
mod store;
mod tip;
mod transport;
mod tree;

use std::cell::OnceCell;
use std::sync::{Arc, Mutex, Once, PoisonError};

use git2::Oid;
use tokio::runtime::Handle;

use self::server::Server;
use self::store::Store;
use self::tip::Tip;
use self::transport::Connection;
use super::{
    Branch, BranchName, Change, CommitDraft, CommitId, Landed, Location, Pushed, Repository,
    RepositoryError, Said, Sent, Snapshot,
};
use crate::deadline::Deadline;
use crate::files::FileSelection;
use crate::http::Credentials;
use crate::http::text::one_line;
use crate::manifest::ManifestFile;
use crate::repository::history::{History, HistoryQuery, Searched};

/// A repository, spoken to with git.
pub struct GitRepository {
    // All of it blocks: each call runs on a thread of its own, one at a time.
    objects: Arc<Mutex<Objects>>,
}

/// Where the objects are that are worked with.
enum Objects {
    /// In a repository of this machine.
    Local(Store),
    /// With a server.
    Remote {
        server: Arc<Server>,
        tip: Tip,
        /// For what is not done in memory.
        store: OnceCell<Store>,
    },
}

impl GitRepository {
    /// The repository at `location`, its `branch` or else its default branch. Nothing is asked of a
    /// server yet.
    ///
    /// # Errors
    /// When there is no room for temporary files, or a local repository can't be opened.
    pub fn open(
        location: &Location,
        branch: Option<BranchName>,
        credentials: Option<&Credentials>,
        client: reqwest::Client,
        deadline: Deadline,
    ) -> Result<Self, RepositoryError> {
        isolate();
        let objects = if location.is_local() {
            Objects::Local(Store::local(location, branch)?)
        } else {
            let url = location.url().clone();
            let connection = Connection::new(client, Handle::current(), url, credentials, deadline);
            let server = Arc::new(Server::new(connection, branch));
            Objects::Remote {
                tip: Tip::new(Arc::clone(&server))?,
                server,
                store: OnceCell::new(),
            }
        };
        Ok(Self {
            objects: Arc::new(Mutex::new(objects)),
        })
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Objects) -> Result<T, RepositoryError> + Send + 'static,
    ) -> Result<T, RepositoryError> {
        let objects = Arc::clone(&self.objects);
        let work = move || work(&objects.lock().unwrap_or_else(PoisonError::into_inner));
        tokio::task::spawn_blocking(work)
            .await
            .unwrap_or_else(|panic| {
                let what = format!("an internal fault in the git transport: {panic}");
                Err(RepositoryError::Protocol { what })
            })
    }
}

impl Branch for GitRepository {
    async fn snapshot(&self, selection: &FileSelection) -> Result<Snapshot, RepositoryError> {
        let selection = selection.clone();
        self.blocking(move |objects| objects.snapshot(&selection))
            .await
    }

    async fn commit(
        &self,
        base: &Snapshot,
        changes: &[Change],
        draft: &CommitDraft,
    ) -> Result<Pushed, RepositoryError> {
        let (base, changes, draft) = (base.clone(), changes.to_vec(), draft.clone());
        self.blocking(move |objects| objects.commit(&base, &changes, &draft))
            .await
    }

    async fn find(&self, base: &Snapshot, sent: &Sent) -> Result<Option<Landed>, RepositoryError> {
        let Some(commit) = sent.commit.clone() else {
            return Ok(None);
        };
        let base = base.clone();
        self.blocking(move |objects| {
            let held = objects.store()?.holds(&base, &commit)?;
            Ok(held.then(|| Landed::from(commit)))
        })
        .await
    }
}

impl Repository for GitRepository {
    async fn history(
        &self,
        selection: &FileSelection,
        query: &HistoryQuery,
    ) -> Result<History, RepositoryError> {
        let (selection, query) = (selection.clone(), query.clone());
        self.blocking(move |objects| objects.store()?.history(&selection, &query))
            .await
    }

    async fn search(
        &self,
        revision: &str,
        selection: &FileSelection,
    ) -> Result<Searched, RepositoryError> {
        let (revision, selection) = (revision.to_lowercase(), selection.clone());
        self.blocking(move |objects| objects.store()?.search(&revision, &selection))
            .await
    }

    async fn is_ancestor(
        &self,
        ancestor: &CommitId,
        descendant: &CommitId,
    ) -> Result<bool, RepositoryError> {
        let (ancestor, descendant) = (ancestor.clone(), descendant.clone());
        self.blocking(move |objects| objects.store()?.is_ancestor(&ancestor, &descendant))
            .await
    }

    async fn files_at(
        &self,
        commit: &CommitId,
        selection: &FileSelection,
    ) -> Result<Vec<ManifestFile>, RepositoryError> {
        let (commit, selection) = (commit.clone(), selection.clone());
        self.blocking(move |objects| objects.store()?.files_at(&commit, &selection))
            .await
    }
}

impl Objects {
    fn store(&self) -> Result<&Store, RepositoryError> {
        match self {
            Self::Local(store) => Ok(store),
            Self::Remote { server, store, .. } => match store.get() {
                Some(store) => Ok(store),
                None => {
                    let empty = Store::temporary(Arc::clone(server))?;
                    Ok(store.get_or_init(|| empty))
                }
            },
        }
    }

    fn snapshot(&self, selection: &FileSelection) -> Result<Snapshot, RepositoryError> {
        match self {
            Self::Local(store) => {
                let (branch, tip) = store.tip()?;
                store.snapshot(&branch, tip, selection)
            }
            Self::Remote { server, tip, .. } => {
                let (branch, id) = server.tip()?;
                match tip.snapshot(&branch, id, selection)? {
                    Some(snapshot) => Ok(snapshot),
                    None => self.store()?.snapshot(&branch, id, selection),
                }
            }
        }
    }

    fn commit(
        &self,
        base: &Snapshot,
        changes: &[Change],
        draft: &CommitDraft,
    ) -> Result<Pushed, RepositoryError> {
        let (branch, base) = (&base.branch, oid(&base.commit)?);
        match self {
            Self::Remote { tip, .. } if tip.has_read(base) => {
                tip.commit(branch, base, changes, draft)
            }
            _ => self.store()?.commit(branch, base, changes, draft),
        }
    }
}

fn oid(commit: &CommitId) -> Result<Oid, RepositoryError> {
    Oid::from_str(commit.as_str()).map_err(local)
}

/// A fault of the local object database, which no input explains.
fn local(error: git2::Error) -> RepositoryError {
    RepositoryError::Protocol {
        what: format!("libgit2: {}", one_line(error.message())),
    }
}

/// What a commit says.
fn said(commit: &git2::Commit<'_>) -> Said {
    Said {
        commit: commit.id().into(),
        message: String::from_utf8_lossy(commit.message_bytes()).into_owned(),
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
