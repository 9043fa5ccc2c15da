//! What a change to a file did to the images in it.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet, VecDeque};
use std::iter::from_fn;
use std::sync::Arc;

use super::change::{ImageChange, ValueChange, ValuePlace};
use super::error::HeldImage;
use super::file::Manifest;
use super::find;
use super::place::{Link, Located, Place, PlaceNumber, Places};
use super::reading::{Reading, Readings};
use super::said::Said;
use super::site::Site;
use super::slot::{self, Slot};
use super::source::{self, Masked};
use crate::files::RepoPath;
use crate::image::ImageReference;
use crate::yaml::path::is_within;
use crate::yaml::{Content, NodeId, Role, Stream};

/// What became of one place that holds an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageTransition {
    /// The place in the new text, or in the old one where it is gone, with the image there.
    pub held: HeldImage,
    /// The image before; none where the place is new.
    pub old: Option<String>,
    /// The image after; none where the place is gone.
    pub new: Option<String>,
    /// The path of the tag, where that is all of the image that the file has.
    pub tag_at: Option<String>,
}

impl ImageTransition {
    /// The same as a change; where there was nothing, or nothing is any more, the text is empty.
    pub fn change(self) -> ImageChange {
        let Self {
            held,
            old,
            new,
            tag_at,
        } = self;
        ImageChange {
            tag_at,
            ..change_of(held, old.unwrap_or_default(), new.unwrap_or_default())
        }
    }
}

/// The places whose image differs between two versions of a file, in the order of the new one; those
/// that are gone come last. A version that is no YAML holds no images.
pub fn image_transitions(
    file: &RepoPath,
    before: Option<&[u8]>,
    after: Option<&[u8]>,
) -> Vec<ImageTransition> {
    Versions::new(file, before, after).images(&Known::default())
}

/// The images that a change to a file put there or changed: what runs by it. A tag alone is none.
pub fn images_changed(
    file: &RepoPath,
    before: Option<&[u8]>,
    after: Option<&[u8]>,
) -> Vec<HeldImage> {
    let transitions = image_transitions(file, before, after).into_iter();
    let is_there = |one: &ImageTransition| one.new.is_some() && one.tag_at.is_none();
    transitions.filter(is_there).map(|one| one.held).collect()
}

/// Whether a change made any comment another one, wrote it or removed it. That one moved is none.
pub fn comments_changed(before: &[u8], after: &[u8]) -> bool {
    let comments = |bytes| {
        let masked = Masked::of(bytes);
        let read = masked
            .as_ref()
            .map_or(bytes, |masked| masked.text().as_bytes());
        let stream = Stream::parse(read).ok()?;
        let comments = stream.comments().into_iter();
        let mut comments: Vec<_> = comments.filter(|text| !source::is_template(text)).collect();
        comments.sort_unstable();
        Some(Vec::from_iter(comments.into_iter().map(str::to_owned)))
    };
    match (comments(before), comments(after)) {
        (Some(before), Some(after)) => before != after,
        _ => false,
    }
}

/// The repository whose tag stands at a place of a file, by what it belongs to and its path.
pub type RepositoryOf<'k> = dyn Fn(&str, &str) -> Option<String> + 'k;

/// What is known of the images in a file beside what it says itself.
#[derive(Default)]
pub struct Known<'k> {
    /// Whether a value is an image: one that was deployed to a place that only `path` knows.
    pub is_image: Option<&'k dyn Fn(&str) -> bool>,
    /// The repository of which a value is a tag, by what it belongs to and its path.
    pub repository: Option<&'k RepositoryOf<'k>>,
}

/// Whether any of `images` has nothing but a tag in its file.
pub fn has_tags(images: &[ImageChange]) -> bool {
    images.iter().any(|image| image.tag_at.is_some())
}

/// The repository of the tag at a path of `file`, by the `images` that are written there.
pub fn repository_at(
    images: &[ImageChange],
    file: &RepoPath,
    resource: &str,
    path: &str,
) -> Option<String> {
    let is_there = |one: &&ImageChange| {
        (&one.file, one.resource.as_str(), one.tag_at.as_deref()) == (file, resource, Some(path))
    };
    let image = images.iter().find(is_there)?;
    let image: ImageReference = image.new.parse().ok()?;
    Some(image.repository_as_written().to_owned())
}

/// A file before and after a change.
pub struct Versions {
    file: RepoPath,
    read: [Arc<Reading>; 2],
}

impl Versions {
    /// The versions of `file`; none where it was not there.
    pub fn new(file: &RepoPath, before: Option<&[u8]>, after: Option<&[u8]>) -> Self {
        Self::among(&Readings::default(), file, before, after)
    }

    /// The same, where they may have been read already.
    pub fn among(
        readings: &Readings,
        file: &RepoPath,
        before: Option<&[u8]>,
        after: Option<&[u8]>,
    ) -> Self {
        let read = |bytes: Option<&[u8]>| readings.read(file, bytes.unwrap_or_default());
        Self {
            file: file.clone(),
            read: [before, after].map(read),
        }
    }

    fn manifests(&self) -> [&[Manifest<'_>]; 2] {
        self.read.each_ref().map(|read| read.manifests())
    }

    /// Both versions, with what is known beside them.
    fn with_known(&self, known: &Known<'_>) -> [Vec<Seen<'_>>; 2] {
        let versions = self.manifests();
        let mut seen = versions.map(|manifests| manifests.iter().map(Seen::of).collect());
        if let Some(is_image) = known.is_image {
            choose_readings(&mut seen, is_image);
            add_named(versions, &mut seen, is_image);
        }
        if let Some(repository) = known.repository {
            for seen in seen.iter_mut().flatten() {
                add_tags(seen, repository);
            }
        }
        seen
    }

    /// See [`image_transitions`]; with what is known beside it.
    pub fn images(&self, known: &Known<'_>) -> Vec<ImageTransition> {
        image_changes(self.manifests(), &self.with_known(known))
    }

    /// The images that differ, and those that `values` are parts of, or hold, in the new text: what runs by it. A tag
    /// alone is none.
    pub(super) fn images_written(&self, values: &[&ValueChange]) -> Vec<ImageChange> {
        let changed = self.images(&Known::default()).into_iter();
        let changed = changed.filter_map(|transition| {
            let new = transition.new.filter(|_| transition.tag_at.is_none())?;
            Some(change_of(
                transition.held,
                transition.old.unwrap_or_default(),
                new,
            ))
        });
        let mut images: Vec<ImageChange> = changed.collect();
        let [_, manifests] = self.manifests();
        for manifest in manifests {
            let is_at = |node: NodeId| {
                let (resource, path) = (manifest.resource(node), manifest.path(node));
                let mut values = values.iter().filter(|value| value.resource == resource);
                values.any(|value| is_within(&path, &value.path))
            };
            for site in manifest.sites.iter().filter(|site| site.says_what_runs()) {
                let mut slots = site.slots();
                let held = manifest.held(site);
                let is_known = |image: &ImageChange| image.place == held.place;
                if slots.any(|slot| is_at(slot.node) || is_at(slot.source()))
                    && !images.iter().any(is_known)
                {
                    let image = held.image.clone();
                    images.push(change_of(held, image.clone(), image));
                }
            }
        }
        images
    }

    /// The values that differ, in the order of the new text; those that are gone come last. A text that is a
    /// document of its own is told of by the values in it.
    pub fn values(&self) -> Vec<ValueChange> {
        self.differences().values()
    }

    /// Those of them that are no parts of `images`.
    pub fn values_beside(&self, images: &[ImageChange]) -> Vec<ValueChange> {
        self.differences_beside(images).values()
    }

    /// The values that differ and are no parts of `images`, and those of which that can't be told.
    pub(super) fn differences_beside(&self, images: &[ImageChange]) -> Differences {
        let file = &self.file;
        let of_file = || images.iter().filter(|image| image.file == *file);
        // One at a place that only `path` knows is known by its text.
        let texts = of_file().flat_map(|one| [one.old.as_str(), one.new.as_str()]);
        let texts: HashSet<&str> = texts.collect();
        let is_image = |text: &str| texts.contains(text);
        let repository = |resource: &str, path: &str| repository_at(images, file, resource, path);
        let known = Known {
            is_image: Some(&is_image),
            repository: has_tags(images).then_some(&repository),
        };
        let places: HashSet<&Place> = of_file().map(|image| &image.place).collect();
        let versions = self.with_known(&known);
        let parts = versions.each_ref().map(|seen| parts(seen, &places));
        value_changes(self.manifests(), &parts)
    }

    /// The values that differ, and those of which that can't be told.
    pub(super) fn differences(&self) -> Differences {
        value_changes(self.manifests(), &Default::default())
    }

    /// Whether the old version can be read.
    pub(super) fn is_old_read(&self) -> bool {
        let [old, _] = self.manifests();
        !old.is_empty()
    }

    /// Whether both can.
    pub(super) fn are_read(&self) -> bool {
        self.manifests().iter().all(|version| !version.is_empty())
    }

    /// The ways to what differs in both versions, where it is there: by the order of items, and by their names.
    pub(super) fn ways(&self, difference: &Difference) -> [Option<[String; 2]>; 2] {
        let [old, new] = self.manifests();
        let [was, is] = difference.nodes;
        [(old, was), (new, is)].map(|(manifests, node)| {
            let (number, node) = node?;
            let manifest = manifests.get(number)?;
            Some([manifest.path(node), manifest.path_by_names(node)])
        })
    }

    /// How many images of the new version are at `place`.
    pub(super) fn images_at(&self, place: &Place) -> usize {
        let [_, manifests] = self.manifests();
        let at = manifests.iter().flat_map(|manifest| {
            let sites = manifest.sites.iter();
            sites.filter(|site| manifest.place(site.node) == *place)
        });
        at.count()
    }

    /// The image of the new version that what differs is a part of.
    pub(super) fn image_of(&self, difference: &Difference) -> Option<HeldImage> {
        let [_, manifests] = self.manifests();
        let (number, node) = difference.nodes[1]?;
        let manifest = manifests.get(number)?;
        let is_part = |site: &&Site| {
            let mut slots = site.slots();
            slots.any(|slot| slot.node == node || slot.source() == node)
        };
        let site = manifest.sites.iter().find(is_part)?;
        Some(manifest.held(site))
    }
}

/// That `old` became `new` where `held` is.
fn change_of(held: HeldImage, old: String, new: String) -> ImageChange {
    let HeldImage {
        file,
        line,
        resource,
        container,
        place,
        ..
    } = held;
    ImageChange {
        file,
        line,
        resource,
        container,
        place,
        tag_at: None,
        old,
        new,
    }
}

/// A text that was read, with its images: those that it tells of itself, and those that are known beside it.
struct Seen<'m> {
    manifest: &'m Manifest<'m>,
    sites: Cow<'m, [Site]>,
}

impl<'m> Seen<'m> {
    fn of(manifest: &'m Manifest<'m>) -> Self {
        let sites = Cow::Borrowed(&manifest.sites[..]);
        Self { manifest, sites }
    }

    /// Adds images, which may be anywhere in the text.
    fn add(&mut self, found: Vec<Site>) {
        if !found.is_empty() {
            let sites = self.sites.to_mut();
            sites.extend(found);
            sites.sort_by_key(|site| site.node);
        }
    }
}

/// Where an image can be read in several ways, as by its own registry or by that of all images, the one counts by which
/// `is_image` knows it, in both versions.
fn choose_readings(versions: &mut [Vec<Seen<'_>>; 2], is_image: &dyn Fn(&str) -> bool) {
    let mut known: HashMap<Place, usize> = HashMap::new();
    for Seen { manifest, sites } in versions.iter().flatten() {
        for site in sites.iter().filter(|site| !is_image(&site.text)) {
            let readings = site.readings();
            let mut others = readings.iter().map(ToString::to_string);
            if let Some(other) = others.position(|reading| is_image(&reading)) {
                known.insert(manifest.place(site.node), other);
            }
        }
    }
    if known.is_empty() {
        return;
    }
    for Seen { manifest, sites } in versions.iter_mut().flatten() {
        let readings = sites.iter().enumerate().filter_map(|(number, site)| {
            let known = known.get(&manifest.place(site.node))?;
            Some((number, site.readings().get(*known)?.to_string()))
        });
        let readings: Vec<(usize, String)> = readings.collect();
        for (number, reading) in readings {
            if let Some(site) = sites.to_mut().get_mut(number) {
                site.read_as(reading);
            }
        }
    }
}

/// Scalars, each with the number of the manifest that it is in.
type Scalars = HashSet<(usize, NodeId)>;

/// What the images at `places` are written in.
fn parts(seen: &[Seen<'_>], places: &HashSet<&Place>) -> Scalars {
    let mut parts = Scalars::new();
    for (number, Seen { manifest, sites }) in seen.iter().enumerate() {
        let sites = sites.iter();
        let sites = sites.filter(|site| places.contains(&manifest.place(site.node)));
        let slots = sites.flat_map(|site| site.slots());
        let nodes = slots.flat_map(|slot| [slot.node, slot.source()]);
        parts.extend(nodes.map(|node| (number, node)));
    }
    parts
}

/// How the values of two versions differ.
#[derive(Debug, Default)]
pub(super) struct Differences {
    /// Those that do.
    pub(super) changed: Vec<Difference>,
    /// The resources and paths of items without a name in a list that is longer or shorter in one version, and
    /// not by its last ones alone: which of them came or went can't be told.
    pub(super) untold: Vec<(String, String)>,
}

impl Differences {
    fn values(self) -> Vec<ValueChange> {
        let changed = self.changed.into_iter();
        changed.map(|difference| difference.change).collect()
    }
}

/// How a value differs.
#[derive(Debug)]
pub(super) struct Difference {
    /// As a person is told of it.
    pub(super) change: ValueChange,
    /// Where it is in each version: the number of the manifest, and the node there.
    nodes: [Option<(usize, NodeId)>; 2],
}

/// Adds the values that `is_image` calls images, where nothing else found one; and what has the form of an
/// image at the same place of the other version. Of what somebody wrote there by hand, nothing else tells.
fn add_named<'m>(
    versions: [&'m [Manifest<'m>]; 2],
    seen: &mut [Vec<Seen<'m>>; 2],
    is_image: &dyn Fn(&str) -> bool,
) {
    let mut found = versions.map(|manifests| unfound(manifests, is_image));
    if found.iter().all(Vec::is_empty) {
        return;
    }
    let partners = {
        let mut places = Places::default();
        let [old, new] = versions;
        let at = [(old, &found[0]), (new, &found[1])]
            .map(|(manifests, found)| HashSet::from_iter(places_of(manifests, found, &mut places)));
        let [was, is]: &[HashSet<SitePlace>; 2] = &at;
        [(old, is, was), (new, was, is)].map(|(manifests, there, here)| {
            let lacking: HashSet<&SitePlace> = there.difference(here).collect();
            if lacking.is_empty() {
                return Vec::new();
            }
            let others = unfound(manifests, &has_version);
            let at = places_of(manifests, &others, &mut places).into_iter();
            let others = others.into_iter().zip(at);
            let partners = others.filter(|(_, place)| lacking.contains(place));
            partners.map(|(own, _)| own).collect()
        })
    };
    for (found, partners) in found.iter_mut().zip(partners) {
        found.extend(partners);
    }
    for (seen, mut found) in seen.iter_mut().zip(found) {
        found.sort_unstable();
        let mut found = found.into_iter().peekable();
        for (number, seen) in seen.iter_mut().enumerate() {
            let own = from_fn(|| found.next_if(|(of, _)| *of == number));
            let own = own.map(|(_, node)| node);
            let manifest = seen.manifest;
            let sites = find::all_named(&manifest.stream, &manifest.file.path, own);
            seen.add(sites.into_iter().collect());
        }
    }
}

/// Whether a text is an image with a version: without one, any word is an image.
fn has_version(text: &str) -> bool {
    let image = text.parse::<ImageReference>();
    image.is_ok_and(|image| image.tag().or(image.digest()).is_some())
}

/// The values that are no images so far, and that `is_meant` means by their texts: the numbers of their
/// manifests and their nodes.
fn unfound(manifests: &[Manifest<'_>], is_meant: &dyn Fn(&str) -> bool) -> Vec<(usize, NodeId)> {
    let manifests = manifests.iter().enumerate();
    let found = manifests.flat_map(|(number, manifest)| {
        let known: HashSet<_> = manifest.sites.iter().map(|site| site.node).collect();
        let stream = &manifest.stream;
        let values = stream.nodes().filter(|(_, node)| node.role() != Role::Key);
        let texts = values.filter_map(|(node, _)| Some((node, stream.scalar(node)?)));
        // What stands in front of a reference, as in `docker://`, is no part of it.
        let is_framed = |node| {
            let slot = Slot::read(stream, None, node);
            slot.is_some_and(|slot| is_meant(slot.value.trim_end()))
        };
        let meant = texts
            .filter(|(node, text)| {
                let value = text.value.trim_end();
                let is_it = || {
                    is_meant(value)
                        || is_meant(slot::reference_in(value))
                        || (value.contains("://") && is_framed(*node))
                };
                !known.contains(node) && is_it()
            })
            .map(|(node, _)| (number, node));
        meant.collect::<Vec<_>>()
    });
    found.collect()
}

/// Says of the tags that stand alone which image they are of, where `repository` knows it, and adds those that
/// only `path` knows.
fn add_tags(seen: &mut Seen<'_>, repository: &RepositoryOf<'_>) {
    let manifest = seen.manifest;
    let nodes = manifest.stream.nodes();
    let scalars = nodes.filter(|(id, node)| {
        node.role() != Role::Key
            && manifest
                .stream
                .scalar(*id)
                .is_some_and(|s| !s.value.is_empty())
    });
    let tags = scalars.filter_map(|(node, _)| {
        let path = manifest.path_by_names(node);
        Some((node, repository(&manifest.resource(node), &path)?))
    });
    let tags = HashMap::<NodeId, _>::from_iter(tags);
    if tags.is_empty() {
        return;
    }
    let mut lacking: HashSet<NodeId> = tags.keys().copied().collect();
    for site in seen.sites.to_mut() {
        let mut slots = site.slots().map(|slot| slot.node);
        let tag = slots.find(|node| lacking.remove(node));
        drop(slots);
        // What else is beside it now says more.
        if let Some(repository) = tag.and_then(|tag| tags.get(&tag))
            && site.is_version_only()
        {
            site.belong_to(repository);
        }
    }
    let lacking = lacking.into_iter();
    let named = find::all_named(&manifest.stream, &manifest.file.path, lacking).into_iter();
    let belonging = named.filter_map(|mut site| {
        let repository = tags.get(&site.node).filter(|_| site.is_version_only())?;
        site.belong_to(repository);
        Some(site)
    });
    seen.add(belonging.collect());
}

/// How the values of two versions differ, but for `parts` of each.
fn value_changes<'m>(versions: [&'m [Manifest<'m>]; 2], parts: &'m [Scalars; 2]) -> Differences {
    let mut comparison = Comparison {
        versions,
        parts,
        places: Places::default(),
        untold: Vec::new(),
        left_out: 0,
    };
    let file = comparison
        .versions
        .map(|manifests| (!manifests.is_empty()).then_some(0));
    Differences {
        changed: comparison.of(file, None),
        untold: comparison.untold,
    }
}

/// What is at each place of two versions, which are in the order of places: there may be a million of them, each with
/// next to nothing at it.
fn by_place<'s>(
    mut olds: &'s [(PlaceNumber, NodeId)],
    mut news: &'s [(PlaceNumber, NodeId)],
) -> impl Iterator<Item = (PlaceNumber, Vec<NodeId>, Vec<NodeId>)> + 's {
    std::iter::from_fn(move || {
        let first = [olds.first(), news.first()].into_iter().flatten();
        let place = first.map(|(place, _)| *place).min()?;
        let own = |all: &mut &'s [(PlaceNumber, NodeId)]| {
            let (own, rest) = all.split_at(all.partition_point(|(other, _)| *other == place));
            *all = rest;
            own.iter().map(|(_, node)| *node).collect()
        };
        Some((place, own(&mut olds), own(&mut news)))
    })
}

/// Two versions of a file that are compared.
struct Comparison<'m> {
    versions: [&'m [Manifest<'m>]; 2],
    /// What is left out of it.
    parts: &'m [Scalars; 2],
    places: Places<'m>,
    untold: Vec<(String, String)>,
    /// How many differences were left out so far.
    left_out: usize,
}

impl<'m> Comparison<'m> {
    /// The values that differ between two manifests, by their numbers: of the file; or of a text in it, which
    /// belongs to `resource`.
    fn of(&mut self, numbers: [Option<usize>; 2], resource: Option<&str>) -> Vec<Difference> {
        let [before, after] = [0, 1].map(|version| {
            let number: Option<usize> = numbers[version];
            number.and_then(|number| self.versions[version].get(number))
        });
        let [olds, news] = [before, after].map(|manifest| {
            let mut scalars = scalars(manifest, &mut self.places);
            scalars.sort_unstable();
            scalars
        });
        let at_path = |manifest: &Manifest<'_>, node: NodeId| {
            let resource = resource.map_or_else(|| manifest.resource(node), str::to_owned);
            (resource, manifest.path(node))
        };
        let at_nodes =
            |nodes: Pair| [0, 1].map(|version: usize| numbers[version].zip(nodes[version]));
        let mut changes: Vec<(Order, Pair, Vec<Difference>)> = Vec::new();
        let mut lists = Lists::new();
        for (place, old, new) in by_place(&olds, &news) {
            let Some(pairs) = paired([before, after], &old, &new) else {
                // Which of them is the one that came or went can't be told.
                let list = [(before, &old), (after, &new)]
                    .map(|(manifest, nodes)| list_of(&manifest?.stream, nodes));
                if let [Some(was), Some(is)] = list {
                    let mut nodes = old.iter().map(|node| [Some(*node), None]);
                    let mut others = new.iter().map(|node| [None, Some(*node)]);
                    let is_value = |pair| !self.is_part(numbers, pair);
                    let is_told = nodes.any(is_value) || others.any(is_value);
                    *lists.entry((was, is)).or_default() |= is_told;
                }
                let olds = old
                    .into_iter()
                    .map(|node| (before, [Some(node), None], node));
                let news = new
                    .into_iter()
                    .map(|node| (after, [None, Some(node)], node));
                let untold = olds.chain(news);
                let untold = untold.filter(|(_, pair, _)| !self.is_part(numbers, *pair));
                let untold =
                    untold.filter_map(|(manifest, _, node)| Some(at_path(manifest?, node)));
                let untold: Vec<_> = untold.collect();
                self.untold.extend(untold);
                continue;
            };
            for (old, new) in pairs {
                let was = old.and_then(|node| said(before, node));
                let is = new.and_then(|node| said(after, node));
                let (Some(manifest), Some(node)) = (new.map_or(before, |_| after), new.or(old))
                else {
                    continue;
                };
                if matches!((&was, &is), (Some(was), Some(is)) if was.is_same(is)) {
                    continue;
                }
                if self.is_part(numbers, [old, new]) {
                    self.left_out += 1;
                    continue;
                }
                let (resource, path) = at_path(manifest, node);
                let left_out = self.left_out;
                let inside = match (old, new) {
                    (Some(old), Some(new)) => self.inside(numbers, [old, new], &resource),
                    _ => Vec::new(),
                };
                let is_told = !inside.is_empty() || self.left_out > left_out;
                let inside = match is_told {
                    true => inside,
                    false => {
                        let at = ValuePlace {
                            file: manifest.file.path.clone(),
                            line: manifest.line(node),
                            resource,
                            path,
                        };
                        vec![Difference {
                            change: ValueChange::new(at, was.as_ref(), is.as_ref()),
                            nodes: at_nodes([old, new]),
                        }]
                    }
                };
                changes.push(((new.is_none(), node, place), [old, new], inside));
            }
        }
        if let (Some(before), Some(after), false) = (before, after, lists.is_empty()) {
            let is_in = |stream: &Stream<'_>, node: Option<NodeId>, lists: &HashSet<NodeId>| {
                let mut around = node.into_iter().flat_map(|node| stream.ancestors(node));
                around.any(|node| lists.contains(&node))
            };
            let (was, is) = lists.keys().copied().unzip();
            changes.retain(|(_, [old, new], _)| {
                !is_in(&before.stream, *old, &was) && !is_in(&after.stream, *new, &is)
            });
            for ((was, is), is_told) in lists {
                if !is_told {
                    self.left_out += 1;
                    continue;
                }
                let (resource, path) = at_path(after, is);
                let line = match after.stream[is].role() {
                    Role::Value { key } => after.line(key),
                    _ => after.line(is),
                };
                let at = ValuePlace {
                    file: after.file.path.clone(),
                    line,
                    resource,
                    path,
                };
                let (old, new) = (
                    Said::whole(&before.stream, was),
                    Said::whole(&after.stream, is),
                );
                let nodes = [Some(was), Some(is)];
                let change = Difference {
                    change: ValueChange::new(at, Some(&old), Some(&new)),
                    nodes: at_nodes(nodes),
                };
                changes.push(((false, is, 0), nodes, vec![change]));
            }
        }
        changes.sort_by_key(|(order, ..)| *order);
        changes
            .into_iter()
            .flat_map(|(.., changes)| changes)
            .collect()
    }

    /// Whether one of the two, of the manifests with these numbers, is left out.
    fn is_part(&self, numbers: [Option<usize>; 2], nodes: [Option<NodeId>; 2]) -> bool {
        let mut versions = numbers.into_iter().zip(nodes).zip(self.parts);
        versions.any(|((number, node), parts)| {
            let is_left_out = number.zip(node).map(|part| parts.contains(&part));
            is_left_out.unwrap_or_default()
        })
    }

    /// The values that differ in a text, where it is a document of its own in both versions. What is left out
    /// of it is told of elsewhere.
    fn inside(
        &mut self,
        numbers: [Option<usize>; 2],
        nodes: [NodeId; 2],
        resource: &str,
    ) -> Vec<Difference> {
        let texts = [0, 1].map(|version| {
            let around = (numbers[version]?, nodes[version]);
            self.versions[version].iter().position(|manifest| {
                let nested = manifest.nested.as_ref();
                nested.is_some_and(|nested| (nested.outer, nested.node) == around)
            })
        });
        match texts {
            [Some(_), Some(_)] => self.of(texts, Some(resource)),
            _ => Vec::new(),
        }
    }
}

/// In which order changes are told: those that are gone last, else as in the text.
type Order = (bool, NodeId, PlaceNumber);
/// What was there, and what is.
type Pair = [Option<NodeId>; 2];
/// Lists of which items came and went so that which ones can't be told, as they were and as they are; and whether
/// any of that is told of here.
type Lists = HashMap<(NodeId, NodeId), bool>;

/// The list that all of `nodes` are in, the outermost one whose items only their order tells apart.
fn list_of(stream: &Stream<'_>, nodes: &[NodeId]) -> Option<NodeId> {
    let is_item = |node: &NodeId| {
        let is_item = matches!(stream[*node].role(), Role::Item { .. });
        is_item && Link::to(stream, *node).0 == Link::Unnamed
    };
    let item = stream.ancestors(*nodes.first()?).filter(is_item).last()?;
    let list = stream[item].parent?;
    let is_in = |node: &NodeId| stream.ancestors(*node).any(|around| around == list);
    nodes.iter().all(is_in).then_some(list)
}

/// What the scalar or the alias `node` says.
fn said<'m>(manifest: Option<&'m Manifest<'_>>, node: NodeId) -> Option<Said<'m>> {
    Said::of(&manifest?.stream, node)
}

/// As what a person reads it.
fn text<'m>(manifest: Option<&'m Manifest<'_>>, node: NodeId) -> Option<&'m str> {
    let stream = &manifest?.stream;
    match stream.content(node) {
        Content::Alias { target, .. } => stream.value(target),
        _ => stream.value(node),
    }
}

/// Which value of a place became which; none where that can't be told.
fn paired(
    [before, after]: [Option<&Manifest<'_>>; 2],
    old: &[NodeId],
    new: &[NodeId],
) -> Option<Vec<(Option<NodeId>, Option<NodeId>)>> {
    let common = old.len().min(new.len());
    // Items that came behind the others, or went from there.
    let is_same = |(old, new): (&NodeId, &NodeId)| {
        let path = |manifest: Option<&Manifest<'_>>, node| Some(manifest?.path(node));
        text(before, *old) == text(after, *new) && path(before, *old) == path(after, *new)
    };
    let document = |manifest: Option<&Manifest<'_>>, node: &NodeId| {
        manifest.map(|manifest| manifest.stream.document(*node))
    };
    let documents = old.iter().map(|node| document(before, node));
    let mut documents = documents.chain(new.iter().map(|node| document(after, node)));
    let first = documents.next();
    let is_in_one = documents.all(|document| Some(document) == first);
    let is_told = match (old.len(), new.len()) {
        (0, _) | (_, 0) => true,
        (one, other) if one == other => true,
        _ if !is_in_one => false,
        _ => {
            old.iter().zip(new).all(is_same) || {
                // A list that has nothing left of what it had is another one.
                let all: HashSet<_> = old.iter().map(|node| text(before, *node)).collect();
                !new.iter().any(|node| all.contains(&text(after, *node)))
            }
        }
    };
    is_told.then(|| {
        let pairs = old
            .iter()
            .zip(new)
            .map(|(old, new)| (Some(*old), Some(*new)));
        let gone = old[common..].iter().map(|node| (Some(*node), None));
        let came = new[common..].iter().map(|node| (None, Some(*node)));
        pairs.chain(gone).chain(came).collect()
    })
}

/// The values of a version, in the order of the text.
fn scalars<'m>(
    manifest: Option<&'m Manifest<'m>>,
    places: &mut Places<'m>,
) -> Vec<(PlaceNumber, NodeId)> {
    let Some(manifest) = manifest else {
        return Vec::new();
    };
    let mut located = Located::new(&manifest.stream);
    let nodes = manifest.stream.nodes();
    let is_nothing =
        |node: NodeId| manifest.stream[node].role() == Role::Root && manifest.stream.is_null(node);
    let is_value =
        |content: Content<'_>| matches!(content, Content::Scalar(_) | Content::Alias { .. });
    let scalars = nodes.filter(|(id, node)| {
        node.role() != Role::Key && is_value(manifest.stream.content(*id)) && !is_nothing(*id)
    });
    scalars
        .map(|(node, _)| (located.place(places, node), node))
        .collect()
}

fn image_changes<'m>(
    versions: [&'m [Manifest<'m>]; 2],
    seen: &'m [Vec<Seen<'m>>; 2],
) -> Vec<ImageTransition> {
    let mut places = Places::default();
    let [olds, news] = [0, 1].map(|version| images(versions[version], &seen[version], &mut places));
    let mut at: HashMap<SitePlace, (Vec<usize>, Vec<usize>)> = HashMap::new();
    for (index, sited) in olds.iter().enumerate() {
        at.entry(sited.place).or_default().0.push(index);
    }
    for (index, sited) in news.iter().enumerate() {
        at.entry(sited.place).or_default().1.push(index);
    }
    let mut was: Vec<Option<&Site>> = vec![None; news.len()];
    let mut is_gone = vec![true; olds.len()];
    for (old, new) in at.into_values() {
        for (old, new) in pairs(&olds, old, &news, new) {
            was[new] = olds.get(old).map(|sited| sited.site);
            is_gone[old] = false;
        }
    }
    let text = |site: &Site| site.text.clone();
    let transition = |sited: &Sited<'_>, old, new| {
        let held = sited.manifest.held(sited.site);
        let tag_at = sited.manifest.tag_at(sited.site);
        ImageTransition {
            held,
            old,
            new,
            tag_at,
        }
    };
    let changed = news
        .iter()
        .zip(was)
        .filter(|(new, old)| old.is_none_or(|old| old.text != new.site.text))
        .map(|(new, old)| transition(new, old.map(text), Some(text(new.site))));
    let gone = olds.iter().zip(is_gone).filter(|(_, is_gone)| *is_gone);
    let gone = gone.map(|(old, _)| transition(old, Some(text(old.site)), None));
    changed.chain(gone).collect()
}

/// Where an image is: the text that it is in, if it is in one, and the place there.
type SitePlace = (Option<PlaceNumber>, PlaceNumber);

/// An image, and where it is.
struct Sited<'m> {
    place: SitePlace,
    site: &'m Site,
    manifest: &'m Manifest<'m>,
}

/// The images of a version, in the order of the text.
fn images<'m>(
    manifests: &'m [Manifest<'m>],
    seen: &'m [Seen<'m>],
    places: &mut Places<'m>,
) -> Vec<Sited<'m>> {
    let sites = seen.iter().enumerate().flat_map(|(number, seen)| {
        let sites = seen.sites.iter().filter(|site| site.says_a_version());
        sites.map(move |site| (number, seen.manifest, site))
    });
    let sites: Vec<(usize, &Manifest<'_>, &Site)> = sites.collect();
    let nodes = sites.iter().map(|(number, _, site)| (*number, site.node));
    let at = places_of(manifests, &Vec::from_iter(nodes), places);
    let sited = sites.into_iter().zip(at);
    sited
        .map(|((_, manifest, site), place)| Sited {
            place,
            site,
            manifest,
        })
        .collect()
}

/// The places of nodes, each of which has the number of its manifest and comes behind those of the ones before.
fn places_of<'m>(
    manifests: &'m [Manifest<'m>],
    nodes: &[(usize, NodeId)],
    places: &mut Places<'m>,
) -> Vec<SitePlace> {
    let mut located: Vec<Located<'m, 'm>> = Vec::with_capacity(manifests.len());
    let mut found = Vec::with_capacity(nodes.len());
    let mut nodes = nodes.iter().peekable();
    for (number, manifest) in manifests.iter().enumerate() {
        let nested = manifest.nested.as_ref();
        let outer = nested.and_then(|nested| Some((located.get_mut(nested.outer)?, nested.node)));
        let outer = outer.map(|(located, node)| located.place(places, node));
        let mut own = Located::new(&manifest.stream);
        while let Some((_, node)) = nodes.next_if(|(of, _)| *of == number) {
            found.push((outer, own.place(places, *node)));
        }
        located.push(own);
    }
    found
}

/// Which image of a place became which: the one that stayed, the one of the same repository, and of
/// as many as are left on both sides the one in its turn.
fn pairs(
    olds: &[Sited<'_>],
    mut old: Vec<usize>,
    news: &[Sited<'_>],
    mut new: Vec<usize>,
) -> Vec<(usize, usize)> {
    let text: fn(&Site) -> Option<String> = |site| Some(site.text.clone());
    let repository: fn(&Site) -> Option<String> = |site| {
        let image = site.text.parse::<ImageReference>().ok()?;
        Some(image.repository().to_owned())
    };
    let mut pairs = Vec::new();
    for key in [text, repository] {
        if (old.len(), new.len()) == (1, 1) {
            break; // There is nothing to find out.
        }
        let mut waiting: HashMap<String, VecDeque<usize>> = HashMap::new();
        for index in &old {
            if let Some(key) = key(olds[*index].site) {
                waiting.entry(key).or_default().push_back(*index);
            }
        }
        new.retain(|index| {
            let waiting = key(news[*index].site).and_then(|key| waiting.get_mut(&key));
            let partner = waiting.and_then(VecDeque::pop_front);
            pairs.extend(partner.map(|old| (old, *index)));
            partner.is_none()
        });
        let taken: HashSet<usize> = pairs.iter().map(|(old, _)| *old).collect();
        old.retain(|index| !taken.contains(index));
    }
    if old.len() == new.len() {
        pairs.extend(old.into_iter().zip(new));
    }
    pairs
}

#[cfg(test)]
mod tests;
