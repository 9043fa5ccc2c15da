//! What a change to a file did to the images in it.

use std::collections::{HashMap, HashSet, VecDeque};

use super::change::{ImageChange, ValueChange};
use super::error::HeldImage;
use super::file::{Manifest, Text, with_texts};
use super::find;
use super::place::{Located, PlaceNumber, Places};
use super::request::EditRequest;
use super::site::Site;
use super::source::{ManifestFile, Source};
use crate::files::RepoPath;
use crate::image::ImageReference;
use crate::yaml::path::path_of;
use crate::yaml::{NodeId, Role};

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

/// The places whose image differs between two versions of a file, in the order of the new one; those
/// that are gone come last. A version that is no YAML holds no images.
pub fn image_transitions(
    file: &RepoPath,
    before: Option<&[u8]>,
    after: Option<&[u8]>,
) -> Vec<ImageTransition> {
    Versions::new(file, before, after).images(&Known::default())
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
pub struct Versions([ManifestFile; 2]);

impl Versions {
    /// The versions of `file`; none where it was not there.
    pub fn new(file: &RepoPath, before: Option<&[u8]>, after: Option<&[u8]>) -> Self {
        Self([before, after].map(|bytes| ManifestFile {
            path: file.clone(),
            bytes: bytes.unwrap_or_default().to_vec(),
        }))
    }

    fn sources(&self) -> [Source<'_>; 2] {
        self.0.each_ref().map(Source::new)
    }

    /// See [`image_transitions`]; with what is known beside it.
    pub fn images(&self, known: &Known<'_>) -> Vec<ImageTransition> {
        let request = EditRequest::default();
        let sources = self.sources();
        let read = sources.each_ref().map(|source| {
            let manifest = Manifest::read(source, &request);
            Vec::from_iter(manifest)
        });
        let texts = read.each_ref().map(|read| Text::all(read, &request));
        let inside = texts.each_ref().map(|texts| Text::sources(texts));
        let [before, after] = read;
        let mut versions = [
            with_texts(before, &texts[0], &inside[0], &request),
            with_texts(after, &texts[1], &inside[1], &request),
        ]
        .map(Result::unwrap_or_default);
        for manifest in versions.iter_mut().flatten() {
            if let Some(is_image) = known.is_image {
                add_sites(manifest, is_image);
            }
            if let Some(repository) = known.repository {
                add_tags(manifest, repository);
            }
        }
        let [before, after] = &versions;
        image_changes(before, after)
    }

    /// The values that differ, in the order of the new text; those that are gone come last.
    pub fn values(&self) -> Vec<ValueChange> {
        self.differences().changed
    }

    /// The values that differ, and those of which that can't be told.
    pub(super) fn differences(&self) -> Differences {
        let sources = self.sources();
        let manifests = read(&sources);
        value_changes(manifests.each_ref().map(Option::as_ref))
    }

    /// Whether the old version can be read.
    pub(super) fn is_old_read(&self) -> bool {
        let sources = self.sources();
        let [old, _] = read(&sources);
        old.is_some()
    }
}

/// How the values of two versions differ.
#[derive(Debug, Default)]
pub(super) struct Differences {
    /// Those that do.
    pub(super) changed: Vec<ValueChange>,
    /// The resources and paths of items without a name in a list that is longer or shorter in one version:
    /// which of them came or went can't be told.
    pub(super) untold: Vec<(String, String)>,
}

/// Those that can be read.
fn read<'s>(sources: &'s [Source<'s>; 2]) -> [Option<Manifest<'s>>; 2] {
    let read = |source| Manifest::read(source, &EditRequest::default()).ok();
    sources.each_ref().map(read)
}

/// Adds the values that `is_image` calls images, where nothing else found one.
fn add_sites(manifest: &mut Manifest<'_>, is_image: &dyn Fn(&str) -> bool) {
    let known: HashSet<_> = manifest.sites.iter().map(|site| site.node).collect();
    let stream = &manifest.stream;
    let scalars = stream.nodes().filter(|(_, node)| node.role != Role::Key);
    let images = scalars.filter_map(|(node, _)| Some((node, stream.scalar(node)?)));
    let images = images
        .filter(|(node, scalar)| !known.contains(node) && is_image(scalar.value.trim_end()))
        .map(|(node, _)| find::named(stream, &manifest.file.path, node));
    let images: Vec<Site> = images.collect();
    if !images.is_empty() {
        manifest.sites.extend(images);
        manifest.sites.sort_by_key(|site| site.node);
    }
}

/// Says of the tags that stand alone which image they are of, where `repository` knows it, and adds those that
/// only `path` knows.
fn add_tags(manifest: &mut Manifest<'_>, repository: &RepositoryOf<'_>) {
    let nodes = manifest.stream.nodes();
    let scalars = nodes.filter(|(id, node)| {
        node.role != Role::Key
            && manifest
                .stream
                .scalar(*id)
                .is_some_and(|s| !s.value.is_empty())
    });
    let tags = scalars.filter_map(|(node, _)| {
        let path = manifest.path_by_names(node);
        Some((node, repository(&manifest.resource(node), &path)?))
    });
    for (node, repository) in Vec::from_iter(tags) {
        let has_it = |site: &&mut Site| site.slots().any(|slot| slot.node == node);
        if let Some(site) = manifest.sites.iter_mut().find(has_it) {
            // What else is beside it now says more.
            if site.is_version_only() {
                site.belong_to(&repository);
            }
            continue;
        }
        let mut site = find::named(&manifest.stream, &manifest.file.path, node);
        if site.is_version_only() {
            site.belong_to(&repository);
            manifest.sites.push(site);
        }
    }
    manifest.sites.sort_by_key(|site| site.node);
}

fn value_changes([before, after]: [Option<&Manifest<'_>>; 2]) -> Differences {
    let mut places = Places::default();
    let [olds, news] = [before, after].map(|manifest| scalars(manifest, &mut places));
    let mut at: HashMap<PlaceNumber, (Vec<NodeId>, Vec<NodeId>)> = HashMap::new();
    for (place, node) in &olds {
        at.entry(*place).or_default().0.push(*node);
    }
    for (place, node) in &news {
        at.entry(*place).or_default().1.push(*node);
    }
    let text = |manifest: Option<&Manifest<'_>>, node: NodeId| {
        let value = manifest?.stream.value(node)?;
        Some(value.to_owned())
    };
    let at_path = |manifest: &Manifest<'_>, node: NodeId| {
        let path = path_of(&manifest.stream, node).to_string();
        (manifest.resource(node), path)
    };
    let (mut changes, mut untold) = (Vec::new(), Vec::new());
    for (place, (old, new)) in at {
        let pairs: Vec<(Option<NodeId>, Option<NodeId>)> = match (old.len(), new.len()) {
            (0, _) => new.iter().map(|node| (None, Some(*node))).collect(),
            (_, 0) => old.iter().map(|node| (Some(*node), None)).collect(),
            (one, other) if one == other => {
                let pairs = old.into_iter().zip(new);
                pairs.map(|(old, new)| (Some(old), Some(new))).collect()
            }
            // Which of them is the one that came or went can't be told.
            _ => {
                for (manifest, nodes) in [(before, old), (after, new)] {
                    let nodes = nodes.into_iter();
                    untold.extend(nodes.filter_map(|node| Some(at_path(manifest?, node))));
                }
                Vec::new()
            }
        };
        for (old, new) in pairs {
            let was = old.and_then(|node| text(before, node));
            let is = new.and_then(|node| text(after, node));
            let (manifest, node) = match (new, old) {
                (Some(node), _) => (after, node),
                (None, Some(node)) => (before, node),
                (None, None) => continue,
            };
            if let Some(manifest) = manifest
                && was != is
            {
                let (resource, path) = at_path(manifest, node);
                let change = ValueChange {
                    file: manifest.file.path.clone(),
                    line: manifest.line(node),
                    resource,
                    path,
                    old: was,
                    new: is,
                };
                changes.push(((new.is_none(), node, place), change));
            }
        }
    }
    changes.sort_by_key(|(order, _)| *order);
    Differences {
        changed: changes.into_iter().map(|(_, change)| change).collect(),
        untold,
    }
}

/// The values of a version, in the order of the text.
fn scalars<'m>(
    manifest: Option<&'m Manifest<'_>>,
    places: &mut Places<'m>,
) -> Vec<(PlaceNumber, NodeId)> {
    let Some(manifest) = manifest else {
        return Vec::new();
    };
    let mut located = Located::new(&manifest.stream);
    let nodes = manifest.stream.nodes();
    let is_nothing =
        |node: NodeId| manifest.stream[node].role == Role::Root && manifest.stream.is_null(node);
    let scalars = nodes.filter(|(id, node)| {
        node.role != Role::Key && manifest.stream.scalar(*id).is_some() && !is_nothing(*id)
    });
    scalars
        .map(|(node, _)| (located.place(places, node), node))
        .collect()
}

fn image_changes(before: &[Manifest<'_>], after: &[Manifest<'_>]) -> Vec<ImageTransition> {
    let mut places = Places::default();
    let [olds, news] = [before, after].map(|manifests| images(manifests, &mut places));
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
fn images<'m>(manifests: &'m [Manifest<'m>], places: &mut Places<'m>) -> Vec<Sited<'m>> {
    let mut located: Vec<Located<'m, 'm>> = Vec::with_capacity(manifests.len());
    let mut images = Vec::new();
    for manifest in manifests {
        let nested = manifest.nested.as_ref();
        let outer = nested.and_then(|nested| Some((located.get_mut(nested.outer)?, nested.node)));
        let outer = outer.map(|(located, node)| located.place(places, node));
        let mut own = Located::new(&manifest.stream);
        let sites = manifest.sites.iter().filter(|site| site.says_a_version());
        images.extend(sites.map(|site| Sited {
            place: (outer, own.place(places, site.node)),
            site,
            manifest,
        }));
        located.push(own);
    }
    images
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
mod tests {
    use super::*;

    /// `Deployment/web: a:1 → a:2`, one a line.
    fn transitions(before: &str, after: &str) -> String {
        let file = "web.yaml".parse().unwrap();
        let found = image_transitions(&file, Some(before.as_bytes()), Some(after.as_bytes()));
        let none = || "none".to_owned();
        let line = |transition: ImageTransition| {
            let (old, new) = (transition.old, transition.new);
            format!(
                "{} line {}: {} → {}",
                transition.held.resource,
                transition.held.line,
                old.unwrap_or_else(none),
                new.unwrap_or_else(none)
            )
        };
        found.into_iter().map(line).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn an_entry_that_comes_in_between_changes_none_of_the_others() {
        let before = "kind: Kustomization\nimages:\n- name: web\n  newTag: v2\n";
        let after = before.replace("- name: web", "- name: api\n  newTag: v7\n- name: web");
        insta::assert_snapshot!(transitions(before, &after), @"Kustomization line 3: none → api:v7");
        insta::assert_snapshot!(transitions(&after, before), @"Kustomization line 3: api:v7 → none");
    }

    #[test]
    fn containers_of_different_objects_are_different() {
        let pod = |namespace: &str, name: &str, tag: &str| {
            format!(
                "kind: Pod\nmetadata: {{name: {name}, namespace: {namespace}}}\nspec: {{containers: [{{name: web, image: web:{tag}}}]}}\n"
            )
        };
        let file = |pods: &[String]| pods.join("---\n");
        let before = file(&[
            pod("a", "web", "v1"),
            pod("b", "web", "v2"),
            pod("a", "api", "v3"),
        ]);
        let after = file(&[
            pod("a", "api", "v3"),
            pod("b", "web", "v4"),
            pod("a", "web", "v1"),
        ]);
        insta::assert_snapshot!(transitions(&before, &after), @"Pod/web line 7: web:v2 → web:v4");
        let after = file(&[pod("b", "web", "v2"), pod("a", "api", "v3")]);
        insta::assert_snapshot!(transitions(&before, &after), @"Pod/web line 3: web:v1 → none");
    }

    #[test]
    fn what_has_no_name_is_known_by_its_repository() {
        let list = |images: &str| format!("l: [{images}]\n");
        let of = |before: &str, after: &str| transitions(&list(before), &list(after));
        let item = |image: &str| format!("{{image: '{image}'}}");
        let (a, b, c) = (item("a:1"), item("b:1"), item("c:1"));
        assert_eq!(of(&format!("{a}, {b}"), &format!("{b}, {a}")), "");
        assert_eq!(of(&a, &format!("{c}, {a}")), "web.yaml line 1: none → c:1");
        assert_eq!(
            of(&format!("{a}, {b}"), &format!("{c}, {}, {b}", item("a:2"))),
            "web.yaml line 1: none → c:1\nweb.yaml line 1: a:1 → a:2"
        );
        assert_eq!(
            of(&format!("{a}, {b}"), &format!("{a}, {c}")),
            "web.yaml line 1: b:1 → c:1"
        );
        let digests = of(&item("a:1"), &format!("{}, {}", item("a:2"), item("a:3")));
        assert_eq!(
            digests,
            "web.yaml line 1: a:1 → a:2\nweb.yaml line 1: none → a:3"
        );
    }

    #[test]
    fn a_version_that_is_no_yaml_or_not_there_holds_nothing() {
        assert_eq!(
            transitions("a: [", "image: a:1\n"),
            "web.yaml line 1: none → a:1"
        );
        assert_eq!(
            transitions("image: a:1\n", ""),
            "web.yaml line 1: a:1 → none"
        );
    }
}
