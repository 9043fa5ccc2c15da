//! Files in the objects: found, read, and written back as a commit.

use std::collections::BTreeMap;

use git2::Signature;

use super::content::{Entry, EntryKind, Tree};
use super::objects::Objects;
use super::pack::Added;
use crate::files::{FileSelection, MAX_FILE_BYTES, RepoPath};
use crate::limits::{ENTRIES, Exceeded, FILES, PATHS};
use crate::manifest::ManifestFile;
use crate::nearest::Nearest;
use crate::repository::commit::{Change, CommitDraft};
use crate::repository::error::{FileProblem, RepositoryError};
use crate::repository::object::{ObjectId, ObjectKind};
use crate::repository::select::{self, any_selected, globbed, in_order, problem};
use crate::repository::signing::SigningKey;

/// A regular file of a tree.
pub(super) struct TreeFile {
    path: RepoPath,
    pub(super) mode: u32,
    pub(super) blob: ObjectId,
}

impl TreeFile {
    fn new(path: RepoPath, entry: &Entry<'_>) -> Self {
        Self {
            path,
            mode: entry.mode,
            blob: entry.id,
        }
    }

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

/// The files that `selection` means, in the order of its lines.
pub(super) fn select(
    objects: &Objects,
    tree: &Tree,
    selection: &FileSelection,
) -> Result<Vec<TreeFile>, RepositoryError> {
    let mut entries = Vec::new();
    for path in selection.named_paths() {
        entries.push(entry(objects, tree, path)?);
    }
    if selection.globs().next().is_some() {
        let mut matching = Vec::new();
        regular_files(objects, tree, |path, entry| {
            if selection.selects(&path) {
                matching.push(TreeFile::new(path, entry));
            }
            FILES.check(matching.len() as u64)
        })?;
        for glob in selection.globs() {
            if !matching.iter().any(|file| glob.matches(&file.path)) {
                let mut nearest = Nearest::to(glob.wildcards(), select::NEAREST);
                regular_files(objects, tree, |other, _| {
                    nearest.consider(other);
                    Ok(())
                })?;
                let nearest = nearest.names();
                return Err(problem(glob, FileProblem::NoMatch { nearest }));
            }
        }
        entries.extend(globbed(selection, matching, |file| &file.path)?);
    }
    any_selected(selection, entries.iter().map(|file| &file.path))?;
    in_order(selection, &mut entries, |file| &file.path);
    Ok(entries)
}

/// The regular file at `path`, or what is there instead.
fn entry(objects: &Objects, root: &Tree, path: &RepoPath) -> Result<TreeFile, RepositoryError> {
    let missing = || -> Result<RepositoryError, RepositoryError> {
        let mut nearest = Nearest::to(path.as_str(), select::NEAREST);
        regular_files(objects, root, |other, _| {
            nearest.consider(other);
            Ok(())
        })?;
        Ok(select::missing(path, nearest.names()))
    };
    let mut below;
    let mut tree = root;
    let components: Vec<&str> = path.as_str().split('/').collect();
    for (index, component) in components.iter().enumerate() {
        let last = index + 1 == components.len();
        let Some(found) = tree.get(component.as_bytes()) else {
            return Err(missing()?);
        };
        let at = || {
            (!last)
                .then(|| components[..=index].join("/").parse().ok())
                .flatten()
        };
        match found.kind {
            EntryKind::Link => return Err(problem(path, FileProblem::Symlink { at: at() })),
            EntryKind::Submodule => return Err(problem(path, FileProblem::Submodule { at: at() })),
            EntryKind::Directory if last => return Err(problem(path, FileProblem::Directory)),
            EntryKind::Directory => {
                below = objects.tree(found.id)?;
                tree = &below;
            }
            EntryKind::File if last => {
                return Ok(TreeFile::new(path.clone(), &found));
            }
            EntryKind::File => return Err(missing()?),
        }
    }
    Err(missing()?)
}

/// Hands out every regular file, in the order of git's trees. Names that are no UTF-8 are passed over:
/// no input can mean them. A tree of a few hundred bytes can have more files than there are atoms.
fn regular_files(
    objects: &Objects,
    root: &Tree,
    mut to: impl FnMut(RepoPath, &Entry<'_>) -> Result<(), Exceeded>,
) -> Result<(), RepositoryError> {
    let mut listing = Listing::default();
    // Depth first on a stack of our own, since the depth is the repository's to choose.
    let mut open = vec![(String::new(), root.id)];
    while let Some((prefix, id)) = open.pop() {
        let tree = objects.tree(id)?;
        let mut directories = Vec::new();
        for entry in tree.entries() {
            let Ok(name) = std::str::from_utf8(entry.name) else {
                continue;
            };
            listing.count(objects, prefix.len() + name.len())?;
            match entry.kind {
                EntryKind::Directory => directories.push((format!("{prefix}{name}/"), entry.id)),
                EntryKind::Link | EntryKind::Submodule => {}
                EntryKind::File => {
                    if let Ok(path) = format!("{prefix}{name}").parse() {
                        to(path, &entry)?;
                    }
                }
            }
        }
        open.extend(directories.into_iter().rev());
    }
    Ok(())
}

/// How much of a tree was listed.
#[derive(Default)]
pub(super) struct Listing {
    entries: u64,
    bytes: u64,
}

impl Listing {
    /// Counts an entry whose path has so many bytes, and looks at the time.
    pub(super) fn count(&mut self, objects: &Objects, path: usize) -> Result<(), RepositoryError> {
        objects.time()?;
        self.entries += 1;
        self.bytes += path as u64;
        ENTRIES.check(self.entries)?;
        PATHS.check(self.bytes)?;
        Ok(())
    }
}

/// A commit on top of `parents` with the files of `base`, of which those of `changes` have new content, their
/// modes kept.
pub(super) fn commit(
    objects: &Objects,
    (base, parents): (ObjectId, &[ObjectId]),
    changes: &[Change],
    draft: &CommitDraft,
    key: Option<&SigningKey>,
) -> Result<ObjectId, RepositoryError> {
    let mut blobs = Vec::new();
    for change in changes {
        let blob = objects.write(ObjectKind::Blob, &change.bytes)?;
        blobs.push((change.path.as_str(), blob));
    }
    let tree = changed(objects, objects.commit(base)?.tree, &blobs)?;
    // Takes away what git takes for the end of a name.
    let who = Signature::now(&draft.identity.name, &draft.identity.email)?;
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    let (name, email, when) = (text(who.name_bytes()), text(who.email_bytes()), who.when());
    let offset = when.offset_minutes();
    let zone = format!(
        "{}{:02}{:02}",
        when.sign(),
        offset.abs() / 60,
        offset.abs() % 60
    );
    let who = format!("{name} <{email}> {} {zone}", when.seconds());
    let message = &draft.message;
    let parents: String = parents
        .iter()
        .map(|parent| format!("parent {parent}\n"))
        .collect();
    let head = format!("tree {tree}\n{parents}author {who}\ncommitter {who}\n");
    let mut commit = format!("{head}\n{message}");
    if let Some(key) = key {
        let signature = key.sign(commit.as_bytes());
        let signature = signature.ok_or_else(|| {
            let what = "the commit can't be signed: the system gives no randomness".to_owned();
            RepositoryError::Runner { what }
        })?;
        // A header's further lines begin with a blank.
        let signature = signature.replace('\n', "\n ");
        commit = format!("{head}gpgsig {signature}\n\n{message}");
    }
    objects.write(ObjectKind::Commit, commit.as_bytes())
}

/// The tree `id` with other files at the paths of `blobs`, each of which it has.
fn changed(
    objects: &Objects,
    id: ObjectId,
    blobs: &[(&str, ObjectId)],
) -> Result<ObjectId, RepositoryError> {
    let tree = objects.tree(id)?;
    let gone = || RepositoryError::protocol("a file to be changed is not in the commit");
    let mut entries = Vec::new();
    let mut directories: BTreeMap<&str, Vec<(&str, ObjectId)>> = BTreeMap::new();
    for (path, blob) in blobs {
        match path.split_once('/') {
            Some((directory, rest)) => {
                directories
                    .entry(directory)
                    .or_default()
                    .push((rest, *blob));
            }
            None => entries.push((*path, *blob)),
        }
    }
    for (name, blobs) in directories {
        let entry = tree.get(name.as_bytes()).ok_or_else(gone)?;
        entries.push((name, changed(objects, entry.id, &blobs)?));
    }
    let content = tree.with(&entries).ok_or_else(gone)?;
    objects.write(ObjectKind::Tree, &content)
}

/// What `commit` adds to `base`, of whose files it was made: itself, trees and files, each with what it replaces.
/// The paths that changed are walked alone.
pub(super) fn added(
    objects: &Objects,
    base: ObjectId,
    commit: ObjectId,
) -> Result<Vec<Added>, RepositoryError> {
    let new = objects.commit(commit)?;
    let mut added = vec![read(objects, commit, None)?];
    let mut trees = vec![(objects.tree_at(base)?, objects.tree(new.tree)?)];
    while let Some((old, new)) = trees.pop() {
        added.push(read(objects, new.id, Some(old.id))?);
        for entry in new.entries() {
            let before = old.get(entry.name).map(|before| before.id);
            if before == Some(entry.id) {
                continue;
            }
            match (entry.kind, before) {
                (EntryKind::Directory, Some(before)) => {
                    trees.push((objects.tree(before)?, objects.tree(entry.id)?));
                }
                _ => added.push(read(objects, entry.id, before)?),
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
