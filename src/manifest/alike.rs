//! Places of one repository that held different images.

use std::collections::{BTreeMap, HashSet};

use crate::image::ImageReference;

use super::change::ImageChange;

/// The words of a tag that say which line of tags it belongs to: `web` of `web-v2`, `alpine` of
/// `1.27-alpine`. Numbers, hashes and what tells versions of one line apart are none.
pub(super) fn words(tag: &str) -> Vec<&str> {
    const OF_VERSIONS: [&str; 12] = [
        "v", "rc", "alpha", "beta", "pre", "dev", "snapshot", "build", "sha", "git", "latest",
        "stable",
    ];
    let is_hash = |word: &str| word.len() > 5 && word.bytes().all(|b| b.is_ascii_hexdigit());
    let parts = tag.split(['-', '_', '.']);
    let words = parts.filter(|word| {
        word.len() > 1
            && word.chars().all(|c| c.is_ascii_alphabetic())
            && !is_hash(word)
            && !OF_VERSIONS.contains(&word.to_ascii_lowercase().as_str())
    });
    words.collect()
}

/// Which of the images `held` belong to another line of tags than `wanted`, where one of them belongs to
/// the same: in `app:web-v1` and `app:worker-v1`, `app:web-v2` means the first.
pub(super) fn of_other_lines(held: &[&str], wanted: &ImageReference) -> Vec<bool> {
    let wanted = words(wanted.tag().unwrap_or_default());
    let tags: Vec<Option<ImageReference>> = held.iter().map(|text| text.parse().ok()).collect();
    let words: Vec<Vec<&str>> = tags
        .iter()
        .map(|image| {
            image
                .as_ref()
                .and_then(|image| image.tag())
                .map(words)
                .unwrap_or_default()
        })
        .collect();
    let is_told = !wanted.is_empty() && words.contains(&wanted);
    let is_other = |own: &Vec<&str>| is_told && !own.is_empty() && *own != wanted;
    words.iter().map(is_other).collect()
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
        "These places held different images, and all hold {} now: {}. Where that was not meant, name {}the place with `path`",
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
