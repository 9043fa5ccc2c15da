//! Where a file has the text of an image that no place of it holds: what a person sees there, and asks about.

use crate::image::{self, ImageReference};
use crate::yaml::{NewValue, NodeId, Role};

use super::error::Mention;
use super::file::Manifest;
use super::find;
use super::keys;
use super::parts::is_versioned;
use super::request::EditRequest;

/// How many are told of.
const MOST: usize = 5;

/// The texts that name the repository of `image`, in the order of the files.
pub(super) fn of(
    manifests: &[Manifest<'_>],
    image: &ImageReference,
    request: &EditRequest,
) -> Vec<Mention> {
    let mut mentions = Vec::new();
    for manifest in manifests {
        for (node, why) in in_values(manifest, image, request) {
            mentions.push(Mention {
                file: manifest.file.path.clone(),
                line: manifest.line(node),
                why,
            });
        }
    }
    for manifest in manifests
        .iter()
        .filter(|manifest| manifest.nested.is_none())
    {
        let of_file = |mention: &Mention| mention.file == manifest.file.path;
        if !mentions.iter().any(of_file) {
            mentions.extend(in_lines(manifest, image));
        }
    }
    let holds_images = |manifest: &Manifest<'_>| manifest.sites.iter().any(|s| !s.text.is_empty());
    if mentions.is_empty() && !manifests.iter().any(holds_images) {
        // Whoever sees the word in the file is not told that there is nothing.
        let files = manifests.iter().filter(|m| m.nested.is_none());
        mentions.extend(files.flat_map(|manifest| lines_with(manifest, image, word)));
    }
    mentions.truncate(MOST);
    mentions
}

/// The values that have the text.
fn in_values(
    manifest: &Manifest<'_>,
    image: &ImageReference,
    request: &EditRequest,
) -> Vec<(NodeId, String)> {
    let stream = &manifest.stream;
    let is_inside = |node: NodeId| stream[node].role != Role::Root;
    let values = stream.nodes().filter(|(_, node)| node.role != Role::Key);
    let values = values.filter_map(|(node, _)| Some((node, stream.value(node)?.trim_end())));
    let values = values.filter(|(node, text)| {
        is_inside(*node) && position(text, image.repository_as_written()).is_some()
    });
    let values = values.filter(|(node, _)| stream.inside(*node).is_none());
    // What names or selects objects is no place for an image: to write one there breaks what selects by it.
    let values = values.filter(|(node, _)| {
        let mut around = std::iter::once(*node).chain(stream.ancestors(*node));
        !around.any(|node| stream.key_of(node).is_some_and(keys::selects))
    });
    let told = values.map(|(node, text)| (node, why(manifest, node, text, image, request)));
    told.collect()
}

fn why(
    manifest: &Manifest<'_>,
    node: NodeId,
    text: &str,
    image: &ImageReference,
    request: &EditRequest,
) -> String {
    let stream = &manifest.stream;
    let path = manifest.path_by_names(node);
    let Some(written) = manifest.address(node) else {
        return format!(
            "{path}: in a text of several documents, in which a path leads to the first alone"
        );
    };
    let key = stream.key_of(node).unwrap_or_default();
    if let Some(kind) = find::kind_of_names(stream, node) {
        return format!(
            "{path}: versions are looked up for this {kind}, so nothing is written there"
        );
    }
    let is_chosen_out = !request.resources.is_empty() || !request.paths.is_empty();
    if keys::is_image(key) && is_chosen_out {
        let input = if request.paths.is_empty() {
            "resource"
        } else {
            "path"
        };
        return format!("{path}: `{input}` leaves it out");
    }
    let is_whole = image::repository_meant(text).is_some_and(|own| own.same_repository(image));
    let step = match request.images.len() {
        1 => "add the input",
        _ => "set it in a step of its own, with the input",
    };
    if is_whole && is_versioned(text) {
        return format!(
            "{path}: the key says nothing of an image. If it is one, {step} `path: {written}`"
        );
    }
    if is_whole && key == "name" {
        // With a tag, it would name something else.
        return format!(
            "{path}: a name without a tag. If the tag is in another key, name that with `path`"
        );
    }
    if is_whole {
        return format!(
            "{path}: a name without a tag. If the tag is in another key, name that with `path`; if it belongs here, write it once, with `set: {written}={image}` in place of the line in `image`"
        );
    }
    if text.contains('\n') {
        return format!("{path}: in a text of several lines, which is not edited");
    }
    if keys::is_image(key) {
        return format!(
            "{path}: what is there can't be read as an image. Correct it once, with `set: {written}={image}` in place of the line in `image`"
        );
    }
    if keys::is_repository(key) {
        return format!(
            "{path}: what is there can't be read as a repository. Correct it, with `set: {written}={}` in a step before",
            image.repository_as_written()
        );
    }
    match replaced(text, image) {
        Some(new) => format!(
            "{path}: in a longer text. To change it, use `set: {written}={}` in place of the line in `image`",
            NewValue::Text(new).written()
        ),
        None => format!("{path}: in a longer text"),
    }
}

/// `text` with `image` in place of the reference to it.
fn replaced(text: &str, image: &ImageReference) -> Option<String> {
    let repository = image.repository_as_written();
    let start = position(text, repository)?;
    let behind = text.get(start + repository.len()..)?;
    let is_version =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ':' | '@');
    let end = behind.find(|c| !is_version(c)).unwrap_or(behind.len());
    if !behind.starts_with([':', '@']) {
        return None;
    }
    let before = text.get(..start)?;
    Some(format!("{before}{image}{}", behind.get(end..)?))
}

/// The lines that have the text, where no value has it.
fn in_lines(manifest: &Manifest<'_>, image: &ImageReference) -> Vec<Mention> {
    lines_with(manifest, image, position)
}

/// The lines in which `find` sees the repository.
fn lines_with(
    manifest: &Manifest<'_>,
    image: &ImageReference,
    find: fn(&str, &str) -> Option<usize>,
) -> Vec<Mention> {
    let text = String::from_utf8_lossy(&manifest.file.bytes);
    let stream = &manifest.stream;
    let is_text = |root: &NodeId| stream.value(*root).is_some_and(|value| !value.is_empty());
    let is_no_yaml = stream.roots().iter().any(is_text);
    let lines = text.lines().enumerate();
    let lines = lines.filter_map(|(number, line)| {
        let at = find(line, image.repository_as_written())?;
        let is_comment = line.get(..at).is_some_and(|before| before.contains('#'));
        let why = match (is_no_yaml, is_comment) {
            (true, _) => {
                "and the file is neither YAML nor JSON with keys or items: only those are edited"
            }
            (_, true) => "in a comment",
            _ => "not as a value of its own",
        };
        Some(Mention {
            file: manifest.file.path.clone(),
            line: number + 1,
            why: why.to_owned(),
        })
    });
    lines.collect()
}

/// Where `text` names `repository`, in any case, and not a longer one. A single word says too little without a version.
fn position(text: &str, repository: &str) -> Option<usize> {
    let continues = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/');
    let same_case = [text, repository].map(str::to_ascii_lowercase);
    let mut found = same_case[0].match_indices(&same_case[1]);
    let found = found.find(|(at, _)| {
        let before = text.get(..*at).unwrap_or_default();
        let behind = text.get(at + repository.len()..).unwrap_or_default();
        let is_start = before.ends_with("://") || !before.ends_with(continues);
        let is_end = match repository.contains('/') {
            true => !behind.starts_with(continues),
            false => {
                let is_all = before.is_empty() && behind.is_empty();
                is_all || (behind.starts_with([':', '@']) && !behind.starts_with(": "))
            }
        };
        is_start && is_end
    });
    found.map(|(at, _)| at)
}

/// Where `text` has the word that `repository` is, in any case.
fn word(text: &str, repository: &str) -> Option<usize> {
    let continues = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/');
    let same_case = [text, repository].map(str::to_ascii_lowercase);
    let mut found = same_case[0].match_indices(&same_case[1]).map(|(at, _)| at);
    found.find(|at| {
        let before = text.get(..*at).unwrap_or_default();
        let behind = text.get(at + repository.len()..).unwrap_or_default();
        !before.ends_with(continues) && !behind.starts_with(continues)
    })
}
