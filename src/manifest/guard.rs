//! What is checked around a plan, whatever shape its images have.

use crate::files::RepoPath;
use crate::image::{self, ImageReference};
use crate::yaml::{NewValue, NodeId, Stream};

use super::change::Note;
use super::error::ManifestError;
use super::file::Manifest;
use super::place::Place;
use super::request::{ImageAssignment, ValueAssignment, tag_alone};
use super::site::Site;
use super::slot::Slot;

/// An image that a place of a file is to hold.
pub(super) struct Promise<'r> {
    /// Which of the file's sites, in the order of the text.
    pub number: usize,
    pub place: Place,
    pub file: RepoPath,
    pub line: usize,
    pub assignment: &'r ImageAssignment,
}

/// Refuses to change a file for whose plain values SOPS vouches, too.
///
/// SOPS computes a MAC over all values, unless `mac_only_encrypted` says otherwise (getsops/sops, "Message
/// Authentication Code").
pub(super) fn refuse_signed(manifest: &Manifest<'_>) -> Result<(), ManifestError> {
    match is_signed_stream(&manifest.stream) {
        true => Err(ManifestError::Signed {
            file: manifest.file.path.clone(),
        }),
        false => Ok(()),
    }
}

/// Whether SOPS vouches for the plain values of a file, too.
pub fn is_signed(bytes: &[u8]) -> bool {
    Stream::parse(bytes).is_ok_and(|stream| is_signed_stream(&stream))
}

fn is_signed_stream(stream: &Stream<'_>) -> bool {
    let is_signed = |root: &NodeId| {
        let sops = stream.get(*root, "sops")?;
        stream.get(sops, "mac")?;
        let only_encrypted = stream.get(sops, "mac_only_encrypted");
        let only_encrypted = only_encrypted.and_then(|node| stream.value(node));
        Some(!only_encrypted.is_some_and(|value| value.eq_ignore_ascii_case("true")))
    };
    let mut roots = stream.roots().iter();
    roots.any(|root| is_signed(root) == Some(true))
}

/// Refuses to write over what SOPS has encrypted, or to remove it: its MAC covers that in any case.
pub(super) fn refuse_encrypted(
    manifest: &Manifest<'_>,
    targets: impl Iterator<Item = NodeId>,
) -> Result<(), ManifestError> {
    let mut found = targets.filter_map(|node| encrypted_in(&manifest.stream, node));
    match found.next() {
        Some(node) => Err(ManifestError::Encrypted {
            file: manifest.file.path.clone(),
            line: manifest.line(node),
            path: manifest.path(node),
        }),
        None => Ok(()),
    }
}

/// What SOPS has encrypted at `node`, or in what is there.
fn encrypted_in(stream: &Stream<'_>, node: NodeId) -> Option<NodeId> {
    let is_encrypted = |value: &str| value.starts_with("ENC[") && value.ends_with(']');
    if stream.value(node).is_some_and(is_encrypted) {
        return Some(node);
    }
    let mut pairs = stream.pairs(node);
    let in_pairs = pairs.find_map(|(_, value)| encrypted_in(stream, value));
    in_pairs.or_else(|| {
        let mut items = stream.items(node);
        items.find_map(|item| encrypted_in(stream, item))
    })
}

/// Why a line of `set` can't mean what it says at `node`: that is an image, or its tag, and would be none afterwards.
/// None where it can. What holds something else already, such as a template, may hold anything.
pub(super) fn is_no_image(
    manifest: &Manifest<'_>,
    node: NodeId,
    assignment: &ValueAssignment,
) -> Option<String> {
    let new = match &assignment.value {
        NewValue::Text(text) => text,
        NewValue::Plain(text) if !matches!(text.as_str(), "null" | "Null" | "NULL" | "~") => text,
        _ => return None,
    };
    let placeholder = image::placeholder(new);
    let is_meant = assignment.is_text_meant() && placeholder.is_some();
    if new.is_empty() || is_meant {
        return None;
    }
    let old = manifest.stream.value(node).unwrap_or_default();
    let is_there = |part: fn(&Site) -> Option<&Slot>| {
        let mut parts = manifest.sites.iter().filter_map(part);
        parts.any(|slot| slot.node == node && slot.value == old)
    };
    let unfilled = placeholder.map(|text| {
        format!(
            "`{text}` was not filled in; to write it as it is on purpose, put the value in quotes"
        )
    });
    if is_there(Site::tag) {
        let is_version = |text: &str| match text.split_once('@') {
            Some((tag, digest)) => image::is_tag(tag) && image::is_digest(digest),
            None => image::is_tag(text) || image::is_digest(text),
        };
        let was_one = old.is_empty() || is_version(old);
        if !was_one || is_version(new) {
            return None;
        }
        let whole: Option<ImageReference> = new.parse().ok();
        let meant = whole.as_ref().and_then(ImageReference::tag);
        let why = unfilled.unwrap_or_else(|| match meant {
            Some(tag) => format!("write the tag alone, `{tag}`"),
            None => "a tag is made of letters, digits, `_`, `.` and `-`".to_owned(),
        });
        return Some(format!(
            "is the tag of an image, and {new} can't be one: {why}"
        ));
    }
    if is_there(Site::digest) {
        let was_one = old.is_empty() || image::is_digest(old);
        let why = unfilled
            .unwrap_or_else(|| "a digest is `sha256:` and 64 hexadecimal digits".to_owned());
        return (was_one && !image::is_digest(new))
            .then(|| format!("is the digest of an image, and {new} can't be one: {why}"));
    }
    if is_there(Site::repository) {
        let is_alone = |read: &ImageReference| read.tag().is_none() && read.digest().is_none();
        if !old.parse().is_ok_and(|old| is_alone(&old)) {
            return None;
        }
        let why = match new.parse::<ImageReference>() {
            Ok(new) if is_alone(&new) => return None,
            Ok(whole) => {
                let alone = whole.repository_as_written();
                format!("write the repository alone, `{alone}`")
            }
            Err(error) => unfilled.unwrap_or_else(|| error.to_string()),
        };
        return Some(format!(
            "is the repository of an image, and {new} can't be one: {why}"
        ));
    }
    if !is_there(Site::whole) {
        return None;
    }
    let old: ImageReference = old.parse().ok()?;
    old.tag().or(old.digest())?;
    let repository = old.repository_as_written();
    match (tag_alone(new), new.parse::<ImageReference>()) {
        (Some(tag), _) => Some(format!(
            "is a whole image, and {new} is a tag alone: write `{repository}:{tag}`"
        )),
        (None, Ok(_)) => None,
        (None, Err(error)) => {
            let why = unfilled.unwrap_or_else(|| error.to_string());
            Some(format!("is an image, and {new} can't be one: {why}"))
        }
    }
}

/// Refuses a result in which a place does not hold the image that it was to hold: `after` is what is read
/// now, and where it has as many sites as before, they are the same ones. Returns the place of each
/// promise.
pub(super) fn refuse_other_images<'m>(
    after: &'m [Manifest<'_>],
    count_before: usize,
    promises: &[Promise<'_>],
) -> Result<Vec<&'m Site>, ManifestError> {
    let mut sites: Vec<(&Manifest<'_>, &'m Site)> = Vec::new();
    let mut read = Vec::with_capacity(promises.len());
    for manifest in after {
        let first = sites.len();
        sites.extend(manifest.sites.iter().map(|site| (manifest, site)));
        if let Some(own) = sites.get_mut(first..) {
            own.sort_by_key(|(_, site)| site.node);
        }
    }
    let mut places: Vec<Option<Place>> = vec![None; sites.len()];
    let mut kept = vec![false; sites.len()];
    for promise in promises {
        let same = sites
            .get(promise.number)
            .filter(|_| sites.len() == count_before);
        if let Some((_, site)) = same.filter(|(_, site)| site.holds(promise.assignment)) {
            read.push(*site);
            continue;
        }
        // Others came or went, or what is around it has another name: then the place tells which it is.
        let found = sites
            .iter()
            .enumerate()
            .position(|(number, (manifest, site))| {
                let place = places[number].get_or_insert_with(|| manifest.place(site.node));
                !kept[number] && *place == promise.place && site.holds(promise.assignment)
            });
        let Some(number) = found else {
            let text = same.map(|(_, site)| site.text.as_str());
            return Err(ManifestError::OtherImage {
                file: promise.file.clone(),
                line: promise.line,
                found: match text {
                    None | Some("") => "no image".to_owned(),
                    Some(text) => text.to_owned(),
                },
                wanted: Box::new(promise.assignment.clone()),
            });
        };
        kept[number] = true;
        read.push(sites[number].1);
    }
    Ok(read)
}

/// Where the text `old` of an image stays in a file that holds another one now: in annotations, arguments,
/// variables.
pub(super) fn left_behind(
    file: &RepoPath,
    after: &Stream<'_>,
    old: &str,
    new: &str,
) -> Option<Note> {
    let mut lines: Vec<usize> = Vec::new();
    for (id, node) in after.nodes() {
        let Some(raw) = after.raw(id).filter(|raw| raw.contains(old)) else {
            continue;
        };
        let in_raw = raw.lines().enumerate();
        let in_raw = in_raw.filter(|(_, line)| names(line, old));
        // A block scalar's content begins on the line after the one its node is on, or on that.
        let first = match raw.starts_with(['|', '>']) {
            true => node.line() - 1,
            false => node.line(),
        };
        lines.extend(in_raw.map(|(number, _)| first + number));
    }
    lines.sort_unstable();
    lines.dedup();
    let first = *lines.first()?;
    let word = if lines.len() == 1 { "line" } else { "lines" };
    let lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
    Some(Note {
        file: file.clone(),
        line: first,
        text: format!(
            "{old}, which is {new} now elsewhere in the file, stays on {word} {}",
            lines.join(", ")
        ),
    })
}

/// Whether `old` is in `line`, and not as the beginning or the end of something longer.
fn names(line: &str, old: &str) -> bool {
    let continues = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '@' | '/');
    line.match_indices(old).any(|(at, _)| {
        let before = line.get(..at).and_then(|before| before.chars().next_back());
        let after = line
            .get(at + old.len()..)
            .and_then(|after| after.chars().next());
        !before.is_some_and(continues) && !after.is_some_and(continues)
    })
}
