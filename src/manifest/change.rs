//! What a plan changes, for whoever writes it and for whoever reads of it.

use super::place::Place;
use super::said::{self, Said};
use super::source;
use crate::files::RepoPath;

/// What to write so that a request is fulfilled, and what that changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// The files whose bytes differ, in the order the files were given.
    pub edits: Vec<FileEdit>,
    /// Every place that an image line is about, in the order of the files; also where it already
    /// held the image.
    pub images: Vec<ImageChange>,
    /// Every place that a `set` line is about; also where it already held the value.
    pub values: Vec<ValueChange>,
    /// Every image that a `set` or `remove` line writes, or would: the places that no image line is about; also where
    /// it already was so.
    pub set_images: Vec<ImageChange>,
    /// What a person should know beyond that: a digest that was removed, an alias that follows.
    pub notes: Vec<Note>,
    /// What may not have been meant, and is done all the same; each says which file it is about.
    pub warnings: Vec<String>,
}

impl Plan {
    /// The images that change.
    pub fn changed_images(&self) -> impl Iterator<Item = &ImageChange> {
        self.images.iter().filter(|image| image.old != image.new)
    }

    /// The same, and those that change by lines of `set` and `remove`.
    pub fn all_changed_images(&self) -> impl Iterator<Item = &ImageChange> {
        let set = self.set_images.iter();
        self.changed_images()
            .chain(set.filter(|image| image.old != image.new))
    }

    /// The values that change.
    pub fn changed_values(&self) -> impl Iterator<Item = &ValueChange> {
        self.values.iter().filter(|value| value.old != value.new)
    }

    /// The files that change.
    pub fn changed_files(&self) -> Vec<String> {
        let paths = self.edits.iter().map(|edit| edit.path.to_string());
        paths.collect()
    }
}

/// A file before and after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileEdit {
    /// Where it is.
    pub path: RepoPath,
    /// What it said.
    pub before: Vec<u8>,
    /// What it shall say.
    pub after: Vec<u8>,
}

/// One place that holds an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageChange {
    /// The file.
    pub file: RepoPath,
    /// From 1.
    pub line: usize,
    /// `Rollout/web`; the kind alone where there is no name; the name of the file where there is
    /// no kind.
    pub resource: String,
    /// The name of the container, where the place is in a list of containers.
    pub container: Option<String>,
    /// Where it is.
    pub place: Place,
    /// The path of the tag, where that is all of the image that the file has.
    pub tag_at: Option<String>,
    /// The image that was there.
    pub old: String,
    /// The image that shall be there. Equals `old` where nothing had to change.
    pub new: String,
}

impl ImageChange {
    /// The object that it is in; none where the file alone says where it is, as of Helm's values.
    pub fn object(&self) -> Option<&str> {
        object(&self.file, &self.resource)
    }
}

/// What is more than the name of its file.
pub(super) fn object<'a>(file: &RepoPath, resource: &'a str) -> Option<&'a str> {
    Some(resource).filter(|resource| *resource != file.file_name())
}

/// One value that a `set` line is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValueChange {
    /// The file.
    pub file: RepoPath,
    /// From 1; of the mapping around it where the key is new.
    pub line: usize,
    /// As in [`ImageChange`].
    pub resource: String,
    /// `.spec.replicas`, within its document.
    pub path: String,
    /// What it was; none where the key is new.
    pub old: Option<String>,
    /// What it shall be; none where the key goes. Equals `old` where nothing had to change.
    pub new: Option<String>,
    /// Both, so that nothing else reads the same: `"80"` where it is no number, `*tag` for an alias.
    pub exact: [Option<String>; 2],
}

impl ValueChange {
    /// As in [`ImageChange`].
    pub fn object(&self) -> Option<&str> {
        object(&self.file, &self.resource)
    }

    /// That what was at `place` becomes another value, comes, or goes.
    pub(super) fn new(place: ValuePlace, old: Option<&Said<'_>>, new: Option<&Said<'_>>) -> Self {
        let ValuePlace {
            file,
            line,
            resource,
            path,
        } = place;
        let shown = |text: String| source::shown(&text).into_owned();
        let exact = [old, new].map(|said| said.map(|said| shown(said.exact())));
        let (old, new) = said::told(old, new);
        let (old, new) = (old.map(shown), new.map(shown));
        Self {
            file,
            line,
            resource,
            path,
            old,
            new,
            exact,
        }
    }
}

/// Where a value is, as in [`ValueChange`].
pub(super) struct ValuePlace {
    pub file: RepoPath,
    pub line: usize,
    pub resource: String,
    pub path: String,
}

/// Something a person should know about a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The file.
    pub file: RepoPath,
    /// From 1.
    pub line: usize,
    /// A sentence without its full stop.
    pub text: String,
}
