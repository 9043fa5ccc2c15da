//! What to change on the tip so that commits are undone.

use std::collections::HashMap;
use std::slice;
use std::sync::Arc;

use crate::deployment::past::Part;
use crate::deployment::{Changes, Named, Origin, is_ours};
use crate::files::RepoPath;
use crate::image::ImageReference;
use crate::manifest::{
    FileEdit, ImageChange, ImageTransition, ManifestError, ManifestFile, Plan, RestoreError,
    ValueChange, changed_at, comments_changed, is_signed, restore, takes_back,
};
use crate::operation::past::{beside, change, messages, repositories};
use crate::repository::Snapshot;
use crate::repository::history::{Commit, FileVersions, Touched};
use crate::repository::merge::three_way;

/// A commit that is to be undone.
pub(super) struct Undone {
    /// The commit, and what it did.
    pub touched: Touched,
    /// What it was.
    pub origin: Origin,
    /// What of it, by its files.
    pub parts: Vec<Part>,
}

impl Undone {
    /// Whether something of it was taken back before, so that it is not undone now.
    pub fn is_rest(&self) -> bool {
        self.parts.iter().any(|part| *part != Part::Whole)
    }
}

/// Why a file can't be put back.
#[derive(Debug)]
pub(super) struct Problem {
    /// Which of the commits it is about.
    pub number: usize,
    pub file: RepoPath,
    pub why: Why,
}

#[derive(Debug)]
pub(super) enum Why {
    /// There is nothing that it could be put back to.
    Added,
    /// It removed what is to be written to.
    Removed,
    /// It is not there any more.
    Gone,
    /// SOPS vouches for its values.
    Signed(Box<ManifestError>),
    /// What is undone before leads to something else than what it did.
    Interrupted,
    Restore(RestoreError),
}

/// What undoes commits, and what a person should know of it.
pub(super) struct Undoing {
    pub plan: Plan,
    /// What it changes beside images and the values that deployments set.
    pub besides: Vec<ValueChange>,
    /// The same, and the values that somebody has set by hand last.
    pub of_people: Vec<ValueChange>,
    /// The files in which comments go back that somebody has changed by hand, each with the commit.
    pub comments: Vec<(RepoPath, Arc<Commit>)>,
}

impl Undoing {
    /// How commits, which are newest first, are undone on the tip. It takes as long as whoever wrote the files has
    /// made it.
    pub(super) fn of(
        snapshot: &Snapshot,
        undone: &[Undone],
        named: &Named<'_>,
    ) -> Result<Self, Problem> {
        let plan = undo(snapshot, undone, named)?;
        let besides = besides(&plan, named);
        let mut of_people = besides.clone();
        of_people.extend(set_by_hand(&plan, undone, named));
        Ok(Self {
            comments: comments_by_hand(&plan, undone),
            plan,
            besides,
            of_people,
        })
    }
}

/// What to change on the tip so that commits, which are newest first, are undone: all that they did to the
/// files, or nothing. What is an image or a value, `named` tells as well.
pub(super) fn undo(
    snapshot: &Snapshot,
    undone: &[Undone],
    named: &Named<'_>,
) -> Result<Plan, Problem> {
    let mut plan = Plan::default();
    // In the order of the files, each with what becomes of it.
    let mut texts: Vec<(&RepoPath, Vec<u8>)> = Vec::new();
    for (number, Undone { touched, parts, .. }) in undone.iter().enumerate() {
        for (versions, part) in touched.files.iter().zip(parts) {
            if *part == Part::Nothing {
                continue;
            }
            let problem = |why| Problem {
                number,
                file: versions.now.clone(),
                why,
            };
            let before = versions
                .before
                .as_ref()
                .ok_or_else(|| problem(Why::Added))?;
            let after = versions
                .after
                .as_ref()
                .ok_or_else(|| problem(Why::Removed))?;
            let tip = snapshot.files.iter().find(|file| file.path == versions.now);
            let tip = tip.ok_or_else(|| problem(Why::Gone))?;
            let known = texts.iter().position(|(path, _)| **path == tip.path);
            let known = known.unwrap_or_else(|| {
                texts.push((&tip.path, tip.bytes.clone()));
                texts.len() - 1
            });
            let text = &mut texts[known].1;
            let before = match part {
                Part::Without(kept) => changed_at(before, after, kept),
                Part::Whole | Part::Nothing => Ok(before.clone()),
            };
            let refused = |error| {
                // A person knows what is on the branch, and nothing of what it would be in between.
                let error = match *text == tip.bytes {
                    true => Some(error),
                    false => restore(&tip.bytes, versions.before.as_deref()?, after).err(),
                };
                error.map(Why::Restore)
            };
            let refused = |error| problem(refused(error).unwrap_or(Why::Interrupted));
            let before = before.map_err(refused)?;
            if let Some(what) = is_left_with(named, versions, &before, part) {
                return Err(problem(Why::Restore(RestoreError::NotApart { what })));
            }
            match without(text, &before, after).map_err(refused)? {
                // SOPS itself has written what is there as a whole.
                Some(bytes) if bytes != before && is_signed(&tip.bytes) => {
                    let file = versions.now.clone();
                    return Err(problem(Why::Signed(Box::new(ManifestError::Signed {
                        file,
                    }))));
                }
                Some(bytes) => *text = bytes,
                None if *text == tip.bytes => add_unchanged(&mut plan, named, versions),
                None => {}
            }
        }
    }
    for file in &snapshot.files {
        let Some((_, bytes)) = texts.iter().find(|(path, _)| **path == file.path) else {
            continue;
        };
        if *bytes != file.bytes {
            let Changes { images, values } =
                named.changes(&file.path, Some(&file.bytes), Some(bytes));
            let images: Vec<ImageChange> = images.into_iter().filter_map(change).collect();
            // Where nobody has said what was deployed, or there is none any more, it is what differs.
            let values = match images.is_empty() && values.is_empty() {
                true => named
                    .versions(&file.path, Some(&file.bytes), Some(bytes))
                    .values(),
                false => values,
            };
            plan.images.extend(images);
            plan.values.extend(values);
            plan.edits.push(FileEdit {
                path: file.path.clone(),
                before: file.bytes.clone(),
                after: bytes.clone(),
            });
        }
    }
    Ok(plan)
}

/// What is to be undone and would not be, or would be and is to stay, where `before` is what `part` of a
/// commit is to be undone to: an image, or the place of a value.
fn is_left_with(
    named: &Named<'_>,
    versions: &FileVersions,
    before: &[u8],
    part: &Part,
) -> Option<String> {
    let Part::Without(kept) = part else {
        return None;
    };
    let after = versions.after.as_deref();
    let of = |before: Option<&[u8]>| {
        let changes = named.changes(&versions.path, before, after);
        let (past, _) = changes.past(versions.path.as_str());
        past.into_iter()
            .map(|change| ((change.is_image, change.place), change.new.or(change.old)))
            .collect::<Vec<_>>()
    };
    let mut left = of(versions.before.as_deref());
    // Of those that share a place, as many stay as are named.
    for kept in kept {
        if let Some(own) = left.iter().position(|(place, _)| place == kept) {
            left.remove(own);
        }
    }
    let mut undone = of(Some(before));
    left.retain(|(place, _)| {
        let own = undone.iter().position(|(other, _)| other == place);
        own.map(|own| undone.remove(own)).is_none()
    });
    left.append(&mut undone);
    let ((is_image, place), text) = left.into_iter().next()?;
    Some(text.filter(|_| is_image).unwrap_or(place))
}

/// What a commit changed that is as it was before, already.
fn add_unchanged(plan: &mut Plan, named: &Named<'_>, versions: &FileVersions) {
    let (before, after) = (versions.before.as_deref(), versions.after.as_deref());
    let Changes { images, values } = named.changes(&versions.now, after, before);
    let images = images.into_iter().filter_map(change);
    plan.images.extend(images.map(|image| ImageChange {
        old: image.new.clone(),
        ..image
    }));
    plan.values.extend(values.into_iter().map(|mut value| {
        value.old.clone_from(&value.new);
        value
    }));
}

/// `tip` without what happened from `before` to `after`; none where nothing of it is left.
fn without(tip: &[u8], before: &[u8], after: &[u8]) -> Result<Option<Vec<u8>>, RestoreError> {
    if tip == after {
        return Ok(Some(before.to_vec()));
    }
    if tip == before {
        return Ok(None);
    }
    // Lines bring comments back as well; but they know nothing of values and objects, so that what
    // comes out must be the change taken back and nothing else.
    match three_way(after, tip, before) {
        Some(merged) if takes_back(tip, &merged, before, after) => {
            Ok((merged != tip).then_some(merged))
        }
        // Others changed lines beside it, or these values: what can be is set back by itself.
        _ => restore(tip, before, after),
    }
}

/// The images that `is_meant` means among those that the files hold when `plan` is done.
pub(super) fn images_then(
    files: &[ManifestFile],
    plan: &Plan,
    named: &Named<'_>,
    is_meant: impl Fn(&str) -> bool,
) -> Vec<ImageChange> {
    let images = files.iter().flat_map(|file| {
        let edit = plan.edits.iter().find(|edit| edit.path == file.path);
        let text = edit.map_or(&file.bytes, |edit| &edit.after);
        let versions = named.versions(&file.path, None, Some(text));
        // Also where only `path` finds an image.
        named.images(&file.path, &versions, &is_meant)
    });
    images
        .filter(|image| is_meant(&image.held.image))
        .filter_map(|image| {
            change(ImageTransition {
                old: image.new.clone(),
                ..image
            })
        })
        .collect()
}

/// The images that `files` hold now of those that a commit put where others were: what is to run where that took
/// back already what is meant.
pub(super) fn images_since(
    files: &[ManifestFile],
    by: &Touched,
    named: &Named<'_>,
) -> Vec<ImageChange> {
    let repositories = repositories(slice::from_ref(by), named);
    images_then(files, &Plan::default(), named, |image| {
        let image = image.parse::<ImageReference>();
        image.is_ok_and(|image| repositories.iter().any(|own| own == image.repository()))
    })
}

/// What `plan` changes beside images and the values that deployments set: what somebody has changed by hand
/// in a commit that is undone.
fn besides(plan: &Plan, named: &Named<'_>) -> Vec<ValueChange> {
    let besides = plan.edits.iter().flat_map(|edit| {
        let versions = named.versions(&edit.path, Some(&edit.before), Some(&edit.after));
        let images = plan.images.iter();
        let images = images.filter(|image| image.file == edit.path).cloned();
        beside(&versions, &Vec::from_iter(images), &plan.values)
    });
    besides.collect()
}

/// The values of `plan` that somebody has set by hand last, in one of the commits that are `undone`: a deployment
/// that set them before does not make them its own.
fn set_by_hand(plan: &Plan, undone: &[Undone], named: &Named<'_>) -> Vec<ValueChange> {
    if plan.changed_values().next().is_none() {
        return Vec::new();
    }
    // Newest first.
    let compared = undone.iter().flat_map(|one| {
        let is_by_hand = !messages(&one.touched.commit).any(is_ours);
        one.touched.files.iter().map(move |versions| {
            let (before, after) = (versions.before.as_deref(), versions.after.as_deref());
            let values = named.versions(&versions.path, before, after).values();
            (&versions.now, values, is_by_hand)
        })
    });
    let compared: Vec<(&RepoPath, Vec<ValueChange>, bool)> = compared.collect();
    let mut last: HashMap<(&RepoPath, &str, &str), bool> = HashMap::new();
    for (file, values, is_by_hand) in &compared {
        for value in values {
            let place = (*file, value.resource.as_str(), value.path.as_str());
            last.entry(place).or_insert(*is_by_hand);
        }
    }
    let is_by_hand = |value: &&ValueChange| {
        let place = (&value.file, value.resource.as_str(), value.path.as_str());
        last.get(&place) == Some(&true)
    };
    plan.changed_values().filter(is_by_hand).cloned().collect()
}

/// The files in which comments go back that somebody has changed by hand in one of the commits that are `undone`,
/// with the newest of those commits.
fn comments_by_hand(plan: &Plan, undone: &[Undone]) -> Vec<(RepoPath, Arc<Commit>)> {
    let mut files = Vec::new();
    for edit in &plan.edits {
        if !comments_changed(&edit.before, &edit.after) {
            continue;
        }
        let changed = |one: &&Undone| {
            let own = one.touched.files.iter();
            let mut own = own.filter(|versions| versions.now == edit.path);
            own.any(
                |versions| match (versions.before.as_deref(), versions.after.as_deref()) {
                    (Some(before), Some(after)) => comments_changed(before, after),
                    _ => false,
                },
            )
        };
        let mut by_hand = undone
            .iter()
            .filter(|one| !messages(&one.touched.commit).any(is_ours));
        if let Some(one) = by_hand.find(changed) {
            files.push((edit.path.clone(), Arc::clone(&one.touched.commit)));
        }
    }
    files
}
