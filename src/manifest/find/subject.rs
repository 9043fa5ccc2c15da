//! Which image a name or a tag is of, where other things than its own mapping say that: a registry further out,
//! the keys and names on the way to it.

use super::family::FRONTS;
use crate::image::{self, ImageReference};
use crate::manifest::keys::{self, Part};
use crate::yaml::path::Path;
use crate::yaml::{NodeId, Stream};

/// What stands in the mapping around `node`, or further out, and makes the name `text` there that of `image`:
/// `registry: https://quay.io/` or `hub: docker.io/istio`, with the text as it is in front.
pub fn front_of(
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
        let mut values = stream.pairs(around).map(|(_, value)| value);
        values.find(is_front)
    })?;
    Some((found, front.to_owned()))
}

/// Which of `images` a tag at `node` is one of, by the names on the way to it: one that is named there in full,
/// or else the only one that is hinted at.
pub fn tag_is_of<'i>(
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

/// Whether the only tag of a file, at `node`, can be that of `image`: where something else is named on the way
/// to it, or as an image, or where it describes an object, it is not.
pub fn may_be_tag_of(stream: &Stream<'_>, node: NodeId, image: &ImageReference) -> bool {
    // What objects are described by runs nothing.
    let describes = |node| stream.key_of(node).is_some_and(keys::is_description);
    if stream.ancestors(node).any(describes) {
        return false;
    }
    let subjects = subjects(stream, node);
    let is_about = |subject: &String| is_about(subject, image);
    (subjects.is_empty() || subjects.iter().any(is_about)) && !names_an_image(stream)
}

/// Whether a key that speaks of an image, or of what is called otherwise, has a name of one.
pub fn names_an_image(stream: &Stream<'_>) -> bool {
    stream.nodes().any(|(id, _)| {
        let mut pairs = stream.pairs(id);
        pairs.any(|(key, value)| {
            let meaning = stream.value(key).and_then(keys::read);
            let is_front = meaning.is_some_and(|meaning| {
                let part = FRONTS.contains(&meaning.part);
                part && (meaning.part == Part::Image || !meaning.stem.is_empty())
            });
            let text = stream
                .value(value)
                .filter(|text| is_front && !text.is_empty());
            text.and_then(image::repository_meant).is_some()
        })
    })
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
pub fn is_about(subject: &str, image: &ImageReference) -> bool {
    let mut own = image.path().split('/').map(keys::plain);
    own.any(|own| own.contains(subject) || (own.len() > 2 && subject.contains(&own)))
}
