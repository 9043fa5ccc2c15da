//! What decides which version runs, and stands beside the place of an image: told with the lines to write.

use crate::image::ImageReference;
use crate::yaml::{Content, NewValue, NodeId};

use super::file::Manifest;
use super::keys::{self, Part};
use super::site::Site;
use super::write::Obstacle;

/// `obstacle` with what the file says of it.
pub(super) fn explained(
    manifest: &Manifest<'_>,
    site: &Site,
    obstacle: Obstacle,
    image: &ImageReference,
) -> Obstacle {
    match (obstacle, site.version_elsewhere()) {
        (Obstacle::NameOnly { .. }, Some(node)) => version_elsewhere(manifest, site, node, image),
        (Obstacle::UsesDigest { .. }, _) => Obstacle::UsesDigest {
            advice: how_to_unpin(manifest, site),
        },
        (other, _) => other,
    }
}

/// The key of the value at `node`, and its line.
fn key_and_line(manifest: &Manifest<'_>, node: NodeId) -> (String, usize) {
    let key = manifest.stream.key_of(node).unwrap_or_default();
    (format!("`{key}`"), manifest.line(node))
}

fn version_elsewhere(
    manifest: &Manifest<'_>,
    site: &Site,
    node: NodeId,
    image: &ImageReference,
) -> Obstacle {
    let (key, line) = key_and_line(manifest, node);
    let is_tag = keys::read(key.trim_matches('`')).is_some_and(|own| own.part == Part::Tag);
    let mut ways = Vec::new();
    match manifest.address(node).filter(|_| is_tag) {
        Some(path) => ways.push(format!(
            "to write the tag there, add the input `path: {path}`"
        )),
        None => ways.push(format!(
            "where {key} makes up the tag, change it with `set`"
        )),
    }
    let is_mapping = matches!(manifest.stream.content(site.node), Content::Mapping(_));
    let own = manifest.address(site.node);
    let version = image.tag().or(image.digest()).unwrap_or_default();
    let version = NewValue::Text(version.to_owned()).written();
    if let Some(path) = own {
        ways.push(match is_mapping {
            true => format!(
                "where the tag is read beside the name, write it there once, with `set: {path}.tag:={version}` in place of the line in `image`"
            ),
            false => format!(
                "where the tag is read behind the name, write it there once, with `set: {path}={image}` in place of the line in `image`"
            ),
        });
    }
    Obstacle::VersionElsewhere {
        key,
        place: format!("line {line}"),
        advice: ways.join("; "),
    }
}

/// What to do where `useDigest` is on, and the image asked for has no digest, or the file has no place for it.
fn how_to_unpin(manifest: &Manifest<'_>, site: &Site) -> String {
    let Some(pins) = site.pins() else {
        return String::new();
    };
    let switch = pins.switch.map(|(node, _)| node);
    let line = switch.map_or(1, |node| manifest.line(node));
    let others: Vec<String> = pins
        .others
        .iter()
        .map(|node| key_and_line(manifest, *node).0)
        .collect();
    let with_digest = match others.as_slice() {
        [] => "Ask for NAME:TAG@DIGEST (`pin-digest: true` looks the digest up)".to_owned(),
        others => format!(
            "Write the tag and {} with `set` in place of the line in `image`",
            others.join(", ")
        ),
    };
    let off = switch.and_then(|node| manifest.address(node)).map(|path| {
        format!("; or, to deploy by the tag from now on, run this step once with `set: {path}=false` in place of the line in `image`")
    });
    format!(
        "`useDigest` is on, line {line}. {with_digest}{}",
        off.unwrap_or_default()
    )
}

/// The warning for a registry of all images where this one has its own, and was asked for with that.
pub(super) fn told_of_registry(
    manifest: &Manifest<'_>,
    site: &Site,
    image: &ImageReference,
) -> Option<String> {
    let (global, own) = site.registries()?;
    let is_own = image.registry() == own && image.registry() != global;
    is_own.then(|| {
        format!(
            "{} line {}: the registry of this image is {own}, and `global.imageRegistry` is {global}: which of them counts is up to the chart. What is told of it is {image}, as asked for",
            manifest.file.path,
            manifest.line(site.node)
        )
    })
}

/// The warning for digests that `site` has beside the tag that is written there, where nothing says whether they
/// are used.
pub(super) fn told_of_pins(
    manifest: &Manifest<'_>,
    site: &Site,
    image: &ImageReference,
) -> Option<String> {
    let pins = site.pins()?;
    let (file, line) = (&manifest.file.path, manifest.line(site.node));
    match pins.switch {
        Some((node, false)) if image.digest().is_some() => Some(format!(
            "{file} line {}: `useDigest` is off, so the digest of {image} may be read by nobody",
            manifest.line(node)
        )),
        None if !pins.others.is_empty() => {
            let others = pins.others.iter().map(|node| {
                let (key, line) = key_and_line(manifest, *node);
                format!("{key} (line {line})")
            });
            let others: Vec<String> = others.collect();
            Some(format!(
                "{file} line {line}: {} stays as it is beside the image that is {image} now: where the chart reads that digest, the old image stays in force; write it with `set`",
                others.join(", ")
            ))
        }
        _ => None,
    }
}
