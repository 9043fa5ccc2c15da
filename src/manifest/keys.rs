//! What a key says of its value: the words that charts, resources and tools have for the parts of an
//! image.
//!
//! | key | stem | part |
//! |---|---|---|
//! | `tag` | | [`Part::Tag`] |
//! | `imageTag`, `image_tag`, `image.tag` | `image` | [`Part::Tag`] |
//! | `webImage`, `WEB_IMAGE`, `baseimage` | `webimage`, … | [`Part::Image`] |
//! | `sidecar.image.repository` | `sidecarimage` | [`Part::Repository`] |
//! | `images[0].tag` | `0image` | [`Part::Tag`] |
//! | `dockerTag`, `webVersion` | `dockerimage`, `webimage` | [`Part::Tag`], if there is such an image |
//!
//! What has one stem in one mapping belongs together.

use std::borrow::Cow;

/// A part of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// The whole reference, or its repository.
    Image,
    Registry,
    Repository,
    /// The repository, or its last component.
    Name,
    /// The whole reference, by one of the words that others have for it.
    Reference,
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
    /// Whether the key speaks of an image only where another one of its stem does: `webVersion`.
    pub is_implied: bool,
}

/// The last words of keys: `tag` counts before `version`.
const WORDS: [(&str, Part); 14] = [
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
    ("reference", Part::Reference),
    ("ref", Part::Reference),
    ("uri", Part::Reference),
    ("url", Part::Reference),
];

/// Stems that name no image in particular, so that a `tag` or a `version` beside it can only be theirs: the
/// Prometheus operator had `baseImage`, `tag` and `version`.
const OF_ANY: [&str; 4] = ["baseimage", "dockerimage", "containerimage", "ociimage"];

/// What Argo CD Image Updater is told by annotations are names of parameters, and what to look for.
const OF_IMAGE_UPDATER: &str = "argocd-image-updater.argoproj.io/";

/// Whether `key` is a name at all: what has a blank in it is a line of prose or of a script, which reads as a key and
/// its value (`echo image: acme/web:v1`).
fn is_name(key: &str) -> bool {
    !key.contains(char::is_whitespace)
}

/// What `key` says; none where it says nothing of images.
pub(super) fn read(key: &str) -> Option<Meaning> {
    // Operators name the images of their operands so (Operator Lifecycle Manager, "relatedImages").
    if key.starts_with("RELATED_IMAGE_") && is_name(key) {
        return Some(Meaning {
            stem: plain(key),
            part: Part::Image,
            rank: 0,
            is_implied: false,
        });
    }
    let key = &*of_an_item(key);
    let bytes = key.as_bytes();
    let last = bytes.last()?.to_ascii_lowercase();
    let ends_with = |word: &[u8]| {
        let end = bytes.len().checked_sub(word.len());
        let end = end.and_then(|at| bytes.get(at..));
        // Most keys end with none of the words, as their last letter tells.
        word.last() == Some(&last) && end.is_some_and(|end| end.eq_ignore_ascii_case(word))
    };
    let mut words = WORDS.iter().enumerate();
    let (rank, (word, part)) = words.find(|(_, (word, _))| ends_with(word.as_bytes()))?;
    if key == "apiVersion" || key.starts_with(OF_IMAGE_UPDATER) || !is_name(key) {
        return None;
    }
    let plain = plain(key);
    let stem = match part {
        Part::Image => plain.as_str(),
        _ => plain.strip_suffix(word)?,
    };
    let is_own = stem.is_empty() || stem.ends_with("image");
    let meaning = |stem: String, is_implied: bool| Meaning {
        stem,
        part: *part,
        rank: if is_implied { rank + WORDS.len() } else { rank },
        is_implied,
    };
    match part {
        _ if is_own => Some(meaning(stem.to_owned(), false)),
        Part::Tag | Part::Digest => Some(meaning(format!("{stem}image"), true)),
        _ => None,
    }
}

/// A key by which Helm's parameters lead to an item of a list, as one about an image of its own: `images[1].tag`.
fn of_an_item(key: &str) -> Cow<'_, str> {
    let item = || {
        let (before, behind) = key.split_once('[')?;
        let (item, behind) = behind.split_once(']')?;
        let before = before
            .strip_suffix("images")
            .or_else(|| before.strip_suffix("image"))?;
        let is_number = !item.is_empty() && item.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| format!("{before}{item}image{behind}"))
    };
    item().map_or(Cow::Borrowed(key), Cow::Owned)
}

/// Whether `stem` names no image in particular.
pub(super) fn is_of_any(stem: &str) -> bool {
    OF_ANY.contains(&stem)
}

/// Whether `key` is about one image: `image`, `webImage`, `sidecar_image`.
pub(super) fn is_image(key: &str) -> bool {
    ends_with(key, "image") && is_name(key)
}

/// Whether `key` holds the repository of an image, without its version.
pub(super) fn is_repository(key: &str) -> bool {
    read(key).is_some_and(|meaning| meaning.part == Part::Repository)
}

/// Whether `key` has a word for a version in it: `imageTag`, `tagPrefix`, `kafkaVersion`.
pub(super) fn mentions_version(key: &str) -> bool {
    let plain = plain(key);
    let is_end = |word: &&str| plain.ends_with(word);
    let of_others = ["api", "app", "chart", "kube", "max", "min", "schema"];
    let is_of_others = |rest: &str| of_others.iter().any(|word| rest.ends_with(word));
    !plain.strip_suffix("version").is_some_and(is_of_others)
        && (plain.starts_with("tag") || ["tag", "tags", "version", "versions"].iter().any(is_end))
}

/// Whether `key` holds what goes before a name: a registry, or a repository.
pub(super) fn is_front(key: &str) -> bool {
    let is_part = |meaning: Meaning| matches!(meaning.part, Part::Registry | Part::Repository);
    key == "hub" || read(key).is_some_and(is_part)
}

/// Whether `key` holds a registry.
pub(super) fn is_registry(key: &str) -> bool {
    read(key).is_some_and(|meaning| matches!(meaning.part, Part::Registry))
}

/// Whether `other`, beside the key `own` that holds the name of an image, may hold its version: `webTag` beside
/// `webRepository`, `tag` or `targetRevision` beside anything.
pub(super) fn is_version_beside(own: &str, other: &str) -> bool {
    const NAMES: [&str; 9] = [
        "imagerepository",
        "imagename",
        "repository",
        "repo",
        "image",
        "name",
        "uri",
        "url",
        "ref",
    ];
    const VERSIONS: [&str; 7] = [
        "imagetag",
        "imageversion",
        "imagedigest",
        "tag",
        "version",
        "revision",
        "digest",
    ];
    let stem = |key: &str, ends: &[&str]| {
        let key = plain(key);
        let mut ends = ends.iter();
        ends.find_map(|end| key.strip_suffix(end).map(str::to_owned))
    };
    let Some(version) = stem(other, &VERSIONS).filter(|_| other != "apiVersion") else {
        return false;
    };
    let is_any = matches!(version.as_str(), "" | "new" | "target" | "image");
    is_any || stem(own, &NAMES).unwrap_or_else(|| plain(own)) == version
}

/// Whether `key` is about images in some way.
pub(super) fn mentions_image(key: &str) -> bool {
    key.len() >= "image".len() && is_name(key) && plain(key).contains("image")
}

/// Whether `key` says that what it holds is a version of something, or several are: `targetRevision`, `imageTags`.
pub(super) fn says_version(key: &str) -> bool {
    let plain = plain(key);
    let word = plain.strip_suffix('s').unwrap_or(&plain);
    let ends = [
        "tag", "version", "revision", "release", "commit", "build", "sha", "image",
    ];
    ends.iter().any(|end| word.ends_with(end))
}

/// Whether `key` holds several images.
pub(super) fn is_images(key: &str) -> bool {
    ends_with(key, "images") && is_name(key)
}

/// Whether `key` holds what describes an object: `annotations`, `podLabels`.
pub(super) fn is_description(key: &str) -> bool {
    ends_with(key, "annotations") || ends_with(key, "labels")
}

/// Whether `key` holds what objects are selected by: `matchLabels`, `nodeSelector`.
pub(super) fn selects(key: &str) -> bool {
    ends_with(key, "labels") || ends_with(key, "selector")
}

/// What `key` is about, without the words that say nothing of which image it is; none where nothing is left.
pub(super) fn subject(key: &str) -> Option<String> {
    let mut rest = plain(key);
    for end in ["version", "tag", "images", "image"] {
        if let Some(start) = rest.strip_suffix(end) {
            rest = start.to_owned();
        }
    }
    let says_something = rest.len() > 1
        && !rest.bytes().all(|b| b.is_ascii_digit())
        && !OF_NO_IMAGE.contains(&rest.as_str());
    says_something.then_some(rest)
}

/// Words on the way to a tag that lead to an image of any name.
const OF_NO_IMAGE: [&str; 46] = [
    "global",
    "spec",
    "values",
    "valuesobject",
    "valuesinline",
    "helm",
    "source",
    "sources",
    "data",
    "parameters",
    "name",
    "value",
    "default",
    "defaults",
    "app",
    "application",
    "main",
    "common",
    "base",
    "docker",
    "container",
    "containers",
    "controller",
    "controllers",
    "deployment",
    "helmcharts",
    "patches",
    "patch",
    "template",
    "set",
    "releases",
    "chart",
    "service",
    "pod",
    "kustomize",
    "yaml",
    "yml",
    "generators",
    "list",
    "elements",
    "substitute",
    "postbuild",
    "env",
    "config",
    "metadata",
    "release",
];

/// In lower case, without what stands between words.
pub(super) fn plain(key: &str) -> String {
    letters(key).collect()
}

/// Whether what is [`plain`] of `key` ends with `word`. Most keys of a file end with none of the words, as their last
/// letter tells.
fn ends_with(key: &str, word: &str) -> bool {
    let mut letters = letters(key).rev();
    word.chars().rev().all(|own| letters.next() == Some(own))
}

fn letters(key: &str) -> impl DoubleEndedIterator<Item = char> {
    let letters = key.chars().filter(|c| !matches!(c, '_' | '-' | '.' | '/'));
    letters.map(|c| c.to_ascii_lowercase())
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
            ("k8sVersion", Some(("k8simage", Part::Tag))),
            ("dockerTag", Some(("dockerimage", Part::Tag))),
            (
                "dockerImageReference",
                Some(("dockerimage", Part::Reference)),
            ),
            ("apiVersion", None),
            ("argocd-image-updater.argoproj.io/web.helm.image-tag", None),
            ("", None),
            ("echo image", None),
            ("the web-image", None),
        ] {
            let read = read(key);
            let read = read.as_ref().map(|read| (read.stem.as_str(), read.part));
            assert_eq!(read, expected, "{key}");
        }
    }
}
