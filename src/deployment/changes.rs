//! The images and values that a commit changed, whatever shape the files have.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use super::past::{Moved, PastChange};
use super::trailers::{
    DEPLOYED_IMAGE, DEPLOYED_TAG, DEPLOYED_VALUE, PREVIOUS_IMAGE, trailer_values,
};
use super::value;
use crate::files::RepoPath;
use crate::image::ImageReference;
use crate::manifest::{
    ImageTransition, Known, Readings, ValueChange, Versions, before_new_item, is_within,
};

/// What trailers name: the images and the places of values by which a change can be told from others
/// where nothing else tells, as with an image at a place that only `path` knows.
#[derive(Debug, Clone, Default)]
pub struct Named<'m> {
    images: HashSet<&'m str>,
    values: HashSet<&'m str>,
    /// The repositories of tags that stand alone, by the place and the file. Files get other names.
    tags: HashMap<&'m str, HashMap<Cow<'m, str>, &'m str>>,
    /// The versions of files that were read for it.
    readings: Arc<Readings>,
}

impl<'m> Named<'m> {
    /// What the trailers of `messages` name.
    pub fn by(messages: impl Iterator<Item = &'m str>) -> Self {
        let mut named = Self::default();
        for message in messages {
            for key in [DEPLOYED_IMAGE, PREVIOUS_IMAGE] {
                named.images.extend(trailer_values(message, key));
            }
            let values = trailer_values(message, DEPLOYED_VALUE);
            named.values.extend(values.filter_map(value::place_of));
            let tags = trailer_values(message, DEPLOYED_TAG);
            for (file, place, repository) in tags.filter_map(value::tag_of) {
                let files = named.tags.entry(place).or_default();
                files.entry(file).or_insert(repository);
            }
        }
        named
    }

    /// The same, beside others who read the same files.
    #[must_use]
    pub fn reading(self, readings: &Arc<Readings>) -> Self {
        let readings = Arc::clone(readings);
        Self { readings, ..self }
    }

    /// The versions of a file.
    pub fn versions(
        &self,
        file: &RepoPath,
        before: Option<&[u8]>,
        after: Option<&[u8]>,
    ) -> Versions {
        Versions::among(&self.readings, file, before, after)
    }

    /// What a commit did to a file: to the images that are known as such or named, and to the values that
    /// are named.
    pub fn changes(&self, file: &RepoPath, before: Option<&[u8]>, after: Option<&[u8]>) -> Changes {
        let versions = self.versions(file, before, after);
        let mut values = match self.values.is_empty() {
            true => Vec::new(),
            false => versions.values(),
        };
        values.retain(|change| self.names(&value::place(&change.resource, &change.path)));
        Changes {
            images: self.images(file, &versions, &|text| self.images.contains(text)),
            values,
        }
    }

    /// The images that differ, of those that are known as such, those that `is_image` says are, and the tags
    /// that are named.
    pub fn images(
        &self,
        file: &RepoPath,
        versions: &Versions,
        is_image: &dyn Fn(&str) -> bool,
    ) -> Vec<ImageTransition> {
        let repository =
            |resource: &str, path: &str| self.repository(file, &value::place(resource, path));
        versions.images(&Known {
            is_image: Some(is_image),
            repository: (!self.tags.is_empty()).then_some(&repository),
        })
    }

    /// The repository of the tag at a place: of this file, or the one that all files have there.
    fn repository(&self, file: &RepoPath, place: &str) -> Option<String> {
        let files = self.tags.get(place)?;
        let own = files.get(file.as_str()).or_else(|| {
            let mut all = files.values();
            let first = all.next()?;
            all.all(|other| other == first).then_some(first)
        });
        own.map(|repository| (*repository).to_owned())
    }
}

impl Named<'_> {
    /// Whether a place is one that is named; is in one, as a key of a mapping that was set or removed is; or
    /// is the text that one is in.
    fn names(&self, place: &str) -> bool {
        self.values.contains(place)
            || self.values.iter().any(|named| {
                let named = before_new_item(named);
                is_within(place, named) || is_within(named, place)
            })
    }
}

/// Where a value is in its file, in the same words in every version of it.
pub fn place_of_value(value: &ValueChange) -> String {
    value::place(&value.resource, &value.path)
}

/// What a commit did to images and to the values that deployments set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// The images that differ.
    pub images: Vec<ImageTransition>,
    /// The values that differ.
    pub values: Vec<ValueChange>,
}

impl Changes {
    /// The same as they are compared with those of other commits, and the images that moved. An image that is gone
    /// from a place and new at another one, as where the container got another name, is one that was replaced, or
    /// stayed.
    pub fn past<'a>(&self, file: &'a str) -> (Vec<PastChange<'a>>, Vec<Moved<'a>>) {
        let repository = |image: &Option<String>| {
            let image = image.as_ref()?.parse::<ImageReference>().ok()?;
            Some(image.repository().to_owned())
        };
        let (gone, stayed): (Vec<&ImageTransition>, Vec<&ImageTransition>) =
            self.images.iter().partition(|image| image.new.is_none());
        let mut waiting: HashMap<Option<String>, VecDeque<usize>> = HashMap::new();
        for (number, image) in gone.iter().enumerate() {
            let own = waiting.entry(repository(&image.old)).or_default();
            own.push_back(number);
        }
        let mut moved = HashSet::new();
        let (mut changes, mut moves) = (Vec::new(), Vec::new());
        for image in stayed {
            let mut old = image.old.clone();
            if old.is_none()
                && let Some(own) = waiting.get_mut(&repository(&image.new))
                && let Some(number) = own.pop_front()
            {
                moved.insert(number);
                old.clone_from(&gone[number].old);
                let places = [&image.held.place, &gone[number].held.place];
                if let (Some(is), Some(was)) = (&image.new, &old) {
                    moves.push(Moved {
                        file,
                        places: places.map(ToString::to_string),
                        images: [is.clone(), was.clone()],
                    });
                }
            }
            if old != image.new {
                changes.push((image, old));
            }
        }
        let gone = gone.into_iter().enumerate();
        let gone = gone.filter(|(number, _)| !moved.contains(number));
        changes.extend(gone.map(|(_, image)| (image, image.old.clone())));
        let images = changes.into_iter().map(|(image, old)| PastChange {
            file,
            place: image.held.place.to_string(),
            is_image: true,
            old,
            new: image.new.clone(),
        });
        let values = self.values.iter().map(|value| {
            let [old, new] = value.exact.clone();
            PastChange {
                file,
                place: place_of_value(value),
                is_image: false,
                old,
                new,
            }
        });
        (images.chain(values).collect(), moves)
    }
}
