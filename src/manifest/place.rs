//! Where something is in a manifest, in terms that stay true when its neighbours come and go.
//!
//! An object is known as Kubernetes knows it, by API group, kind, namespace and name; what is in it by
//! the keys on the way, and by the `name` that items of lists have. What has no name shares its place
//! with its like, and only its order tells it apart: so that counts where there are as many of them.

use std::collections::HashMap;
use std::fmt;
use std::mem::Discriminant;
use std::num::NonZeroU32;

use super::keys;
use super::request::ResourceFilter;
use super::source;
use crate::image::repository_meant;
use crate::limits::{Exceeded, NAME};
use crate::yaml::path::{self, Path};
use crate::yaml::{NodeId, Role, Stream};

/// A Kubernetes object. Its API version is no part of what it is: the same object can be written in
/// several (Kubernetes, "API concepts").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Object<'s> {
    /// `apps`; empty for the core group.
    group: &'s str,
    /// `Deployment`
    kind: &'s str,
    /// None where the manifest does not say.
    namespace: Option<&'s str>,
    name: &'s str,
}

impl<'s> Object<'s> {
    /// The object that `mapping` is. What has no name, such as a kustomization, is none.
    pub fn read(stream: &'s Stream<'_>, mapping: NodeId) -> Option<Self> {
        let text = |mapping, key| stream.value(stream.get(mapping, key)?);
        let kind = text(mapping, "kind")?;
        let metadata = stream.get(mapping, "metadata")?;
        let group = text(mapping, "apiVersion").and_then(|version| version.split_once('/'));
        Some(Self {
            group: group.map_or("", |(group, _)| group),
            kind,
            namespace: text(metadata, "namespace"),
            name: text(metadata, "name").or_else(|| text(metadata, "generateName"))?,
        })
    }

    /// The innermost object around `node`.
    pub fn around(stream: &'s Stream<'_>, node: NodeId) -> Option<Self> {
        let mut around = stream.ancestors(node);
        around.find_map(|mapping| Self::read(stream, mapping))
    }

    /// All objects of a file, nested ones too.
    pub fn all(stream: &'s Stream<'_>) -> impl Iterator<Item = (NodeId, Self)> {
        let nodes = stream.nodes();
        nodes.filter_map(|(id, _)| Some((id, Self::read(stream, id)?)))
    }

    /// How `other` came out of this object, where it has its kind and name: `its namespace is "b" now,
    /// and was "a"`.
    pub fn became(&self, other: &Self) -> Option<String> {
        if (self.kind, self.name) != (other.kind, other.name) || self == other {
            return None;
        }
        let (what, was, is) = match self.group == other.group {
            true => ("namespace", self.namespace, other.namespace),
            false => ("API group", Some(self.group), Some(other.group)),
        };
        let shown = |text: Option<&str>| match text {
            None => "not given".to_owned(),
            Some("") => "the core one".to_owned(),
            Some(text) => format!("{text:?}"),
        };
        Some(format!(
            "its {what} is {} now, and was {}",
            shown(is),
            shown(was)
        ))
    }

    /// Whether `filter` means it.
    pub fn is_chosen_by(&self, filter: &ResourceFilter) -> bool {
        filter.chooses(self.kind, self.name)
    }
}

impl fmt::Display for Object<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, name) = (source::shown(self.kind), source::shown(self.name));
        write!(f, "{kind}/{name}")
    }
}

/// A place in a file, the same in every version of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Place(String);

impl Place {
    /// Where `node` is.
    pub(super) fn of(stream: &Stream<'_>, node: NodeId) -> Self {
        let mut links = Vec::new();
        let mut next = Some(node);
        while let Some(node) = next {
            let (link, around) = Link::to(stream, node);
            links.push(link.to_string());
            next = around;
        }
        links.reverse();
        Self(links.concat())
    }

    /// The namespace of `resource`, as `Rollout/web`, that is around it; none where the manifest gives none.
    pub fn namespace_of(&self, resource: &str) -> Option<&str> {
        let (kind, name) = resource.split_once('/')?;
        let (before, _) = self.0.split_once(&format!(") {name:?}}}"))?;
        let (_, namespace) = before.rsplit_once(&format!(" {kind:?} Some("))?;
        let namespace = namespace.strip_prefix('"')?.strip_suffix('"')?;
        (!namespace.contains('"')).then_some(namespace)
    }

    /// Whether `place`, as it is shown, is in the text that is here.
    pub(super) fn is_around(&self, place: &str) -> bool {
        let rest = place.strip_prefix(self.0.as_str());
        rest.is_some_and(|rest| rest.starts_with('|'))
    }

    /// The same, where it is in a text at the place `outer`.
    pub(super) fn inside(&self, outer: &Self) -> Self {
        Self(format!("{}|{}", outer.0, self.0))
    }
}

/// Refuses names that nothing in a cluster can have: each is told of at every place below it.
pub(super) fn check_names(stream: &Stream<'_>) -> Result<(), Exceeded> {
    let may_have_one = |role| matches!(role, Role::Root | Role::Item { .. });
    for (node, own) in stream.nodes() {
        if !may_have_one(own.role()) {
            continue;
        }
        let (link, _) = Link::to(stream, node);
        let names = match link {
            Link::Object(object) => [object.kind, object.name, object.namespace.unwrap_or("")],
            Link::Named(name) => [name, "", ""],
            Link::Key(_) | Link::Only | Link::Unnamed => continue,
        };
        for name in names {
            NAME.check(name.len() as u64)?;
        }
    }
    Ok(())
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The way from what is around a node to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Link<'s> {
    /// To an object: a document, an item of a `List`, an item of another list.
    Object(Object<'s>),
    /// To the file's one document, where that is no object.
    Only,
    /// To the value of a key.
    Key(&'s str),
    /// To the item of this `name`.
    Named(&'s str),
    /// To an item, or a document, that only its order tells apart.
    Unnamed,
}

impl<'s> Link<'s> {
    /// The link to `node`, and what it is made from; none for documents and the items of a `List`,
    /// which may be written as documents, too.
    pub fn to(stream: &'s Stream<'_>, node: NodeId) -> (Self, Option<NodeId>) {
        let parent = stream[node].parent;
        let text = |mapping, key| stream.value(stream.get(mapping, key)?);
        let link = match stream[node].role() {
            Role::Value { key } => stream.value(key).map(Self::Key),
            Role::Key => None,
            Role::Root => Object::read(stream, node)
                .map(Self::Object)
                .or_else(|| (stream.roots().len() == 1).then_some(Self::Only)),
            Role::Item { .. } => match Object::read(stream, node) {
                Some(object) if parent.is_some_and(|list| is_list_of_objects(stream, list)) => {
                    return (Self::Object(object), None);
                }
                Some(object) => Some(Self::Object(object)),
                None => text(node, "name")
                    .map(|name| known_by(stream, parent, name))
                    .or_else(|| text(stream.get(node, "metadata")?, "name"))
                    .map(Self::Named),
            },
        };
        (link.unwrap_or(Self::Unnamed), parent)
    }
}

impl fmt::Display for Link<'_> {
    /// No two ways read the same.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Object(Object {
                group,
                kind,
                namespace,
                name,
            }) => write!(f, "{{{group:?} {kind:?} {namespace:?} {name:?}}}"),
            Self::Only => f.write_str("{}"),
            Self::Key(key) => path::Step::Key((*key).to_owned()).fmt(f),
            Self::Named(name) => write!(f, "[{name:?}]"),
            Self::Unnamed => f.write_str("[]"),
        }
    }
}

/// What an item of `list` is known by, whose `name` says `name`: where that is an image, its repository, as the
/// version is what a deployment changes. Names of other things have colons as well (`system:masters`).
fn known_by<'s>(stream: &Stream<'_>, list: Option<NodeId>, name: &'s str) -> &'s str {
    let last = name.rfind('/').map_or(0, |at| at + 1);
    let version = name.get(last..).and_then(|last| last.find([':', '@']));
    let repository = version.and_then(|version| name.get(..last + version));
    let Some(repository) = repository else {
        return name;
    };
    let is_listed = || {
        let key = list.and_then(|list| stream.key_of(list));
        key.is_some_and(keys::is_images)
    };
    let is_image = repository_meant(name).is_some() && (last > 0 || is_listed());
    if is_image { repository } else { name }
}

/// Whether `list` is the `items` of a document of the kind `List`, or `DeploymentList`: such a one has no
/// name of its own.
fn is_list_of_objects(stream: &Stream<'_>, list: NodeId) -> bool {
    let document = stream[list]
        .parent
        .filter(|document| stream[*document].role() == Role::Root);
    let kind = document.and_then(|document| stream.value(stream.get(document, "kind")?));
    let is_object = document.and_then(|document| Object::read(stream, document));
    stream.key_of(list) == Some("items")
        && kind.is_some_and(|kind| kind.ends_with("List"))
        && is_object.is_none()
}

/// The number of a place: the same in all versions that have been [`Located`] with one [`Places`].
pub(super) type PlaceNumber = usize;

/// The places of several versions of a file, numbered, so that comparing them is linear. There may be as many as nodes.
#[derive(Default)]
pub(super) struct Places<'s> {
    /// By what is around it, what kind of link leads there, and the word of that.
    known: HashMap<(Option<Small>, Discriminant<Link<'s>>, &'s str), Small>,
    /// Those of objects, which are few, and of whose links there is more to say.
    objects: HashMap<(Option<Small>, Object<'s>), Small>,
}

/// A [`PlaceNumber`], from 1: one of a file's nodes.
type Small = NonZeroU32;

impl<'s> Places<'s> {
    fn number(&mut self, around: Option<Small>, link: Link<'s>) -> Small {
        let count = (self.known.len() + self.objects.len()) as u32;
        let next = NonZeroU32::MIN.saturating_add(count);
        let word = match link {
            Link::Object(object) => return *self.objects.entry((around, object)).or_insert(next),
            Link::Key(word) | Link::Named(word) => word,
            Link::Only | Link::Unnamed => "",
        };
        let key = (around, std::mem::discriminant(&link), word);
        *self.known.entry(key).or_insert(next)
    }
}

/// A version of a file, and where its nodes are.
pub(super) struct Located<'s, 't> {
    stream: &'s Stream<'t>,
    /// By the node's number; none where nobody has asked yet.
    numbers: Vec<Option<Small>>,
}

impl<'s, 't> Located<'s, 't> {
    pub fn new(stream: &'s Stream<'t>) -> Self {
        let numbers = vec![None; stream.len()];
        Self { stream, numbers }
    }

    /// Where `node` is. What is around it is asked first, which is no deeper than YAML may nest.
    pub fn place(&mut self, places: &mut Places<'s>, node: NodeId) -> PlaceNumber {
        self.small(places, node).get() as usize - 1
    }

    /// Where `node`, which is no key, is, if anybody has asked.
    pub fn known(&self, node: NodeId) -> Option<PlaceNumber> {
        let is_key = self.stream[node].role() == Role::Key;
        let number = self.numbers[node.number()].filter(|_| !is_key)?;
        Some(number.get() as usize - 1)
    }

    fn small(&mut self, places: &mut Places<'s>, node: NodeId) -> Small {
        if let Some(known) = self.numbers[node.number()] {
            return known;
        }
        let (link, around) = Link::to(self.stream, node);
        let around = around.map(|around| self.small(places, around));
        let number = places.number(around, link);
        self.numbers[node.number()] = Some(number);
        number
    }
}

/// The way to `node` as a person reads it: items by their names, where they have some.
pub(super) fn shown(stream: &Stream<'_>, node: NodeId) -> String {
    source::shown(&Path::by_names(stream, node).to_string()).into_owned()
}

/// Whether some object around `node` is one of those that `filters` choose; all are if there is no
/// filter.
pub(super) fn is_within(stream: &Stream<'_>, node: NodeId, filters: &[ResourceFilter]) -> bool {
    filters.is_empty()
        || stream.ancestors(node).any(|mapping| {
            Object::read(stream, mapping)
                .is_some_and(|object| filters.iter().any(|filter| object.is_chosen_by(filter)))
        })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// The place of the scalar that reads `here`.
    fn here(text: &str) -> Place {
        let stream = Stream::parse(text.as_bytes()).unwrap();
        let (node, _) = stream
            .nodes()
            .find(|(node, _)| stream.value(*node) == Some("here"))
            .unwrap();
        Place::of(&stream, node)
    }

    const WEB: &str = "{apiVersion: apps/v1, kind: Web, metadata: {name: a, namespace: n}, spec: {l: [{name: c, v: here}]}}\n";

    #[test]
    fn a_place_has_the_namespace_of_what_is_around_it() {
        let place = here(WEB);
        assert_eq!(place.namespace_of("Web/a"), Some("n"));
        assert_eq!(place.namespace_of("Web/b"), None);
        assert_eq!(place.namespace_of("Pod/a"), None);
        assert_eq!(
            here(&WEB.replace(", namespace: n", "")).namespace_of("Web/a"),
            None
        );
        let inner = "{kind: List, metadata: {name: l, namespace: outer}, items: [{kind: Web, metadata: {name: a}, v: here}]}";
        assert_eq!(here(inner).namespace_of("Web/a"), None);
    }

    #[test]
    fn a_name_that_nothing_can_have_is_refused() {
        for (length, is_allowed) in [(253, true), (254, false)] {
            let name = "x".repeat(length);
            for text in [
                format!("kind: Pod\nmetadata:\n  name: {name}\n"),
                format!("containers:\n- name: {name}\n"),
            ] {
                let stream = Stream::parse(text.as_bytes()).unwrap();
                assert_eq!(check_names(&stream).is_ok(), is_allowed, "{length}");
            }
        }
    }

    #[test]
    fn a_place_is_the_same_in_every_version() {
        let list = format!("apiVersion: v1\nkind: List\nitems:\n- x: y\n- {WEB}");
        for other in [
            format!("x: y\n--- {WEB}"),
            WEB.replace("apps/v1", "apps/v2"),
            WEB.replace("[{name: c", "[{name: b}, {name: c"),
            WEB.replace("{l:", "{k: [x], l:"),
            list.replace("List", "WebList"),
            list,
        ] {
            assert_eq!(here(&other), here(WEB), "{other}");
        }
        // Only their order tells these apart.
        assert_eq!(here("l: [x, [y, here]]\n"), here("l: [[here]]\n"));
    }

    #[test]
    fn a_name_that_is_an_image_is_known_by_its_repository() {
        let listed =
            |list: &str, name: &str| here(&format!("{list}: [{{name: '{name}', v: here}}]\n"));
        for (list, name, others) in [
            (
                "images",
                "web:v1",
                &["web", "web:", "web:v2", "web@sha256:ab", "web:${T:-v1}"][..],
            ),
            (
                "apps",
                "localhost:5000/web:v1",
                &["localhost:5000/web", "localhost:5000/web:v2@sha256:ab"],
            ),
        ] {
            for other in others {
                assert_eq!(listed(list, name), listed(list, other), "{other}");
            }
        }
        for (list, name, other) in [
            ("images", "web:v1", "api:v1"),
            ("images", "acme/web:v1", "acme/api:v1"),
            ("images", "localhost:5000/web", "localhost:5001/web"),
            ("subjects", "system:masters", "system:nodes"),
            ("targets", "//web:image", "//web:push"),
            ("users", "jane@acme.io", "jane@example.org"),
        ] {
            assert_ne!(listed(list, name), listed(list, other), "{other}");
        }
    }

    #[test]
    fn another_place_is_another_one() {
        let texts = [
            WEB.to_owned(),
            WEB.replace("apps/", "acme.io/"),
            WEB.replace("apps/", ""),
            WEB.replace("kind: Web", "kind: Job"),
            WEB.replace("namespace: n", "namespace: m"),
            WEB.replace(", namespace: n", ""),
            WEB.replace("name: a", "name: b"),
            WEB.replace("name: a, ", ""),
            WEB.replace("name: c", "name: b"),
            WEB.replace("name: c, ", ""),
            WEB.replace("{l:", "{'l[\"c\"]':"),
            WEB.replace("[{name: c, v: here}]", "{c: {v: here}}"),
            format!("kind: Lists\nmetadata: {{name: z}}\nitems:\n- {WEB}"),
            format!("kind: List\nmetadata: {{name: z}}\nitems:\n- {WEB}"),
            format!("apiVersion: v1\nkind: List\nothers:\n- {WEB}"),
            format!("apiVersion: v1\nkind: List\nspec:\n  items:\n  - {WEB}"),
            format!("items:\n- {WEB}"),
        ];
        let places: HashSet<Place> = texts.iter().map(|text| here(text)).collect();
        assert_eq!(places.len(), texts.len(), "{places:#?}");
    }
}
