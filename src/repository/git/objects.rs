//! Where the objects are that are worked with: in a repository of this machine, in one on disk that
//! lives for one run, or in memory. All that libgit2 says is put into our own words here.

use std::cell::{Cell, RefCell};
use std::io::{BufRead, Write as _};

use git2::{ObjectType, Oid, Tree};
use tempfile::TempDir;

use super::answer::FetchError;
use super::received::Received;
use crate::http::text::one_line;
use crate::repository::error::RepositoryError;
use crate::repository::location::Location;
use crate::repository::object::{ObjectId, ObjectKind};

/// Objects, by their ids.
pub(super) struct Objects {
    pub(super) repository: git2::Repository,
    kept: Kept,
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

enum Kept {
    OnThisMachine,
    /// Removed when the run is over.
    OnDisk {
        _directory: TempDir,
    },
    /// Commits and trees as they came from a host. Only what is worked with is put into libgit2's
    /// object database, which is in memory as well.
    InMemory {
        received: RefCell<Received>,
        host: String,
    },
}

impl Objects {
    /// Those of a repository of this machine.
    pub(super) fn of(location: &Location) -> Result<Self, RepositoryError> {
        let not_git = |why: String| RepositoryError::NotGit {
            what: format!("`{}` is no Git repository ({why})", location.url()),
        };
        let path = location.url().to_file_path();
        let path = path.map_err(|()| not_git("no path of this machine".to_owned()))?;
        let repository =
            git2::Repository::open(path).map_err(|error| not_git(error.message().to_owned()))?;
        Ok(Self::new(repository, Kept::OnThisMachine))
    }

    /// None yet; those that come are kept in memory.
    pub(super) fn in_memory(host: String) -> Result<Self, RepositoryError> {
        let odb = git2::Odb::new()?;
        odb.add_new_mempack_backend(1)?;
        let received = RefCell::default();
        let kept = Kept::InMemory { received, host };
        Ok(Self::new(git2::Repository::from_odb(odb)?, kept))
    }

    /// None yet; those that come are written to disk.
    pub(super) fn on_disk() -> Result<Self, RepositoryError> {
        let parent = std::env::temp_dir();
        let directory = std::fs::create_dir_all(&parent)
            .and_then(|()| {
                tempfile::Builder::new()
                    .prefix("gitops-deploy-")
                    .tempdir_in(&parent)
            })
            .map_err(|error| {
                RepositoryError::protocol(format!(
                    "there is no room for temporary files in {}: {error}",
                    parent.display()
                ))
            })?;
        let mut options = git2::RepositoryInitOptions::new();
        options.bare(true).external_template(false);
        let repository = git2::Repository::init_opts(directory.path(), &options)?;
        let _directory = directory;
        Ok(Self::new(repository, Kept::OnDisk { _directory }))
    }

    fn new(repository: git2::Repository, kept: Kept) -> Self {
        Self {
            repository,
            kept,
            last: Cell::new(None),
        }
    }

    pub(super) fn are_in_memory(&self) -> bool {
        matches!(self.kept, Kept::InMemory { .. })
    }

    /// Takes in a pack of commits, with what belongs to them.
    pub(super) fn receive(&self, mut pack: impl BufRead) -> Result<(), FetchError> {
        if let Kept::InMemory { received, .. } = &self.kept {
            return received.borrow_mut().read(pack);
        }
        let broken = |error: git2::Error| FetchError::broken(error.message());
        let odb = self.repository.odb().map_err(broken)?;
        let mut writer = odb.packwriter().map_err(broken)?;
        loop {
            let there = pack.fill_buf()?;
            if there.is_empty() {
                break;
            }
            writer.write_all(there)?;
            let length = there.len();
            pack.consume(length);
        }
        writer.commit().map_err(broken)?;
        Ok(())
    }

    /// Takes in a pack of these files. In memory they are named at once, and not after all the trees.
    pub(super) fn receive_files(
        &self,
        pack: impl BufRead,
        files: &[ObjectId],
    ) -> Result<(), FetchError> {
        if !self.are_in_memory() {
            return self.receive(pack);
        }
        let mut received = Received::default();
        received.read(pack)?;
        for file in files {
            self.take(*file, &mut received)
                .map_err(|error| FetchError::broken(error.message()))?;
        }
        Ok(())
    }

    /// Puts an object into the object database, if it has come.
    fn take(&self, id: ObjectId, received: &mut Received) -> Result<(), git2::Error> {
        if let Some((kind, content)) = received.get(id) {
            let kind = match kind {
                ObjectKind::Commit => ObjectType::Commit,
                ObjectKind::Tree => ObjectType::Tree,
                ObjectKind::Blob => ObjectType::Blob,
                ObjectKind::Tag => ObjectType::Tag,
            };
            self.repository.odb()?.write(kind, content)?;
        }
        Ok(())
    }

    /// Whether an object is here. Of what was received into memory, that is not known before it is
    /// looked for.
    pub(super) fn has(&self, id: ObjectId) -> Result<bool, RepositoryError> {
        let odb = self.repository.odb()?;
        Ok(libgit2_id(id).is_ok_and(|id| odb.exists(id)))
    }

    /// Libgit2's id of an object, which is in its object database then.
    fn found(&self, id: ObjectId) -> Result<Oid, RepositoryError> {
        if let Kept::InMemory { received, host } = &self.kept
            && !self.has(id)?
        {
            self.take(id, &mut received.borrow_mut())?;
            if !self.has(id)? {
                // Another try has everything sent again.
                self.last.set(None);
                let what = format!("{host} left out the object {id}");
                return Err(RepositoryError::unavailable(what));
            }
        }
        Ok(libgit2_id(id)?)
    }

    pub(super) fn commit(&self, id: ObjectId) -> Result<git2::Commit<'_>, RepositoryError> {
        Ok(self.repository.find_commit(self.found(id)?)?)
    }

    pub(super) fn tree(&self, id: ObjectId) -> Result<Tree<'_>, RepositoryError> {
        Ok(self.repository.find_tree(self.found(id)?)?)
    }

    /// The tree of a commit.
    pub(super) fn tree_at(&self, commit: ObjectId) -> Result<Tree<'_>, RepositoryError> {
        self.tree(self.commit(commit)?.tree_id().into())
    }

    /// The size of a file.
    pub(super) fn size(&self, blob: ObjectId) -> Result<usize, RepositoryError> {
        let odb = self.repository.odb()?;
        let (bytes, _) = odb.read_header(self.found(blob)?)?;
        Ok(bytes)
    }

    pub(super) fn content(&self, blob: ObjectId) -> Result<Vec<u8>, RepositoryError> {
        let (_, content) = self.read(blob)?;
        Ok(content)
    }

    pub(super) fn read(&self, id: ObjectId) -> Result<(ObjectKind, Vec<u8>), RepositoryError> {
        let odb = self.repository.odb()?;
        let object = odb.read(self.found(id)?)?;
        let kind = match object.kind() {
            ObjectType::Commit => ObjectKind::Commit,
            ObjectType::Tree => ObjectKind::Tree,
            ObjectType::Tag => ObjectKind::Tag,
            _ => ObjectKind::Blob,
        };
        Ok((kind, object.data().to_vec()))
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
        Self::protocol(format!("libgit2: {}", one_line(error.message())))
    }
}
