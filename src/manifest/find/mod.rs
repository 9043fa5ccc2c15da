//! Where images live in a file, whatever kind of file it is.
//!
//! Two questions find them: which keys of a mapping belong together (`family.rs`, by [`super::keys`]), and what
//! is around it.

mod family;
mod mapping;
mod named;
mod subject;

use std::collections::HashSet;

use mapping::Finder;

pub(super) use named::{all_named, named};
pub(super) use subject::{front_of, is_about, may_be_tag_of, names_an_image, tag_is_of};

use super::keys;
use super::kustomize::ImageEntry;
use super::parts::{Home, Parts, is_versioned};
use super::site::Site;
use super::slot::{self, Slot};
use super::workload;
use super::write::Obstacle;
use crate::files::RepoPath;
use crate::limits::{Exceeded, IMAGES};
use crate::yaml::{Content, NodeId, Stream};

/// All sites of a file, in the order of the text.
///
/// # Errors
/// More of them than are taken in.
pub(super) fn sites(stream: &Stream<'_>, file: &RepoPath) -> Result<Vec<Site>, Exceeded> {
    let finder = Finder::new(stream);
    let mut sites = Vec::new();
    // Nodes that a site has taken, so that the more general rules leave them alone.
    let mut taken = HashSet::new();
    let most = IMAGES.most() as usize + 1;
    for (id, node) in stream.nodes() {
        IMAGES.check(sites.len() as u64)?;
        if node.is_scalar() || taken.contains(&id) {
            continue;
        }
        match stream.content(id) {
            // Kustomize's transformers have an entry by itself.
            Content::Mapping(_) if stream.get(id, "newTag").is_some() => {
                match ImageEntry::find(stream, file, id) {
                    Some(entry) => sites.push(Site::entry(id, entry)),
                    None => sites.extend(finder.in_mapping(id)),
                }
            }
            Content::Mapping(_) => sites.extend(finder.in_mapping(id)),
            Content::Sequence(items) => {
                let key = stream.key_of(id).unwrap_or_default();
                if key == "images" {
                    for item in items.take(most) {
                        if let Some(entry) = ImageEntry::find(stream, file, item) {
                            taken.insert(item);
                            sites.push(Site::entry(item, entry));
                        }
                    }
                }
                if keys::is_images(key) || keys::is_image(key) {
                    let listed = items.filter_map(|item| listed(stream, item));
                    sites.extend(listed.take(most));
                } else if workload::is_container_list(key) {
                    let without = |item| without_image(&finder, item);
                    sites.extend(items.filter_map(without).take(most));
                } else {
                    sites.extend(finder.in_values(items));
                }
            }
            Content::Alias { target, .. } => {
                if finder.is_used_as_image(id) {
                    sites.extend(finder.through(id, target));
                }
            }
            Content::Scalar(_) => {}
        }
    }
    IMAGES.check(sites.len() as u64)?;
    for site in &mut sites {
        finder.obstruct_names(site);
    }
    sites.sort_by_key(|site| site.node);
    Ok(sites)
}

/// A container whose image is not written in it, or not as an image.
fn without_image(finder: &Finder<'_, '_>, item: NodeId) -> Option<Site> {
    let stream = finder.stream;
    let mapping = match stream.content(item) {
        Content::Alias { .. } => return None,
        _ => item,
    };
    let name = workload::name(stream, mapping);
    let obstacle = match stream.get(mapping, "image") {
        Some(image) => match stream.content(image) {
            Content::Mapping(_) if !finder.in_mapping(image).is_empty() => return None,
            Content::Mapping(_) | Content::Sequence(_) => {
                let obstacle = slot::no_scalar(stream, image);
                return Some(Site::obstructed(image, name, obstacle));
            }
            Content::Scalar(_) | Content::Alias { .. } => return None,
        },
        None if stream.get(mapping, "<<").is_some() => {
            let is_found = !finder.in_mapping(mapping).is_empty();
            return (!is_found && name.is_some())
                .then(|| Site::obstructed(item, name, Obstacle::NoImage));
        }
        None => Obstacle::NoImage,
    };
    name.is_some()
        .then(|| Site::obstructed(item, name, obstacle))
}

/// A reference in a list of them.
fn listed(stream: &Stream<'_>, item: NodeId) -> Option<Site> {
    let (label, slot) = Slot::item(stream, item)?;
    let list = stream[item].parent;
    let around = list.and_then(|list| stream[list].parent);
    let of_kustomize = around.and_then(|around| stream.key_of(around)) == Some("kustomize");
    let is_whole = label.is_some() || of_kustomize || is_versioned(&slot.value);
    let home = if is_whole {
        Home::Behind
    } else {
        Home::Unknown
    };
    let mut site = Site::parts(item, Parts::whole(slot, home));
    site.label = label;
    site.has_reference().then_some(site)
}
