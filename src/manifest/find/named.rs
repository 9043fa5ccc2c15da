//! The sites that a person names: what a scalar is where nobody but they say that it is an image.

use std::cell::RefCell;
use std::collections::HashMap;

use super::family::named_value;
use super::mapping::Finder;
use super::subject::front_of;
use crate::files::RepoPath;
use crate::image::{self, ImageReference};
use crate::manifest::keys::{self, Part};
use crate::manifest::kustomize::ImageEntry;
use crate::manifest::parts::{self, Home, Parts, is_versioned};
use crate::manifest::site::Site;
use crate::manifest::slot::{self, Slot};
use crate::manifest::write::Obstacle;
use crate::yaml::scalar;
use crate::yaml::{Content, NodeId, Role, Stream, Style};

/// The sites that `node`, named by a person who asks for `images`, is, is a part of, or holds.
pub fn named(
    stream: &Stream<'_>,
    file: &RepoPath,
    node: NodeId,
    images: &[&ImageReference],
) -> Site {
    let mut site = Named::new(stream, file, images).site(node);
    // Where charts put a registry of elsewhere before the name, that is a part of what is asked for.
    let front = site.bare_name().and_then(|slot| {
        let mut images = images.iter();
        images.find_map(|image| front_of(stream, slot.node, &slot.value, image))
    });
    if let Some((_, front)) = front {
        site.go_behind(front);
    }
    site
}

/// The same of each of `nodes`.
pub fn all_named(
    stream: &Stream<'_>,
    file: &RepoPath,
    nodes: impl Iterator<Item = NodeId>,
) -> Vec<Site> {
    let named = Named::new(stream, file, &[]);
    nodes.map(|node| named.site(node)).collect()
}

struct Named<'s, 't> {
    finder: Finder<'s, 't>,
    file: &'s RepoPath,
    /// The images that are asked for.
    asked: &'s [&'s ImageReference],
    /// The sites in mappings and lists that nodes of were named, by what they are made of.
    around: RefCell<HashMap<NodeId, HashMap<NodeId, Site>>>,
}

impl<'s, 't> Named<'s, 't> {
    fn new(stream: &'s Stream<'t>, file: &'s RepoPath, asked: &'s [&'s ImageReference]) -> Self {
        Self {
            finder: Finder::new(stream),
            file,
            asked,
            around: RefCell::default(),
        }
    }

    /// What `node`, named by a person, is, is a part of, or holds.
    fn site(&self, node: NodeId) -> Site {
        let mut site = self.named(node);
        self.finder.obstruct_names(&mut site);
        site.is_named = true;
        site
    }

    /// The first of the sites that `read` finds in a `collection` that `node` is a part of; they are read once.
    fn site_in(
        &self,
        collection: NodeId,
        node: NodeId,
        read: impl FnOnce() -> Vec<Site>,
    ) -> Option<Site> {
        let mut around = self.around.borrow_mut();
        let sites = around.entry(collection).or_insert_with(|| {
            let mut sites = HashMap::new();
            for site in read() {
                for slot in site.slots() {
                    sites.entry(slot.node).or_insert_with(|| site.clone());
                }
            }
            sites
        });
        sites.get(&node).cloned()
    }

    fn named(&self, node: NodeId) -> Site {
        let stream = self.finder.stream;
        let in_images = |node: NodeId| {
            let list = stream[node].parent;
            list.and_then(|list| stream.key_of(list)) == Some("images")
        };
        let mapping = match stream.content(node) {
            Content::Mapping(_) => Some(node),
            Content::Alias { target, .. } if !stream.pairs(target).is_empty() => {
                let mut sites = self.finder.through(node, target);
                if let (Some(site), true) = (sites.pop(), sites.is_empty()) {
                    return site;
                }
                return Site::obstructed(node, None, Obstacle::NotAString);
            }
            _ => None,
        };
        if let Some(mapping) = mapping {
            let is_entry = in_images(mapping) || stream.get(mapping, "newTag").is_some();
            if is_entry && let Some(entry) = ImageEntry::find(stream, self.file, mapping) {
                return Site::entry(mapping, entry);
            }
            let mut sites = self.finder.in_mapping(mapping);
            if sites.is_empty()
                && let Some(part) = stream
                    .get(mapping, "image")
                    .or_else(|| stream.get(mapping, "digest"))
            {
                return self.named(part);
            }
            return match (sites.pop(), sites.is_empty()) {
                (Some(site), true) => site,
                _ => Site::obstructed(node, None, slot::no_scalar(stream, node)),
            };
        }
        let Some(slot) = Slot::read(stream, key_of(stream, node), node) else {
            return Site::obstructed(node, None, slot::no_scalar(stream, node));
        };
        self.named_scalar(node, slot)
    }

    /// A scalar that a person has named, and that no other one makes up an image with: `part` is what its key,
    /// `name`, says. A text that is no reference, at a key that names no image, is the tag of one, whatever
    /// it looks like today.
    fn named_text(&self, node: NodeId, slot: Slot, name: &str, part: Option<Part>) -> Site {
        let whole = |slot, home| Site::parts(node, Parts::whole(slot, home));
        let is_asked =
            |image: &ImageReference| self.asked.iter().any(|own| own.name() == image.name());
        let slot = match slot.clone().behind_front() {
            // Where nobody asks, what was deployed is read.
            own if self.asked.is_empty() || own.value.parse().is_ok_and(|own| is_asked(&own)) => {
                own
            }
            _ => slot,
        };
        let says_image = match part {
            Some(Part::Reference) => keys::mentions_image(name),
            part => part.is_some(),
        };
        let around = self.finder.stream[node].parent;
        let around = around.and_then(|around| self.finder.stream.key_of(around));
        let says_version = keys::says_version(name) || around.is_some_and(keys::says_version);
        let slot = match slot.is_longer() {
            true => {
                match slot.within(is_asked) {
                    Some(slot) => return whole(slot, Home::Behind),
                    // A sentence is told as one.
                    None if slot.value.contains([' ', '\t']) => slot,
                    None => return Site::obstructed(node, None, Obstacle::Longer),
                }
            }
            false => slot,
        };
        let text = slot.value.as_str();
        let is_filled_in = slot.placeholder().is_some();
        if text.is_empty() && says_version {
            return Site::parts(node, Parts::tag(slot));
        }
        if text.is_empty() || is_filled_in {
            return whole(slot, Home::Behind);
        }
        if says_image || !image::is_tag(text) {
            return match is_versioned(text) {
                _ if !says_image && image::is_digest(text) => {
                    Site::parts(node, Parts::digest(slot))
                }
                _ if !says_image && !is_versioned(text) && !text.contains('/') => {
                    no_reference(node, text)
                }
                _ if !says_image && text.contains([' ', '\t']) => no_reference(node, text),
                true if image::repository_meant(text).is_none() => {
                    Site::obstructed(node, None, Obstacle::Longer)
                }
                true => whole(slot, Home::Behind),
                // A name may mean that.
                false => whole(slot, Home::Unknown),
            };
        }
        if self.asked.iter().any(|image| image.name() == text) {
            return whole(slot, Home::Behind);
        }
        let scalar = self.finder.stream.scalar(slot.source());
        let is_plain = scalar.is_some_and(|scalar| scalar.style == Style::Plain);
        let is_other = match scalar::kind(text) {
            Some("boolean") => true,
            _ => scalar::is_typed(text) && !says_version,
        };
        match is_plain && is_other {
            true => no_reference(node, text),
            false => Site::parts(node, Parts::tag(slot)),
        }
    }

    /// A scalar that a person has named: all of an image, or the tag of one.
    fn named_scalar(&self, node: NodeId, slot: Slot) -> Site {
        let stream = self.finder.stream;
        let around = stream[node].parent;
        let name = stream.key_of(node).unwrap_or_default();
        let (name, found) = match around {
            Some(around) => {
                match named_value(stream, around).filter(|_| matches!(name, "value" | "default")) {
                    Some((name, _)) => {
                        let list = stream[around].parent;
                        let read = |list| self.finder.in_values(stream.items(list));
                        let found = list.and_then(|list| self.site_in(list, node, || read(list)));
                        (name, found)
                    }
                    None => {
                        let found = self.site_in(around, node, || self.finder.in_mapping(around));
                        (name, found)
                    }
                }
            }
            None => (name, None),
        };
        let part = match name {
            "newTag" => Some(Part::Tag),
            "newName" => Some(Part::Repository),
            // A word alone says too little, but for the tag.
            name => keys::read(name).map(|meaning| meaning.part),
        };
        // Nobody's tag has a path.
        let is_tag = !slot.value.contains('/') && !parts::is_whole(&slot.value);
        let part = part.filter(|part| *part != Part::Tag || is_tag);
        match (part, found) {
            (Some(Part::Image | Part::Reference) | None, Some(site)) => site,
            (Some(Part::Name), Some(site)) if keys::mentions_image(name) => site,
            (Some(Part::Tag), Some(site)) => {
                let mut site = site;
                site.names_tag = true;
                site
            }
            (Some(Part::Tag), None) if name != "newTag" => Site::parts(node, Parts::tag(slot)),
            (Some(Part::Digest), None) if is_digest_or_nothing(&slot.value) => {
                Site::parts(node, Parts::digest(slot))
            }
            (Some(Part::Image | Part::Name | Part::Reference) | None, None) => {
                self.named_text(node, slot, name, part)
            }
            (Some(_), _) => {
                let key = name.to_owned();
                Site::obstructed(node, None, Obstacle::Part { key })
            }
        }
    }
}

/// Whether it is a digest, or is still to be one.
fn is_digest_or_nothing(text: &str) -> bool {
    text.is_empty() || image::is_digest(text)
}

fn key_of(stream: &Stream<'_>, node: NodeId) -> Option<NodeId> {
    match stream[node].role() {
        Role::Value { key } => Some(key),
        _ => None,
    }
}

/// What a person has named, and is neither an image nor a tag.
fn no_reference(node: NodeId, text: &str) -> Site {
    let text = text.to_owned();
    Site::obstructed(node, None, Obstacle::NoReference { text })
}
