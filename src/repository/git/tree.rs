//! Files in the object database: found, read, and written back as a commit.

use git2::build::TreeUpdateBuilder;
use git2::{FileMode, Oid, Repository, Signature, Tree};

use super::local;
use crate::files::{FileSelection, MAX_FILE_BYTES, RepoPath};
use crate::manifest::ManifestFile;
use crate::repository::select::{self, globbed, problem};
use crate::repository::{Change, CommitDraft, FileProblem, RepositoryError};

/// Where trees are found by their ids.
pub(super) trait Trees {
    fn tree(&self, id: Oid) -> Result<Tree<'_>, RepositoryError>;
}

/// A regular file of a tree.
pub(super) struct Entry {
    path: RepoPath,
    pub(super) blob: Oid,
}

impl Entry {
    /// The file's content.
    pub(super) fn read(&self, repository: &Repository) -> Result<ManifestFile, RepositoryError> {
        let odb = repository.odb().map_err(local)?;
        let (bytes, _) = odb.read_header(self.blob).map_err(local)?;
        if bytes > MAX_FILE_BYTES {
            let limit = MAX_FILE_BYTES;
            return Err(problem(&self.path, FileProblem::TooLarge { bytes, limit }));
        }
        let blob = repository.find_blob(self.blob).map_err(local)?;
        Ok(ManifestFile {
            path: self.path.clone(),
            bytes: blob.content().to_vec(),
        })
    }
}

/// The files that `selection` means: the named ones in their order, then those that globs match, by
/// their paths.
pub(super) fn select(
    trees: &impl Trees,
    tree: &Tree<'_>,
    selection: &FileSelection,
) -> Result<Vec<Entry>, RepositoryError> {
    let mut entries = Vec::new();
    for path in selection.named_paths() {
        entries.push(entry(trees, tree, path)?);
    }
    if selection.globs().next().is_some() {
        let all = regular_files(trees, tree)?;
        entries.extend(globbed(selection, all, |file| &file.path)?);
    }
    if entries.is_empty() && !selection.include.is_empty() {
        return Err(problem(selection, FileProblem::NoMatch));
    }
    Ok(entries)
}

/// The regular file at `path`, or what is there instead.
fn entry(trees: &impl Trees, root: &Tree<'_>, path: &RepoPath) -> Result<Entry, RepositoryError> {
    let missing = || -> Result<RepositoryError, RepositoryError> {
        let files = regular_files(trees, root)?;
        Ok(select::missing(
            path,
            files.into_iter().map(|file| file.path),
        ))
    };
    let mut tree = root.clone();
    let components: Vec<&str> = path.as_str().split('/').collect();
    for (index, component) in components.iter().enumerate() {
        let last = index + 1 == components.len();
        let found = tree
            .get_name(component)
            .map(|entry| (entry.id(), entry.filemode()));
        let Some((id, mode)) = found else {
            return Err(missing()?);
        };
        let at = || {
            (!last)
                .then(|| components[..=index].join("/").parse().ok())
                .flatten()
        };
        match mode {
            LINK => return Err(problem(path, FileProblem::Symlink { at: at() })),
            SUBMODULE => return Err(problem(path, FileProblem::Submodule { at: at() })),
            DIRECTORY if last => return Err(problem(path, FileProblem::Directory)),
            DIRECTORY => tree = trees.tree(id)?,
            _ if last => {
                return Ok(Entry {
                    path: path.clone(),
                    blob: id,
                });
            }
            _ => return Err(missing()?),
        }
    }
    Err(missing()?)
}

// Git's file modes, as tree objects have them (`git fast-import`, "filemodify").
const DIRECTORY: i32 = 0o040_000;
const EXECUTABLE: i32 = 0o100_755;
const LINK: i32 = 0o120_000;
const SUBMODULE: i32 = 0o160_000;

/// Whether a tree's entry is a file, executable or not.
pub(super) fn is_regular(mode: i32) -> bool {
    !matches!(mode, DIRECTORY | LINK | SUBMODULE)
}

/// Every regular file, in the order of git's trees. Names that are no UTF-8 are passed over: no
/// input can mean them.
fn regular_files(trees: &impl Trees, root: &Tree<'_>) -> Result<Vec<Entry>, RepositoryError> {
    let mut files = Vec::new();
    // Depth first on a stack of our own, since the depth is the repository's to choose.
    let mut open = vec![(String::new(), root.id())];
    while let Some((prefix, id)) = open.pop() {
        let tree = trees.tree(id)?;
        let mut directories = Vec::new();
        for entry in &tree {
            let Ok(name) = entry.name() else { continue };
            match entry.filemode() {
                DIRECTORY => directories.push((format!("{prefix}{name}/"), entry.id())),
                LINK | SUBMODULE => {}
                _ => {
                    if let Ok(path) = format!("{prefix}{name}").parse() {
                        files.push(Entry {
                            path,
                            blob: entry.id(),
                        });
                    }
                }
            }
        }
        open.extend(directories.into_iter().rev());
    }
    Ok(files)
}

/// A commit on top of `base` in which the files of `changes` have new content, their modes kept.
pub(super) fn commit(
    repository: &Repository,
    base: Oid,
    changes: &[Change],
    draft: &CommitDraft,
) -> Result<Oid, RepositoryError> {
    let write = || -> Result<Oid, git2::Error> {
        let parent = repository.find_commit(base)?;
        let tree = parent.tree()?;
        let mut update = TreeUpdateBuilder::new();
        for change in changes {
            let path = change.path.as_str();
            let executable = tree.get_path(path.as_ref())?.filemode() == EXECUTABLE;
            let mode = if executable {
                FileMode::BlobExecutable
            } else {
                FileMode::Blob
            };
            update.upsert(path, repository.blob(&change.bytes)?, mode);
        }
        let tree = update.create_updated(repository, &tree)?;
        let tree = repository.find_tree(tree)?;
        let identity = Signature::now(&draft.identity.name, &draft.identity.email)?;
        repository.commit(
            None,
            &identity,
            &identity,
            &draft.message,
            &tree,
            &[&parent],
        )
    };
    write().map_err(local)
}
