//! The images that a mapping, or a list of names and values, is made of.

use super::family::Family;
use crate::image;
use crate::manifest::keys::{self, Part};
use crate::manifest::objects;
use crate::manifest::parts::{self, Home, Parts, Pins, is_versioned};
use crate::manifest::site::Site;
use crate::manifest::slot::{self, Slot};
use crate::manifest::workload::{self, Container};
use crate::yaml::{Items, NodeId, Role, Stream};

/// Reads the mappings of a file.
pub(super) struct Finder<'s, 't> {
    pub stream: &'s Stream<'t>,
    /// By document: the registry that charts put before all images.
    registries: Vec<Option<String>>,
    /// Whether what is called an image may be none there that runs.
    has_names: bool,
}

impl<'s, 't> Finder<'s, 't> {
    pub fn new(stream: &'s Stream<'t>) -> Self {
        let registry = |root: &NodeId| {
            let global = stream.get(*root, "global")?;
            let of_image = || stream.get(stream.get(global, "image")?, "registry");
            let registry = stream.get(global, "imageRegistry").or_else(of_image)?;
            let registry = slot::value(stream, registry)?;
            (!registry.is_empty()).then(|| registry.to_owned())
        };
        Self {
            stream,
            registries: stream.roots().iter().map(registry).collect(),
            has_names: stream
                .nodes()
                .filter_map(|(id, _)| stream.value(id))
                .any(objects::may_say_so),
        }
    }

    /// What is a name there, or a pattern, is never written.
    pub fn obstruct_names(&self, site: &mut Site) {
        if !self.has_names {
            return;
        }
        if let Some(obstacle) = objects::obstacle(self.stream, site.node) {
            site.obstruct(obstacle);
        }
    }

    pub fn in_mapping(&self, mapping: NodeId) -> Vec<Site> {
        let families = Family::all(self.stream, mapping, None);
        let mut sites = match families.as_slice() {
            // Most mappings say nothing of images.
            [] => Vec::new(),
            families => {
                let container = self.container(mapping);
                self.of_families(families, Some(mapping), mapping, container.as_ref())
            }
        };
        if self.holds_images(mapping) {
            // `images.<any>: reference`
            for (key, node) in self.stream.pairs(mapping) {
                let text = self.stream.value(key).unwrap_or_default();
                let slot = Slot::read(self.stream, Some(key), node);
                let slot = slot.filter(|slot| is_versioned(&slot.value));
                if let (Some(slot), None) = (slot, keys::read(text)) {
                    let site = Site::parts(node, Parts::whole(slot, Home::Behind));
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
    pub fn in_values(&self, mut items: Items<'_>) -> Vec<Site> {
        let families = Family::in_values(self.stream, items);
        match items.next() {
            Some(first) => self.of_families(&families, None, first, None),
            None => Vec::new(),
        }
    }

    /// What an alias to a mapping stands for.
    pub fn through(&self, alias: NodeId, target: NodeId) -> Vec<Site> {
        let families = Family::all(self.stream, target, Some(alias));
        let container = self.container(alias);
        let mut sites = self.of_families(&families, None, alias, container.as_ref());
        sites.iter_mut().for_each(|site| site.node = alias);
        sites
    }

    pub fn is_used_as_image(&self, alias: NodeId) -> bool {
        match self.stream[alias].role() {
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
        let unshared = image.filter(|_| !is_shared);
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
                    unshared.into_iter().chain(own).collect()
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
        let key = self.stream.key_of(node).unwrap_or_default();
        let around = self.stream[node]
            .parent
            .and_then(|around| self.stream.key_of(around));
        // `name` means other things elsewhere, such as the charts in a Chart.yaml.
        let is_image = keys::mentions_image(key) || around.is_some_and(keys::is_images);
        let mut telling = [Part::Repository, Part::Tag].into_iter();
        let is_told = is_image || telling.any(|part| own.field(part).is_some());
        if !is_told || own.is_other(self.stream) {
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
        // Its digest is beside it, too.
        let is_bare = |slot: &Slot| {
            let is_name = !is_versioned(&slot.value) || slot.value.ends_with("@sha256");
            !slot.value.is_empty() && is_name
        };
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
                name: bare
                    .filter(|bare| is_component(&bare.value) || is_filled_in(&bare.value))
                    .or(name.filter(|name| is_component(&name.value))),
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
            let pairs = self.stream.pairs(mapping);
            let values = pairs.filter_map(|(key, node)| Some((self.stream.value(key)?, node)));
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
            let mut before = OPERATORS
                .iter()
                .filter_map(|known| group.strip_suffix(known));
            before.any(|before| before.is_empty() || before.ends_with('.'))
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

/// Whether something else makes a name of it.
fn is_filled_in(name: &str) -> bool {
    image::placeholder(name).is_some()
}

/// Whether `name` can be a component of a repository.
fn is_component(name: &str) -> bool {
    let is_letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    !name.is_empty()
        && name
            .chars()
            .all(|c| is_letter(c) || matches!(c, '-' | '_' | '.' | '/' | ':' | '@'))
}
