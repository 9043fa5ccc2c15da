//! What a key says of its value: the words that charts, resources and tools have for the parts of an
//! image.
//!
//! | key | stem | part |
//! |---|---|---|
//! | `tag` | | [`Part::Tag`] |
//! | `imageTag`, `image_tag`, `image.tag` | `image` | [`Part::Tag`] |
//! | `webImage`, `WEB_IMAGE`, `baseimage` | `webimage`, … | [`Part::Image`] |
//! | `sidecar.image.repository` | `sidecarimage` | [`Part::Repository`] |
//!
//! What has one stem in one mapping belongs together.

/// A part of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// The whole reference, or its repository.
    Image,
    Registry,
    Repository,
    /// The repository, or its last component.
    Name,
    Tag,
    Digest,
}

/// What a key says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Meaning {
    /// What belongs together has the same one.
    pub stem: String,
    pub part: Part,
    /// Of two keys for one part, the one with the lower rank counts.
    pub rank: usize,
}

/// The last words of keys: `tag` counts before `version`.
const WORDS: [(&str, Part); 10] = [
    ("image", Part::Image),
    ("repository", Part::Repository),
    ("repo", Part::Repository),
    ("registry", Part::Registry),
    ("name", Part::Name),
    ("tag", Part::Tag),
    ("version", Part::Tag),
    ("digest", Part::Digest),
    ("sha256", Part::Digest),
    ("sha", Part::Digest),
];

/// What `key` says; none where it says nothing of images.
pub(super) fn read(key: &str) -> Option<Meaning> {
    // Operators name the images of their operands so (Operator Lifecycle Manager, "relatedImages").
    if key.starts_with("RELATED_IMAGE_") {
        return Some(Meaning {
            stem: plain(key),
            part: Part::Image,
            rank: 0,
        });
    }
    let last = key.bytes().last()?.to_ascii_lowercase();
    if !WORDS
        .iter()
        .any(|(word, _)| word.bytes().last() == Some(last))
    {
        return None;
    }
    let plain = plain(key);
    let mut words = WORDS.iter().enumerate();
    let (rank, stem, part) =
        words.find_map(|(rank, (word, part))| Some((rank, plain.strip_suffix(word)?, *part)))?;
    let stem = match part {
        Part::Image => &plain,
        _ if stem.is_empty() || stem.ends_with("image") => stem,
        _ => return None,
    };
    let stem = stem.to_owned();
    Some(Meaning { stem, part, rank })
}

/// Whether `key` is about one image: `image`, `webImage`, `sidecar_image`.
pub(super) fn is_image(key: &str) -> bool {
    plain(key).ends_with("image")
}

/// Whether `key` is about images in some way.
pub(super) fn mentions_image(key: &str) -> bool {
    key.len() >= "image".len() && plain(key).contains("image")
}

/// Whether `key` holds several images.
pub(super) fn is_images(key: &str) -> bool {
    key.ends_with('s') && plain(key).ends_with("images")
}

/// In lower case, without what stands between words.
fn plain(key: &str) -> String {
    let letters = key.chars().filter(|c| !matches!(c, '_' | '-' | '.' | '/'));
    letters.map(|c| c.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_says_which_part_of_which_image_it_holds() {
        for (key, expected) in [
            ("tag", Some(("", Part::Tag))),
            ("imageTag", Some(("image", Part::Tag))),
            ("image_version", Some(("image", Part::Tag))),
            ("image.repository", Some(("image", Part::Repository))),
            ("webImage", Some(("webimage", Part::Image))),
            ("WEB_IMAGE", Some(("webimage", Part::Image))),
            ("imageName", Some(("image", Part::Name))),
            ("RELATED_IMAGE_OP", Some(("relatedimageop", Part::Image))),
            ("imagePullPolicy", None),
            ("hostname", None),
            ("k8sVersion", None),
            ("", None),
        ] {
            let read = read(key);
            let read = read.as_ref().map(|read| (read.stem.as_str(), read.part));
            assert_eq!(read, expected, "{key}");
        }
    }
}
