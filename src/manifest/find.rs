//! Where images live in a file, whatever kind of file it is.
//!
//! Two questions find them: which keys of a mapping belong together ([`super::keys`]), and what is around
//! it. A list of names and values is a mapping, too: environment variables, the parameters of a chart.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

use super::keys::{self, Meaning, Part};
use super::kustomize::ImageEntry;
use super::objects;
use super::parts::{self, Home, Parts, Pins, is_versioned};
use super::site::Site;
use super::slot::{self, Slot};
use super::workload::{self, Container};
use super::write::Obstacle;
use crate::files::RepoPath;
use crate::image::{self, ImageReference};
use crate::limits::{Exceeded, IMAGES};
use crate::yaml::path::Path;
use crate::yaml::scalar;
use crate::yaml::{Content, NodeId, Role, Stream, Style};

/// All sites of a file, in the order of the text.
///
/// # Errors
/// More of them than are taken in.
pub(super) fn sites(stream: &Stream<'_>, file: &RepoPath) -> Result<Vec<Site>, Exceeded> {
    let finder = Finder::new(stream, file);
    let mut sites = Vec::new();
    // Nodes that a site has taken, so that the more general rules leave them alone.
    let mut taken = HashSet::new();
    let most = IMAGES.most() as usize + 1;
    for (id, node) in stream.nodes() {
        IMAGES.check(sites.len() as u64)?;
        if taken.contains(&id) {
            continue;
        }
        match &node.content {
            // Kustomize's transformers have an entry by itself.
            Content::Mapping(_) if stream.get(id, "newTag").is_some() => match finder.entry(id) {
                Some(entry) => sites.push(Site::entry(id, entry)),
                None => sites.extend(finder.in_mapping(id)),
            },
            Content::Mapping(_) => sites.extend(finder.in_mapping(id)),
            Content::Sequence(items) => {
                let key = stream.key_of(id).unwrap_or_default();
                if key == "images" {
                    for item in items.iter().take(most) {
                        if let Some(entry) = finder.entry(*item) {
                            taken.insert(*item);
                            sites.push(Site::entry(*item, entry));
                        }
                    }
                }
                if keys::is_images(key) || keys::is_image(key) {
                    let listed = items.iter().filter_map(|item| finder.listed(*item));
                    sites.extend(listed.take(most));
                } else if workload::is_container_list(key) {
                    let without = |item: &NodeId| finder.without_image(*item);
                    sites.extend(items.iter().filter_map(without).take(most));
                } else {
                    sites.extend(finder.in_values(items));
                }
            }
            Content::Alias { target, .. } => {
                if finder.is_used_as_image(id) {
                    sites.extend(finder.through(id, *target));
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

/// The sites that `node`, named by a person who asks for `images`, is, is a part of, or holds.
pub(super) fn named(
    stream: &Stream<'_>,
    file: &RepoPath,
    node: NodeId,
    images: &[&ImageReference],
) -> Site {
    let mut finder = Finder::new(stream, file);
    finder.asked = images.iter().map(|image| (*image).clone()).collect();
    let mut site = finder.site(node);
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

/// What stands in the mapping around `node`, or further out, and makes the name `text` there that of `image`:
/// `registry: https://quay.io/` or `hub: docker.io/istio`, with the text as it is in front.
pub(super) fn front_of(
    stream: &Stream<'_>,
    node: NodeId,
    text: &str,
    image: &ImageReference,
) -> Option<(NodeId, String)> {
    let name = text.trim_matches('/');
    let front = image.repository_as_written().strip_suffix(name)?;
    let front = front.strip_suffix('/').filter(|_| !name.is_empty())?;
    let is_front = |value: &NodeId| {
        let text = stream.value(*value).unwrap_or_default();
        let text = text.split_once("://").map_or(text, |(_, rest)| rest);
        *value != node && text.trim_matches('/') == front
    };
    let found = stream.ancestors(node).skip(1).find_map(|around| {
        let mut values = stream.pairs(around).iter().map(|(_, value)| *value);
        values.find(is_front)
    })?;
    Some((found, front.to_owned()))
}

/// Which of `images` a tag at `node` is one of, by the names on the way to it: one that is named there in full,
/// or else the only one that is hinted at.
pub(super) fn tag_is_of<'i>(
    stream: &Stream<'_>,
    node: NodeId,
    images: &[&'i ImageReference],
) -> Option<&'i ImageReference> {
    let subjects = subjects(stream, node);
    let is_named = |image: &&ImageReference| subjects.contains(&keys::plain(image.name()));
    let is_hinted = |image: &&ImageReference| subjects.iter().any(|one| is_about(one, image));
    let only = |is_meant: &dyn Fn(&&ImageReference) -> bool| {
        let mut meant = images.iter().copied().filter(|image| is_meant(image));
        meant.next().filter(|_| meant.next().is_none())
    };
    only(&is_named).or_else(|| only(&is_hinted))
}

/// The same of each of `nodes`.
pub(super) fn all_named(
    stream: &Stream<'_>,
    file: &RepoPath,
    nodes: impl Iterator<Item = NodeId>,
) -> Vec<Site> {
    let finder = Finder::new(stream, file);
    nodes.map(|node| finder.site(node)).collect()
}

struct Finder<'s, 't> {
    stream: &'s Stream<'t>,
    file: &'s RepoPath,
    /// By document: the registry that charts put before all images.
    registries: Vec<Option<String>>,
    /// Whether what is called an image may be none there that runs.
    has_names: bool,
    /// The sites in mappings and lists that nodes of were named, by what they are made of.
    around: RefCell<HashMap<NodeId, HashMap<NodeId, Site>>>,
    /// The images that a person who names places asks for.
    asked: Vec<ImageReference>,
}

/// The parts of one image, as far as one mapping has them.
struct Family {
    stem: String,
    parts: Vec<(Meaning, Field)>,
}

/// What a family's name, or its whole reference, is found in, the likeliest first.
const FRONTS: [Part; 4] = [Part::Repository, Part::Image, Part::Name, Part::Reference];

/// A key and its value.
#[derive(Clone, Copy)]
struct Field {
    key: Option<NodeId>,
    node: NodeId,
    /// The alias or merge key that brings it in.
    through: Option<NodeId>,
}

impl Family {
    /// Whether a key of it holds a name or a whole reference.
    fn has_front(&self) -> bool {
        FRONTS.iter().any(|part| self.field(*part).is_some())
    }

    fn field(&self, part: Part) -> Option<Field> {
        let all = self
            .parts
            .iter()
            .filter(|(meaning, _)| meaning.part == part);
        let best = all.min_by_key(|(meaning, _)| meaning.rank)?;
        Some(best.1)
    }

    /// Whether tag or digest is there, and is no text.
    fn is_other(&self, stream: &Stream<'_>) -> bool {
        let parts = [Part::Tag, Part::Digest].into_iter();
        let mut fields = parts.filter_map(|part| self.field(part));
        fields.any(|field| Slot::read(stream, field.key, field.node).is_none())
    }

    fn slot(&self, stream: &Stream<'_>, part: Part) -> Option<Slot> {
        self.field(part)?.slot(stream)
    }

    /// All names and whole references, the likeliest first. Two keys may each hold a whole one.
    fn fronts(&self, stream: &Stream<'_>) -> Vec<Slot> {
        let is_front = |(meaning, _): &&(Meaning, Field)| FRONTS.contains(&meaning.part);
        let mut fronts: Vec<_> = self.parts.iter().filter(is_front).collect();
        fronts.sort_by_key(|(meaning, _)| {
            let place = FRONTS.iter().position(|part| *part == meaning.part);
            (place, meaning.rank)
        });
        let slots = fronts.into_iter().map(|(_, field)| field.slot(stream));
        slots.flatten().map(Slot::behind_scheme).collect()
    }
}

impl Field {
    fn slot(self, stream: &Stream<'_>) -> Option<Slot> {
        let slot = Slot::read(stream, self.key, self.node)?;
        Some(match self.through {
            Some(through) => slot.through(through),
            None => slot,
        })
    }
}

impl<'s, 't> Finder<'s, 't> {
    fn new(stream: &'s Stream<'t>, file: &'s RepoPath) -> Self {
        let registry = |root: &NodeId| {
            let global = stream.get(*root, "global")?;
            let of_image = || stream.get(stream.get(global, "image")?, "registry");
            let registry = stream.get(global, "imageRegistry").or_else(of_image)?;
            let registry = slot::value(stream, registry)?;
            (!registry.is_empty()).then(|| registry.into_owned())
        };
        Self {
            stream,
            file,
            registries: stream.roots().iter().map(registry).collect(),
            has_names: stream.nodes().any(|(_, node)| match &node.content {
                Content::Scalar(scalar) => objects::may_say_so(&scalar.value),
                _ => false,
            }),
            around: RefCell::default(),
            asked: Vec::new(),
        }
    }

    /// What is a name there, or a pattern, is never written.
    fn obstruct_names(&self, site: &mut Site) {
        if !self.has_names {
            return;
        }
        if let Some(obstacle) = objects::obstacle(self.stream, site.node) {
            site.obstruct(obstacle);
        }
    }

    /// The keys of a mapping that say something of images, by what belongs together.
    fn families(&self, mapping: NodeId, through: Option<NodeId>) -> Vec<Family> {
        let mut families = Vec::new();
        for (key, node) in self.stream.pairs(mapping) {
            let text = self.stream.value(*key).unwrap_or_default();
            if text == "<<" {
                continue;
            }
            let key = Some(*key).filter(|_| through.is_none());
            let (node, through) = (*node, through);
            add(&mut families, text, Field { key, node, through });
        }
        let merged = self.stream.get(mapping, "<<");
        let merged = merged.filter(|_| through.is_none()).into_iter();
        for alias in merged.flat_map(|node| [&[node], self.stream.items(node)].concat()) {
            let Content::Alias { target, .. } = self.stream[alias].content else {
                continue;
            };
            for (key, node) in self.stream.pairs(target) {
                let text = self.stream.value(*key).unwrap_or_default();
                if self.stream.get(mapping, text).is_none() {
                    let (key, node, through) = (None, *node, Some(alias));
                    add(&mut families, text, Field { key, node, through });
                }
            }
        }
        self.settled(families)
    }

    /// `families` by what stands there: a whole reference is one, though its key speaks of a tag, and what
    /// speaks of an image only where another key does is none.
    fn settled(&self, mut families: Vec<Family>) -> Vec<Family> {
        let is_whole = |field: &Field| {
            let slot = Slot::read(self.stream, None, field.node);
            slot.is_some_and(|slot| parts::is_whole(&slot.value))
        };
        for family in families.iter_mut().filter(|family| !family.has_front()) {
            for (meaning, field) in &mut family.parts {
                if meaning.part == Part::Tag && !meaning.is_implied && is_whole(field) {
                    meaning.part = Part::Reference;
                }
            }
        }
        without_implied(families)
    }

    fn in_mapping(&self, mapping: NodeId) -> Vec<Site> {
        let families = self.families(mapping, None);
        let container = self.container(mapping);
        let mut sites = self.of_families(&families, Some(mapping), mapping, container.as_ref());
        if self.holds_images(mapping) {
            // `images.<any>: reference`
            for (key, node) in self.stream.pairs(mapping) {
                let text = self.stream.value(*key).unwrap_or_default();
                let slot = Slot::read(self.stream, Some(*key), *node);
                let slot = slot.filter(|slot| is_versioned(&slot.value));
                if let (Some(slot), None) = (slot, keys::read(text)) {
                    let site = Site::parts(*node, Parts::whole(slot, Home::Behind));
                    sites.extend(Some(site).filter(Site::has_reference));
                }
            }
        }
        sites
    }

    /// Whether the values of `mapping` are images, whatever their keys are called.
    fn holds_images(&self, mapping: NodeId) -> bool {
        let key = self.stream.key_of(mapping).unwrap_or_default();
        let around = self.stream[mapping].parent;
        let around = around.and_then(|around| self.stream.key_of(around));
        keys::is_image(key) || keys::is_images(key) || around.is_some_and(keys::is_images)
    }

    /// Of a list whose items have a `name` and a `value` each.
    fn in_values(&self, items: &[NodeId]) -> Vec<Site> {
        let mut families = Vec::new();
        for item in items {
            let Some((name, node)) = self.value(*item) else {
                continue;
            };
            let (key, through) = (None, None);
            add(&mut families, name, Field { key, node, through });
        }
        // Without a stem, a name says too little here.
        families.retain(|family: &Family| !family.stem.is_empty());
        let families = self.settled(families);
        match items.first() {
            Some(first) => self.of_families(&families, None, *first, None),
            None => Vec::new(),
        }
    }

    /// Name and value of an item: of a variable or a parameter, or of an operation of a JSON patch, whose
    /// name is where it goes (RFC 6902).
    fn value(&self, item: NodeId) -> Option<(&'s str, NodeId)> {
        let field = |key| self.stream.get(item, key);
        // What is tested is what is to be there before.
        let is_written = |op: NodeId| self.stream.value(op) != Some("test");
        let op = || field("op").filter(|op| is_written(*op));
        let name = field("name").or_else(|| op().and_then(|_| field("path")))?;
        // A parameter may have its value from elsewhere, or else this one.
        Some((
            self.stream.value(name)?,
            field("value").or_else(|| field("default"))?,
        ))
    }

    /// What an alias to a mapping stands for.
    fn through(&self, alias: NodeId, target: NodeId) -> Vec<Site> {
        let families = self.families(target, Some(alias));
        let container = self.container(alias);
        let mut sites = self.of_families(&families, None, alias, container.as_ref());
        sites.iter_mut().for_each(|site| site.node = alias);
        sites
    }

    fn is_used_as_image(&self, alias: NodeId) -> bool {
        match self.stream[alias].role {
            Role::Item { .. } => workload::container(self.stream, alias).is_some(),
            Role::Value { key } => self.stream.value(key).is_some_and(keys::is_image),
            Role::Root | Role::Key => false,
        }
    }

    /// The container that runs what `mapping` says: it itself, or the one whose `image` it is.
    fn container(&self, mapping: NodeId) -> Option<Container> {
        workload::container(self.stream, mapping).or_else(|| {
            let is_image = self.stream.key_of(mapping).is_some_and(keys::is_image);
            let around = self.stream[mapping].parent.filter(|_| is_image)?;
            workload::container(self.stream, around)
        })
    }

    fn of_families(
        &self,
        families: &[Family],
        mapping: Option<NodeId>,
        node: NodeId,
        container: Option<&Container>,
    ) -> Vec<Site> {
        let mut sites = Vec::new();
        let own = families.iter().find(|family| family.stem.is_empty());
        let image = families.iter().find(|family| family.stem == "image");
        // Names whose version is in none of their own keys.
        let is_bare = |family: &&Family| {
            let is_other = !matches!(family.stem.as_str(), "" | "image");
            is_other && self.is_bare(family)
        };
        let bare: Vec<&Family> = families.iter().filter(is_bare).collect();
        let global = self
            .registries
            .get(self.stream.document(node))
            .cloned()
            .flatten();
        // Whether a part of `image` is one of the mapping's own image.
        let mut is_shared = false;
        // A tag is that of one image.
        let mut is_taken = false;
        if let Some(own) = own {
            let parts = self.own_parts(own, image, mapping, node);
            // The tag may be that of another name there.
            let parts = parts.filter(|parts| !parts.is_version_only() || bare.is_empty());
            is_shared = parts.as_ref().is_some_and(|parts| {
                let mut fields = image.into_iter().flat_map(|image| &image.parts);
                fields.any(|(_, field)| parts.slots().any(|slot| slot.node == field.node))
            });
            is_taken = parts.as_ref().is_some_and(|parts| !parts.is_version_only());
            sites.extend(parts.map(|parts| {
                Site::parts(
                    node,
                    Parts {
                        global: global.clone(),
                        ..parts
                    },
                )
            }));
        }
        let own = own.filter(|_| !is_taken);
        for family in families.iter().filter(|family| !family.stem.is_empty()) {
            if family.stem == "image" && is_shared {
                continue;
            }
            let is_any = match bare.as_slice() {
                [one] => one.stem == family.stem && keys::is_of_any(&one.stem),
                _ => false,
            };
            let beside: Vec<&Family> = match family.stem.as_str() {
                "image" => own.into_iter().collect(),
                // One name that can't be told from `image`, and a tag that nothing else has.
                _ if is_any && !image.is_some_and(Family::has_front) => {
                    image.into_iter().chain(own).collect()
                }
                _ => Vec::new(),
            };
            let is_run = container.is_some() && family.stem == "image";
            let is_own = mapping.filter(|_| container.is_none());
            for (node, mut parts) in self.stem_parts(family, &beside, is_run, is_own) {
                if parts.is_version_only() && !bare.is_empty() {
                    continue;
                }
                if parts.has_parts() {
                    parts.global = global.clone();
                }
                sites.push(Site::parts(node, parts));
            }
        }
        for site in &mut sites {
            site.is_run = container.is_some();
        }
        for site in sites.iter_mut().filter(|site| !site.is_name_only()) {
            site.container = container.and_then(|container| container.name.clone());
        }
        sites
    }

    /// The image that a mapping's own keys make up: `repository` and `tag`.
    fn own_parts(
        &self,
        own: &Family,
        image: Option<&Family>,
        mapping: Option<NodeId>,
        node: NodeId,
    ) -> Option<Parts> {
        let part = |part| own.slot(self.stream, part);
        if own.is_other(self.stream) {
            return None;
        }
        // `imageTag` beside `repository` is the tag of that, where no `image` has it.
        let beside = image.filter(|image| !image.has_front());
        let or_beside = |wanted| {
            let own = part(wanted);
            match own.as_ref().is_some_and(|own| !own.value.is_empty()) {
                true => own,
                false => beside
                    .and_then(|image| image.slot(self.stream, wanted))
                    .or(own),
            }
        };
        let (tag, digest) = (or_beside(Part::Tag), or_beside(Part::Digest));
        let has_version = tag.is_some() || digest.is_some();
        let key = self.stream.key_of(node).unwrap_or_default();
        let around = self.stream[node]
            .parent
            .and_then(|around| self.stream.key_of(around));
        // `name` means other things elsewhere, such as the charts in a Chart.yaml.
        let is_image = keys::mentions_image(key) || around.is_some_and(keys::is_images);
        let registry = part(Part::Registry).filter(|registry| !registry.value.is_empty());
        let home = match mapping {
            Some(mapping) => match self.version_elsewhere(mapping).filter(|_| tag.is_none()) {
                Some(key) => Home::Perhaps(key),
                None => Home::Key(mapping),
            },
            None => Home::Unknown,
        };
        let pins = mapping
            .map(|mapping| Pins::of(self.stream, mapping, digest.as_ref()))
            .unwrap_or_default();
        let bare = image.and_then(|image| image.slot(self.stream, Part::Image));
        let is_bare = |slot: &Slot| !slot.value.is_empty() && !is_versioned(&slot.value);
        let bare = bare.filter(is_bare);
        // Beside a `name`, the tag is that of an `image` which has none itself; unless only the name has a path.
        let has_own = |part| image.is_some_and(|image| image.field(part).is_some());
        let is_image_of = |name: &Slot| {
            let is_other = has_own(Part::Tag) || has_own(Part::Digest);
            let has_path = |slot: &Slot| slot.value.contains('/');
            bare.as_ref().is_some_and(|bare| {
                !is_other && !is_versioned(&name.value) && (has_path(bare) || !has_path(name))
            })
        };
        let repository = part(Part::Repository).filter(|_| has_version || is_image);
        let repository = repository.filter(|repository| {
            let is_git = || objects::is_of_git(self.stream, node, &repository.value);
            !repository.value.is_empty() && (is_image || !is_git())
        });
        let reference = part(Part::Reference).filter(|slot| is_versioned(&slot.value));
        let parts = match (repository, part(Part::Name)) {
            (Some(repository), name) => Parts {
                registry,
                repository: Some(repository),
                name: bare.or(name.filter(|name| is_component(&name.value))),
                tag,
                digest,
                pins,
                home,
                ..Parts::default()
            },
            (None, Some(name))
                if is_image
                    && (has_version || is_versioned(&name.value))
                    && !is_image_of(&name) =>
            {
                Parts {
                    registry,
                    repository: Some(name),
                    tag,
                    digest,
                    home,
                    ..Parts::default()
                }
            }
            (None, None) if is_image && reference.is_some() => Parts {
                repository: reference,
                home: Home::Behind,
                ..Parts::default()
            },
            (None, _) => {
                let is_alone = image.is_none_or(|image| {
                    let fronts = image.fronts(self.stream);
                    image.field(Part::Image).is_none() && !fronts.iter().any(is_bare)
                });
                let tag = part(Part::Tag);
                let is_version = tag.is_some() && is_alone && keys::is_image(key);
                return is_version.then(|| Parts {
                    tag,
                    digest: part(Part::Digest),
                    ..Parts::default()
                });
            }
        };
        // What has these keys and reads as no image means something else by them.
        let is_meant = is_image && !parts.repositories().is_empty();
        (parts.is_reference() || is_meant).then_some(parts)
    }

    /// The key that may hold the version of the image that `mapping` is, and has no `tag`: one beside it that has
    /// a word for that, or one around it.
    fn version_elsewhere(&self, mapping: NodeId) -> Option<NodeId> {
        let values = |mapping| {
            let pairs = self.stream.pairs(mapping).iter();
            let values = pairs.filter_map(|(key, node)| Some((self.stream.value(*key)?, *node)));
            values.filter(|(_, node)| slot::value(self.stream, *node).is_some())
        };
        let mut beside = values(mapping);
        if let Some((_, node)) = beside.find(|(key, _)| keys::mentions_version(key)) {
            return Some(node);
        }
        let key = self
            .stream
            .key_of(mapping)
            .filter(|key| keys::is_image(key))?;
        let around = self.stream[mapping].parent?;
        let stem = keys::plain(key);
        let is_of_own = |meaning: keys::Meaning| {
            let is_stem = ["", "image", &stem].contains(&meaning.stem.as_str());
            meaning.part == Part::Tag && is_stem
        };
        let (_, node) = values(around).find(|(key, _)| keys::read(key).is_some_and(is_of_own))?;
        // What is around it may be an image of its own.
        let has_name = values(around).any(|(key, _)| keys::is_repository(key));
        (!has_name).then_some(node)
    }

    /// Whether a `version` beside `node` is what a resource says of itself, as in those of some operators, which
    /// decide by it what to do with the image.
    fn has_version_of_its_own(&self, node: NodeId) -> bool {
        let mut around = self.stream.ancestors(node);
        let is_value = |node| {
            let key = self.stream.key_of(node);
            key.is_some_and(|key| keys::plain(key).starts_with("values"))
        };
        let is_of_chart = around.any(is_value);
        let root = self.stream.ancestors(node).last();
        let version = root.and_then(|root| self.stream.get(root, "apiVersion"));
        let version = version.and_then(|node| self.stream.value(node));
        let group = version.and_then(|version| version.split_once('/'));
        let of_operators = |(group, _): (&str, &str)| {
            OPERATORS
                .iter()
                .any(|known| group == *known || group.ends_with(&format!(".{known}")))
        };
        !is_of_chart && group.is_some_and(of_operators)
    }

    /// The images of keys with one stem, each with where it is: `image` and `imageTag` make up one, and a
    /// whole reference is one by itself. `mapping` is what has the keys, where no container runs it.
    fn stem_parts(
        &self,
        family: &Family,
        beside: &[&Family],
        is_run: bool,
        mapping: Option<NodeId>,
    ) -> Vec<(NodeId, Parts)> {
        let part = |part| family.slot(self.stream, part);
        let has = |family: &Family| {
            let tag = family.slot(self.stream, Part::Tag);
            tag.is_some_and(|tag| !tag.value.is_empty())
        };
        let has_tag = has(family) || beside.iter().any(|beside| has(beside));
        let (wholes, fronts): (Vec<Slot>, Vec<Slot>) = family
            .fronts(self.stream)
            .into_iter()
            .filter(|front| is_run || !front.value.is_empty())
            .partition(|front| {
                let is_digest_beside = front.value.ends_with("@sha256") && has_tag;
                is_versioned(&front.value) && !is_digest_beside
            });
        let mut found: Vec<(NodeId, Parts)> = Vec::new();
        let mut fronts = fronts.into_iter();
        let front = fronts.next();
        let or_beside = |wanted| {
            let mut beside = beside
                .iter()
                .filter(|own| own.field(Part::Repository).is_none());
            let is_free = wholes.is_empty();
            part(wanted).or_else(|| {
                beside.find_map(|beside| beside.slot(self.stream, wanted).filter(|_| is_free))
            })
        };
        // The version that a resource has itself is none of its image.
        let is_of_resource = |tag: &Slot| {
            let key = tag.key.and_then(|key| self.stream.value(key));
            family.stem == "image"
                && key.is_some_and(|key| key.eq_ignore_ascii_case("version"))
                && self.has_version_of_its_own(tag.node)
        };
        // `registry` and `image`, as the chart of ingress-nginx has them.
        let registry = |front: &Slot| {
            let own = part(Part::Registry);
            let own = own.or_else(|| {
                let mut beside = beside.iter().filter(|_| mapping.is_some());
                let registry = beside.find_map(|beside| beside.slot(self.stream, Part::Registry));
                registry.filter(|registry| parts::is_in_registry(&front.value, &registry.value))
            });
            own.filter(|registry| !registry.value.is_empty())
        };
        let mut perhaps = None;
        let tag = match (&front, wholes.is_empty()) {
            (Some(_), _) => {
                let tag = or_beside(Part::Tag);
                perhaps = tag
                    .as_ref()
                    .filter(|tag| is_of_resource(tag))
                    .map(|tag| tag.node);
                tag.filter(|_| perhaps.is_none())
            }
            // An image that is a mapping is found there.
            (None, true) if family.field(Part::Image).is_none() => part(Part::Tag),
            (None, _) => None,
        };
        let node = front.as_ref().or(tag.as_ref()).map(|slot| slot.node);
        if let Some(node) = node {
            // What a container runs is its `image`; what else names it there is a name.
            let run = family.field(Part::Image).map_or(node, |field| field.node);
            let registry = front.as_ref().and_then(registry);
            // A chart that splits the registry off has the tag by itself, too.
            let is_image = |node: &NodeId| self.stream.key_of(*node).is_some_and(keys::is_image);
            let own = mapping.filter(is_image);
            let split = own.filter(|_| registry.is_some());
            let home = match (is_run && tag.is_none() && run == node, split) {
                (true, _) => Home::Behind,
                (false, Some(mapping)) => Home::Key(mapping),
                (false, None) => perhaps.map_or(Home::Unknown, Home::Perhaps),
            };
            if home == Home::Behind {
                let names = fronts.filter(|name| !name.value.is_empty());
                let name = |slot: Slot| (slot.node, Parts::whole(slot, Home::Unknown));
                found.extend(names.map(name));
            }
            let is_name = front.is_some();
            let digest = or_beside(Part::Digest).filter(|_| is_name || tag.is_some());
            let pins = own.map(|own| Pins::of(self.stream, own, digest.as_ref()));
            let parts = Parts {
                registry,
                repository: front,
                digest,
                pins: pins.unwrap_or_default(),
                tag,
                home,
                ..Parts::default()
            };
            found.push((node, parts));
        }
        let whole = |slot: Slot| {
            let (node, registry) = (slot.node, registry(&slot));
            let parts = Parts::whole(slot, Home::Behind);
            (node, Parts { registry, ..parts })
        };
        found.extend(wholes.into_iter().map(whole));
        // Other keys hold texts of all kinds.
        let is_image = family.stem == "image";
        found.retain(|(_, parts)| {
            let is_meant = is_run || parts.is_version_only() || !parts.repositories().is_empty();
            is_meant && (is_image || parts.is_versioned() || parts.tag.is_some())
        });
        found
    }

    /// Whether it is a name, and no key of it says which version.
    fn is_bare(&self, family: &Family) -> bool {
        let has = |part| family.field(part).is_some();
        let is_name = |slot: &Slot| !slot.value.is_empty() && !is_versioned(&slot.value);
        !has(Part::Tag) && !has(Part::Digest) && family.fronts(self.stream).iter().any(is_name)
    }

    /// A container whose image is not written in it, or not as an image.
    fn without_image(&self, item: NodeId) -> Option<Site> {
        let mapping = match self.stream[item].content {
            Content::Alias { .. } => return None,
            _ => item,
        };
        let name = workload::name(self.stream, mapping);
        let obstacle = match self.stream.get(mapping, "image") {
            Some(image) => match self.stream[image].content {
                Content::Mapping(_) if !self.in_mapping(image).is_empty() => return None,
                Content::Mapping(_) | Content::Sequence(_) => {
                    let obstacle = slot::no_scalar(self.stream, image);
                    return Some(Site::obstructed(image, name, obstacle));
                }
                Content::Scalar(_) | Content::Alias { .. } => return None,
            },
            None if self.stream.get(mapping, "<<").is_some() => {
                let is_found = !self.in_mapping(mapping).is_empty();
                return (!is_found && name.is_some())
                    .then(|| Site::obstructed(item, name, Obstacle::NoImage));
            }
            None => Obstacle::NoImage,
        };
        name.is_some()
            .then(|| Site::obstructed(item, name, obstacle))
    }

    /// The entry of Kustomize's `images` that `item` is.
    fn entry(&self, item: NodeId) -> Option<ImageEntry> {
        ImageEntry::read(self.stream, item, self.is_in_kustomization(item))
    }

    fn is_in_kustomization(&self, item: NodeId) -> bool {
        let Some(root) = self.stream.ancestors(item).last() else {
            return false;
        };
        let list = self.stream[item].parent;
        let around = list.and_then(|list| self.stream[list].parent);
        let is_at_top = around
            .is_some_and(|around| around == root || self.stream.get(root, "spec") == Some(around));
        let kind = self
            .stream
            .get(root, "kind")
            .and_then(|kind| self.stream.value(kind));
        is_at_top
            && match kind {
                Some(kind) => matches!(kind, "Kustomization" | "Component"),
                None => is_kustomization_file(self.file),
            }
    }

    /// A reference in a list of them.
    fn listed(&self, item: NodeId) -> Option<Site> {
        let (label, slot) = Slot::item(self.stream, item)?;
        let list = self.stream[item].parent;
        let around = list.and_then(|list| self.stream[list].parent);
        let of_kustomize =
            around.and_then(|around| self.stream.key_of(around)) == Some("kustomize");
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

    /// What `node`, named by a person, is, is a part of, or holds.
    fn site(&self, node: NodeId) -> Site {
        let mut site = self.named(node);
        self.obstruct_names(&mut site);
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
        let stream = self.stream;
        let in_images = |node: NodeId| {
            let list = stream[node].parent;
            list.and_then(|list| stream.key_of(list)) == Some("images")
        };
        let mapping = match stream[node].content {
            Content::Mapping(_) => Some(node),
            Content::Alias { target, .. } if !stream.pairs(target).is_empty() => {
                let mut sites = self.through(node, target);
                if let (Some(site), true) = (sites.pop(), sites.is_empty()) {
                    return site;
                }
                return Site::obstructed(node, None, Obstacle::NotAString);
            }
            _ => None,
        };
        if let Some(mapping) = mapping {
            if let Some(entry) = self
                .entry(mapping)
                .filter(|_| in_images(mapping) || stream.get(mapping, "newTag").is_some())
            {
                return Site::entry(mapping, entry);
            }
            let mut sites = self.in_mapping(mapping);
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
        let around = self.stream[node].parent;
        let around = around.and_then(|around| self.stream.key_of(around));
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
        let scalar = self.stream.scalar(slot.source());
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
        let stream = self.stream;
        let around = stream[node].parent;
        let name = stream.key_of(node).unwrap_or_default();
        let (name, found) = match around {
            Some(around) => match self
                .value(around)
                .filter(|_| matches!(name, "value" | "default"))
            {
                Some((name, _)) => {
                    let list = stream[around].parent;
                    let read = |list| self.in_values(stream.items(list));
                    let found = list.and_then(|list| self.site_in(list, node, || read(list)));
                    (name, found)
                }
                None => {
                    let found = self.site_in(around, node, || self.in_mapping(around));
                    (name, found)
                }
            },
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
    match stream[node].role {
        Role::Value { key } => Some(key),
        _ => None,
    }
}

fn add(families: &mut Vec<Family>, key: &str, field: Field) {
    let Some(meaning) = keys::read(key) else {
        return;
    };
    match families
        .iter_mut()
        .find(|family| family.stem == meaning.stem)
    {
        Some(family) => family.parts.push((meaning, field)),
        None => families.push(Family {
            stem: meaning.stem.clone(),
            parts: vec![(meaning, field)],
        }),
    }
}

/// Whether the only tag of a file, at `node`, can be that of `image`: where something else is named on the way
/// to it, or as an image, or where it describes an object, it is not.
pub(super) fn may_be_tag_of(stream: &Stream<'_>, node: NodeId, image: &ImageReference) -> bool {
    // What objects are described by runs nothing.
    let describes = |node| stream.key_of(node).is_some_and(keys::is_description);
    if stream.ancestors(node).any(describes) {
        return false;
    }
    let subjects = subjects(stream, node);
    let names_another = stream.nodes().any(|(id, _)| {
        let mut pairs = stream.pairs(id).iter();
        pairs.any(|(key, value)| {
            let meaning = stream.value(*key).and_then(keys::read);
            let is_front = meaning.is_some_and(|meaning| {
                let part = FRONTS.contains(&meaning.part);
                part && (meaning.part == Part::Image || !meaning.stem.is_empty())
            });
            let text = stream
                .value(*value)
                .filter(|text| is_front && !text.is_empty());
            text.and_then(image::repository_meant).is_some()
        })
    });
    let is_about = |subject: &String| is_about(subject, image);
    (subjects.is_empty() || subjects.iter().any(is_about)) && !names_another
}

/// What the keys and names on the way to `node` are about.
fn subjects(stream: &Stream<'_>, node: NodeId) -> Vec<String> {
    let item = stream[node].parent;
    let op = item.and_then(|item| stream.value(stream.get(item, "path")?));
    let path = Path::by_names(stream, node).to_string();
    let way = format!("{path}.{}", op.unwrap_or_default());
    let words = way.split(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '_' | '-'));
    words.filter_map(keys::subject).collect()
}

/// Whether `subject` may be what `image` is called.
pub(super) fn is_about(subject: &str, image: &ImageReference) -> bool {
    let mut own = image.path().split('/').map(keys::plain);
    own.any(|own| own.contains(subject) || (own.len() > 2 && subject.contains(&own)))
}

/// `families` without what speaks of an image only where another key does.
fn without_implied(mut families: Vec<Family>) -> Vec<Family> {
    families.retain_mut(|family| {
        if !family.has_front() {
            family.parts.retain(|(meaning, _)| !meaning.is_implied);
        }
        !family.parts.is_empty()
    });
    families
}

/// What a person has named, and is neither an image nor a tag.
fn no_reference(node: NodeId, text: &str) -> Site {
    let text = text.to_owned();
    Site::obstructed(node, None, Obstacle::NoReference { text })
}

/// The API groups, or their ends, in whose resources `version` is no tag of the `image` beside it.
const OPERATORS: [&str; 8] = [
    "strimzi.io",
    "k8s.elastic.co",
    "cnpg.io",
    "coreos.com",
    "opster.io",
    "mongodb.com",
    "crunchydata.com",
    "percona.com",
];

/// Whether `name` can be a component of a repository.
fn is_component(name: &str) -> bool {
    let is_letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    !name.is_empty()
        && name
            .chars()
            .all(|c| is_letter(c) || matches!(c, '-' | '_' | '.' | '/' | ':' | '@'))
}

/// The path of the `images` of a kustomization, Kustomize's or Flux's, if the file is one.
pub(super) fn entries_of_kustomization(
    stream: &Stream<'_>,
    file: &RepoPath,
) -> Option<&'static str> {
    let root = *stream.roots().first()?;
    let text = |key| stream.get(root, key).and_then(|node| stream.value(node));
    let is_flux = text("apiVersion").is_some_and(|version| version.contains("fluxcd.io/"));
    let is_one = match text("kind") {
        Some(kind) => matches!(kind, "Kustomization" | "Component"),
        None => is_kustomization_file(file) && !stream.pairs(root).is_empty(),
    };
    is_one.then_some(if is_flux { ".spec.images" } else { ".images" })
}

fn is_kustomization_file(file: &RepoPath) -> bool {
    file.file_name().to_lowercase().starts_with("kustomization")
}
