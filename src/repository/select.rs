//! Which files of a tree a selection means.

use super::error::{FileProblem, RepositoryError};
use crate::files::{FileSelection, RepoPath};
use crate::manifest::ManifestFile;
use crate::nearest::Nearest;

/// How many alternatives a message names.
pub const NEAREST: usize = 3;

/// Those of `files` that the globs of `selection` match and no name in it does.
///
/// # Errors
/// When a glob matches nothing.
pub fn globbed<F>(
    selection: &FileSelection,
    mut files: Vec<F>,
    path: impl Fn(&F) -> &RepoPath,
) -> Result<Vec<F>, RepositoryError> {
    files.retain(|file| !selection.excludes(path(file)));
    for glob in selection.globs() {
        if !files.iter().any(|file| glob.matches(path(file))) {
            let nearest = nearest(
                glob.wildcards(),
                files.iter().map(|file| path(file).clone()),
            );
            return Err(problem(glob, FileProblem::NoMatch { nearest }));
        }
    }
    let named = selection.named_paths();
    files.retain(|file| {
        let path = path(file);
        selection.globs().any(|glob| glob.matches(path)) && !named.contains(&path)
    });
    Ok(files)
}

/// Puts files in the order of the lines that mean them; those of one line by their paths.
pub fn in_order<F>(selection: &FileSelection, files: &mut [F], path: impl Fn(&F) -> &RepoPath) {
    files.sort_by_cached_key(|file| {
        let path = path(file);
        (selection.line_of(path), path.clone())
    });
}

/// Whether `selection` means one of the files at `paths`, if it includes any.
///
/// # Errors
/// When it means none of them.
pub fn any_selected<'p>(
    selection: &FileSelection,
    mut paths: impl Iterator<Item = &'p RepoPath>,
) -> Result<(), RepositoryError> {
    match selection.include.is_empty() || paths.any(|path| selection.selects(path)) {
        true => Ok(()),
        false => Err(problem(
            selection,
            FileProblem::NoMatch {
                nearest: Vec::new(),
            },
        )),
    }
}

/// Takes the file beside the selection out of `files`, unless it is one of them as well.
pub fn beside(selection: &FileSelection, files: &mut Vec<ManifestFile>) -> Option<ManifestFile> {
    let path = selection.beside.as_ref()?;
    let index = files.iter().position(|file| file.path == *path)?;
    match selection.selects(path) {
        true => files.get(index).cloned(),
        false => Some(files.remove(index)),
    }
}

/// What is wrong with `path`, where none of `files` is there.
pub fn missing(path: &RepoPath, files: impl IntoIterator<Item = RepoPath>) -> RepositoryError {
    let nearest = nearest(path.as_str(), files);
    problem(path, FileProblem::Missing { nearest })
}

fn nearest(given: &str, files: impl IntoIterator<Item = RepoPath>) -> Vec<RepoPath> {
    let mut nearest = Nearest::to(given, NEAREST);
    files.into_iter().for_each(|file| nearest.consider(file));
    nearest.names()
}

/// What is wrong with a file, or with a selection of some.
pub fn problem(path: &impl ToString, problem: FileProblem) -> RepositoryError {
    RepositoryError::File {
        path: path.to_string(),
        problem,
        read: None,
    }
}
