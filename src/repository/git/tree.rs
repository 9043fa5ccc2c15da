//! Files in the object database: found, read, and written back as a commit.

use git2::build::TreeUpdateBuilder;
use git2::{FileMode, ObjectType, Signature, Tree};

use super::objects::Objects;
use super::pack::Added;
use crate::files::{FileSelection, MAX_FILE_BYTES, RepoPath};
use crate::manifest::ManifestFile;
use crate::repository::commit::{Change, CommitDraft};
use crate::repository::error::{FileProblem, RepositoryError};
use crate::repository::object::ObjectId;
use crate::repository::select::{self, globbed, problem};

/// A regular file of a tree.
pub(super) struct TreeFile {
    path: RepoPath,
    pub(super) blob: ObjectId,
}

impl TreeFile {
    /// The file's content.
    pub(super) fn read(&self, objects: &Objects) -> Result<ManifestFile, RepositoryError> {
        let bytes = objects.size(self.blob)?;
        if bytes > MAX_FILE_BYTES {
            let limit = MAX_FILE_BYTES;
            return Err(problem(&self.path, FileProblem::TooLarge { bytes, limit }));
        }
        Ok(ManifestFile {
            path: self.path.clone(),
            bytes: objects.content(self.blob)?,
        })
    }
}

/// The files that `selection` means: the named ones in their order, then those that globs match, by
/// their paths.
pub(super) fn select(
    objects: &Objects,
    tree: &Tree<'_>,
    selection: &FileSelection,
) -> Result<Vec<TreeFile>, RepositoryError> {
    let mut entries = Vec::new();
    for path in selection.named_paths() {
        entries.push(entry(objects, tree, path)?);
    }
    if selection.globs().next().is_some() {
        let all = regular_files(objects, tree)?;
        entries.extend(globbed(selection, all, |file| &file.path)?);
    }
    if entries.is_empty() && !selection.include.is_empty() {
        return Err(problem(
            selection,
            FileProblem::NoMatch {
                nearest: Vec::new(),
            },
        ));
    }
    Ok(entries)
}

/// The regular file at `path`, or what is there instead.
fn entry(objects: &Objects, root: &Tree<'_>, path: &RepoPath) -> Result<TreeFile, RepositoryError> {
    let missing = || -> Result<RepositoryError, RepositoryError> {
        let files = regular_files(objects, root)?;
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
            DIRECTORY => tree = objects.tree(id.into())?,
            _ if last => {
                return Ok(TreeFile {
                    path: path.clone(),
                    blob: id.into(),
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
fn regular_files(objects: &Objects, root: &Tree<'_>) -> Result<Vec<TreeFile>, RepositoryError> {
    let mut files = Vec::new();
    // Depth first on a stack of our own, since the depth is the repository's to choose.
    let mut open = vec![(String::new(), root.id())];
    while let Some((prefix, id)) = open.pop() {
        let tree = objects.tree(id.into())?;
        let mut directories = Vec::new();
        for entry in &tree {
            let Ok(name) = entry.name() else { continue };
            match entry.filemode() {
                DIRECTORY => directories.push((format!("{prefix}{name}/"), entry.id())),
                LINK | SUBMODULE => {}
                _ => {
                    if let Ok(path) = format!("{prefix}{name}").parse() {
                        files.push(TreeFile {
                            path,
                            blob: entry.id().into(),
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
    objects: &Objects,
    base: ObjectId,
    changes: &[Change],
    draft: &CommitDraft,
) -> Result<ObjectId, RepositoryError> {
    let repository = &objects.repository;
    let parent = objects.commit(base)?;
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
    let who = Signature::now(&draft.identity.name, &draft.identity.email)?;
    let commit = repository.commit(None, &who, &who, &draft.message, &tree, &[&parent])?;
    Ok(commit.into())
}

/// What `commit` adds to its only parent: itself, trees and files, each with what it replaces. The
/// paths that changed are walked alone.
pub(super) fn added(objects: &Objects, commit: ObjectId) -> Result<Vec<Added>, RepositoryError> {
    let new = objects.commit(commit)?;
    let mut added = vec![read(objects, commit, None)?];
    let mut trees = vec![(new.parent(0)?.tree()?, new.tree()?)];
    while let Some((old, new)) = trees.pop() {
        added.push(read(objects, new.id().into(), Some(old.id().into()))?);
        for entry in &new {
            let id = entry.id();
            let before = old.get_name_bytes(entry.name_bytes());
            let before = before.map(|before| before.id());
            if before == Some(id) {
                continue;
            }
            match (entry.kind(), before) {
                (Some(ObjectType::Tree), Some(before)) => {
                    trees.push((objects.tree(before.into())?, objects.tree(id.into())?));
                }
                _ => added.push(read(objects, id.into(), before.map(ObjectId::from))?),
            }
        }
    }
    Ok(added)
}

/// An object, and the one that it replaces.
fn read(
    objects: &Objects,
    id: ObjectId,
    instead_of: Option<ObjectId>,
) -> Result<Added, RepositoryError> {
    let (kind, content) = objects.read(id)?;
    let old = instead_of.map(|old| Ok::<_, RepositoryError>((old, objects.read(old)?)));
    let old = old.transpose()?.filter(|(_, (other, _))| *other == kind);
    Ok(Added {
        kind,
        content,
        replaced: old.map(|(old, (_, content))| (old, content)),
    })
}
