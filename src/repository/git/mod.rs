//! The git transport: any Git server over smart HTTP, and repositories on this machine.
//!
//! No checkout and no index: one commit is fetched into a bare repository that lives for one run,
//! new trees are written straight into its object database, and the commit is pushed by its id.

mod fetch;
mod history;
mod pack;
mod packets;
mod push;
mod transport;
mod tree;

use std::cell::{Cell, OnceCell};
use std::sync::{Arc, Mutex, PoisonError};

use git2::Oid;
use secrecy::SecretString;
use tempfile::TempDir;
use tokio::runtime::Handle;

use self::transport::{CallError, Connection};
use super::deadline::Deadline;
use super::wire::{one_line, refused};
use super::{
    Branch, BranchName, Change, CommitDraft, CommitId, Landed, Location, Pushed, Repository,
    RepositoryError, Sent, Snapshot,
};
use crate::files::FileSelection;
use crate::manifest::ManifestFile;
use crate::repository::history::{History, HistoryQuery, Searched};

/// Before the backends that libgit2 has by default (1 and 2).
const MEMORY_FIRST: i32 = 1000;

/// A repository, spoken to with git.
pub struct GitRepository {
    // git2 blocks: each call runs on a thread of its own, one at a time.
    store: Arc<Mutex<Store>>,
}

/// The local side: an object database, and the way to the remote.
struct Store {
    repository: git2::Repository,
    remote: Remote,
    branch: Option<BranchName>,
    /// Whether the server turned out to give out no files by their ids.
    fetches_whole: Cell<bool>,
    /// Whether only the branch's tip was asked for: libgit2 takes it for a first commit from then on,
    /// also when the commits below it have come.
    has_tip_only: Cell<bool>,
    /// The branch's past, where it can't be here.
    past: OnceCell<Box<Store>>,
    /// Whether this is not the first try.
    has_pushed: Cell<bool>,
    /// Removed when the run is over.
    _directory: Option<TempDir>,
}

enum Remote {
    /// A server: objects are fetched and pushed.
    Server {
        url: String,
        connection: Arc<Connection>,
    },
    /// A repository on this machine: `Store::repository` is that repository itself, so that moving
    /// the branch is one compare-and-swap under git's own lock.
    Local,
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
        token: Option<&SecretString>,
        client: reqwest::Client,
        deadline: Deadline,
    ) -> Result<Self, RepositoryError> {
        transport::isolate();
        let store = if location.is_local() {
            Store::local(location, branch)?
        } else {
            let url = location.url().clone();
            let connection = Connection::new(client, Handle::current(), url, token, deadline);
            let url = location.url().to_string();
            Store::temporary(url, branch, Arc::new(connection))?
        };
        Ok(Self {
            store: Arc::new(Mutex::new(store)),
        })
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store) -> Result<T, RepositoryError> + Send + 'static,
    ) -> Result<T, RepositoryError> {
        let store = Arc::clone(&self.store);
        let work = move || work(&store.lock().unwrap_or_else(PoisonError::into_inner));
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
        self.blocking(move |store| store.snapshot(&selection)).await
    }

    async fn commit(
        &self,
        base: &Snapshot,
        changes: &[Change],
        draft: &CommitDraft,
    ) -> Result<Pushed, RepositoryError> {
        let (base, changes, draft) = (base.clone(), changes.to_vec(), draft.clone());
        self.blocking(move |store| store.commit(&base, &changes, &draft))
            .await
    }

    async fn find(&self, base: &Snapshot, sent: &Sent) -> Result<Option<Landed>, RepositoryError> {
        let Some(commit) = sent.commit.clone() else {
            return Ok(None);
        };
        let base = base.clone();
        self.blocking(move |store| {
            let held = store.holds(&base, &commit)?;
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
        self.blocking(move |store| store.history(&selection, &query))
            .await
    }

    async fn search(
        &self,
        revision: &str,
        selection: &FileSelection,
    ) -> Result<Searched, RepositoryError> {
        let (revision, selection) = (revision.to_lowercase(), selection.clone());
        self.blocking(move |store| store.search(&revision, &selection))
            .await
    }

    async fn is_ancestor(
        &self,
        ancestor: &CommitId,
        descendant: &CommitId,
    ) -> Result<bool, RepositoryError> {
        let (ancestor, descendant) = (ancestor.clone(), descendant.clone());
        self.blocking(move |store| store.is_ancestor(&ancestor, &descendant))
            .await
    }

    async fn files_at(
        &self,
        commit: &CommitId,
        selection: &FileSelection,
    ) -> Result<Vec<ManifestFile>, RepositoryError> {
        let (commit, selection) = (commit.clone(), selection.clone());
        self.blocking(move |store| store.files_at(&commit, &selection))
            .await
    }
}

impl Store {
    fn temporary(
        url: String,
        branch: Option<BranchName>,
        connection: Arc<Connection>,
    ) -> Result<Self, RepositoryError> {
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
        // What is written here is sent and forgotten: it need not touch the disk.
        let odb = repository.odb().map_err(local)?;
        odb.add_new_mempack_backend(MEMORY_FIRST).map_err(local)?;
        drop(odb);
        Ok(Self {
            repository,
            remote: Remote::Server { url, connection },
            branch,
            fetches_whole: Cell::new(false),
            has_tip_only: Cell::new(false),
            past: OnceCell::new(),
            has_pushed: Cell::new(false),
            _directory: Some(directory),
        })
    }

    /// An empty one beside this, for the same server.
    fn fresh(&self) -> Result<Self, RepositoryError> {
        let Remote::Server { url, connection } = &self.remote else {
            let what = "a repository of this machine is not copied".to_owned();
            return Err(RepositoryError::Protocol { what });
        };
        let fresh = Self::temporary(url.clone(), self.branch.clone(), Arc::clone(connection))?;
        fresh.fetches_whole.set(self.fetches_whole.get());
        Ok(fresh)
    }

    fn is_local(&self) -> bool {
        matches!(self.remote, Remote::Local)
    }

    fn local(location: &Location, branch: Option<BranchName>) -> Result<Self, RepositoryError> {
        let not_git = |why: String| RepositoryError::NotGit {
            what: format!("`{}` is no Git repository ({why})", location.url()),
        };
        let path = location.url().to_file_path();
        let path = path.map_err(|()| not_git("no path of this machine".to_owned()))?;
        let repository =
            git2::Repository::open(path).map_err(|error| not_git(error.message().to_owned()))?;
        Ok(Self {
            repository,
            remote: Remote::Local,
            branch,
            fetches_whole: Cell::new(false),
            has_tip_only: Cell::new(false),
            past: OnceCell::new(),
            has_pushed: Cell::new(false),
            _directory: None,
        })
    }

    fn snapshot(&self, selection: &FileSelection) -> Result<Snapshot, RepositoryError> {
        let (branch, tip, entries) = self.selected(selection)?;
        let files = entries
            .iter()
            .map(|entry| entry.read(&self.repository))
            .collect::<Result<_, _>>()?;
        Ok(Snapshot {
            branch,
            commit: tip.into(),
            files,
            recent: self.recent(tip)?,
        })
    }

    /// The tip and the selected files, all of them in the object database.
    fn selected(
        &self,
        selection: &FileSelection,
    ) -> Result<(BranchName, Oid, Vec<tree::Entry>), RepositoryError> {
        loop {
            let (branch, tip) = self.tip()?;
            let entries = tree::select(&self.repository, &self.tree(tip)?, selection)?;
            let missing = tree::missing(&self.repository, &entries)?;
            if missing.is_empty() || self.fetch_blobs(&missing)? {
                return Ok((branch, tip, entries));
            }
        }
    }

    fn commit(
        &self,
        base: &Snapshot,
        changes: &[Change],
        draft: &CommitDraft,
    ) -> Result<Pushed, RepositoryError> {
        let base_id = oid(&base.commit)?;
        let id = tree::commit(&self.repository, base_id, changes, draft)?;
        match &self.remote {
            Remote::Server { connection, .. } => {
                // The first push nearly always lands; where it did not, the server is worth asking.
                let asks_first = self.has_pushed.replace(true);
                let update = push::Update {
                    branch: &base.branch,
                    old: base_id,
                    new: id,
                };
                push::push(&self.repository, connection, &update, asks_first)
            }
            Remote::Local => push::swap(&self.repository, &base.branch, base_id, id),
        }
    }

    fn tree(&self, commit: Oid) -> Result<git2::Tree<'_>, RepositoryError> {
        self.repository
            .find_commit(commit)
            .and_then(|commit| commit.tree())
            .map_err(local)
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

/// A failed exchange, by what can be done about it.
fn remote((error, wire): CallError, host: &str) -> RepositoryError {
    if let Some(error) = wire {
        return refused(error, host);
    }
    let what = format!("{host}: {}", one_line(error.message()));
    // A pack that ends early, a commit that is gone since the advertisement: another try starts from a
    // new one.
    match error.class() {
        git2::ErrorClass::Net | git2::ErrorClass::Indexer | git2::ErrorClass::Zlib => {
            RepositoryError::Unavailable {
                what,
                retry_after: None,
            }
        }
        _ => RepositoryError::Protocol { what },
    }
}
