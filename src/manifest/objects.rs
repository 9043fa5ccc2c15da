//! Objects in which what is called an image is none that runs: a name that a tool looks versions up for, or a
//! pattern that images are checked against.

use crate::image::ImageReference;
use crate::yaml::{NodeId, Role, Stream};

use super::write::Obstacle;

/// Whether `text` may be the kind or the API version of such an object, or a key of one.
pub(super) fn may_say_so(text: &str) -> bool {
    is_kind_of_names(text)
        || is_kind_of_policies(text)
        || text.contains('.') && is_group_of_policies(group_of(text))
        || matches!(text, EXEMPT | TEST)
}

/// Why no image can be written at `node`, by the object around it.
pub(super) fn obstacle(stream: &Stream<'_>, node: NodeId) -> Option<Obstacle> {
    if let Some(kind) = kind_of_names(stream, node) {
        // What Skaffold builds is a name; what it deploys is an image.
        let is_built = |node| stream.key_of(node) == Some("artifacts");
        let is_name = kind != "Config" || stream.ancestors(node).any(is_built);
        let kind = kind.to_owned();
        return is_name.then_some(Obstacle::LookedUp { kind });
    }
    let kind = kind_of_policy(stream, node)?.to_owned();
    Some(Obstacle::Pattern { kind })
}

/// The first of the objects around `node`, a document or an item of a `List`, of which `is_one` knows something.
fn around<'s>(
    stream: &'s Stream<'_>,
    node: NodeId,
    is_one: impl Fn(NodeId) -> Option<&'s str>,
) -> Option<&'s str> {
    let is_document = |object: NodeId| stream[object].role() == Role::Root;
    stream.ancestors(node).find_map(|object| {
        // Inside of a document, a kind alone may be one of anything.
        let is_object = is_document(object) || stream.get(object, "apiVersion").is_some();
        is_object.then(|| is_one(object)).flatten()
    })
}

fn group_of(version: &str) -> &str {
    version.split('/').next().unwrap_or(version)
}

/// The kind of the object around `node`, if it is one of those whose images are names that a tool looks versions up
/// for: a tag there is an error to Flux (image-reflector-controller), Kargo and Skaffold.
fn kind_of_names<'s>(stream: &'s Stream<'_>, node: NodeId) -> Option<&'s str> {
    around(stream, node, |object| names_looked_up(stream, object))
}

/// Whether `kind` may be one of those, in some API group.
fn is_kind_of_names(kind: &str) -> bool {
    matches!(
        kind,
        "ImageRepository"
            | "ImagePolicy"
            | "ImageUpdateAutomation"
            | "Stage"
            | "Warehouse"
            | "PromotionTask"
            | "ClusterPromotionTask"
            | "Freight"
            | "ImageUpdater"
            | "Config"
    )
}

fn names_looked_up<'s>(stream: &'s Stream<'_>, object: NodeId) -> Option<&'s str> {
    let text = |key| stream.get(object, key).and_then(|node| stream.value(node));
    let group = text("apiVersion").map(group_of);
    let is_of = |known: &str| group.is_none_or(|group| group == known);
    let kind = text("kind").filter(|kind| is_kind_of_names(kind))?;
    let is_one = match kind {
        "ImageRepository" | "ImagePolicy" | "ImageUpdateAutomation" => {
            is_of("image.toolkit.fluxcd.io")
        }
        "ImageUpdater" => is_of("argocd-image-updater.argoproj.io"),
        "Config" => group == Some("skaffold"),
        // The rest is Kargo's.
        _ => is_of("kargo.akuity.io"),
    };
    is_one.then_some(kind)
}

/// The images that Gatekeeper's library lets pass.
const EXEMPT: &str = "exemptImages";

/// Whether objects of an API group are policies.
fn is_group_of_policies(group: &str) -> bool {
    matches!(
        group,
        "kyverno.io"
            | "policies.kyverno.io"
            | "policy.sigstore.dev"
            | "templates.gatekeeper.sh"
            | "constraints.gatekeeper.sh"
            | "mutations.gatekeeper.sh"
            | "policies.kubewarden.io"
            | "admissionregistration.k8s.io"
    )
}

/// Whether objects of `kind` are policies, or say where images are mirrored. `ClusterPolicy` and `ImagePolicy` are
/// kinds of others, too.
fn is_kind_of_policies(kind: &str) -> bool {
    matches!(
        kind,
        "ClusterImagePolicy"
            | "ClusterPolicy"
            | "ImageContentSourcePolicy"
            | "ImageDigestMirrorSet"
            | "ImagePolicy"
            | "ImageTagMirrorSet"
    )
}

/// The operation of a JSON patch (RFC 6902) that changes nothing.
const TEST: &str = "test";

/// The kind of the object around `node`, if that is checked against images and runs none.
fn kind_of_policy<'s>(stream: &'s Stream<'_>, node: NodeId) -> Option<&'s str> {
    let mut way = std::iter::once(node).chain(stream.ancestors(node));
    if way.any(|node| stream.key_of(node) == Some(EXEMPT)) {
        return Some("policy");
    }
    let op = stream[node].parent.and_then(|item| stream.get(item, "op"));
    if op.and_then(|op| stream.value(op)) == Some(TEST) {
        return Some("patch");
    }
    around(stream, node, |object| {
        let text = |key| stream.get(object, key).and_then(|node| stream.value(node));
        let group = text("apiVersion").map(group_of);
        let kind = text("kind")?;
        let is_policy = match group {
            // What a policy of Kyverno's adds to others is run.
            Some("kyverno.io" | "policies.kyverno.io") => {
                !is_below(stream, node, &["mutate", "generate"])
            }
            Some("config.openshift.io" | "operator.openshift.io") => is_kind_of_policies(kind),
            Some(group) => is_group_of_policies(group),
            // One of NVIDIA's has images, and no rules.
            None if kind == "ClusterPolicy" => is_below(stream, node, &["rules"]),
            None => is_kind_of_policies(kind),
        };
        is_policy.then_some(kind)
    })
}

fn is_below(stream: &Stream<'_>, node: NodeId, keys: &[&str]) -> bool {
    let mut around = stream.ancestors(node);
    around.any(|node| stream.key_of(node).is_some_and(|key| keys.contains(&key)))
}

/// The major version that the item of a catalog is for whose image is at `node`, as CloudNativePG's `ImageCatalog`
/// has them: `{major: 16, image: …}`.
pub(super) fn major_of<'s>(stream: &'s Stream<'_>, node: NodeId) -> Option<&'s str> {
    let item = stream[node].parent?;
    let is_item = matches!(stream[item].role(), Role::Item { .. });
    let major = stream.value(stream.get(item, "major")?)?;
    let is_number = !major.is_empty() && major.bytes().all(|b| b.is_ascii_digit());
    (is_item && is_number && stream.get(item, "image") == Some(node)).then_some(major)
}

/// The major version of `image` by its tag.
pub(super) fn major(image: &ImageReference) -> Option<&str> {
    let tag = image.tag()?;
    let tag = tag.strip_prefix('v').unwrap_or(tag);
    let end = tag.find(|c: char| !c.is_ascii_digit()).unwrap_or(tag.len());
    tag.get(..end).filter(|digits| !digits.is_empty())
}

/// Whether `mapping`, which has a `repository` and a version, speaks of a repository of Git: by its key, or by what
/// else it has.
pub(super) fn is_of_git(stream: &Stream<'_>, mapping: NodeId, repository: &str) -> bool {
    let first = repository.split_once('/').map_or("", |(first, _)| first);
    let is_host_of_git = matches!(first, "github.com" | "gitlab.com" | "bitbucket.org");
    let names_registry = first.contains(['.', ':']) || first == "localhost";
    let key = stream
        .key_of(mapping)
        .unwrap_or_default()
        .to_ascii_lowercase();
    let says_git = matches!(
        key.as_str(),
        "git" | "github" | "gitlab" | "gitrepository" | "checkout" | "scm" | "vcs" | "with"
    );
    let mut others = ["branch", "fetch-depth", "ref"].iter();
    let has_other = others.any(|key| stream.get(mapping, key).is_some());
    is_host_of_git || (!names_registry && (says_git || has_other))
}
