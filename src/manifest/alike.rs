//! Places of one repository that held different images.

use std::collections::{BTreeMap, HashSet};

use crate::image::ImageReference;

use super::change::ImageChange;

/// The words of a tag that say which line of tags it belongs to: `web` of `web-v2`, `alpine` of
/// `1.27-alpine3.20`, `arm` of `v1-arm64`. Numbers, hashes and what tells versions of one line apart are none.
pub(super) fn words(tag: &str) -> Vec<&str> {
    const OF_VERSIONS: [&str; 26] = [
        "v", "rc", "cr", "alpha", "beta", "pre", "preview", "ea", "dev", "canary", "nightly",
        "next", "snapshot", "build", "sha", "git", "latest", "stable", "release", "final", "ga",
        "sp", "hotfix", "patch", "post", "fix",
    ];
    let is_hash = |word: &str| word.len() > 5 && word.bytes().all(|b| b.is_ascii_hexdigit());
    let parts = tag.split(['-', '_', '.']).filter(|part| !is_hash(part));
    // A number behind a word may be its version: `jdk17`, `alpine3`.
    let words = parts.filter_map(|part| {
        let end = part.find(|c: char| !c.is_ascii_alphabetic());
        let (word, number) = part.split_at_checked(end.unwrap_or(part.len()))?;
        let unit = number.trim_start_matches(|c: char| c.is_ascii_digit());
        unit.bytes()
            .all(|b| b.is_ascii_alphabetic())
            .then_some(word)
    });
    let words = words.filter(|word| {
        word.len() > 1 && !OF_VERSIONS.contains(&word.to_ascii_lowercase().as_str())
    });
    words.collect()
}

/// Which of the images `held` belong to another line of tags than `wanted`, where one of them belongs to
/// the same: in `app:web-v1` and `app:worker-v1`, `app:web-v2` means the first, and in `app:v1` and
/// `app:migrations-v1`, `app:v2` does. A name without a version, as `main`, may be followed by any.
pub(super) fn of_other_lines(held: &[&str], wanted: &ImageReference) -> Vec<bool> {
    let wanted = words(wanted.tag().unwrap_or_default());
    let images: Vec<Option<ImageReference>> = held.iter().map(|text| text.parse().ok()).collect();
    let tags: Vec<Option<&str>> = images
        .iter()
        .map(|image| image.as_ref().and_then(ImageReference::tag))
        .collect();
    let has_number = |tag: &str| tag.contains(|c: char| c.is_ascii_digit());
    let is_same = |tag: &&str| words(tag) == wanted && (!wanted.is_empty() || has_number(tag));
    let is_told = tags.iter().flatten().any(is_same);
    let is_other = |tag: &Option<&str>| {
        tag.is_some_and(|tag| {
            let own = words(tag);
            let are_both = !own.is_empty() && !wanted.is_empty();
            is_told && own != wanted && (are_both || has_number(tag))
        })
    };
    tags.iter().map(is_other).collect()
}

/// The warnings for places that differed before and hold one image now.
pub(super) fn made_alike(changes: &[&ImageChange]) -> Vec<String> {
    // An entry of Kustomize's may keep a name of its own.
    let mut alike: BTreeMap<String, Vec<&ImageChange>> = BTreeMap::new();
    for change in changes {
        alike.entry(full(&change.new)).or_default().push(change);
    }
    let alike = alike.into_values();
    alike.filter_map(|changes| told(&changes)).collect()
}

/// `docker.io/acme/web:v1`, however it is written.
fn full(text: &str) -> String {
    match text.parse::<ImageReference>() {
        Ok(image) => {
            let version = image.to_string();
            let version = version.strip_prefix(image.repository_as_written());
            format!("{}{}", image.repository(), version.unwrap_or_default())
        }
        Err(_) => text.to_owned(),
    }
}

/// The warning for places that hold one image now, if they differed before.
fn told(changes: &[&ImageChange]) -> Option<String> {
    let mut before: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for change in changes.iter().filter(|change| !change.old.is_empty()) {
        let container = change
            .container
            .iter()
            .map(|name| format!("container {name}, "));
        let place = format!(
            "{}{} line {}",
            container.collect::<String>(),
            change.file,
            change.line
        );
        before.entry(full(&change.old)).or_default().push(place);
    }
    let first = changes.first().filter(|_| before.len() > 1)?;
    let listed: Vec<String> = before
        .iter()
        .map(|(image, places)| format!("{image} ({})", places.join("; ")))
        .collect();
    // Each with its file and line.
    Some(format!(
        "These places held different images, and all are to hold {}: {}. Where that was not meant, name {}the place with `path`",
        first.new,
        listed.join(", "),
        told_apart_by(changes)
    ))
}

/// What tells the places apart, as the begin of a list of what to name.
fn told_apart_by(changes: &[&ImageChange]) -> String {
    let differ = |of: fn(&ImageChange) -> Option<&str>| {
        let all: Option<HashSet<&str>> = changes.iter().map(|change| of(change)).collect();
        all.is_some_and(|all| all.len() > 1)
    };
    let mut told = String::new();
    if differ(|change| change.container.as_deref()) {
        told.push_str("the container (CONTAINER=IMAGE), ");
    }
    if differ(object_of)
        && let Some(first) = changes.first()
    {
        told.push_str(&format!("the object (`resource: {}`), ", first.resource));
    }
    if !told.is_empty() {
        told.push_str("or ");
    }
    told
}

/// The object that it is in, by kind and name.
fn object_of(change: &ImageChange) -> Option<&str> {
    change.resource.contains('/').then_some(&change.resource)
}
