//! Where the objects are that are worked with: in a repository of this machine, or in the packs that a
//! server sent. All that libgit2 says is put into our own words here; it sees nothing of a server.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io::BufRead;
use std::sync::Arc;

use git2::{ObjectType, Oid};

use super::answer::FetchError;
use super::budget::Budget;
use super::content::{Commit, Tree};
use super::received::{Content, Received};
use super::server::failed;
use crate::http::text::one_line;
use crate::limits::{COMMIT, OBJECT};
use crate::repository::error::RepositoryError;
use crate::repository::location::Location;
use crate::repository::object::{ObjectId, ObjectKind};

/// Objects, by their ids.
pub(super) struct Objects {
    kept: Kept,
    budget: Arc<Budget>,
    /// What was fetched last, and is here whole.
    pub(super) last: Cell<Option<Fetched>>,
}

/// A commit, with what belongs to it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Fetched {
    pub(super) tip: ObjectId,
    pub(super) depth: Option<u32>,
    pub(super) without_blobs: bool,
}

impl Fetched {
    /// Whether it brought the last `depth` commits of `tip`.
    pub(super) fn reaches(self, tip: ObjectId, depth: u32) -> bool {
        self.tip == tip && self.depth.is_none_or(|own| own >= depth)
    }
}

enum Kept {
    OnThisMachine(git2::Repository),
    /// What came from a host, and what was made of it.
    Received {
        packs: Box<RefCell<Received>>,
        made: RefCell<HashMap<ObjectId, Content>>,
        host: String,
    },
}

impl Objects {
    /// Those of a repository of this machine.
    pub(super) fn of(location: &Location, budget: Arc<Budget>) -> Result<Self, RepositoryError> {
        let not_git = |why: String| RepositoryError::NotGit {
            what: format!("`{}` is not a Git repository ({why})", location.url()),
        };
        let path = location.url().to_file_path();
        let path = path.map_err(|()| not_git("no path of this machine".to_owned()))?;
        let repository =
            git2::Repository::open(path).map_err(|error| not_git(error.message().to_owned()))?;
        Ok(Self::new(Kept::OnThisMachine(repository), budget))
    }

    /// None yet, from a server.
    pub(super) fn from(host: String, budget: Arc<Budget>) -> Self {
        let kept = Kept::Received {
            packs: Box::default(),
            made: RefCell::default(),
            host,
        };
        Self::new(kept, budget)
    }

    fn new(kept: Kept, budget: Arc<Budget>) -> Self {
        Self {
            kept,
            budget,
            last: Cell::new(None),
        }
    }

    /// The repository, if it is one of this machine.
    pub(super) fn local(&self) -> Option<&git2::Repository> {
        match &self.kept {
            Kept::OnThisMachine(repository) => Some(repository),
            Kept::Received { .. } => None,
        }
    }

    /// Takes in a pack; see [`Received::read`].
    pub(super) fn receive(&self, pack: impl BufRead, may_lack: bool) -> Result<(), FetchError> {
        match &self.kept {
            Kept::OnThisMachine(_) => {
                Err(FetchError::broken("a local repository receives nothing"))
            }
            Kept::Received { packs, .. } => packs.borrow_mut().read(pack, may_lack, &self.budget),
        }
    }

    /// Whether there is time for one more step.
    pub(super) fn time(&self) -> Result<(), RepositoryError> {
        self.budget.time().map_err(|error| self.failed(error))
    }

    /// Whether an object is here.
    pub(super) fn has(&self, id: ObjectId) -> Result<bool, RepositoryError> {
        match &self.kept {
            Kept::OnThisMachine(repository) => {
                let odb = repository.odb()?;
                Ok(libgit2_id(id).is_ok_and(|id| odb.exists(id)))
            }
            Kept::Received { packs, made, .. } => {
                Ok(made.borrow().contains_key(&id) || packs.borrow().has(id))
            }
        }
    }

    /// A commit.
    pub(super) fn commit(&self, id: ObjectId) -> Result<Commit, RepositoryError> {
        let (kind, content) = self.read(id)?;
        COMMIT.check(content.len() as u64)?;
        let commit = Commit::parse(id, &content).filter(|_| kind == ObjectKind::Commit);
        commit.ok_or_else(|| RepositoryError::protocol(format!("the commit {id} is damaged")))
    }

    pub(super) fn tree(&self, id: ObjectId) -> Result<Tree, RepositoryError> {
        let (kind, content) = self.read(id)?;
        let tree = Tree::parse(id, content).filter(|_| kind == ObjectKind::Tree);
        tree.ok_or_else(|| RepositoryError::protocol(format!("the directory {id} is damaged")))
    }

    /// The tree of a commit.
    pub(super) fn tree_at(&self, commit: ObjectId) -> Result<Tree, RepositoryError> {
        self.tree(self.commit(commit)?.tree)
    }

    /// The size of a file.
    pub(super) fn size(&self, blob: ObjectId) -> Result<usize, RepositoryError> {
        match &self.kept {
            Kept::OnThisMachine(repository) => {
                let (bytes, _) = repository.odb()?.read_header(libgit2_id(blob)?)?;
                Ok(bytes)
            }
            Kept::Received { packs, made, .. } => {
                if let Some((_, own)) = made.borrow().get(&blob) {
                    return Ok(own.len());
                }
                let size = packs.borrow_mut().size(blob, &self.budget);
                self.found(blob, size)
            }
        }
    }

    pub(super) fn content(&self, blob: ObjectId) -> Result<Vec<u8>, RepositoryError> {
        let (_, content) = self.read(blob)?;
        Ok(content.to_vec())
    }

    pub(super) fn read(&self, id: ObjectId) -> Result<Content, RepositoryError> {
        self.time()?;
        match &self.kept {
            Kept::OnThisMachine(repository) => {
                let (odb, id) = (repository.odb()?, libgit2_id(id)?);
                let (bytes, _) = odb.read_header(id)?;
                OBJECT.check(bytes as u64)?;
                let object = odb.read(id)?;
                let kind = match object.kind() {
                    ObjectType::Commit => ObjectKind::Commit,
                    ObjectType::Tree => ObjectKind::Tree,
                    ObjectType::Tag => ObjectKind::Tag,
                    _ => ObjectKind::Blob,
                };
                Ok((kind, object.data().into()))
            }
            Kept::Received { packs, made, .. } => {
                if let Some(own) = made.borrow().get(&id) {
                    return Ok(own.clone());
                }
                let content = packs.borrow_mut().get(id, &self.budget);
                self.found(id, content)
            }
        }
    }

    /// Adds an object, and returns its id.
    pub(super) fn write(
        &self,
        kind: ObjectKind,
        content: &[u8],
    ) -> Result<ObjectId, RepositoryError> {
        match &self.kept {
            Kept::OnThisMachine(repository) => {
                let kind = match kind {
                    ObjectKind::Commit => ObjectType::Commit,
                    ObjectKind::Tree => ObjectType::Tree,
                    ObjectKind::Blob => ObjectType::Blob,
                    ObjectKind::Tag => ObjectType::Tag,
                };
                Ok(repository.odb()?.write(kind, content)?.into())
            }
            Kept::Received { made, .. } => {
                let id = ObjectId::of(kind, content);
                made.borrow_mut().insert(id, (kind, content.into()));
                Ok(id)
            }
        }
    }

    /// What was looked for in what a server sent.
    fn found<T>(
        &self,
        id: ObjectId,
        found: Result<Option<T>, FetchError>,
    ) -> Result<T, RepositoryError> {
        let found = found.map_err(|error| self.failed(error))?;
        found.ok_or_else(|| {
            // Another try has everything sent again.
            self.last.set(None);
            RepositoryError::unavailable(format!("{} left out the object {id}", self.host()))
        })
    }

    fn failed(&self, error: FetchError) -> RepositoryError {
        failed(error, self.host())
    }

    fn host(&self) -> &str {
        match &self.kept {
            Kept::OnThisMachine(_) => "this machine",
            Kept::Received { host, .. } => host,
        }
    }
}

/// As libgit2 has it, which knows those of SHA-1 alone.
pub(super) fn libgit2_id(id: ObjectId) -> Result<Oid, git2::Error> {
    Oid::from_bytes(id.as_bytes())
}

impl From<Oid> for ObjectId {
    fn from(id: Oid) -> Self {
        let mut bytes = [0; 20];
        bytes.copy_from_slice(id.as_bytes());
        Self::Sha1(bytes)
    }
}

impl From<git2::Error> for RepositoryError {
    /// A fault of the local object database, which no input explains.
    fn from(error: git2::Error) -> Self {
        Self::local(format!("libgit2: {}", one_line(error.message())))
    }
}
