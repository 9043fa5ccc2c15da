//! Images by their repositories: of very many, each is looked up among a few.

use std::collections::{HashMap, HashSet};

use crate::image::ImageReference;

/// Images, by their repositories, each once.
#[derive(Debug, Default)]
pub struct Images(HashMap<String, HashSet<ImageReference>>);

impl Images {
    /// Those that Argo CD lists; what is no image is none.
    pub fn listed(texts: &[String]) -> Self {
        texts.iter().filter_map(|text| text.parse().ok()).collect()
    }

    /// Whether there are none at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether there are any of the repository of `image`.
    pub fn know(&self, image: &ImageReference) -> bool {
        self.0.contains_key(image.repository())
    }

    /// Whether one of them is what `wanted` asks for.
    pub fn satisfy(&self, wanted: &ImageReference) -> bool {
        self.of(wanted).any(|image| image.satisfies(wanted))
    }

    /// Whether `image` is what one of them asks for.
    pub fn want(&self, image: &ImageReference) -> bool {
        self.of(image).any(|wanted| image.satisfies(wanted))
    }

    fn of(&self, image: &ImageReference) -> impl Iterator<Item = &ImageReference> {
        self.0.get(image.repository()).into_iter().flatten()
    }
}

impl FromIterator<ImageReference> for Images {
    fn from_iter<I: IntoIterator<Item = ImageReference>>(images: I) -> Self {
        let mut all = Self::default();
        for image in images {
            let alike = all.0.entry(image.repository().to_owned()).or_default();
            alike.insert(image);
        }
        all
    }
}
