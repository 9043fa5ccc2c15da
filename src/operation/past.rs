//! The commits that touched the files as a list of deployments.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::deployment::past::{Past, PastCommit};
use crate::deployment::{Changes, Named, Origin};
use crate::files::RepoPath;
use crate::image::ImageReference;
use crate::limits::{CHANGES, Exceeded};
use crate::manifest::{ImageChange, ImageTransition, ValueChange, Versions};
use crate::repository::history::{Commit, FileVersions, Touched};

/// What is older than so many commits counts for nothing: so the answer stands on the branch alone, and not on
/// how much of it had to be read.
pub(super) const HORIZON: usize = 1000;

/// What the trailers of all `commits` name: a value that one of them deployed is one in all of them.
pub(super) fn named(commits: &[Touched]) -> Named<'_> {
    Named::by(commits.iter().flat_map(|touched| messages(&touched.commit)))
}

/// What a commit says, and what those say that it merged, newest first.
pub(super) fn messages(commit: &Commit) -> impl Iterator<Item = &str> + Clone {
    let merged = commit.merged.iter().map(|said| said.message.as_str());
    std::iter::once(commit.message.as_str()).chain(merged)
}

/// What happened to a file.
pub(super) fn changes(named: &Named<'_>, versions: &FileVersions) -> Changes {
    named.changes(
        &versions.path,
        versions.before.as_deref(),
        versions.after.as_deref(),
    )
}

/// An image that became another one, rather than to come or to go.
pub(super) fn change(transition: ImageTransition) -> Option<ImageChange> {
    let is_replaced = transition.old.is_some() && transition.new.is_some();
    is_replaced.then(|| transition.change())
}

/// The names of the images that commits put where others were.
pub(super) fn repositories(commits: &[Touched], named: &Named<'_>) -> Vec<String> {
    let files = commits.iter().flat_map(|touched| &touched.files);
    let images = files.flat_map(|versions| changes(named, versions).images);
    let images = images.filter_map(|image| image.new?.parse::<ImageReference>().ok());
    images.map(|image| image.repository().to_owned()).collect()
}

/// What a commit did to a file beside images and the values that deployments set.
fn besides_in(named: &Named<'_>, versions: &FileVersions) -> Vec<ValueChange> {
    let Changes { images, values } = changes(named, versions);
    let images: Vec<ImageChange> = images.into_iter().filter_map(change).collect();
    let (before, after) = (versions.before.as_deref(), versions.after.as_deref());
    beside(
        &named.versions(&versions.path, before, after),
        &images,
        &values,
    )
}

/// The values that differ beside those of `images`, and beside `known` ones.
pub(super) fn beside(
    versions: &Versions,
    images: &[ImageChange],
    known: &[ValueChange],
) -> Vec<ValueChange> {
    let places = known
        .iter()
        .map(|own| (&own.file, &own.resource, &own.path));
    let places: HashSet<_> = places.collect();
    let is_known =
        |value: &ValueChange| places.contains(&(&value.file, &value.resource, &value.path));
    let mut values = versions.values_beside(images);
    values.retain(|value| !is_known(value));
    values
}

/// Whether what was found out about those of `commits` that are `chosen` stands on newer ones and themselves alone, so
/// that older commits do not change it.
pub(super) fn is_sure(
    commits: &[Touched],
    named: &Named<'_>,
    past: &Past<'_>,
    chosen: &[usize],
) -> bool {
    let Some(&oldest) = chosen.iter().max() else {
        return false;
    };
    let chosen: HashSet<usize> = chosen.iter().copied().collect();
    // An older deployment may tell of a value that it is one, and of a text that it is an image.
    let unknown = |(number, touched): (usize, &Touched)| {
        let is_edit = past.standings()[number].origin == Origin::Edit;
        let files = touched.files.iter();
        let mut values = files.flat_map(|versions| besides_in(named, versions));
        let may_be_image = |value: ValueChange| {
            let mut texts = [value.old, value.new].into_iter().flatten();
            texts.any(|text| {
                let image = text.parse::<ImageReference>();
                image.is_ok_and(|image| image.tag().or(image.digest()).is_some())
            })
        };
        let is_chosen = chosen.contains(&number);
        (is_chosen || is_edit) && values.any(|value| is_chosen || may_be_image(value))
    };
    let mut up_to_it = commits.iter().enumerate().take(oldest + 1);
    !past.stands_on_older(oldest) && !up_to_it.any(unknown)
}

/// Whether what a merge did to `files` is the work of who merged: at every place that it changed it has another value
/// than each of the commits that it joined.
fn is_own(named: &Named<'_>, files: &[FileVersions]) -> bool {
    let places = |before: Option<&[u8]>, versions: &FileVersions| {
        let path = versions.path.as_str();
        let changes = named.changes(&versions.path, before, versions.after.as_deref());
        let (changes, _) = changes.past(path);
        let changes = changes.into_iter();
        changes.map(|change| change.place).collect::<HashSet<_>>()
    };
    let mut is_any = false;
    let is_own = files.iter().all(|versions| {
        let changed = places(versions.before.as_deref(), versions);
        is_any |= !changed.is_empty();
        let others = &versions.beside;
        let differs = |beside: &Vec<u8>| places(Some(beside), versions).is_superset(&changed);
        changed.is_empty() || (!others.is_empty() && others.iter().all(differs))
    });
    is_any && is_own
}

/// Of `commits`, which are newest first, those that touched each of `files`, with what they did to that one
/// alone.
pub(super) fn of_files<'f>(
    commits: &[Touched],
    files: impl Iterator<Item = &'f RepoPath>,
) -> HashMap<RepoPath, Vec<Touched>> {
    let mut of: HashMap<RepoPath, Vec<Touched>> =
        files.map(|file| (file.clone(), Vec::new())).collect();
    for Touched {
        commit,
        files,
        changed_files,
    } in commits
    {
        for own in files {
            // Of those that are it now, the first.
            let known = of.get_mut(&own.now).filter(|known| {
                let last = known.last();
                last.is_none_or(|last| !Arc::ptr_eq(&last.commit, commit))
            });
            if let Some(known) = known {
                known.push(Touched {
                    commit: Arc::clone(commit),
                    files: vec![own.clone()],
                    changed_files: *changed_files,
                });
            }
        }
    }
    of
}

/// How `commits`, which are newest first, stand.
///
/// # Errors
/// Where they changed more than is taken in.
pub(super) fn past<'a>(commits: &'a [Touched], named: &Named<'_>) -> Result<Past<'a>, Exceeded> {
    past_while(commits, named, |count| CHANGES.check(count))
}

/// The same, as long as `may_go_on`, which is asked behind each of the files, and told how many changes there are so far.
///
/// # Errors
/// What that says.
pub(super) fn past_while<'a, E>(
    commits: &'a [Touched],
    named: &Named<'_>,
    may_go_on: impl Fn(u64) -> Result<(), E>,
) -> Result<Past<'a>, E> {
    let mut count = 0;
    let commit = |touched: &'a Touched| {
        let Touched { commit, files, .. } = touched;
        let merged = commit.merged.iter();
        let (mut all, mut moved) = (Vec::new(), Vec::new());
        for versions in files {
            let (own, moves) = changes(named, versions).past(versions.path.as_str());
            count += own.len() as u64;
            may_go_on(count)?;
            all.extend(own);
            moved.extend(moves);
        }
        Ok(PastCommit {
            id: commit.id.as_str(),
            message: &commit.message,
            merged: merged
                .map(|said| (said.commit.as_str(), said.message.as_str()))
                .collect(),
            files: files
                .iter()
                .map(|versions| {
                    let from = versions.renamed_from.as_ref();
                    (versions.path.as_str(), from.map(|path| path.as_str()))
                })
                .collect(),
            changes: all,
            moved,
            is_own: commit.is_merge() && is_own(named, files),
        })
    };
    let commits: Result<_, E> = commits.iter().map(commit).collect();
    commits.map(Past::new)
}
