//! What a pull request would still bring to a target that went its own way: what it replaces that came since, and
//! what is still to come.

use crate::files::RepoPath;
use crate::manifest::{
    FileEdit, ImageChange, ImageTransition, Known, Replaced, ValueChange, Versions, remaining,
};

/// What a target has made of what a pull request changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Overtaken {
    /// The images of others that it would replace.
    pub(super) came: Vec<Replaced>,
    /// What it would bring, and nobody else has changed: images, and other values as `path = value`.
    pub(super) to_come: Vec<String>,
}

impl Overtaken {
    /// What is left of `edits`, by which `images` and `values` change, where a file says what `now` has of it.
    pub(super) fn of<'c>(
        edits: &[FileEdit],
        images: &[ImageChange],
        values: &[ValueChange],
        now: impl Fn(&RepoPath) -> Option<&'c [u8]>,
    ) -> Self {
        let mut overtaken = Self::default();
        for edit in edits {
            let now = now(&edit.path);
            let came = remaining(edit, images, values, now).came_since;
            overtaken.to_come.extend(to_come(edit, now, &came));
            overtaken.came.extend(came);
        }
        overtaken
    }
}

/// What of an edit is still to come, beside what would replace images that `came` since.
fn to_come(edit: &FileEdit, now: Option<&[u8]>, came: &[Replaced]) -> Vec<String> {
    let after = Some(edit.after.as_slice());
    let made = Versions::new(&edit.path, Some(&edit.before), after);
    let left = Versions::new(&edit.path, now, after);
    let images = |versions: &Versions| versions.images(&Known::default());
    let (made_images, left_images) = (images(&made), images(&left));
    let is_meant = |one: &&ImageTransition| {
        let mut made = made_images.iter();
        made.any(|own| own.held.place == one.held.place && own.old == one.old)
    };
    let changed = |transitions: &[ImageTransition]| -> Vec<ImageChange> {
        let transitions = transitions.iter().cloned();
        transitions.map(ImageTransition::change).collect()
    };
    let made_values = made.values_beside(&changed(&made_images));
    let left_values = left.values_beside(&changed(&left_images));
    // An image at a place that only `path` knows is a value here.
    let is_image_that_came = |value: &ValueChange| {
        let (old, new) = (value.old.as_deref(), value.new.as_deref());
        let mut came = came.iter();
        came.any(|one| (Some(one.now.as_str()), Some(one.new.as_str())) == (old, new))
    };
    let values = left_values.iter().filter(|value| {
        let mut made = made_values.iter();
        let is_made = made.any(|own| (&own.resource, &own.path) == (&value.resource, &value.path));
        is_made && !is_image_that_came(value)
    });
    let values = values.map(|value| match &value.new {
        Some(new) => format!("{} = {new}", value.path),
        None => format!("no {}", value.path),
    });
    let images = left_images.iter().filter(is_meant);
    let images = images.map(|one| match &one.new {
        Some(new) => new.clone(),
        None => format!("no {}", one.old.as_deref().unwrap_or_default()),
    });
    images.chain(values).collect()
}
